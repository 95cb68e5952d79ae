//! Work through a batch: looked for outside of any write, done in short transactions that each note how far it is.

use std::{collections::VecDeque, pin::Pin};

use kith_kernel::{Currency, Error, Id, Kind as ErrorKind, Result, Zone};
use kith_platform::{
    Ctx,
    jobs::{self, Attempt, Failure, Retry},
};
use kith_store::{Read, Write};
use serde::{Deserialize, Serialize};

use super::{Batch, Counts, Reached, State, find};

/// So many share a transaction, so that no write holds the others up for long.
const AT_ONCE: usize = 50;
/// So many are looked for at a time.
pub(crate) const AHEAD: u64 = 1_000;
/// A step that others got in the way of is tried this often.
const MOST_TRIES: u32 = 5;
/// Work goes on where it was, so that the death of a process is no reason to give it up soon.
pub(crate) const RETRY: Retry =
    Retry { attempts: 50, first_pause_seconds: 2, longest_pause_seconds: 300 };
const STOPPING: &str = "stopping";

/// Why work that could go on ends for now.
pub fn stopping() -> Error {
    Error::new(ErrorKind::Unavailable, STOPPING, "The server stops; the work goes on later.")
}

/// What a step gives back.
pub(crate) type Step<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// The work of one kind of batch.
pub(crate) trait Work: Send + Sync {
    /// How much there is to do, where the batch does not know it yet.
    fn total<'a>(&'a self, db: &'a Read) -> Step<'a, u64>;

    /// What comes next behind the batch's position, in order; nothing: it is done.
    fn look<'a>(&'a self, db: &'a Read, batch: &'a Batch) -> Step<'a, Vec<Id>>;

    /// Does some of it.
    fn act<'a>(&'a self, db: &'a Write, ids: &'a [Id], counts: &'a mut Counts) -> Step<'a, ()>;
}

/// Works until the batch ends: done, cancelled, or stopped with the application.
///
/// # Errors
/// What keeps it from going on; `stopping` when it goes on elsewhere.
pub(crate) async fn drive(attempt: &Attempt, id: Id, work: &dyn Work) -> Result<()> {
    let mut ahead: VecDeque<Id> = VecDeque::new();
    let mut tries = 0;
    loop {
        if attempt.app.tasks.is_stopping() {
            return Err(stopping());
        }
        let mut total = None;
        if ahead.is_empty() {
            let (found, counted) = attempt.read(async |db| look(db, id, work).await).await?;
            (ahead, total) = (found.into(), counted);
        }
        let ids: Vec<Id> = ahead.iter().copied().take(AT_ONCE).collect();
        match attempt.write(async |db| step(attempt, db, (id, &ids, total), work).await).await {
            Ok(true) => return Ok(()),
            Ok(false) => {
                ahead.drain(..ids.len());
                tries = 0;
            }
            Err(error)
                if matches!(error.code(), "contended" | "run_lost") && tries < MOST_TRIES =>
            {
                tries += 1;
                ahead.clear();
            }
            Err(error) => return Err(error),
        }
    }
}

async fn look(db: &Read, id: Id, work: &dyn Work) -> Result<(Vec<Id>, Option<u64>)> {
    let batch = find(db, id).await?;
    if batch.state().has_ended() {
        return Ok((Vec::new(), None));
    }
    let total = if batch.total.is_none() { Some(work.total(db).await?) } else { None };
    Ok((work.look(db, &batch).await?, total))
}

/// One transaction; says whether the batch has ended.
async fn step(
    attempt: &Attempt,
    db: &Write,
    (id, ids, total): (Id, &[Id], Option<u64>),
    work: &dyn Work,
) -> Result<bool> {
    let batch = find(db, id).await?;
    if batch.state().has_ended() {
        jobs::finish(attempt, db).await?;
        return Ok(true);
    }
    let mut counts = batch.counts.0;
    work.act(db, ids, &mut counts).await?;
    let state = if ids.is_empty() { State::Completed } else { State::Running };
    let position = ids.last().copied();
    let reached = Reached { total, position, ..Reached::at(state, counts) };
    batch.reached(attempt, db, reached).await?;
    if ids.is_empty() {
        jobs::finish(attempt, db).await?;
    }
    Ok(ids.is_empty())
}

/// What a job's work comes to.
pub fn outcome(done: Result<()>) -> std::result::Result<(), Failure> {
    done.map_err(|error| {
        if error.code() == STOPPING { Failure::Stopped(error) } else { Failure::from(error) }
    })
}

/// Notes that nobody goes on with a batch.
pub async fn given_up(ctx: &Ctx, db: &Write, id: Id, error: &str) -> Result<()> {
    let batch = find(db, id).await?;
    if batch.state().has_ended() {
        return Ok(());
    }
    let reached = Reached::at(State::Failed, batch.counts.0);
    batch.reached(ctx, db, Reached { error: Some(error.to_owned()), ..reached }).await
}

/// How days and amounts are read: as who asked reads them, also where a job does the work.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Asked {
    zone: String,
    currency: Currency,
}

impl Asked {
    /// As this caller reads them.
    pub fn by(ctx: &Ctx) -> Self {
        Self { zone: ctx.actor.zone.name().to_owned(), currency: ctx.actor.currency }
    }

    /// The job's context, reading as they do, with all its changes in the batch.
    pub fn context(&self, ctx: &Ctx, batch: Id) -> Ctx {
        let mut ctx = ctx.in_batch(batch);
        ctx.actor.zone = Zone::named(&self.zone).unwrap_or(ctx.actor.zone);
        ctx.actor.currency = self.currency;
        ctx
    }
}

/// Whether an error is about one record, so that the others may still be worked on.
pub fn is_of_one(error: &Error) -> bool {
    let own = matches!(
        error.kind(),
        ErrorKind::Invalid
            | ErrorKind::Conflict
            | ErrorKind::NotFound
            | ErrorKind::Gone
            | ErrorKind::Malformed
    );
    own && error.code() != "contended"
}
