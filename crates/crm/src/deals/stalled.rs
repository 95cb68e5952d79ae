//! Stalled deals: open, and nothing happened to them for so many days.

use std::sync::Arc;

use kith_http::{Answer, Call, Operation, Query, Routes, schema};
use kith_kernel::{Condition as Compared, Error, Id, Kind, Op, Result, Rule, Time};
use kith_platform::Ctx;
use kith_records::{Ask, Records};
use kith_store::{Comparison, Condition, Read, Related, Select, equals};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::{DEAL, forecast::owner};

const DAYS: u64 = 14;
const DAY_SECONDS: i64 = 86_400;
const LIMIT: u64 = 50;

/// A deal and when it was last changed.
#[derive(Debug, Deserialize)]
struct Found {
    id: Id,
    updated_at: Time,
}

pub(super) fn routes(records: &Arc<Records>) -> Routes {
    let stalled = Operation::get(
        "/api/deals/stalled",
        "deals",
        "Open deals without an edit, a move, an activity, a task or a note for so many days",
    )
    .alias("/api/opportunities/stalled")
    .scope("deals", "read")
    .query("days", schema::integer(), "1 to 3650; 14 unless said.")
    .query("pipelineId", schema::id(), "Deals of one pipeline.")
    .query("ownerId", schema::string(), "Deals of one member; me for one's own.")
    .query("limit", schema::integer(), "Deals of a page, 1 to 200; 50 unless said.")
    .query("cursor", schema::string(), "Where to go on.")
    .answers(
        200,
        "Those first that were left alone for longest.",
        schema::page(schema::named("Deal")),
    );
    let records = Arc::clone(records);
    Routes::new().add(stalled, move |call| show(Arc::clone(&records), call))
}

async fn show(records: Arc<Records>, call: Call) -> Result<Answer> {
    let query = call.query()?;
    query.only(&["days", "pipelineId", "ownerId", "limit", "cursor"])?;
    let ctx = &call.ctx;
    let page = ctx.read(async |db| page(&records, ctx, db, &query).await).await?;
    Answer::json(&page)
}

async fn page(records: &Records, ctx: &Ctx, db: &Read, query: &Query) -> Result<Json> {
    let limit = query.number("limit", 1, 200)?.unwrap_or(LIMIT);
    let mut found: Vec<Found> = db.all(select(ctx, query)?.at_most(limit + 1)).await?;
    let more = found.len() as u64 > limit;
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let next = found.last().filter(|_| more);
    let next = next.map(|last| format!("{}_{}", last.updated_at.milliseconds(), last.id));
    let ids: Vec<Id> = found.iter().map(|deal| deal.id).collect();
    let rule = Rule::Field(Compared { field: "id".to_owned(), op: Op::In, value: json!(ids) });
    let sort = vec![("updatedAt".to_owned(), false)];
    let ask = Ask { rule, sort, limit, ..Ask::default() };
    let mut page = super::board::parsed(&records.list(ctx, db, &DEAL, &ask).await?.json)?;
    page["nextCursor"] = json!(next);
    Ok(page)
}

fn select(ctx: &Ctx, query: &Query) -> Result<Select> {
    let days = i64::try_from(query.number("days", 1, 3650)?.unwrap_or(DAYS)).unwrap_or_default();
    let since = ctx.now().plus_seconds(-days * DAY_SECONDS);
    let select = Select::from("deals")
        .whose("status", "open")
        .only(Condition::Null("deleted_at"))
        .only(Condition::Compare("updated_at", Comparison::Less, since.into()));
    let select = ["activities", "tasks", "notes"]
        .into_iter()
        .fold(select, |select, table| select.only(untouched(table, since)));
    let mut conditions: Vec<Condition> = Vec::new();
    conditions.extend(query.id("pipelineId")?.map(|id| equals("pipeline_id", id)));
    conditions.extend(owner(ctx, query)?.map(|id| equals("owner_id", id)));
    if let Some(cursor) = query.get("cursor")? {
        let (at, id) = behind(cursor).ok_or_else(|| {
            Error::new(Kind::Invalid, "invalid_cursor", "This is not a cursor.")
                .and("cursor", "is not a cursor")
        })?;
        conditions
            .push(Condition::Behind(vec![("updated_at", at.into()), ("id", id.into())], false));
    }
    let select = conditions.into_iter().fold(select, Select::only);
    Ok(select.by("updated_at", false).by("id", false))
}

fn behind(cursor: &str) -> Option<(Time, Id)> {
    let (at, id) = cursor.split_once('_')?;
    Some((Time::from_milliseconds(at.parse().ok()?), id.parse().ok()?))
}

/// Nothing of the table that is about the deal was made or changed since.
fn untouched(table: &'static str, since: Time) -> Condition {
    let condition = Condition::All(vec![
        Condition::Null("deleted_at"),
        Condition::Compare("updated_at", Comparison::GreaterOrEqual, since.into()),
    ]);
    let not = |column| {
        let related = Related { table, column, here: "id", condition: condition.clone() };
        Condition::Not(Box::new(Condition::Exists(Box::new(related))))
    };
    Condition::All(vec![not("related_id"), not("deal_id")])
}
