//! Numbers among the digits of a text, the longer and surer kinds first: CNPJ, cards, CPF, addresses, then phones.

use super::{
    Finding, Kind, context,
    digits::{Gap, Run, WIDEST, Window},
    documents, network, phone,
};

/// Looks where nothing was found yet.
pub(super) fn find(text: &str, found: &mut Vec<Finding>) {
    let bytes = text.as_bytes();
    let known = found.len();
    let (mut at, mut next, mut run) = (0, 0, Run::default());
    while at < bytes.len() {
        while next < known && found[next].end <= at {
            next += 1;
        }
        if next < known && found[next].start <= at {
            at = found[next].end;
            continue;
        }
        if !begins_number(bytes[at]) {
            let known = found[..known].get(next).map_or(bytes.len(), |finding| finding.start);
            at = super::next(&bytes[..known], at + 1, begins_number).unwrap_or(known);
            continue;
        }
        // What was found already is no part of a number.
        let free = found[..known].get(next).map_or(bytes.len(), |finding| finding.start);
        let end = run.read(&bytes[..free], at);
        let first = run.groups.first().map_or(at, |group| group.start);
        if let Some(company) = lettered_company(text, first) {
            found.push(company);
            at = company.end;
            continue;
        }
        look(text, &run, found);
        at = end.max(at + 1);
    }
}

fn begins_number(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'+' | b'(')
}

/// Where a number may begin and end.
struct Place<'a> {
    text: &'a str,
    run: &'a Run,
}

fn look(text: &str, run: &Run, found: &mut Vec<Finding>) {
    let place = Place { text, run };
    let (mut first, mut after_found) = (0, false);
    while first < run.groups.len() {
        let begins = place.begins(first, after_found);
        if let Some((finding, count)) = begins.then(|| place.number(first)).flatten() {
            found.push(finding);
            (first, after_found) = (first + count, true);
        } else {
            (first, after_found) = (first + 1, false);
        }
    }
}

impl Place<'_> {
    /// The number that begins with a group, and how many groups it has.
    fn number(&self, first: usize) -> Option<(Finding, usize)> {
        let widest = WIDEST.min(self.run.groups.len() - first);
        let counts = || (1..=widest).rev().filter(move |count| self.ends(first, *count));
        let counts: Vec<usize> = counts().collect();
        let windows = || counts.iter().map(|count| (self.run.window(first, *count), *count));
        if !self.run.plus || first > 0 {
            for (kind, is) in [
                // Two check digits tell more than Luhn's one.
                (Kind::Cnpj, documents::is_cnpj as fn(&Window) -> bool),
                (Kind::Card, documents::is_card),
                (Kind::Cpf, documents::is_cpf),
            ] {
                if let Some((window, count)) = windows().find(|(window, _)| is(window)) {
                    return Some((self.finding(kind, &window, first), count));
                }
            }
        }
        if let Some((window, count)) = windows().find(|(window, _)| self.is_address(window)) {
            return Some((self.finding(Kind::Ip, &window, first), count));
        }
        let around = context::Around::new(self.text, self.start(first));
        let phones = [phone::is_written as fn(&Window, &context::Around) -> bool, phone::is_told];
        phones.iter().find_map(|is| {
            let (window, count) = windows().find(|(window, _)| {
                is(window, &around) && !context::counts_something(self.text, last_end(window))
            })?;
            Some((self.finding(Kind::Phone, &window, first), count))
        })
    }

    fn is_address(&self, window: &Window) -> bool {
        let dots = (1..window.groups.len()).all(|at| window.gap(at) == Gap::Dot);
        window.groups.len() == 4
            && dots
            && network::is_v4(self.text, window.groups[0].start, last_end(window))
    }

    fn finding(&self, kind: Kind, window: &Window, first: usize) -> Finding {
        let (start, end) = (window.groups[0].start, last_end(window));
        if kind != Kind::Phone {
            return Finding { kind, start, end };
        }
        let (mut start, end) = (self.start(first), end + extension(&self.text.as_bytes()[end..]));
        // A bracket that is not closed within the number was opened for more than it.
        let count = |start: usize, bracket: char| self.text[start..end].matches(bracket).count();
        while self.text[start..].starts_with('(') && count(start, '(') > count(start, ')') {
            start += 1;
        }
        Finding { kind, start, end }
    }

    /// The first byte of a number that begins with a group: its plus, its bracket or its first digit.
    fn start(&self, first: usize) -> usize {
        let group = self.run.groups[first];
        let sign = usize::from(group.opened);
        if first == 0 { self.run.start } else { group.start - sign }
    }

    /// Whether a number can begin with a group: no letter, mark or other number runs into it.
    fn begins(&self, first: usize, after_found: bool) -> bool {
        if first > 0 {
            let gap = self.run.groups[first].gap;
            return !gap.is_tight() || (after_found && gap == Gap::Slash);
        }
        let start = self.run.start;
        let Some(letter) = super::before(self.text, start) else { return true };
        let earlier = super::before(self.text, start - letter.len_utf8());
        match letter {
            // A list without spaces.
            ',' if self.run.plus || self.run.groups[0].length() >= 7 => true,
            '.' | ',' | ':' | '+' => !earlier.is_some_and(|letter| letter.is_ascii_digit()),
            '-' => !super::is_word(earlier),
            '/' => !super::is_word(earlier) || context::is_link_to_phone(self.text, start),
            '@' | '#' | '$' => false,
            letter => !super::is_word(Some(letter)),
        }
    }

    /// Whether a number can end behind `count` groups.
    fn ends(&self, first: usize, count: usize) -> bool {
        if let Some(next) = self.run.groups.get(first + count) {
            return !matches!(next.gap, Gap::Dash | Gap::Dot);
        }
        let end = self.run.groups[first + count - 1].end;
        let digits = |at: usize| {
            self.text.as_bytes()[at..].iter().take_while(|byte| byte.is_ascii_digit()).count()
        };
        match super::behind(self.text, end) {
            // Parts of a whole, but for lists without spaces.
            Some(',') => !(1..=2).contains(&digits(end + 1)),
            Some('%') => false,
            Some('-') => !super::is_word(super::behind(self.text, end + 1)),
            // An extension: 555-0123x42.
            Some('x') => digits(end + 1) > 0,
            letter => !super::is_word(letter),
        }
    }
}

/// How long the extension is that follows a number: `x42`.
fn extension(rest: &[u8]) -> usize {
    let digits = rest.iter().skip(1).take_while(|byte| byte.is_ascii_digit()).count();
    if rest.first() == Some(&b'x') && (1..=6).contains(&digits) { digits + 1 } else { 0 }
}

fn last_end(window: &Window) -> usize {
    window.groups.last().map_or(0, |group| group.end)
}

/// A CNPJ with letters in it, as companies have them that were registered since 2026: `12.ABC.345/01DE-35`.
fn lettered_company(text: &str, start: usize) -> Option<Finding> {
    const SHAPE: &[u8; 18] = b"xx.xxx.xxx/xxxx-00";
    let written = text.as_bytes().get(start..start + SHAPE.len())?;
    let mut letters = [0_u8; 14];
    let mut count = 0;
    for (byte, wanted) in written.iter().zip(SHAPE) {
        let fits = match wanted {
            b'x' => byte.is_ascii_digit() || byte.is_ascii_uppercase(),
            b'0' => byte.is_ascii_digit(),
            sign => byte == sign,
        };
        if !fits {
            return None;
        }
        if byte.is_ascii_alphanumeric() {
            letters[count] = *byte;
            count += 1;
        }
    }
    let end = start + SHAPE.len();
    let alone =
        !super::is_word(super::before(text, start)) && !super::is_word(super::behind(text, end));
    (alone && documents::is_company(&letters)).then_some(Finding { kind: Kind::Cnpj, start, end })
}
