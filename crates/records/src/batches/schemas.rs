//! The named schemas of batches.

use kith_http::schema::{self, Schema};
use serde_json::Value as Json;

use super::{Kind, State};

/// Of batches, and of the records that they passed over.
pub fn batch_schemas() -> Vec<(String, Json)> {
    let fault = schema::object(
        vec![
            ("id", schema::id()),
            ("object", schema::string()),
            ("verdict", schema::one_of(&["skipped", "failed"])),
            ("code", schema::string()),
            ("reason", schema::string()),
        ],
        &["id", "object", "verdict", "code", "reason"],
    );
    let faults = || schema::list(schema::named("BatchFault"));
    let result = schema::object(
        vec![
            ("restored", schema::described(schema::integer(), "Records that an undo took back.")),
            ("changed", schema::described(schema::integer(), "Records that others changed.")),
            ("skipped", schema::described(faults(), "The first 100.")),
            ("failed", schema::described(faults(), "The first 100.")),
        ],
        &["skipped", "failed"],
    );
    let mut one = line();
    one.push(("result", result));
    let required = ["id", "kind", "object", "action", "state", "done", "createdAt", "undone"];
    vec![("BatchFault".to_owned(), fault), ("Batch".to_owned(), schema::object(one, &required))]
}

fn line() -> Vec<(&'static str, Schema)> {
    let id = || schema::nullable(schema::id());
    vec![
        ("id", schema::id()),
        ("kind", schema::one_of(&Kind::ALL.map(Kind::name))),
        ("object", schema::string()),
        (
            "action",
            schema::one_of(&[
                "create", "update", "delete", "restore", "import", "convert", "undo", "erase",
                "sync", "archive",
            ]),
        ),
        ("memberId", id()),
        ("userId", id()),
        ("state", schema::one_of(&State::ALL.map(State::name))),
        ("total", schema::nullable(schema::integer())),
        ("done", schema::integer()),
        ("changed", schema::integer()),
        ("skipped", schema::integer()),
        ("failed", schema::integer()),
        ("error", schema::nullable(schema::string())),
        ("createdAt", schema::time()),
        ("finishedAt", schema::nullable(schema::time())),
        ("undoOf", id()),
        ("undone", schema::boolean()),
        ("undoneBy", id()),
        ("undoneAt", schema::nullable(schema::time())),
    ]
}
