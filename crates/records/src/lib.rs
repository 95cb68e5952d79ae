//! The engine: what every object can do, written once; an object is described as data and nothing is generic over it.

mod added;
mod ask;
pub mod batches;
mod bulk;
mod carry;
mod catalog;
mod change;
pub mod csv;
mod cursor;
mod custom;
mod custom_fields;
mod custom_objects;
mod describe;
mod encode;
mod erased;
mod export;
pub mod fields;
mod filter;
mod history;
pub mod import;
mod labels;
mod list;
mod merge;
mod merged;
mod migrations;
mod named;
mod past;
mod personal;
mod read;
mod reindex;
mod related;
mod retention;
mod routes;
mod schemas;
mod trace;
mod undo;
mod unlink;
mod upkeep;
mod values;
mod vcard;
mod views;

pub use ask::{Archived, Ask};
pub use batches::{batch_routes, batch_schemas};
pub use catalog::Records;
pub use change::{Manner, Upserted};
pub use custom::{CustomField, CustomKind};
pub use custom_fields::{custom_field_routes, custom_field_schemas};
pub use custom_objects::{custom_object_routes, custom_object_schemas};
pub use describe::{
    Change, Desk, Field, FoundBy, Kind, Making, Object, OnDelete, Pending, Plain, Record, Routes,
    Rules, Warning, What, Writable,
};
pub use history::events_page;
pub use list::Page;
pub use merge::{merge_routes, merge_schemas};
pub use migrations::migrations;
pub use personal::{Forget, Person, Personal, personal_routes, register_erasure};
pub use retention::{
    Trash, arm as arm_retention, register_retention, retention_routes, retention_schemas,
};
pub use routes::{object_routes, shared_routes};
pub use schemas::schemas;
pub use undo::undo_routes;
pub use upkeep::{Closed, Upkeep, register_upkeep, upkeep_routes, upkeep_schemas};
pub use views::{view_routes, view_schemas};

/// Adds the jobs of the engine.
pub fn register(
    registry: kith_platform::jobs::Registry,
    records: &std::sync::Arc<Records>,
) -> kith_platform::jobs::Registry {
    let registry = custom_fields::register(registry, records);
    bulk::register(undo::register(registry, records), records)
}
