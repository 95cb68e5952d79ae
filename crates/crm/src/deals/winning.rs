//! How probable it is that a deal is won, learned from the tenant's own closed deals, or why that cannot be said.

mod answer;
mod features;
mod judge;
mod model;
mod train;

use kith_http::{Answer, Call, Idempotency, Operation, Routes, schema};
use kith_kernel::{Date, Result, Role, Time};
use kith_platform::{
    Ctx,
    jobs::{self, Job, Registry, Retry},
};
use kith_store::{Condition, Insert, Read, Select, Table, Update, Value, Write, text, time};
use serde::{Deserialize, Serialize};
use serde_json::json;

use model::Model;

/// Fewer closed deals than this say nothing.
const ENOUGH: usize = 200;
/// A training that was asked for so long ago and has not ended is asked for again.
const PATIENCE_SECONDS: i64 = 3_600;
/// A model is as good as new until so many more deals were closed, and a tenth of those that it knows.
const MORE: usize = 50;

const NAME: &str = "deals";

/// What a training may be told.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wishes {
    /// The model is judged on deals closed from this day on; the latest quarter unless said.
    judge_from: Option<Date>,
    /// Whether it counts how long a deal took.
    #[serde(default)]
    with_age: bool,
}

/// The job that trains the model.
#[derive(Debug, Serialize, Deserialize)]
struct TrainWinModel {
    wishes: Wishes,
}

impl Job for TrainWinModel {
    const NAME: &'static str = "deals.train-win-model";
    const RETRY: Retry = Retry { attempts: 3, first_pause_seconds: 30, longest_pause_seconds: 300 };
}

/// The model of a tenant as it is stored.
#[derive(Debug, Default, Deserialize)]
struct Stored {
    model: Option<String>,
    trained_at: Option<Time>,
    asked_at: Option<Time>,
}

impl Stored {
    fn model(&self) -> Option<Model> {
        serde_json::from_str(self.model.as_deref()?).ok()
    }

    fn is_training(&self, now: Time) -> bool {
        self.asked_at.is_some_and(|at| at.plus_seconds(PATIENCE_SECONDS) > now)
    }
}

pub(super) fn table() -> Table {
    Table::of_tenant_keyed(
        "win_models",
        &["name"],
        vec![text("name").required(), text("model"), time("trained_at"), time("asked_at")],
    )
    .stays()
}

#[expect(clippy::too_many_lines, reason = "a list of declarations")]
pub(super) fn routes() -> Routes {
    let probability = Operation::get(
        "/api/deals/{id}/win-probability",
        "deals",
        "How probable it is that a deal is won, and why",
    )
    .alias("/api/opportunities/{id}/win-probability")
    .scope("deals", "read")
    .answers(200, "The probability, or why there is none.", schema::named("WinProbability"));
    let state = Operation::get(
        "/api/deals/win-model",
        "deals",
        "What was learned from closed deals, and how well it does on later ones",
    )
    .alias("/api/opportunities/win-model")
    .scope("deals", "read")
    .answers(200, "Its state and its figures.", schema::named("WinModel"));
    let wishes = schema::object(
        vec![
            (
                "judgeFrom",
                schema::described(
                    schema::nullable(schema::format("date")),
                    "It is judged on deals closed from this day on; the latest quarter unless said.",
                ),
            ),
            (
                "withAge",
                schema::described(schema::boolean(), "Whether it counts how long a deal took."),
            ),
        ],
        &[],
    );
    let train =
        Operation::post("/api/deals/win-model/train", "deals", "Learn from closed deals anew")
            .alias("/api/opportunities/win-model/train")
            .role(Role::Admin)
            .scope("deals", "write")
            .idempotency(Idempotency::Replays)
            .typed_body::<Wishes>(wishes)
            .answers(
                202,
                "It is being trained; Location is where to look.",
                schema::named("WinModel"),
            );
    Routes::new().add(probability, answer::probability).add(state, answer::state).add(train, begin)
}

pub(super) use answer::schemas;

pub(crate) fn register(registry: Registry) -> Registry {
    registry.on(|job: TrainWinModel, attempt| async move {
        train::train(&attempt, job.wishes).await.map_err(Into::into)
    })
}

async fn begin(mut call: Call) -> Result<Answer> {
    let body = call.body().await?;
    let wishes: Wishes = body.parse()?;
    let ctx = &call.ctx;
    call.write(&body, async |db| {
        ask(ctx, db, wishes).await?;
        let shown = answer::shown(ctx, db).await?.0;
        Ok(Answer::json(&shown)?.accepted("/api/deals/win-model"))
    })
    .await
}

/// Puts a training into the queue, unless one is on its way.
async fn ask(ctx: &Ctx, db: &Write, wishes: Wishes) -> Result<()> {
    if stored(db).await?.is_training(ctx.now()) {
        return Ok(());
    }
    let cells = vec![("name", NAME.into()), ("asked_at", ctx.now().into())];
    db.insert(Insert::row("win_models", cells).or_replace(&["name"], &["asked_at"])).await?;
    jobs::enqueue(ctx, db, &TrainWinModel { wishes }).map(drop)
}

async fn stored(db: &Read) -> Result<Stored> {
    Ok(db.first(Select::from("win_models").whose("name", NAME)).await?.unwrap_or_default())
}

async fn store(ctx: &Ctx, db: &Write, model: &Model) -> Result<()> {
    let text = json!(model).to_string();
    let update = Update::table("win_models")
        .set("model", text)
        .set("trained_at", ctx.now())
        .set("asked_at", Value::Null);
    db.update(update.whose("name", NAME)).await.map(drop)
}

fn closed() -> Condition {
    Condition::In("status", vec!["won".into(), "lost".into()])
}
