//! The form of OpenAI, which most providers speak.

mod stream;

use serde_json::{Map, Value as Json, json};

pub(crate) use self::stream::Decoder;
use super::{cannot_say, no_answer, others, text, tokens};
use crate::{
    answer::{Answer, Finish, Usage},
    chat::{Chat, Content, Message, Options, Role, Schema, Tool, ToolCall, ToolChoice},
    failure::{Cause, Failure},
    provider::{Form, Provider},
};

pub(super) fn body(
    (provider, model): (Provider, &str),
    chat: &Chat,
    streams: bool,
) -> Result<Json, Failure> {
    let mut body = options(&chat.options, others(chat, (Form::OpenAi, provider.name()))?);
    body.insert("model".to_owned(), model.into());
    body.insert("messages".to_owned(), messages(provider, chat)?);
    if !chat.tools.is_empty() {
        body.insert("tools".to_owned(), chat.tools.iter().map(tool).collect());
    }
    if let Some(choice) = &chat.tool_choice {
        body.insert("tool_choice".to_owned(), tool_choice(choice));
    }
    if let Some(schema) = &chat.schema {
        body.insert("response_format".to_owned(), format_of(schema));
    }
    if streams {
        body.insert("stream".to_owned(), true.into());
        // Mistral counts without being asked, and refuses what it does not know.
        if provider != Provider::Mistral {
            body.insert("stream_options".to_owned(), json!({ "include_usage": true }));
        }
    }
    if chat.messages.is_empty() {
        return Err(Failure::new(Cause::Refused, "there is no message to answer"));
    }
    Ok(Json::Object(body))
}

fn options(options: &Options, others: Map<String, Json>) -> Map<String, Json> {
    let mut body = others;
    let mut set = |key: &str, value: Option<Json>| {
        if let Some(value) = value {
            body.insert(key.to_owned(), value);
        }
    };
    set("temperature", options.temperature.map(Json::from));
    set("top_p", options.top_p.map(Json::from));
    set("top_k", options.top_k.map(Json::from));
    set("max_tokens", options.max_tokens.map(Json::from));
    set("seed", options.seed.map(Json::from));
    set("stop", (!options.stop.is_empty()).then(|| options.stop.clone().into()));
    set("user", options.user.clone().map(Json::from));
    set("parallel_tool_calls", options.parallel_tool_calls.map(Json::from));
    body
}

fn messages(provider: Provider, chat: &Chat) -> Result<Json, Failure> {
    let one = |given: &Message| {
        let shows = |content: &Content| matches!(content, Content::Image(_));
        if given.role == Role::Tool && given.content.iter().any(shows) {
            return Err(cannot_say(provider.name(), "a picture as the result of a tool"));
        }
        Ok(message(given))
    };
    chat.messages.iter().map(one).collect()
}

fn message(message: &Message) -> Json {
    let role = match message.role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    };
    let mut json = json!({ "role": role, "content": content(message) });
    if !message.tool_calls.is_empty() {
        json["tool_calls"] = message.tool_calls.iter().map(call).collect();
    }
    if let Some(id) = &message.tool_call_id {
        json["tool_call_id"] = id.as_str().into();
    }
    json
}

/// Text alone is a string, which every server of this form understands.
fn content(message: &Message) -> Json {
    if message.content.is_empty() && !message.tool_calls.is_empty() {
        return Json::Null;
    }
    if message.is_error {
        // The form has no other place for it.
        return format!("Error: {}", message.words()).into();
    }
    if message.content.iter().all(|content| matches!(content, Content::Text(_))) {
        return message.words().into();
    }
    let part = |content: &Content| match content {
        Content::Text(text) => json!({ "type": "text", "text": text }),
        Content::Image(url) => json!({ "type": "image_url", "image_url": { "url": url } }),
    };
    message.content.iter().map(part).collect()
}

fn call(call: &ToolCall) -> Json {
    let function = json!({ "name": call.name, "arguments": call.arguments });
    json!({ "id": call.id, "type": "function", "function": function })
}

fn tool(tool: &Tool) -> Json {
    let mut function = json!({ "name": tool.name, "parameters": tool.parameters });
    if let Some(description) = &tool.description {
        function["description"] = description.as_str().into();
    }
    if tool.strict {
        function["strict"] = true.into();
    }
    json!({ "type": "function", "function": function })
}

fn tool_choice(choice: &ToolChoice) -> Json {
    match choice {
        ToolChoice::Auto => "auto".into(),
        ToolChoice::Never => "none".into(),
        ToolChoice::Required => "required".into(),
        ToolChoice::Named(name) => json!({ "type": "function", "function": { "name": name } }),
    }
}

fn format_of(schema: &Schema) -> Json {
    match schema {
        Schema::Object => json!({ "type": "json_object" }),
        Schema::Of { name, schema, strict } => json!({
            "type": "json_schema",
            "json_schema": { "name": name, "schema": schema, "strict": strict },
        }),
    }
}

pub(super) fn answer(json: &Json) -> Result<Answer, Failure> {
    let choice = json.pointer("/choices/0").ok_or_else(|| no_answer("holds no choice"))?;
    let message = choice.get("message").ok_or_else(|| no_answer("holds no message"))?;
    let calls = message.get("tool_calls").and_then(Json::as_array);
    let tool_calls: Vec<ToolCall> = calls.into_iter().flatten().map(call_of).collect();
    let words = words_of(message.get("content").unwrap_or(&Json::Null));
    let finish = finish_of(text(choice, "finish_reason")).unwrap_or(Finish::Stop);
    Ok(Answer {
        model: text(json, "model").to_owned(),
        finish: if tool_calls.is_empty() { finish } else { Finish::ToolCalls },
        text: words,
        tool_calls,
        usage: json.get("usage").and_then(usage_of),
    })
}

/// A string, or a list of parts as Mistral's thinking models answer.
fn words_of(content: &Json) -> String {
    match content {
        Json::String(text) => text.clone(),
        Json::Array(parts) => parts.iter().map(|part| text(part, "text")).collect(),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Object(_) => String::new(),
    }
}

fn call_of(json: &Json) -> ToolCall {
    let function = json.get("function").unwrap_or(&Json::Null);
    // Some servers give the arguments as JSON instead of as text.
    let arguments = match function.get("arguments") {
        Some(Json::String(text)) => text.clone(),
        Some(json) => json.to_string(),
        None => String::new(),
    };
    ToolCall { id: text(json, "id").to_owned(), name: text(function, "name").to_owned(), arguments }
}

fn finish_of(reason: &str) -> Option<Finish> {
    match reason {
        "" => None,
        "length" | "max_tokens" | "model_length" => Some(Finish::Length),
        "tool_calls" | "function_call" => Some(Finish::ToolCalls),
        "content_filter" => Some(Finish::Filtered),
        _ => Some(Finish::Stop),
    }
}

fn usage_of(json: &Json) -> Option<Usage> {
    // What is no number was not counted.
    let is_counted = json.get("prompt_tokens").is_some_and(Json::is_u64);
    is_counted.then(|| Usage {
        prompt_tokens: tokens(json, "prompt_tokens"),
        completion_tokens: tokens(json, "completion_tokens"),
    })
}
