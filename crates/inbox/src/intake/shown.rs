//! Deliveries as admins see them: what came in by a channel, what of it could not be taken in, and that tried once more.

use kith_http::{Answer, Call, Idempotency, Operation, Routes, schema};
use kith_kernel::{Error, Id, Kind, Result, Role, Time, not_found};
use kith_platform::jobs;
use kith_store::{Comparison, Condition, Read, Select, Update, Value};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::{deliveries::TABLE, work::Receive};
use crate::channels;

const TAG: &str = "channels";
const STATES: [&str; 2] = ["pending", "done"];
const SHOWN: [&str; 7] = ["id", "state", "received_at", "progress", "failures", "error", "bytes"];

/// A delivery without what it holds.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all(serialize = "camelCase"))]
struct Shown {
    id: Id,
    state: String,
    received_at: Time,
    progress: i64,
    failures: i64,
    error: Option<String>,
    bytes: i64,
}

pub(super) fn routes() -> Routes {
    let list = Operation::get(
        "/api/channels/{id}/deliveries",
        TAG,
        "What came in by a channel, and how far the work on it is",
    )
    .role(Role::Admin)
    .scope(TAG, "read")
    .query("state", schema::one_of(&STATES), "Those of that state alone.")
    .query("limit", schema::integer(), "Rows of a page, 1 to 200; 50 unless said.")
    .query("cursor", schema::string(), "Where to go on: nextCursor of the page before.")
    .answers(200, "Newest first.", schema::page(schema::named("Delivery")));
    let retry = Operation::post(
        "/api/channels/{id}/deliveries/{deliveryId}/retry",
        TAG,
        "Try once more to take in what failed of a delivery",
    )
    .role(Role::Admin)
    .scope(TAG, "write")
    .idempotency(Idempotency::Replays)
    .answers(202, "The delivery; it is worked on behind this answer.", schema::named("Delivery"))
    .refuses(409, "Nothing of it failed.");
    Routes::new().add(list, show_all).add(retry, try_again)
}

pub(crate) fn schemas() -> Vec<(String, Json)> {
    let told = |schema, text| schema::described(schema, text);
    let delivery = schema::object(
        vec![
            ("id", schema::id()),
            ("state", schema::one_of(&STATES)),
            ("receivedAt", schema::time()),
            ("progress", told(schema::integer(), "How much of what it tells was worked on.")),
            ("failures", told(schema::integer(), "How much of that could not be taken in.")),
            ("error", told(schema::nullable(schema::string()), "Why, of the last that failed.")),
            ("bytes", schema::integer()),
        ],
        &["id", "state", "receivedAt", "progress", "failures", "error", "bytes"],
    );
    vec![("Delivery".to_owned(), delivery)]
}

fn state(given: Option<&str>) -> Result<Option<&'static str>> {
    let Some(given) = given else { return Ok(None) };
    let known = STATES.into_iter().find(|state| *state == given);
    known.map(Some).ok_or_else(|| {
        let why = "must be pending or done";
        Error::new(Kind::Invalid, "invalid_parameter", format!("The parameter state {why}."))
            .and("state", why)
    })
}

async fn show_all(call: Call) -> Result<Answer> {
    let (channel, query) = (call.id("id")?, call.query()?);
    query.only(&["state", "limit", "cursor"])?;
    let limit = query.number("limit", 1, 200)?.unwrap_or(50);
    let mut select = Select::from(TABLE).show(&SHOWN).whose("channel_id", channel);
    if let Some(state) = state(query.get("state")?)? {
        select = select.whose("state", state);
    }
    if let Some(before) = query.id("cursor")? {
        select = select.only(Condition::Compare("id", Comparison::Less, before.into()));
    }
    let found = call.ctx.read(async |db| {
        channels::must_exist(db, channel).await?;
        db.all(select.by("id", true).at_most(limit + 1)).await
    });
    let mut found: Vec<Shown> = found.await?;
    let size = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = found.len() > size;
    found.truncate(size);
    let next = found.last().filter(|_| more).map(|last| last.id);
    Answer::json(&json!({ "data": found, "nextCursor": next }))
}

async fn find(db: &Read, (channel, id): (Id, Id)) -> Result<Shown> {
    let select = Select::from(TABLE).show(&SHOWN).whose("id", id).whose("channel_id", channel);
    db.first(select).await?.ok_or_else(|| not_found("delivery"))
}

#[derive(Deserialize)]
struct Failed {
    failed: Option<String>,
}

async fn try_again(mut call: Call) -> Result<Answer> {
    call.query()?.only(&[])?;
    let of = (call.id("id")?, call.id("deliveryId")?);
    let body = call.body().await?;
    call.write(&body, async |db| {
        channels::must_exist(db, of.0).await?;
        db.one_at_a_time(&format!("intake {}", of.0)).await?;
        let delivery = find(db, of).await?;
        // What is not done waits for a job, which may have been given up.
        if delivery.state == "done" {
            let failed = Select::from(TABLE).show(&["failed"]).whose("id", of.1);
            let failed = db.first::<Failed>(failed).await?.and_then(|found| found.failed);
            let Some(failed) = failed else {
                let why = "Nothing of this delivery failed.";
                return Err(Error::new(Kind::Conflict, "nothing_failed", why));
            };
            let update = Update::table(TABLE)
                .set("state", "pending")
                .set("again", failed)
                .set("failed", Value::Null)
                .set("failures", 0_i64)
                .set("error", Value::Null);
            db.update(update.whose("id", of.1)).await?;
        }
        jobs::enqueue(&call.ctx, db, &Receive { channel: of.0 })?;
        Answer::json(&find(db, of).await?).map(|answer| answer.status(202))
    })
    .await
}
