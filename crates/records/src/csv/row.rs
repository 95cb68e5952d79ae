//! One row of a file: its cells, where it stands, and what is wrong with it.

use std::fmt;

use super::excerpt::excerpt;
use super::reader::Position;
use super::split::{Flaw, MAX_COLUMNS, MAX_ROW, Span};

/// The longest cell, in bytes of UTF-8.
pub(super) const MAX_CELL: usize = 256 * 1024;

/// Why a row cannot be used. Columns count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A cell that is not empty stands beyond the last column of the header.
    ExtraCells {
        /// Columns of the header.
        expected: usize,
        /// Cells of the row.
        found: usize,
        /// The first cell beyond the header that is not empty, cut to 60 characters.
        first: String,
    },
    /// More cells than are ever read.
    TooManyCells,
    /// A cell holds U+0000, which no database stores.
    NulCharacter {
        /// The first such column.
        column: usize,
    },
    /// A cell is longer than 256 KiB.
    CellTooLong {
        /// The first such column.
        column: usize,
    },
    /// The row is longer than 1 MiB.
    RowTooLong,
    /// A quote opens a cell and nothing closes it before the file or the longest row ends.
    UnclosedQuote {
        /// The column it opens.
        column: usize,
    },
    /// Something follows the quote that closes a cell, so where the cell ends is a guess.
    TextAfterQuote {
        /// The column it closes.
        column: usize,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ExtraCells { expected, found, first } => {
                write!(
                    out,
                    "{found} cells under a header of {expected}; beyond it stands “{first}”"
                )
            }
            Self::TooManyCells => write!(out, "more than {MAX_COLUMNS} cells"),
            Self::NulCharacter { column } => write!(out, "a NUL character in column {column}"),
            Self::CellTooLong { column } => {
                write!(out, "column {column} is longer than {} KiB", MAX_CELL / 1024)
            }
            Self::RowTooLong => write!(out, "the row is longer than {} KiB", MAX_ROW / 1024),
            Self::UnclosedQuote { column } => {
                write!(out, "the quote that opens column {column} is never closed")
            }
            Self::TextAfterQuote { column } => {
                write!(out, "text follows the closing quote of column {column}")
            }
        }
    }
}

impl From<Flaw> for Fault {
    fn from(flaw: Flaw) -> Self {
        match flaw {
            Flaw::UnclosedQuote { column } => Self::UnclosedQuote { column },
            Flaw::TextAfterQuote { column } => Self::TextAfterQuote { column },
            Flaw::TooLong => Self::RowTooLong,
        }
    }
}

/// A row below the header.
#[derive(Clone, Debug)]
pub struct Row<'a> {
    /// The physical line on which it begins; the first line of the file is 1.
    pub line: u64,
    /// Where the next row begins: a reader resumed here goes on behind this row.
    pub position: Position,
    /// The cells. Where the fault is that they could not be told apart, the one cell there is
    /// holds the lines as they stand; it is empty for a row that is too long.
    pub cells: Cells<'a>,
    /// Why the row cannot be used.
    pub fault: Option<Fault>,
}

/// The cells of a row, borrowed from the reader.
#[derive(Clone, Copy, Debug)]
pub struct Cells<'a> {
    pub(super) text: &'a str,
    /// Where the cells stand that held doubled quotes.
    pub(super) unescaped: &'a str,
    pub(super) spans: &'a [Span],
    /// The columns of the header.
    pub(super) width: usize,
}

impl<'a> Cells<'a> {
    /// The number of cells: at least that of the header's columns, more where a row has too many.
    pub fn count(&self) -> usize {
        self.width.max(self.spans.len())
    }

    /// The text of a cell as it stands, blanks included; empty where the row is too short.
    pub fn get(&self, index: usize) -> &'a str {
        match self.spans.get(index) {
            Some(span) if span.escaped => &self.unescaped[span.start..span.end],
            Some(span) => &self.text[span.start..span.end],
            None => "",
        }
    }

    /// What is wrong with cells that could be told apart.
    pub(super) fn fault(&self) -> Option<Fault> {
        if self.spans.len() > MAX_COLUMNS {
            return Some(Fault::TooManyCells);
        }
        if self.text.as_bytes().contains(&0) {
            let column = self.first_column(|cell| cell.contains('\0'));
            return Some(Fault::NulCharacter { column });
        }
        if self.text.len() > MAX_CELL && self.iter().any(|cell| cell.len() > MAX_CELL) {
            let column = self.first_column(|cell| cell.len() > MAX_CELL);
            return Some(Fault::CellTooLong { column });
        }
        let first = self.iter().skip(self.width).find(|cell| !cell.trim().is_empty())?;
        let (expected, found) = (self.width, self.spans.len());
        Some(Fault::ExtraCells { expected, found, first: excerpt(first) })
    }

    fn first_column(&self, is_bad: impl FnMut(&str) -> bool) -> usize {
        self.iter().position(is_bad).map_or(1, |index| index + 1)
    }

    /// All cells, those included that a short row lacks.
    pub fn iter(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let cells = *self;
        (0..cells.count()).map(move |index| cells.get(index))
    }
}
