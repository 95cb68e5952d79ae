//! Keeping to it: in short writes, each of which may be done again.

use kith_kernel::{Error, Id, Kind, Result, Time};
use kith_platform::{
    Ctx, events, files,
    jobs::{self, Attempt, Failure, Registry},
    mail,
};
use kith_store::{Comparison, Condition, Delete, Output, Read, Select, Update, Value, Write};

use super::{Keep, Retention, TABLE, Trash};

const DAY: i64 = 86_400;
/// Rows of one write.
const AT_ONCE: u64 = 100;

/// Adds the job that keeps to the retention.
pub fn register_retention(registry: Registry, trash: &Trash) -> Registry {
    let trash = trash.clone();
    let registry = registry.on(move |_: Keep, attempt| {
        let trash = trash.clone();
        async move {
            match keep(&attempt, &trash).await {
                // The sealer or another job was in the way.
                Err(error) if error.kind() == Kind::Conflict => Err(Failure::Retry(error)),
                done => done.map_err(Failure::from),
            }
        }
    });
    // Tomorrow it may succeed.
    registry.when_given_up::<Keep>(|_, ctx, db, _| {
        Box::pin(async move {
            let Some(retention) = Retention::of(db).await? else { return Ok(()) };
            enqueue(ctx, db, &retention, ctx.now().plus_seconds(DAY)).await
        })
    })
}

/// Has what a tenant says kept to, where no job is about to: its rows came from elsewhere, or the job was lost.
pub async fn arm(ctx: &Ctx) -> Result<()> {
    let needs = async |db: &Read| {
        let found = Retention::of(db).await?.filter(|found| !found.is_empty());
        let Some(retention) = found else { return Ok::<_, Error>(None) };
        let waiting = match retention.job_id {
            Some(job) => jobs::is_open(db, job).await?,
            None => false,
        };
        Ok((!waiting).then_some(retention))
    };
    if ctx.read(async |db| needs(db).await).await?.is_none() {
        return Ok(());
    }
    ctx.write(async |db| match needs(db).await? {
        Some(retention) => enqueue(ctx, db, &retention, ctx.now()).await,
        None => Ok(()),
    })
    .await
}

async fn enqueue(ctx: &Ctx, db: &Write, retention: &Retention, due: Time) -> Result<()> {
    if retention.is_empty() {
        return Ok(());
    }
    let job = jobs::enqueue_at(ctx, db, &Keep {}, due)?;
    db.update(retention.update().set("job_id", job)).await.map(drop)
}

async fn keep(attempt: &Attempt, trash: &Trash) -> Result<()> {
    let ctx: &Ctx = attempt;
    let found = ctx.read(async |db| Retention::of(db).await).await?;
    let Some(retention) = found.filter(|found| found.job_id == Some(attempt.job())) else {
        return Ok(());
    };
    let now = ctx.now();
    let before = |days: Option<i64>| days.map(|days| now.plus_seconds(-days * DAY));
    keep_events(ctx, &retention, now).await?;
    if let Some(before) = before(retention.notification_days) {
        let old = Condition::Compare("created_at", Comparison::Less, before.into());
        delete_some(ctx, "notifications", old).await?;
    }
    if let Some(before) = before(retention.failed_job_days) {
        let old = Condition::Compare("finished_at", Comparison::Less, before.into());
        let failed = kith_store::equals("state", "failed");
        delete_some(ctx, "jobs", Condition::All(vec![failed, old])).await?;
    }
    if let Some(before) = before(retention.mail_days) {
        while ctx.write(async |db| mail::forget(db, (before, AT_ONCE)).await).await? > 0 {
            stop_if_asked(ctx)?;
        }
    }
    if let Some(before) = before(retention.import_file_days) {
        drop_files(ctx, before).await?;
    }
    if let Some(before) = before(retention.trash_days) {
        trash.empty(ctx, (&retention, before)).await?;
    }
    end(attempt, now).await
}

/// Has it done again a day later, unless somebody changed what is kept meanwhile.
async fn end(attempt: &Attempt, now: Time) -> Result<()> {
    let ctx: &Ctx = attempt;
    attempt
        .write(async |db| {
            let retention = Retention::own(db).await?;
            let next = if retention.is_empty() || retention.job_id != Some(attempt.job()) {
                None
            } else {
                Some(jobs::enqueue_at(ctx, db, &Keep {}, now.plus_seconds(DAY))?)
            };
            let mut update = retention.update().set("kept_at", now);
            if retention.job_id == Some(attempt.job()) {
                update = update.set("job_id", super::nullable(next));
            }
            db.update(update).await?;
            jobs::finish(attempt, db).await
        })
        .await
}

pub(super) fn stop_if_asked(ctx: &Ctx) -> Result<()> {
    if ctx.app.tasks.is_stopping() { Err(crate::batches::stopping()) } else { Ok(()) }
}

/// Events before the later of both bounds lose their content; that is noted first, so that nobody is told half a past.
async fn keep_events(ctx: &Ctx, retention: &Retention, now: Time) -> Result<()> {
    let by_age = retention.event_days.map(|days| now.plus_seconds(-days * DAY));
    let by_bytes = match retention.event_bytes {
        Some(most) => bytes_bound(ctx, (most, now)).await?,
        None => None,
    };
    let bound = by_age.into_iter().chain(by_bytes).chain(retention.events_before).max();
    let Some(bound) = bound else { return Ok(()) };
    if retention.events_before.is_none_or(|known| known < bound) {
        ctx.write(async |db| db.update(retention.update().set("events_before", bound)).await)
            .await?;
    }
    let mut behind = Id::first_at(retention.erased_before.unwrap_or(Time::from_milliseconds(0)));
    let end = Id::first_at(bound);
    loop {
        stop_if_asked(ctx)?;
        let ids = ctx.read(async |db| with_content(db, (behind, end), AT_ONCE).await).await?;
        let Some(last) = ids.last() else { break };
        ctx.write(async |db| events::erase(db, &ids).await).await?;
        behind = *last;
    }
    let update = Update::table(TABLE).set("erased_before", bound).whose("id", retention.id);
    ctx.write(async |db| db.update(update).await).await.map(drop)
}

fn between(from: Id, to: Id) -> Condition {
    Condition::All(vec![
        Condition::Compare("id", Comparison::GreaterOrEqual, from.into()),
        Condition::Compare("id", Comparison::Less, to.into()),
        Condition::Not(Box::new(Condition::Null("changes"))),
    ])
}

async fn with_content(db: &Read, (from, to): (Id, Id), most: u64) -> Result<Vec<Id>> {
    let select = Select::from("events").show(&["id"]).only(between(from, to)).by("id", false);
    let mut ids = Vec::new();
    db.each(&select.at_most(most), |row| {
        ids.extend(row.id(0)?);
        Ok(())
    })
    .await?;
    Ok(ids)
}

/// The end of the last day (of 24 hours, counted back from now) whose events are too many bytes with those since.
async fn bytes_bound(ctx: &Ctx, (most, now): (i64, Time)) -> Result<Option<Time>> {
    let first =
        ctx.read(async |db| with_content(db, (Id::NIL, Id::first_at(now)), 1).await).await?;
    let Some(first) = first.first().copied() else { return Ok(None) };
    // What happens while it is counted is of today.
    let (mut end, mut sum) = (now.plus_seconds(DAY), 0_i64);
    while Id::first_at(end) > first {
        let begin = end.plus_seconds(-DAY);
        let range = between(Id::first_at(begin), Id::first_at(end));
        let select = Select::from("events").output(Output::Bytes("changes")).only(range);
        let mut bytes = 0;
        ctx.read(async |db| {
            db.each(&select, |row| {
                bytes = row.integer(0)?.unwrap_or_default();
                Ok(())
            })
            .await
        })
        .await?;
        sum = sum.saturating_add(bytes);
        if sum > most {
            return Ok(Some(end.min(now)));
        }
        end = begin;
    }
    Ok(None)
}

/// Deletes rows of a table that are known by their ids, some in each write.
async fn delete_some(ctx: &Ctx, table: &'static str, which: Condition) -> Result<()> {
    loop {
        stop_if_asked(ctx)?;
        let select = Select::from(table).show(&["id"]).only(which.clone()).by("id", false);
        let gone = ctx
            .write(async |db| {
                let mut ids: Vec<Value> = Vec::new();
                db.each(&select.at_most(AT_ONCE), |row| {
                    ids.extend(row.id(0)?.map(Value::from));
                    Ok(())
                })
                .await?;
                if ids.is_empty() {
                    return Ok(0);
                }
                db.delete(Delete::from(table).only(Condition::In("id", ids))).await
            })
            .await?;
        if gone == 0 {
            return Ok(());
        }
    }
}

/// Rows that imports could not take lie in files that have the imports' ids.
async fn drop_files(ctx: &Ctx, before: Time) -> Result<()> {
    let old = Condition::Compare("finished_at", Comparison::Less, before.into());
    let mut behind = Id::NIL;
    loop {
        stop_if_asked(ctx)?;
        let next = Condition::Compare("id", Comparison::Greater, behind.into());
        let select = Select::from("imports").show(&["id"]).only(old.clone()).only(next);
        let mut ids: Vec<Id> = Vec::new();
        ctx.read(async |db| {
            db.each(&select.by("id", false).at_most(AT_ONCE), |row| {
                ids.extend(row.id(0)?);
                Ok(())
            })
            .await
        })
        .await?;
        let Some(last) = ids.last() else { return Ok(()) };
        behind = *last;
        for import in ids {
            if ctx.read(async |db| files::size(db, import).await).await?.is_some() {
                files::discard(ctx, import).await;
            }
        }
    }
}
