//! Schemas of custom objects.

use kith_http::{schema, schema::Schema};
use serde_json::Value as Json;

use crate::{added::NAMED, catalog::Shape, schemas};

/// The named schemas of custom objects and of their records.
pub fn custom_object_schemas() -> Vec<(String, Json)> {
    let object = schema::object(
        vec![
            ("id", schema::id()),
            ("name", schema::string()),
            ("label", schema::string()),
            ("pluralLabel", schema::string()),
            ("description", schema::nullable(schema::string())),
            ("path", schema::described(schema::string(), "Where its records are.")),
            ("createdAt", schema::time()),
        ],
        &["id", "name", "label", "pluralLabel", "path", "createdAt"],
    );
    let mut all = vec![("CustomObject".to_owned(), object)];
    all.extend(schemas::of_object(&Shape::new(&NAMED)));
    all
}

pub(super) fn new_schema() -> Schema {
    let name = "A small letter, then letters and digits; never changed.";
    schema::object(
        vec![
            ("name", schema::described(schema::string(), name)),
            ("label", schema::nullable(schema::string())),
            ("pluralLabel", schema::nullable(schema::string())),
            ("description", schema::nullable(schema::string())),
        ],
        &["name"],
    )
}

pub(super) fn changes_schema() -> Schema {
    schema::object(
        vec![
            ("label", schema::nullable(schema::string())),
            ("pluralLabel", schema::nullable(schema::string())),
            ("description", schema::nullable(schema::string())),
        ],
        &[],
    )
}
