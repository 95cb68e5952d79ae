//! The form of Anthropic.

mod stream;

use serde_json::{Value as Json, json};

pub(crate) use self::stream::Decoder;
use super::{cannot_say, no_answer, others, text, tokens};
use crate::{
    answer::{Answer, Finish, Usage},
    chat::{Chat, Content, Message, Role, Schema, Tool, ToolCall, ToolChoice},
    failure::{Cause, Failure},
    provider::Form,
    tree::Tree,
};

/// Tokens of an answer when nobody says how many.
const MAX_TOKENS: u32 = 4096;
const NAME: &str = "Anthropic";
/// The function by which an answer comes that must fit a schema.
const ANSWER: &str = "answer";

pub(super) fn body(model: &str, chat: &Chat, streams: bool) -> Result<Json, Failure> {
    let options = &chat.options;
    let mut body = others(chat, (Form::Anthropic, NAME))?.clone();
    if options.seed.is_some() {
        return Err(cannot_say(NAME, "seed"));
    }
    if options.temperature.is_some_and(|temperature| temperature > 1.0) {
        return Err(Failure::new(Cause::Refused, "Anthropic takes a `temperature` of 1 at most"));
    }
    let mut set = |key: &str, value: Option<Json>| {
        if let Some(value) = value {
            body.insert(key.to_owned(), value);
        }
    };
    set("model", Some(model.into()));
    set("max_tokens", Some(options.max_tokens.unwrap_or(MAX_TOKENS).into()));
    set("system", system(chat));
    set("messages", Some(messages(chat)?));
    set("temperature", options.temperature.map(Json::from));
    set("top_p", options.top_p.map(Json::from));
    set("top_k", options.top_k.map(Json::from));
    set("metadata", options.user.as_ref().map(|user| json!({ "user_id": user })));
    set("stop_sequences", (!options.stop.is_empty()).then(|| options.stop.clone().into()));
    set("stream", streams.then_some(Json::Bool(true)));
    let (tools, choice) = functions(chat)?;
    set("tools", tools);
    set("tool_choice", choice);
    Ok(Json::Object(body))
}

/// All that the system says, as one text.
fn system(chat: &Chat) -> Option<Json> {
    let said = chat.messages.iter().filter(|message| message.role == Role::System);
    let said: Vec<String> = said.map(Message::words).collect();
    (!said.is_empty()).then(|| said.join("\n\n").into())
}

fn messages(chat: &Chat) -> Result<Json, Failure> {
    let mut all: Vec<Json> = Vec::new();
    for message in chat.messages.iter().filter(|message| message.role != Role::System) {
        let role = if message.role == Role::Assistant { "assistant" } else { "user" };
        let parts = parts(message)?;
        // Results of functions that were asked for together belong into one turn.
        match all.last_mut() {
            Some(last) if last["role"] == role => {
                if let Some(known) = last["content"].as_array_mut() {
                    known.extend(parts);
                }
            }
            _ => all.push(json!({ "role": role, "content": parts })),
        }
    }
    if all.is_empty() {
        return Err(Failure::new(Cause::Refused, "there is no message to answer"));
    }
    Ok(all.into())
}

fn parts(message: &Message) -> Result<Vec<Json>, Failure> {
    if let (Role::Tool, Some(id)) = (message.role, &message.tool_call_id) {
        let content: Vec<Json> = message.content.iter().filter_map(part).collect();
        let mut result = json!({ "type": "tool_result", "tool_use_id": id, "content": content });
        if message.is_error {
            result["is_error"] = true.into();
        }
        return Ok(vec![result]);
    }
    let mut parts: Vec<Json> = message.content.iter().filter_map(part).collect();
    for call in &message.tool_calls {
        let input: Json = if call.arguments.trim().is_empty() {
            json!({})
        } else {
            serde_json::from_str(&call.arguments).map_err(|_| {
                Failure::new(Cause::Refused, format!("the arguments of {} are no JSON", call.name))
            })?
        };
        parts.push(json!({ "type": "tool_use", "id": call.id, "name": call.name, "input": input }));
    }
    Ok(parts)
}

fn part(content: &Content) -> Option<Json> {
    match content {
        // Empty texts are refused.
        Content::Text(text) if text.is_empty() => None,
        Content::Text(text) => Some(json!({ "type": "text", "text": text })),
        Content::Image(url) => Some(json!({ "type": "image", "source": source(url) })),
    }
}

fn source(url: &str) -> Json {
    let data = url.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,"));
    match data {
        Some((kind, data)) => json!({ "type": "base64", "media_type": kind, "data": data }),
        None => json!({ "type": "url", "url": url }),
    }
}

/// Functions and which of them to use. An answer that must fit a schema comes as the arguments of a function.
fn functions(chat: &Chat) -> Result<(Option<Json>, Option<Json>), Failure> {
    if let Some(schema) = &chat.schema {
        if !chat.tools.is_empty() {
            return Err(cannot_say(NAME, "response_format beside tools"));
        }
        let schema = match schema {
            Schema::Object => json!({ "type": "object" }),
            Schema::Of { schema, .. } => schema.clone(),
        };
        let function =
            json!({ "name": ANSWER, "description": "Gives the answer.", "input_schema": schema });
        return Ok((Some(json!([function])), Some(json!({ "type": "tool", "name": ANSWER }))));
    }
    if chat.tools.is_empty() {
        return Ok((None, None));
    }
    let tool = |tool: &Tool| {
        let mut json = json!({ "name": tool.name, "input_schema": tool.parameters });
        if let Some(description) = &tool.description {
            json["description"] = description.as_str().into();
        }
        if tool.strict {
            json["strict"] = true.into();
        }
        json
    };
    Ok((Some(chat.tools.iter().map(tool).collect()), choice(chat)))
}

fn choice(chat: &Chat) -> Option<Json> {
    let one_at_a_time = chat.options.parallel_tool_calls == Some(false);
    let mut choice = match &chat.tool_choice {
        None if one_at_a_time => json!({ "type": "auto" }),
        None => return None,
        Some(ToolChoice::Auto) => json!({ "type": "auto" }),
        Some(ToolChoice::Never) => return Some(json!({ "type": "none" })),
        Some(ToolChoice::Required) => json!({ "type": "any" }),
        Some(ToolChoice::Named(name)) => json!({ "type": "tool", "name": name }),
    };
    if one_at_a_time {
        choice["disable_parallel_tool_use"] = true.into();
    }
    Some(choice)
}

pub(super) fn answer(chat: &Chat, json: &Tree<'_>) -> Result<Answer, Failure> {
    let content = json.get("content").and_then(Tree::as_list);
    let content = content.ok_or_else(|| no_answer("holds no content"))?;
    let (mut words, mut tool_calls) = (String::new(), Vec::new());
    for part in content {
        match text(part, "type") {
            "text" => words.push_str(text(part, "text")),
            "tool_use" => {
                let arguments = part.get("input").map(ToString::to_string).unwrap_or_default();
                if chat.schema.is_some() {
                    words = arguments;
                } else {
                    let (id, name) = (text(part, "id").to_owned(), text(part, "name").to_owned());
                    tool_calls.push(ToolCall { id, name, arguments });
                }
            }
            _ => {}
        }
    }
    Ok(Answer {
        model: text(json, "model").to_owned(),
        text: words,
        finish: finish_of(chat.schema.is_some(), text(json, "stop_reason")),
        tool_calls,
        usage: json.get("usage").map(usage_of),
    })
}

fn finish_of(is_of_schema: bool, reason: &str) -> Finish {
    match reason {
        "max_tokens" | "model_context_window_exceeded" => Finish::Length,
        "tool_use" if !is_of_schema => Finish::ToolCalls,
        "refusal" => Finish::Filtered,
        _ => Finish::Stop,
    }
}

fn usage_of(json: &Tree<'_>) -> Usage {
    let asked = ["input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"];
    Usage {
        prompt_tokens: asked.iter().map(|key| tokens(json, key)).fold(0, u32::saturating_add),
        completion_tokens: tokens(json, "output_tokens"),
    }
}
