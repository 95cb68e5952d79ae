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

/// Where an archive is.
#[derive(Clone, Copy)]
pub(crate) enum Source<'a> {
    /// A file of this machine, by its name.
    Path(&'a Path),
    /// A file that somebody sent, and what they call it.
    Sent(&'a File, &'a str),
}

/// How much an archive may hold: a few bytes can be compressed that become very many.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    frame: usize,
    all: u64,
}

const OWN: Bounds = Bounds { frame: LARGEST_FRAME, all: u64::MAX };
/// Whoever sends one has no say over the memory and the disk of the machine.
const SENT: Bounds = Bounds { frame: 64 << 20, all: 16 << 30 };

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

struct Frames<R> {
    input: R,
    bounds: Bounds,
}

impl Reader {
    /// Opens an archive and reads all of it once for its checksum.
    ///
    /// # Errors
    /// `Malformed` (`not_a_backup`, `damaged`) for what is none, is cut off or was changed.
    pub(crate) fn open(kind: Kind, source: Source<'_>) -> Result<Self> {
        let (name, bounds) = match source {
            Source::Path(path) => (path.display().to_string(), OWN),
            Source::Sent(_, name) => (name.to_owned(), SENT),
        };
        let unreadable = |error: io::Error| unavailable(format!("{name} cannot be read: {error}."));
        let file = match source {
            Source::Path(path) => File::open(path),
            // Both share the place in it, and are used one behind the other.
            Source::Sent(file, _) => file.try_clone(),
        };
        let mut file = file.map_err(unreadable)?;
        file.rewind().map_err(unreadable)?;
        let size = file.metadata().map_err(unreadable)?.len();
        let mut magic = [0; 8];
        let read = file.read_exact(&mut magic).is_ok();
        if !read || magic != *kind.magic() {
            let begins: &[u8] = if read { &magic } else { &[] };
            return Err(not_one(kind, begins, &name));
        }
        file.rewind().map_err(unreadable)?;
        let Some(content) = size.checked_sub(CHECKSUM).filter(|rest| *rest > MAGIC) else {
            return Err(cut_off(&name));
        };
        if !holds(&mut file, content).map_err(unreadable)? {
            return Err(cut_off(&name));
        }
        file.seek(SeekFrom::Start(MAGIC)).map_err(unreadable)?;
        let frames = BufReader::new(file).take(content - MAGIC);
        Self::begin(Frames { input: GzDecoder::new(frames), bounds })
    }

    fn begin(mut frames: Frames<GzDecoder<io::Take<BufReader<File>>>>) -> Result<Self> {
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
        self.input.read_exact(&mut head).map_err(|_| damaged())?;
        let [mark, length @ ..] = head;
        let mark = Mark::of(mark).ok_or_else(damaged)?;
        let length = u32::from_be_bytes(length) as usize;
        if length > self.bounds.frame {
            return Err(self.too_much());
        }
        let all = self.bounds.all.checked_sub(length as u64);
        self.bounds.all = all.ok_or_else(|| self.too_much())?;
        // At once, since what grows by doubling takes three times as much at its last step.
        let mut bytes = Vec::with_capacity(length);
        let read = (&mut self.input).take(length as u64).read_to_end(&mut bytes);
        if read.map_err(|_| damaged())? == length { Ok((mark, bytes)) } else { Err(damaged()) }
    }

    #[track_caller]
    fn too_much(&self) -> Error {
        let most = self.bounds.frame >> 20;
        kith_kernel::too_large(if self.bounds.frame == OWN.frame {
            format!(
                "It has a part of more than {most} MiB, larger than any that Kith writes: it was not made by kith."
            )
        } else {
            format!(
                "Unpacked it has a part of more than {most} MiB, or more than {} GiB in all, which is not taken over HTTP. Whoever runs this installation can import it by kith tenant import.",
                SENT.all >> 30
            )
        })
    }
}

fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|error| damaged().caused_by(error))
}

fn not_one(kind: Kind, magic: &[u8], name: &str) -> Error {
    let why = if magic.get(..7) == kind.magic().get(..7) {
        "It was written in another format: use the version of Kith that made it, or a newer one."
            .to_owned()
    } else {
        format!("It is no {} of Kith.", kind.name())
    };
    Error::new(ErrorKind::Malformed, "not_a_backup", format!("{name}: {why}"))
}

fn cut_off(name: &str) -> Error {
    Error::new(ErrorKind::Malformed, "damaged", format!("{name}: {CUT_OFF}"))
}

/// Looks at an archive while it comes in: what is none, or was cut off, is told at once.
pub(crate) struct Arriving {
    kind: Kind,
    hash: Sha256,
    /// The last bytes, which are the checksum when nothing follows.
    last: Vec<u8>,
    size: u64,
}

impl Arriving {
    pub(crate) fn new(kind: Kind) -> Self {
        Self { kind, hash: Sha256::new(), last: Vec::new(), size: 0 }
    }

    /// What came next.
    ///
    /// # Errors
    /// `Malformed` (`not_a_backup`) where it does not begin as an archive of this kind does.
    pub(crate) fn add(&mut self, bytes: &[u8], name: &str) -> Result<()> {
        let magic = self.kind.magic();
        let begun = usize::try_from(self.size).unwrap_or(usize::MAX).min(magic.len());
        let rest = &magic[begun..];
        let compared = rest.len().min(bytes.len());
        if bytes[..compared] != rest[..compared] {
            let told: Vec<u8> = magic[..begun].iter().chain(bytes).take(8).copied().collect();
            return Err(not_one(self.kind, &told, name));
        }
        self.size += bytes.len() as u64;
        self.last.extend_from_slice(bytes);
        let known = self.last.len().saturating_sub(32);
        self.hash.update(&self.last[..known]);
        self.last.drain(..known);
        Ok(())
    }

    /// Nothing more comes.
    ///
    /// # Errors
    /// `Malformed` (`damaged`) where its checksum does not hold.
    pub(crate) fn end(self, name: &str) -> Result<()> {
        let whole = self.size > MAGIC + CHECKSUM && self.hash.finalize()[..] == self.last[..];
        if whole { Ok(()) } else { Err(cut_off(name)) }
    }
}

/// The checksum holds and the content makes no sense: not written by a program of ours.
#[track_caller]
pub(crate) fn damaged() -> Error {
    Error::new(ErrorKind::Malformed, "damaged", "The file's content makes no sense.")
}
