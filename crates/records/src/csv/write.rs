//! Writes rows that a spreadsheet opens without running them, and files of the rows that failed.

use std::borrow::Cow;
use std::io::{self, Write};

use super::dialect::{Delimiter, Dialect, Encoding};
use super::values::DecimalSign;

/// A cell that no spreadsheet takes for a formula: one that begins with `=`, `+`, `-`, `@`, a tab
/// or a line break and is no number gets an apostrophe before it. [`unguard`] takes it off.
pub fn guard(cell: &str) -> Cow<'_, str> {
    if is_formula(cell.trim_start_matches('\'')) {
        return Cow::Owned(format!("'{cell}"));
    }
    Cow::Borrowed(cell)
}

/// The cell that [`guard`] was given.
pub fn unguard(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(bare) if is_formula(bare.trim_start_matches('\'')) => bare,
        _ => cell,
    }
}

fn is_formula(cell: &str) -> bool {
    cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n'])
        && DecimalSign::Point.parse(cell).is_err()
        && DecimalSign::Comma.parse(cell).is_err()
}

/// What the last two columns of an error file are called; an import of such a file, mended, may
/// leave out a header's last two cells that are these.
pub const ERROR_COLUMNS: [&str; 2] = ["line", "reason"];

/// Writes rows as RFC 4180 has it: CR LF, quotes where needed; all cells are guarded.
pub struct Writer<W: Write> {
    rows: ::csv::Writer<W>,
}

impl<W: Write> Writer<W> {
    /// Writes nothing yet.
    pub fn new(out: W, delimiter: Delimiter) -> Self {
        let rows = ::csv::WriterBuilder::new()
            .delimiter(delimiter.byte())
            .terminator(::csv::Terminator::CRLF)
            .flexible(true)
            .from_writer(out);
        Self { rows }
    }

    /// Writes one row.
    ///
    /// # Errors
    /// The output failed.
    pub fn write_row<'a>(&mut self, cells: impl Iterator<Item = &'a str>) -> io::Result<()> {
        for cell in cells {
            self.rows.write_field(guard(cell).as_bytes())?;
        }
        Ok(self.rows.write_record(None::<&[u8]>)?)
    }

    /// Hands on what is buffered.
    ///
    /// # Errors
    /// The output failed.
    pub fn flush(&mut self) -> io::Result<()> {
        self.rows.flush()
    }
}

/// Writes the rows that failed, with the line each begins on and the reason, in UTF-8 and with
/// the delimiter of the file they are from, so that they can be mended and imported again.
pub struct ErrorFile<W: Write> {
    rows: Writer<W>,
    width: usize,
}

impl<W: Write> ErrorFile<W> {
    /// Writes the header; a byte order mark before it unless the file was UTF-8 without one, for
    /// spreadsheets take a file without a mark for Windows-1252.
    ///
    /// # Errors
    /// The output failed.
    pub fn create(mut out: W, headers: &[String], dialect: Dialect) -> io::Result<Self> {
        if dialect.has_bom || dialect.encoding != Encoding::Utf8 {
            out.write_all("\u{FEFF}".as_bytes())?;
        }
        let mut file = Self::append(out, headers, dialect);
        let [line, reason] = ERROR_COLUMNS.map(|name| unlike(headers, name));
        let header = headers.iter().chain([&line, &reason]);
        file.rows.write_row(header.map(String::as_str))?;
        Ok(file)
    }

    /// Goes on with a file that has its header already.
    pub fn append(out: W, headers: &[String], dialect: Dialect) -> Self {
        Self { rows: Writer::new(out, dialect.delimiter), width: headers.len() }
    }

    /// Writes a row that failed. Cells beyond the header are left out, missing ones are empty, and
    /// a NUL becomes U+FFFD, or the file would not read as text.
    ///
    /// # Errors
    /// The output failed.
    pub fn write<'a>(
        &mut self,
        cells: impl Iterator<Item = &'a str>,
        line: u64,
        reason: &str,
    ) -> io::Result<()> {
        let line = line.to_string();
        let cells: Vec<Cow<'_, str>> = cells.take(self.width).map(without_nul).collect();
        let missing = std::iter::repeat_n("", self.width - cells.len());
        let row = cells.iter().map(AsRef::as_ref).chain(missing);
        self.rows.write_row(row.chain([line.as_str(), reason]))
    }

    /// Hands on what is buffered; to be called before a place to resume at is stored.
    ///
    /// # Errors
    /// The output failed.
    pub fn flush(&mut self) -> io::Result<()> {
        self.rows.flush()
    }
}

fn without_nul(cell: &str) -> Cow<'_, str> {
    if cell.contains('\0') { Cow::Owned(cell.replace('\0', "\u{FFFD}")) } else { cell.into() }
}

/// The name, with a number where the file has such a column itself.
fn unlike(headers: &[String], name: &str) -> String {
    let mut unlike = name.to_owned();
    let mut number = 2;
    while headers.contains(&unlike) {
        unlike = format!("{name} {number}");
        number += 1;
    }
    unlike
}
