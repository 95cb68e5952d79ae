//! Batches: imports, bulk changes and deletions, each a row by which it is listed, followed, ended and taken back.
//!
//! What a batch changed stands in the event log under its id; its own row is one, however many records it touched.
//! Records that it passed over or failed at have a row each in `batch_faults`.

mod faults;
mod migrations;
mod routes;
mod schemas;
mod show;
mod stream;
mod work;

use kith_kernel::{
    Error, Id, Kind as ErrorKind, Result, Role, Time, conflict, forbidden, not_found,
};
use kith_platform::Ctx;
use kith_store::{Insert, Json as Column, News, Read, Select, Update, Value, Write};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

pub(crate) use faults::{Fault, Verdict};
pub(crate) use migrations::migration;
pub use routes::batch_routes;
pub use schemas::batch_schemas;
pub(crate) use work::{AHEAD, RETRY, Step, Work, drive};
pub use work::{Asked, given_up, is_of_one, outcome, stopping};

/// A batch that is not run by a job ends with its request, which takes no longer than this.
const INLINE_SECONDS: i64 = 180;

/// What made a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// Records named by their ids, changed in one request.
    Bulk,
    /// Records that fit a rule, changed by a job.
    Rule,
    /// A file.
    Import,
    /// One record was deleted, and what goes with it.
    Delete,
    /// A lead became a contact.
    Convert,
    /// Another batch was taken back.
    Undo,
    /// All that is held about a person was erased.
    Erase,
    /// Records of another system.
    Sync,
    /// Aged records were put out of sight.
    Archive,
    /// What nobody needs was deleted.
    Cleanup,
    /// The assistant changed a record for a member.
    Assistant,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Bulk,
        Self::Rule,
        Self::Import,
        Self::Delete,
        Self::Convert,
        Self::Undo,
        Self::Erase,
        Self::Sync,
        Self::Archive,
        Self::Cleanup,
        Self::Assistant,
    ];

    /// The word in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bulk => "bulk",
            Self::Rule => "rule",
            Self::Import => "import",
            Self::Delete => "delete",
            Self::Convert => "convert",
            Self::Undo => "undo",
            Self::Erase => "erase",
            Self::Sync => "sync",
            Self::Archive => "archive",
            Self::Cleanup => "cleanup",
            Self::Assistant => "assistant",
        }
    }

    /// Whether a job runs it that can be broken off.
    const fn is_work(self) -> bool {
        match self {
            Self::Rule | Self::Undo | Self::Sync | Self::Archive | Self::Cleanup => true,
            Self::Bulk
            | Self::Import
            | Self::Delete
            | Self::Convert
            | Self::Erase
            | Self::Assistant => false,
        }
    }
}

/// How far a batch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// It waits for its turn.
    Queued,
    /// It works.
    Running,
    /// It is done.
    Completed,
    /// It was broken off; what it did stays.
    Cancelled,
    /// It was given up; what it did stays.
    Failed,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Queued, Self::Running, Self::Completed, Self::Cancelled, Self::Failed];

    /// The word in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }

    /// Whether nothing more is done.
    pub const fn has_ended(self) -> bool {
        match self {
            Self::Queued | Self::Running => false,
            Self::Completed | Self::Cancelled | Self::Failed => true,
        }
    }

    /// Whether it ended before it was through.
    const fn broke_off(self) -> bool {
        match self {
            Self::Queued | Self::Running | Self::Completed => false,
            Self::Cancelled | Self::Failed => true,
        }
    }
}

/// What a batch did, in records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Counts {
    /// Records that it went through.
    pub done: u64,
    /// Records that it changed, made, deleted or brought back.
    pub changed: u64,
    /// Records that it passed over.
    pub skipped: u64,
    /// Records that it failed at.
    pub failed: u64,
}

/// A batch as it is stored.
#[derive(Debug, Clone, Deserialize)]
pub struct Batch {
    /// Its id, which is also that of the job that runs it.
    pub id: Id,
    kind: String,
    pub(crate) object: String,
    pub(crate) action: String,
    pub(crate) member_id: Option<Id>,
    user_id: Option<Id>,
    state: String,
    pub(crate) total: Option<i64>,
    /// What it did so far.
    pub counts: Column<Counts>,
    pub(crate) wishes: Option<Column<Json>>,
    pub(crate) position: Option<Id>,
    revision: i64,
    /// Why it was given up.
    pub error: Option<String>,
    /// When it was asked for.
    pub created_at: Time,
    /// When it ended.
    pub finished_at: Option<Time>,
    pub(crate) undo_of: Option<Id>,
    undone_by: Option<Id>,
    undone_at: Option<Time>,
}

/// What a batch begins with.
pub struct New<'a> {
    /// Its id.
    pub id: Id,
    /// What makes it.
    pub kind: Kind,
    /// The name of the object that it is about in the first place.
    pub object: &'a str,
    /// `create`, `update`, `delete`, `restore`, `convert` or `undo`.
    pub action: &'a str,
    /// How far it is already.
    pub state: State,
    /// How many records it will go through, where that is known.
    pub total: Option<u64>,
    /// What it has done already.
    pub counts: Counts,
    /// What a job needs to know of it.
    pub wishes: Option<Json>,
    /// The batch that it takes back.
    pub undo_of: Option<Id>,
}

impl<'a> New<'a> {
    /// A batch of which nothing is done yet.
    pub fn running(id: Id, kind: Kind, (object, action): (&'a str, &'a str)) -> Self {
        Self {
            id,
            kind,
            object,
            action,
            state: State::Running,
            total: None,
            counts: Counts::default(),
            wishes: None,
            undo_of: None,
        }
    }

    /// A batch that is done with the transaction that notes it.
    pub fn done(id: Id, kind: Kind, of: (&'a str, &'a str)) -> Self {
        let counts = Counts { done: 1, changed: 1, ..Counts::default() };
        Self { state: State::Completed, total: Some(1), counts, ..Self::running(id, kind, of) }
    }
}

fn written<T: Serialize>(value: &T) -> Value {
    Value::Json(serde_json::to_string(value).unwrap_or_default())
}

/// Notes a batch, in the transaction of its first change or of the job that runs it.
pub fn begin(ctx: &Ctx, db: &Write, new: &New<'_>) -> Result<()> {
    let now = ctx.now();
    let total = new.total.map(|total| i64::try_from(total).unwrap_or(i64::MAX));
    db.append(Insert::row(
        "batches",
        vec![
            ("id", new.id.into()),
            ("kind", new.kind.name().into()),
            ("object", new.object.into()),
            ("action", new.action.into()),
            ("member_id", ctx.actor.member.into()),
            ("user_id", ctx.actor.user.into()),
            ("state", new.state.name().into()),
            ("total", total.into()),
            ("counts", written(&new.counts)),
            ("wishes", new.wishes.as_ref().map_or(Value::Null, Value::from)),
            ("revision", 1_i64.into()),
            ("created_at", now.into()),
            ("finished_at", new.state.has_ended().then_some(now).into()),
            ("undo_of", new.undo_of.into()),
        ],
    ))
}

/// Where a batch is, as its work notes it.
pub struct Reached {
    /// How far.
    pub state: State,
    /// What it did so far.
    pub counts: Counts,
    /// How much there is to do, where that became known.
    pub total: Option<u64>,
    /// Behind which record it goes on.
    pub position: Option<Id>,
    /// Why it is given up.
    pub error: Option<String>,
}

impl Reached {
    /// Where it is by these counts, with everything else as it was.
    pub fn at(state: State, counts: Counts) -> Self {
        Self { state, counts, total: None, position: None, error: None }
    }
}

/// A batch by its id.
pub async fn find(db: &Read, id: Id) -> Result<Batch> {
    let found = db.first(Select::from("batches").whose("id", id)).await?;
    found.ok_or_else(|| not_found("batch"))
}

impl Batch {
    pub(crate) fn kind(&self) -> Kind {
        Kind::ALL.into_iter().find(|kind| kind.name() == self.kind).unwrap_or(Kind::Bulk)
    }

    /// How far it is.
    pub fn state(&self) -> State {
        let stored = State::ALL.into_iter().find(|state| state.name() == self.state);
        stored.unwrap_or(State::Failed)
    }

    /// The state as it is now: a request that was cut off notes no end.
    pub(crate) fn state_at(&self, now: Time) -> State {
        let inline = matches!(self.kind(), Kind::Bulk);
        let over = now > self.created_at.plus_seconds(INLINE_SECONDS);
        if inline && over && !self.state().has_ended() { State::Failed } else { self.state() }
    }

    /// Notes how far it is, in the write of what it did.
    ///
    /// # Errors
    /// `Unavailable` (`run_lost`) when another run of it, or its end, was noted meanwhile: then nothing of the write stays.
    pub async fn reached(&self, ctx: &Ctx, db: &Write, at: Reached) -> Result<()> {
        let finished = at.state.has_ended().then(|| ctx.now());
        let mut update = Update::table("batches")
            .set("state", at.state.name())
            .set("counts", written(&at.counts))
            .set("error", at.error)
            .set("finished_at", finished)
            .plus("revision", 1);
        if let Some(total) = at.total {
            update = update.set("total", i64::try_from(total).unwrap_or(i64::MAX));
        }
        if let Some(position) = at.position {
            update = update.set("position", position);
        }
        db.tell(News::Progress);
        if db.update(update.whose("id", self.id).whose("revision", self.revision)).await? > 0 {
            return Ok(());
        }
        let lost = "Another run of this batch has begun, or it was ended.";
        Err(Error::new(ErrorKind::Unavailable, "run_lost", lost))
    }

    /// Notes by which batch this one is taken back. An undo that broke off may be asked for again.
    ///
    /// # Errors
    /// `Conflict` when it was already, or is not done yet.
    pub(crate) async fn undone(&self, ctx: &Ctx, db: &Write, by: Id) -> Result<()> {
        if self.kind() == Kind::Erase {
            return Err(conflict("erased", "What was erased is gone for good."));
        }
        if !self.state_at(ctx.now()).has_ended() {
            let why = "The batch is still under way. Wait for its end, or cancel it first.";
            return Err(conflict("running", why));
        }
        if let (Some(undo), Some(at)) = (self.undone_by, self.undone_at)
            && !find(db, undo).await?.state().broke_off()
        {
            let why = format!(
                "This batch was taken back at {at} by the batch {undo}. To have its changes again, undo that one."
            );
            return Err(conflict("undone", why));
        }
        let update = Update::table("batches")
            .set("undone_by", by)
            .set("undone_at", ctx.now())
            .plus("revision", 1)
            .whose("revision", self.revision);
        if db.update(update.whose("id", self.id)).await? > 0 {
            return Ok(());
        }
        Err(conflict("contended", "The batch was changed at the same time. Look at it again."))
    }

    /// Admins may end and take back everything, others what they did themselves.
    pub(crate) fn may_touch(&self, ctx: &Ctx) -> Result<()> {
        let actor = &ctx.actor;
        let own = (self.member_id.is_some() && self.member_id == actor.member)
            || (self.user_id.is_some() && self.user_id == actor.user);
        if own || actor.role >= Role::Admin {
            return Ok(());
        }
        Err(forbidden("This takes the role admin, unless the batch is one's own."))
    }
}

/// Notes the end of a batch that something else runs, such as an import.
pub(crate) async fn settle(
    ctx: &Ctx,
    db: &Write,
    id: Id,
    (state, counts): (State, Counts),
) -> Result<()> {
    let update = Update::table("batches")
        .set("state", state.name())
        .set("counts", written(&counts))
        .set("finished_at", ctx.now())
        .plus("revision", 1);
    db.tell(News::Progress);
    db.update(update.whose("id", id)).await.map(drop)
}

/// Notes one deletion and what goes with it, in its transaction.
pub(crate) fn note_deletion(ctx: &Ctx, db: &Write, object: &str) -> Result<()> {
    let Some(id) = ctx.batch else { return Ok(()) };
    begin(ctx, db, &New::done(id, Kind::Delete, (object, "delete")))
}

/// Breaks a batch off: what it did stays, and can be taken back.
pub(crate) async fn cancel(ctx: &Ctx, db: &Write, id: Id) -> Result<Batch> {
    let batch = find(db, id).await?;
    batch.may_touch(ctx)?;
    if batch.state_at(ctx.now()).has_ended() {
        return Err(conflict("ended", "The job has ended already; undo takes back what it did."));
    }
    if !batch.kind().is_work() {
        return Err(conflict(
            "not_cancellable",
            "Only what a job does by itself can be cancelled: undoing, changes by a rule, syncs, archiving, cleaning up.",
        ));
    }
    let at = Reached::at(State::Cancelled, batch.counts.0);
    match batch.reached(ctx, db, at).await {
        Ok(()) => find(db, id).await,
        Err(error) if error.code() == "run_lost" => Err(conflict("contended", error.message())),
        Err(error) => Err(error),
    }
}
