//! One attempt at a job: begun, run inside its tenant, and settled, each in a transaction of its own.

use std::{ops::Deref, panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt;
use kith_kernel::{Actor, Error, Id, Kind, Result, Time, internal};
use kith_store::{Delete, Insert, News, Select, Update, Write};
use serde::Deserialize;

use super::{Envelope, Failure, Registry, State, claim, claim::Claim, registry};
use crate::{App, Ctx, crash, events};

/// A lease is renewed three times before it would end.
const RENEWAL: Duration = Duration::from_secs(20);
/// A job that this program does not know waits for one that does.
const UNKNOWN_PAUSE_SECONDS: i64 = 300;
/// Done jobs are kept so long.
pub(super) const KEPT_SECONDS: i64 = 7 * 86_400;
const LONGEST_ERROR: usize = 500;

const WHY: &str = "what says when to look at a job belongs to the installation";

/// One attempt at a job; stands for the [`Ctx`] that it runs with.
#[derive(Clone)]
pub struct Attempt {
    ctx: Ctx,
    claim: Claim,
    number: u32,
    of: u32,
}

impl Deref for Attempt {
    type Target = Ctx;

    fn deref(&self) -> &Ctx {
        &self.ctx
    }
}

impl Attempt {
    /// The job's id.
    pub fn job(&self) -> Id {
        self.claim.job
    }

    /// Which attempt it is, counted from 1.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Whether no other follows when this one fails.
    pub fn is_last(&self) -> bool {
        self.number >= self.of
    }
}

/// Marks the job done in the write that holds its effects, so that they happen exactly once.
///
/// # Errors
/// `Conflict` (`lease_lost`) when another attempt has the job meanwhile: then nothing of this write may stay.
pub async fn finish(attempt: &Attempt, db: &Write) -> Result<()> {
    if settle(attempt, db, None, State::Done).await? {
        return Ok(());
    }
    Err(lost())
}

/// Has the same job done again at a time, in the write that holds what it did until now; that counts as no attempt.
///
/// # Errors
/// `Conflict` (`lease_lost`) when another attempt has the job meanwhile: then nothing of this write may stay.
pub async fn again_at(attempt: &Attempt, db: &Write, due: Time) -> Result<()> {
    if db.everywhere(WHY).update(moved(&attempt.claim, due)).await? == 0 {
        return Err(lost());
    }
    let update = Update::table("jobs")
        .set("state", "queued")
        .set("attempts", 0_i64)
        .set("due", due)
        .set("error", kith_store::Value::Null);
    db.update(update.whose("id", attempt.job())).await?;
    db.tell(News::Jobs);
    Ok(())
}

fn lost() -> Error {
    let lost = "Another attempt at this job has begun or ended.";
    Error::new(Kind::Conflict, "lease_lost", lost)
}

#[derive(Deserialize)]
struct Row {
    name: String,
    payload: String,
    actor: String,
    state: State,
    attempts: u32,
}

/// What stood in the queue.
enum Begun {
    Runs(Attempt, registry::Kind, String),
    UsedUp(Attempt, registry::Kind, String),
    Unknown(String),
    Nothing,
}

/// Runs a claimed job to its end. What fails here leaves the lease to end, and the job is claimed again.
pub(super) async fn run(app: &App, registry: &Registry, claim: Claim) {
    crash::point("job.claimed");
    let result = match begin(app, registry, claim).await {
        Ok(Begun::Runs(attempt, kind, payload)) => try_once(&attempt, &kind, &payload).await,
        Ok(Begun::UsedUp(attempt, kind, payload)) => {
            let cut_off = internal("every attempt was cut off by the end of a process");
            settle_failure(&attempt, (&kind, &payload), Failure::GiveUp(cut_off)).await
        }
        Ok(Begun::Unknown(name)) => {
            tracing::warn!(job = %claim.job, name, "nothing here does this kind of job; it waits");
            Ok(())
        }
        Ok(Begun::Nothing) => Ok(()),
        Err(error) => Err(error),
    };
    if let Err(error) = result {
        tracing::error!(job = %claim.job, ?error, "a job could not be settled; it is claimed again");
    }
}

async fn begin(app: &App, registry: &Registry, claim: Claim) -> Result<Begun> {
    let ctx = app.as_system(claim.tenant);
    ctx.write(async |db| {
        let wakeups = db.everywhere(WHY);
        let row: Option<Row> = db.first(Select::from("jobs").whose("id", claim.job)).await?;
        let over = |row: &Row| matches!(row.state, State::Done | State::Failed);
        let Some(row) = row.filter(|row| !over(row)) else {
            wakeups.delete(Delete::from("wakeups").whose("job_id", claim.job)).await?;
            return Ok(Begun::Nothing);
        };
        let Some(kind) = registry.find(&row.name) else {
            let due = app.clock.now().plus_seconds(UNKNOWN_PAUSE_SECONDS);
            wakeups.update(moved(&claim, due)).await?;
            return Ok(Begun::Unknown(row.name));
        };
        let number = row.attempts + 1;
        let attempt = Attempt {
            ctx: app.on_behalf_of(actor(claim.tenant, &row.actor)),
            claim,
            number,
            of: kind.retry.attempts,
        };
        if number > kind.retry.attempts {
            return Ok(Begun::UsedUp(attempt, kind.clone(), row.payload));
        }
        let update = Update::table("jobs").set("state", "running").plus("attempts", 1);
        db.update(update.whose("id", claim.job)).await?;
        Ok(Begun::Runs(attempt, kind.clone(), row.payload))
    })
    .await
}

/// The house itself, on behalf of who asked.
fn actor(tenant: Id, envelope: &str) -> Actor {
    let Envelope { member, user, request } = serde_json::from_str(envelope).unwrap_or_default();
    Actor { member, user, request, ..Actor::system(tenant) }
}

async fn try_once(attempt: &Attempt, kind: &registry::Kind, payload: &str) -> Result<()> {
    crash::point("job.before-run");
    let handler = async { (kind.handler)(payload, attempt.clone()).await };
    let outcome = tokio::select! {
        outcome = AssertUnwindSafe(handler).catch_unwind() => outcome,
        () = keep(attempt) => {
            tracing::warn!(job = %attempt.job(), name = kind.name, "a job lost its lease and is broken off");
            return Ok(());
        }
        () = attempt.app.tasks.cut_off() => {
            tracing::warn!(job = %attempt.job(), name = kind.name, "a job did not end in time; it begins anew elsewhere");
            return again(attempt, || async |db| give_back(attempt, db).await).await;
        }
    };
    crash::point("job.after-run");
    match outcome {
        Ok(Ok(())) => {
            // Nothing is left to do where the handler finished the job in a write of its own.
            again(attempt, || async |db| settle(attempt, db, None, State::Done).await).await?;
            Ok(())
        }
        Ok(Err(Failure::Stopped(error))) => {
            tracing::info!(job = %attempt.job(), name = kind.name, ?error, "a job goes on elsewhere");
            again(attempt, || async |db| give_back(attempt, db).await).await
        }
        Ok(Err(failure)) => settle_failure(attempt, (kind, payload), failure).await,
        Err(panic) => {
            let words = panic.downcast_ref::<&str>().copied();
            let words = words.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
            let error = internal(format!("it panicked: {}", words.unwrap_or("without words")));
            settle_failure(attempt, (kind, payload), Failure::Retry(error)).await
        }
    }
}

/// Renews the lease until it is lost.
async fn keep(attempt: &Attempt) {
    loop {
        tokio::time::sleep(RENEWAL).await;
        match claim::renew(&attempt.app, &attempt.claim).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => tracing::warn!(?error, "a lease could not be renewed; it is tried again"),
        }
    }
}

async fn settle_failure(
    attempt: &Attempt,
    (kind, payload): (&registry::Kind, &str),
    failure: Failure,
) -> Result<()> {
    let due = match &failure {
        Failure::Retry(error) if !attempt.is_last() => {
            let pause = kind.retry.pause_milliseconds(attempt.number, attempt.job());
            let asked =
                error.retry_after_seconds().and_then(|s| i64::try_from(s).ok()).unwrap_or(0);
            Some(attempt.now().plus_milliseconds(pause.max(asked.saturating_mul(1000))))
        }
        Failure::Retry(_) | Failure::GiveUp(_) | Failure::Stopped(_) => None,
    };
    let error = failure.error();
    let outcome = if due.is_some() { "retry" } else { "failed" };
    tracing::warn!(
        job = %attempt.job(), tenant = %attempt.actor.tenant, name = kind.name, attempt = attempt.number,
        outcome, ?error, "a job did not succeed"
    );
    let told = shortened(&error.in_one_line());
    let settled = || {
        async |db: &Write| match due {
            Some(due) => postpone(attempt, db, due, &told).await,
            None => give_up(attempt, db, (kind, payload), &told).await,
        }
    };
    again(attempt, settled).await
}

/// Writes, and again when another write got in the way. (A method of `Ctx` would make futures that cannot be sent to
/// another thread when its closure borrows: a limit of the compiler with `AsyncFnMut`.)
async fn again<T, W>(ctx: &Ctx, work: impl Fn() -> W) -> Result<T>
where
    W: AsyncFnOnce(&Write) -> Result<T>,
{
    let mut tries = 1;
    loop {
        match ctx.write(work()).await {
            Err(error) if error.code() == "contended" && tries < 3 => tries += 1,
            done => return done,
        }
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(LONGEST_ERROR).collect()
}

/// A wakeup that is ours moves to a later time and is free again.
fn moved(claim: &Claim, due: Time) -> Update {
    Update::table("wakeups")
        .set("due", due)
        .set("lease_id", kith_store::Value::Null)
        .whose("job_id", claim.job)
        .whose("lease_id", claim.lease)
}

async fn postpone(attempt: &Attempt, db: &Write, due: Time, error: &str) -> Result<()> {
    if db.everywhere(WHY).update(moved(&attempt.claim, due)).await? > 0 {
        let update =
            Update::table("jobs").set("state", "queued").set("due", due).set("error", error);
        db.update(update.whose("id", attempt.job())).await?;
        db.tell(News::Jobs);
    }
    Ok(())
}

/// Puts a job back as it was before this attempt, for whoever comes first.
async fn give_back(attempt: &Attempt, db: &Write) -> Result<()> {
    if db.everywhere(WHY).update(moved(&attempt.claim, attempt.now())).await? > 0 {
        let update = Update::table("jobs").set("state", "queued").plus("attempts", -1);
        db.update(update.whose("id", attempt.job())).await?;
        db.tell(News::Jobs);
    }
    Ok(())
}

async fn give_up(
    attempt: &Attempt,
    db: &Write,
    (kind, payload): (&registry::Kind, &str),
    error: &str,
) -> Result<()> {
    if settle(attempt, db, Some(error), State::Failed).await? {
        let after = serde_json::json!({
            "after": { "name": kind.name, "error": error, "attempts": attempt.number.min(attempt.of) }
        });
        let event = events::Event {
            name: "job.failed".to_owned(),
            object: "job",
            record: Some(attempt.job()),
            changes: Some(after.to_string()),
            batch: None,
        };
        events::append(&attempt.ctx, db, event)?;
        if let Some(note) = &kind.given_up {
            note(payload, &attempt.ctx, db, error).await?;
        }
    }
    Ok(())
}

/// Ends a job, when its lease is still ours: whoever deletes the wakeup settles it.
async fn settle(attempt: &Attempt, db: &Write, error: Option<&str>, state: State) -> Result<bool> {
    let wakeups = db.everywhere(WHY);
    let ours = Delete::from("wakeups")
        .whose("job_id", attempt.job())
        .whose("lease_id", attempt.claim.lease);
    if wakeups.delete(ours).await? == 0 {
        return Ok(false);
    }
    let state = match state {
        State::Queued => "queued",
        State::Running => "running",
        State::Done => "done",
        State::Failed => "failed",
    };
    let now = attempt.now();
    let update =
        Update::table("jobs").set("state", state).set("finished_at", now).set("error", error);
    db.update(update.whose("id", attempt.job())).await?;
    let cells = vec![
        ("tenant_id", attempt.claim.tenant.into()),
        ("due", now.plus_seconds(KEPT_SECONDS).into()),
    ];
    wakeups.append(Insert::row("job_pruning", cells).or_keep())?;
    Ok(true)
}
