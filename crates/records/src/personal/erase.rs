//! Erasure: a job in short transactions, each of which may be done again, until nothing tells of the person.

use std::{sync::Arc, time::Duration};

use kith_http::{Answer, Call};
use kith_kernel::{Error, Id, Kind as ErrorKind, Result, conflict, internal, invalid, text::fold};
use kith_platform::{
    Ctx,
    events::{self, Event},
    jobs::{self, Attempt, Job, Registry, Retry},
};
use kith_store::{Condition, Delete, Insert, News, Read, Select, Update, Value, Write};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::{Personal, subject::Subject};
use crate::{
    batches::{self, Counts, Fault, Kind, New, Reached, State},
    describe::{Desk, Object, Record},
    erased::{gone, take_along},
};

/// Rows of one transaction.
pub(super) const AT_ONCE: u64 = 50;
/// Events of one transaction, which holds up the sealer.
const EVENTS_AT_ONCE: u64 = 100;
/// Rows that are looked at between two words of how far it is.
const TOLD_AT_ONCE: u64 = 5_000;
/// While others are at work on the same.
const PAUSE: Duration = Duration::from_millis(20);
const MOST_TRIES: u32 = 200;

#[derive(Debug, Deserialize)]
pub(super) struct Wish {
    confirm: String,
}

/// The job that erases a person.
#[derive(Debug, Serialize, Deserialize)]
struct Erase {
    batch: Id,
}

impl Job for Erase {
    const NAME: &'static str = "record.erase";
    const RETRY: Retry = batches::RETRY;
}

/// Adds the job that erases people.
pub fn register(registry: Registry, personal: &Arc<Personal>) -> Registry {
    let personal = Arc::clone(personal);
    let registry = registry.on(move |job: Erase, attempt| {
        let personal = Arc::clone(&personal);
        async move { batches::outcome(personal.run(&attempt, job.batch).await) }
    });
    registry.when_given_up::<Erase>(|job, ctx, db, error| {
        Box::pin(batches::given_up(ctx, db, job.batch, error))
    })
}

/// Notes the erasure and enqueues its job.
pub(super) async fn ask(personal: Arc<Personal>, mut call: Call) -> Result<Answer> {
    let id = call.id("id")?;
    let wish: Wish = call.parse().await?;
    let ctx = &call.ctx;
    let object = personal.person.object;
    let shape = personal.records.shape(object)?;
    let subject = ctx
        .read(async |db| {
            let found = personal.any(ctx, db, (&shape, id)).await?;
            let Some(found) = found else { return Err(gone(db, object, id).await?) };
            confirmed(&found.record, id, &wish.confirm)?;
            personal.subject(ctx, db, id).await
        })
        .await?;
    let shown = ctx
        .write(async |db| {
            refuse_twice(db, id).await?;
            let batch = begin(ctx, db, (object, id), &subject).await?;
            jobs::enqueue(ctx, db, &Erase { batch })?;
            batches::find(db, batch).await?.shown(db, ctx.now()).await
        })
        .await?;
    let place = format!("/api/jobs/{}", shown["id"].as_str().unwrap_or_default());
    Ok(Answer::json(&shown)?.accepted(&place))
}

fn confirmed(record: &Record, id: Id, given: &str) -> Result<()> {
    let same = |text: &str| fold(text.trim()) == fold(given.trim());
    let name = record.get("name").and_then(Json::as_str);
    if given.trim() == id.to_string() || name.is_some_and(same) {
        return Ok(());
    }
    Err(invalid("confirm", "must be the name or the id of whom it is about"))
}

#[derive(Deserialize)]
struct Begun {
    batch_id: Id,
}

async fn refuse_twice(db: &Read, id: Id) -> Result<()> {
    let begun: Option<Begun> =
        db.first(Select::from("erased_records").whose("record_id", id)).await?;
    let Some(begun) = begun else { return Ok(()) };
    if batches::find(db, begun.batch_id).await?.state().has_ended() {
        return Ok(());
    }
    let why = format!("The erasure is under way: GET /api/jobs/{}.", begun.batch_id);
    Err(conflict("running", why))
}

async fn begin(
    ctx: &Ctx,
    db: &Write,
    (object, id): (&'static Object, Id),
    subject: &Subject,
) -> Result<Id> {
    let batch = ctx.new_id();
    let wishes = serde_json::to_value(subject).ok();
    let new = New::running(batch, Kind::Erase, (object.name, "erase"));
    batches::begin(ctx, db, &New { state: State::Queued, wishes, ..new })?;
    for (name, record) in &subject.records {
        let cells = vec![
            ("record_id", (*record).into()),
            ("object", name.as_str().into()),
            ("batch_id", batch.into()),
            ("erased_at", ctx.now().into()),
        ];
        let insert = Insert::row("erased_records", cells);
        db.insert(insert.or_replace(&["record_id"], &["batch_id", "erased_at"])).await?;
    }
    tell(ctx, db, (object, "erasing", id), (batch, None))?;
    Ok(batch)
}

pub(super) fn tell(
    ctx: &Ctx,
    db: &Write,
    (object, what, record): (&Object, &str, Id),
    (batch, changes): (Id, Option<Json>),
) -> Result<()> {
    let event = Event {
        name: format!("{}.{what}", object.name),
        object: object.name,
        record: Some(record),
        changes: changes.map(|changes| changes.to_string()),
        batch: Some(batch),
    };
    events::append(ctx, db, event).map(drop)
}

impl Personal {
    async fn run(&self, attempt: &Attempt, id: Id) -> Result<()> {
        let batch = attempt.read(async |db| batches::find(db, id).await).await?;
        if batch.state().has_ended() {
            return Ok(());
        }
        let ctx = &attempt.in_batch(id);
        if let Some(wishes) = batch.wishes {
            let subject: Subject = serde_json::from_value(wishes.0)
                .map_err(|error| internal("an erasure cannot be read").caused_by(error))?;
            let mut walk = Walk { batch: id, counts: Counts::default(), total: 0, untold: 0 };
            // The one who is erased counts as well, so that there is something to do where nothing is looked through.
            walk.total = 1 + self.swept(ctx, &subject.terms).await?;
            walk.tell(ctx).await?;
            let cleared = self.records.clear_custom_links(ctx, &subject.records).await?;
            walk.counts.changed += cleared;
            self.erase_records(ctx, &subject, &mut walk).await?;
            walk.counts.changed += self.records.clear_links(ctx, &subject.records).await?;
            self.sweep(ctx, &subject.terms, &mut walk).await?;
            walk.tell(ctx).await?;
            self.sweep_events(ctx, &subject.terms, &mut walk).await?;
            walk.tell(ctx).await?;
            self.settle(ctx, (id, &subject)).await?;
        }
        stop_if_asked(ctx)?;
        // Files are gone when their bytes are.
        self.storage.remove_doomed(ctx).await?;
        // What was erased still stands in the free space of the file until that is written anew.
        let whole = attempt.app.db.scrub(self.scrubbed_bytes).await?;
        complete(attempt, (id, whole)).await?;
        (self.forget)();
        Ok(())
    }

    /// Records of the person, and those that were entered about them.
    async fn erase_records(&self, ctx: &Ctx, subject: &Subject, walk: &mut Walk) -> Result<()> {
        let batch = walk.batch;
        self.forget_merges(ctx, subject).await?;
        loop {
            let some = ctx.read(async |db| self.about(db, (subject, Some(AT_ONCE))).await).await?;
            if some.is_empty() {
                break;
            }
            for (object, id) in some {
                self.erase_record(ctx, (object, id), Some(batch)).await?;
                walk.counts.changed += 1;
            }
            walk.tell(ctx).await?;
        }
        // Whom it is about comes last: while they are there, it is not over.
        for (name, id) in subject.records.iter().rev() {
            // What is told at the end tells of the first.
            let told =
                subject.records.first().is_none_or(|(_, first)| first != id).then_some(batch);
            let object = self.records.shape_named(name)?.object;
            self.erase_record(ctx, (object, *id), told).await?;
            walk.counts.changed += 1;
        }
        walk.counts.done += 1;
        walk.tell(ctx).await
    }

    /// Deletes a record, and tells those who count records that it is gone.
    async fn erase_record(
        &self,
        ctx: &Ctx,
        (object, id): (&'static Object, Id),
        told: Option<Id>,
    ) -> Result<()> {
        erase_events_of(ctx, id).await?;
        let shape = self.records.shape(object)?;
        ctx.write(async |db| {
            if !object.rules.is_plain()
                && let Some(mut found) = self.any(ctx, db, (&shape, id)).await?
            {
                found.record.insert("id".to_owned(), id.to_string().into());
                let desk = Desk { records: &self.records, ctx, db };
                object.rules.forget(desk, &found.record).await?;
            }
            take_along(db, (&self.catalog, &[]), &[id]).await?;
            if let Some(batch) = told {
                tell(ctx, db, (object, "erased", id), (batch, None))?;
            }
            db.delete(Delete::from(object.table()).whose("id", id)).await.map(drop)
        })
        .await?;
        // What happened meanwhile.
        erase_events_of(ctx, id).await
    }

    /// The journals of what was merged into them hold what they were.
    async fn forget_merges(&self, ctx: &Ctx, subject: &Subject) -> Result<()> {
        let ids: Vec<Value> = subject.records.iter().map(|(_, id)| (*id).into()).collect();
        ctx.write(async |db| {
            let mut merges: Vec<Value> = Vec::new();
            let of = Condition::Any(vec![
                Condition::In("primary_id", ids.clone()),
                Condition::In("record_id", ids.clone()),
            ]);
            db.each(&Select::from("merged_records").show(&["merge_id"]).only(of), |row| {
                merges.extend(row.id(0)?.map(Value::from));
                Ok(())
            })
            .await?;
            let parted = Select::from("merges").show(&["id"]);
            let parted = parted.only(Condition::In("primary_id", ids.clone()));
            db.each(&parted, |row| {
                merges.extend(row.id(0)?.map(Value::from));
                Ok(())
            })
            .await?;
            for merge in merges {
                let of = |table| Delete::from(table).whose("merge_id", merge.clone());
                db.delete(of("merge_moves")).await?;
                db.delete(of("merged_records")).await?;
                db.delete(Delete::from("merges").whose("id", merge.clone())).await?;
            }
            Ok(())
        })
        .await
    }

    /// What stays of the person: that they were erased, and by what they must not come back.
    async fn settle(&self, ctx: &Ctx, (batch, subject): (Id, &Subject)) -> Result<()> {
        ctx.write(async |db| {
            for term in subject.terms.iter().filter(|term| term.kind != "name") {
                let digits: String = term.folded.chars().filter(char::is_ascii_digit).collect();
                let text = if term.kind == "phone" { &digits } else { &term.folded };
                let hash = Sha256::new_with_prefix("kith suppression 1")
                    .chain_update(ctx.actor.tenant.as_bytes())
                    .chain_update(&term.kind)
                    .chain_update(text)
                    .finalize();
                let cells = vec![
                    ("hash", hash.to_vec().into()),
                    ("kind", term.kind.as_str().into()),
                    ("created_at", ctx.now().into()),
                ];
                db.insert(Insert::row("suppressions", cells).or_keep()).await?;
            }
            for (name, id) in &subject.others {
                let object = self.records.shape_named(name)?.object.name;
                let why = "It is known by the same name, address or number, which therefore stands where it stood. Erase it as well if it is the same person.";
                Fault::skipped((object, *id), "known_by_the_same", why.to_owned()).note(db, batch)?;
            }
            if let Some((_, id)) = subject.records.first() {
                tell(ctx, db, (self.person.object, "erased", *id), (batch, None))?;
            }
            let update = Update::table("batches").set("wishes", Value::Null).whose("id", batch);
            db.update(update).await.map(drop)
        })
        .await
    }
}

/// Ends the erasure; `whole` where the file was written anew.
async fn complete(attempt: &Attempt, (id, whole): (Id, bool)) -> Result<()> {
    attempt
        .write(async |db| {
            let batch = batches::find(db, id).await?;
            let error = (!whole).then(|| SPACE.to_owned());
            let mut counts = batch.counts.0;
            // What was erased on the way was not looked at any more.
            counts.done =
                batch.total.and_then(|all| u64::try_from(all).ok()).unwrap_or(counts.done);
            let at = Reached::at(State::Completed, counts);
            batch.reached(attempt, db, Reached { error, ..at }).await?;
            // Other nodes forget as well.
            db.tell(News::Access);
            db.tell(News::Erased);
            jobs::finish(attempt, db).await
        })
        .await
}

const SPACE: &str = "Everything is erased. The database file is too large to be written anew at once: what was erased may still be found in its free space until that is used again or VACUUM is run.";

/// How far an erasure is: it counts the rows that it looks at.
pub(super) struct Walk {
    pub(super) batch: Id,
    pub(super) counts: Counts,
    /// Rows that there are to look at.
    total: u64,
    /// Rows that it looked at since it told of that.
    untold: u64,
}

impl Walk {
    /// So many rows more were looked at.
    pub(super) async fn looked(&mut self, ctx: &Ctx, rows: u64) -> Result<()> {
        stop_if_asked(ctx)?;
        self.untold += rows;
        if self.untold < TOLD_AT_ONCE {
            return Ok(());
        }
        self.tell(ctx).await
    }

    async fn tell(&mut self, ctx: &Ctx) -> Result<()> {
        // Others make rows meanwhile, and it is not over before its end.
        let most = self.total.saturating_sub(1);
        self.counts.done = (self.counts.done + std::mem::take(&mut self.untold)).min(most);
        let at = Reached { total: Some(self.total), ..Reached::at(State::Running, self.counts) };
        ctx.write(async |db| batches::find(db, self.batch).await?.reached(ctx, db, at).await).await
    }
}

async fn erase_events_of(ctx: &Ctx, record: Id) -> Result<()> {
    let left = Condition::Not(Box::new(Condition::Null("changes")));
    let select = Select::from("events").show(&["id"]).whose("record_id", record).only(left);
    let select = select.at_most(EVENTS_AT_ONCE);
    loop {
        let mut ids = Vec::new();
        ctx.read(async |db| {
            db.each(&select, |row| {
                ids.extend(row.id(0)?);
                Ok(())
            })
            .await
        })
        .await?;
        if ids.is_empty() {
            return Ok(());
        }
        erase_events(ctx, &ids).await?;
    }
}

/// Takes the content of events away; the sealer is waited for.
pub(super) async fn erase_events(ctx: &Ctx, ids: &[Id]) -> Result<()> {
    let mut tries = 0;
    loop {
        match ctx.write(async |db| events::erase(db, ids).await).await {
            Err(error) if matches!(error.code(), "busy" | "contended") && tries < MOST_TRIES => {
                tries += 1;
                tokio::time::sleep(PAUSE).await;
            }
            done => return done.map(drop),
        }
    }
}

/// Where the work can be left: it goes on with the next start.
fn stop_if_asked(ctx: &Ctx) -> Result<()> {
    if ctx.app.tasks.is_stopping() {
        let why = "The server stops; the work goes on later.";
        return Err(Error::new(ErrorKind::Unavailable, "stopping", why));
    }
    Ok(())
}
