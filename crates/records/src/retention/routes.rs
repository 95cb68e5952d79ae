//! Routes of retention: what holds, and changing it, which is kept to at once.

use kith_http::{Answer, Call, Idempotency, Operation, Routes, schema, schema::Schema};
use kith_kernel::{Result, Role, invalid};
use kith_platform::{
    events::{self, Event},
    jobs,
};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::{Keep, Retention, nullable};

const TAG: &str = "database";
const PATH: &str = "/api/database/retention";
const MOST_DAYS: i64 = 36_500;
/// A bound below this would leave nothing of a day.
const LEAST_BYTES: i64 = 1_000;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wish {
    event_days: Option<i64>,
    event_bytes: Option<i64>,
    notification_days: Option<i64>,
    mail_days: Option<i64>,
    failed_job_days: Option<i64>,
    import_file_days: Option<i64>,
    trash_days: Option<i64>,
}

fn keys() -> Vec<(&'static str, Schema)> {
    let count = |text| schema::described(schema::nullable(schema::integer()), text);
    vec![
        ("eventDays", count("Events older than so many days lose their content.")),
        (
            "eventBytes",
            count(
                "The oldest days of events lose their content until what is left has at most so many bytes.",
            ),
        ),
        ("notificationDays", count("Notifications older than so many days are deleted.")),
        (
            "mailDays",
            count("Mails of the outbox that are not under way are deleted after so many days."),
        ),
        ("failedJobDays", count("Jobs that were given up are forgotten after so many days.")),
        (
            "importFileDays",
            count("Rows that imports could not take are deleted after so many days."),
        ),
        (
            "trashDays",
            count("Deleted records go for good after so many days, with all that hangs on them."),
        ),
    ]
}

/// The routes by which a tenant says how long it keeps what.
pub fn retention_routes() -> Routes {
    let read = Operation::get(PATH, TAG, "How long what is kept")
        .role(Role::Admin)
        .scope(TAG, "read")
        .answers(200, "What has no number is kept for good.", schema::named("Retention"));
    let write = Operation::put(
        PATH,
        TAG,
        "Say how long what is kept; it is kept to at once, and then every day",
    )
    .role(Role::Admin)
    .scope(TAG, "write")
    .idempotency(Idempotency::Replays)
    .typed_body::<Wish>(schema::object(keys(), &[]))
    .answers(200, "As it is now.", schema::named("Retention"));
    Routes::new().add(read, show).add(write, change)
}

/// The named schemas of retention.
pub fn retention_schemas() -> Vec<(String, Json)> {
    let mut all = keys();
    let time = |text| schema::described(schema::nullable(schema::time()), text);
    all.push(("eventsBefore", time("What was before cannot be shown or taken back any more.")));
    all.push(("trashBefore", time("What was deleted before cannot be brought back any more.")));
    all.push(("keptAt", time("When it was kept to last.")));
    vec![("Retention".to_owned(), schema::object(all, &["eventsBefore", "trashBefore", "keptAt"]))]
}

async fn show(call: Call) -> Result<Answer> {
    let found = call.ctx.read(async |db| Retention::of(db).await).await?;
    Answer::json(&found.unwrap_or_default().shown())
}

fn bounded(key: &str, value: Option<i64>, (least, most): (i64, i64)) -> Result<Option<i64>> {
    match value {
        Some(number) if !(least..=most).contains(&number) => Err(invalid(
            key,
            format!("must be from {least} to {most}, or null to keep it for good"),
        )),
        value => Ok(value),
    }
}

fn retention(wish: &Wish) -> Result<Retention> {
    let days = |key, value| bounded(key, value, (1, MOST_DAYS));
    Ok(Retention {
        event_days: days("eventDays", wish.event_days)?,
        event_bytes: bounded("eventBytes", wish.event_bytes, (LEAST_BYTES, i64::MAX))?,
        notification_days: days("notificationDays", wish.notification_days)?,
        mail_days: days("mailDays", wish.mail_days)?,
        failed_job_days: days("failedJobDays", wish.failed_job_days)?,
        import_file_days: days("importFileDays", wish.import_file_days)?,
        trash_days: days("trashDays", wish.trash_days)?,
        ..Retention::default()
    })
}

async fn change(mut call: Call) -> Result<Answer> {
    let body = call.body().await?;
    let wish: Wish = body.parse()?;
    let new = retention(&wish)?;
    let ctx = &call.ctx;
    call.write(&body, async |db| {
        let old = Retention::own(db).await?;
        // PUT replaces: what is not said is kept for good.
        let update = new
            .each()
            .into_iter()
            .fold(old.update(), |update, (_, column, value)| update.set(column, nullable(value)));
        let job = if new.is_empty() { None } else { Some(jobs::enqueue(ctx, db, &Keep {})?) };
        db.update(update.set("job_id", nullable(job))).await?;
        let values = |of: &Retention| {
            of.each()
                .iter()
                .map(|(key, _, value)| ((*key).to_owned(), json!(value)))
                .collect::<serde_json::Map<_, _>>()
        };
        let changes = json!({ "before": values(&old), "after": values(&new) });
        let event = Event {
            name: "retention.updated".to_owned(),
            object: "retention",
            record: None,
            changes: Some(changes.to_string()),
            batch: None,
        };
        events::append(ctx, db, event)?;
        Answer::json(&Retention::own(db).await?.shown())
    })
    .await
}
