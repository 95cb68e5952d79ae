//! The groups that the last scan found: listed, and told to be no duplicates.

use std::{collections::HashMap, sync::Arc};

use kith_http::{Answer, Call, Idempotency, Operation, Routes, schema};
use kith_kernel::{Id, Result, invalid, not_found};
use kith_platform::Ctx;
use kith_records::Records;
use kith_store::{Comparison, Condition, Delete, Insert, Json as Stored, Read, Select, Write};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::{
    entity::Entity,
    scan::{newest, tell},
};

const PATH: &str = "/api/duplicates";
const TAG: &str = "duplicates";
/// Dismissals that one tenant may have: each scan reads them all.
const MOST_DISMISSALS: i64 = 1_000_000;

#[derive(Debug, Deserialize)]
struct Group {
    id: Id,
    object: String,
    score: f64,
    members: Stored<Vec<Id>>,
    reasons: Stored<Json>,
}

pub(super) fn routes(records: &Arc<Records>) -> Routes {
    let list = Operation::get(PATH, TAG, "The groups that the last scan found, the surest first")
        .scope(TAG, "read")
        .query(
            "entity",
            schema::one_of(&["contact", "account", "lead"]),
            "Of what; contact unless said.",
        )
        .query("limit", schema::integer(), "Groups of a page, 1 to 100; 50 unless said.")
        .query("cursor", schema::string(), "Where to go on: nextCursor of the page before.")
        .answers(
            200,
            "Groups of records that are still there; none before the first scan is done.",
            schema::page(schema::named("DuplicateGroup")),
        );
    let dismiss = Operation::post(
        format!("{PATH}/{{id}}/dismiss"),
        TAG,
        "Say that a group's records are no duplicates",
    )
    .scope(TAG, "write")
    .idempotency(Idempotency::Replays)
    .answers_nothing(204, "No scan puts two of them into one group again.");
    let records = Arc::clone(records);
    Routes::new()
        .add(list, move |call| list_groups(Arc::clone(&records), call))
        .add(dismiss, dismiss_group)
}

pub(super) fn schemas() -> Vec<(String, Json)> {
    let member = schema::object(
        vec![
            ("id", schema::id()),
            ("name", schema::nullable(schema::string())),
            ("email", schema::nullable(schema::string())),
            ("phone", schema::nullable(schema::string())),
        ],
        &["id", "name", "email", "phone"],
    );
    let group = schema::object(
        vec![
            ("id", schema::id()),
            ("entity", schema::string()),
            ("count", schema::integer()),
            ("score", schema::described(schema::number(), "Of the weakest link between them.")),
            ("reasons", schema::list(schema::named("DuplicateReason"))),
            ("records", schema::list(member)),
        ],
        &["id", "entity", "count", "score", "reasons", "records"],
    );
    vec![("DuplicateGroup".to_owned(), group)]
}

async fn list_groups(records: Arc<Records>, call: Call) -> Result<Answer> {
    let (query, ctx) = (call.query()?, &call.ctx);
    query.only(&["entity", "limit", "cursor"])?;
    let entity = Entity::named(&records, "entity", query.get("entity")?.unwrap_or("contact"))?;
    ctx.actor.scopes.require(entity.table, "read")?;
    let limit = query.number("limit", 1, 100)?.unwrap_or(50);
    let behind = query.id("cursor")?;
    Answer::json(&ctx.read(async |db| page(db, entity, (limit, behind)).await).await?)
}

async fn page(db: &Read, entity: &Entity, (limit, behind): (u64, Option<Id>)) -> Result<Json> {
    let Some(scan) = newest(db, entity.object, true).await? else {
        return Ok(json!({ "data": [], "nextCursor": null }));
    };
    let mut select = Select::from("duplicate_groups").whose("scan_id", scan.id);
    if let Some(behind) = behind {
        select = select.only(Condition::Compare("id", Comparison::Greater, behind.into()));
    }
    let mut groups: Vec<Group> = db.all(select.by("id", false).at_most(limit + 1)).await?;
    let more = groups.len() as u64 > limit;
    groups.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let next = groups.last().filter(|_| more).map(|group| group.id);
    let members = members(db, entity, &groups).await?;
    let data = groups.iter().filter_map(|group| {
        let there: Vec<&Json> = group.members.0.iter().filter_map(|id| members.get(id)).collect();
        // What was merged or deleted since is no longer a duplicate.
        (there.len() > 1).then(|| {
            json!({
                "id": group.id, "entity": group.object, "count": there.len(), "score": group.score,
                "reasons": group.reasons.0, "records": there,
            })
        })
    });
    let data: Vec<Json> = data.collect();
    Ok(json!({ "data": data, "nextCursor": next }))
}

async fn members(db: &Read, entity: &Entity, groups: &[Group]) -> Result<HashMap<Id, Json>> {
    let ids: Vec<Id> = groups.iter().flat_map(|group| &group.members.0).copied().collect();
    let select = Select::from(entity.table)
        .show(&["id", "name", "email", "phone"])
        .whose_each("id", ids)
        .only(Condition::Null("deleted_at"));
    let mut members = HashMap::new();
    db.each(&select, |row| {
        let id = row.id(0)?.unwrap_or_default();
        let member =
            json!({ "id": id, "name": row.text(1)?, "email": row.text(2)?, "phone": row.text(3)? });
        members.insert(id, member);
        Ok(())
    })
    .await?;
    Ok(members)
}

async fn dismiss_group(mut call: Call) -> Result<Answer> {
    let (id, body) = (call.id("id")?, call.body().await?);
    call.write(&body, async |db| {
        dismiss(&call.ctx, db, id).await?;
        Ok(Answer::nothing())
    })
    .await
}

async fn dismiss(ctx: &Ctx, db: &Write, id: Id) -> Result<()> {
    let group: Option<Group> = db.first(Select::from("duplicate_groups").whose("id", id)).await?;
    let group = group.ok_or_else(|| not_found("group of duplicates"))?;
    if db.count(Select::from("duplicate_dismissals")).await? > MOST_DISMISSALS {
        return Err(invalid(
            "id",
            format!("would be dismissed beside more than {MOST_DISMISSALS}"),
        ));
    }
    let members = &group.members.0;
    let mut rows = Vec::new();
    for (at, one) in members.iter().enumerate() {
        for other in &members[at + 1..] {
            rows.push(vec![(*one.min(other)).into(), (*one.max(other)).into()]);
        }
    }
    let columns = vec!["low_id", "high_id"];
    db.insert(Insert::rows("duplicate_dismissals", columns, rows).or_keep()).await?;
    db.delete(Delete::from("duplicate_groups").whose("id", id)).await?;
    let changes = json!({ "before": { "entity": group.object, "records": members } });
    tell(ctx, db, ("duplicateGroup.dismissed", id), &changes)
}
