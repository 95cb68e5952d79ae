//! The tables of batches.

use kith_store::{Migration, Step, Table, id, integer, json, text, time};

pub(crate) fn migration() -> Migration {
    let batches = Table::of_tenant(
        "batches",
        vec![
            text("kind").required(),
            text("object").required(),
            text("action").required(),
            id("member_id"),
            id("user_id"),
            text("state").required(),
            integer("total"),
            json("counts").required(),
            json("wishes"),
            id("position"),
            integer("revision").required(),
            text("error"),
            time("created_at").required(),
            time("finished_at"),
            id("undo_of"),
            id("undone_by"),
            time("undone_at"),
        ],
    );
    let faults = Table::of_tenant_keyed(
        "batch_faults",
        &["batch_id", "record_id"],
        vec![
            id("batch_id").required().references("batches"),
            id("record_id").required(),
            text("object").required(),
            text("verdict").required(),
            text("code").required(),
            text("reason").required(),
        ],
    )
    .clustered();
    Migration {
        name: "2026-11-23-batches",
        steps: vec![Step::Create(batches), Step::Create(faults)],
    }
}
