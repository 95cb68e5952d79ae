//! Routes by which records of an object are merged and parted.

use std::sync::Arc;

use kith_http::{Answer, Call, Idempotency, Operation, Routes, schema};
use kith_kernel::{Id, Result, Role, conflict};
use kith_platform::Attempts;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::{MOST_OTHERS, Wish};
use crate::{Records, describe::Object, schemas};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Merge {
    primary_id: Id,
    other_ids: Vec<Id>,
    dry_run: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    merge_id: Id,
}

/// The routes by which records of an object are merged and parted.
pub fn merge_routes(records: &Arc<Records>, object: &'static Object) -> Routes {
    let others = json!({
        "type": "array", "items": { "type": "string", "format": "uuid" }, "minItems": 1, "maxItems": MOST_OTHERS,
        "description": "Records that go; of several that have what it lacks, the first named gives it.",
    });
    let merge = declared(object, "merge", &format!("Make one {} of several", object.name))
        .typed_body::<Merge>(schema::object(
            vec![
                ("primaryId", schema::described(schema::id(), "The record that stays.")),
                ("otherIds", others),
                (
                    "dryRun",
                    schema::described(
                        schema::nullable(schema::boolean()),
                        "Says what would be, and changes nothing.",
                    ),
                ),
            ],
            &["primaryId", "otherIds"],
        ))
        .answers(
            200,
            "The record as it is now, and what was moved to it.",
            schema::named(&named(object, "Merge")),
        )
        .refuses(409, "It would belong to itself.");
    let part = declared(object, "unmerge", "Undo a merge")
        .typed_body::<Part>(schema::object(vec![("mergeId", schema::id())], &["mergeId"]))
        .answers(
            200,
            "The record as it is now, and what was left as it is.",
            schema::named(&named(object, "Unmerge")),
        )
        .refuses(409, "It was undone already, or the record that stayed is gone.");
    let (a, b) = (Arc::clone(records), Arc::clone(records));
    Routes::new()
        .add(merge, move |call| merge_handler(Arc::clone(&a), object, call))
        .add(part, move |call| part_handler(Arc::clone(&b), object, call))
}

fn declared(object: &'static Object, action: &str, summary: &str) -> Operation {
    let path = |plural: &str| format!("/api/{plural}/{action}");
    let operation = Operation::post(path(object.plural), object.plural, summary)
        .role(Role::Admin)
        .scope(object.plural, "delete")
        .idempotency(Idempotency::Replays)
        .refuses(404, "There is no such record or merge.");
    match object.alias {
        Some(alias) => operation.alias(path(alias)),
        None => operation,
    }
}

fn named(object: &Object, what: &str) -> String {
    format!("{}{what}", schemas::name(object))
}

/// The named schemas of merges of an object.
#[expect(clippy::too_many_lines, reason = "a list of declarations")]
pub fn merge_schemas(object: &'static Object) -> Vec<(String, Json)> {
    let record = || schema::named(&schemas::name(object));
    let merged = schema::object(
        vec![
            (
                "mergeId",
                schema::described(
                    schema::nullable(schema::id()),
                    "To undo it by; none of a dry run.",
                ),
            ),
            (object.name, record()),
            ("otherIds", schema::list(schema::id())),
            (
                "fields",
                schema::described(schema::list(schema::string()), "Fields that were taken over."),
            ),
            (
                "moved",
                schema::described(
                    schema::open_object(),
                    "How many records of each kind were moved.",
                ),
            ),
            ("dryRun", schema::boolean()),
        ],
        &["mergeId", object.name, "otherIds", "fields", "moved", "dryRun"],
    );
    let stayed = schema::object(
        vec![("object", schema::string()), ("id", schema::id()), ("field", schema::string())],
        &["object", "id", "field"],
    );
    let parted = schema::object(
        vec![
            ("mergeId", schema::id()),
            (object.name, record()),
            ("restoredIds", schema::list(schema::id())),
            (
                "kept",
                schema::described(
                    schema::list(schema::string()),
                    "Fields that were changed since, and stay.",
                ),
            ),
            (
                "stayed",
                schema::described(schema::list(stayed), "Links that were changed since, and stay."),
            ),
        ],
        &["mergeId", object.name, "restoredIds", "kept", "stayed"],
    );
    vec![(named(object, "Merge"), merged), (named(object, "Unmerge"), parted)]
}

async fn merge_handler(
    records: Arc<Records>,
    object: &'static Object,
    mut call: Call,
) -> Result<Answer> {
    let body = call.body().await?;
    let given: Merge = body.parse()?;
    let wish = Wish { primary: given.primary_id, others: given.other_ids };
    wish.checked()?;
    if given.dry_run == Some(true) {
        return preview(&records, object, &call, &wish).await;
    }
    let mut attempts = Attempts::new();
    loop {
        let done = call
            .write(&body, async |db| {
                Answer::json(&records.merge(&call.ctx, db, object, &wish).await?)
            })
            .await;
        if attempts.end_with(&done) {
            return done;
        }
    }
}

/// What a merge would do: it is done, looked at, and taken back.
async fn preview(
    records: &Records,
    object: &'static Object,
    call: &Call,
    wish: &Wish,
) -> Result<Answer> {
    let mut seen: Option<Json> = None;
    let done: Result<()> = call
        .ctx
        .write(async |db| {
            seen = Some(records.merge(&call.ctx, db, object, wish).await?);
            Err(conflict("dry_run", "Nothing is to stay."))
        })
        .await;
    match (seen, done) {
        (Some(mut seen), Err(error)) if error.code() == "dry_run" => {
            (seen["mergeId"], seen["dryRun"]) = (Json::Null, Json::Bool(true));
            Answer::json(&seen)
        }
        (_, Err(error)) => Err(error),
        (_, Ok(())) => Err(kith_kernel::internal("a dry run was kept")),
    }
}

async fn part_handler(
    records: Arc<Records>,
    object: &'static Object,
    mut call: Call,
) -> Result<Answer> {
    let body = call.body().await?;
    let given: Part = body.parse()?;
    let mut attempts = Attempts::new();
    loop {
        let done = call
            .write(&body, async |db| {
                Answer::json(&records.part(&call.ctx, db, object, given.merge_id).await?)
            })
            .await;
        if attempts.end_with(&done) {
            return done;
        }
    }
}
