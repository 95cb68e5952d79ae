//! Streams the rows of a CSV file of any dialect, and can go on where it was interrupted.

use std::io::{self, Read, Seek, SeekFrom};
use std::str;

use encoding_rs::WINDOWS_1252;
use serde::{Deserialize, Serialize};

use super::detect::{detect, is_separator_line};
use super::dialect::{Dialect, Encoding};
use super::error::Error;
use super::row::{Cells, Fault, Row};
use super::split::{Extent, Flaw, MAX_COLUMNS, MAX_ROW, Span, Split, Splitter, Stops};
use super::window::Window;

/// A place between two rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Bytes of the source before the next row; of [`Reader::total_bytes`], for progress.
    pub byte: u64,
    /// The physical line on which the next row, or an empty line before it, begins; from 1.
    pub line: u64,
    /// Rows read so far, good and bad, without the header.
    pub row: u64,
}

/// What was put up with, in rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notes {
    /// Rows of a UTF-8 file that are not UTF-8 and were read as Windows-1252.
    pub windows1252: u64,
    /// Rows of a UTF-16 file in which malformed characters became U+FFFD.
    pub replaced: u64,
    /// Rows with no text in any cell, passed over; empty lines are not counted.
    pub blank: u64,
    /// Rows with fewer cells than the header, the missing ones taken as empty.
    pub short: u64,
}

/// Reads rows one by one. Holds 64 KiB (128 KiB for UTF-16) and grows with the longest row, to a
/// few MiB where that is the longest that is read.
pub struct Reader<S> {
    window: Window<S>,
    dialect: Dialect,
    stops: Stops,
    headers: Vec<String>,
    total: u64,
    line: u64,
    row: u64,
    notes: Notes,
    spans: Vec<Span>,
    decoded: String,
    unescaped: String,
}

/// A record that was found and consumed.
struct Found {
    line: u64,
    /// Bytes of the text, and of the text with its line end.
    text: usize,
    length: usize,
    flaw: Option<Flaw>,
}

impl<S: Read + Seek> Reader<S> {
    /// Detects the dialect and reads the header.
    ///
    /// # Errors
    /// Any of [`Error`] but `Position`.
    pub fn open(mut source: S) -> Result<Self, Error> {
        let dialect = detect(&mut source)?;
        Self::with_dialect(source, dialect)
    }

    /// Reads the header of a file whose dialect is known.
    ///
    /// # Errors
    /// Any of [`Error`] but `Position` and `NotText`.
    pub fn with_dialect(mut source: S, dialect: Dialect) -> Result<Self, Error> {
        let total = source.seek(SeekFrom::End(0))?;
        let mut reader = Self {
            window: Window::new(source, dialect.encoding, dialect.bom_length())?,
            dialect,
            stops: Stops::new(dialect.delimiter.byte()),
            headers: Vec::new(),
            total,
            line: 1,
            row: 0,
            notes: Notes::default(),
            spans: Vec::new(),
            decoded: String::new(),
            unescaped: String::new(),
        };
        reader.headers = reader.read_headers()?;
        reader.notes = Notes::default();
        Ok(reader)
    }

    /// Goes on behind the row (or reader) that gave `position`; the notes begin at zero again.
    ///
    /// # Errors
    /// As `with_dialect`, and `Position` where the file is shorter than that.
    pub fn resume(source: S, dialect: Dialect, position: Position) -> Result<Self, Error> {
        let mut reader = Self::with_dialect(source, dialect)?;
        if position.byte > reader.total {
            return Err(Error::Position(position));
        }
        reader.window.seek(position.byte)?;
        (reader.line, reader.row) = (position.line, position.row);
        Ok(reader)
    }

    /// The dialect the file is read in.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The cells of the header as they stand.
    pub fn headers(&self) -> &[String] {
        &self.headers
    }

    /// Where the next row begins.
    pub fn position(&self) -> Position {
        Position { byte: self.window.offset().min(self.total), line: self.line, row: self.row }
    }

    /// The size of the file in bytes.
    pub fn total_bytes(&self) -> u64 {
        self.total
    }

    /// What was put up with since the reader was made.
    pub fn notes(&self) -> Notes {
        self.notes
    }

    /// The next row, good or bad; `None` at the end.
    ///
    /// # Errors
    /// The source failed.
    pub fn next_row(&mut self) -> io::Result<Option<Row<'_>>> {
        let Some(found) = self.next_record()? else {
            return Ok(None);
        };
        self.row += 1;
        let (position, width) = (self.position(), self.headers.len());
        let line = found.line;
        let (cells, fault) = self.cells(&found, width);
        Ok(Some(Row { line, position, cells, fault }))
    }

    fn read_headers(&mut self) -> Result<Vec<String>, Error> {
        loop {
            let Some(found) = self.next_record()? else {
                return Err(Error::Empty);
            };
            let delimiter = self.dialect.delimiter;
            let (cells, fault) = self.cells(&found, MAX_COLUMNS);
            if is_separator_line(cells.text.as_bytes(), delimiter) {
                continue;
            }
            if let Some(fault) = fault {
                return Err(Error::Header(fault));
            }
            return Ok(cells.iter().take(cells.spans.len()).map(str::to_owned).collect());
        }
    }

    /// Finds and consumes the next record that is not blank; its cells are in `spans`.
    fn next_record(&mut self) -> io::Result<Option<Found>> {
        loop {
            let unread = self.window.unread();
            if unread.is_empty() && self.window.ended() {
                return Ok(None);
            }
            if unread.is_empty() {
                self.window.fill()?;
                continue;
            }
            let ended = self.window.ended();
            let splitter = Splitter::new(unread, ended, &self.stops, &mut self.spans);
            match splitter.split() {
                Split::More => self.window.fill()?,
                Split::Record(extent) if self.is_blank() => {
                    self.notes.blank += u64::from(extent.end > 0);
                    self.take(extent, None);
                }
                Split::Record(extent) => return Ok(Some(self.take(extent, None))),
                Split::Flawed(extent, flaw) => return Ok(Some(self.take(extent, Some(flaw)))),
                Split::Endless { lines } => return self.skip_line(lines).map(Some),
            }
        }
    }

    fn is_blank(&self) -> bool {
        let text = self.window.unread();
        let blank = |span: &Span| text[span.start..span.end].iter().all(u8::is_ascii_whitespace);
        self.spans.iter().all(blank)
    }

    fn take(&mut self, extent: Extent, flaw: Option<Flaw>) -> Found {
        let line = self.line;
        self.window.consume(extent.next);
        self.line += extent.lines;
        // A row that is too long is not worth keeping for its text.
        let text = if flaw == Some(Flaw::TooLong) { 0 } else { extent.end };
        Found { line, text, length: extent.next, flaw }
    }

    /// Passes over a line of which not even the end is in sight.
    fn skip_line(&mut self, lines: u64) -> io::Result<Found> {
        let line = self.line;
        self.window.consume(MAX_ROW);
        self.line += lines;
        loop {
            let unread = self.window.unread();
            let length = unread.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            match length {
                Some(length) if unread[length] == b'\n' => {
                    self.window.consume(length + 1);
                    break;
                }
                Some(length) if length + 1 < unread.len() || self.window.ended() => {
                    let follows = unread.get(length + 1) == Some(&b'\n');
                    self.window.consume(length + 1 + usize::from(follows));
                    break;
                }
                Some(length) => self.window.consume(length),
                None => self.window.consume(unread.len()),
            }
            if self.window.ended() {
                break;
            }
            self.window.fill()?;
        }
        Ok(Found { line, text: 0, length: 0, flaw: Some(Flaw::TooLong) })
    }

    /// Decodes a record and judges it.
    fn cells(&mut self, found: &Found, width: usize) -> (Cells<'_>, Option<Fault>) {
        let encoding = self.dialect.encoding;
        let bytes = &self.window.consumed(found.length)[..found.text];
        let (text, converted) = decode(bytes, encoding, &mut self.decoded);
        if converted {
            self.notes.windows1252 += u64::from(encoding != Encoding::Windows1252);
            Splitter::of_whole(text.as_bytes(), &self.stops, &mut self.spans).split();
        }
        let utf16 = matches!(encoding, Encoding::Utf16Le | Encoding::Utf16Be);
        self.notes.replaced += u64::from(utf16 && text.contains('\u{FFFD}'));
        if let Some(flaw) = found.flaw {
            self.spans.clear();
            self.spans.push(Span { start: 0, end: text.len(), escaped: false });
            let cells = Cells { text, unescaped: "", spans: &self.spans, width };
            return (cells, Some(flaw.into()));
        }
        unescape(text, &mut self.spans, &mut self.unescaped);
        self.notes.short += u64::from(self.spans.len() < width);
        let mut cells = Cells { text, unescaped: &self.unescaped, spans: &self.spans, width };
        let fault = cells.fault();
        if fault.is_none() && cells.spans.len() > width {
            cells.spans = &cells.spans[..width];
        }
        (cells, fault)
    }
}

/// The text of a record, and whether it had to be converted from Windows-1252.
fn decode<'a>(bytes: &'a [u8], encoding: Encoding, converted: &'a mut String) -> (&'a str, bool) {
    let as_it_stands = encoding != Encoding::Windows1252 || bytes.is_ascii();
    match str::from_utf8(bytes) {
        Ok(text) if as_it_stands => (text, false),
        _ => {
            converted.clear();
            converted.push_str(&WINDOWS_1252.decode_without_bom_handling(bytes).0);
            (converted, true)
        }
    }
}

/// Writes the cells with doubled quotes anew, with single ones.
fn unescape(text: &str, spans: &mut [Span], unescaped: &mut String) {
    unescaped.clear();
    for span in spans.iter_mut().filter(|span| span.escaped) {
        let start = unescaped.len();
        let mut rest = &text[span.start..span.end];
        while let Some(at) = rest.find("\"\"") {
            unescaped.push_str(&rest[..=at]);
            rest = &rest[at + 2..];
        }
        unescaped.push_str(rest);
        (span.start, span.end) = (start, unescaped.len());
    }
}
