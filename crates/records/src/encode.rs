//! Rows to JSON: written straight into the answer, cell by cell, without a tree in between.

use std::io::Write;

use kith_kernel::{Currency, Id, Money, Result};
use kith_store::Row;
use serde_json::Value as Json;

use crate::{
    catalog::Shape,
    cursor::Key,
    custom::CustomField,
    describe::{Field, Kind, Record, value_of},
};

/// What is encoded of a row, worked out once for a list.
pub(crate) struct Encoder<'a> {
    pub(crate) shape: &'a Shape,
    pub(crate) custom: &'a [CustomField],
    /// The keys (or groups) that were asked for; none means all.
    pub(crate) wanted: Option<Vec<String>>,
    pub(crate) default_currency: Currency,
}

/// A row on its way into a page.
pub(crate) struct Line {
    pub(crate) id: Id,
    /// The record as JSON, without its closing brace.
    pub(crate) json: Vec<u8>,
    /// What the page is sorted by, for the cursor.
    pub(crate) keys: Vec<Option<Key>>,
    pub(crate) links: Vec<Option<Id>>,
}

impl Line {
    /// A record that is read by itself.
    pub(crate) fn single(id: Id, json: Vec<u8>, links: Vec<Option<Id>>) -> Self {
        Self { id, json, keys: Vec::new(), links }
    }
}

/// A JSON object that is being written.
struct Writing<'a> {
    out: &'a mut Vec<u8>,
    first: bool,
    group: Option<&'static str>,
}

impl Encoder<'_> {
    fn wants(&self, field: &Field) -> bool {
        let Some(wanted) = &self.wanted else { return true };
        let group = field.group().map(|(group, _)| group);
        wanted.iter().any(|key| key == field.key || Some(key.as_str()) == group)
    }

    /// Writes `{"id":…` up to, and without, the closing brace; the columns are those of the shape, in order.
    pub(crate) fn row(&self, row: Row<'_>, out: &mut Vec<u8>) -> Result<Id> {
        let id = row.id(0)?.unwrap_or_default();
        out.extend_from_slice(b"{\"id\":\"");
        out.extend_from_slice(id.encode(&mut [0; 36]).as_bytes());
        out.push(b'"');
        let currency = self.currency(row)?;
        let mut writing = Writing { out, first: false, group: None };
        let stored = self.shape.fields.iter().filter(|field| field.kind.is_stored());
        for (at, field) in stored.enumerate() {
            if self.wants(field) {
                writing.key(field);
                cell(field.kind, row, at + 1, currency, writing.out)?;
            }
        }
        writing.close_group();
        self.custom(row.json(self.shape.columns.len() - 1)?, writing.out);
        Ok(id)
    }

    fn currency(&self, row: Row<'_>) -> Result<Currency> {
        if self.shape.has_currency
            && let Some(at) = self.shape.columns.iter().position(|column| *column == "currency")
            && let Some(code) = row.text(at)?
        {
            return Ok(code.parse().unwrap_or(self.default_currency));
        }
        Ok(self.default_currency)
    }

    /// Custom fields stand under `custom` by their names.
    fn custom(&self, stored: Option<&str>, out: &mut Vec<u8>) {
        let some = self.wanted.as_ref().filter(|wanted| !wanted.iter().any(|key| key == "custom"));
        if some.is_some_and(|wanted| !wanted.iter().any(|key| key.starts_with("custom."))) {
            return;
        }
        if self.custom.is_empty() {
            out.extend_from_slice(b",\"custom\":{}");
            return;
        }
        let values: Record =
            stored.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let named: Record = self
            .custom
            .iter()
            .filter(|field| some.is_none_or(|wanted| wanted.contains(&field.key())))
            .map(|field| {
                let value = values.get(&field.id.to_string()).cloned();
                (field.name.clone(), value.unwrap_or(Json::Null))
            })
            .collect();
        out.extend_from_slice(b",\"custom\":");
        // Writing into a Vec does not fail.
        serde_json::to_writer(&mut *out, &named).ok();
    }
}

impl Writing<'_> {
    fn comma(&mut self) {
        if self.first {
            self.first = false;
        } else {
            self.out.push(b',');
        }
    }

    fn close_group(&mut self) {
        if self.group.take().is_some() {
            self.out.push(b'}');
            self.first = false;
        }
    }

    /// `"key":`, inside the braces of its group.
    fn key(&mut self, field: &Field) {
        let (group, key) = match field.group() {
            Some((group, key)) => (Some(group), key),
            None => (None, field.key),
        };
        if self.group != group {
            self.close_group();
            if let Some(group) = group {
                self.comma();
                self.name(group);
                self.out.push(b'{');
                self.first = true;
                self.group = Some(group);
            }
        }
        self.comma();
        self.name(key);
    }

    fn name(&mut self, key: &str) {
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
    }
}

fn quoted(text: &str, out: &mut Vec<u8>) {
    // Writing into a Vec does not fail.
    serde_json::to_writer(out, text).ok();
}

/// Text of digits, letters and signs that JSON need not escape.
fn bare(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

fn cell(kind: Kind, row: Row<'_>, at: usize, currency: Currency, out: &mut Vec<u8>) -> Result<()> {
    let written = match kind {
        Kind::Text | Kind::LongText | Kind::Email | Kind::Phone | Kind::Url => {
            row.text(at)?.map(|text| quoted(text, out))
        }
        Kind::Currency | Kind::Choice(_) => row.text(at)?.map(|text| quoted(text, out)),
        Kind::Json => row.text(at)?.map(|text| out.extend_from_slice(text.as_bytes())),
        Kind::Integer(..) => row.integer(at)?.map(|number| {
            write!(out, "{number}").ok();
        }),
        Kind::Number => row.number(at)?.map(|number| {
            serde_json::to_writer(&mut *out, &number).ok();
        }),
        Kind::Money => row.integer(at)?.map(|minor| amount(minor, currency, out)),
        Kind::Date => row.date(at)?.map(|date| bare(&date.to_string(), out)),
        Kind::Time => row.time(at)?.map(|time| bare(time.encode(&mut [0; 24]), out)),
        Kind::Bool => row.bool(at)?.map(|flag| {
            out.extend_from_slice(if flag { b"true" } else { b"false" });
        }),
        Kind::Link(..) | Kind::Related | Kind::Id => {
            row.id(at)?.map(|id| bare(id.encode(&mut [0; 36]), out))
        }
        Kind::Labels => None,
    };
    if written.is_none() {
        out.extend_from_slice(b"null");
    }
    Ok(())
}

fn amount(minor: i64, currency: Currency, out: &mut Vec<u8>) {
    let mut text = String::new();
    Money { minor, currency }.write(&mut text);
    out.extend_from_slice(text.as_bytes());
}

/// A row as a record: the same values, as a map for rules and diffs; custom fields stay under their ids.
pub(crate) fn record(shape: &Shape, row: Row<'_>, default: Currency) -> Result<(Record, Record)> {
    let encoder = Encoder { shape, custom: &[], wanted: None, default_currency: default };
    let currency = encoder.currency(row)?;
    let mut record = Record::new();
    let mut out = Vec::new();
    let stored = shape.fields.iter().filter(|field| field.kind.is_stored());
    for (at, field) in stored.enumerate() {
        out.clear();
        cell(field.kind, row, at + 1, currency, &mut out)?;
        let value: Json = serde_json::from_slice(&out).unwrap_or(Json::Null);
        if !value.is_null() {
            record.insert(field.key.to_owned(), value);
        }
    }
    let custom = row.json(shape.columns.len() - 1)?;
    Ok((record, custom.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()))
}

/// A record as an answer: every field, groups as objects.
pub(crate) fn answer(
    shape: &Shape,
    id: Id,
    record: &Record,
    (custom, values): (&[CustomField], &Record),
) -> Record {
    let mut answer = Record::with_capacity(shape.fields.len() + 2);
    answer.insert("id".to_owned(), id.to_string().into());
    for field in &shape.fields {
        let value = value_of(record, field.key).cloned().unwrap_or_else(|| match field.kind {
            Kind::Labels => Json::Array(Vec::new()),
            _ => Json::Null,
        });
        match field.group() {
            None => {
                answer.insert(field.key.to_owned(), value);
            }
            Some((group, key)) => {
                let inside = answer.entry(group).or_insert_with(|| Json::Object(Record::new()));
                if let Json::Object(inside) = inside {
                    inside.insert(key.to_owned(), value);
                }
            }
        }
    }
    answer.insert("custom".to_owned(), Json::Object(by_name(custom, values)));
    answer
}

fn by_name(custom: &[CustomField], values: &Record) -> Record {
    let value = |field: &CustomField| values.get(&field.id.to_string()).cloned();
    custom.iter().map(|field| (field.name.clone(), value(field).unwrap_or(Json::Null))).collect()
}

/// The same written out, which spares the tree.
pub(crate) fn written(
    shape: &Shape,
    id: Id,
    record: &Record,
    (custom, values): (&[CustomField], &Record),
) -> Vec<u8> {
    let mut out = Vec::with_capacity(shape.fields.len() * 24);
    out.extend_from_slice(b"{\"id\":");
    bare(id.encode(&mut [0; 36]), &mut out);
    let mut writing = Writing { out: &mut out, first: false, group: None };
    for field in &shape.fields {
        writing.key(field);
        match (value_of(record, field.key), field.kind) {
            // Writing into a Vec does not fail.
            (Some(value), _) => drop(serde_json::to_writer(&mut *writing.out, value)),
            (None, Kind::Labels) => writing.out.extend_from_slice(b"[]"),
            (None, _) => writing.out.extend_from_slice(b"null"),
        }
    }
    writing.close_group();
    out.extend_from_slice(b",\"custom\":");
    serde_json::to_writer(&mut out, &by_name(custom, values)).ok();
    out.push(b'}');
    out
}
