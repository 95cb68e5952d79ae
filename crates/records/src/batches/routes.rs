//! Routes of batches, and of the jobs that run them: a job has the id of its batch.

use std::sync::Arc;

use kith_http::{Answer, Call, Operation, Query, Routes, schema};
use kith_kernel::{Id, Result};
use kith_platform::Ctx;
use kith_store::{Comparison, Condition, Read, Select, equals};
use serde_json::{Value as Json, json};

use super::{Batch, Kind, cancel, faults, find, stream};
use crate::{Records, history::events_page};

const TAG: &str = "batches";
const JOBS: &str = "jobs";

/// The routes by which batches are listed and looked into, and jobs followed and ended.
#[expect(clippy::too_many_lines, reason = "a list of declarations")]
pub fn batch_routes(records: &Arc<Records>) -> Routes {
    let one = || schema::named("Batch");
    let paged = |operation: Operation| {
        operation
            .query("limit", schema::integer(), "Rows of a page, 1 to 200; 50 unless said.")
            .query("cursor", schema::string(), "Where to go on: nextCursor of the page before.")
    };
    let list = Operation::get("/api/batches", TAG, "Imports, bulk changes and deletions")
        .scope(TAG, "read")
        .query("kind", schema::one_of(&Kind::ALL.map(Kind::name)), "Of one kind.")
        .query("object", schema::string(), "Of one object, such as contact.");
    let list = paged(list).answers(200, "Newest first.", schema::page(one()));
    let read =
        Operation::get("/api/batches/{id}", TAG, "What a batch did, and whether it was undone")
            .scope(TAG, "read")
            .answers(200, "The batch.", one());
    let changes = Operation::get("/api/batches/{id}/changes", TAG, "Each change of a batch")
        .scope(TAG, "read");
    let changes = paged(changes).answers(
        200,
        "Events with before and after, newest first, of the objects that one may read.",
        schema::page(schema::named("Event")),
    );
    let passed = Operation::get(
        "/api/batches/{id}/faults",
        TAG,
        "The records that a batch passed over or failed at",
    )
    .scope(TAG, "read");
    let passed =
        paged(passed).answers(200, "With the reasons.", schema::page(schema::named("BatchFault")));
    let job = Operation::get("/api/jobs/{id}", JOBS, "How far a job is, and what it did")
        .scope(TAG, "read")
        .answers(200, "The job, which is its batch.", one());
    let watch = Operation::get(
        "/api/jobs/{id}/events",
        JOBS,
        "The progress of a job, as it happens",
    )
    .scope(TAG, "read")
    .refuses(429, "Too many jobs are watched.")
    .answers_text(
        200,
        "Server-sent events progress and end, each with the job as JSON; it ends with the job.",
        "text/event-stream",
    );
    let end = Operation::post("/api/jobs/{id}/cancel", JOBS, "Break a job off; what it did stays")
        .scope(TAG, "write")
        .answers(200, "The job as it is now.", one())
        .refuses(409, "It has ended, or is none that can be broken off.");
    let streams = stream::streams();
    let (a, b) = (Arc::clone(records), Arc::clone(records));
    Routes::new()
        .add(list, move |call| list_batches(Arc::clone(&a), call))
        .add(read, read_batch)
        .add(changes, move |call| list_changes(Arc::clone(&b), call))
        .add(passed, list_faults)
        .add(job, read_batch)
        .add(watch, move |call| stream::watch(Arc::clone(&streams), call))
        .add(end, cancel_job)
}

/// `?limit=&cursor=`, where the cursor is an id.
fn page(query: &Query) -> Result<(u64, Option<Id>)> {
    Ok((query.number("limit", 1, 200)?.unwrap_or(50), query.id("cursor")?))
}

fn paged(mut rows: Vec<(Id, Json)>, limit: u64) -> Result<Answer> {
    let more = rows.len() as u64 > limit;
    rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let next = rows.last().filter(|_| more).map(|(id, _)| id.to_string());
    let data: Vec<Json> = rows.into_iter().map(|(_, row)| row).collect();
    Answer::json(&json!({ "data": data, "nextCursor": next }))
}

async fn list_batches(records: Arc<Records>, call: Call) -> Result<Answer> {
    let query = call.query()?;
    query.only(&["limit", "cursor", "kind", "object"])?;
    let (limit, cursor) = page(&query)?;
    let mut select = Select::from("batches").by("id", true).at_most(limit + 1);
    if let Some(id) = cursor {
        select = select.only(Condition::Compare("id", Comparison::Less, id.into()));
    }
    if let Some(kind) = query.get("kind")? {
        select = select.whose("kind", kind);
    }
    if let Some(name) = query.get("object")? {
        let object =
            call.ctx.read(async |db| records.object_given(db, "object", name).await).await?;
        select = select.whose("object", object.name);
    }
    let now = call.ctx.now();
    let found: Vec<Batch> = call.ctx.read(async |db| db.all(select).await).await?;
    paged(found.iter().map(|batch| (batch.id, batch.line(now))).collect(), limit)
}

async fn read_batch(call: Call) -> Result<Answer> {
    let id = call.id("id")?;
    let shown =
        call.ctx.read(async |db| find(db, id).await?.shown(db, call.ctx.now()).await).await?;
    Answer::json(&shown)
}

/// The objects whose records the caller may read.
async fn readable(records: &Records, ctx: &Ctx, db: &Read) -> Result<Condition> {
    let all = records.all_objects(db).await?;
    let readable = all.iter().filter(|object| ctx.actor.scopes.allow(object.scope(), "read"));
    Ok(Condition::In("object", readable.map(|object| object.name.into()).collect()))
}

async fn list_changes(records: Arc<Records>, call: Call) -> Result<Answer> {
    let (id, query) = (call.id("id")?, call.query()?);
    query.only(&["limit", "cursor"])?;
    let page = call
        .ctx
        .read(async |db| {
            find(db, id).await?;
            let readable = readable(&records, &call.ctx, db).await?;
            events_page(db, &query, vec![equals("batch_id", id), readable]).await
        })
        .await?;
    Answer::json(&page)
}

async fn list_faults(call: Call) -> Result<Answer> {
    let (id, query) = (call.id("id")?, call.query()?);
    query.only(&["limit", "cursor"])?;
    let (limit, from) = page(&query)?;
    let rows = call
        .ctx
        .read(async |db| {
            find(db, id).await?;
            faults::page(db, id, (None, from, limit)).await
        })
        .await?;
    paged(rows, limit)
}

async fn cancel_job(call: Call) -> Result<Answer> {
    let (id, ctx) = (call.id("id")?, &call.ctx);
    let shown = ctx.write(async |db| cancel(ctx, db, id).await?.shown(db, ctx.now()).await).await?;
    Answer::json(&shown)
}
