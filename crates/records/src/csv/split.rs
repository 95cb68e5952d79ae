//! Finds where a record ends in a stretch of bytes, and where its cells stand.

/// The longest record that is read, in bytes of UTF-8 (or Windows-1252) without its line end.
pub(super) const MAX_ROW: usize = 1 << 20;
/// The most cells in a record.
pub(super) const MAX_COLUMNS: usize = 1_000;

/// Where a cell stands in the text of its record, without its quotes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
    /// It holds doubled quotes.
    pub(super) escaped: bool,
}

/// How far a record, or the lines given up with it, reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    /// Where its text ends.
    pub(super) end: usize,
    /// Where the next line begins.
    pub(super) next: usize,
    /// The physical lines it takes.
    pub(super) lines: u64,
}

/// Why the cells of a record could not be told apart. Columns count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    UnclosedQuote { column: usize },
    TextAfterQuote { column: usize },
    TooLong,
}

/// What was found at the beginning of the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Split {
    /// The record may go on beyond the bytes.
    More,
    Record(Extent),
    /// These lines are lost; reading goes on behind them.
    Flawed(Extent, Flaw),
    /// The last of `lines` physical lines goes on beyond `MAX_ROW`.
    Endless {
        lines: u64,
    },
}

/// The bytes that end a cell without quotes, each eight times.
pub(super) struct Stops([u64; 3]);

impl Stops {
    pub(super) fn new(delimiter: u8) -> Self {
        Self([delimiter, b'\n', b'\r'].map(|byte| u64::from_ne_bytes([byte; 8])))
    }

    fn contains(&self, byte: u8) -> bool {
        self.0.iter().any(|stop| stop.to_ne_bytes()[0] == byte)
    }

    /// Where the first of them stands. Eight bytes at a time, since cells are about that long: a
    /// vectorised search costs more to begin than it saves.
    fn find(&self, bytes: &[u8]) -> Option<usize> {
        const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
        const HIGHS: u64 = u64::from_ne_bytes([0x80; 8]);
        let (words, tail) = bytes.as_chunks();
        for (index, word) in words.iter().enumerate() {
            let word = u64::from_le_bytes(*word);
            // Each zero byte sets its high bit; what a borrow sets falsely lies above a true one.
            let zeros = |other: u64| other.wrapping_sub(ONES) & !other & HIGHS;
            let hits = self.0.iter().fold(0, |hits, stop| hits | zeros(word ^ stop));
            if hits != 0 {
                return Some(index * 8 + hits.trailing_zeros() as usize / 8);
            }
        }
        let behind = bytes.len() - tail.len();
        tail.iter().position(|byte| self.contains(*byte)).map(|at| behind + at)
    }
}

/// What ends a cell.
enum Step {
    Delimiter,
    LineEnd { end: usize, next: usize },
    OutOfBytes,
    Flaw(Flaw),
}

/// The quote that is open.
#[derive(Clone, Copy)]
struct Opener {
    column: usize,
    /// The end of the line it stands on, once a later line has begun.
    line: Option<Extent>,
}

/// Splits one record off the front of some bytes.
///
/// `csv-core` was not taken: it counts only LF as a line, copies every cell, and does not say on
/// which line an unclosed quote was opened, which is where reading must go on.
pub(super) struct Splitter<'a> {
    bytes: &'a [u8],
    stops: &'a Stops,
    /// No byte follows `bytes`.
    last: bool,
    limit: usize,
    spans: &'a mut Vec<Span>,
    at: usize,
    /// Line breaks passed inside quotes.
    breaks: u64,
    opener: Option<Opener>,
}

impl<'a> Splitter<'a> {
    /// Looks at no more of `unread` than a record may hold, so that what is found never depends
    /// on how much happens to be buffered. `ended` says that no byte follows `unread`.
    pub(super) fn new(
        unread: &'a [u8],
        ended: bool,
        stops: &'a Stops,
        spans: &'a mut Vec<Span>,
    ) -> Self {
        let shown = unread.len().min(MAX_ROW + 2);
        let last = ended && shown == unread.len();
        let bytes = &unread[..shown];
        Self { bytes, stops, last, limit: MAX_ROW, spans, at: 0, breaks: 0, opener: None }
    }

    /// For a record that was found before and has changed its encoding since.
    pub(super) fn of_whole(record: &'a [u8], stops: &'a Stops, spans: &'a mut Vec<Span>) -> Self {
        let limit = usize::MAX;
        Self { bytes: record, stops, last: true, limit, spans, at: 0, breaks: 0, opener: None }
    }

    pub(super) fn split(mut self) -> Split {
        self.spans.clear();
        loop {
            let step = match self.quote_ahead() {
                Some(quote) => self.quoted(quote),
                None => self.plain(),
            };
            match step {
                Step::Delimiter => {}
                Step::LineEnd { end, next } => {
                    let extent = Extent { end, next, lines: self.breaks + 1 };
                    if end > self.limit {
                        return Split::Flawed(extent, Flaw::TooLong);
                    }
                    return Split::Record(extent);
                }
                Step::OutOfBytes => return self.out_of_bytes(),
                Step::Flaw(flaw) => return self.flawed(flaw),
            }
        }
    }

    /// Where a quote opens the cell that begins here; blanks may stand before it, as in files
    /// that pad each cell with a space after the delimiter.
    fn quote_ahead(&self) -> Option<usize> {
        let mut at = self.at;
        while self.bytes.get(at) == Some(&b' ') {
            at += 1;
        }
        (self.bytes.get(at) == Some(&b'"')).then_some(at)
    }

    fn plain(&mut self) -> Step {
        let start = self.at;
        let rest = &self.bytes[start..];
        match self.stops.find(rest) {
            Some(length) => {
                self.at = start + length;
                self.push(Span { start, end: self.at, escaped: false });
                self.stop()
            }
            None if self.last => {
                self.at = self.bytes.len();
                self.push(Span { start, end: self.at, escaped: false });
                Step::LineEnd { end: self.at, next: self.at }
            }
            None => Step::OutOfBytes,
        }
    }

    fn quoted(&mut self, quote: usize) -> Step {
        let column = self.spans.len() + 1;
        self.opener = Some(Opener { column, line: None });
        self.at = quote + 1;
        let mut escaped = false;
        loop {
            let rest = &self.bytes[self.at..];
            let Some(length) = rest.iter().position(|byte| matches!(byte, b'"' | b'\n' | b'\r'))
            else {
                return self.starved(Flaw::UnclosedQuote { column });
            };
            self.at += length;
            if self.bytes[self.at] != b'"' {
                match self.line_end() {
                    Some(next) => self.pass_break(next),
                    None => return Step::OutOfBytes,
                }
                continue;
            }
            match self.bytes.get(self.at + 1) {
                Some(b'"') => {
                    escaped = true;
                    self.at += 2;
                }
                None if !self.last => return Step::OutOfBytes,
                _ => break,
            }
        }
        let span = Span { start: quote + 1, end: self.at, escaped };
        self.at += 1;
        self.close(span)
    }

    /// Past the closing quote only blanks may stand before the delimiter or the line end.
    fn close(&mut self, span: Span) -> Step {
        while self.bytes.get(self.at) == Some(&b' ') {
            self.at += 1;
        }
        match self.bytes.get(self.at) {
            None if !self.last => return Step::OutOfBytes,
            None => {}
            Some(&byte) if self.stops.contains(byte) => {}
            Some(_) => return Step::Flaw(Flaw::TextAfterQuote { column: self.spans.len() + 1 }),
        }
        self.opener = None;
        self.push(span);
        if self.at == self.bytes.len() {
            return Step::LineEnd { end: self.at, next: self.at };
        }
        self.stop()
    }

    /// At a delimiter or a line end.
    fn stop(&mut self) -> Step {
        let end = self.at;
        if !matches!(self.bytes[end], b'\n' | b'\r') {
            self.at += 1;
            return Step::Delimiter;
        }
        self.line_end().map_or(Step::OutOfBytes, |next| Step::LineEnd { end, next })
    }

    /// Where the line after the LF, CR LF or CR that stands here begins, unless the byte that
    /// would tell CR from CR LF is yet to come.
    fn line_end(&self) -> Option<usize> {
        if self.bytes[self.at] == b'\n' {
            return Some(self.at + 1);
        }
        match self.bytes.get(self.at + 1) {
            Some(b'\n') => Some(self.at + 2),
            None if !self.last => None,
            _ => Some(self.at + 1),
        }
    }

    fn pass_break(&mut self, next: usize) {
        self.breaks += 1;
        let line = Extent { end: self.at, next, lines: self.breaks };
        if let Some(opener) = &mut self.opener {
            opener.line.get_or_insert(line);
        }
        self.at = next;
    }

    /// One cell too many is kept, so that the reader sees there are too many.
    fn push(&mut self, span: Span) {
        if self.spans.len() <= MAX_COLUMNS {
            self.spans.push(span);
        }
    }

    fn starved(&self, flaw: Flaw) -> Step {
        if self.last { Step::Flaw(flaw) } else { Step::OutOfBytes }
    }

    fn out_of_bytes(&self) -> Split {
        if self.bytes.len() < self.limit.saturating_add(2) {
            return Split::More;
        }
        match self.opener {
            Some(Opener { column, line: Some(line) }) => {
                Split::Flawed(line, Flaw::UnclosedQuote { column })
            }
            _ => Split::Endless { lines: self.breaks + 1 },
        }
    }

    /// Gives up the lines to the one on which the open quote stands, no more: between it and the
    /// flaw no other quote can open, so nothing is read more than a few times over.
    fn flawed(mut self, flaw: Flaw) -> Split {
        if let Some(Opener { line: Some(line), .. }) = self.opener {
            return Split::Flawed(line, flaw);
        }
        let rest = &self.bytes[self.at..];
        let lines = self.breaks + 1;
        let Some(length) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
            let end = self.bytes.len();
            if !self.last {
                return self.out_of_bytes();
            }
            return Split::Flawed(Extent { end, next: end, lines }, flaw);
        };
        self.at += length;
        match self.line_end() {
            Some(next) => Split::Flawed(Extent { end: self.at, next, lines }, flaw),
            None => self.out_of_bytes(),
        }
    }
}
