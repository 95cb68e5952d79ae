//! Answers of the OpenAI form, written.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use kith_kernel::{Id, Time};
use kith_llm::{Answer, Embeddings, Event, Finish, ToolCall, Usage};
use serde_json::{Value as Json, json};

fn finish(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "stop",
        Finish::Length => "length",
        Finish::ToolCalls => "tool_calls",
        Finish::Filtered => "content_filter",
    }
}

fn usage(usage: Usage) -> Json {
    json!({
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens.saturating_add(usage.completion_tokens),
    })
}

fn call(call: &ToolCall) -> Json {
    let function = json!({ "name": call.name, "arguments": call.arguments });
    json!({ "id": call.id, "type": "function", "function": function })
}

/// A whole answer.
pub(crate) fn answer(id: Id, now: Time, answer: &Answer, counted: Usage) -> Json {
    let content = if answer.text.is_empty() && !answer.tool_calls.is_empty() {
        Json::Null
    } else {
        answer.text.as_str().into()
    };
    let mut message = json!({ "role": "assistant", "content": content, "refusal": null });
    if !answer.tool_calls.is_empty() {
        message["tool_calls"] = answer.tool_calls.iter().map(call).collect();
    }
    json!({
        "id": format!("chatcmpl-{id}"),
        "object": "chat.completion",
        "created": now.milliseconds() / 1000,
        "model": answer.model,
        "choices": [{ "index": 0, "message": message, "finish_reason": finish(answer.finish), "logprobs": null }],
        "usage": usage(counted),
    })
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
    id: String,
    created: i64,
    model: String,
    counts: bool,
    calls: usize,
    has_begun: bool,
}

impl Chunks {
    pub(crate) fn new(id: Id, now: Time, (model, counts): (String, bool)) -> Self {
        let id = format!("chatcmpl-{id}");
        let created = now.milliseconds() / 1000;
        Self { id, created, model, counts, calls: 0, has_begun: false }
    }

    /// An event, written; nothing where this form has no words for it.
    pub(crate) fn of(&mut self, event: Event) -> Option<Bytes> {
        match event {
            Event::Text(text) => Some(self.delta(json!({ "content": text }), None)),
            Event::ToolCall(asked) => {
                let mut asked = call(&asked);
                asked["index"] = self.calls.into();
                self.calls += 1;
                Some(self.delta(json!({ "tool_calls": [asked] }), None))
            }
            Event::Finish(ended) => Some(self.delta(json!({}), Some(finish(ended)))),
            Event::Usage(counted) => self.counts.then(|| self.chunk(&json!([]), usage(counted))),
        }
    }

    fn delta(&mut self, mut delta: Json, finish: Option<&str>) -> Bytes {
        if !std::mem::replace(&mut self.has_begun, true) {
            delta["role"] = "assistant".into();
        }
        let choices =
            json!([{ "index": 0, "delta": delta, "finish_reason": finish, "logprobs": null }]);
        self.chunk(&choices, Json::Null)
    }

    fn chunk(&self, choices: &Json, usage: Json) -> Bytes {
        let mut chunk = json!({
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
            "choices": choices,
        });
        if !usage.is_null() {
            chunk["usage"] = usage;
        }
        format!("data: {chunk}\n\n").into()
    }

    /// The end of all of them.
    pub(crate) fn end() -> Bytes {
        Bytes::from_static(b"data: [DONE]\n\n")
    }

    /// A failure in the middle.
    pub(crate) fn failure(message: &str) -> Bytes {
        let error = json!({ "message": message, "type": "server_error", "code": "provider_failed", "param": null });
        format!("data: {}\n\n", json!({ "error": error })).into()
    }
}
