//! What is asked in a query string: days, and one of some words.

use kith_http::Query;
use kith_kernel::{Date, Error, Kind, Result};

/// A parameter is wrong.
#[track_caller]
pub(crate) fn wrong(name: &str, why: &str) -> Error {
    Error::new(Kind::Invalid, "invalid_parameter", format!("The parameter {name} {why}."))
        .and(name, why)
}

/// A day.
pub(crate) fn day(name: &str, text: Option<&str>) -> Result<Option<Date>> {
    let read = |text: &str| {
        Date::parse(text).ok_or_else(|| wrong(name, "must be a day such as 2026-11-21"))
    };
    text.map(read).transpose()
}

/// The value of a parameter that is one of some words.
pub(crate) fn named(
    query: &Query,
    name: &str,
    words: &[&'static str],
) -> Result<Option<&'static str>> {
    let Some(given) = query.get(name)? else { return Ok(None) };
    let word = words.iter().copied().find(|word| *word == given);
    word.map(Some).ok_or_else(|| wrong(name, &format!("is none of {}", words.join(", "))))
}

/// The same, the first of them unless said.
pub(crate) fn word(query: &Query, name: &str, words: &[&'static str]) -> Result<&'static str> {
    Ok(named(query, name, words)?.unwrap_or(words[0]))
}
