//! What custom fields got in the tables after the first version.

use kith_store::{Migration, Step, Table, bool, id, integer, json, text, time};

/// Adding a column is instant, however many rows there are.
pub(crate) fn migration() -> Migration {
    let uniques = Table::of_tenant_keyed(
        "custom_uniques",
        &["field_id", "value"],
        vec![
            id("field_id").required().references("custom_fields"),
            text("value").required(),
            id("record_id").required().references("anchors"),
        ],
    )
    .index(&["record_id", "field_id"])
    .clustered();
    let field = |column| Step::AddColumn("custom_fields", column);
    Migration {
        name: "2026-11-21-custom-fields",
        steps: vec![
            field(bool("is_unique").required().default("FALSE")),
            field(json("default_value")),
            field(text("target")),
            field(text("currency")),
            field(time("purged_at")),
            field(text("converting_from")),
            Step::AddColumn("custom_values", integer("minor")),
            Step::AddIndex("custom_values", &["field_id", "minor", "record_id"]),
            Step::Create(uniques),
        ],
    }
}
