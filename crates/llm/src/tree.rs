//! JSON that was read and is only looked at: its texts stay where they were read, and its names are not hashed.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, MapAccess, SeqAccess, Visitor},
};

/// A value of JSON, over the bytes that it was read from.
#[derive(Debug, PartialEq)]
pub(crate) enum Tree<'a> {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    Text(Cow<'a, str>),
    List(Vec<Tree<'a>>),
    Object(Vec<(Cow<'a, str>, Tree<'a>)>),
}

impl Tree<'_> {
    /// What stands under a name; the last one, where a name stands twice.
    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        let Tree::Object(fields) = self else { return None };
        fields.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// The first of a list.
    pub(crate) fn first(&self) -> Option<&Self> {
        self.as_list()?.first()
    }

    /// A list.
    pub(crate) fn as_list(&self) -> Option<&[Self]> {
        if let Tree::List(items) = self { Some(items) } else { None }
    }

    /// A text.
    pub(crate) fn as_str(&self) -> Option<&str> {
        if let Tree::Text(text) = self { Some(text) } else { None }
    }

    /// A whole number that is not negative.
    pub(crate) fn as_u64(&self) -> Option<u64> {
        if let Tree::Number(number) = self { number.as_u64() } else { None }
    }

    /// A number.
    pub(crate) fn as_f64(&self) -> Option<f64> {
        if let Tree::Number(number) = self { number.as_f64() } else { None }
    }
}

impl fmt::Display for Tree<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = serde_json::to_string(self).map_err(|_| fmt::Error)?;
        formatter.write_str(&text)
    }
}

impl Serialize for Tree<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Tree::Null => serializer.serialize_unit(),
            Tree::Bool(flag) => serializer.serialize_bool(*flag),
            Tree::Number(number) => number.serialize(serializer),
            Tree::Text(text) => serializer.serialize_str(text),
            Tree::List(items) => serializer.collect_seq(items),
            Tree::Object(fields) => {
                serializer.collect_map(fields.iter().map(|(name, value)| (name, value)))
            }
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Tree<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reading)
    }
}

/// Text that stays where it was read, unless something in it was escaped.
struct Name<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Name<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.deserialize_str(Reading)? {
            Tree::Text(text) => Ok(Self(text)),
            Tree::Null | Tree::Bool(_) | Tree::Number(_) | Tree::List(_) | Tree::Object(_) => {
                Err(de::Error::custom("a name is text"))
            }
        }
    }
}

struct Reading;

impl<'de> Visitor<'de> for Reading {
    type Value = Tree<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Tree::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(Tree::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Tree::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Tree::Number(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(serde_json::Number::from_f64(number).map_or(Tree::Null, Tree::Number))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Tree::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Tree::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element()? {
            all.push(item);
        }
        Ok(Tree::List(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        let mut all = Vec::with_capacity(8);
        while let Some((Name(name), value)) = fields.next_entry()? {
            all.push((name, value));
        }
        Ok(Tree::Object(all))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value as Json;

    use super::*;

    fn values() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::from),
            any::<i64>().prop_map(Json::from),
            any::<u64>().prop_map(Json::from),
            (-1e9..1e9).prop_map(Json::from),
            any::<String>().prop_map(Json::from),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
                prop::collection::vec((any::<String>(), inner), 0..6)
                    .prop_map(|fields| Json::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_alike(value in values()) {
            let text = value.to_string();
            let tree: Tree<'_> = serde_json::from_str(&text).unwrap();
            let value: Json = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(tree.to_string(), value.to_string());
        }
    }

    #[test]
    fn names_and_texts_are_found() {
        let text = r#"{"a":"x","n":7,"a":"y\n","list":[{"b":[]}],"less":-1.5}"#;
        let tree: Tree<'_> = serde_json::from_str(text).unwrap();
        let of = |name: &str| tree.get(name).unwrap();
        assert_eq!(of("a").as_str(), Some("y\n"));
        assert_eq!(
            (of("n").as_u64(), of("less").as_u64(), of("a").as_u64()),
            (Some(7), None, None)
        );
        assert_eq!(of("less").as_f64(), Some(-1.5));
        assert_eq!(of("list").first().map(ToString::to_string).as_deref(), Some(r#"{"b":[]}"#));
        assert!(tree.first().is_none() && tree.as_list().is_none() && of("a").get("a").is_none());
    }

    #[test]
    fn what_goes_too_deep_or_is_no_json_is_refused() {
        assert!(serde_json::from_str::<Tree<'_>>(&"[".repeat(10_000)).is_err());
        assert!(serde_json::from_str::<Tree<'_>>("{\"a\":}").is_err());
    }
}
