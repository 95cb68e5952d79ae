//! Makes names and keys of the header's cells, so that `E-Mail Address` meets `email_address`.

use std::collections::HashMap;

pub use super::units::Unit;
use super::units::unit_of;
use super::words::{Word, words};

/// Where the name of a column is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It stands in the header.
    Given,
    /// It stands in the header more than once; a number was added.
    Repeated {
        /// The column that bears the name itself, from 0.
        first: usize,
    },
    /// The header says nothing; the column is called by its number, counted from 1.
    Generated,
}

/// A column of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The name as it stands in the file, without needless blanks.
    pub name: String,
    /// The name for matching: letters and digits only, lower case, no accents; unique in the file.
    pub key: String,
    /// The words of the name, folded as the key is, for a name of one's own making.
    pub words: Vec<String>,
    /// Where the name is from.
    pub origin: Origin,
    /// What the name says of the values, and the name without it. Values are to be scaled only
    /// where the column found its home by this shorter name.
    pub unit: Option<Unit>,
}

/// Names the columns. A repeated name gets a number and an empty one becomes `column 7`: neither
/// is worth refusing a file for, and [`Header::origin`] lets the import report both.
pub fn name_columns(cells: &[String]) -> Vec<Header> {
    let names: Vec<String> = cells.iter().map(|cell| clean(cell)).collect();
    let mut taken = HashMap::with_capacity(names.len());
    for (index, name) in names.iter().enumerate() {
        taken.entry(key_of(name)).or_insert(index);
    }
    let name_column = |(index, name)| name_column(index, name, &mut taken);
    names.into_iter().enumerate().map(name_column).collect()
}

/// The key of a name, to compare with [`Header::key`].
pub fn key_of(name: &str) -> String {
    key(&words(name))
}

pub(super) fn key(words: &[Word]) -> String {
    words.iter().filter(|word| !word.sign).map(|word| word.text.as_str()).collect()
}

/// Line breaks and runs of blanks become one space; a byte order mark inside quotes goes.
fn clean(cell: &str) -> String {
    let name = cell.trim_start_matches('\u{FEFF}').replace(char::is_control, " ");
    name.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn name_column(index: usize, name: String, taken: &mut HashMap<String, usize>) -> Header {
    let key = key_of(&name);
    if key.is_empty() {
        let base = format!("column {}", index + 1);
        let name = if taken.contains_key(&key_of(&base)) { number(&base, taken) } else { base };
        return header(index, name, Origin::Generated, taken);
    }
    let first = taken.get(&key).copied().unwrap_or(index);
    if first == index {
        return header(index, name, Origin::Given, taken);
    }
    header(index, number(&name, taken), Origin::Repeated { first }, taken)
}

/// The name with the first number, from 2, that makes it unlike all others.
fn number(name: &str, taken: &HashMap<String, usize>) -> String {
    let key = key_of(name);
    let last = taken.len() + 2;
    let is_free = |number: &usize| !taken.contains_key(&format!("{key}{number}"));
    format!("{name} {}", (2..last).find(is_free).unwrap_or(last))
}

fn header(
    index: usize,
    name: String,
    origin: Origin,
    taken: &mut HashMap<String, usize>,
) -> Header {
    let found = words(&name);
    let key = key(&found);
    taken.entry(key.clone()).or_insert(index);
    let unit = if origin == Origin::Given { unit_of(&name) } else { None };
    let words = found.into_iter().filter(|word| !word.sign).map(|word| word.text).collect();
    Header { name, key, words, origin, unit }
}
