//! Why a file cannot be read at all.

use std::fmt;
use std::io;

use super::reader::Position;
use super::row::Fault;

/// Why a file cannot be read at all.
#[derive(Debug)]
pub enum Error {
    /// The source failed.
    Io(io::Error),
    /// Nothing but empty lines.
    Empty,
    /// Not text; says what it seems to be.
    NotText(&'static str),
    /// The header itself is at fault.
    Header(Fault),
    /// The place to go on at lies beyond the end: this is another file.
    Position(Position),
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(out, "the file cannot be read: {error}"),
            Self::Empty => write!(out, "the file holds no header"),
            Self::NotText(what) => write!(out, "the file is not CSV but {what}"),
            Self::Header(fault) => write!(out, "the header cannot be read: {fault}"),
            Self::Position(position) => {
                write!(out, "the file is shorter than the {} bytes read before", position.byte)
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
