//! Deals: money that may come in, and the stages it passes on the way.

mod board;
mod forecast;
mod lines;
mod moves;
mod stages;
mod stalled;
mod winning;

use std::sync::Arc;

use kith_http::{Routes as Served, schema};
use kith_kernel::{Id, Result, invalid};
use kith_records::{
    Change, Desk, Field, FoundBy, Kind, Making, Object, OnDelete, Pending, Record, Records, Routes,
    Rules, What,
    fields::{link, plain},
    folded,
};
use kith_store::{Delete, Migration, Read, Select, Step};
use serde_json::{Value as Json, json};

use crate::notifications;
use crate::pipelines::{OUTCOMES, STAGE, Stage, default_pipeline, object, stage, stages};

const OWN: [Field; 25] = [
    folded!(Text, "name", "name")
        .required()
        .found_by(FoundBy::Title)
        .about("Made of product and account where none is given.")
        .aliases(&["deal", "dealname", "opportunity", "opportunityname", "title", "topic"]),
    plain("amount", "amount", Kind::Money).aliases(&["value", "closevalue", "dealvalue"]),
    plain("currency", "currency", Kind::Currency).about("Of amount; the tenant's unless said."),
    plain("pipelineId", "pipeline_id", Kind::Link("pipeline", OnDelete::Refuse))
        .about("That of the stage; the default one unless said."),
    plain("stageId", "stage_id", Kind::Link("stage", OnDelete::Refuse)),
    folded!(Text, "stage", "stage")
        .about("The stage's name; on input it chooses the stage.")
        .aliases(&["dealstage", "stagename"])
        .made_on_import(),
    plain("status", "status", Kind::Choice(&OUTCOMES)).system().about("That of the stage."),
    plain("stageEnteredAt", "stage_entered_at", Kind::Time)
        .system()
        .about("Since when it stands in its stage."),
    link("accountId", "account_id", "account").aliases(&["account", "accountname", "company"]),
    link("contactId", "contact_id", "contact").aliases(&["contact", "contactname"]),
    link("leadId", "lead_id", "lead").system().about("The lead that it came from."),
    link("productId", "product_id", "product").aliases(&["product", "productname"]),
    plain("sourceCreatedAt", "source_created_at", Kind::Time).about(
        "When it was made in the system that it came from; createdAt says when it came here.",
    ),
    link("ownerId", "owner_id", "member").aliases(&[
        "owner",
        "salesagent",
        "assignedto",
        "dealowner",
        "salesrep",
    ]),
    plain("probability", "probability", Kind::Integer(0, 100))
        .about("In percent; the stage's unless said."),
    plain("engagedOn", "engaged_on", Kind::Date)
        .about("The day on which the talks began.")
        .aliases(&["engagedate", "startdate", "createddate", "createdate"]),
    plain("expectedCloseDate", "expected_close_date", Kind::Date)
        .aliases(&["expectedclose", "closingdate"]),
    plain("closedAt", "closed_at", Kind::Time)
        .about("When it was won or lost.")
        .aliases(&["closedate", "closeddate"]),
    folded!(Text, "lostReason", "lost_reason").aliases(&["lossreason", "reasonlost"]),
    folded!(Text, "type", "type").aliases(&["dealtype", "opportunitytype"]),
    folded!(Text, "source", "source").aliases(&["leadsource"]),
    folded!(Text, "nextStep", "next_step"),
    plain("description", "description", Kind::LongText).found_by(FoundBy::Body).aliases(&["notes"]),
    plain("labels", "labels", Kind::Labels).aliases(&["tags"]),
    plain("archivedAt", "archived_at", Kind::Time)
        .system()
        .about("When it was archived: lists leave it out unless asked (?archived=)."),
];

/// Money that may come in.
pub static DEAL: Object = Object {
    name: "deal",
    plural: "deals",
    shares: None,
    alias: Some("opportunities"),
    about: "Money that may come in; it stands in a stage of a pipeline.",
    fields: &OWN,
    rules: &Deals,
    routes: Routes::All,
    matched_by: "",
};

struct Deals;

impl Rules for Deals {
    fn forget<'a>(&'a self, desk: Desk<'a>, record: &'a Record) -> Pending<'a> {
        Box::pin(async move {
            let id =
                record.get("id").and_then(Json::as_str).and_then(|text| text.parse::<Id>().ok());
            let Some(id) = id else { return Ok(()) };
            desk.db.delete(Delete::from("deal_lines").whose("deal_id", id)).await?;
            desk.db.delete(Delete::from("deal_stages").whose("deal_id", id)).await.map(drop)
        })
    }

    fn derive<'a>(&'a self, desk: Desk<'a>, change: &'a mut Change) -> Pending<'a> {
        Box::pin(async move {
            if let Some(stage) = wanted_stage(desk, change).await? {
                enter(desk, change, &stage);
            }
            if change.text("status") == Some("open") {
                change.set("closedAt", Json::Null);
                change.set("lostReason", Json::Null);
            } else if change.get("closedAt").is_none() {
                change.set("closedAt", desk.ctx.now().to_string());
            }
            stages::note_entry(desk, change);
            if change.text("name").is_none() {
                name(desk.db, change).await?;
            }
            lines::agree(desk, change).await
        })
    }

    fn after<'a>(&'a self, desk: Desk<'a>, change: &'a Change) -> Pending<'a> {
        Box::pin(async move {
            notifications::assigned(desk, change, DEAL.name)?;
            stages::follow(desk, change).await?;
            lines::follow(desk, change).await
        })
    }

    fn make_missing<'a>(&'a self, desk: Desk<'a>, key: &'a str, names: &'a [String]) -> Making<'a> {
        Box::pin(async move {
            if key == "stage" { add_stages(desk, names).await } else { Ok(Vec::new()) }
        })
    }
}

/// Adds stages that an import names to the default pipeline, behind those that are there.
async fn add_stages(desk: Desk<'_>, names: &[String]) -> Result<Vec<String>> {
    let pipeline = default_pipeline(desk.db).await?;
    let fold = |text: &str| kith_kernel::text::fold(text).into_owned();
    let mut known: Vec<String> =
        stages(desk.db, pipeline).await?.iter().map(|stage| fold(&stage.name)).collect();
    let mut made = Vec::new();
    for name in names {
        if known.contains(&fold(name)) {
            continue;
        }
        known.push(fold(name));
        let input = object(json!({ "name": name, "pipelineId": pipeline, "outcome": "open" }));
        desk.records.create(desk.ctx, desk.db, &STAGE, input).await?;
        made.push(name.clone());
    }
    Ok(made)
}

/// The stage that a change leads to; none when it stays where it is.
async fn wanted_stage(desk: Desk<'_>, change: &Change) -> Result<Option<Stage>> {
    let is_new = change.what == What::Created;
    if change.is_given("stageId") && change.changes("stageId") {
        let id =
            change.link("stageId").ok_or_else(|| invalid("stageId", "cannot be taken away"))?;
        let found = stage(desk.db, id).await?;
        let found = found.ok_or_else(|| {
            invalid("stageId", "points at no stage of yours").coded("unknown_link")
        })?;
        if change.is_given("pipelineId") && change.link("pipelineId") != Some(found.pipeline_id) {
            return Err(invalid("stageId", "is a stage of another pipeline"));
        }
        return Ok(Some(found));
    }
    let by_name = change
        .given
        .get("stage")
        .and_then(Json::as_str)
        .filter(|_| is_new || change.changes("stage"));
    let moved = change.is_given("pipelineId") && change.changes("pipelineId");
    if !(is_new || by_name.is_some() || moved) {
        return Ok(None);
    }
    let pipeline = match change.link("pipelineId") {
        Some(pipeline) => pipeline,
        None => default_pipeline(desk.db).await?,
    };
    let stages = stages(desk.db, pipeline).await?;
    match by_name {
        Some(name) => named(stages, name).map(Some),
        None => Ok(Some(
            stages.into_iter().next().ok_or_else(|| invalid("pipelineId", "has no stages"))?,
        )),
    }
}

fn named(stages: Vec<Stage>, name: &str) -> Result<Stage> {
    let wanted = kith_kernel::text::fold(name).into_owned();
    let names: Vec<String> = stages.iter().map(|stage| stage.name.clone()).collect();
    let found = stages.into_iter().find(|stage| kith_kernel::text::fold(&stage.name) == wanted);
    found.ok_or_else(|| {
        invalid("stage", format!("is none of {}", names.join(", "))).coded("unknown_stage")
    })
}

/// What a deal takes over from the stage that it enters.
fn enter(desk: Desk<'_>, change: &mut Change, stage: &Stage) {
    let was_closed =
        change.was("status").and_then(Json::as_str).is_some_and(|status| status != "open");
    change.set("stageId", stage.id.to_string());
    change.set("stage", stage.name.as_str());
    change.set("pipelineId", stage.pipeline_id.to_string());
    change.set("status", stage.outcome.as_str());
    if !change.is_given("probability") {
        change.set("probability", stage.probability);
    }
    if stage.outcome == "open" && was_closed && !change.is_given("lostReason") {
        change.set("lostReason", Json::Null);
    }
    if stage.outcome != "open" && !was_closed && !change.is_given("closedAt") {
        change.set("closedAt", desk.ctx.now().to_string());
    }
}

/// `GTX Pro for Cancity`, or what else tells one deal from another.
async fn name(db: &Read, change: &mut Change) -> Result<()> {
    let product = record_name(db, "products", change.link("productId")).await?;
    let account = record_name(db, "accounts", change.link("accountId")).await?;
    let name = match (product, account, change.text("externalId")) {
        (Some(product), Some(account), _) => format!("{product} for {account}"),
        (Some(one), None, Some(external)) => format!("{one} ({external})"),
        (Some(one), None, None) | (None, Some(one), _) => one,
        (None, None, Some(external)) => external.to_owned(),
        (None, None, None) => return Ok(()),
    };
    change.set("name", name);
    Ok(())
}

async fn record_name(db: &Read, table: &'static str, id: Option<Id>) -> Result<Option<String>> {
    let Some(id) = id else { return Ok(None) };
    let mut name = None;
    db.each(&Select::from(table).show(&["name"]).whose("id", id), |row| {
        name = row.text(0)?.map(str::to_owned);
        Ok(())
    })
    .await?;
    Ok(name)
}

pub(crate) fn routes(records: &Arc<Records>) -> Served {
    moves::routes(records)
        .and(board::routes(records))
        .and(lines::routes(records))
        .and(stages::routes(records))
        .and(forecast::routes())
        .and(stalled::routes(records))
        .and(winning::routes())
}

pub(crate) use winning::register;

pub(crate) fn migration() -> Migration {
    Migration {
        name: "2026-11-22-crm-deals",
        steps: [lines::table(), stages::table(), winning::table()].map(Step::Create).into(),
    }
}

pub(crate) fn schemas() -> Vec<(String, Json)> {
    let total = schema::object(
        vec![("currency", schema::string()), ("amount", schema::number())],
        &["currency", "amount"],
    );
    let column = schema::object(
        vec![
            ("stage", schema::named("Stage")),
            ("count", schema::integer()),
            ("totals", schema::list(total)),
            ("deals", schema::list(schema::named("Deal"))),
            ("nextCursor", schema::nullable(schema::string())),
        ],
        &["stage", "count", "totals", "deals"],
    );
    let board = schema::object(
        vec![("pipelineId", schema::id()), ("stages", schema::list(column))],
        &["pipelineId", "stages"],
    );
    let mut all = vec![("Board".to_owned(), board)];
    all.extend(lines::schemas());
    all.extend(stages::schemas());
    all.extend(forecast::schemas());
    all.extend(winning::schemas());
    all
}
