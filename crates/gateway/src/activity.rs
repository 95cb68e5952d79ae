//! What was asked of which model: written in batches a moment later, looked at by `/api/system/llm-activity`.

mod routes;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kith_kernel::{Error, Id, Kind, Result, Time};
use kith_llm::{Leg, Usage, cost};
use kith_platform::{App, Ctx};
use kith_store::{
    Comparison, Condition, Delete, Insert, Migration, Select, Step, Table, Value, Write, bool, id,
    in_sizes, integer, text, time,
};
use tokio::sync::Notify;

pub(crate) use self::routes::{routes, schemas};
use crate::{
    capability::Capability,
    credits::{Reservation, settle},
    sums::{DAY, Sums},
};

/// Calls that come within this time are written together.
const TOGETHER: Duration = Duration::from_millis(50);
/// Calls that wait to be written at most; when the database is away for long, the oldest are given up.
const MOST_WAITING: usize = 100_000;
/// Requests of one write.
const ROWS: usize = 200;
/// For how many days what is kept; sums of days stay.
const KEPT: [(&str, i64); 2] = [("llm_calls", 90), ("credit_entries", 400)];
/// Rows that are deleted at once.
const AT_ONCE: u64 = 1_000;
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
    // Their ids are in the order of time: who looks for a time needs no index, which each call would pay for.
    .clustered();
    let sums = Table::of_tenant_keyed(
        "llm_sums",
        &["name"],
        vec![text("name").required(), integer("value").required()],
    )
    .clustered();
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
    /// On which day what is old was last deleted.
    pruned: Mutex<HashMap<Id, i64>>,
    added: Notify,
}

/// One request, as it is written down.
struct Noted {
    at: Time,
    tenant: Id,
    member: Option<Id>,
    request: Option<Id>,
    capability: Capability,
    /// Everyone who was asked, in order.
    legs: Vec<(Id, Leg)>,
    /// What was reserved, and what it did cost.
    settled: Option<(Reservation, i64)>,
}

impl Activity {
    pub(crate) fn new(app: App) -> Arc<Self> {
        let (waiting, writing, pruned, added) = Default::default();
        Arc::new(Self { app, waiting, writing, pruned, added })
    }

    /// Notes everyone who was asked for one request, and what it did cost of what was reserved.
    pub(crate) fn note(
        &self,
        ctx: &Ctx,
        capability: Capability,
        (legs, settled): (Vec<Leg>, Option<(Reservation, i64)>),
    ) {
        if legs.is_empty() && settled.is_none() {
            return;
        }
        let noted = Noted {
            at: ctx.now(),
            tenant: ctx.actor.tenant,
            member: ctx.actor.member,
            request: ctx.actor.request,
            capability,
            legs: legs.into_iter().map(|leg| (ctx.new_id(), leg)).collect(),
            settled,
        };
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push(noted);
        if waiting.len() > MOST_WAITING {
            let many = waiting.len() - MOST_WAITING;
            waiting.drain(..many);
            tracing::warn!(many, "calls of models could not be written down and are given up");
        }
        self.added.notify_one();
    }

    /// Writes in the background until the server stops.
    pub(crate) fn start(self: &Arc<Self>) {
        let activity = Arc::clone(self);
        let stopping = self.app.tasks.token();
        // Requests that end while the server stops are written down by whoever ends it.
        self.app.tasks.start("calls of models", async move {
            loop {
                tokio::select! {
                    () = activity.added.notified() => {}
                    () = stopping.cancelled() => return,
                }
                tokio::time::sleep(TOGETHER).await;
                activity.write().await;
            }
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
        for (tenant, rows) in tenants {
            let mut parts = vec![rows];
            while let Some(mut rows) = parts.pop() {
                if rows.len() > ROWS {
                    parts.push(rows.split_off(ROWS));
                }
                let Err(error) = self.write_rows(tenant, &rows).await else { continue };
                if is_passing(&error) {
                    tracing::warn!(?error, "calls of models could not be written down yet");
                    parts.push(rows);
                    let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
                    waiting.extend(parts.drain(..).flatten());
                } else if rows.len() > 1 {
                    // One that cannot be written does not keep the others from it.
                    let rest = rows.split_off(rows.len() / 2);
                    parts.extend([rest, rows]);
                } else {
                    tracing::error!(?error, "a call of a model cannot be written down");
                }
            }
        }
        self.forget_old().await;
    }

    async fn write_rows(&self, tenant: Id, all: &[Noted]) -> Result<()> {
        let settled: Vec<_> = all.iter().filter_map(|noted| noted.settled.as_ref()).collect();
        let (mut rows, mut tokens, mut sums) = (Vec::with_capacity(all.len()), 0, Sums::default());
        for noted in all {
            for (place, (id, leg)) in noted.legs.iter().enumerate() {
                let Usage { prompt_tokens, completion_tokens } = leg.usage;
                tokens += i64::from(prompt_tokens) + i64::from(completion_tokens);
                let is_last = place + 1 == noted.legs.len();
                sums.add(noted.at.milliseconds(), noted.capability, (leg, is_last));
                rows.push(noted.row(*id, leg, place));
            }
        }
        let entries = i64::try_from(rows.len()).unwrap_or(i64::MAX);
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
        .await?;
        self.pruned().entry(tenant).or_insert(0);
        Ok(())
    }

    /// Deletes what is older than it is kept, of tenants that write, some of it at a time.
    async fn forget_old(&self) {
        let tenants: Vec<Id> = self.pruned().keys().copied().collect();
        for tenant in tenants {
            if let Err(error) = self.forget_old_of(&self.app.as_system(tenant)).await {
                tracing::warn!(?error, "old calls of models could not be deleted yet");
            }
        }
    }

    async fn forget_old_of(&self, ctx: &Ctx) -> Result<()> {
        #[derive(serde::Deserialize)]
        struct Old {
            id: Id,
        }
        let (tenant, today) = (ctx.actor.tenant, ctx.now().milliseconds() / DAY);
        if self.pruned().get(&tenant) == Some(&today) {
            return Ok(());
        }
        let mut is_done = true;
        for (table, days) in KEPT {
            let before = ctx.now().plus_milliseconds(-days * DAY);
            let before = Id::first_at(before);
            let is_old = Condition::Compare("id", Comparison::Less, before.into());
            let select = Select::from(table).show(&["id"]).only(is_old).by("id", false);
            let old: Vec<Old> = ctx.read(async |db| db.all(select.at_most(AT_ONCE)).await).await?;
            is_done &= old.len() < usize::try_from(AT_ONCE).unwrap_or(usize::MAX);
            if !old.is_empty() {
                let ids: Vec<Value> = old.iter().map(|old| old.id.into()).collect();
                let delete = Delete::from(table).only(Condition::In("id", ids));
                ctx.write(async |db| db.delete(delete.clone()).await.map(drop)).await?;
            }
        }
        if is_done {
            self.pruned().insert(tenant, today);
        }
        Ok(())
    }

    fn pruned(&self) -> MutexGuard<'_, HashMap<Id, i64>> {
        self.pruned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The same may be written a moment later.
fn is_passing(error: &Error) -> bool {
    matches!(error.kind(), Kind::Unavailable | Kind::Timeout | Kind::TooMany | Kind::Conflict)
}

async fn add(db: &Write, name: &'static str, value: i64) -> Result<()> {
    let cells = vec![("name", name.into()), ("value", value.into())];
    db.insert(Insert::row("llm_sums", cells).or_add(&["name"], &["value"])).await.map(drop)
}

impl Noted {
    fn row(&self, id: Id, leg: &Leg, place: usize) -> Vec<Value> {
        let status = match (&leg.failure, place) {
            (Some(_), _) => Status::Error,
            (None, 0) => Status::Success,
            (None, _) => Status::Failover,
        };
        let milliseconds = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        let cost =
            cost(leg.provider, &leg.model, leg.usage).and_then(|cost| i64::try_from(cost).ok());
        let error = leg.failure.as_ref().map(|failure| failure.message.as_str());
        let Usage { prompt_tokens, completion_tokens } = leg.usage;
        let number = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        vec![
            id.into(),
            self.at.into(),
            self.capability.name().into(),
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
            number(place + 1).into(),
            number(self.legs.len()).into(),
            self.member.into(),
            self.request.into(),
        ]
    }
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
