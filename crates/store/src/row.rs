//! Rows as they come from either database: read cell by cell without copying, or into a struct by serde.

mod decode;

use kith_kernel::{Date, Error, Id, Result, Time, internal};
use tokio_postgres::types::{FromSql, Type};

pub use decode::Json;
pub(crate) use decode::columns_of;

/// A row while it is looked at; cells are numbered as the select shows them.
#[derive(Clone, Copy)]
pub enum Row<'a> {
    #[doc(hidden)]
    Sqlite(&'a rusqlite::Row<'a>),
    #[doc(hidden)]
    Postgres(&'a tokio_postgres::Row),
}

macro_rules! cell {
    ($(#[doc = $doc:literal])* $name:ident, $type:ty, $sqlite:expr, $postgres:expr) => {
        $(#[doc = $doc])*
        pub fn $name(&self, at: usize) -> Result<Option<$type>> {
            match self {
                Self::Sqlite(row) => $sqlite(row, at),
                Self::Postgres(row) => $postgres(row, at),
            }
        }
    };
}

impl<'a> Row<'a> {
    cell!(/// The text of a cell.
        text, &'a str, sqlite::text, postgres::get::<&'a str>);
    cell!(/// The JSON of a cell, as it is written.
        json, &'a str, sqlite::text, postgres::json);
    cell!(/// The whole number of a cell.
        integer, i64, sqlite::integer, postgres::integer);
    cell!(/// The number of a cell.
        number, f64, sqlite::number, postgres::get::<f64>);
    cell!(/// True or false.
        bool, bool, sqlite::bool, postgres::get::<bool>);
    cell!(/// The raw bytes of a cell.
        bytes, &'a [u8], sqlite::bytes, postgres::get::<&'a [u8]>);
    cell!(/// The id in a cell.
        id, Id, sqlite::id, postgres::id);
    cell!(/// The instant in a cell.
        time, Time, sqlite::time, postgres::time);
    cell!(/// The calendar day in a cell.
        date, Date, sqlite::date, postgres::date);

    /// Whether a cell has no value.
    pub fn is_null(&self, at: usize) -> Result<bool> {
        match self {
            Self::Sqlite(row) => {
                Ok(row.get_ref(at).map_err(sqlite::wrong)? == rusqlite::types::ValueRef::Null)
            }
            Self::Postgres(row) => {
                Ok(row.try_get::<_, Option<postgres::Raw>>(at).map_err(postgres::wrong)?.is_none())
            }
        }
    }
}

mod sqlite {
    use rusqlite::{Row, types::ValueRef};

    use super::{Date, Error, Id, Result, Time, internal};

    pub(super) fn wrong(error: rusqlite::Error) -> Error {
        internal("a cell cannot be read").caused_by(error)
    }

    fn cell<'a>(row: &'a Row<'_>, at: usize) -> Result<Option<ValueRef<'a>>> {
        match row.get_ref(at).map_err(wrong)? {
            ValueRef::Null => Ok(None),
            value => Ok(Some(value)),
        }
    }

    fn unfit<T>(at: usize, wanted: &str) -> Result<T> {
        Err(internal(format!("cell {at} of a row holds no {wanted}")))
    }

    pub(super) fn text<'a>(row: &'a Row<'_>, at: usize) -> Result<Option<&'a str>> {
        match cell(row, at)? {
            Some(ValueRef::Text(bytes)) => match std::str::from_utf8(bytes) {
                Ok(text) => Ok(Some(text)),
                Err(_) => unfit(at, "UTF-8 text"),
            },
            Some(_) => unfit(at, "text"),
            None => Ok(None),
        }
    }

    pub(super) fn bytes<'a>(row: &'a Row<'_>, at: usize) -> Result<Option<&'a [u8]>> {
        match cell(row, at)? {
            Some(ValueRef::Blob(bytes)) => Ok(Some(bytes)),
            Some(_) => unfit(at, "bytes"),
            None => Ok(None),
        }
    }

    pub(super) fn integer(row: &Row<'_>, at: usize) -> Result<Option<i64>> {
        match cell(row, at)? {
            Some(ValueRef::Integer(number)) => Ok(Some(number)),
            Some(_) => unfit(at, "whole number"),
            None => Ok(None),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a column of numbers may store a whole one")]
    pub(super) fn number(row: &Row<'_>, at: usize) -> Result<Option<f64>> {
        match cell(row, at)? {
            Some(ValueRef::Real(number)) => Ok(Some(number)),
            Some(ValueRef::Integer(number)) => Ok(Some(number as f64)),
            Some(_) => unfit(at, "number"),
            None => Ok(None),
        }
    }

    pub(super) fn bool(row: &Row<'_>, at: usize) -> Result<Option<bool>> {
        Ok(integer(row, at)?.map(|number| number != 0))
    }

    pub(super) fn id(row: &Row<'_>, at: usize) -> Result<Option<Id>> {
        match bytes(row, at)? {
            Some(bytes) => match Id::from_slice(bytes) {
                Some(id) => Ok(Some(id)),
                None => unfit(at, "id"),
            },
            None => Ok(None),
        }
    }

    pub(super) fn time(row: &Row<'_>, at: usize) -> Result<Option<Time>> {
        Ok(integer(row, at)?.map(Time::from_milliseconds))
    }

    pub(super) fn date(row: &Row<'_>, at: usize) -> Result<Option<Date>> {
        match text(row, at)? {
            Some(text) => match Date::parse(text) {
                Some(date) => Ok(Some(date)),
                None => unfit(at, "date"),
            },
            None => Ok(None),
        }
    }
}

mod postgres {
    use tokio_postgres::Row;

    use super::{Date, Error, FromSql, Id, Result, Time, Type, internal};

    pub(super) fn wrong(error: tokio_postgres::Error) -> Error {
        internal("a cell cannot be read").caused_by(error)
    }

    pub(super) fn get<'a, T: FromSql<'a>>(row: &'a Row, at: usize) -> Result<Option<T>> {
        row.try_get(at).map_err(wrong)
    }

    type Refusal = Box<dyn std::error::Error + Sync + Send>;

    /// The bytes of a cell, whatever its type.
    pub(super) struct Raw<'a>(pub(super) &'a [u8]);

    impl<'a> FromSql<'a> for Raw<'a> {
        fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Refusal> {
            Ok(Self(raw))
        }

        fn accepts(_: &Type) -> bool {
            true
        }
    }

    fn raw(row: &Row, at: usize) -> Result<Option<&[u8]>> {
        Ok(get::<Raw<'_>>(row, at)?.map(|raw| raw.0))
    }

    fn fixed<const N: usize>(row: &Row, at: usize, wanted: &str) -> Result<Option<[u8; N]>> {
        let Some(raw) = raw(row, at)? else { return Ok(None) };
        let unfit = |_| internal(format!("cell {at} of a row holds no {wanted}"));
        raw.try_into().map(Some).map_err(unfit)
    }

    pub(super) fn integer(row: &Row, at: usize) -> Result<Option<i64>> {
        match *row.columns()[at].type_() {
            Type::INT4 => Ok(get::<i32>(row, at)?.map(i64::from)),
            _ => get(row, at),
        }
    }

    pub(super) fn id(row: &Row, at: usize) -> Result<Option<Id>> {
        Ok(fixed::<16>(row, at, "id")?.map(Id::from_bytes))
    }

    pub(super) fn time(row: &Row, at: usize) -> Result<Option<Time>> {
        Ok(fixed::<8>(row, at, "time")?
            .map(|raw| crate::connect::postgres::time(i64::from_be_bytes(raw))))
    }

    pub(super) fn date(row: &Row, at: usize) -> Result<Option<Date>> {
        Ok(fixed::<4>(row, at, "date")?
            .and_then(|raw| crate::connect::postgres::date(i32::from_be_bytes(raw))))
    }

    /// `jsonb` travels as one byte of version and the text.
    pub(super) fn json(row: &Row, at: usize) -> Result<Option<&str>> {
        let Some(raw) = raw(row, at)? else { return Ok(None) };
        let text = raw.split_first().map_or(&[][..], |(_, text)| text);
        let unfit = |_| internal(format!("cell {at} of a row holds no JSON"));
        std::str::from_utf8(text).map(Some).map_err(unfit)
    }
}
