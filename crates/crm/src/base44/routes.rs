//! Routes of syncs: begin one, look at it, list them.

use std::sync::Arc;

use kith_http::{Answer, Call, Idempotency, Operation, Query, Routes, schema};
use kith_kernel::{Id, Result, Role, invalid, not_found};
use kith_platform::jobs;
use kith_records::batches;
use kith_store::{Comparison, Condition, Read, Select};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::{
    Base44,
    map::{ENTITIES, Entity},
    run::Sync,
    state::{self, Stage, Stored},
};

const TAG: &str = "database";
const PATH: &str = "/api/database/sync";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wish {
    entities: Option<Vec<String>>,
    tenant_id: Option<Id>,
}

pub(crate) fn routes(base44: &Arc<Base44>) -> Routes {
    let names = ENTITIES.each_ref().map(|entity| entity.name);
    let body = schema::object(
        vec![
            (
                "entities",
                schema::described(
                    schema::nullable(schema::list(schema::one_of(&names))),
                    "All five unless said.",
                ),
            ),
            ("tenantId", schema::described(schema::nullable(schema::id()), "The caller's own.")),
        ],
        &[],
    );
    let begin = Operation::post(PATH, TAG, "Bring over the records of an app of Base44")
        .role(Role::Admin)
        .scope(TAG, "write")
        .idempotency(Idempotency::Replays)
        .typed_body::<Wish>(body)
        .answers(202, "The sync; Location is where it can be looked at.", schema::named("Sync"))
        .refuses(409, "Another sync is at work.")
        .refuses(503, "No app is configured.");
    let read = Operation::get("/api/database/sync/{id}", TAG, "How far a sync is, and what it did")
        .role(Role::Admin)
        .scope(TAG, "read")
        .answers(200, "The sync, with counts of each entity.", schema::named("Sync"));
    let list = Operation::get(PATH, TAG, "Syncs")
        .role(Role::Admin)
        .scope(TAG, "read")
        .query("limit", schema::integer(), "Rows of a page, 1 to 200; 50 unless said.")
        .query("cursor", schema::string(), "Where to go on: nextCursor of the page before.")
        .answers(200, "Newest first.", schema::page(schema::named("Sync")));
    let base44 = Arc::clone(base44);
    Routes::new()
        .add(begin, move |call| start(Arc::clone(&base44), call))
        .add(read, show)
        .add(list, show_all)
}

#[expect(clippy::too_many_lines, reason = "a list of declarations")]
pub(crate) fn schemas() -> Vec<(String, Json)> {
    let count = schema::integer;
    let failed = schema::object(
        vec![
            ("id", schema::nullable(schema::string())),
            ("code", schema::string()),
            ("reason", schema::string()),
        ],
        &["id", "code", "reason"],
    );
    let of_fields = |text| schema::described(schema::open_object(), text);
    let tally = schema::object(
        vec![
            ("entity", schema::string()),
            ("object", schema::string()),
            ("state", schema::one_of(&Stage::NAMES)),
            ("read", count()),
            ("created", count()),
            ("updated", count()),
            ("unchanged", count()),
            ("skipped", schema::described(count(), "Leads that were converted here.")),
            ("failed", count()),
            ("leftOut", of_fields("Values that did not fit or named nothing, by the field here.")),
            ("unknown", of_fields("Fields there that have no place here.")),
            ("failures", schema::described(schema::list(failed), "The first hundred.")),
        ],
        &[
            "entity",
            "object",
            "state",
            "read",
            "created",
            "updated",
            "unchanged",
            "failed",
            "failures",
        ],
    );
    let sync = schema::object(
        vec![
            ("id", schema::id()),
            (
                "batchId",
                schema::described(schema::id(), "By which it is undone, followed and cancelled."),
            ),
            ("state", schema::one_of(&batches::State::ALL.map(batches::State::name))),
            ("entities", schema::list(tally)),
            ("stagesMade", schema::list(schema::string())),
            ("error", schema::nullable(schema::string())),
            ("createdAt", schema::time()),
            ("finishedAt", schema::nullable(schema::time())),
        ],
        &["id", "batchId", "state", "entities", "createdAt"],
    );
    vec![("Sync".to_owned(), sync)]
}

fn wanted(names: Option<&[String]>) -> Result<Vec<&'static Entity>> {
    let Some(names) = names else { return Ok(ENTITIES.iter().collect()) };
    if names.is_empty() {
        return Err(invalid("entities", "must name one at least"));
    }
    let all = ENTITIES.each_ref().map(|entity| entity.name).join(", ");
    for name in names {
        if Entity::named(name).is_none() {
            return Err(invalid("entities", format!("may hold {all}")));
        }
    }
    // In our order, whatever theirs is: those that others point at come first.
    let is_named =
        |entity: &&Entity| names.iter().any(|name| name.eq_ignore_ascii_case(entity.name));
    Ok(ENTITIES.iter().filter(is_named).collect())
}

async fn start(base44: Arc<Base44>, mut call: Call) -> Result<Answer> {
    let body = call.body().await?;
    let wish: Wish = body.parse()?;
    let ctx = &call.ctx;
    if wish.tenant_id.is_some_and(|tenant| tenant != ctx.actor.tenant) {
        return Err(not_found("tenant"));
    }
    let entities = wanted(wish.entities.as_deref())?;
    for entity in &entities {
        ctx.actor.scopes.require(entity.object.scope(), "write")?;
    }
    base44.check(ctx)?;
    call.write(&body, async |db| {
        let id = state::begin(ctx, db, &entities).await?;
        jobs::enqueue(ctx, db, &Sync { sync: id })?;
        let shown = shown(db, &state::find(db, id).await?).await?;
        Ok(Answer::json(&shown)?.accepted(&format!("{PATH}/{id}")))
    })
    .await
}

async fn shown(db: &Read, sync: &Stored) -> Result<Json> {
    Ok(sync.shown(&batches::find(db, sync.id).await?))
}

async fn show(call: Call) -> Result<Answer> {
    let id = call.id("id")?;
    let shown = call.ctx.read(async |db| shown(db, &state::find(db, id).await?).await).await?;
    Answer::json(&shown)
}

async fn show_all(call: Call) -> Result<Answer> {
    let query: Query = call.query()?;
    query.only(&["limit", "cursor"])?;
    let limit = query.number("limit", 1, 200)?.unwrap_or(50);
    let mut select = Select::from("syncs").by("id", true).at_most(limit + 1);
    if let Some(id) = query.id("cursor")? {
        select = select.only(Condition::Compare("id", Comparison::Less, id.into()));
    }
    let (mut all, mut ids) = (Vec::new(), Vec::new());
    call.ctx
        .read(async |db| {
            let found: Vec<Stored> = db.all(select).await?;
            for sync in &found {
                ids.push(sync.id);
                all.push(shown(db, sync).await?);
            }
            Ok(())
        })
        .await?;
    let size = usize::try_from(limit).unwrap_or(usize::MAX);
    let next = (all.len() > size).then(|| ids[size - 1].to_string());
    all.truncate(size);
    Answer::json(&json!({ "data": all, "nextCursor": next }))
}
