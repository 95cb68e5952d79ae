//! Numbers of bank accounts: a country, two check digits, and as much as that country writes.

use super::{Finding, Kind};

/// How long the numbers of each country are.
const LENGTHS: &[(&[u8; 2], usize)] = &[
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BH", 22),
    (b"BI", 27),
    (b"BR", 29),
    (b"BY", 28),
    (b"CH", 21),
    (b"CR", 22),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DJ", 27),
    (b"DK", 18),
    (b"DO", 28),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FK", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GL", 18),
    (b"GR", 27),
    (b"GT", 28),
    (b"HN", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IQ", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LC", 32),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"LY", 25),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MK", 19),
    (b"MN", 20),
    (b"MR", 27),
    (b"MT", 31),
    (b"MU", 30),
    (b"NI", 28),
    (b"NL", 18),
    (b"NO", 15),
    (b"OM", 23),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"RU", 33),
    (b"SA", 24),
    (b"SC", 31),
    (b"SD", 18),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"SO", 23),
    (b"ST", 25),
    (b"SV", 28),
    (b"TL", 23),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
    (b"VA", 22),
    (b"VG", 24),
    (b"XK", 20),
    (b"YE", 30),
];

pub(super) fn find(text: &str, found: &mut Vec<Finding>) {
    let bytes = text.as_bytes();
    let (mut free, mut next) = (0, 2);
    while let Some(at) = super::next(bytes, next, |byte| byte.is_ascii_digit()) {
        next = at + 1;
        let begins = bytes[at - 1].is_ascii_alphabetic()
            && bytes[at - 2].is_ascii_alphabetic()
            && at >= free + 2;
        if !begins || super::is_word(super::before(text, at - 2)) {
            continue;
        }
        if let Some(end) = end(text, at - 2) {
            found.push(Finding { kind: Kind::Iban, start: at - 2, end });
            free = end;
        }
    }
}

/// Where the number ends that begins at `start`, if it is one.
fn end(text: &str, start: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let country = [bytes[start].to_ascii_uppercase(), bytes[start + 1].to_ascii_uppercase()];
    let length = LENGTHS.iter().find(|(name, _)| **name == country)?.1;
    let (mut at, mut letters) = (start, [0_u8; 34]);
    for (place, letter) in letters.iter_mut().enumerate().take(length) {
        // One space or hyphen between two groups.
        if place > 0 && matches!(bytes.get(at), Some(b' ' | b'-')) {
            at += 1;
        }
        *letter = bytes.get(at).filter(|byte| byte.is_ascii_alphanumeric())?.to_ascii_uppercase();
        at += 1;
    }
    (remainder(&letters[..length]) == 1 && !super::is_word(super::behind(text, at))).then_some(at)
}

/// ISO 7064: the first four characters go to the end, letters become numbers from 10.
fn remainder(letters: &[u8]) -> u32 {
    let moved = letters[4..].iter().chain(&letters[..4]);
    moved.fold(0, |rest, letter| match letter {
        b'0'..=b'9' => (rest * 10 + u32::from(letter - b'0')) % 97,
        letter => (rest * 100 + u32::from(letter - b'A' + 10)) % 97,
    })
}
