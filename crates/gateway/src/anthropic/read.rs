//! A request of Anthropic's form, read.

use kith_kernel::{Result, invalid};
use kith_llm::{Chat, Content, Form, Message, Options, Role, Schema, Tool, ToolCall, ToolChoice};
use serde_json::{Map, Value as Json};

use crate::{
    fields::{self, MOST_MESSAGES, MOST_TOOLS},
    wanted::Wanted,
};

/// What would be answered with content that has no place in a [`Chat`].
const NOT_CARRIED: [&str; 3] = ["thinking", "container", "mcp_servers"];
const PICTURES: [&str; 4] = ["image/jpeg", "image/png", "image/gif", "image/webp"];
/// It says how to save, and changes no answer.
const HINT: &str = "cache_control";

/// A request, and how it is to be answered.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) chat: Chat,
    pub(crate) wanted: Wanted,
    pub(crate) streams: bool,
}

type Object = Map<String, Json>;

/// Reads a request. What the form has and we do not know is kept, and forwarded to who speaks it.
///
/// # Errors
/// `Invalid`, naming the place.
pub(crate) fn read(body: Object) -> Result<Asked> {
    let asked = read_to_count(body)?;
    if asked.chat.options.max_tokens.is_none() {
        return Err(invalid("max_tokens", "is a whole number above 0"));
    }
    Ok(asked)
}

/// Reads a request that is to be counted alone, and need not say how long its answer may be.
///
/// # Errors
/// `Invalid`, naming the place.
pub(crate) fn read_to_count(mut body: Object) -> Result<Asked> {
    let wanted = fields::wanted(&mut body)?;
    let mut messages = system(body.remove("system"))?;
    messages.extend(turns(body.remove("messages"))?);
    let tools = tools(body.remove("tools"))?;
    let (tool_choice, parallel_tool_calls) = tool_choice(body.remove("tool_choice"))?;
    let streams = fields::flag(&mut body, "stream")?.unwrap_or(false);
    let schema = schema(&mut body)?;
    let options = Options { parallel_tool_calls, ..options(body)? };
    Ok(Asked { chat: Chat { messages, tools, tool_choice, schema, options }, wanted, streams })
}

fn options(mut body: Object) -> Result<Options> {
    if body.get("thinking").is_some_and(|thinking| thinking["type"] == "disabled") {
        body.remove("thinking");
    }
    let stop = match body.remove("stop_sequences") {
        None | Some(Json::Null) => Vec::new(),
        Some(value) => serde_json::from_value(value)
            .map_err(|_| invalid("stop_sequences", "is a list of texts"))?,
    };
    let user = match body.remove("metadata") {
        None | Some(Json::Null) => None,
        Some(Json::Object(mut metadata)) => {
            let user = fields::text(&mut metadata, "user_id")?;
            only(&metadata, &[], "metadata")?;
            user
        }
        Some(_) => return Err(invalid("metadata", "is an object with a user_id")),
    };
    let temperature = fields::number(&mut body, "temperature", 1.0)?;
    let top_p = fields::number(&mut body, "top_p", 1.0)?;
    let top_k = fields::whole(&mut body, "top_k")?;
    let max_tokens = fields::count(&mut body, "max_tokens")?;
    body.retain(|_, value| !value.is_null());
    if let Some(key) = NOT_CARRIED.into_iter().find(|key| body.contains_key(*key)) {
        return Err(invalid(key, "is not carried here"));
    }
    let form = Form::Anthropic;
    let options =
        Options { temperature, top_p, top_k, max_tokens, stop, user, form, ..Options::default() };
    Ok(Options { others: body, ..options })
}

/// `output_config.format`; what else stands there goes on.
fn schema(body: &mut Object) -> Result<Option<Schema>> {
    let Some(Json::Object(config)) = body.get_mut("output_config") else { return Ok(None) };
    let format = config.remove("format").unwrap_or_default();
    config.retain(|_, value| !value.is_null());
    if config.is_empty() {
        body.remove("output_config");
    }
    match (format["type"].as_str(), &format["schema"]) {
        (None, _) if format.is_null() => Ok(None),
        (Some("json_schema"), schema @ Json::Object(_)) => {
            Ok(Some(Schema::Of { name: "answer".to_owned(), schema: schema.clone(), strict: true }))
        }
        _ => Err(invalid("output_config/format", "is a json_schema with its schema")),
    }
}

fn system(value: Option<Json>) -> Result<Vec<Message>> {
    let said = match value {
        None | Some(Json::Null) => return Ok(Vec::new()),
        Some(Json::String(text)) => text,
        Some(Json::Array(blocks)) => {
            let texts = blocks.iter().enumerate().map(|(at, block)| {
                let place = format!("system/{at}");
                match block["type"].as_str() {
                    Some("text") => text(block, &place),
                    _ => Err(invalid(&place, "is a block of text")),
                }
            });
            texts.collect::<Result<Vec<_>>>()?.join("\n\n")
        }
        Some(_) => return Err(invalid("system", "is a text, or a list of blocks of text")),
    };
    Ok(Some(said)
        .filter(|said| !said.is_empty())
        .map(|said| Message::text(Role::System, said))
        .into_iter()
        .collect())
}

fn turns(value: Option<Json>) -> Result<Vec<Message>> {
    let Some(Json::Array(all)) = value else {
        return Err(invalid("messages", "is a list of messages"));
    };
    if all.is_empty() || all.len() > MOST_MESSAGES {
        return Err(invalid("messages", format!("holds 1 to {MOST_MESSAGES} messages")));
    }
    let mut turns = Vec::with_capacity(all.len());
    for (at, mut value) in all.into_iter().enumerate() {
        let place = format!("messages/{at}");
        let role = match value["role"].as_str() {
            Some("user") => Role::User,
            Some("assistant") => Role::Assistant,
            _ => return Err(invalid(&place, "has a role: user or assistant")),
        };
        let place = format!("{place}/content");
        let blocks = match value.get_mut("content").map(Json::take) {
            Some(Json::String(text)) if !text.is_empty() => {
                turns.push(Message::text(role, text));
                continue;
            }
            Some(Json::Array(blocks)) if !blocks.is_empty() => blocks,
            _ => return Err(invalid(&place, "is a text, or a list of blocks, and not empty")),
        };
        match role {
            Role::Assistant => turns.push(of_assistant(&blocks, &place)?),
            Role::User | Role::System | Role::Tool => turns.extend(of_user(&blocks, &place)?),
        }
    }
    Ok(turns)
}

/// Results of functions are turns of their own.
fn of_user(blocks: &[Json], place: &str) -> Result<Vec<Message>> {
    let mut turns: Vec<Message> = Vec::new();
    for (at, block) in blocks.iter().enumerate() {
        let place = format!("{place}/{at}");
        if block["type"] == "tool_result" {
            turns.push(result(block, &place)?);
            continue;
        }
        let content = content(block, &place)?;
        match turns.last_mut().filter(|last| last.role == Role::User) {
            Some(last) => last.content.push(content),
            None => turns.push(Message { content: vec![content], ..Message::text(Role::User, "") }),
        }
    }
    Ok(turns)
}

fn of_assistant(blocks: &[Json], place: &str) -> Result<Message> {
    let mut turn = Message { content: Vec::new(), ..Message::text(Role::Assistant, "") };
    for (at, block) in blocks.iter().enumerate() {
        let place = format!("{place}/{at}");
        match block["type"].as_str() {
            Some("text") => turn.content.push(Content::Text(text(block, &place)?)),
            Some("tool_use") => turn.tool_calls.push(call(block, &place)?),
            _ => return Err(not_carried(block, &place)),
        }
    }
    Ok(turn)
}

/// A block that shows something: words or a picture.
fn content(block: &Json, place: &str) -> Result<Content> {
    match block["type"].as_str() {
        Some("text") => text(block, place).map(Content::Text),
        Some("image") => picture(block, place).map(Content::Image),
        _ => Err(not_carried(block, place)),
    }
}

fn text(block: &Json, place: &str) -> Result<String> {
    only_of(block, &["type", "text"], place)?;
    let text = block["text"].as_str();
    text.map(str::to_owned).ok_or_else(|| invalid(place, "has a text"))
}

fn picture(block: &Json, place: &str) -> Result<String> {
    only_of(block, &["type", "source"], place)?;
    let source = &block["source"];
    let place = format!("{place}/source");
    match (source["type"].as_str(), source["media_type"].as_str()) {
        (Some("base64"), Some(kind)) if PICTURES.contains(&kind) => {
            let data = source["data"].as_str().filter(|data| !data.is_empty());
            let data = data.ok_or_else(|| invalid(&place, "has its data in base64"))?;
            Ok(format!("data:{kind};base64,{data}"))
        }
        (Some("base64"), _) => {
            Err(invalid(&place, format!("has a media_type: {}", PICTURES.join(", "))))
        }
        (Some("url"), _) => {
            let url = source["url"].as_str().filter(|url| url.starts_with("http"));
            url.map(str::to_owned).ok_or_else(|| invalid(&place, "has an address: https://…"))
        }
        _ => Err(invalid(&place, "is of the type base64 or url; no other is carried here")),
    }
}

fn result(block: &Json, place: &str) -> Result<Message> {
    only_of(block, &["type", "tool_use_id", "content", "is_error"], place)?;
    let id = block["tool_use_id"].as_str().filter(|id| !id.is_empty());
    let id = id.ok_or_else(|| invalid(place, "names the call that it answers: tool_use_id"))?;
    let content = match &block["content"] {
        Json::Null => Vec::new(),
        Json::String(text) => vec![Content::Text(text.clone())],
        Json::Array(blocks) => {
            let one =
                |(at, block): (usize, &Json)| content(block, &format!("{place}/content/{at}"));
            blocks.iter().enumerate().map(one).collect::<Result<_>>()?
        }
        _ => return Err(invalid(place, "has content: a text, or a list of blocks")),
    };
    let is_error = match &block["is_error"] {
        Json::Null => false,
        Json::Bool(is_error) => *is_error,
        _ => return Err(invalid(place, "has an is_error that is true or false")),
    };
    let (tool_call_id, tool_calls) = (Some(id.to_owned()), Vec::new());
    Ok(Message { role: Role::Tool, content, tool_calls, tool_call_id, is_error })
}

fn call(block: &Json, place: &str) -> Result<ToolCall> {
    only_of(block, &["type", "id", "name", "input"], place)?;
    match (block["id"].as_str(), block["name"].as_str(), &block["input"]) {
        (Some(id), Some(name), input @ Json::Object(_)) => {
            Ok(ToolCall { id: id.to_owned(), name: name.to_owned(), arguments: input.to_string() })
        }
        _ => Err(invalid(place, "has an id, a name and an input, which is an object")),
    }
}

fn tools(value: Option<Json>) -> Result<Vec<Tool>> {
    let all = match value {
        None | Some(Json::Null) => return Ok(Vec::new()),
        Some(Json::Array(all)) if all.len() <= MOST_TOOLS => all,
        Some(_) => return Err(invalid("tools", format!("is a list of {MOST_TOOLS} at most"))),
    };
    all.iter().enumerate().map(|(at, value)| tool(value, &format!("tools/{at}"))).collect()
}

fn tool(value: &Json, place: &str) -> Result<Tool> {
    let of_anthropic = value["type"].as_str().filter(|kind| *kind != "custom");
    if let Some(kind) = of_anthropic {
        return Err(invalid(
            place,
            format!("is a tool that others run ({kind}), which is not carried here"),
        ));
    }
    let known = ["type", "name", "description", "input_schema", "strict", "eager_input_streaming"];
    only_of(value, &known, place)?;
    let name = value["name"].as_str().unwrap_or_default();
    if !fields::is_tool_name(name) {
        return Err(invalid(place, format!("has {}", fields::TOOL_NAME)));
    }
    let parameters = value["input_schema"].clone();
    if !parameters.is_object() {
        return Err(invalid(place, "has an input_schema: a JSON schema"));
    }
    let description = value["description"].as_str().map(str::to_owned);
    let strict = value["strict"].as_bool().unwrap_or(false);
    Ok(Tool { name: name.to_owned(), description, parameters, strict })
}

/// Which function is to be used, and whether several may be at once.
fn tool_choice(value: Option<Json>) -> Result<(Option<ToolChoice>, Option<bool>)> {
    let value = value.unwrap_or_default();
    if value.is_null() {
        return Ok((None, None));
    }
    only_of(&value, &["type", "name", "disable_parallel_tool_use"], "tool_choice")?;
    let choice = match (value["type"].as_str(), value["name"].as_str()) {
        (Some("auto"), None) => ToolChoice::Auto,
        (Some("any"), None) => ToolChoice::Required,
        (Some("none"), None) => ToolChoice::Never,
        (Some("tool"), Some(name)) => ToolChoice::Named(name.to_owned()),
        _ => {
            return Err(invalid(
                "tool_choice",
                "is of the type auto, any, none, or tool with a name",
            ));
        }
    };
    Ok((Some(choice), value["disable_parallel_tool_use"].as_bool().map(|only_one| !only_one)))
}

fn not_carried(block: &Json, place: &str) -> kith_kernel::Error {
    let why = match block["type"].as_str() {
        Some(kind) => format!("is of the type {kind:.40}, which is not carried here"),
        None => "has a type".to_owned(),
    };
    invalid(place, why)
}

/// Refuses what we could only drop.
fn only_of(value: &Json, known: &[&str], place: &str) -> Result<()> {
    match value {
        Json::Object(object) => only(object, known, place),
        _ => Err(invalid(place, "is an object")),
    }
}

fn only(object: &Object, known: &[&str], place: &str) -> Result<()> {
    let is_unknown = |(key, value): &(&String, &Json)| {
        !value.is_null() && *key != HINT && !known.contains(&key.as_str())
    };
    match object.iter().find(is_unknown) {
        Some((key, _)) => Err(invalid(&format!("{place}/{key:.40}"), "is not carried here")),
        None => Ok(()),
    }
}
