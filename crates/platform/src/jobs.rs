//! Jobs: work that follows from a change, enqueued in its transaction and done by a [`Worker`].
//!
//! A job is a row of its tenant; what says when to look at it is a row of the installation, so that one query finds
//! what is due. A job that is being worked on is due again when its lease ends: a crash needs no other rule.

mod attempt;
mod claim;
mod prune;
mod registry;
mod wake;
mod worker;

use kith_kernel::{Error, Id, Kind, Result, Time};
use kith_store::{
    Condition, Insert, Migration, News, Read, Select, Step, Table, Value, Write, id, integer, text,
    time,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

pub use attempt::{Attempt, again_at, finish};
pub use claim::release_all;
pub use registry::{GivenUp, Registry};
pub use wake::{Wake, Woken};
pub use worker::Worker;

use crate::Ctx;

/// A piece of work, as data. It may run more than once, when a process dies in the middle of it.
pub trait Job: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Its name in the queue; never changed once released.
    const NAME: &'static str;
    /// How often it is tried, and with which pauses.
    const RETRY: Retry = Retry { attempts: 8, first_pause_seconds: 5, longest_pause_seconds: 3600 };
}

/// How often a job is tried; each pause is twice the one before, shortened by up to a quarter so that jobs which
/// failed together do not come back together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// How often at most, the first time included; a run that the death of a process cut off counts.
    pub attempts: u32,
    /// The pause behind the first attempt, in seconds.
    pub first_pause_seconds: u32,
    /// No pause is longer, in seconds.
    pub longest_pause_seconds: u32,
}

impl Retry {
    /// The pause behind an attempt (counted from 1), in milliseconds.
    fn pause_milliseconds(self, attempt: u32, job: Id) -> i64 {
        let doubled = 1_u64.checked_shl(attempt.saturating_sub(1)).unwrap_or(u64::MAX);
        let longest = u64::from(self.longest_pause_seconds);
        let seconds = u64::from(self.first_pause_seconds).saturating_mul(doubled).min(longest);
        // The end of an id is random, and the same in each run of a test.
        let spread = u64::from(job.as_bytes()[15].wrapping_add(attempt.to_le_bytes()[0]));
        let milliseconds = seconds.saturating_mul(1000);
        i64::try_from(milliseconds - milliseconds / 4 * spread / 255).unwrap_or(i64::MAX)
    }
}

/// Why a job did not succeed.
#[derive(Debug)]
pub enum Failure {
    /// It may succeed later.
    Retry(Error),
    /// It never will.
    GiveUp(Error),
    /// The application stops, and the job with it, at a place from where another node or the next start goes on at
    /// once. It counts as no attempt.
    Stopped(Error),
}

impl Failure {
    /// What went wrong.
    pub fn error(&self) -> &Error {
        match self {
            Self::Retry(error) | Self::GiveUp(error) | Self::Stopped(error) => error,
        }
    }
}

/// An error that the passing of time can mend is tried again, any other is not.
impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error.kind() {
            Kind::Conflict
            | Kind::Stale
            | Kind::TooMany
            | Kind::Exhausted
            | Kind::Timeout
            | Kind::Unavailable
            | Kind::Internal => Self::Retry(error),
            Kind::NotFound
            | Kind::Gone
            | Kind::Forbidden
            | Kind::Unauthenticated
            | Kind::Malformed
            | Kind::Invalid
            | Kind::TooLarge
            | Kind::Unsupported => Self::GiveUp(error),
        }
    }
}

/// What became of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It waits for its time.
    Queued,
    /// It is being worked on, or was when a process died.
    Running,
    /// It succeeded.
    Done,
    /// It was given up.
    Failed,
}

/// A job as it is stored.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Stored {
    /// Its id.
    pub id: Id,
    /// Its kind.
    pub name: String,
    /// What became of it.
    pub state: State,
    /// How often it was begun.
    pub attempts: u32,
    /// When it is (or was) to be done.
    pub due: Time,
    /// What went wrong the last time.
    pub error: Option<String>,
    /// When it was enqueued.
    pub created_at: Time,
    /// When it was done or given up.
    pub finished_at: Option<Time>,
}

/// On whose behalf a job runs: who asked for what it follows from.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Envelope {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    member: Option<Id>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user: Option<Id>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request: Option<Id>,
}

/// Whether a job of the tenant waits for its time or is at work.
pub async fn is_open(db: &Read, job: Id) -> Result<bool> {
    let states = ["queued", "running"].map(Value::from).to_vec();
    db.exists(Select::from("jobs").whose("id", job).only(Condition::In("state", states))).await
}

/// Puts a job into the queue of the actor's tenant, in the transaction of what it follows from.
pub fn enqueue<J: Job>(ctx: &Ctx, db: &Write, job: &J) -> Result<Id> {
    enqueue_at(ctx, db, job, ctx.now())
}

/// As [`enqueue`], to be done at a time.
pub fn enqueue_at<J: Job>(ctx: &Ctx, db: &Write, job: &J, due: Time) -> Result<Id> {
    let id = ctx.new_id();
    let actor = db.actor();
    let envelope = Envelope { member: actor.member, user: actor.user, request: actor.request };
    db.append(Insert::row(
        "jobs",
        vec![
            ("id", id.into()),
            ("name", J::NAME.into()),
            ("payload", written(job)?.into()),
            ("actor", written(&envelope)?.into()),
            ("state", "queued".into()),
            ("attempts", 0_i64.into()),
            ("due", due.into()),
            ("created_at", ctx.now().into()),
        ],
    ))?;
    let cells =
        vec![("job_id", id.into()), ("tenant_id", actor.tenant.into()), ("due", due.into())];
    db.everywhere("what says when to look at a job belongs to the installation")
        .append(Insert::row("wakeups", cells))?;
    db.tell(News::Jobs);
    Ok(id)
}

/// A job of the tenant, while it is kept: a done one for seven days, a failed one for good.
pub async fn find(db: &Read, id: Id) -> Result<Option<Stored>> {
    db.first(Select::from("jobs").whose("id", id)).await
}

#[track_caller]
fn written(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|error| kith_kernel::internal("a job cannot be written as JSON").caused_by(error))
}

pub(crate) fn migration() -> Migration {
    let jobs = Table::of_tenant(
        "jobs",
        vec![
            text("name").required(),
            text("payload").required(),
            text("actor").required(),
            text("state").required(),
            integer("attempts").required(),
            time("due").required(),
            text("error"),
            time("created_at").required(),
            time("finished_at"),
        ],
    )
    .index(&["state", "finished_at"])
    .stays();
    let wakeups = Table::of_platform(
        "wakeups",
        &["job_id"],
        vec![
            id("job_id").required(),
            id("tenant_id").required(),
            time("due").required(),
            id("lease_id"),
        ],
    )
    .index(&["due", "tenant_id"])
    .index(&["tenant_id", "due"]);
    let pruning = Table::of_platform(
        "job_pruning",
        &["tenant_id"],
        vec![id("tenant_id").required(), time("due").required()],
    )
    .index(&["due"]);
    Migration {
        name: "2026-11-21-jobs",
        steps: vec![Step::Create(jobs), Step::Create(wakeups), Step::Create(pruning)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let retry = Retry { attempts: 9, first_pause_seconds: 10, longest_pause_seconds: 60 };
        let pause = |attempt| retry.pause_milliseconds(attempt, Id::from_bytes([7; 16]));
        for (attempt, seconds) in
            [(1, 10_000), (2, 20_000), (3, 40_000), (4, 60_000), (200, 60_000)]
        {
            let pause = pause(attempt);
            assert!((seconds * 3 / 4..=seconds).contains(&pause), "{attempt}: {pause}");
        }
    }
}
