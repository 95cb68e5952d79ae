//! What a model is asked, in no provider's form.

use serde_json::{Map, Value as Json};

use crate::provider::Form;

/// A conversation so far, and what is wanted next.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Chat {
    /// Oldest first.
    pub messages: Vec<Message>,
    /// Functions that the model may ask for.
    pub tools: Vec<Tool>,
    /// Whether it may, must or must not ask for one; none leaves it to the provider.
    pub tool_choice: Option<ToolChoice>,
    /// What the answer must look like.
    pub schema: Option<Schema>,
    /// How it is answered.
    pub options: Options,
}

/// What a picture takes at most, in tokens.
const PICTURE: usize = 1_600;

impl Chat {
    /// Tokens of what is asked, roughly: four letters each, and 1,600 for a picture.
    pub fn estimate(&self) -> u32 {
        let of_message = |message: &Message| {
            let pictures = message.content.iter();
            let pictures = pictures.filter(|content| matches!(content, Content::Image(_))).count();
            let calls =
                message.tool_calls.iter().map(|call| call.name.len() + call.arguments.len());
            (message.letters() + 16 + calls.sum::<usize>()).div_ceil(4) + pictures * PICTURE
        };
        let of_tool = |tool: &Tool| {
            let description = tool.description.as_ref().map_or(0, String::len);
            (tool.name.len() + description + tool.parameters.to_string().len()).div_ceil(4)
        };
        let messages: usize = self.messages.iter().map(of_message).sum();
        let tools: usize = self.tools.iter().map(of_tool).sum();
        u32::try_from(messages + tools).unwrap_or(u32::MAX)
    }
}

/// How a model answers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Options {
    /// 0 always says the likeliest; 2 is the most that any provider takes.
    pub temperature: Option<f64>,
    /// The share of likely words that are considered.
    pub top_p: Option<f64>,
    /// Tokens of the answer at most.
    pub max_tokens: Option<u32>,
    /// How many of the likeliest words are considered; some servers take -1 for all of them.
    pub top_k: Option<i64>,
    /// Texts at which the answer ends.
    pub stop: Vec<String>,
    /// The same seed is to give the same answer, as far as a provider can.
    pub seed: Option<i64>,
    /// For whom it is asked, in a name that says nothing to strangers.
    pub user: Option<String>,
    /// Whether several functions may be asked for at once; none leaves it to the provider.
    pub parallel_tool_calls: Option<bool>,
    /// Options that have no name here. They are forwarded to who speaks the form that they are of, and refused by name for
    /// who does not.
    pub others: Map<String, Json>,
    /// The form that the others are of.
    pub form: Form,
}

/// Who says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Who set the model up.
    System,
    /// Who asks.
    User,
    /// The model.
    Assistant,
    /// What a function gave back.
    Tool,
}

/// One turn.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Who says it.
    pub role: Role,
    /// What is said, in order.
    pub content: Vec<Content>,
    /// The functions that the model asked for in it.
    pub tool_calls: Vec<ToolCall>,
    /// Which call it gives the result of.
    pub tool_call_id: Option<String>,
    /// The result says that the call failed.
    pub is_error: bool,
}

impl Message {
    /// A turn of text alone.
    pub fn text(role: Role, text: impl Into<String>) -> Self {
        let content = vec![Content::Text(text.into())];
        Self { role, content, tool_calls: Vec::new(), tool_call_id: None, is_error: false }
    }

    /// Its texts, one behind the other.
    pub fn words(&self) -> String {
        let texts = self.content.iter().filter_map(|content| match content {
            Content::Text(text) => Some(text.as_str()),
            Content::Image(_) => None,
        });
        texts.collect()
    }

    /// Bytes of its texts.
    pub(crate) fn letters(&self) -> usize {
        let of_text = |content: &Content| match content {
            Content::Text(text) => text.len(),
            Content::Image(_) => 0,
        };
        self.content.iter().map(of_text).sum()
    }
}

/// A piece of a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Words.
    Text(String),
    /// A picture, by its address (`https:` or `data:`).
    Image(String),
}

/// A function that a model may ask for.
#[derive(Debug, Clone, PartialEq)]
pub struct Tool {
    /// Letters, digits, `_` and `-`.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Its arguments as a JSON schema.
    pub parameters: Json,
    /// Whether the provider must hold to it to the letter.
    pub strict: bool,
}

/// Whether functions may be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolChoice {
    /// The model decides.
    Auto,
    /// None of them.
    Never,
    /// At least one.
    Required,
    /// This one.
    Named(String),
}

/// A function that a model asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolCall {
    /// By which its result is told.
    pub id: String,
    /// The function.
    pub name: String,
    /// JSON as the model wrote it; it need not fit the schema.
    pub arguments: String,
}

/// What an answer must look like.
#[derive(Debug, Clone, PartialEq)]
pub enum Schema {
    /// Any JSON object.
    Object,
    /// JSON that fits a schema.
    Of {
        /// Letters, digits, `_` and `-`.
        name: String,
        /// The JSON schema.
        schema: Json,
        /// Whether the provider must hold to it to the letter.
        strict: bool,
    },
}
