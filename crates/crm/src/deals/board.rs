//! The board: the stages of a pipeline side by side, with their deals and what these come to.

use std::{collections::HashMap, sync::Arc};

use kith_http::{Answer, Call, Operation, Query, Routes, schema};
use kith_kernel::{Condition as Wanted, Currency, Id, Money, Op, Result, Rule, not_found};
use kith_platform::Ctx;
use kith_records::{Ask, Records};
use kith_store::{Condition, Output, Read, Select};
use serde_json::{Value as Json, json};

use super::DEAL;
use crate::pipelines::{STAGE, default_pipeline};

/// Deals that a stage shows before one asks for more.
const SHOWN: u64 = 20;

pub(super) fn routes(records: &Arc<Records>) -> Routes {
    let board =
        Operation::get("/api/deals/board", "deals", "The stages of a pipeline with their deals")
            .alias("/api/opportunities/board")
            .scope("deals", "read")
            .query("pipelineId", schema::id(), "The default one unless said.")
            .query("ownerId", schema::string(), "Deals of one member; me for one's own.")
            .query("limit", schema::integer(), "Deals of a stage, 1 to 100; 20 unless said.")
            .answers(
                200,
                "The stages in order, each with its newest deals.",
                schema::named("Board"),
            );
    let records = Arc::clone(records);
    Routes::new().add(board, move |call| show(Arc::clone(&records), call))
}

async fn show(records: Arc<Records>, call: Call) -> Result<Answer> {
    let query = call.query()?;
    query.only(&["pipelineId", "ownerId", "limit"])?;
    let ctx = &call.ctx;
    let board = ctx.read(async |db| board(&records, ctx, db, &query).await).await?;
    Answer::json(&board)
}

async fn board(records: &Records, ctx: &Ctx, db: &Read, query: &Query) -> Result<Json> {
    let pipeline = match query.id("pipelineId")? {
        Some(id) => known(db, id).await?,
        None => default_pipeline(db).await?,
    };
    let limit = query.number("limit", 1, 100)?.unwrap_or(SHOWN);
    let owner = query.get("ownerId")?.map(|owner| equal("ownerId", owner.into()));
    let in_order = Ask {
        rule: equal("pipelineId", json!(pipeline)),
        sort: vec![("position".to_owned(), false)],
        limit: 200,
        ..Ask::default()
    };
    let stages: Json = parsed(&records.list(ctx, db, &STAGE, &in_order).await?.json)?;
    let totals = totals(ctx, db, pipeline, owner.as_ref()).await?;
    let mut columns = Vec::new();
    for stage in stages["data"].as_array().into_iter().flatten() {
        let id = stage["id"].as_str().unwrap_or_default();
        let rule = equal("stageId", id.into());
        let rule = owner
            .clone()
            .map_or_else(|| rule.clone(), |owner| Rule::All(vec![rule.clone(), owner]));
        let page = records.list(ctx, db, &DEAL, &Ask { rule, limit, ..Ask::default() }).await?;
        let deals: Json = parsed(&page.json)?;
        let (count, amounts) = totals.get(&id.parse::<Id>()?).cloned().unwrap_or_default();
        columns.push(json!({
            "stage": stage, "count": count, "totals": amounts, "deals": deals["data"], "nextCursor": page.next,
        }));
    }
    Ok(json!({ "pipelineId": pipeline, "stages": columns }))
}

pub(super) fn parsed(json: &[u8]) -> Result<Json> {
    serde_json::from_slice(json)
        .map_err(|error| kith_kernel::internal("a page is no JSON").caused_by(error))
}

fn equal(field: &str, value: Json) -> Rule {
    Rule::Field(Wanted { field: field.to_owned(), op: Op::Eq, value })
}

async fn known(db: &Read, pipeline: Id) -> Result<Id> {
    let select =
        Select::from("pipelines").whose("id", pipeline).only(Condition::Null("deleted_at"));
    if db.exists(select).await? { Ok(pipeline) } else { Err(not_found("pipeline")) }
}

/// How many deals each stage has, and what they come to in each currency.
async fn totals(
    ctx: &Ctx,
    db: &Read,
    pipeline: Id,
    owner: Option<&Rule>,
) -> Result<HashMap<Id, (i64, Vec<Json>)>> {
    let mut select = Select::from("deals")
        .show(&["stage_id", "currency"])
        .output(Output::Count)
        .output(Output::Sum("amount"))
        .whose("pipeline_id", pipeline)
        .only(Condition::Null("deleted_at"))
        .only(Condition::Null("archived_at"));
    if let Some(Rule::Field(wanted)) = owner {
        let id = match wanted.value.as_str() {
            Some("me") => ctx.actor.member,
            text => text.and_then(|text| text.parse().ok()),
        };
        select = select.whose("owner_id", id.unwrap_or_default());
    }
    let mut totals: HashMap<Id, (i64, Vec<Json>)> = HashMap::new();
    db.each(&select.group("stage_id").group("currency"), |row| {
        let currency: Currency =
            row.text(1)?.and_then(|code| code.parse().ok()).unwrap_or(ctx.actor.currency);
        let entry = totals.entry(row.id(0)?.unwrap_or_default()).or_default();
        entry.0 += row.integer(2)?.unwrap_or_default();
        if let Some(minor) = row.integer(3)? {
            let amount: Json =
                serde_json::from_str(&Money { minor, currency }.to_string()).unwrap_or_default();
            entry.1.push(json!({ "currency": currency.code(), "amount": amount }));
        }
        Ok(())
    })
    .await?;
    Ok(totals)
}
