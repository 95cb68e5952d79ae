//! Blocks: what a file says, piece by piece, as it is handed from who reads it to who cuts it.

use serde::{Deserialize, Serialize};

/// What a block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Form {
    /// A heading, by its level, counted from 1.
    #[serde(rename = "h")]
    Heading(u8),
    /// A paragraph, or lines that belong together.
    #[serde(rename = "p")]
    Paragraph,
    /// A row of a table, which says by itself what its cells mean.
    #[serde(rename = "r")]
    Row,
}

/// A piece of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Block {
    #[serde(rename = "f")]
    pub(crate) form: Form,
    /// The page that it stands on, counted from 1, where there are pages.
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub(crate) page: Option<u32>,
    #[serde(rename = "t")]
    pub(crate) text: String,
}

impl Block {
    pub(crate) fn new(form: Form, text: impl Into<String>) -> Self {
        Self { form, page: None, text: text.into() }
    }
}
