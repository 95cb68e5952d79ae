//! A sliding window over the text of a source, in UTF-8 where the source is UTF-16.

use std::io::{self, Read, Seek, SeekFrom};

use encoding_rs::{CoderResult, Decoder, UTF_16BE, UTF_16LE};

use super::dialect::Encoding;

/// Bytes asked of the source at once, and the smallest window.
const CHUNK: usize = 64 * 1024;

/// The bytes between what has been consumed and what has been read.
pub(crate) struct Window<S> {
    source: S,
    encoding: Encoding,
    transcoder: Option<Transcoder>,
    bytes: Vec<u8>,
    start: usize,
    filled: usize,
    /// Where `start` stands in the source.
    offset: u64,
    ended: bool,
}

impl<S: Read + Seek> Window<S> {
    /// Begins at `offset` bytes from the start of the source.
    pub(crate) fn new(source: S, encoding: Encoding, offset: u64) -> io::Result<Self> {
        let bytes = vec![0; CHUNK];
        let mut window = Self {
            source,
            encoding,
            transcoder: None,
            bytes,
            start: 0,
            filled: 0,
            offset,
            ended: false,
        };
        window.seek(offset)?;
        Ok(window)
    }

    /// Forgets what was read and begins anew at `offset`.
    pub(crate) fn seek(&mut self, offset: u64) -> io::Result<()> {
        self.source.seek(SeekFrom::Start(offset))?;
        self.transcoder = Transcoder::new(self.encoding);
        (self.start, self.filled, self.offset, self.ended) = (0, 0, offset, false);
        Ok(())
    }

    pub(crate) fn unread(&self) -> &[u8] {
        &self.bytes[self.start..self.filled]
    }

    /// Whether the source holds nothing beyond `unread`.
    pub(crate) fn ended(&self) -> bool {
        self.ended
    }

    /// Where the first unread byte stands in the source.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Makes `unread` longer, or learns that it cannot be.
    pub(crate) fn fill(&mut self) -> io::Result<()> {
        self.bytes.copy_within(self.start..self.filled, 0);
        self.filled -= self.start;
        self.start = 0;
        if self.filled > self.bytes.len() / 2 {
            self.bytes.resize(self.bytes.len() * 2, 0);
        }
        // Until the room is full, since what is unread is looked at anew after each fill; a
        // decoder needs a few bytes to get on.
        while !self.ended && self.bytes.len() - self.filled >= 4 {
            let room = &mut self.bytes[self.filled..];
            let read = match &mut self.transcoder {
                Some(transcoder) => transcoder.read(&mut self.source, room)?,
                None => read_some(&mut self.source, room)?,
            };
            self.filled += read;
            self.ended = read == 0;
        }
        Ok(())
    }

    pub(crate) fn consume(&mut self, length: usize) {
        self.offset += match self.encoding {
            Encoding::Utf8 | Encoding::Windows1252 => length as u64,
            Encoding::Utf16Le | Encoding::Utf16Be => 2 * utf16_units(&self.unread()[..length]),
        };
        self.start += length;
    }

    /// The last `length` bytes that were consumed; they stand until the next `fill`.
    pub(crate) fn consumed(&self, length: usize) -> &[u8] {
        &self.bytes[self.start - length..self.start]
    }
}

/// A malformed unit becomes one U+FFFD, which is one unit again, so the count holds for any source.
fn utf16_units(text: &[u8]) -> u64 {
    let units = |byte: &u8| u64::from(byte & 0xC0 != 0x80) + u64::from(*byte >= 0xF0);
    text.iter().map(units).sum()
}

fn read_some(source: &mut impl Read, room: &mut [u8]) -> io::Result<usize> {
    loop {
        match source.read(room) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Turns UTF-16 into UTF-8 piece by piece.
struct Transcoder {
    decoder: Decoder,
    raw: Vec<u8>,
    start: usize,
    filled: usize,
    source_ended: bool,
    finished: bool,
}

impl Transcoder {
    fn new(encoding: Encoding) -> Option<Self> {
        let from = match encoding {
            Encoding::Utf16Le => UTF_16LE,
            Encoding::Utf16Be => UTF_16BE,
            Encoding::Utf8 | Encoding::Windows1252 => return None,
        };
        Some(Self {
            decoder: from.new_decoder_without_bom_handling(),
            raw: vec![0; CHUNK],
            start: 0,
            filled: 0,
            source_ended: false,
            finished: false,
        })
    }

    /// As `Read::read`: nothing is returned only at the end of the source.
    fn read(&mut self, source: &mut impl Read, room: &mut [u8]) -> io::Result<usize> {
        while !self.finished {
            if self.start == self.filled && !self.source_ended {
                self.start = 0;
                self.filled = read_some(source, &mut self.raw)?;
                self.source_ended = self.filled == 0;
            }
            let raw = &self.raw[self.start..self.filled];
            let (result, read, written, _) =
                self.decoder.decode_to_utf8(raw, room, self.source_ended);
            self.start += read;
            self.finished = self.source_ended && result == CoderResult::InputEmpty;
            if written > 0 {
                return Ok(written);
            }
        }
        Ok(0)
    }
}
