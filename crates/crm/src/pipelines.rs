//! Pipelines and their stages: the way that deals go.

use std::sync::Arc;

use kith_http::{Answer, Call, Idempotency, Operation, Routes as Served, schema};
use kith_kernel::{Condition as Wanted, Id, Op, Result, Role, Rule, conflict, not_found};
use kith_platform::Ctx;
use kith_records::{
    Ask, Change, Desk, Field, FoundBy, Kind, Object, OnDelete, Pending, Record, Records, Routes,
    Rules, What, fields::plain, folded,
};
use kith_store::{Condition, Read, Select, Update, Write, equals};
use serde::Deserialize;
use serde_json::{Value as Json, json};

const PIPELINE_OWN: [Field; 4] = [
    folded!(Text, "name", "name").required().found_by(FoundBy::Title),
    plain("description", "description", Kind::LongText),
    plain("isDefault", "is_default", Kind::Bool)
        .default("false")
        .about("Deals that name no pipeline go here; there is one such pipeline."),
    plain("position", "position", Kind::Integer(0, 10_000)).default("0"),
];

/// A way that deals go.
pub static PIPELINE: Object = Object {
    name: "pipeline",
    plural: "pipelines",
    shares: None,
    alias: None,
    about: "A way that deals go, stage by stage.",
    fields: &PIPELINE_OWN,
    rules: &Pipelines,
    routes: Routes::All,
    matched_by: "name",
};

/// How a stage ends.
pub(crate) const OUTCOMES: [&str; 3] = ["open", "won", "lost"];

const STAGE_OWN: [Field; 6] = [
    folded!(Text, "name", "name").required().found_by(FoundBy::Title),
    plain("pipelineId", "pipeline_id", Kind::Link("pipeline", OnDelete::Cascade)).required(),
    plain("position", "position", Kind::Integer(0, 10_000))
        .about("Where it stands; behind the others unless said."),
    plain("outcome", "outcome", Kind::Choice(&OUTCOMES))
        .required()
        .default("\"open\"")
        .about("Deals that come here are open, won or lost."),
    plain("probability", "probability", Kind::Integer(0, 100))
        .about("In percent, for deals that have none of their own."),
    folded!(Text, "color", "color").about("As a web page writes it: #1e88e5."),
];

/// A step of a pipeline.
pub static STAGE: Object = Object {
    name: "stage",
    plural: "stages",
    shares: None,
    alias: None,
    about: "A step of a pipeline.",
    fields: &STAGE_OWN,
    rules: &Stages,
    routes: Routes::All,
    matched_by: "name",
};

/// A stage as deals see it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Stage {
    pub(crate) id: Id,
    pub(crate) name: String,
    pub(crate) pipeline_id: Id,
    pub(crate) outcome: String,
    pub(crate) probability: Option<i64>,
    pub(crate) position: Option<i64>,
}

struct Pipelines;

impl Rules for Pipelines {
    fn check(&self, change: &Change) -> Result<()> {
        if change.what == What::Deleted && change.get("isDefault") == Some(&json!(true)) {
            return Err(conflict(
                "default_pipeline",
                "The default pipeline stays: make another one the default first.",
            ));
        }
        Ok(())
    }

    /// There is one default.
    fn after<'a>(&'a self, desk: Desk<'a>, change: &'a Change) -> Pending<'a> {
        Box::pin(async move {
            let is_default = change.get("isDefault") == Some(&json!(true));
            if is_default && change.changes("isDefault") {
                let others = Condition::Not(Box::new(equals("id", change.id)));
                let update = Update::table("pipelines").set("is_default", false).plus("version", 1);
                desk.db.update(update.whose("is_default", true).only(others)).await?;
            }
            Ok(())
        })
    }
}

struct Stages;

impl Rules for Stages {
    fn derive<'a>(&'a self, desk: Desk<'a>, change: &'a mut Change) -> Pending<'a> {
        Box::pin(async move {
            let Some(pipeline) = change.link("pipelineId") else { return Ok(()) };
            let stages = stages(desk.db, pipeline).await?;
            if change.get("position").is_none() {
                let last = stages.iter().filter_map(|stage| stage.position).max().unwrap_or(-1);
                change.set("position", last + 1);
            }
            let fold = |text: &str| kith_kernel::text::fold(text).into_owned();
            let name = fold(change.text("name").unwrap_or_default());
            if stages.iter().any(|stage| stage.id != change.id && fold(&stage.name) == name) {
                return Err(conflict("taken", "The pipeline has a stage of this name already.")
                    .and("/name", "is taken"));
            }
            Ok(())
        })
    }

    /// Deals carry the name and the outcome of their stage, so that lists need not look them up.
    fn after<'a>(&'a self, desk: Desk<'a>, change: &'a Change) -> Pending<'a> {
        Box::pin(async move {
            if change.what != What::Updated
                || !(change.changes("name") || change.changes("outcome"))
            {
                return Ok(());
            }
            let name = change.text("name").unwrap_or_default();
            let update = Update::table("deals")
                .set("stage", name)
                .set("stage_folded", kith_kernel::text::fold(name).into_owned())
                .set("status", change.text("outcome").unwrap_or("open"));
            desk.db.update(update.plus("version", 1).whose("stage_id", change.id)).await.map(drop)
        })
    }
}

/// The stages of a pipeline in their order.
pub(crate) async fn stages(db: &Read, pipeline: Id) -> Result<Vec<Stage>> {
    let select =
        Select::from("stages").whose("pipeline_id", pipeline).only(Condition::Null("deleted_at"));
    db.all(select.by_nullable("position", false).by("id", false)).await
}

/// One stage.
pub(crate) async fn stage(db: &Read, id: Id) -> Result<Option<Stage>> {
    db.first(Select::from("stages").whose("id", id).only(Condition::Null("deleted_at"))).await
}

/// The pipeline of deals that name none.
pub(crate) async fn default_pipeline(db: &Read) -> Result<Id> {
    #[derive(Deserialize)]
    struct Found {
        id: Id,
    }
    let select = Select::from("pipelines").only(Condition::Null("deleted_at"));
    let select = select.by("is_default", true).by("id", false);
    let found: Option<Found> = db.first(select).await?;
    found
        .map(|found| found.id)
        .ok_or_else(|| conflict("no_pipeline", "There is no pipeline: make one first."))
}

/// The stages that a new tenant begins with: name, outcome, probability in percent.
const FIRST_STAGES: [(&str, &str, i64); 6] = [
    ("Prospecting", "open", 10),
    ("Qualification", "open", 25),
    ("Proposal", "open", 50),
    ("Negotiation", "open", 75),
    ("Won", "won", 100),
    ("Lost", "lost", 0),
];

/// Makes the pipeline that a new tenant begins with, in the transaction that makes the tenant.
pub async fn make_first(records: &Records, ctx: &Ctx, db: &Write) -> Result<()> {
    let input = object(json!({ "name": "Sales", "isDefault": true }));
    let (pipeline, _) = records.create(ctx, db, &PIPELINE, input).await?;
    for (position, (name, outcome, probability)) in FIRST_STAGES.into_iter().enumerate() {
        let input = object(json!({
            "name": name, "pipelineId": pipeline, "position": position, "outcome": outcome, "probability": probability,
        }));
        records.create(ctx, db, &STAGE, input).await?;
    }
    Ok(())
}

pub(crate) fn object(json: Json) -> Record {
    match json {
        Json::Object(object) => object,
        _ => Record::new(),
    }
}

/// Stages under their pipeline.
pub(crate) fn routes(records: &Arc<Records>) -> Served {
    let list = Operation::get(
        "/api/pipelines/{id}/stages",
        "pipelines",
        "The stages of a pipeline, in order",
    )
    .scope("stages", "read")
    .answers(200, "All of them.", schema::page(schema::named("Stage")));
    let create =
        Operation::post("/api/pipelines/{id}/stages", "pipelines", "Add a stage to a pipeline")
            .role(Role::Member)
            .scope("stages", "write")
            .idempotency(Idempotency::Replays)
            .body(schema::named("StageInput"))
            .answers(201, "The stage; Location is its address.", schema::named("Stage"));
    let (a, b) = (Arc::clone(records), Arc::clone(records));
    Served::new()
        .add(list, move |call| list_stages(Arc::clone(&a), call))
        .add(create, move |call| add_stage(Arc::clone(&b), call))
}

async fn list_stages(records: Arc<Records>, call: Call) -> Result<Answer> {
    let pipeline = call.id("id")?;
    let rule =
        Rule::Field(Wanted { field: "pipelineId".to_owned(), op: Op::Eq, value: json!(pipeline) });
    let ask =
        Ask { rule, sort: vec![("position".to_owned(), false)], limit: 200, ..Ask::default() };
    let page = call
        .ctx
        .read(async |db| {
            let select =
                Select::from("pipelines").whose("id", pipeline).only(Condition::Null("deleted_at"));
            if !db.exists(select).await? {
                return Err(not_found("pipeline"));
            }
            records.list(&call.ctx, db, &STAGE, &ask).await
        })
        .await?;
    Ok(Answer::written(page.json))
}

async fn add_stage(records: Arc<Records>, mut call: Call) -> Result<Answer> {
    let (pipeline, body) = (call.id("id")?, call.body().await?);
    let mut input = body.object()?;
    input.insert("pipelineId".to_owned(), json!(pipeline));
    call.write(&body, async |db| {
        records.get(&call.ctx, db, &PIPELINE, pipeline).await?;
        let (id, stage) = records.create(&call.ctx, db, &STAGE, input).await?;
        Ok(Answer::json(&stage)?.created(&format!("/api/stages/{id}")).tagged(1))
    })
    .await
}
