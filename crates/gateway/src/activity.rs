//! What was asked of which model: written in batches a moment later, looked at by `/api/system/llm-activity`.

mod routes;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use kith_kernel::{Id, Result, Time};
use kith_llm::{Leg, Usage, cost};
use kith_platform::{App, Ctx};
use kith_store::{
    Insert, Migration, Step, Table, Value, Write, bool, id, in_sizes, integer, text, time,
};
use tokio::sync::Notify;

pub(crate) use self::routes::{routes, schemas};
use crate::{
    capability::Capability,
    credits::{Reservation, settle},
    sums::Sums,
};

/// Calls that come within this time are written together.
const TOGETHER: Duration = Duration::from_millis(50);
/// Calls that wait to be written at most; when the database is away for long, the oldest are given up.
const MOST_WAITING: usize = 100_000;
/// Requests of one write.
const ROWS: usize = 200;
/// Letters of an error that are kept.
const LONGEST_ERROR: usize = 500;

/// Columns of `llm_calls`, as they are written.
const COLUMNS: [&str; 17] = [
    "id",
    "created_at",
    "capability",
    "provider",
    "model",
    "status",
    "error",
    "duration_ms",
    "first_token_ms",
    "prompt_tokens",
    "completion_tokens",
    "is_guess",
    "cost",
    "attempt",
    "attempts",
    "member_id",
    "request_id",
];

pub(crate) fn migration() -> Migration {
    let calls = Table::of_tenant(
        "llm_calls",
        vec![
            time("created_at").required(),
            text("capability").required(),
            text("provider").required(),
            text("model").required(),
            text("status").required(),
            text("error"),
            integer("duration_ms").required(),
            integer("first_token_ms"),
            integer("prompt_tokens").required(),
            integer("completion_tokens").required(),
            bool("is_guess").required(),
            integer("cost"),
            integer("attempt").required(),
            integer("attempts").required(),
            id("member_id"),
            id("request_id"),
        ],
    )
    .index(&["created_at", "id"]);
    let sums = Table::of_tenant_keyed(
        "llm_sums",
        &["name"],
        vec![text("name").required(), integer("value").required()],
    );
    Migration {
        name: "2026-11-22-gateway-calls",
        steps: vec![Step::Create(calls), Step::Create(sums)],
    }
}

/// How a call went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Success,
    Error,
    /// It succeeded behind others that did not.
    Failover,
}

impl Status {
    pub(crate) const NAMES: [&'static str; 3] = ["success", "error", "failover"];

    const fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Error => "error",
            Self::Failover => "failover",
        }
    }
}

/// Writes down calls.
pub(crate) struct Activity {
    app: App,
    waiting: Mutex<Vec<Noted>>,
    /// Only one writes at a time, so that who reads sees what was taken to be written.
    writing: tokio::sync::Mutex<()>,
    added: Notify,
}

/// One request, as it is written down.
struct Noted {
    tenant: Id,
    rows: Vec<Vec<Value>>,
    tokens: i64,
    sums: Sums,
    /// What was reserved, and what it did cost.
    settled: Option<(Reservation, i64)>,
}

impl Activity {
    pub(crate) fn new(app: App) -> Arc<Self> {
        let (waiting, writing, added) = Default::default();
        Arc::new(Self { app, waiting, writing, added })
    }

    /// Notes everyone who was asked for one request, and what it did cost of what was reserved.
    pub(crate) fn note(
        &self,
        ctx: &Ctx,
        capability: Capability,
        (legs, settled): (Vec<Leg>, Option<(Reservation, i64)>),
    ) {
        let (mut rows, mut tokens, mut sums) = (Vec::new(), 0, Sums::default());
        for (at, leg) in legs.iter().enumerate() {
            let status = match (&leg.failure, at) {
                (Some(_), _) => Status::Error,
                (None, 0) => Status::Success,
                (None, _) => Status::Failover,
            };
            tokens += i64::from(leg.usage.prompt_tokens) + i64::from(leg.usage.completion_tokens);
            sums.add(ctx.now().milliseconds(), capability, (leg, at + 1 == legs.len()));
            rows.push(row(ctx, (capability.name(), status), leg, (at + 1, legs.len())));
        }
        if rows.is_empty() && settled.is_none() {
            return;
        }
        let noted = Noted { tenant: ctx.actor.tenant, rows, tokens, sums, settled };
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push(noted);
        if waiting.len() > MOST_WAITING {
            let many = waiting.len() - MOST_WAITING;
            waiting.drain(..many);
            tracing::warn!(many, "calls of models could not be written down and are given up");
        }
        self.added.notify_one();
    }

    /// Writes in the background until the server stops, then what is left.
    pub(crate) fn start(self: &Arc<Self>) {
        let activity = Arc::clone(self);
        let stopping = self.app.tasks.token();
        self.app.tasks.start("calls of models", async move {
            loop {
                tokio::select! {
                    () = activity.added.notified() => {}
                    () = stopping.cancelled() => break,
                }
                tokio::time::sleep(TOGETHER).await;
                activity.write().await;
            }
            activity.write().await;
        });
    }

    /// Writes all that waits; what cannot be written waits on.
    pub(crate) async fn write(&self) {
        let _alone = self.writing.lock().await;
        let all = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        let mut tenants: HashMap<Id, Vec<Noted>> = HashMap::new();
        for noted in all {
            tenants.entry(noted.tenant).or_default().push(noted);
        }
        for (tenant, mut rows) in tenants {
            while !rows.is_empty() {
                let rest = rows.split_off(rows.len().min(ROWS));
                if let Err(error) = self.write_rows(tenant, &rows).await {
                    tracing::warn!(?error, "calls of models could not be written down yet");
                    let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
                    waiting.extend(rows.into_iter().chain(rest));
                    break;
                }
                rows = rest;
            }
        }
    }

    async fn write_rows(&self, tenant: Id, all: &[Noted]) -> Result<()> {
        let tokens = all.iter().map(|noted| noted.tokens).sum::<i64>();
        let rows: Vec<Vec<Value>> = all.iter().flat_map(|noted| noted.rows.clone()).collect();
        let entries = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        let settled: Vec<_> = all.iter().filter_map(|noted| noted.settled.clone()).collect();
        let mut sums = Sums::default();
        for noted in all {
            sums.join(&noted.sums);
        }
        let ctx = self.app.as_system(tenant);
        ctx.write(async |db| {
            settle(db, &settled).await?;
            for some in in_sizes(rows) {
                db.append(Insert::rows("llm_calls", COLUMNS.to_vec(), some))?;
            }
            if entries > 0 {
                add(db, "entries", entries).await?;
                add(db, "tokens", tokens).await?;
            }
            sums.write(db).await
        })
        .await
    }
}

async fn add(db: &Write, name: &'static str, value: i64) -> Result<()> {
    let cells = vec![("name", name.into()), ("value", value.into())];
    db.insert(Insert::row("llm_sums", cells).or_add(&["name"], &["value"])).await.map(drop)
}

fn row(
    ctx: &Ctx,
    (capability, status): (&'static str, Status),
    leg: &Leg,
    (attempt, attempts): (usize, usize),
) -> Vec<Value> {
    let milliseconds = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    let cost = cost(leg.provider, &leg.model, leg.usage).and_then(|cost| i64::try_from(cost).ok());
    let error = leg.failure.as_ref().map(|failure| failure.message.as_str());
    let Usage { prompt_tokens, completion_tokens } = leg.usage;
    let number = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    vec![
        ctx.new_id().into(),
        ctx.now().into(),
        capability.into(),
        leg.provider.name().into(),
        leg.model.as_str().into(),
        status.name().into(),
        error.map(|error| error.chars().take(LONGEST_ERROR).collect::<String>()).into(),
        milliseconds(leg.took).into(),
        leg.first_token.map(milliseconds).into(),
        i64::from(prompt_tokens).into(),
        i64::from(completion_tokens).into(),
        leg.is_guess.into(),
        cost.into(),
        number(attempt).into(),
        number(attempts).into(),
        ctx.actor.member.into(),
        ctx.actor.request.into(),
    ]
}

/// A call as it is stored.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct Stored {
    id: Id,
    created_at: Time,
    capability: String,
    provider: String,
    model: String,
    status: String,
    error: Option<String>,
    duration_ms: i64,
    first_token_ms: Option<i64>,
    prompt_tokens: i64,
    completion_tokens: i64,
    is_guess: bool,
    cost: Option<i64>,
    attempt: i64,
    attempts: i64,
}
