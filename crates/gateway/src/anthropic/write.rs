//! Answers of Anthropic's form, written.

use bytes::Bytes;
use kith_kernel::Id;
use kith_llm::{Answer, Cause, Event, Failure, Finish, ToolCall, Usage};
use serde_json::{Map, Value as Json, json};

fn reason(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "end_turn",
        Finish::Length => "max_tokens",
        Finish::ToolCalls => "tool_use",
        Finish::Filtered => "refusal",
    }
}

fn usage(usage: Usage) -> Json {
    json!({ "input_tokens": usage.prompt_tokens, "output_tokens": usage.completion_tokens })
}

/// The arguments of a call; the form has no place for what is no object.
fn input(call: &ToolCall) -> Result<Map<String, Json>, Failure> {
    if call.arguments.trim().is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_str(&call.arguments).map_err(|_| {
        let message = format!("the model asked for {} with arguments that are no JSON", call.name);
        Failure::new(Cause::Garbled, message)
    })
}

/// A whole answer.
///
/// # Errors
/// `Garbled` when a function is asked for with arguments that are no object.
pub(crate) fn answer(id: Id, answer: &Answer, counted: Usage) -> Result<Json, Failure> {
    let text = Some(&answer.text).filter(|text| !text.is_empty());
    let mut content: Vec<Json> =
        text.map(|text| json!({ "type": "text", "text": text })).into_iter().collect();
    for call in &answer.tool_calls {
        let input = input(call)?;
        content
            .push(json!({ "type": "tool_use", "id": call.id, "name": call.name, "input": input }));
    }
    Ok(json!({
        "id": format!("msg_{id}"),
        "type": "message",
        "role": "assistant",
        "model": answer.model,
        "content": content,
        "stop_reason": reason(answer.finish),
        "stop_sequence": null,
        "usage": usage(counted),
    }))
}

/// Writes an answer as it comes.
pub(crate) struct Pieces {
    id: String,
    model: String,
    counted: Usage,
    finish: Finish,
    /// The block that is being written, or is next.
    block: usize,
    is_in_text: bool,
    has_begun: bool,
}

impl Pieces {
    /// Of the model that speaks, and what the question took as far as that is known.
    pub(crate) fn new(id: Id, (model, prompt_tokens): (String, u32)) -> Self {
        Self {
            id: format!("msg_{id}"),
            model,
            counted: Usage { prompt_tokens, completion_tokens: 0 },
            finish: Finish::Stop,
            block: 0,
            is_in_text: false,
            has_begun: false,
        }
    }

    /// An event, written; nothing where it is told at the end.
    ///
    /// # Errors
    /// As [`answer`].
    pub(crate) fn of(&mut self, event: Event) -> Result<Bytes, Failure> {
        let mut written = String::new();
        match event {
            Event::Text(text) => {
                self.begin(&mut written);
                if !std::mem::replace(&mut self.is_in_text, true) {
                    self.open(&mut written, &json!({ "type": "text", "text": "" }));
                }
                self.delta(&mut written, &json!({ "type": "text_delta", "text": text }));
            }
            Event::ToolCall(call) => {
                let input = Json::Object(input(&call)?).to_string();
                self.begin(&mut written);
                self.close(&mut written);
                let block =
                    json!({ "type": "tool_use", "id": call.id, "name": call.name, "input": {} });
                self.open(&mut written, &block);
                let delta = json!({ "type": "input_json_delta", "partial_json": input });
                self.delta(&mut written, &delta);
                self.stop(&mut written);
            }
            Event::Finish(finish) => self.finish = finish,
            Event::Usage(counted) => self.counted = counted,
        }
        Ok(written.into())
    }

    /// Why it ends and what was counted, behind all of them.
    pub(crate) fn end(&mut self) -> Bytes {
        let mut written = String::new();
        self.begin(&mut written);
        self.close(&mut written);
        let delta = json!({ "stop_reason": reason(self.finish), "stop_sequence": null });
        let ends = json!({ "type": "message_delta", "delta": delta, "usage": usage(self.counted) });
        write(&mut written, &ends);
        write(&mut written, &json!({ "type": "message_stop" }));
        written.into()
    }

    /// A failure in the middle.
    pub(crate) fn failure(failure: &Failure) -> Bytes {
        let kind = match failure.cause {
            Cause::Limited => "rate_limit_error",
            Cause::Late => "timeout_error",
            Cause::Refused => "invalid_request_error",
            Cause::UnknownModel => "not_found_error",
            Cause::Unauthorised
            | Cause::Broken
            | Cause::Unreachable
            | Cause::Garbled
            | Cause::Cut => "api_error",
        };
        let mut written = String::new();
        let error = json!({ "type": kind, "message": failure.message });
        write(&mut written, &json!({ "type": "error", "error": error }));
        written.into()
    }

    fn begin(&mut self, written: &mut String) {
        if std::mem::replace(&mut self.has_begun, true) {
            return;
        }
        let message = json!({
            "id": self.id,
            "type": "message",
            "role": "assistant",
            "model": self.model,
            "content": [],
            "stop_reason": null,
            "stop_sequence": null,
            "usage": usage(self.counted),
        });
        write(written, &json!({ "type": "message_start", "message": message }));
        write(written, &json!({ "type": "ping" }));
    }

    fn open(&self, written: &mut String, block: &Json) {
        let begins =
            json!({ "type": "content_block_start", "index": self.block, "content_block": block });
        write(written, &begins);
    }

    fn delta(&self, written: &mut String, delta: &Json) {
        write(
            written,
            &json!({ "type": "content_block_delta", "index": self.block, "delta": delta }),
        );
    }

    /// Ends the block of text, if there is one.
    fn close(&mut self, written: &mut String) {
        if std::mem::take(&mut self.is_in_text) {
            self.stop(written);
        }
    }

    fn stop(&mut self, written: &mut String) {
        write(written, &json!({ "type": "content_block_stop", "index": self.block }));
        self.block += 1;
    }
}

/// An event of the stream, which is also named by its type.
fn write(written: &mut String, event: &Json) {
    let kind = event["type"].as_str().unwrap_or_default();
    written.push_str("event: ");
    written.push_str(kind);
    written.push_str("\ndata: ");
    written.push_str(&event.to_string());
    written.push_str("\n\n");
}
