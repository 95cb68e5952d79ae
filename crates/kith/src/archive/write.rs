//! Writing an archive: under another name until it is whole, for its owner's eyes alone.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};
use kith_kernel::{Error, Result, unavailable};
use kith_platform::storage::Written;
use kith_store::{TableShape, Tally, Value, write_row};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{Beginning, Ending, FileBeginning, Head, Kind, Mark};

/// An archive under way; dropped before [`Self::place`], it leaves nothing.
pub(crate) struct Writer {
    out: Option<GzEncoder<Hashing>>,
    draft: PathBuf,
    path: PathBuf,
    rows: Vec<u8>,
}

struct Hashing {
    file: BufWriter<File>,
    hash: Sha256,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Writer {
    /// Begins an archive.
    ///
    /// # Errors
    /// `Unavailable` when the file is there already or cannot be made.
    pub(crate) fn create(kind: Kind, path: &Path, head: &Head) -> Result<Self> {
        if path.exists() {
            return Err(unavailable(format!("{} is there already.", path.display())));
        }
        let draft = PathBuf::from(format!("{}.partial", path.display()));
        let refuse = |error: io::Error| unwritable(&draft, &error);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(refuse)?;
        }
        // What an interrupted run left is none of the whole.
        fs::remove_file(&draft).ok();
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft);
        let mut out = Hashing { file: BufWriter::new(file.map_err(refuse)?), hash: Sha256::new() };
        out.write_all(kind.magic()).map_err(refuse)?;
        let out = Some(GzEncoder::new(out, Compression::fast()));
        let mut writer = Self { out, draft, path: path.to_owned(), rows: Vec::new() };
        writer.json(Mark::Head, head)?;
        Ok(writer)
    }

    /// Where it stands until it is placed.
    pub(crate) fn draft(&self) -> &Path {
        &self.draft
    }

    /// A table begins.
    pub(crate) fn table(&mut self, table: &TableShape) -> Result<()> {
        let beginning = Beginning { table: table.name().to_owned(), columns: table.columns() };
        self.json(Mark::Table, &beginning)
    }

    /// Rows of the table that began last.
    pub(crate) fn rows(&mut self, rows: &[Vec<Value>]) -> Result<()> {
        let mut bytes = std::mem::take(&mut self.rows);
        bytes.clear();
        for row in rows {
            write_row(row, &mut bytes);
        }
        let done = self.frame(Mark::Rows, &bytes);
        self.rows = bytes;
        done
    }

    /// The table ends.
    pub(crate) fn end_table(&mut self, tally: &Tally) -> Result<()> {
        let (table, hash) = (tally.table.to_owned(), tally.hash.clone());
        self.json(Mark::TableEnd, &Ending { table, rows: tally.rows, hash })
    }

    /// A file begins.
    pub(crate) fn file(&mut self, file: FileBeginning) -> Result<()> {
        self.json(Mark::File, &file)
    }

    /// Bytes of the file that began last.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.frame(Mark::Bytes, bytes)
    }

    /// The file ends.
    pub(crate) fn end_file(&mut self, written: &Written) -> Result<()> {
        self.json(Mark::FileEnd, written)
    }

    /// Nothing more comes: the checksum is written, and the file is on the disk. Says how many bytes it has.
    pub(crate) fn end(&mut self) -> Result<u64> {
        self.frame(Mark::End, b"{}")?;
        let Some(out) = self.out.take() else { return Ok(0) };
        let ended = out.finish().and_then(|mut out| {
            let hash = out.hash.clone().finalize();
            out.file.write_all(&hash)?;
            out.file.flush()?;
            out.file.get_ref().sync_all()?;
            out.file.get_ref().metadata()
        });
        ended.map(|file| file.len()).map_err(|error| unwritable(&self.draft, &error))
    }

    /// Gives it its name.
    pub(crate) fn place(self) -> Result<()> {
        fs::rename(&self.draft, &self.path).map_err(|error| unwritable(&self.path, &error))
    }

    fn json(&mut self, mark: Mark, value: &impl Serialize) -> Result<()> {
        let bytes = serde_json::to_vec(value)
            .map_err(|error| kith_kernel::internal("a frame is no JSON").caused_by(error))?;
        self.frame(mark, &bytes)
    }

    fn frame(&mut self, mark: Mark, bytes: &[u8]) -> Result<()> {
        let Some(out) = &mut self.out else { return Ok(()) };
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes();
        let written = out
            .write_all(&[mark as u8])
            .and_then(|()| out.write_all(&length))
            .and_then(|()| out.write_all(bytes));
        written.map_err(|error| unwritable(&self.draft, &error))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Placed, it is not there any more.
        fs::remove_file(&self.draft).ok();
    }
}

fn unwritable(path: &Path, error: &io::Error) -> Error {
    unavailable(format!("{} cannot be written: {error}.", path.display()))
}
