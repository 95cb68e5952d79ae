//! The job of a sync: a page is fetched, then written in short transactions that each note how far it is.

use std::{collections::HashMap, sync::Arc};

use kith_kernel::{Error, Id, Kind, Result};
use kith_platform::{
    Ctx,
    jobs::{self, Attempt, Failure, Job, Registry, Retry},
};
use kith_records::{
    Records,
    batches::{self, Reached, State, outcome, stopping},
};
use kith_store::Write;
use serde::{Deserialize, Serialize};

use super::{
    Base44,
    far::{Page, Raw},
    state::{self, Progress, Stage},
    write::Writer,
};

/// So many records share a transaction.
const CHUNK: usize = 20;
/// The first pause when the far side fails behind work that was done, in seconds.
const PAUSE: u64 = 5;

/// The job that syncs.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Sync {
    pub(super) sync: Id,
}

impl Job for Sync {
    const NAME: &'static str = "base44.sync";
    const RETRY: Retry = Retry { attempts: 8, first_pause_seconds: 5, longest_pause_seconds: 900 };
}

/// Says what does the job of a sync.
pub(crate) fn register(registry: Registry, records: &Arc<Records>, base44: &Base44) -> Registry {
    let (records, base44) = (Arc::clone(records), base44.clone());
    let registry = registry.on(move |job: Sync, attempt| {
        let (records, base44) = (Arc::clone(&records), base44.clone());
        async move {
            let done = run(&records, &base44, (&attempt, job.sync)).await;
            match done {
                Err(error) if error.kind() == Kind::Forbidden => Err(Failure::GiveUp(error)),
                done => outcome(done),
            }
        }
    });
    registry.when_given_up::<Sync>(|job, ctx, db, error| {
        Box::pin(async move {
            state::release(db, job.sync).await?;
            batches::given_up(ctx, db, job.sync, error).await
        })
    })
}

/// A sync under way.
struct Running<'a> {
    base44: &'a Base44,
    attempt: &'a Attempt,
    id: Id,
    run: Id,
    progress: Progress,
    writer: Writer<'a>,
    /// The first record of the page before: a far side that cannot turn pages gives it again.
    turned: Option<Raw>,
    /// Whether this attempt got anywhere.
    advanced: bool,
}

async fn run(records: &Records, base44: &Base44, (attempt, id): (&Attempt, Id)) -> Result<()> {
    let run = attempt.new_id();
    let stored = attempt.write(async |db| state::take(db, id, run).await).await?;
    let ctx = stored.asked.0.context(attempt, id);
    let writer = Writer { records, ctx, known: HashMap::new() };
    let progress = stored.progress.0;
    let mut running =
        Running { base44, attempt, id, run, progress, writer, turned: None, advanced: false };
    loop {
        if attempt.app.tasks.is_stopping() {
            return Err(stopping());
        }
        match running.step().await {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(error) if running.advanced && is_passing(&error) => {
                return running.put_off(&error).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Whether the far side may do better later.
fn is_passing(error: &Error) -> bool {
    matches!(error.kind(), Kind::Unavailable | Kind::Timeout) && error.code() != "run_lost"
}

impl Running<'_> {
    /// One page; says whether there is more.
    async fn step(&mut self) -> Result<bool> {
        let Some((entity, tally)) = self.progress.now() else {
            self.end().await?;
            return Ok(false);
        };
        if tally.read >= self.base44.section.most_records {
            return self.next(Stage::CutOff).await;
        }
        let rows = match self.base44.page(entity.name, self.progress.skip).await? {
            Page::Missing => return self.next(Stage::Missing).await,
            Page::Records(rows) if rows.is_empty() => return self.next(Stage::Done).await,
            Page::Records(rows) => rows,
        };
        let first = rows.first().cloned().flatten();
        if self.turned.is_some() && self.turned == first {
            let why = format!("Base44 gives the same page of {} again and again.", entity.name);
            return Err(Error::new(Kind::Invalid, "base44_refused", why));
        }
        self.turned = first;
        for chunk in rows.chunks(CHUNK) {
            if !self.chunk(chunk).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Some records in one transaction; says whether to go on.
    async fn chunk(&mut self, rows: &[Option<Raw>]) -> Result<bool> {
        let Some((entity, _)) = self.progress.now() else { return Ok(false) };
        let mut progress = self.progress.clone();
        if let Some(tally) = progress.tally() {
            tally.state = Stage::Running;
        }
        let (attempt, of, writer) = (self.attempt, (self.id, self.run), &mut self.writer);
        let written = attempt
            .write(async |db| {
                if is_over(attempt, db, of.0).await? {
                    return Ok(false);
                }
                writer.take(db, entity, (rows, &mut progress)).await?;
                progress.skip += rows.len() as u64;
                note(attempt, db, (of, &progress, State::Running)).await?;
                Ok(true)
            })
            .await;
        if written.is_err() {
            // What was found may have been made in what was taken back.
            self.writer.known.clear();
        }
        if written? {
            (self.progress, self.advanced) = (progress, true);
            return Ok(true);
        }
        Ok(false)
    }

    async fn next(&mut self, stage: Stage) -> Result<bool> {
        let mut progress = self.progress.clone();
        progress.next(stage);
        let (attempt, of) = (self.attempt, (self.id, self.run));
        let goes_on = attempt
            .write(async |db| {
                if is_over(attempt, db, of.0).await? {
                    return Ok(false);
                }
                note(attempt, db, (of, &progress, State::Running)).await?;
                Ok(true)
            })
            .await?;
        (self.progress, self.turned) = (progress, None);
        Ok(goes_on)
    }

    async fn end(&self) -> Result<()> {
        let (attempt, of) = (self.attempt, (self.id, self.run));
        attempt
            .write(async |db| {
                if is_over(attempt, db, of.0).await? {
                    return Ok(());
                }
                note(attempt, db, (of, &self.progress, State::Completed)).await?;
                state::release(db, of.0).await?;
                jobs::finish(attempt, db).await
            })
            .await
    }

    /// Goes on later by a job of its own, since an attempt that got somewhere is none that failed.
    async fn put_off(&self, error: &Error) -> Result<()> {
        let (attempt, id) = (self.attempt, self.id);
        let pause = error.retry_after_seconds().unwrap_or(PAUSE).max(PAUSE);
        let due = attempt.now().plus_seconds(i64::try_from(pause).unwrap_or(i64::MAX));
        tracing::info!(sync = %id, ?error, pause, "a sync goes on later");
        attempt
            .write(async |db| {
                jobs::enqueue_at(attempt, db, &Sync { sync: id }, due)?;
                jobs::finish(attempt, db).await
            })
            .await
    }
}

/// Whether somebody ended the sync; then the job ends as well.
async fn is_over(attempt: &Attempt, db: &Write, id: Id) -> Result<bool> {
    if !batches::find(db, id).await?.state().has_ended() {
        return Ok(false);
    }
    state::release(db, id).await?;
    jobs::finish(attempt, db).await?;
    Ok(true)
}

async fn note(
    ctx: &Ctx,
    db: &Write,
    (of, progress, state): ((Id, Id), &Progress, State),
) -> Result<()> {
    state::reached(db, of, progress).await?;
    let batch = batches::find(db, of.0).await?;
    batch.reached(ctx, db, Reached::at(state, progress.counts())).await
}
