//! Anchors: one row for every record of every object, so that a link can point at any of them within the tenant.

use kith_kernel::{Id, Result};
use kith_store::{Insert, Migration, Step, Table, Write, text};

/// Notes that there is a record of an object.
pub fn add(db: &Write, record: Id, object: &'static str) -> Result<()> {
    db.append(Insert::row("anchors", vec![("id", record.into()), ("object", object.into())]))
}

pub(crate) fn migration() -> Migration {
    let anchors = Table::of_tenant("anchors", vec![text("object").required()]).clustered();
    Migration { name: "2026-11-21-anchors", steps: vec![Step::Create(anchors)] }
}
