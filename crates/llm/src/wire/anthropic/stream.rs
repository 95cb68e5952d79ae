//! Answers of Anthropic's form as they come.

use super::{finish_of, usage_of};
use crate::{
    answer::{Event, Finish, Usage},
    chat::{Chat, ToolCall},
    failure::{Cause, Failure},
    sse::Events,
    tree::Tree,
    wire::{broke_off, no_answer, text, words},
};

/// Reads one answer.
pub(crate) struct Decoder {
    events: Events,
    /// The answer must fit a schema, and comes as the arguments of a function.
    is_of_schema: bool,
    call: Option<ToolCall>,
    usage: Usage,
    finish: Option<Finish>,
    pub(crate) is_done: bool,
}

impl Decoder {
    pub(crate) fn new(chat: &Chat) -> Self {
        Self {
            events: Events::default(),
            is_of_schema: chat.schema.is_some(),
            call: None,
            usage: Usage::default(),
            finish: None,
            is_done: false,
        }
    }

    pub(crate) fn take(&mut self, bytes: &[u8], events: &mut Vec<Event>) -> Result<(), Failure> {
        let mut all = Vec::new();
        let read = self.events.take(bytes, |data| all.push(data.to_owned()));
        for data in all {
            let json: Tree<'_> =
                serde_json::from_str(&data).map_err(|_| no_answer("is no JSON"))?;
            self.one(&json, events)?;
        }
        read.map_err(|_| no_answer("is no stream of events"))
    }

    fn one(&mut self, json: &Tree<'_>, events: &mut Vec<Event>) -> Result<(), Failure> {
        let nothing = Tree::Null;
        let of = |key: &str| json.get(key).unwrap_or(&nothing);
        match text(json, "type") {
            "message_start" => {
                self.counted(of("message").get("usage"), events);
            }
            "content_block_start" if text(of("content_block"), "type") == "tool_use" => {
                let block = of("content_block");
                let (id, name) = (text(block, "id").to_owned(), text(block, "name").to_owned());
                self.call = Some(ToolCall { id, name, arguments: String::new() });
            }
            "content_block_delta" => self.delta(of("delta"), events),
            "content_block_stop" => self.call_ends(events),
            "message_delta" => {
                self.counted(json.get("usage"), events);
                let reason = text(of("delta"), "stop_reason");
                if !reason.is_empty() {
                    self.finish = Some(finish_of(self.is_of_schema, reason));
                }
            }
            "message_stop" => self.is_done = true,
            "error" => {
                let words = words(json).unwrap_or_default();
                return Err(Failure::new(Cause::Broken, format!("broke off its answer: {words}")));
            }
            // `ping`, and kinds that are not known yet, which are to be passed over.
            _ => {}
        }
        Ok(())
    }

    fn delta(&mut self, delta: &Tree<'_>, events: &mut Vec<Event>) {
        let said = text(delta, "text");
        if !said.is_empty() {
            events.push(Event::Text(said.to_owned()));
        }
        if let Some(call) = &mut self.call {
            call.arguments.push_str(text(delta, "partial_json"));
        }
    }

    fn call_ends(&mut self, events: &mut Vec<Event>) {
        let Some(mut call) = self.call.take() else { return };
        if call.arguments.is_empty() {
            call.arguments.push_str("{}");
        }
        events.push(if self.is_of_schema {
            Event::Text(call.arguments)
        } else {
            Event::ToolCall(call)
        });
    }

    /// What is counted later is added to what was counted before.
    fn counted(&mut self, usage: Option<&Tree<'_>>, events: &mut Vec<Event>) {
        let Some(usage) = usage.map(usage_of) else { return };
        self.usage = Usage {
            prompt_tokens: self.usage.prompt_tokens.max(usage.prompt_tokens),
            completion_tokens: self.usage.completion_tokens.max(usage.completion_tokens),
        };
        events.push(Event::Usage(self.usage));
    }

    pub(crate) fn end(self, events: &mut Vec<Event>) -> Result<(), Failure> {
        let Some(finish) = self.finish else {
            return Err(if self.is_done { no_answer("never ends") } else { broke_off() });
        };
        events.push(Event::Finish(finish));
        Ok(())
    }
}
