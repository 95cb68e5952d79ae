//! Splits a name into words, whichever way it marks them: blanks, dots, dashes, capitals.

use super::fold::{fold, is_mark};
use super::values::currency::is_currency_sign;

/// What stands before `$` in the signs of the other dollars and the real.
const DOLLARS: [&str; 10] = ["a", "au", "c", "ca", "hk", "mx", "nz", "r", "s", "us"];

/// A word of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// Folded: lower case, no accents.
    pub(super) text: String,
    /// The byte at which it begins in the name.
    pub(super) start: usize,
    /// It is a currency sign, such as `$` or `R$`.
    pub(super) sign: bool,
}

/// The words of a name in order; `%`, `#` and `&` are words too, spelt out.
pub(super) fn words(name: &str) -> Vec<Word> {
    let mut found = Vec::new();
    let mut open: Option<usize> = None;
    let mut before = ' ';
    let mut characters = name.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        let next = characters.peek().map_or(' ', |(_, next)| *next);
        if belongs_to_word(before, character) {
            continue;
        }
        let continues = character.is_alphanumeric() && !begins_word(before, character, next);
        if !continues && let Some(start) = open.take() {
            found.push(Word { text: fold(&letters(&name[start..at])), start, sign: false });
        }
        if character.is_alphanumeric() {
            open = open.or(Some(at));
        } else if let Some(text) = spelt_out(character) {
            found.push(Word { text: text.to_owned(), start: at, sign: false });
        } else if is_currency_sign(character) {
            push_sign(&mut found, name, at, character);
        }
        before = character;
    }
    if let Some(start) = open {
        found.push(Word { text: fold(&letters(&name[start..])), start, sign: false });
    }
    found
}

/// Marks that fold away, and the apostrophe of `customer's`.
fn belongs_to_word(before: char, character: char) -> bool {
    is_mark(character) || (matches!(character, '\'' | '’') && before.is_alphanumeric())
}

/// A capital begins a word after a small letter or a digit, and the last of several capitals does
/// before a small letter: `customerID`, `HTTPServer`.
fn begins_word(before: char, character: char, next: char) -> bool {
    if !before.is_alphanumeric() {
        return true;
    }
    if !character.is_uppercase() {
        return false;
    }
    // The s of `IDs` is no word.
    !before.is_uppercase() || (next.is_lowercase() && next != 's')
}

fn letters(word: &str) -> String {
    word.chars().filter(|character| !matches!(character, '\'' | '’')).collect()
}

fn spelt_out(character: char) -> Option<&'static str> {
    match character {
        '%' => Some("percent"),
        '#' => Some("number"),
        '&' => Some("and"),
        _ => None,
    }
}

fn push_sign(found: &mut Vec<Word>, name: &str, at: usize, sign: char) {
    let glued = |word: &&Word| {
        sign == '$'
            && !word.sign
            && word.start + word.text.len() == at
            && DOLLARS.contains(&word.text.as_str())
    };
    let start = found.last().filter(glued).map(|word| word.start);
    if start.is_some() {
        found.pop();
    }
    let start = start.unwrap_or(at);
    let text = name[start..at + sign.len_utf8()].to_uppercase();
    found.push(Word { text, start, sign: true });
}
