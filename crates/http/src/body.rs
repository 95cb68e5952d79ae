//! Bodies: read within their bounds, with camelCase or snake_case keys, unknown keys named.

use axum::http::{HeaderMap, header};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use kith_kernel::{
    Error, Kind, Result, invalid, malformed,
    text::{camel_case, nearest},
    too_large, unsupported,
};
use serde::{
    Deserializer,
    de::{self, DeserializeOwned, Visitor},
};
use serde_json::{Map, Value};

/// A body whose bytes are kept, so that a repeated request can be recognised.
#[derive(Debug, Clone, Default)]
pub struct Body(pub Bytes);

impl Body {
    pub(crate) async fn read(
        body: axum::body::Body,
        headers: &HeaderMap,
        limit: usize,
    ) -> Result<Self> {
        let announced = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok());
        if announced.and_then(|text| text.parse::<usize>().ok()).is_some_and(|size| size > limit) {
            return Err(beyond(limit));
        }
        match Limited::new(body, limit).collect().await {
            Ok(whole) => Ok(Self(whole.to_bytes())),
            Err(error) if error.is::<LengthLimitError>() => Err(beyond(limit)),
            Err(error) => Err(malformed("The body broke off.").caused_by(error)),
        }
    }

    /// The body as a JSON object; an empty body is an empty object.
    ///
    /// # Errors
    /// `Malformed` when it is not JSON, `Invalid` when it is not an object or holds a NUL character.
    pub fn object(&self) -> Result<Map<String, Value>> {
        if self.0.is_empty() {
            return Ok(Map::new());
        }
        let text = std::str::from_utf8(&self.0);
        let read = text.map_or_else(|_| serde_json::from_slice(&self.0), serde_json::from_str);
        let value: Value =
            read.map_err(|error| malformed(format!("The body is not JSON: {error}.")))?;
        if text.is_ok_and(|text| text.contains("\\u0000")) && holds_nul(&value) {
            return Err(Error::new(Kind::Invalid, "nul", "The body holds a NUL character."));
        }
        match value {
            Value::Object(object) => Ok(object),
            _ => Err(Error::new(Kind::Invalid, "not_an_object", "The body must be a JSON object.")),
        }
    }

    /// The body as a struct: keys in camelCase or snake_case, unknown ones refused with the nearest name.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        let known = fields_of::<T>();
        let mut named = Map::new();
        for (key, value) in self.object()? {
            let camel = camel_case(&key);
            if !known.contains(&camel.as_str()) {
                return Err(unknown_key(&key, known.iter().copied()));
            }
            if named.insert(camel, value).is_some() {
                return Err(invalid(&key, "is given twice, in two spellings"));
            }
        }
        serde_path_to_error::deserialize(Value::Object(named)).map_err(|error| {
            let path = error.path().to_string().replace('[', ".").replace(']', "");
            let why = error.inner().to_string();
            match why.strip_prefix("missing field `").and_then(|rest| rest.split('`').next()) {
                Some(field) => invalid(field, "is required"),
                None => invalid(path.trim_matches('.'), why),
            }
        })
    }
}

/// There is no such key here.
#[track_caller]
pub(crate) fn unknown_key<'a>(key: &str, known: impl IntoIterator<Item = &'a str>) -> Error {
    let shown: String = key.chars().take(80).collect();
    match nearest(key, known) {
        Some(meant) => invalid(&shown, format!("is not known here; did you mean {meant}?")),
        None => invalid(&shown, "is not known here"),
    }
    .coded("unknown_field")
}

fn beyond(limit: usize) -> Error {
    too_large(format!("The body is larger than the {limit} bytes that are accepted here."))
}

fn holds_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(list) => list.iter().any(holds_nul),
        Value::Object(object) => {
            object.iter().any(|(key, value)| key.contains('\0') || holds_nul(value))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Refuses a body that says it is something other than JSON.
pub(crate) fn expect_json(headers: &HeaderMap) -> Result<()> {
    let Some(kind) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let kind = kind.to_str().unwrap_or_default();
    let plain = kind.split(';').next().unwrap_or_default().trim();
    if plain.eq_ignore_ascii_case("application/json") || plain.ends_with("+json") {
        Ok(())
    } else {
        Err(unsupported("The body must be JSON (content-type: application/json)."))
    }
}

/// The names of a struct's fields, as serde knows them.
pub fn fields_of<T: DeserializeOwned>() -> &'static [&'static str] {
    let mut fields: &'static [&'static str] = &[];
    // Serde hands over the names before it asks for a value; the error that ends it is expected.
    drop(T::deserialize(Names(&mut fields)));
    fields
}

struct Names<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Names<'_> {
    type Error = de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(de::Error::custom("only a struct has names"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Self::Error> {
        *self.0 = fields;
        Err(de::Error::custom("the names are all that was wanted"))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Register {
        email: String,
        tenant_name: Option<String>,
        friends: Option<Vec<u8>>,
    }

    fn parse(text: &str) -> Result<Register> {
        Body(Bytes::copy_from_slice(text.as_bytes())).parse()
    }

    #[test]
    fn both_spellings_are_read_and_unknown_keys_named() {
        let read = parse(r#"{"email": "a@b.c", "tenant_name": "Acme"}"#).unwrap();
        assert_eq!((read.email.as_str(), read.tenant_name.as_deref()), ("a@b.c", Some("Acme")));
        let twice = parse(r#"{"email": "a@b.c", "tenant_name": "A", "tenantName": "B"}"#);
        assert!(twice.unwrap_err().to_string().contains("twice"));
        let unknown = parse(r#"{"emial": "a@b.c"}"#).unwrap_err();
        assert!(unknown.to_string().contains("did you mean email?"), "{unknown}");
        let wrong = parse(r#"{"email": 5}"#).unwrap_err();
        assert_eq!(wrong.problems()[0].pointer, "/email");
        assert_eq!(parse("{}").unwrap_err().problems()[0].pointer, "/email");
        let listed = parse(r#"{"email": "a@b.c", "friends": [1]}"#).unwrap();
        assert_eq!(listed.friends, Some(vec![1]));
        let within = parse(r#"{"email": "a@b.c", "friends": [1, "two"]}"#).unwrap_err();
        assert_eq!(within.problems()[0].pointer, "/friends/1");
    }

    #[test]
    fn what_is_no_object_is_refused() {
        assert_eq!(parse("[").unwrap_err().kind(), Kind::Malformed);
        assert_eq!(parse("[]").unwrap_err().kind(), Kind::Invalid);
        assert_eq!(parse("{\"email\": \"a\\u0000\"}").unwrap_err().code(), "nul");
        assert_eq!(parse(&"[".repeat(10_000)).unwrap_err().kind(), Kind::Malformed);
    }
}
