//! The form of OpenAI, which most providers speak.

mod said;
mod stream;

pub(super) use self::said::body;
pub(crate) use self::stream::Decoder;
use super::{no_answer, text, tokens};
use crate::{
    answer::{Answer, Finish, Usage},
    chat::ToolCall,
    failure::Failure,
    tree::Tree,
};

pub(super) fn answer(json: &Tree<'_>) -> Result<Answer, Failure> {
    let choice =
        json.get("choices").and_then(Tree::first).ok_or_else(|| no_answer("holds no choice"))?;
    let message = choice.get("message").ok_or_else(|| no_answer("holds no message"))?;
    let calls = message.get("tool_calls").and_then(Tree::as_list);
    let tool_calls: Vec<ToolCall> = calls.into_iter().flatten().map(call_of).collect();
    let words = words_of(message.get("content").unwrap_or(&Tree::Null));
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
fn words_of(content: &Tree<'_>) -> String {
    match content {
        Tree::Text(text) => text.clone().into_owned(),
        Tree::List(parts) => parts.iter().map(|part| text(part, "text")).collect(),
        Tree::Null | Tree::Bool(_) | Tree::Number(_) | Tree::Object(_) => String::new(),
    }
}

fn call_of(json: &Tree<'_>) -> ToolCall {
    let function = json.get("function").unwrap_or(&Tree::Null);
    // Some servers give the arguments as JSON instead of as text.
    let arguments = match function.get("arguments") {
        Some(Tree::Text(text)) => text.clone().into_owned(),
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

fn usage_of(json: &Tree<'_>) -> Option<Usage> {
    // What is no number was not counted.
    let is_counted = json.get("prompt_tokens").is_some_and(|number| number.as_u64().is_some());
    is_counted.then(|| Usage {
        prompt_tokens: tokens(json, "prompt_tokens"),
        completion_tokens: tokens(json, "completion_tokens"),
    })
}
