//! What stands in a text in place of personal data: `[EMAIL_1]`, in capitals as models repeat it.

use super::Kind;

/// The kinds of tokens: one for each kind of data, and one for texts that look like a token themselves.
pub(super) const NAMES: [&str; 8] = ["EMAIL", "PHONE", "CPF", "CNPJ", "CARD", "IBAN", "IP", "TEXT"];

/// The place of `TEXT` among them; the others stand in the order of `Kind`.
pub(super) const TEXT: usize = 7;

/// More digits than any text has tokens for.
const MOST_DIGITS: usize = 7;

/// The place of a kind's name.
pub(super) const fn name_of(kind: Kind) -> usize {
    kind as usize
}

/// What a text is at a place where a bracket opens.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// A token: its name, its number from 1 on, and its length.
    Token { name: usize, number: usize, length: usize },
    /// It may become one with what follows.
    Begun,
    /// No token.
    Other,
}

/// Reads the token at the beginning of `bytes`. Its case does not matter, since some models change it.
pub(super) fn read(bytes: &[u8]) -> Read {
    let Some((b'[', rest)) = bytes.split_first() else { return Read::Other };
    let letters = rest.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let (name, rest) = rest.split_at(letters);
    if rest.is_empty() {
        let begun = NAMES.iter().any(|known| {
            known.len() >= letters && known.as_bytes()[..letters].eq_ignore_ascii_case(name)
        });
        return if begun { Read::Begun } else { Read::Other };
    }
    let known = NAMES.iter().position(|known| known.as_bytes().eq_ignore_ascii_case(name));
    let (Some(name), Some((b'_', rest))) = (known, rest.split_first()) else { return Read::Other };
    read_number(name, letters + 2, rest)
}

fn read_number(name: usize, before: usize, rest: &[u8]) -> Read {
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if rest.first() == Some(&b'0') || digits > MOST_DIGITS {
        return Read::Other;
    }
    match rest.get(digits) {
        None => Read::Begun,
        Some(b']') if digits > 0 => {
            let number = rest[..digits].iter().fold(0, |sum, d| sum * 10 + usize::from(d - b'0'));
            Read::Token { name, number, length: before + digits + 1 }
        }
        Some(_) => Read::Other,
    }
}
