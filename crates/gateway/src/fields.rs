//! Fields that requests of both forms have, taken out of a body and checked.

use kith_kernel::{Result, invalid};
use serde_json::{Map, Value as Json};

use crate::wanted::Wanted;

/// Turns of a conversation at most.
pub(crate) const MOST_MESSAGES: usize = 2_000;
/// Functions at most.
pub(crate) const MOST_TOOLS: usize = 128;
/// What a function may be called.
pub(crate) const TOOL_NAME: &str = "a name of 1 to 64 letters, digits, _ and -";

type Body = Map<String, Json>;

/// Who is to answer.
pub(crate) fn wanted(body: &mut Body) -> Result<Wanted> {
    match body.remove("model") {
        Some(Json::String(model)) if !model.is_empty() => Wanted::of(&model),
        _ => Err(invalid("model", "names a model, or is \"auto\"")),
    }
}

/// A number from 0 to `most`.
pub(crate) fn number(body: &mut Body, key: &str, most: f64) -> Result<Option<f64>> {
    take(body, key, &format!("is a number from 0 to {most}"), |value| {
        value.as_f64().filter(|number| (0.0..=most).contains(number))
    })
}

/// A whole number above 0.
pub(crate) fn count(body: &mut Body, key: &str) -> Result<Option<u32>> {
    take(body, key, "is a whole number above 0", |value| {
        let whole = value.as_u64().and_then(|whole| u32::try_from(whole).ok());
        whole.filter(|whole| *whole > 0)
    })
}

/// A whole number.
pub(crate) fn whole(body: &mut Body, key: &str) -> Result<Option<i64>> {
    take(body, key, "is a whole number", Json::as_i64)
}

/// Yes or no.
pub(crate) fn flag(body: &mut Body, key: &str) -> Result<Option<bool>> {
    take(body, key, "is true or false", Json::as_bool)
}

/// A text.
pub(crate) fn text(body: &mut Body, key: &str) -> Result<Option<String>> {
    take(body, key, "is a text", |value| value.as_str().map(str::to_owned))
}

fn take<T>(
    body: &mut Body,
    key: &str,
    what: &str,
    read: impl Fn(&Json) -> Option<T>,
) -> Result<Option<T>> {
    match body.remove(key) {
        None | Some(Json::Null) => Ok(None),
        Some(value) => read(&value).map(Some).ok_or_else(|| invalid(key, what)),
    }
}

/// Whether a function may be called that.
pub(crate) fn is_tool_name(name: &str) -> bool {
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || "_-".contains(letter);
    (1..=64).contains(&name.len()) && name.chars().all(is_letter)
}
