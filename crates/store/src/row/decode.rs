//! A row as a struct, by serde: names of fields are names of columns.

use kith_kernel::{Error, Result, Time, internal};
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess,
    VariantAccess, Visitor,
};
use tokio_postgres::types::Type;

use super::Row;

impl Row<'_> {
    /// The row as a struct whose fields are named as the columns.
    pub(crate) fn decode<T: DeserializeOwned>(self, columns: &[&'static str]) -> Result<T> {
        T::deserialize(Cells { row: self, columns, at: 0 })
            .map_err(|Mismatch(why)| internal(format!("a row does not fit its struct: {why}")))
    }
}

/// JSON in a column, read into `T`.
#[derive(Debug, Clone, PartialEq)]
pub struct Json<T>(pub T);

impl<'de, T: DeserializeOwned> serde::Deserialize<'de> for Json<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The name tells the row that this is a JSON column.
        struct Text;
        impl Visitor<'_> for Text {
            type Value = String;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("JSON")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
                Ok(text.to_owned())
            }
        }
        let text = deserializer.deserialize_newtype_struct(JSON, Text)?;
        serde_json::from_str(&text).map(Json).map_err(de::Error::custom)
    }
}

const JSON: &str = "kith::Json";

/// The columns that a struct wants: the names of its fields.
pub(crate) fn columns_of<T: DeserializeOwned>() -> &'static [&'static str] {
    let mut fields: &'static [&'static str] = &[];
    // Serde hands over the names before it asks for a value; the error that ends it is expected.
    drop(T::deserialize(Names(&mut fields)));
    fields
}

#[derive(Debug)]
pub(crate) struct Mismatch(String);

impl std::fmt::Display for Mismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Mismatch {}

impl de::Error for Mismatch {
    fn custom<T: std::fmt::Display>(why: T) -> Self {
        Self(why.to_string())
    }
}

impl From<Error> for Mismatch {
    fn from(error: Error) -> Self {
        Self(error.to_string())
    }
}

struct Names<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Names<'_> {
    type Error = Mismatch;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Mismatch> {
        Err(de::Error::custom("only a struct names columns"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Mismatch> {
        *self.0 = fields;
        Err(de::Error::custom("the names are all that was wanted"))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

struct Cells<'a> {
    row: Row<'a>,
    columns: &'a [&'static str],
    at: usize,
}

impl<'de> Deserializer<'de> for Cells<'_> {
    type Error = Mismatch;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_map(self)
    }

    /// A row of one cell reads as the cell.
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        visitor.visit_newtype_struct(Cell { row: self.row, at: 0 })
    }

    fn is_human_readable(&self) -> bool {
        false
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit
        unit_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> MapAccess<'de> for Cells<'_> {
    type Error = Mismatch;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Mismatch> {
        match self.columns.get(self.at) {
            Some(column) => seed.deserialize((*column).into_deserializer()).map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Mismatch> {
        let cell = Cell { row: self.row, at: self.at };
        self.at += 1;
        seed.deserialize(cell)
            .map_err(|Mismatch(why)| Mismatch(format!("{}: {why}", self.columns[self.at - 1])))
    }
}

struct Cell<'a> {
    row: Row<'a>,
    at: usize,
}

impl Cell<'_> {
    fn needed<T>(&self, cell: Option<T>) -> Result<T, Mismatch> {
        cell.ok_or_else(|| Mismatch(format!("cell {} has no value", self.at)))
    }
}

macro_rules! as_integer {
    ($($method:ident)+) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
            self.deserialize_i64(visitor)
        })+
    };
}

macro_rules! as_text {
    ($($method:ident)+) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
            self.deserialize_str(visitor)
        })+
    };
}

impl<'de> Deserializer<'de> for Cell<'_> {
    type Error = Mismatch;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Mismatch> {
        Err(de::Error::custom("a cell is read as the type that its struct names"))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        if self.row.is_null(self.at)? { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        let cell = self.row.bool(self.at)?;
        visitor.visit_bool(self.needed(cell)?)
    }

    /// Whole numbers, and instants as milliseconds.
    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        let instant = matches!(self.row, Row::Postgres(row) if *row.columns()[self.at].type_() == Type::TIMESTAMPTZ);
        let cell = if instant {
            self.row.time(self.at)?.map(Time::milliseconds)
        } else {
            self.row.integer(self.at)?
        };
        visitor.visit_i64(self.needed(cell)?)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        let cell = self.row.number(self.at)?;
        visitor.visit_f64(self.needed(cell)?)
    }

    /// Texts, and calendar days as `2026-11-21`.
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        if matches!(self.row, Row::Postgres(row) if *row.columns()[self.at].type_() == Type::DATE) {
            let cell = self.row.date(self.at)?;
            return visitor.visit_str(&self.needed(cell)?.to_string());
        }
        let cell = self.row.text(self.at)?;
        visitor.visit_str(self.needed(cell)?)
    }

    /// Bytes, and ids as their sixteen.
    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        if matches!(self.row, Row::Postgres(row) if *row.columns()[self.at].type_() == Type::UUID) {
            let cell = self.row.id(self.at)?;
            return visitor.visit_bytes(self.needed(cell)?.as_bytes());
        }
        let cell = self.row.bytes(self.at)?;
        visitor.visit_bytes(self.needed(cell)?)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        if name == JSON {
            let cell = self.row.json(self.at)?;
            return visitor.visit_str(self.needed(cell)?);
        }
        visitor.visit_newtype_struct(self)
    }

    /// A unit variant stands in the column by its name.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        let cell = self.row.text(self.at)?;
        visitor.visit_enum(Word(self.needed(cell)?))
    }

    as_integer! { deserialize_i8 deserialize_i16 deserialize_i32 deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 }
    as_text! { deserialize_string deserialize_char deserialize_identifier }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        self.deserialize_f64(visitor)
    }

    fn is_human_readable(&self) -> bool {
        false
    }

    serde::forward_to_deserialize_any! {
        unit unit_struct seq tuple tuple_struct map struct ignored_any
    }
}

struct Word<'a>(&'a str);

impl<'de> EnumAccess<'de> for Word<'_> {
    type Error = Mismatch;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Mismatch> {
        let name: de::value::StrDeserializer<'_, Mismatch> = self.0.into_deserializer();
        let variant = seed.deserialize(name)?;
        Ok((variant, self))
    }
}

impl<'de> VariantAccess<'de> for Word<'_> {
    type Error = Mismatch;

    fn unit_variant(self) -> Result<(), Mismatch> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, _: T) -> Result<T::Value, Mismatch> {
        Err(de::Error::custom("a column holds only plain variants"))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Mismatch> {
        Err(de::Error::custom("a column holds only plain variants"))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Mismatch> {
        Err(de::Error::custom("a column holds only plain variants"))
    }
}
