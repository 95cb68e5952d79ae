//! Yes and no, in the words of spreadsheets and of people.

use crate::csv::fold::fold;

const YES: [&str; 13] = [
    "true",
    "yes",
    "y",
    "1",
    "on",
    "ja",
    "wahr",
    "sim",
    "verdadeiro",
    "si",
    "verdadero",
    "oui",
    "vrai",
];
const NO: [&str; 11] =
    ["false", "no", "n", "0", "off", "nein", "falsch", "nao", "falso", "non", "faux"];

/// Reads `true/false`, `yes/no`, `y/n`, `1/0`, `on/off`, and the words of German, Portuguese,
/// Spanish and French, whatever their case and accents.
pub fn parse_boolean(text: &str) -> Option<bool> {
    let word = fold(text.trim());
    match word.as_str() {
        yes if YES.contains(&yes) => Some(true),
        no if NO.contains(&no) => Some(false),
        _ => None,
    }
}
