//! Values as PostgreSQL takes them: one by one, or the values of a column as an array.

use bytes::{BufMut, BytesMut};
use tokio_postgres::types::{IsNull, Kind, ToSql, Type, to_sql_checked};

use super::{EPOCH_2000, EPOCH_2000_DAYS, join::Group};
use crate::Value;

type Wrong = Box<dyn std::error::Error + Sync + Send>;

/// The values of a statement.
pub(super) enum Cells {
    Row(Vec<Value>),
    Columns(Vec<Group>),
}

/// What stands for one placeholder.
#[derive(Debug)]
pub(super) enum Bound<'a> {
    Value(&'a Value),
    /// The values of so many rows at this place.
    Column(&'a [Vec<Value>], usize),
}

impl Cells {
    pub(super) fn bound(&self) -> Vec<Bound<'_>> {
        match self {
            Self::Row(values) => values.iter().map(Bound::Value).collect(),
            Self::Columns(groups) => groups
                .iter()
                .flat_map(|group| {
                    let width = group.rows.first().map_or(0, Vec::len);
                    (0..width).map(|at| Bound::Column(&group.rows, at))
                })
                .collect(),
        }
    }
}

impl ToSql for Bound<'_> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Wrong> {
        match (self, kind.kind()) {
            (Self::Value(value), _) => put(value, kind, out),
            (Self::Column(rows, at), Kind::Array(element)) => {
                put_array(rows, *at, element, out)?;
                Ok(IsNull::No)
            }
            (Self::Column(..), _) => Err("a column where no array is taken".into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

fn put(value: &Value, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Wrong> {
    match value {
        Value::Null => return Ok(IsNull::Yes),
        Value::Bool(flag) => out.put_u8(u8::from(*flag)),
        Value::Integer(number) if *kind == Type::FLOAT8 => {
            out.put_f64(f64::from(i32::try_from(*number)?));
        }
        Value::Integer(number) if *kind == Type::INT4 => out.put_i32(i32::try_from(*number)?),
        Value::Integer(number) => out.put_i64(*number),
        Value::Number(number) => out.put_f64(*number),
        Value::Text(text) | Value::Json(text) => {
            if *kind == Type::JSONB {
                out.put_u8(1);
            }
            out.put_slice(text.as_bytes());
        }
        Value::Bytes(bytes) => out.put_slice(bytes),
        Value::Id(id) => out.put_slice(id.as_bytes()),
        Value::Time(time) => out.put_i64((time.milliseconds() - EPOCH_2000) * 1000),
        Value::Date(date) => out.put_i32(i32::try_from(date.days())? - EPOCH_2000_DAYS),
    }
    Ok(IsNull::No)
}

/// An array of one dimension that begins at 1; each value behind its length, which is -1 for none.
fn put_array(
    rows: &[Vec<Value>],
    at: usize,
    element: &Type,
    out: &mut BytesMut,
) -> Result<(), Wrong> {
    out.put_i32(1);
    out.put_i32(i32::from(rows.iter().any(|row| row[at].is_null())));
    out.put_u32(element.oid());
    out.put_i32(i32::try_from(rows.len())?);
    out.put_i32(1);
    for row in rows {
        let place = out.len();
        out.put_i32(-1);
        if let IsNull::No = put(&row[at], element, out)? {
            let length = i32::try_from(out.len() - place - 4)?;
            out[place..place + 4].copy_from_slice(&length.to_be_bytes());
        }
    }
    Ok(())
}
