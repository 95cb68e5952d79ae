//! Custom fields: a tenant's own, kept by their ids in `custom` and, for filters and order, in a typed side table.

mod cache;
mod migrations;
mod sorted;
mod unique;
mod values;

use kith_kernel::{Currency, Error, Id, Result, invalid, text};
use kith_store::Value;
use serde::Deserialize;
use serde_json::Value as Json;

use crate::{
    describe::{Field, Kind},
    values::Reading,
};

pub(crate) use cache::{CACHED, CustomCache, Row};
pub(crate) use migrations::migration;
pub(crate) use sorted::{driven_by, of_field, of_values, related, sorted};
pub(crate) use unique::{claim_again, claim_all, is_taken, let_go, release};
pub(crate) use values::{check_required, fill_defaults, merged, store_values};

/// What an index can hold of a text, in bytes; PostgreSQL's pages end at 2,704.
const LONGEST_COMPARED: usize = 2_000;

/// A field that a tenant added to an object.
#[derive(Debug, Clone, PartialEq)]
pub struct CustomField {
    /// Its id, under which its values are kept.
    pub id: Id,
    /// The object that has it, such as `deal`.
    pub object: String,
    /// Its key, which never changes.
    pub name: String,
    /// What people see.
    pub label: String,
    /// What it holds.
    pub kind: CustomKind,
    /// The words of a choice.
    pub options: Vec<String>,
    /// The object that a link points at.
    pub target: Option<String>,
    /// The currency of an amount.
    pub currency: Option<Currency>,
    /// Whether new records must have a value.
    pub required: bool,
    /// Whether no two records have the same value.
    pub unique: bool,
    /// The value of records that do not give one.
    pub default: Option<Json>,
}

/// What a custom field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CustomKind {
    /// Text.
    Text,
    /// A number.
    Number,
    /// An amount in the field's currency.
    Money,
    /// A calendar day.
    Date,
    /// An instant.
    Time,
    /// True or false.
    Bool,
    /// One of the field's options.
    Choice,
    /// Some of the field's options.
    MultiChoice,
    /// A record of an object.
    Link,
    /// An e-mail address.
    Email,
    /// A telephone number.
    Phone,
    /// A web address.
    Url,
}

impl CustomKind {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Text,
        Self::Number,
        Self::Money,
        Self::Date,
        Self::Time,
        Self::Bool,
        Self::Choice,
        Self::MultiChoice,
        Self::Link,
        Self::Email,
        Self::Phone,
        Self::Url,
    ];

    /// The name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Money => "money",
            Self::Date => "date",
            Self::Time => "time",
            Self::Bool => "bool",
            Self::Choice => "choice",
            Self::MultiChoice => "multiChoice",
            Self::Link => "link",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Url => "url",
        }
    }

    /// The kind of a name, in any case.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name))
    }

    /// The built-in kind that reads and compares the same way.
    pub(crate) const fn like(self) -> Kind {
        match self {
            Self::Text | Self::Choice => Kind::Text,
            Self::Number => Kind::Number,
            Self::Money => Kind::Money,
            Self::Date => Kind::Date,
            Self::Time => Kind::Time,
            Self::Bool => Kind::Bool,
            Self::MultiChoice => Kind::Labels,
            Self::Link => Kind::Id,
            Self::Email => Kind::Email,
            Self::Phone => Kind::Phone,
            Self::Url => Kind::Url,
        }
    }

    /// The column of the side table.
    pub(crate) const fn column(self) -> &'static str {
        match self {
            Self::Text
            | Self::Choice
            | Self::MultiChoice
            | Self::Link
            | Self::Email
            | Self::Phone
            | Self::Url => "words",
            Self::Number => "number",
            Self::Money => "minor",
            Self::Date | Self::Time => "instant",
            Self::Bool => "flag",
        }
    }

    /// Whether its values are words of a list.
    pub(crate) const fn has_options(self) -> bool {
        matches!(self, Self::Choice | Self::MultiChoice)
    }

    /// Whether two records can be kept from having the same value.
    pub(crate) const fn can_be_unique(self) -> bool {
        !matches!(self, Self::Bool | Self::MultiChoice)
    }
}

impl CustomField {
    /// Its key in rules, problems and exports.
    pub(crate) fn key(&self) -> String {
        format!("custom.{}", self.name)
    }

    /// A built-in field that reads and compares the same way, over the column of the side table.
    pub(crate) fn as_field(&self) -> Field {
        let column = self.kind.column();
        Field::new("custom", column, column, self.kind.like())
    }

    fn reading(&self, reading: Reading) -> Reading {
        Reading { currency: self.currency.unwrap_or(reading.currency), ..reading }
    }

    /// The value as answers show it, when it fits.
    pub(crate) fn canonical(&self, given: &Json, reading: Reading) -> Result<Json> {
        let key = self.key();
        let reading = self.reading(reading);
        let value =
            self.as_field().canonical(given, reading).map_err(|error| rename(&error, &key))?;
        let value = match (self.kind, value) {
            (_, Json::Null) => Json::Null,
            (CustomKind::Choice, Json::String(word)) => self.option(&word, &key)?,
            (CustomKind::MultiChoice, Json::Array(words)) => self.chosen(&words, &key)?,
            // Nothing written is nothing.
            (_, Json::String(text)) if text.is_empty() => Json::Null,
            (_, value) => value,
        };
        match self.compared(&value, reading) {
            Value::Text(words) if words.len() > LONGEST_COMPARED => {
                Err(invalid(&key, "is too long"))
            }
            _ => Ok(value),
        }
    }

    fn option(&self, word: &str, key: &str) -> Result<Json> {
        let wanted = text::fold(word).into_owned();
        let option = self.options.iter().find(|option| text::fold(option) == wanted);
        option
            .map(|option| Json::from(option.as_str()))
            .ok_or_else(|| invalid(key, format!("is none of {}", self.options.join(", "))))
    }

    /// The options that are named, in the order of the field.
    fn chosen(&self, words: &[Json], key: &str) -> Result<Json> {
        let words = words.iter().filter_map(Json::as_str);
        let named: Vec<Json> = words.map(|word| self.option(word, key)).collect::<Result<_>>()?;
        let chosen = self.options.iter().map(|option| Json::from(option.as_str()));
        let chosen: Vec<Json> = chosen.filter(|option| named.contains(option)).collect();
        Ok(if chosen.is_empty() { Json::Null } else { Json::Array(chosen) })
    }

    /// The value as the side table compares it.
    pub(crate) fn compared(&self, value: &Json, reading: Reading) -> Value {
        match self.kind {
            CustomKind::Number => value.as_f64().into(),
            CustomKind::Money => {
                let currency = self.reading(reading).currency;
                self.as_field().stored(value, currency).unwrap_or(Value::Null)
            }
            CustomKind::Bool => value.as_bool().map(i64::from).into(),
            CustomKind::Date => crate::values::date(value, reading.zone)
                .ok()
                .map(|date| date.begins(kith_kernel::Zone::UTC))
                .into(),
            CustomKind::Time => value.as_str().and_then(kith_kernel::Time::parse).into(),
            CustomKind::MultiChoice => value.as_array().map(|words| between_bars(words)).into(),
            CustomKind::Text
            | CustomKind::Choice
            | CustomKind::Link
            | CustomKind::Email
            | CustomKind::Phone
            | CustomKind::Url => value.as_str().map(|text| self.as_field().fold(text)).into(),
        }
    }
}

/// `|gold|silver|`, so that one word can be found in it; no option has a bar.
fn between_bars(words: &[Json]) -> String {
    let words = words.iter().filter_map(Json::as_str);
    words.fold("|".to_owned(), |bars, word| format!("{bars}{}|", text::fold(word)))
}

fn rename(error: &Error, key: &str) -> Error {
    let why = error.problems().first().map_or_else(String::new, |problem| problem.message.clone());
    invalid(key, why)
}
