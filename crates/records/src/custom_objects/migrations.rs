//! The tables of custom objects and of their records.

use kith_store::{Migration, Step, Table, id, text, time};

use crate::{
    added::{OWN, TABLE},
    fields::{columns, common},
};

pub(crate) fn migration() -> Migration {
    let objects = Table::of_tenant(
        "objects",
        vec![
            text("name").required(),
            text("label").required(),
            text("plural_label").required(),
            text("description"),
            id("created_by"),
            time("created_at").required(),
            time("deleted_at"),
        ],
    )
    .unique(&["name"]);
    let mut own = vec![text("object").required()];
    own.extend(columns(&OWN));
    own.extend(common());
    let records = Table::of_tenant(TABLE, own)
        .unique_where(
            &["object", "external_id_folded"],
            "external_id_folded IS NOT NULL AND deleted_at IS NULL",
        )
        .index(&["object", "id"])
        .index(&["object", "name_folded", "id"])
        .index(&["object", "owner_id", "id"]);
    Migration {
        name: "2026-11-23-objects",
        steps: vec![Step::Create(objects), Step::Create(records)],
    }
}
