//! Names of custom fields: words of letters and digits that mean nothing else.

use kith_kernel::{Error, Result, invalid, text::camel_case};

use crate::{ask::RESERVED, catalog::Shape};

const LONGEST_NAME: usize = 60;

/// Words that answers and statements are made of.
const TAKEN: [&str; 25] = [
    "id",
    "custom",
    "data",
    "total",
    "nextCursor",
    "format",
    "select",
    "insert",
    "update",
    "delete",
    "drop",
    "alter",
    "create",
    "table",
    "from",
    "where",
    "union",
    "join",
    "null",
    "true",
    "false",
    "order",
    "group",
    "constructor",
    "prototype",
];

/// A name in camelCase, when a field of the object can have it.
pub(super) fn checked(given: &str, shape: &Shape) -> Result<String> {
    let name = camel_case(given.trim());
    let mut letters = name.chars();
    let plain = letters.next().is_some_and(|first| first.is_ascii_lowercase())
        && letters.all(|letter| letter.is_ascii_alphanumeric());
    if !plain {
        let why = "must begin with a small letter and hold letters and digits alone, such as tier";
        return Err(unfit(why));
    }
    if name.len() > LONGEST_NAME {
        return Err(unfit(&format!("has more than {LONGEST_NAME} letters")));
    }
    if is_taken(&name, shape) {
        let object = shape.object.plural;
        return Err(unfit(&format!("{name} means something else already in {object}")));
    }
    Ok(name)
}

fn unfit(why: &str) -> Error {
    invalid("name", why).coded("invalid_name")
}

/// Whether a name means something else: a field, a group, a link to include, or a word of queries.
pub(super) fn is_taken(name: &str, shape: &Shape) -> bool {
    let same = |word: &str| word.eq_ignore_ascii_case(name);
    is_word(name)
        || shape.keys().any(same)
        || shape.group(name).next().is_some()
        || shape.keys().any(|key| key.strip_suffix("Id").is_some_and(same))
        || shape.fields.iter().any(|field| field.aliases.iter().any(|alias| same(alias)))
}

/// Whether a name is a word of queries, answers or statements.
pub(crate) fn is_word(name: &str) -> bool {
    let same = |word: &str| word.eq_ignore_ascii_case(name);
    RESERVED.into_iter().chain(TAKEN).any(|word| same(word) || same(&camel_case(word)))
}

/// A name for a column of an import: the first of `name`, `nameCustom`, `nameCustom2`, … that is free.
pub(super) fn free(name: &str, is_taken: impl Fn(&str) -> bool) -> String {
    if !is_taken(name) {
        return name.to_owned();
    }
    let numbered = |number: usize| match number {
        1 => format!("{name}Custom"),
        _ => format!("{name}Custom{number}"),
    };
    let enough = 1..=2 * super::MOST_FIELDS;
    enough.map(numbered).find(|name| !is_taken(name)).unwrap_or_default()
}
