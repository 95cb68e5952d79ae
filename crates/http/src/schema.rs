//! JSON Schemas, written by small functions.

use serde_json::{Map, Value, json};

/// A schema (JSON Schema 2020-12, as OpenAPI 3.1 uses it).
pub type Schema = Value;

/// Text.
pub fn string() -> Schema {
    json!({ "type": "string" })
}

/// Text of a format (`email`, `uuid`, `date-time`, `date`, `uri`).
pub fn format(name: &str) -> Schema {
    json!({ "type": "string", "format": name })
}

/// A whole number.
pub fn integer() -> Schema {
    json!({ "type": "integer" })
}

/// A number.
pub fn number() -> Schema {
    json!({ "type": "number" })
}

/// True or false.
pub fn boolean() -> Schema {
    json!({ "type": "boolean" })
}

/// An id.
pub fn id() -> Schema {
    format("uuid")
}

/// An instant.
pub fn time() -> Schema {
    format("date-time")
}

/// One of these words.
pub fn one_of(words: &[&str]) -> Schema {
    json!({ "type": "string", "enum": words })
}

/// What one of these schemas describes.
pub fn any_of(schemas: &[Schema]) -> Schema {
    json!({ "anyOf": schemas })
}

/// A list.
pub fn list(of: Schema) -> Schema {
    Value::Object(Map::from_iter([("type".to_owned(), "array".into()), ("items".to_owned(), of)]))
}

/// The same, or no value.
pub fn nullable(schema: Schema) -> Schema {
    match schema {
        Value::Object(mut object) => {
            if let Some(kind) = object.get("type").cloned() {
                object.insert("type".to_owned(), json!([kind, "null"]));
                if let Some(Value::Array(words)) = object.get_mut("enum") {
                    words.push(Value::Null);
                }
                Value::Object(object)
            } else {
                json!({ "anyOf": [Value::Object(object), { "type": "null" }] })
            }
        }
        other => other,
    }
}

/// A named schema of the document.
pub fn named(name: &str) -> Schema {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// With a sentence about it.
pub fn described(mut schema: Schema, text: &str) -> Schema {
    if let Value::Object(object) = &mut schema {
        object.insert("description".to_owned(), text.into());
    }
    schema
}

/// Anything at all.
pub fn any() -> Schema {
    json!({})
}

/// An object with these keys; those in `required` must be there, others are refused.
pub fn object(keys: Vec<(&str, Schema)>, required: &[&str]) -> Schema {
    let keys: Map<String, Value> = keys.into_iter().map(|(key, of)| (key.to_owned(), of)).collect();
    let mut object = json!({ "type": "object", "properties": keys, "additionalProperties": false });
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    object
}

/// An object whose keys are not fixed.
pub fn open_object() -> Schema {
    json!({ "type": "object" })
}

/// A page of a list.
pub fn page(of: Schema) -> Schema {
    object(
        vec![
            ("data", list(of)),
            ("nextCursor", nullable(string())),
            ("total", described(integer(), "Only with count=exact.")),
        ],
        &["data", "nextCursor"],
    )
}
