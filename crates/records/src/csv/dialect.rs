//! What a CSV file is written in: its encoding, its delimiter, whether a byte order mark leads it.

use std::io::{Read, Seek};

use serde::{Deserialize, Serialize};

use super::{detect::detect, error::Error};

/// How the bytes of a file spell characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Encoding {
    /// UTF-8; rows that are not valid in it are read as Windows-1252 and counted.
    #[serde(rename = "utf-8")]
    Utf8,
    /// UTF-16, low byte first, as spreadsheets save "Unicode text".
    #[serde(rename = "utf-16le")]
    Utf16Le,
    /// UTF-16, high byte first.
    #[serde(rename = "utf-16be")]
    Utf16Be,
    /// Windows-1252, the superset of Latin-1 that spreadsheets save as plain CSV.
    #[serde(rename = "windows-1252")]
    Windows1252,
}

/// What stands between two cells of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Delimiter {
    /// `,`
    #[serde(rename = ",")]
    Comma,
    /// `;`, usual where the comma is the decimal sign.
    #[serde(rename = ";")]
    Semicolon,
    /// A tab character.
    #[serde(rename = "\t")]
    Tab,
    /// `|`
    #[serde(rename = "|")]
    Pipe,
}

impl Delimiter {
    /// Every delimiter that is recognised, the likeliest first.
    pub const ALL: [Self; 4] = [Self::Comma, Self::Semicolon, Self::Tab, Self::Pipe];

    /// The ASCII character itself.
    pub const fn byte(self) -> u8 {
        match self {
            Self::Comma => b',',
            Self::Semicolon => b';',
            Self::Tab => b'\t',
            Self::Pipe => b'|',
        }
    }
}

/// All that must be known of a file to read it again in the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Dialect {
    /// How the bytes spell characters.
    pub encoding: Encoding,
    /// What separates the cells.
    pub delimiter: Delimiter,
    /// Whether a byte order mark stands before the header.
    pub has_bom: bool,
}

impl Dialect {
    /// How a source is written, told from its first 64 KiB.
    ///
    /// # Errors
    /// `Io` and `NotText`.
    pub fn of(source: &mut (impl Read + Seek)) -> Result<Self, Error> {
        detect(source)
    }

    /// The number of bytes before the header.
    pub(crate) const fn bom_length(self) -> u64 {
        match (self.has_bom, self.encoding) {
            (false, _) | (true, Encoding::Windows1252) => 0,
            (true, Encoding::Utf8) => 3,
            (true, Encoding::Utf16Le | Encoding::Utf16Be) => 2,
        }
    }
}
