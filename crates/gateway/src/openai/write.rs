//! Answers of the OpenAI form, written.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use kith_kernel::{Id, Time};
use kith_llm::{Answer, Embeddings, Event, Finish, ToolCall, Usage};
use serde::Serialize;
use serde_json::{Value as Json, json};

fn finish(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "stop",
        Finish::Length => "length",
        Finish::ToolCalls => "tool_calls",
        Finish::Filtered => "content_filter",
    }
}

fn usage(usage: Usage) -> Counted {
    let Usage { prompt_tokens, completion_tokens } = usage;
    let total_tokens = prompt_tokens.saturating_add(completion_tokens);
    Counted { prompt_tokens, completion_tokens, total_tokens }
}

fn call(call: &ToolCall) -> Json {
    let function = json!({ "name": call.name, "arguments": call.arguments });
    json!({ "id": call.id, "type": "function", "function": function })
}

/// A whole answer, as it is written.
#[derive(Serialize)]
pub(crate) struct Completion<'a> {
    id: String,
    object: &'static str,
    created: i64,
    model: &'a str,
    choices: [Choice<'a>; 1],
    usage: Counted,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u32,
    message: Said<'a>,
    finish_reason: &'static str,
    logprobs: (),
}

#[derive(Serialize)]
struct Said<'a> {
    role: &'static str,
    content: Option<&'a str>,
    refusal: (),
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Json>,
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the names are OpenAI's")]
struct Counted {
    prompt_tokens: u32,
    completion_tokens: u32,
    total_tokens: u32,
}

/// A whole answer.
pub(crate) fn answer(id: Id, now: Time, answer: &Answer, counted: Usage) -> Completion<'_> {
    let is_call = answer.text.is_empty() && !answer.tool_calls.is_empty();
    let message = Said {
        role: "assistant",
        content: (!is_call).then_some(&answer.text),
        refusal: (),
        tool_calls: answer.tool_calls.iter().map(call).collect(),
    };
    let finish_reason = finish(answer.finish);
    Completion {
        id: format!("chatcmpl-{id}"),
        object: "chat.completion",
        created: now.milliseconds() / 1000,
        model: &answer.model,
        choices: [Choice { index: 0, message, finish_reason, logprobs: () }],
        usage: usage(counted),
    }
}

/// Vectors, as numbers or as base64 of their bytes (32 bits each, the lowest first).
pub(crate) fn embeddings(found: &Embeddings, as_base64: bool) -> Json {
    let vector = |(at, vector): (usize, &Vec<f32>)| {
        let numbers = if as_base64 {
            let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
            BASE64.encode(bytes).into()
        } else {
            json!(vector)
        };
        json!({ "object": "embedding", "index": at, "embedding": numbers })
    };
    let tokens = found.prompt_tokens;
    json!({
        "object": "list",
        "data": found.vectors.iter().enumerate().map(vector).collect::<Json>(),
        "model": found.model,
        "usage": { "prompt_tokens": tokens, "total_tokens": tokens },
    })
}

/// Writes an answer as it comes.
pub(crate) struct Chunks {
    /// How each of them begins, up to its choices.
    head: String,
    counts: bool,
    calls: usize,
    has_begun: bool,
}

impl Chunks {
    pub(crate) fn new(id: Id, now: Time, (model, counts): (&str, bool)) -> Self {
        let model = Json::from(model);
        let created = now.milliseconds() / 1000;
        let head = format!(
            "data: {{\"id\":\"chatcmpl-{id}\",\"object\":\"chat.completion.chunk\",\"created\":{created},\"model\":{model}"
        );
        Self { head, counts, calls: 0, has_begun: false }
    }

    /// Writes an event behind what is written; nothing where this form has no words for it.
    pub(crate) fn of(&mut self, event: Event, to: &mut String) {
        match event {
            Event::Text(text) => {
                let text = serde_json::to_string(&text).unwrap_or_default();
                self.delta(["\"content\":", &text], None, to);
            }
            Event::ToolCall(asked) => {
                let mut asked = call(&asked);
                asked["index"] = self.calls.into();
                self.calls += 1;
                self.delta(["\"tool_calls\":", &json!([asked]).to_string()], None, to);
            }
            Event::Finish(ended) => self.delta(["", ""], Some(finish(ended)), to),
            Event::Usage(counted) if self.counts => {
                let usage = json!(usage(counted)).to_string();
                to.extend([&self.head, ",\"choices\":[],\"usage\":", &usage, "}\n\n"]);
            }
            Event::Usage(_) => {}
        }
    }

    /// A name of the delta with its value in JSON, or nothing.
    fn delta(&mut self, [name, value]: [&str; 2], finish: Option<&str>, to: &mut String) {
        to.extend([&self.head, ",\"choices\":[{\"index\":0,\"delta\":{", name, value]);
        if !std::mem::replace(&mut self.has_begun, true) {
            to.push_str(if name.is_empty() { "" } else { "," });
            to.push_str("\"role\":\"assistant\"");
        }
        to.push_str("},\"finish_reason\":");
        match finish {
            Some(finish) => to.extend(["\"", finish, "\""]),
            None => to.push_str("null"),
        }
        to.push_str(",\"logprobs\":null}]}\n\n");
    }

    /// The end of all of them.
    pub(crate) fn end(to: &mut String) {
        to.push_str("data: [DONE]\n\n");
    }

    /// A failure in the middle.
    pub(crate) fn failure(message: &str, to: &mut String) {
        let error = json!({ "message": message, "type": "server_error", "code": "provider_failed", "param": null });
        to.extend(["data: ", &json!({ "error": error }).to_string(), "\n\n"]);
    }
}
