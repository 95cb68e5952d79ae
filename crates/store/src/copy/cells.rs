//! Cells as bytes: the same for both databases, so that copies can be compared.

use kith_kernel::{Date, Error, Id, Kind, Result, Time};
use serde_json::Value as Tree;

use crate::{Row, Value, schema::Type};

/// How JSON is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Json {
    /// As it stands in the database.
    AsWritten,
    /// Keys in order, numbers in one spelling: PostgreSQL keeps neither spelling nor order.
    Canonical,
}

/// A cell as a value.
pub(super) fn read(row: &Row<'_>, at: usize, kind: Type) -> Result<Value> {
    Ok(match kind {
        Type::Text => row.text(at)?.into(),
        Type::Integer => row.integer(at)?.into(),
        Type::Number => row.number(at)?.into(),
        Type::Bool => row.bool(at)?.into(),
        Type::Time => row.time(at)?.into(),
        Type::Date => row.date(at)?.into(),
        Type::Id => row.id(at)?.into(),
        Type::Json => row.json(at)?.map_or(Value::Null, |text| Value::Json(text.to_owned())),
        Type::Bytes => row.bytes(at)?.map(<[u8]>::to_vec).into(),
    })
}

/// Writes a cell: whether there is a value, then the value, with its length where that differs.
pub(super) fn encode(cell: &Value, out: &mut Vec<u8>, json: Json) {
    if cell.is_null() {
        out.push(0);
        return;
    }
    out.push(1);
    match cell {
        Value::Null => {}
        Value::Bool(flag) => out.push(u8::from(*flag)),
        Value::Integer(number) => out.extend_from_slice(&number.to_be_bytes()),
        // Adding nought takes the sign off nought, which SQLite does not keep.
        Value::Number(number) => out.extend_from_slice(&(number + 0.0).to_bits().to_be_bytes()),
        Value::Text(text) => sized(text.as_bytes(), out),
        Value::Bytes(bytes) => sized(bytes, out),
        Value::Id(id) => out.extend_from_slice(id.as_bytes()),
        Value::Time(time) => out.extend_from_slice(&time.milliseconds().to_be_bytes()),
        Value::Date(date) => out.extend_from_slice(&date.days().to_be_bytes()),
        Value::Json(text) => match json {
            Json::AsWritten => sized(text.as_bytes(), out),
            Json::Canonical => sized(canonical(text).as_bytes(), out),
        },
    }
}

fn sized(bytes: &[u8], out: &mut Vec<u8>) {
    // A cell of four gigabytes is more than either database holds.
    out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(bytes);
}

/// Takes a cell from the front of what was encoded.
///
/// # Errors
/// `Malformed` (`damaged`) when the bytes are none of ours.
pub(super) fn decode(bytes: &mut &[u8], kind: Type) -> Result<Value> {
    match take::<1>(bytes)? {
        [0] => return Ok(Value::Null),
        [1] => {}
        _ => return Err(damaged()),
    }
    Ok(match kind {
        Type::Text => Value::Text(text(bytes)?),
        Type::Json => Value::Json(text(bytes)?),
        Type::Bytes => Value::Bytes(taken(bytes)?.to_vec()),
        Type::Integer => Value::Integer(i64::from_be_bytes(take(bytes)?)),
        Type::Number => Value::Number(f64::from_bits(u64::from_be_bytes(take(bytes)?))),
        Type::Bool => Value::Bool(take::<1>(bytes)? == [1]),
        Type::Time => Value::Time(Time::from_milliseconds(i64::from_be_bytes(take(bytes)?))),
        Type::Date => Value::Date(date(i64::from_be_bytes(take(bytes)?)).ok_or_else(damaged)?),
        Type::Id => Value::Id(Id::from_bytes(take(bytes)?)),
    })
}

fn date(days: i64) -> Option<Date> {
    // Four thousand years on either side: what lies further off was never a day of ours.
    let near = days.abs() < 4_000 * 366;
    near.then(|| Date::new(1970, 1, 1).map(|first| first.plus_days(days))).flatten()
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk::<N>().ok_or_else(damaged)?;
    *bytes = rest;
    Ok(*first)
}

fn taken<'a>(bytes: &mut &'a [u8]) -> Result<&'a [u8]> {
    let length = u32::from_be_bytes(take(bytes)?) as usize;
    let (first, rest) = bytes.split_at_checked(length).ok_or_else(damaged)?;
    *bytes = rest;
    Ok(first)
}

fn text(bytes: &mut &[u8]) -> Result<String> {
    String::from_utf8(taken(bytes)?.to_vec()).map_err(|_| damaged())
}

#[track_caller]
fn damaged() -> Error {
    Error::new(Kind::Malformed, "damaged", "A row of the copy cannot be read: it is damaged.")
}

/// JSON in one spelling; what is none stays as it is.
fn canonical(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    match serde_json::from_str::<Tree>(text) {
        Ok(tree) => write(&tree, &mut out),
        Err(_) => out.push_str(text),
    }
    out
}

fn write(tree: &Tree, out: &mut String) {
    match tree {
        Tree::Null | Tree::Bool(_) | Tree::String(_) => out.push_str(&tree.to_string()),
        Tree::Number(number) => out.push_str(&spelt(number)),
        Tree::Array(list) => {
            out.push('[');
            for (at, each) in list.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write(each, out);
            }
            out.push(']');
        }
        Tree::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort_unstable();
            out.push('{');
            for (at, key) in keys.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                out.push_str(&Tree::String(key.clone()).to_string());
                out.push(':');
                write(&map[key], out);
            }
            out.push('}');
        }
    }
}

/// A number by its value: `1.0`, `1` and `1e0` are one.
fn spelt(number: &serde_json::Number) -> String {
    if number.is_i64() || number.is_u64() {
        return number.to_string();
    }
    let value = number.as_f64().unwrap_or_default();
    // Adding nought takes the sign off nought. Without an exponent Rust writes all digits, as PostgreSQL does.
    format!("{}", value + 0.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn json_has_one_spelling() {
        for (one, other) in [
            (r#"{"b":1,"a":[1.0,-0.0]}"#, r#"{ "a": [1, 0], "b": 1.00 }"#),
            ("1e16", "10000000000000000"),
            ("1e30", "1000000000000000000000000000000"),
            (r#""\u00e9\/""#, "\"é/\""),
        ] {
            assert_eq!(canonical(one), canonical(other));
        }
        assert_ne!(canonical("1"), canonical("\"1\""));
        assert_ne!(canonical("[1,2]"), canonical("[2,1]"));
    }

    fn kind_of(value: &Value) -> Type {
        match value {
            Value::Null | Value::Text(_) => Type::Text,
            Value::Bool(_) => Type::Bool,
            Value::Integer(_) => Type::Integer,
            Value::Number(_) => Type::Number,
            Value::Bytes(_) => Type::Bytes,
            Value::Id(_) => Type::Id,
            Value::Time(_) => Type::Time,
            Value::Date(_) => Type::Date,
            Value::Json(_) => Type::Json,
        }
    }

    fn any_value() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Integer),
            any::<f64>().prop_filter("not a number", |n| !n.is_nan()).prop_map(Value::Number),
            any::<String>().prop_map(Value::Text),
            any::<Vec<u8>>().prop_map(Value::Bytes),
            any::<[u8; 16]>().prop_map(|bytes| Value::Id(Id::from_bytes(bytes))),
            (-1_000_000_i64..1_000_000).prop_map(|at| Value::Time(Time::from_milliseconds(at))),
            (-100_000_i64..100_000).prop_filter_map("no day", |days| date(days).map(Value::Date)),
            any::<String>().prop_map(|text| Value::Json(Tree::String(text).to_string())),
        ]
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(row in proptest::collection::vec(any_value(), 0..12)) {
            let mut bytes = Vec::new();
            for cell in &row {
                encode(cell, &mut bytes, Json::AsWritten);
            }
            let mut rest = &bytes[..];
            let back: Result<Vec<Value>> =
                row.iter().map(|cell| decode(&mut rest, kind_of(cell))).collect();
            prop_assert_eq!(back.ok(), Some(row));
            prop_assert!(rest.is_empty());
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in any::<Vec<u8>>(), kind in 0_usize..9) {
            let kinds = [Type::Text, Type::Integer, Type::Number, Type::Bool, Type::Time, Type::Date,
                Type::Id, Type::Json, Type::Bytes];
            let mut rest = &bytes[..];
            drop(decode(&mut rest, kinds[kind]));
        }
    }
}
