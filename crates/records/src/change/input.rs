//! Input: a caller's keys sorted into fields, in either spelling, with what is unknown named.

use kith_kernel::{Error, Id, Result, invalid, text::nearest};
use serde_json::Value as Json;

use super::Given;
use crate::{
    catalog::Shape,
    custom::CustomField,
    describe::{Field, Record, value_of},
    fields::is_writable,
    values::Reading,
};

/// The record that is changed, when one is.
type Before<'a> = Option<(Id, &'a Record)>;

struct Sorter<'a> {
    shape: &'a Shape,
    custom: &'a [CustomField],
    before: Before<'a>,
    reading: Reading,
    as_house: bool,
    given: Given,
}

/// Sorts a JSON object into fields, each value as its kind wants it.
///
/// # Errors
/// `Invalid`, naming every field that is wrong.
pub(super) fn sort(
    shape: &Shape,
    custom: &[CustomField],
    input: Record,
    (before, reading, as_house): (Before<'_>, Reading, bool),
) -> Result<Given> {
    let given = Given { fields: Record::new(), custom: Vec::new() };
    let mut sorter = Sorter { shape, custom, before, reading, as_house, given };
    let mut wrong: Option<Error> = None;
    for (key, value) in input {
        if let Err(error) = sorter.take(&key, value) {
            wrong = Some(match wrong {
                None => error,
                Some(first) => first.with_problems(error.problems().to_vec()),
            });
        }
    }
    match wrong {
        None => Ok(sorter.given),
        Some(error) => Err(error),
    }
}

impl Sorter<'_> {
    fn take(&mut self, key: &str, value: Json) -> Result<()> {
        if let Some(field) = self.shape.field(key) {
            return self.field(*field, &value);
        }
        if key == "id" {
            return match self.before {
                Some((id, _)) if value.as_str() == Some(&id.to_string()) => Ok(()),
                _ => Err(invalid("id", "is given by the server")),
            };
        }
        if key == "custom" {
            return self.custom_object(value);
        }
        if self.shape.group(key).next().is_some() {
            return self.group(key, value);
        }
        let name = key.strip_prefix("custom.").unwrap_or(key);
        match self.custom.iter().position(|field| field.name == name) {
            Some(at) => self.custom_value(at, &value),
            None => Err(self.unknown(key)),
        }
    }

    fn unknown(&self, key: &str) -> Error {
        let custom = self.custom.iter().map(|field| field.name.as_str());
        let shown: String = key.chars().take(80).collect();
        let meant = nearest(key, self.shape.keys().chain(custom));
        let meant = meant.map(|known| format!("; did you mean {known}?")).unwrap_or_default();
        invalid(&shown, format!("is no field of {}{meant}", self.shape.object.plural))
            .coded("unknown_field")
    }

    fn field(&mut self, field: Field, value: &Json) -> Result<()> {
        if value_of(&self.given.fields, field.key).is_some() {
            return Err(invalid(field.key, "is given twice, in two spellings"));
        }
        if !is_writable(&field) && !self.as_house {
            return self.read_only(&field, value);
        }
        let value = field.canonical(value, self.reading)?;
        self.given.fields.insert(field.key.to_owned(), value);
        Ok(())
    }

    /// What was read may be sent back unchanged.
    fn read_only(&self, field: &Field, value: &Json) -> Result<()> {
        let current =
            self.before.and_then(|(_, record)| value_of(record, field.key)).unwrap_or(&Json::Null);
        if value == current {
            Ok(())
        } else {
            Err(invalid(field.key, "is kept by the server and cannot be set"))
        }
    }

    fn group(&mut self, name: &str, value: Json) -> Result<()> {
        let parts: Vec<Field> = self.shape.group(name).copied().collect();
        match value {
            Json::Null => parts.into_iter().try_for_each(|field| self.field(field, &Json::Null)),
            Json::Object(inside) => inside.into_iter().try_for_each(|(key, value)| {
                let full = format!("{name}.{key}");
                match self.shape.field(&full).copied() {
                    Some(field) => self.field(field, &value),
                    None => Err(self.unknown(&full)),
                }
            }),
            _ => Err(invalid(name, "must be an object")),
        }
    }

    fn custom_object(&mut self, value: Json) -> Result<()> {
        let Json::Object(inside) = value else {
            return Err(invalid("custom", "must be an object"));
        };
        for (name, value) in inside {
            match self.custom.iter().position(|field| field.name == name) {
                Some(at) => self.custom_value(at, &value)?,
                None => return Err(self.unknown(&format!("custom.{name}"))),
            }
        }
        Ok(())
    }

    fn custom_value(&mut self, at: usize, value: &Json) -> Result<()> {
        let field = &self.custom[at];
        if self.given.custom.iter().any(|(known, _)| *known == at) {
            return Err(invalid(&field.key(), "is given twice"));
        }
        let value = field.canonical(value, self.reading)?;
        self.given.custom.push((at, value));
        Ok(())
    }
}
