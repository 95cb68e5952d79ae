//! Tells the dialect of a file from its first 64 KiB.

use std::borrow::Cow;
use std::io::{self, Read, Seek, SeekFrom};

use encoding_rs::{UTF_16BE, UTF_16LE};

use super::dialect::{Delimiter, Dialect, Encoding};
use super::error::Error;
use super::split::{Split, Splitter, Stops};

const SAMPLE: u64 = 64 * 1024;
/// Records looked at to tell the delimiter.
const RECORDS: u32 = 200;
/// How files begin that are no text, whatever their name says.
const FOREIGN: [(&[u8], &str); 4] = [
    (b"PK\x03\x04", "a ZIP archive or a workbook (.xlsx, .ods)"),
    (b"\xD0\xCF\x11\xE0", "an old workbook (.xls)"),
    (b"\x1F\x8B", "a gzip archive"),
    (b"%PDF-", "a PDF document"),
];

/// The dialect of a source, which is left at an arbitrary place.
pub(super) fn detect(source: &mut (impl Read + Seek)) -> Result<Dialect, Error> {
    let mut sample = Vec::new();
    source.seek(SeekFrom::Start(0))?;
    read_sample(source, &mut sample)?;
    let whole = (sample.len() as u64) < SAMPLE;
    if let Some((_, what)) = FOREIGN.iter().find(|(magic, _)| sample.starts_with(magic)) {
        return Err(Error::NotText(what));
    }
    let (encoding, bom) = encoding_of(&sample, whole);
    let body = &sample[bom..];
    let text = match encoding {
        Encoding::Utf8 | Encoding::Windows1252 => Cow::Borrowed(body),
        Encoding::Utf16Le => utf8(UTF_16LE.decode_without_bom_handling(body).0),
        Encoding::Utf16Be => utf8(UTF_16BE.decode_without_bom_handling(body).0),
    };
    Ok(Dialect { encoding, delimiter: delimiter_of(&text, whole), has_bom: bom > 0 })
}

fn read_sample(source: &mut impl Read, sample: &mut Vec<u8>) -> io::Result<()> {
    source.take(SAMPLE).read_to_end(sample)?;
    Ok(())
}

fn utf8(text: Cow<'_, str>) -> Cow<'static, [u8]> {
    Cow::Owned(text.into_owned().into_bytes())
}

/// The encoding, and the length of the byte order mark.
fn encoding_of(sample: &[u8], whole: bool) -> (Encoding, usize) {
    match sample {
        [0xEF, 0xBB, 0xBF, ..] => return (Encoding::Utf8, 3),
        [0xFF, 0xFE, ..] => return (Encoding::Utf16Le, 2),
        [0xFE, 0xFF, ..] => return (Encoding::Utf16Be, 2),
        _ => {}
    }
    if let Some(encoding) = utf16_without_bom(sample) {
        return (encoding, 0);
    }
    if is_utf8(sample, whole) || mostly_utf8(sample) {
        return (Encoding::Utf8, 0);
    }
    (Encoding::Windows1252, 0)
}

/// UTF-16 shows in NULs beside the ASCII characters: on one side only, and beside the line ends,
/// which tells it from UTF-8 with a stray NUL or two.
fn utf16_without_bom(sample: &[u8]) -> Option<Encoding> {
    let nuls = |second: bool| {
        sample.as_chunks().0.iter().filter(|[a, b]| if second { *b } else { *a } == 0).count()
    };
    let (first, second) = (nuls(false), nuls(true));
    let (encoding, many, few) = if second > first {
        (Encoding::Utf16Le, second, first)
    } else {
        (Encoding::Utf16Be, first, second)
    };
    if many * 20 < sample.len() || few * 10 > many {
        return None;
    }
    let (mut paired, mut naked) = (0, 0);
    for [a, b] in sample.as_chunks().0 {
        let (character, other) = if second > first { (*a, *b) } else { (*b, *a) };
        paired += usize::from(character == b'\n' && other == 0);
        naked += usize::from(other == b'\n' || (character == b'\n' && other != 0));
    }
    let believable = paired > naked || (naked == 0 && many * 5 > sample.len());
    believable.then_some(encoding)
}

/// A character may be cut off by the end of the sample.
fn is_utf8(sample: &[u8], whole: bool) -> bool {
    match std::str::from_utf8(sample) {
        Ok(_) => true,
        Err(error) => !whole && error.error_len().is_none(),
    }
}

/// Whether the lines that are beyond ASCII and valid outnumber the others: files that were glued
/// together from several sources, of which one was not UTF-8.
fn mostly_utf8(sample: &[u8]) -> bool {
    let (mut valid, mut invalid) = (0_u32, 0_u32);
    for line in sample.split(|byte| *byte == b'\n').filter(|line| !line.is_ascii()) {
        match std::str::from_utf8(line) {
            Ok(_) => valid += 1,
            Err(_) => invalid += 1,
        }
    }
    valid > invalid
}

/// The delimiter under which most records have as many cells as the header; the one that makes
/// more columns where several do.
fn delimiter_of(text: &[u8], whole: bool) -> Delimiter {
    if let Some(told) = told_by_first_line(text) {
        return told;
    }
    let mut best = (Delimiter::Comma, 0, 0);
    for delimiter in Delimiter::ALL {
        let (share, columns) = consistency(text, whole, delimiter);
        if columns > 1 && (share, columns) > (best.1, best.2) {
            best = (delimiter, share, columns);
        }
    }
    best.0
}

/// Spreadsheets understand, and some programs write, a first line `sep=;`.
fn told_by_first_line(text: &[u8]) -> Option<Delimiter> {
    let line = text.split(|byte| matches!(byte, b'\n' | b'\r')).next()?;
    Delimiter::ALL.into_iter().find(|delimiter| is_separator_line(line, *delimiter))
}

/// Whether a line says nothing but what the delimiter is.
pub(super) fn is_separator_line(line: &[u8], delimiter: Delimiter) -> bool {
    line.strip_prefix(b"sep=") == Some(&[delimiter.byte()])
}

/// How many thousandths of the records have as many cells as the header, and the header's cells.
fn consistency(text: &[u8], whole: bool, delimiter: Delimiter) -> (u32, usize) {
    let stops = Stops::new(delimiter.byte());
    let (mut spans, mut at, mut columns) = (Vec::new(), 0, 0);
    let (mut records, mut fitting) = (0, 0);
    while at < text.len() && records < RECORDS {
        let (extent, sound) = match Splitter::new(&text[at..], whole, &stops, &mut spans).split() {
            Split::Record(extent) => (extent, true),
            Split::Flawed(extent, _) => (extent, false),
            Split::More | Split::Endless { .. } => break,
        };
        at += extent.next;
        if extent.end == 0 {
            continue;
        }
        if records == 0 {
            columns = spans.len();
        }
        records += 1;
        fitting += u32::from(sound && spans.len() == columns);
    }
    (fitting * 1000 / records.max(1), columns)
}
