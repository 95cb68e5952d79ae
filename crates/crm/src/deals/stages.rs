//! The stages that a deal was in: when it came, when it left, how long it stayed.

use std::sync::Arc;

use kith_http::{Answer, Call, Operation, Routes, schema};
use kith_kernel::{Id, Money, Result, Time};
use kith_records::{Change, Desk, Records, What};
use kith_store::{Condition, Insert, Select, Table, Update, id, integer, text, time};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::DEAL;

/// The newest stays that are shown.
const SHOWN: u64 = 500;

/// A stay of a deal in a stage.
#[derive(Debug, Deserialize)]
struct Stay {
    stage_id: Id,
    stage: String,
    pipeline_id: Id,
    status: String,
    entered_at: Time,
    left_at: Option<Time>,
    member_id: Option<Id>,
}

pub(super) fn table() -> Table {
    Table::of_tenant_keyed(
        "deal_stages",
        &["deal_id", "id"],
        vec![
            id("deal_id").required().references("anchors"),
            id("id").required(),
            id("stage_id").required().references("anchors"),
            text("stage").required(),
            id("pipeline_id").required().references("anchors"),
            text("status").required(),
            // What the deal was to bring when it came: the end must not change what was known before.
            integer("amount"),
            text("currency"),
            time("entered_at").required(),
            time("left_at"),
            id("member_id"),
        ],
    )
    .clustered()
}

/// A deal that is made in a stage at which it ended came there when it ended.
pub(super) fn note_entry(desk: Desk<'_>, change: &mut Change) {
    if !change.changes("stageId") {
        return;
    }
    let ended = change.text("closedAt").filter(|_| change.what == What::Created);
    let at = ended.map_or_else(|| desk.ctx.now().to_string(), str::to_owned);
    change.set("stageEnteredAt", at);
}

/// Ends the stay in the stage that was left and begins one in the new stage.
pub(super) async fn follow(desk: Desk<'_>, change: &Change) -> Result<()> {
    if !matches!(change.what, What::Created | What::Updated) || !change.changes("stageId") {
        return Ok(());
    }
    let (Some(stage), Some(pipeline)) = (change.link("stageId"), change.link("pipelineId")) else {
        return Ok(());
    };
    let entered = change.text("stageEnteredAt").and_then(Time::parse);
    if change.what == What::Updated {
        let left =
            Update::table("deal_stages").set("left_at", left_at(change, entered, desk.ctx.now()));
        desk.db.update(left.whose("deal_id", change.id).only(Condition::Null("left_at"))).await?;
    }
    desk.db.append(Insert::row(
        "deal_stages",
        vec![
            ("deal_id", change.id.into()),
            ("id", desk.ctx.new_id().into()),
            ("stage_id", stage.into()),
            ("stage", change.text("stage").unwrap_or_default().into()),
            ("pipeline_id", pipeline.into()),
            ("status", change.text("status").unwrap_or("open").into()),
            ("amount", amount(desk, change).into()),
            ("currency", change.text("currency").into()),
            ("entered_at", entered.unwrap_or_else(|| desk.ctx.now()).into()),
            ("member_id", desk.ctx.actor.member.into()),
        ],
    ))
}

/// One stay ends at the instant at which the next begins. An undo gives back when the earlier one began: then it is now.
fn left_at(change: &Change, entered: Option<Time>, now: Time) -> Time {
    let began = change.before.as_ref().and_then(|before| before.get("stageEnteredAt"));
    let began = began.and_then(Json::as_str).and_then(Time::parse);
    end_of_stay(began, entered, now)
}

fn end_of_stay(began: Option<Time>, next: Option<Time>, now: Time) -> Time {
    next.filter(|next| began.is_none_or(|began| *next >= began)).unwrap_or(now)
}

fn amount(desk: Desk<'_>, change: &Change) -> Option<i64> {
    let currency = change.text("currency").and_then(|code| code.parse().ok());
    let currency = currency.unwrap_or(desk.ctx.actor.currency);
    Money::parse(&change.get("amount")?.to_string(), currency).ok().map(|money| money.minor)
}

pub(super) fn routes(records: &Arc<Records>) -> Routes {
    let list = Operation::get("/api/deals/{id}/stages", "deals", "The stages that a deal was in")
        .alias("/api/opportunities/{id}/stages")
        .scope("deals", "read")
        .answers(
            200,
            "The oldest first; of more than 500 the newest.",
            schema::page(schema::named("DealStage")),
        );
    let records = Arc::clone(records);
    Routes::new().add(list, move |call| show(Arc::clone(&records), call))
}

pub(super) fn schemas() -> Vec<(String, Json)> {
    let stay = schema::object(
        vec![
            ("stageId", schema::id()),
            ("stage", schema::described(schema::string(), "Its name at that time.")),
            ("pipelineId", schema::id()),
            ("status", schema::one_of(&crate::pipelines::OUTCOMES)),
            ("enteredAt", schema::time()),
            ("leftAt", schema::nullable(schema::time())),
            (
                "seconds",
                schema::described(
                    schema::nullable(schema::integer()),
                    "How long it stayed, until now where it still does; none where it ended.",
                ),
            ),
            ("memberId", schema::nullable(schema::id())),
        ],
        &["stageId", "stage", "pipelineId", "status", "enteredAt", "leftAt", "seconds", "memberId"],
    );
    vec![("DealStage".to_owned(), stay)]
}

async fn show(records: Arc<Records>, call: Call) -> Result<Answer> {
    let (id, ctx) = (call.id("id")?, &call.ctx);
    call.query()?.only(&[])?;
    let select = Select::from("deal_stages").whose("deal_id", id).by("id", true).at_most(SHOWN);
    let stays: Vec<Stay> = ctx
        .read(async |db| {
            records.get(ctx, db, &DEAL, id).await?;
            db.all(select).await
        })
        .await?;
    let data: Vec<Json> = stays.iter().rev().map(|stay| stay.to_json(ctx.now())).collect();
    Answer::json(&json!({ "data": data, "nextCursor": null }))
}

impl Stay {
    fn to_json(&self, now: Time) -> Json {
        let until = self.left_at.or_else(|| (self.status == "open").then_some(now));
        let seconds = until
            .map(|until| (until.milliseconds() - self.entered_at.milliseconds()).max(0) / 1000);
        json!({
            "stageId": self.stage_id, "stage": self.stage, "pipelineId": self.pipeline_id, "status": self.status,
            "enteredAt": self.entered_at, "leftAt": self.left_at, "seconds": seconds, "memberId": self.member_id,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_follow_one_another_without_a_gap() {
        let at = Time::from_milliseconds;
        assert_eq!(end_of_stay(Some(at(1_000)), Some(at(5_000)), at(5_002)), at(5_000));
        assert_eq!(end_of_stay(None, Some(at(5_000)), at(5_002)), at(5_000));
        assert_eq!(end_of_stay(Some(at(5_000)), Some(at(1_000)), at(9_000)), at(9_000), "an undo");
        assert_eq!(end_of_stay(Some(at(5_000)), None, at(9_000)), at(9_000));
    }

    #[test]
    fn seconds_are_those_that_passed() {
        let stay = Stay {
            stage_id: Id::NIL,
            stage: "Proposal".to_owned(),
            pipeline_id: Id::NIL,
            status: "open".to_owned(),
            entered_at: Time::from_milliseconds(1_941),
            left_at: Some(Time::from_milliseconds(2_040)),
            member_id: None,
        };
        assert_eq!(stay.to_json(Time::from_milliseconds(9_000))["seconds"], 0);
    }
}
