//! Writing an archive: to a file, which has another name until it is whole and is for its owner's eyes alone, or to
//! whoever reads along.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use axum::body::Bytes;
use flate2::{Compression, write::GzEncoder};
use kith_kernel::{Error, Result, unavailable};
use kith_platform::storage::Written;
use kith_store::{TableShape, Tally, Value, write_row};
use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use super::{Beginning, Ending, FileBeginning, Head, Kind, Mark};

/// Rows go out in frames of about this size, so that whoever reads them needs little room.
const FRAME: usize = 4 << 20;
/// What is read along goes in pieces of this size: whoever takes one at a time is slow, and not gone.
const PIECE: usize = 64 << 10;

/// An archive under way; dropped before [`Self::place`], it leaves nothing.
pub(crate) struct Writer {
    out: Option<GzEncoder<Hashing>>,
    way: Way,
    /// Behind the end: what was not passed on yet.
    rest: Vec<u8>,
    rows: Vec<u8>,
}

/// Where an archive goes.
enum Way {
    File { draft: PathBuf, path: PathBuf },
    Reader(Along),
}

/// Whoever reads an archive while it is written.
pub(crate) struct Along {
    pub(crate) pieces: mpsc::Sender<Bytes>,
    /// Whoever takes nothing for so long is gone: what is written is one state of the database, which cannot be held
    /// for ever.
    pub(crate) patience: Duration,
}

struct Hashing {
    output: Output,
    hash: Sha256,
}

enum Output {
    File(BufWriter<File>),
    /// What was written since it was passed on last.
    Memory(Vec<u8>),
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.write(bytes),
            Self::Memory(memory) => memory.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.flush(),
            Self::Memory(_) => Ok(()),
        }
    }
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.output.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

impl Writer {
    /// Begins an archive that is a file.
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
        let output = Output::File(BufWriter::new(file.map_err(refuse)?));
        let way = Way::File { draft: draft.clone(), path: path.to_owned() };
        Self::begin((kind, head), way, output)
    }

    /// Begins an archive that is read while it is written: what [`Self::pass_on`] passes on.
    pub(crate) fn stream(kind: Kind, head: &Head, reader: Along) -> Result<Self> {
        Self::begin((kind, head), Way::Reader(reader), Output::Memory(Vec::new()))
    }

    fn begin((kind, head): (Kind, &Head), way: Way, output: Output) -> Result<Self> {
        let out = Hashing { output, hash: Sha256::new() };
        let out = Some(GzEncoder::new(out, Compression::fast()));
        let mut writer = Self { out, way, rest: Vec::new(), rows: Vec::new() };
        if let Some(out) = &mut writer.out {
            let begun = out.get_mut().write_all(kind.magic());
            begun.map_err(|error| writer.unwritable(&error))?;
        }
        writer.json(Mark::Head, head)?;
        Ok(writer)
    }

    /// Where it stands until it is placed, where it is a file.
    pub(crate) fn draft(&self) -> Option<&Path> {
        match &self.way {
            Way::File { draft, .. } => Some(draft),
            Way::Reader(_) => None,
        }
    }

    /// Passes on what was written to whoever reads along.
    ///
    /// # Errors
    /// `Unavailable` where nobody does any more.
    pub(crate) async fn pass_on(&mut self) -> Result<()> {
        let Way::Reader(reader) = &self.way else { return Ok(()) };
        let written = match &mut self.out {
            Some(out) => match &mut out.get_mut().output {
                Output::Memory(memory) => std::mem::take(memory),
                Output::File(_) => return Ok(()),
            },
            None => std::mem::take(&mut self.rest),
        };
        let mut written = Bytes::from(written);
        while !written.is_empty() {
            let piece = written.split_to(PIECE.min(written.len()));
            match tokio::time::timeout(reader.patience, reader.pieces.send(piece)).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => {
                    return Err(unavailable("Nobody reads the archive any more."));
                }
            }
        }
        Ok(())
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
            if bytes.len() > FRAME {
                self.frame(Mark::Rows, &bytes)?;
                bytes.clear();
            }
        }
        let done = if bytes.is_empty() { Ok(()) } else { self.frame(Mark::Rows, &bytes) };
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

    /// Nothing more comes: the checksum is written, and a file is on the disk.
    pub(crate) fn end(&mut self) -> Result<()> {
        self.frame(Mark::End, b"{}")?;
        let Some(out) = self.out.take() else { return Ok(()) };
        let ended = out.finish().and_then(|Hashing { mut output, hash }| {
            output.write_all(&hash.finalize())?;
            match output {
                Output::File(mut file) => {
                    file.flush()?;
                    file.get_ref().sync_all()?;
                }
                Output::Memory(memory) => self.rest = memory,
            }
            Ok(())
        });
        ended.map_err(|error| self.unwritable(&error))
    }

    /// Gives a file its name; says how many bytes it has.
    pub(crate) fn place(self) -> Result<u64> {
        let Way::File { draft, path } = &self.way else { return Ok(0) };
        let placed = fs::metadata(draft).and_then(|file| {
            fs::rename(draft, path)?;
            Ok(file.len())
        });
        placed.map_err(|error| unwritable(path, &error))
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
        written.map_err(|error| self.unwritable(&error))
    }

    fn unwritable(&self, error: &io::Error) -> Error {
        match &self.way {
            Way::File { draft, .. } => unwritable(draft, error),
            Way::Reader(_) => unavailable(format!("The archive cannot be written: {error}.")),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Placed, it is not there any more.
        if let Way::File { draft, .. } = &self.way {
            fs::remove_file(draft).ok();
        }
    }
}

fn unwritable(path: &Path, error: &io::Error) -> Error {
    unavailable(format!("{} cannot be written: {error}.", path.display()))
}
