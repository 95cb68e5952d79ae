//! A request of the OpenAI form, read.

use kith_kernel::{Result, invalid};
use kith_llm::{Chat, Content, Form, Message, Options, Role, Schema, Tool, ToolCall, ToolChoice};
use serde_json::{Map, Value as Json};

use crate::{
    fields::{self, MOST_MESSAGES, MOST_TOOLS},
    wanted::Wanted,
};

/// A request, and how it is to be answered.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) chat: Chat,
    pub(crate) wanted: Wanted,
    pub(crate) streams: bool,
    /// A stream ends with what was counted.
    pub(crate) counts: bool,
}

/// Reads a request. What the form has and we do not know is kept, and forwarded.
///
/// # Errors
/// `Invalid`, naming the place.
pub(crate) fn read(mut body: Map<String, Json>) -> Result<Asked> {
    let wanted = fields::wanted(&mut body)?;
    let messages = messages(body.remove("messages"))?;
    let tools = tools(body.remove("tools"))?;
    let tool_choice = body.remove("tool_choice").as_ref().map(tool_choice).transpose()?.flatten();
    let schema =
        body.remove("response_format").as_ref().map(response_format).transpose()?.flatten();
    let streams = fields::flag(&mut body, "stream")?.unwrap_or(false);
    let counts = match body.remove("stream_options") {
        Some(Json::Object(mut options)) => {
            fields::flag(&mut options, "include_usage")?.unwrap_or(false)
        }
        _ => false,
    };
    match body.remove("n") {
        None | Some(Json::Null) => {}
        Some(n) if n == 1 => {}
        Some(_) => return Err(invalid("n", "may be 1 alone")),
    }
    let options = options(body)?;
    let chat = Chat { messages, tools, tool_choice, schema, options };
    Ok(Asked { chat, wanted, streams, counts })
}

fn options(mut body: Map<String, Json>) -> Result<Options> {
    let temperature = fields::number(&mut body, "temperature", 2.0)?;
    let top_p = fields::number(&mut body, "top_p", 1.0)?;
    let top_k = fields::whole(&mut body, "top_k")?;
    let max_tokens = fields::count(&mut body, "max_tokens")?;
    let max_tokens = fields::count(&mut body, "max_completion_tokens")?.or(max_tokens);
    let stop = match body.remove("stop") {
        None | Some(Json::Null) => Vec::new(),
        Some(Json::String(text)) => vec![text],
        Some(value) => serde_json::from_value(value)
            .map_err(|_| invalid("stop", "is a text or a list of texts"))?,
    };
    let seed = fields::whole(&mut body, "seed")?;
    let user = fields::text(&mut body, "user")?;
    let parallel_tool_calls = fields::flag(&mut body, "parallel_tool_calls")?;
    body.retain(|_, value| !value.is_null());
    Ok(Options {
        temperature,
        top_p,
        top_k,
        max_tokens,
        stop,
        seed,
        user,
        parallel_tool_calls,
        others: body,
        form: Form::OpenAi,
    })
}

fn messages(value: Option<Json>) -> Result<Vec<Message>> {
    let Some(Json::Array(all)) = value else {
        return Err(invalid("messages", "is a list of messages"));
    };
    if all.is_empty() || all.len() > MOST_MESSAGES {
        return Err(invalid("messages", format!("holds 1 to {MOST_MESSAGES} messages")));
    }
    all.into_iter()
        .enumerate()
        .map(|(at, value)| message(value).map_err(|why| invalid(&format!("messages/{at}"), why)))
        .collect()
}

fn message(value: Json) -> Result<Message, &'static str> {
    let Json::Object(mut message) = value else { return Err("is an object") };
    let role = match message.get("role").and_then(Json::as_str) {
        Some("system" | "developer") => Role::System,
        Some("user") => Role::User,
        Some("assistant") => Role::Assistant,
        Some("tool" | "function") => Role::Tool,
        _ => return Err("has a role: system, developer, user, assistant or tool"),
    };
    let content = match message.remove("content") {
        None | Some(Json::Null) => Vec::new(),
        Some(Json::String(text)) => vec![Content::Text(text)],
        Some(Json::Array(parts)) => parts.iter().map(part).collect::<Result<_, _>>()?,
        Some(_) => return Err("has content: a text, or a list of parts"),
    };
    let calls = match message.remove("tool_calls") {
        None | Some(Json::Null) => Vec::new(),
        Some(Json::Array(calls)) => calls.iter().map(call).collect::<Result<_, _>>()?,
        Some(_) => return Err("has tool_calls that are no list"),
    };
    let id = message.get("tool_call_id").and_then(Json::as_str).map(str::to_owned);
    match role {
        Role::Tool if id.is_none() => return Err("names the call that it answers: tool_call_id"),
        Role::System | Role::User | Role::Tool if content.is_empty() => return Err("says nothing"),
        Role::System | Role::User | Role::Tool | Role::Assistant => {}
    }
    Ok(Message { role, content, tool_calls: calls, tool_call_id: id, is_error: false })
}

fn part(value: &Json) -> Result<Content, &'static str> {
    let text = |pointer: &str| value.pointer(pointer).and_then(Json::as_str).map(str::to_owned);
    match value.get("type").and_then(Json::as_str) {
        Some("text") => text("/text").map(Content::Text).ok_or("has a part without its text"),
        Some("image_url") => {
            text("/image_url/url").map(Content::Image).ok_or("has a picture without its url")
        }
        _ => Err("has a part that is neither text nor image_url"),
    }
}

fn call(value: &Json) -> Result<ToolCall, &'static str> {
    let text = |pointer: &str| value.pointer(pointer).and_then(Json::as_str).map(str::to_owned);
    match (text("/id"), text("/function/name"), text("/function/arguments")) {
        (Some(id), Some(name), Some(arguments)) => Ok(ToolCall { id, name, arguments }),
        _ => Err("has a tool call without id, function.name and function.arguments"),
    }
}

fn tools(value: Option<Json>) -> Result<Vec<Tool>> {
    let all = match value {
        None | Some(Json::Null) => return Ok(Vec::new()),
        Some(Json::Array(all)) if all.len() <= MOST_TOOLS => all,
        Some(_) => return Err(invalid("tools", format!("is a list of {MOST_TOOLS} at most"))),
    };
    let tool = |(at, mut value): (usize, Json)| {
        let wrong = |why: &str| invalid(&format!("tools/{at}/function"), why);
        let Some(Json::Object(function)) = value.get_mut("function").map(Json::take) else {
            return Err(wrong("is missing"));
        };
        let name = function.get("name").and_then(Json::as_str).unwrap_or_default();
        if !fields::is_tool_name(name) {
            return Err(wrong(&format!("has {}", fields::TOOL_NAME)));
        }
        let parameters = match function.get("parameters") {
            None | Some(Json::Null) => serde_json::json!({ "type": "object", "properties": {} }),
            Some(schema @ Json::Object(_)) => schema.clone(),
            Some(_) => return Err(wrong("has parameters: a JSON schema")),
        };
        let description = function.get("description").and_then(Json::as_str).map(str::to_owned);
        let strict = function.get("strict").and_then(Json::as_bool).unwrap_or(false);
        Ok(Tool { name: name.to_owned(), description, parameters, strict })
    };
    all.into_iter().enumerate().map(tool).collect()
}

fn tool_choice(value: &Json) -> Result<Option<ToolChoice>> {
    let named = value.pointer("/function/name").and_then(Json::as_str).map(str::to_owned);
    match (value.as_str(), named) {
        (Some("auto"), _) => Ok(Some(ToolChoice::Auto)),
        (Some("none"), _) => Ok(Some(ToolChoice::Never)),
        (Some("required"), _) => Ok(Some(ToolChoice::Required)),
        (None, Some(name)) => Ok(Some(ToolChoice::Named(name))),
        (None, None) if value.is_null() => Ok(None),
        _ => Err(invalid("tool_choice", "is auto, none, required, or names a function")),
    }
}

fn response_format(value: &Json) -> Result<Option<Schema>> {
    let wrong = || invalid("response_format", "is text, json_object, or json_schema with a schema");
    match value.get("type").and_then(Json::as_str) {
        None if value.is_null() => Ok(None),
        Some("text") => Ok(None),
        Some("json_object") => Ok(Some(Schema::Object)),
        Some("json_schema") => {
            let given = value.get("json_schema").ok_or_else(wrong)?;
            let schema =
                given.get("schema").filter(|schema| schema.is_object()).ok_or_else(wrong)?;
            let name = given.get("name").and_then(Json::as_str).unwrap_or("answer").to_owned();
            let strict = given.get("strict").and_then(Json::as_bool).unwrap_or(false);
            Ok(Some(Schema::Of { name, schema: schema.clone(), strict }))
        }
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asked(json: Json) -> Result<Asked> {
        let Json::Object(body) = json else { panic!("no object") };
        read(body)
    }

    #[test]
    fn what_is_not_known_is_kept() {
        let asked = asked(json!({
            "model": "groq/llama-3.1-8b-instant", "messages": [{ "role": "user", "content": "Hi" }],
            "logit_bias": { "50256": -100 }, "temperature": 0.5, "max_completion_tokens": 9, "stop": "x", "stream": true,
            "stream_options": { "include_usage": true }, "n": 1, "user": null
        }))
        .unwrap();
        let others: Vec<&String> = asked.chat.options.others.keys().collect();
        assert_eq!(others, ["logit_bias"]);
        assert_eq!(asked.chat.options.max_tokens, Some(9));
        assert_eq!(asked.chat.options.stop, ["x"]);
        assert!(asked.streams && asked.counts);
    }

    #[test]
    fn what_is_wrong_is_told_by_its_place() {
        let hi = json!([{ "role": "user", "content": "Hi" }]);
        let wrong = [
            (json!({ "messages": hi }), "model"),
            (json!({ "model": "m", "messages": [] }), "messages"),
            (
                json!({ "model": "m", "messages": [{ "role": "king", "content": "x" }] }),
                "messages/0",
            ),
            (json!({ "model": "m", "messages": hi, "temperature": 3 }), "temperature"),
            (json!({ "model": "m", "messages": hi, "n": 2 }), "n"),
            (
                json!({ "model": "m", "messages": hi, "tools": [{ "type": "function" }] }),
                "tools/0/function",
            ),
            (
                json!({ "model": "m", "messages": hi, "tools": [{ "function": { "name": "a b" } }] }),
                "tools/0/function",
            ),
            (
                json!({ "model": "m", "messages": hi, "response_format": { "type": "json_schema" } }),
                "response_format",
            ),
            (
                json!({ "model": "m", "messages": [{ "role": "tool", "content": "x" }] }),
                "messages/0",
            ),
            (json!({ "model": "auto/cheap", "messages": hi }), "model"),
        ];
        for (body, place) in wrong {
            let error = asked(body.clone()).unwrap_err();
            assert!(error.problems()[0].pointer.ends_with(place), "{body} {error:?}");
        }
    }
}
