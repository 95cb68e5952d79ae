//! Custom objects: kinds of records that a tenant added. They share a table, and are records like any other.

mod change;
mod document;
mod find;
mod migrations;
mod routes;
mod schemas;

use kith_kernel::Time;
use kith_store::Select;
use serde::Deserialize;
use serde_json::{Value as Json, json};

pub(crate) use migrations::migration;
pub use routes::custom_object_routes;
pub use schemas::custom_object_schemas;

/// No more custom objects than this in one tenant.
const MOST_OBJECTS: i64 = 50;

/// An object that a tenant added, as it is stored.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct CustomObject {
    pub(crate) id: kith_kernel::Id,
    pub(crate) name: String,
    label: String,
    plural_label: String,
    description: Option<String>,
    created_at: Time,
    pub(crate) deleted_at: Option<Time>,
}

impl CustomObject {
    fn shown(&self) -> Json {
        json!({
            "id": self.id, "name": self.name, "label": self.label, "pluralLabel": self.plural_label,
            "description": self.description, "path": format!("/api/objects/{}/records", self.name),
            "createdAt": self.created_at,
        })
    }
}

fn named(name: &str) -> Select {
    Select::from("objects").whose("name", name)
}
