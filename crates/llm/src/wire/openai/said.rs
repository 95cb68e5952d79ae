//! What is asked, in the form of OpenAI: written as it stands, without a copy of it in between.

use bytes::Bytes;
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Map, Value as Json, json};

use crate::{
    chat::{Chat, Content, Message, Options, Role, Schema, Tool, ToolCall, ToolChoice},
    failure::{Cause, Failure},
    provider::{Form, Provider},
    wire::{cannot_say, others},
};

/// Bytes around what is said.
const AROUND: usize = 256;

/// A chat for a model.
struct Body<'a> {
    provider: Provider,
    model: &'a str,
    chat: &'a Chat,
    others: &'a Map<String, Json>,
    streams: bool,
}

pub(in crate::wire) fn body(
    (provider, model): (Provider, &str),
    chat: &Chat,
    streams: bool,
) -> Result<Bytes, Failure> {
    let others = others(chat, (Form::OpenAi, provider.name()))?;
    if chat.messages.is_empty() {
        return Err(Failure::new(Cause::Refused, "there is no message to answer"));
    }
    let shows = |content: &Content| matches!(content, Content::Image(_));
    let is_shown = |said: &Message| said.role == Role::Tool && said.content.iter().any(shows);
    if chat.messages.iter().any(is_shown) {
        return Err(cannot_say(provider.name(), "a picture as the result of a tool"));
    }
    let letters: usize = chat.messages.iter().map(Message::letters).sum();
    let mut written = Vec::with_capacity(letters + letters / 8 + AROUND);
    let body = Body { provider, model, chat, others, streams };
    serde_json::to_writer(&mut written, &body)
        .map_err(|error| Failure::new(Cause::Refused, format!("cannot be asked this: {error}")))?;
    Ok(written.into())
}

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Chat { messages, tools, tool_choice, schema, options } = self.chat;
        let mut map = serializer.serialize_map(None)?;
        self.others.iter().try_for_each(|(name, value)| map.serialize_entry(name, value))?;
        write_options(options, &mut map)?;
        map.serialize_entry("model", self.model)?;
        map.serialize_entry("messages", &messages.iter().map(Said).collect::<Vec<_>>())?;
        if !tools.is_empty() {
            map.serialize_entry("tools", &tools.iter().map(tool).collect::<Vec<_>>())?;
        }
        if let Some(choice) = tool_choice {
            map.serialize_entry("tool_choice", &choice_of(choice))?;
        }
        if let Some(schema) = schema {
            map.serialize_entry("response_format", &format_of(schema))?;
        }
        if self.streams {
            map.serialize_entry("stream", &true)?;
            // Mistral counts without being asked, and refuses what it does not know.
            if self.provider != Provider::Mistral {
                map.serialize_entry("stream_options", &json!({ "include_usage": true }))?;
            }
        }
        map.end()
    }
}

fn write_options<M: SerializeMap>(options: &Options, map: &mut M) -> Result<(), M::Error> {
    let Options { temperature, top_p, top_k, max_tokens, stop, seed, user, .. } = options;
    set(map, "temperature", temperature.as_ref())?;
    set(map, "top_p", top_p.as_ref())?;
    set(map, "top_k", top_k.as_ref())?;
    set(map, "max_tokens", max_tokens.as_ref())?;
    set(map, "seed", seed.as_ref())?;
    set(map, "stop", Some(stop).filter(|stop| !stop.is_empty()))?;
    set(map, "user", user.as_ref())?;
    set(map, "parallel_tool_calls", options.parallel_tool_calls.as_ref())
}

fn set<M: SerializeMap, V: Serialize>(
    map: &mut M,
    name: &str,
    value: Option<&V>,
) -> Result<(), M::Error> {
    value.map_or(Ok(()), |value| map.serialize_entry(name, value))
}

/// A turn.
struct Said<'a>(&'a Message);

impl Serialize for Said<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let role = match self.0.role {
            Role::System => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
            Role::Tool => "tool",
        };
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("role", role)?;
        match self.0.content.as_slice() {
            [Content::Text(text)] if !self.0.is_error => map.serialize_entry("content", text)?,
            _ => map.serialize_entry("content", &content(self.0))?,
        }
        if !self.0.tool_calls.is_empty() {
            let calls: Vec<Json> = self.0.tool_calls.iter().map(call).collect();
            map.serialize_entry("tool_calls", &calls)?;
        }
        set(&mut map, "tool_call_id", self.0.tool_call_id.as_ref())?;
        map.end()
    }
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

fn choice_of(choice: &ToolChoice) -> Json {
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
