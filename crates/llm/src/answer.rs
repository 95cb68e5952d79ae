//! What a model answers, whole or as it comes.

use crate::chat::ToolCall;

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The model, as its provider calls it.
    pub model: String,
    /// What it says.
    pub text: String,
    /// The functions that it asks for.
    pub tool_calls: Vec<ToolCall>,
    /// Why it ends.
    pub finish: Finish,
    /// What the provider counted; some do not.
    pub usage: Option<Usage>,
}

/// Why an answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// It is all said.
    Stop,
    /// More tokens were not allowed.
    Length,
    /// Functions are asked for.
    ToolCalls,
    /// The provider does not want to say it.
    Filtered,
}

/// Tokens as a provider counted them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Of what was asked.
    pub prompt_tokens: u32,
    /// Of what was answered.
    pub completion_tokens: u32,
}

/// A piece of an answer as it comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// More text.
    Text(String),
    /// A function that is asked for, whole.
    ToolCall(ToolCall),
    /// What the provider counted so far; the last one counts.
    Usage(Usage),
    /// The end.
    Finish(Finish),
}
