//! What the process that reads a file says to the one that asked.

use serde::{Deserialize, Serialize};

use super::block::Block;

/// One line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Line {
    Block(Block),
    /// The file cannot be read, for this reason.
    Unreadable(String),
    /// That was all.
    End {
        pages: Option<u32>,
        notice: Option<String>,
    },
}

/// What a file says.
#[derive(Debug, Default)]
pub(crate) struct Extracted {
    pub(crate) blocks: Vec<Block>,
    pub(crate) pages: Option<u32>,
    /// What was left out, for people.
    pub(crate) notice: Option<String>,
    /// What was said, of sound.
    pub(crate) transcript: Option<String>,
}
