//! The rows of an import's file, whatever it is: CSV, or vCards, each of which is a row.

use std::io::{self, Read, Seek};

use serde::{Deserialize, Serialize};

use super::run::Line;
use crate::{
    csv::{Delimiter, Dialect, Error, Notes, Position, Reader},
    vcard::{read, row},
};

/// What a file is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Form {
    /// Rows under a header.
    #[default]
    Csv,
    /// Cards of people.
    Cards,
}

/// Reads the rows one by one, in memory that does not grow with the file.
pub(super) enum Rows<S> {
    Csv(Reader<S>),
    Cards(read::Cards<S>),
}

impl<S: Read + Seek> Rows<S> {
    /// Begins with the first row of a file whose form is known.
    pub(super) fn open(source: S, of: (Form, Dialect)) -> Result<Self, Error> {
        Ok(match of {
            (Form::Csv, dialect) => Self::Csv(Reader::with_dialect(source, dialect)?),
            (Form::Cards, dialect) => Self::Cards(read::Cards::open(source, dialect)?),
        })
    }

    /// Goes on behind the row that gave `position`.
    pub(super) fn resume(
        source: S,
        of: (Form, Dialect),
        position: Position,
    ) -> Result<Self, Error> {
        Ok(match of {
            (Form::Csv, dialect) => Self::Csv(Reader::resume(source, dialect, position)?),
            (Form::Cards, dialect) => Self::Cards(read::Cards::resume(source, dialect, position)?),
        })
    }

    pub(super) fn headers(&self) -> Vec<String> {
        match self {
            Self::Csv(reader) => reader.headers().to_vec(),
            Self::Cards(_) => row::HEADERS.map(str::to_owned).to_vec(),
        }
    }

    pub(super) fn position(&self) -> Position {
        match self {
            Self::Csv(reader) => reader.position(),
            Self::Cards(cards) => cards.position(),
        }
    }

    pub(super) fn total_bytes(&self) -> u64 {
        match self {
            Self::Csv(reader) => reader.total_bytes(),
            Self::Cards(cards) => cards.total_bytes(),
        }
    }

    pub(super) fn notes(&self) -> Notes {
        match self {
            Self::Csv(reader) => reader.notes(),
            Self::Cards(cards) => cards.notes(),
        }
    }

    /// Shows `feed` the cells of every row that can be used: each with its column.
    pub(super) fn look_through(&mut self, mut feed: impl FnMut(usize, &str)) -> io::Result<()> {
        let width = self.headers().len();
        match self {
            Self::Csv(reader) => {
                while let Some(row) = reader.next_row()? {
                    if row.fault.is_none() {
                        (0..width).for_each(|at| feed(at, row.cells.get(at)));
                    }
                }
            }
            Self::Cards(cards) => {
                while let Some(card) = cards.next_card()? {
                    if card.fault.is_none() {
                        card.cells.iter().enumerate().for_each(|(at, cell)| feed(at, cell));
                    }
                }
            }
        }
        Ok(())
    }

    /// The next row, and why it cannot be used. Rows of CSV are known by their line, cards by their number.
    pub(super) fn next_line(&mut self) -> io::Result<Option<(Line, Option<String>)>> {
        Ok(match self {
            Self::Csv(reader) => reader.next_row()?.map(|row| {
                let cells = row.cells.iter().map(str::to_owned).collect();
                (Line { number: row.line, cells }, row.fault.map(|fault| fault.to_string()))
            }),
            Self::Cards(cards) => cards
                .next_card()?
                .map(|card| (Line { number: card.number, cells: card.cells }, card.fault)),
        })
    }
}

/// What a file is and how it is written.
pub(super) fn form(source: &mut (impl Read + Seek), name: &str) -> Result<(Form, Dialect), Error> {
    let dialect = Dialect::of(source)?;
    if !is_of_cards(name) && !read::are_cards(&mut *source, dialect.encoding)? {
        return Ok((Form::Csv, dialect));
    }
    // What failed is told in CSV, whose delimiter is any that is common.
    Ok((Form::Cards, Dialect { delimiter: Delimiter::Comma, ..dialect }))
}

/// Whether a file is called as files of cards are.
pub(super) fn is_of_cards(name: &str) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    matches!(ending.as_deref(), Some("vcf" | "vcard"))
}
