//! Tasks that repeat: completing one makes the next, at the same time of the day where the tenant lives.

use kith_kernel::{Date, Result, Time, invalid};
use kith_records::{Change, Desk, Record, What};
use kith_store::Update;
use serde_json::{Value as Json, json};

use super::TASK;

/// What the next task takes over.
const SAME: [&str; 10] = [
    "title",
    "description",
    "priority",
    "relatedId",
    "dealId",
    "ownerId",
    "labels",
    "repeat.every",
    "repeat.interval",
    "repeat.until",
];
/// Who completes a task late gets the next one that is still to come, looked for so many times.
const MOST_STEPS: i32 = 4_000;

/// A task that repeats is due at some time.
pub(super) fn check(change: &Change) -> Result<()> {
    if change.get("repeat.every").is_some() && change.get("dueAt").is_none() {
        return Err(invalid("dueAt", "is required of a task that repeats"));
    }
    if change.get("repeat.every").is_none()
        && ["repeat.interval", "repeat.until"].iter().any(|key| change.get(key).is_some())
    {
        return Err(invalid("repeat.every", "is required of a task that repeats"));
    }
    Ok(())
}

/// Makes the next task, once.
pub(super) async fn follow(desk: Desk<'_>, change: &Change) -> Result<()> {
    let is_done = change.what == What::Updated
        && change.changes("status")
        && change.text("status") == Some("completed");
    if !is_done || change.get("nextId").is_some() {
        return Ok(());
    }
    let Some((before, due)) = next(desk, change) else { return Ok(()) };
    let same = SAME.iter().filter_map(|key| Some(((*key).to_owned(), change.get(key)?.clone())));
    let mut fields: Record = same.collect();
    fields.insert("dueAt".to_owned(), json!(due));
    if let Some(remind) = change.text("remindAt").and_then(Time::parse) {
        let ahead = remind.milliseconds() - before.milliseconds();
        fields.insert("remindAt".to_owned(), json!(due.plus_milliseconds(ahead)));
    }
    let (next, _) = Box::pin(desk.records.create(desk.ctx, desk.db, &TASK, fields)).await?;
    let update = Update::table("tasks").set("next_id", next).whose("id", change.id);
    desk.db.update(update).await.map(drop)
}

/// When the task was due, and when the next one is.
fn next(desk: Desk<'_>, change: &Change) -> Option<(Time, Time)> {
    let every = change.text("repeat.every")?;
    let interval = change.get("repeat.interval").and_then(Json::as_i64).unwrap_or(1);
    let interval = i32::try_from(interval).ok()?;
    let due = change.text("dueAt").and_then(Time::parse)?;
    let (zone, now) = (desk.ctx.actor.zone, desk.ctx.now());
    let first = due.date(zone);
    let on = |step: i32| {
        let day = stepped(first, every, step.saturating_mul(interval));
        (day, due.on(day, zone))
    };
    let (day, at) = (1..MOST_STEPS).map(on).find(|(_, at)| *at > now && *at > due)?;
    let until = change.text("repeat.until").and_then(Date::parse);
    until.is_none_or(|until| day <= until).then_some((due, at))
}

fn stepped(day: Date, every: &str, by: i32) -> Date {
    match every {
        "week" => day.plus_days(i64::from(by) * 7),
        "month" => day.plus_months(by),
        "year" => day.plus_months(by.saturating_mul(12)),
        _ => day.plus_days(i64::from(by)),
    }
}
