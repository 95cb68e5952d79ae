//! Answers of the OpenAI form as they come.

use super::{finish_of, usage_of, words_of};
use crate::{
    answer::{Event, Finish},
    chat::ToolCall,
    failure::{Cause, Failure},
    sse::Events,
    tree::Tree,
    wire::{broke_off, no_answer, text, words},
};

/// Functions that one answer may ask for.
const MOST_CALLS: usize = 128;

/// Reads one answer.
#[derive(Default)]
pub(crate) struct Decoder {
    events: Events,
    calls: Vec<ToolCall>,
    finish: Option<Finish>,
    pub(crate) is_done: bool,
}

impl Decoder {
    pub(crate) fn take(&mut self, bytes: &[u8], events: &mut Vec<Event>) -> Result<(), Failure> {
        let mut sse = std::mem::take(&mut self.events);
        let mut went = Ok(());
        let read = sse.take(bytes, |data| {
            if went.is_ok() {
                went = self.one(data, events);
            }
        });
        self.events = sse;
        went?;
        read.map_err(|_| no_answer("is no stream of events"))
    }

    fn one(&mut self, data: &str, events: &mut Vec<Event>) -> Result<(), Failure> {
        if self.is_done {
            return Ok(());
        }
        if data.trim() == "[DONE]" {
            self.is_done = true;
            return Ok(());
        }
        let json: Tree<'_> = serde_json::from_str(data).map_err(|_| no_answer("is no JSON"))?;
        if json.get("error").is_some_and(|error| *error != Tree::Null) {
            let words = words(&json).unwrap_or_default();
            return Err(Failure::new(Cause::Broken, format!("broke off its answer: {words}")));
        }
        if let Some(choice) = json.get("choices").and_then(Tree::first) {
            self.choice(choice, events)?;
        }
        // Groq counts in a place of its own.
        let usage = json.get("usage").or_else(|| json.get("x_groq")?.get("usage"));
        events.extend(usage.and_then(usage_of).map(Event::Usage));
        Ok(())
    }

    fn choice(&mut self, choice: &Tree<'_>, events: &mut Vec<Event>) -> Result<(), Failure> {
        if let Some(delta) = choice.get("delta") {
            let words = words_of(delta.get("content").unwrap_or(&Tree::Null));
            if !words.is_empty() {
                events.push(Event::Text(words));
            }
            let calls = delta.get("tool_calls").and_then(Tree::as_list);
            calls.into_iter().flatten().try_for_each(|call| self.call(call))?;
        }
        if let Some(finish) = finish_of(text(choice, "finish_reason")) {
            self.finish = Some(finish);
        }
        Ok(())
    }

    /// A piece of a call; those of servers that count no calls belong to the last one unless they bring an id.
    fn call(&mut self, json: &Tree<'_>) -> Result<(), Failure> {
        let id = text(json, "id");
        let counted = json.get("index").and_then(Tree::as_u64);
        let at = match counted.and_then(|at| usize::try_from(at).ok()) {
            Some(at) => at,
            None if id.is_empty() => self.calls.len().saturating_sub(1),
            None => self.calls.len(),
        };
        if at >= MOST_CALLS {
            return Err(no_answer("asks for too many functions"));
        }
        if self.calls.len() <= at {
            self.calls.resize_with(at + 1, ToolCall::default);
        }
        let call = &mut self.calls[at];
        let function = json.get("function").unwrap_or(&Tree::Null);
        if !id.is_empty() {
            id.clone_into(&mut call.id);
        }
        call.name.push_str(text(function, "name"));
        call.arguments.push_str(text(function, "arguments"));
        Ok(())
    }

    pub(crate) fn end(self, events: &mut Vec<Event>) -> Result<(), Failure> {
        let Some(finish) = self.finish else {
            return Err(if self.is_done { no_answer("never ends") } else { broke_off() });
        };
        let finish = if self.calls.is_empty() { finish } else { Finish::ToolCalls };
        events.extend(self.calls.into_iter().map(Event::ToolCall));
        events.push(Event::Finish(finish));
        Ok(())
    }
}
