//! Moving a deal: to a stage, to the stage that wins, to the one that loses.

use std::sync::Arc;

use kith_http::{Answer, Call, Idempotency, Operation, Routes, schema};
use kith_kernel::{Id, Result, conflict, invalid};
use kith_records::{Manner, Record, Records};
use kith_store::Read;
use serde::Deserialize;
use serde_json::json;

use super::DEAL;
use crate::pipelines::{object, stages};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Move {
    stage_id: Option<Id>,
    stage: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Lose {
    reason: String,
}

pub(super) fn routes(records: &Arc<Records>) -> Routes {
    let action = |name: &str, summary: &str| {
        Operation::post(format!("/api/deals/{{id}}/{name}"), "deals", summary)
            .alias(format!("/api/opportunities/{{id}}/{name}"))
            .scope("deals", "write")
            .idempotency(Idempotency::Replays)
            .answers(200, "The deal as it is now.", schema::named("Deal"))
    };
    let to_stage = action("move", "Move a deal to a stage of any pipeline").typed_body::<Move>(
        schema::object(
            vec![
                ("stageId", schema::id()),
                (
                    "stage",
                    schema::described(
                        schema::string(),
                        "A stage of the deal's own pipeline by its name.",
                    ),
                ),
            ],
            &[],
        ),
    );
    let win = action("win", "Win a deal");
    let lose = action("lose", "Lose a deal, and say why")
        .typed_body::<Lose>(schema::object(vec![("reason", schema::string())], &["reason"]));
    let (a, b, c) = (Arc::clone(records), Arc::clone(records), Arc::clone(records));
    Routes::new()
        .add(to_stage, move |call| move_deal(Arc::clone(&a), call))
        .add(win, move |call| end(Arc::clone(&b), call, "won"))
        .add(lose, move |call| end(Arc::clone(&c), call, "lost"))
}

async fn move_deal(records: Arc<Records>, mut call: Call) -> Result<Answer> {
    let (id, body) = (call.id("id")?, call.body().await?);
    let changes = match body.parse::<Move>()? {
        Move { stage_id: Some(stage), stage: None } => object(json!({ "stageId": stage })),
        Move { stage_id: None, stage: Some(name) } => object(json!({ "stage": name })),
        Move { .. } => return Err(invalid("stageId", "is required (or stage, its name)")),
    };
    call.write(&body, async |db| {
        Answer::json(&records.update(&call.ctx, db, &DEAL, (id, changes, Manner::default())).await?)
    })
    .await
}

/// Moves a deal to the first stage of its pipeline with this outcome.
async fn end(records: Arc<Records>, mut call: Call, outcome: &'static str) -> Result<Answer> {
    let (id, body) = (call.id("id")?, call.body().await?);
    let reason = if outcome == "lost" { Some(reason(&body)?) } else { None };
    call.write(&body, async |db| {
        let deal = records.get(&call.ctx, db, &DEAL, id).await?;
        let stage = ending(db, &deal, outcome).await?;
        let mut changes = object(json!({ "stageId": stage }));
        if let Some(reason) = reason {
            changes.insert("lostReason".to_owned(), reason.into());
        }
        Answer::json(&records.update(&call.ctx, db, &DEAL, (id, changes, Manner::default())).await?)
    })
    .await
}

fn reason(body: &kith_http::Body) -> Result<String> {
    let reason = body.parse::<Lose>()?.reason;
    if reason.trim().is_empty() { Err(invalid("reason", "is required")) } else { Ok(reason) }
}

async fn ending(db: &Read, deal: &Record, outcome: &str) -> Result<Id> {
    if deal.get("status").and_then(|status| status.as_str()) == Some(outcome) {
        // It stays in the stage in which it ended.
        return current_stage(deal);
    }
    let pipeline = deal.get("pipelineId").and_then(|id| id.as_str()).unwrap_or_default().parse()?;
    let stages = stages(db, pipeline).await?;
    let found = stages.into_iter().find(|stage| stage.outcome == outcome).map(|stage| stage.id);
    let why = format!("The pipeline has no stage whose outcome is {outcome}: add one first.");
    found.ok_or_else(|| conflict("no_such_stage", why))
}

fn current_stage(deal: &Record) -> Result<Id> {
    deal.get("stageId").and_then(|id| id.as_str()).unwrap_or_default().parse()
}
