//! Reading an archive: its checksum first, so that nothing is touched for one that is not whole.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom},
    path::Path,
};

use flate2::read::GzDecoder;
use kith_kernel::{Error, Kind as ErrorKind, Result, unavailable};
use kith_platform::storage::Written;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::{Beginning, CHECKSUM, Ending, FileBeginning, Head, Kind, LARGEST_FRAME, MAGIC, Mark};

/// An archive whose checksum holds.
pub(crate) struct Reader {
    pub(crate) head: Head,
    frames: Frames<GzDecoder<io::Take<BufReader<File>>>>,
}

/// What comes next in an archive.
#[derive(Debug)]
pub(crate) enum Part {
    Table(Beginning),
    /// Rows of the table that began last, as the store reads them.
    Rows(Vec<u8>),
    TableEnd(Ending),
    File(FileBeginning),
    /// Bytes of the file that began last.
    Bytes(Vec<u8>),
    FileEnd(Written),
    End,
}

struct Frames<R>(R);

impl Reader {
    /// Opens an archive and reads all of it once for its checksum.
    ///
    /// # Errors
    /// `Malformed` (`not_a_backup`, `damaged`) for what is none, is cut off or was changed.
    pub(crate) fn open(kind: Kind, path: &Path) -> Result<Self> {
        let unreadable =
            |error: io::Error| unavailable(format!("{} cannot be read: {error}.", path.display()));
        let mut file = File::open(path).map_err(unreadable)?;
        let size = file.metadata().map_err(unreadable)?.len();
        let mut magic = [0; 8];
        let read = file.read_exact(&mut magic).is_ok();
        if !read || magic != *kind.magic() {
            let why = if read && magic[..7] == kind.magic()[..7] {
                "It was written in another format: use the version of Kith that made it, or a newer one.".to_owned()
            } else {
                format!("It is no {} of Kith.", kind.name())
            };
            return Err(refused("not_a_backup", path, &why));
        }
        file.rewind().map_err(unreadable)?;
        let Some(content) = size.checked_sub(CHECKSUM).filter(|rest| *rest > MAGIC) else {
            return Err(refused("damaged", path, CUT_OFF));
        };
        if !holds(&mut file, content).map_err(unreadable)? {
            return Err(refused("damaged", path, CUT_OFF));
        }
        file.seek(SeekFrom::Start(MAGIC)).map_err(unreadable)?;
        let frames = BufReader::new(file).take(content - MAGIC);
        let mut frames = Frames(GzDecoder::new(frames));
        match frames.next()? {
            (Mark::Head, bytes) => Ok(Self { head: json(&bytes)?, frames }),
            (
                Mark::Table
                | Mark::Rows
                | Mark::TableEnd
                | Mark::End
                | Mark::File
                | Mark::Bytes
                | Mark::FileEnd,
                _,
            ) => Err(damaged()),
        }
    }

    /// What comes next.
    pub(crate) fn next(&mut self) -> Result<Part> {
        let (mark, bytes) = self.frames.next()?;
        Ok(match mark {
            Mark::Head => return Err(damaged()),
            Mark::Table => Part::Table(json(&bytes)?),
            Mark::Rows => Part::Rows(bytes),
            Mark::TableEnd => Part::TableEnd(json(&bytes)?),
            Mark::File => Part::File(json(&bytes)?),
            Mark::Bytes => Part::Bytes(bytes),
            Mark::FileEnd => Part::FileEnd(json(&bytes)?),
            Mark::End => Part::End,
        })
    }
}

const CUT_OFF: &str =
    "Its checksum does not hold: it was cut off or changed on its way. Nothing was touched.";

/// Whether the checksum at the end is that of what stands before it.
fn holds(file: &mut File, content: u64) -> io::Result<bool> {
    let mut hash = Sha256::new();
    let mut input = BufReader::with_capacity(1 << 20, file);
    let mut rest = content;
    let mut piece = vec![0; 1 << 20];
    while rest > 0 {
        let most = usize::try_from(rest).unwrap_or(usize::MAX).min(piece.len());
        let read = input.read(&mut piece[..most])?;
        if read == 0 {
            return Ok(false);
        }
        hash.update(&piece[..read]);
        rest -= read as u64;
    }
    let mut told = [0; 32];
    input.read_exact(&mut told)?;
    Ok(hash.finalize()[..] == told)
}

impl<R: Read> Frames<R> {
    fn next(&mut self) -> Result<(Mark, Vec<u8>)> {
        let mut head = [0; 5];
        self.0.read_exact(&mut head).map_err(|_| damaged())?;
        let [mark, length @ ..] = head;
        let mark = Mark::of(mark).ok_or_else(damaged)?;
        let length = u32::from_be_bytes(length) as usize;
        if length > LARGEST_FRAME {
            return Err(damaged());
        }
        let mut bytes = Vec::new();
        let read = (&mut self.0).take(length as u64).read_to_end(&mut bytes);
        if read.map_err(|_| damaged())? == length { Ok((mark, bytes)) } else { Err(damaged()) }
    }
}

fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|error| damaged().caused_by(error))
}

fn refused(code: &'static str, path: &Path, why: &str) -> Error {
    Error::new(ErrorKind::Malformed, code, format!("{}: {why}", path.display()))
}

/// The checksum holds and the content makes no sense: not written by a program of ours.
#[track_caller]
pub(crate) fn damaged() -> Error {
    Error::new(ErrorKind::Malformed, "damaged", "The file's content makes no sense.")
}
