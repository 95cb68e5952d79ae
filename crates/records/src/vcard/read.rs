//! Streams the cards of a file of any version and encoding, one by one, and can go on where it was interrupted.

use std::{
    borrow::Cow,
    io::{self, Read, Seek, SeekFrom},
};

use encoding_rs::WINDOWS_1252;

use super::{quoted, row};
use crate::csv::{Dialect, Encoding, Notes, Position, Window};

/// The longest card, in bytes, without its pictures and sounds.
const LONGEST_CARD: usize = 1024 * 1024;
/// Lines are looked for in so many bytes; what is longer is not kept.
const LONGEST_LINE: usize = 512 * 1024;
/// Properties that may be megabytes and that no record keeps.
const BULKY: [&str; 6] = ["PHOTO", "LOGO", "SOUND", "KEY", "X-MS-CARDPICTURE", "X-WAB-PHOTO"];

/// A card on its way in.
pub(crate) struct Card {
    /// Which card of the file it is, from 1.
    pub(crate) number: u64,
    /// Its values, under [`row::HEADERS`].
    pub(crate) cells: Vec<String>,
    /// Why it cannot be used.
    pub(crate) fault: Option<String>,
}

/// Reads cards one by one, in memory that does not grow with the file.
pub(crate) struct Cards<S> {
    window: Window<S>,
    total: u64,
    line: u64,
    card: u64,
    notes: Notes,
}

/// What was found between `BEGIN:VCARD` and `END:VCARD`.
#[derive(Default)]
struct Found {
    text: Vec<u8>,
    /// Within a property that is passed over.
    skipping: bool,
    fault: Option<&'static str>,
}

const ENDLESS: &str = "the card does not end: END:VCARD is missing";
const OUTSIDE: &str = "there is text outside of any card: BEGIN:VCARD is missing";
const TOO_LONG: &str = "the card is longer than 1 MiB without its pictures";

impl<S: Read + Seek> Cards<S> {
    /// Begins at the first card.
    pub(crate) fn open(mut source: S, dialect: Dialect) -> io::Result<Self> {
        let total = source.seek(SeekFrom::End(0))?;
        let window = Window::new(source, dialect.encoding, dialect.bom_length())?;
        Ok(Self { window, total, line: 1, card: 0, notes: Notes::default() })
    }

    /// Goes on behind the card that gave `position`.
    pub(crate) fn resume(source: S, dialect: Dialect, position: Position) -> io::Result<Self> {
        let mut cards = Self::open(source, dialect)?;
        cards.window.seek(position.byte)?;
        (cards.line, cards.card) = (position.line, position.row);
        Ok(cards)
    }

    pub(crate) fn position(&self) -> Position {
        Position { byte: self.window.offset().min(self.total), line: self.line, row: self.card }
    }

    pub(crate) fn total_bytes(&self) -> u64 {
        self.total
    }

    pub(crate) fn notes(&self) -> Notes {
        self.notes
    }

    /// The next card, good or bad; `None` at the end.
    ///
    /// # Errors
    /// The source failed.
    pub(crate) fn next_card(&mut self) -> io::Result<Option<Card>> {
        let Some(found) = self.find()? else { return Ok(None) };
        self.card += 1;
        let number = self.card;
        let failed = |why: &str| {
            let cells = vec![String::new(); row::HEADERS.len()];
            Card { number, cells, fault: Some(format!("card {number}: {why}")) }
        };
        if let Some(fault) = found.fault {
            return Ok(Some(failed(fault)));
        }
        let text = if let Ok(text) = std::str::from_utf8(&found.text) {
            Cow::Borrowed(text)
        } else {
            self.notes.windows1252 += 1;
            WINDOWS_1252.decode_without_bom_handling(&found.text).0
        };
        Ok(Some(match row::cells(&quoted::with_charsets(&text)) {
            Ok(cells) => Card { number, cells, fault: None },
            Err(why) => failed(why),
        }))
    }

    /// Finds the next card and consumes it.
    fn find(&mut self) -> io::Result<Option<Found>> {
        let mut outside = false;
        while let Some((length, whole)) = self.next_line()? {
            let line = &self.window.unread()[..length];
            let is_blank = line.iter().all(u8::is_ascii_whitespace);
            let begins = says(line, "BEGIN:VCARD");
            if begins && outside {
                break;
            }
            outside |= !begins && !is_blank;
            self.consume(length, whole)?;
            if begins {
                return self.rest().map(Some);
            }
        }
        Ok(outside.then(|| Found { fault: Some(OUTSIDE), ..Found::default() }))
    }

    /// What stands behind the beginning of a card, to its end.
    fn rest(&mut self) -> io::Result<Found> {
        let mut found = Found::default();
        while let Some((length, whole)) = self.next_line()? {
            let line = &self.window.unread()[..length];
            if says(line, "BEGIN:VCARD") {
                found.fault = Some(ENDLESS);
                return Ok(found);
            }
            if says(line, "END:VCARD") {
                self.consume(length, whole)?;
                return Ok(found);
            }
            found.add(line, whole);
            self.consume(length, whole)?;
        }
        found.fault = Some(ENDLESS);
        Ok(found)
    }

    /// The length of the next line with its end, and whether that is all of it; none at the end of the file.
    fn next_line(&mut self) -> io::Result<Option<(usize, bool)>> {
        let mut looked = 0;
        loop {
            let unread = self.window.unread();
            if let Some(at) = unread[looked..].iter().position(|byte| *byte == b'\n') {
                return Ok(Some((looked + at + 1, true)));
            }
            looked = unread.len();
            if looked >= LONGEST_LINE {
                return Ok(Some((looked, false)));
            }
            if self.window.ended() {
                return Ok((looked > 0).then_some((looked, true)));
            }
            self.window.fill()?;
        }
    }

    /// Passes over a line, to its end where that is not in sight yet.
    fn consume(&mut self, length: usize, whole: bool) -> io::Result<()> {
        self.window.consume(length);
        let mut whole = whole;
        while !whole {
            let unread = self.window.unread();
            let end = unread.iter().position(|byte| *byte == b'\n');
            let rest = end.map_or(unread.len(), |at| at + 1);
            whole = end.is_some() || (rest == 0 && self.window.ended());
            self.window.consume(rest);
            if !whole {
                self.window.fill()?;
            }
        }
        self.line += 1;
        Ok(())
    }
}

impl Found {
    fn add(&mut self, line: &[u8], whole: bool) {
        let is_folded = line.first().is_some_and(|byte| matches!(byte, b' ' | b'\t'));
        // The lines of a picture of version 2.1 are not always indented, but never hold a colon.
        let goes_on = is_folded || (self.skipping && !line.contains(&b':'));
        if !goes_on {
            self.skipping = is_bulky(line);
        }
        if self.skipping {
            return;
        }
        if !whole || self.text.len() + line.len() > LONGEST_CARD {
            self.fault = Some(TOO_LONG);
            return;
        }
        if line.contains(&0) {
            self.fault = Some("the card holds a NUL character");
        }
        self.text.extend_from_slice(line);
    }
}

/// Whether a line says just that, whatever its case.
fn says(line: &[u8], words: &str) -> bool {
    let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line).trim_ascii();
    line.eq_ignore_ascii_case(words.as_bytes())
}

fn is_bulky(line: &[u8]) -> bool {
    let end = line.iter().position(|byte| matches!(byte, b':' | b';')).unwrap_or(line.len());
    let name = &line[..end];
    let name = name.iter().position(|byte| *byte == b'.').map_or(name, |dot| &name[dot + 1..]);
    BULKY.iter().any(|bulky| name.eq_ignore_ascii_case(bulky.as_bytes()))
}

/// Whether a file begins as cards do.
///
/// # Errors
/// The source failed.
pub(crate) fn are_cards(mut source: impl Read + Seek, encoding: Encoding) -> io::Result<bool> {
    let mut window = Window::new(&mut source, encoding, 0)?;
    window.fill()?;
    let text = window.unread();
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text).trim_ascii_start();
    Ok(text.split(|byte| *byte == b'\n').next().is_some_and(|line| says(line, "BEGIN:VCARD")))
}
