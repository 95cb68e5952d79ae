//! One file that holds a whole database, or what one tenant has: a head, the rows of every table,
//! the bytes of its files, and a checksum behind all of it.
//!
//! `KITHBAK1` (`KITHTEN1` for one tenant), then frames compressed by gzip, then the SHA-256 of everything before. A frame is one byte that says what it
//! is, four that say how long, and so many more. Heads and ends are JSON, rows are as the store writes them.

mod read;
mod write;

use kith_kernel::{Currency, Id};
use serde::{Deserialize, Serialize};

pub(crate) use read::{Arriving, Part, Reader, Source, damaged};
pub(crate) use write::{Along, Writer};

/// What an archive holds; its first eight bytes say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A whole database.
    Backup,
    /// What one tenant has.
    Bundle,
}

impl Kind {
    const fn magic(self) -> &'static [u8; 8] {
        match self {
            Self::Backup => b"KITHBAK1",
            Self::Bundle => b"KITHTEN1",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::Bundle => "bundle of a tenant",
        }
    }
}

/// Bytes of the magic.
const MAGIC: u64 = 8;
/// Bytes of the checksum.
const CHECKSUM: u64 = 32;
/// No frame is larger: rows come in pages of a few megabytes, and none of them is larger than a request may be.
const LARGEST_FRAME: usize = 256 << 20;

/// What an archive says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Head {
    /// The version of the program that wrote it.
    pub(crate) kith: String,
    /// When.
    pub(crate) made_at: String,
    /// `sqlite` or `postgres`: where the rows come from.
    pub(crate) database: String,
    /// How many rows it holds.
    pub(crate) rows: u64,
    /// Whose rows they are, in a bundle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tenant: Option<Whose>,
    /// The migrations that had made the tables.
    pub(crate) migrations: Vec<String>,
}

/// The tenant of a bundle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Whose {
    pub(crate) id: Id,
    pub(crate) name: String,
    pub(crate) currency: Currency,
    pub(crate) timezone: String,
}

/// A table that begins.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Beginning {
    pub(crate) table: String,
    pub(crate) columns: Vec<(String, String)>,
}

/// A table that ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ending {
    pub(crate) table: String,
    pub(crate) rows: u64,
    pub(crate) hash: String,
}

/// A file that begins: its bytes follow in pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileBeginning {
    pub(crate) tenant: Id,
    pub(crate) file: Id,
}

/// What stands in the byte before a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Head = 1,
    Table = 2,
    Rows = 3,
    TableEnd = 4,
    End = 5,
    File = 6,
    Bytes = 7,
    FileEnd = 8,
}

impl Mark {
    fn of(byte: u8) -> Option<Self> {
        let tables = [Self::Head, Self::Table, Self::Rows, Self::TableEnd, Self::End];
        let files = [Self::File, Self::Bytes, Self::FileEnd];
        tables.into_iter().chain(files).find(|mark| *mark as u8 == byte)
    }
}
