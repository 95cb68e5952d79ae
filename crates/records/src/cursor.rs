//! Cursors: where a list goes on, bound to the question they came from.

use std::hash::{DefaultHasher, Hash, Hasher};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use kith_kernel::{Date, Error, Id, Kind, Result, Time};
use kith_store::Value;
use serde::{Deserialize, Serialize};

/// The place behind the last row of a page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cursor {
    /// Which question it belongs to.
    #[serde(rename = "q")]
    pub(crate) question: u64,
    /// The values of the sorting columns in the last row; none where that row had none.
    #[serde(rename = "k")]
    pub(crate) keys: Vec<Option<Key>>,
    /// The last row.
    #[serde(rename = "i")]
    pub(crate) id: Id,
    /// How many rows of a ranked answer were shown.
    #[serde(rename = "o", default)]
    pub(crate) offset: u32,
}

/// A value of a sorting column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Key {
    Text(String),
    Integer(i64),
    Number(f64),
    Time(Time),
    Date(Date),
    Id(Id),
    Bool(bool),
}

impl Key {
    /// A value as a cursor keeps it.
    pub(crate) fn of(value: Value) -> Option<Self> {
        match value {
            Value::Text(text) => Some(Self::Text(text)),
            Value::Integer(number) => Some(Self::Integer(number)),
            Value::Number(number) => Some(Self::Number(number)),
            Value::Time(time) => Some(Self::Time(time)),
            Value::Date(date) => Some(Self::Date(date)),
            Value::Id(id) => Some(Self::Id(id)),
            Value::Bool(flag) => Some(Self::Bool(flag)),
            Value::Null | Value::Bytes(_) | Value::Json(_) => None,
        }
    }
}

impl From<Key> for Value {
    fn from(key: Key) -> Self {
        match key {
            Key::Text(text) => text.into(),
            Key::Integer(number) => number.into(),
            Key::Number(number) => number.into(),
            Key::Time(time) => time.into(),
            Key::Date(date) => date.into(),
            Key::Id(id) => id.into(),
            Key::Bool(flag) => flag.into(),
        }
    }
}

impl Cursor {
    pub(crate) fn write(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    /// Reads a cursor of this question.
    ///
    /// # Errors
    /// `Invalid` when it is none, or one of another question.
    pub(crate) fn read(text: &str, question: u64) -> Result<Self> {
        let bad = |why: &str| Error::new(Kind::Invalid, "invalid_cursor", why).and("cursor", why);
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| bad("This is not a cursor."))?;
        let cursor: Self =
            serde_json::from_slice(&bytes).map_err(|_| bad("This is not a cursor."))?;
        if cursor.question == question {
            Ok(cursor)
        } else {
            Err(bad(
                "This cursor belongs to a list with another filter or order. Start again without it.",
            ))
        }
    }
}

/// A number that is the same for the same question.
pub(crate) fn question(parts: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    parts.hash(&mut hasher);
    // JSON numbers carry 53 bits.
    hasher.finish() >> 11
}
