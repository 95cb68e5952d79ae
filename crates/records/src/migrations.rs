//! The tables that all objects share.

use kith_store::{Migration, Step, Table, bool, id, integer, json, number, text, time};

use crate::{batches, custom, custom_objects, import, merge, personal, retention, views};

/// The tables that all objects share.
pub fn migrations() -> Vec<Migration> {
    vec![
        tables(),
        import::migration(),
        import::shared_files(),
        custom::migration(),
        views::migration(),
        batches::migration(),
        merge::migration(),
        custom_objects::migration(),
        personal::migration(),
        retention::migration(),
    ]
}

#[expect(clippy::too_many_lines, reason = "a list of declarations")]
fn tables() -> Migration {
    let links = Table::of_tenant_keyed(
        "links",
        &["record_id", "relation", "target_id"],
        vec![
            id("record_id").required().references("anchors"),
            text("relation").required(),
            id("target_id").required().references("anchors"),
        ],
    )
    .index(&["target_id", "relation", "record_id"])
    .clustered();
    let custom_fields = Table::of_tenant(
        "custom_fields",
        vec![
            text("object").required(),
            text("name").required(),
            text("label").required(),
            text("kind").required(),
            json("options"),
            bool("required").required(),
            time("created_at").required(),
            time("deleted_at"),
        ],
    )
    .unique(&["object", "name"]);
    let custom_values = Table::of_tenant_keyed(
        "custom_values",
        &["record_id", "field_id"],
        vec![
            id("record_id").required().references("anchors"),
            id("field_id").required().references("custom_fields"),
            text("words"),
            number("number"),
            time("instant"),
            integer("flag"),
        ],
    )
    .index(&["field_id", "words", "record_id"])
    .index(&["field_id", "number", "record_id"])
    .index(&["field_id", "instant", "record_id"])
    .clustered();
    Migration {
        name: "2026-11-21-records",
        steps: vec![
            Step::Search,
            Step::Create(links),
            Step::Create(custom_fields),
            Step::Create(custom_values),
        ],
    }
}
