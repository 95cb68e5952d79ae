//! Conditions over a record that is in no table: decided here as the databases decide them over rows.

use std::{cmp::Ordering, collections::HashMap};

use kith_kernel::{Currency, text::fold};
use kith_store::{Comparison, Condition, Value};
use serde_json::Value as Json;

use super::Was;
use crate::{catalog::Shape, custom::CustomField, values::Reading};

/// A row and the rows of other tables that belong to it.
#[derive(Debug, Default)]
pub(crate) struct Cells {
    columns: HashMap<&'static str, Value>,
    related: HashMap<&'static str, Vec<Cells>>,
}

impl Cells {
    fn of<const N: usize>(columns: [(&'static str, Value); N]) -> Self {
        Self { columns: HashMap::from(columns), related: HashMap::new() }
    }

    /// What the tables would hold of a record.
    pub(crate) fn new(shape: &Shape, custom: &[CustomField], was: &Was, reading: Reading) -> Self {
        let named = was.record.get("currency").and_then(Json::as_str);
        let currency: Currency =
            named.and_then(|code| code.parse().ok()).unwrap_or(reading.currency);
        let mut cells = Self::of([("id", was.id.into())]);
        for field in shape.fields.iter().filter(|field| field.kind.is_stored()) {
            let value = was.record.get(field.key).unwrap_or(&Json::Null);
            let stored = field.stored(value, currency).unwrap_or(Value::Null);
            cells.columns.insert(field.column, stored);
            if field.kind.is_folded() {
                cells.columns.insert(field.folded, field.folded_value(value));
            }
        }
        let values = custom.iter().filter_map(|field| {
            let value = was.custom.get(&field.id.to_string())?;
            let compared = field.compared(value, reading);
            Some(Self::of([("field_id", field.id.into()), (field.kind.column(), compared)]))
        });
        cells.related.insert("custom_values", values.collect());
        let names = was.record.get("labels").and_then(Json::as_array).into_iter().flatten();
        let links = names.filter_map(Json::as_str).map(|name| {
            let label = Self::of([("name_folded", fold(name).into_owned().into())]);
            let mut link = Self::of([("relation", "label".into())]);
            link.related.insert("labels", vec![label]);
            link
        });
        cells.related.insert("links", links.collect());
        cells
    }

    /// The value of a column; none where there is none.
    pub(crate) fn get(&self, column: &str) -> &Value {
        self.columns.get(column).unwrap_or(&Value::Null)
    }

    fn text(&self, column: &str) -> Option<&str> {
        match self.get(column) {
            Value::Text(text) | Value::Json(text) => Some(text),
            Value::Null
            | Value::Bool(_)
            | Value::Integer(_)
            | Value::Number(_)
            | Value::Bytes(_)
            | Value::Id(_)
            | Value::Time(_)
            | Value::Date(_) => None,
        }
    }
}

/// How two values of a kind stand to one another; nothing where one of them is none.
pub(crate) fn compare(one: &Value, other: &Value) -> Option<Ordering> {
    match (one, other) {
        (Value::Text(one), Value::Text(other)) => Some(one.as_bytes().cmp(other.as_bytes())),
        (Value::Integer(one), Value::Integer(other)) => Some(one.cmp(other)),
        (Value::Number(one), Value::Number(other)) => one.partial_cmp(other),
        (Value::Bool(one), Value::Bool(other)) => Some(one.cmp(other)),
        (Value::Id(one), Value::Id(other)) => Some(one.cmp(other)),
        (Value::Time(one), Value::Time(other)) => Some(one.cmp(other)),
        (Value::Date(one), Value::Date(other)) => Some(one.cmp(other)),
        _ => None,
    }
}

fn compared(comparison: Comparison, one: &Value, other: &Value) -> Option<bool> {
    let order = compare(one, other)?;
    Some(match comparison {
        Comparison::Equal => order.is_eq(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
    })
}

/// Whether a condition holds: yes, no, or neither, as in SQL.
pub(crate) fn holds(condition: &Condition, cells: &Cells) -> Option<bool> {
    match condition {
        Condition::All(all) => joined(all, cells, false),
        Condition::Any(any) => joined(any, cells, true),
        Condition::Not(inner) => Some(holds(inner, cells) != Some(true)),
        Condition::Compare(column, comparison, value) => {
            compared(*comparison, cells.get(column), value)
        }
        Condition::Columns(one, comparison, other) => {
            compared(*comparison, cells.get(one), cells.get(other))
        }
        Condition::In(column, values) => {
            let cell = cells.get(column);
            let equals = |value| compare(cell, value).is_some_and(Ordering::is_eq);
            if cell.is_null() { None } else { Some(values.iter().any(equals)) }
        }
        Condition::Null(column) => Some(cells.get(column).is_null()),
        Condition::Contains(column, part) => {
            cells.text(column).map(|text| text.contains(part.as_str()))
        }
        Condition::StartsWith(column, part) => {
            cells.text(column).map(|text| text.starts_with(part.as_str()))
        }
        Condition::EndsWith(column, part) => {
            cells.text(column).map(|text| text.ends_with(part.as_str()))
        }
        Condition::Behind(keys, descending) => behind(keys, *descending, cells),
        Condition::Exists(related) => {
            let rows = cells.related.get(related.table).map(Vec::as_slice).unwrap_or_default();
            Some(rows.iter().any(|row| holds(&related.condition, row) == Some(true)))
        }
        // Lists of the past are refused words, and no filter looks among the rows of a select.
        Condition::Among(..) | Condition::Words { .. } => None,
    }
}

/// All of them, or any of them where `wanted` is true.
fn joined(conditions: &[Condition], cells: &Cells, wanted: bool) -> Option<bool> {
    let mut unknown = false;
    for condition in conditions {
        match holds(condition, cells) {
            Some(found) if found == wanted => return Some(wanted),
            Some(_) => {}
            None => unknown = true,
        }
    }
    if unknown { None } else { Some(!wanted) }
}

fn behind(keys: &[(&'static str, Value)], descending: bool, cells: &Cells) -> Option<bool> {
    for (column, value) in keys {
        match compare(cells.get(column), value)? {
            Ordering::Equal => {}
            order => return Some(order.is_lt() == descending),
        }
    }
    Some(false)
}

#[cfg(test)]
mod tests {
    use kith_store::equals;

    use super::*;

    #[test]
    fn what_is_unknown_does_not_hold_and_its_opposite_does() {
        let cells = Cells::of([("a", 1.into()), ("none", Value::Null)]);
        let is = |column, value: i64| equals(column, value);
        assert_eq!(holds(&is("a", 1), &cells), Some(true));
        assert_eq!(holds(&is("none", 1), &cells), None);
        assert_eq!(holds(&Condition::Not(Box::new(is("none", 1))), &cells), Some(true));
        let either = |one, other| Condition::Any(vec![one, other]);
        assert_eq!(holds(&either(is("none", 1), is("a", 1)), &cells), Some(true));
        assert_eq!(holds(&either(is("none", 1), is("a", 2)), &cells), None);
        assert_eq!(holds(&Condition::All(vec![is("none", 1), is("a", 2)]), &cells), Some(false));
        assert_eq!(holds(&Condition::All(vec![]), &cells), Some(true));
        assert_eq!(holds(&Condition::Any(vec![]), &cells), Some(false));
        assert_eq!(holds(&Condition::In("none", vec![1.into()]), &cells), None);
    }
}
