//! Digits in groups, as people write long numbers: what stands between two groups, and windows over some of them.

/// What stands between two groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gap {
    Space,
    Dash,
    Dot,
    Slash,
    /// A bracket, with or without a space or hyphen.
    Bracket,
    /// A hyphen, dash or slash between spaces.
    Wide,
}

impl Gap {
    /// Whether what stands on both sides is one number at the first look.
    pub(super) const fn is_tight(self) -> bool {
        matches!(self, Self::Dash | Self::Dot | Self::Slash)
    }
}

/// Digits with nothing between them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Group {
    /// The first byte in the text.
    pub(super) start: usize,
    pub(super) end: usize,
    /// The place of its first digit among the digits of the run.
    at: usize,
    /// What stands before it; the first one's says nothing.
    pub(super) gap: Gap,
    /// Whether a bracket is opened right before it.
    pub(super) opened: bool,
}

impl Group {
    pub(super) const fn length(&self) -> usize {
        self.end - self.start
    }
}

/// All groups that follow one another with no more than a gap between them.
#[derive(Debug, Default)]
pub(super) struct Run {
    pub(super) groups: Vec<Group>,
    digits: Vec<u8>,
    /// Whether a plus stands before the first group.
    pub(super) plus: bool,
    /// The first byte, which may be a plus or a bracket.
    pub(super) start: usize,
}

/// Some groups of a run.
pub(super) struct Window<'r> {
    pub(super) groups: &'r [Group],
    pub(super) digits: &'r [u8],
    lengths: [usize; WIDEST],
    /// Whether a plus stands before it.
    pub(super) plus: bool,
}

/// The most groups that one number has.
pub(super) const WIDEST: usize = 8;

impl Window<'_> {
    /// How long its groups are; 0 behind the last one.
    pub(super) const fn lengths(&self) -> &[usize] {
        &self.lengths
    }

    /// Whether no other digits stand before it.
    pub(super) const fn is_first(&self) -> bool {
        self.groups[0].at == 0
    }

    /// What stands before a group of it.
    pub(super) fn gap(&self, at: usize) -> Gap {
        self.groups[at].gap
    }
}

impl Run {
    /// Reads the groups that begin at `start`, where a digit, a plus or a bracket stands; says where they end.
    pub(super) fn read(&mut self, bytes: &[u8], start: usize) -> usize {
        self.groups.clear();
        self.digits.clear();
        self.start = start;
        self.plus = false;
        let (mut at, mut gap, mut opened) = (start, Gap::Space, false);
        while let Some(sign @ (b'+' | b'(')) = bytes.get(at) {
            self.plus |= *sign == b'+';
            opened |= *sign == b'(';
            at += 1;
            if at - start > 2 {
                return at;
            }
        }
        loop {
            let end = at + bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            if end == at {
                return at.max(start + 1);
            }
            self.groups.push(Group { start: at, end, at: self.digits.len(), gap, opened });
            self.digits.extend_from_slice(&bytes[at..end]);
            let Some((kind, open, next)) = read_gap(bytes, end) else { return end };
            (at, gap, opened) = (next, kind, open);
        }
    }

    /// `count` groups from the one at `first` on.
    pub(super) fn window(&self, first: usize, count: usize) -> Window<'_> {
        let groups = &self.groups[first..first + count];
        let last = groups[count - 1];
        let mut lengths = [0; WIDEST];
        for (length, group) in lengths.iter_mut().zip(groups) {
            *length = group.length();
        }
        let digits = &self.digits[groups[0].at..last.at + last.length()];
        Window { groups, digits, lengths, plus: self.plus && first == 0 }
    }
}

/// What stands between a group that ends at `at` and the next, whether it ends with an opened bracket, and where that begins.
fn read_gap(bytes: &[u8], at: usize) -> Option<(Gap, bool, usize)> {
    let (mut end, mut kind, mut count, mut spaces) = (at, None, 0, 0);
    while count < 3 {
        let (sign, width) = match &bytes[end..] {
            [b' ', ..] => (Gap::Space, 1),
            // A space and a hyphen at which no line is broken, and a dash.
            [0xC2, 0xA0, ..] => (Gap::Space, 2),
            [0xE2, 0x80, 0x90..=0x93, ..] => (Gap::Dash, 3),
            [b'-', ..] => (Gap::Dash, 1),
            [b'.', ..] => (Gap::Dot, 1),
            [b'/', ..] => (Gap::Slash, 1),
            [b'(' | b')', ..] => (Gap::Bracket, 1),
            _ => break,
        };
        kind = match (kind, sign) {
            (None, sign) => Some(sign),
            (Some(Gap::Bracket), _) | (Some(_), Gap::Bracket) => Some(Gap::Bracket),
            (Some(Gap::Space), Gap::Dash | Gap::Slash)
            | (Some(Gap::Wide | Gap::Dash | Gap::Dot), Gap::Space) => Some(Gap::Wide),
            (Some(_), _) => return None,
        };
        spaces += usize::from(sign == Gap::Space);
        (end, count) = (end + width, count + 1);
    }
    let kind = kind.filter(|kind| spaces < 2 || *kind != Gap::Space)?;
    bytes.get(end)?.is_ascii_digit().then_some((kind, bytes[end - 1] == b'(', end))
}
