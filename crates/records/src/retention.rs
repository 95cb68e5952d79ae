//! Retention: how long a tenant keeps what it no longer works with, by age and by bytes; kept to by a job every day.

mod keep;
mod routes;
mod trash;

use kith_kernel::{Error, Id, Kind, Result, Time, conflict};
use kith_platform::jobs::Job;
use kith_store::{
    Insert, Migration, Read, Select, Step, Table, Update, Value, Write, id, integer, time,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

pub use keep::{arm, register_retention};
pub use routes::{retention_routes, retention_schemas};
pub use trash::Trash;

/// The one row of a tenant.
const TABLE: &str = "retention";

/// What a tenant keeps, and how far it was kept to. What says nothing is kept for good.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Retention {
    id: Id,
    event_days: Option<i64>,
    event_bytes: Option<i64>,
    notification_days: Option<i64>,
    mail_days: Option<i64>,
    failed_job_days: Option<i64>,
    import_file_days: Option<i64>,
    trash_days: Option<i64>,
    /// The content of events before this instant is gone, or about to go.
    events_before: Option<Time>,
    /// It is gone up to here.
    erased_before: Option<Time>,
    /// What was deleted before this instant is gone, or about to go.
    trash_before: Option<Time>,
    /// The job that comes next; any other has nothing to do.
    job_id: Option<Id>,
    kept_at: Option<Time>,
}

/// The job that keeps to it, and has itself done again a day later.
#[derive(Debug, Serialize, Deserialize)]
struct Keep {}

impl Job for Keep {
    const NAME: &'static str = "retention.keep";
}

pub(crate) fn migration() -> Migration {
    let table = Table::of_tenant(
        TABLE,
        vec![
            integer("event_days"),
            integer("event_bytes"),
            integer("notification_days"),
            integer("mail_days"),
            integer("failed_job_days"),
            integer("import_file_days"),
            integer("trash_days"),
            time("events_before"),
            time("erased_before"),
            time("trash_before"),
            id("job_id"),
            time("kept_at"),
        ],
    );
    Migration { name: "2026-11-24-retention", steps: vec![Step::Create(table)] }
}

impl Retention {
    /// What holds for the tenant.
    async fn of(db: &Read) -> Result<Option<Self>> {
        db.first(Select::from(TABLE).by("id", false)).await
    }

    /// The same, to be changed: its row is there afterwards.
    async fn own(db: &Write) -> Result<Self> {
        if let Some(found) = Self::of(db).await? {
            return Ok(found);
        }
        // All tenants' rows have the id of their tenant, so that there are never two.
        let id = db.actor().tenant;
        db.insert(Insert::row(TABLE, vec![("id", id.into())]).or_keep()).await?;
        Ok(Self { id, ..Self::default() })
    }

    fn update(&self) -> Update {
        Update::table(TABLE).whose("id", self.id)
    }

    fn is_empty(&self) -> bool {
        self.each().iter().all(|(_, _, value)| value.is_none())
    }

    /// Keys, columns and values.
    fn each(&self) -> [(&'static str, &'static str, Option<i64>); 7] {
        [
            ("eventDays", "event_days", self.event_days),
            ("eventBytes", "event_bytes", self.event_bytes),
            ("notificationDays", "notification_days", self.notification_days),
            ("mailDays", "mail_days", self.mail_days),
            ("failedJobDays", "failed_job_days", self.failed_job_days),
            ("importFileDays", "import_file_days", self.import_file_days),
            ("trashDays", "trash_days", self.trash_days),
        ]
    }

    fn shown(&self) -> Json {
        let mut shown = json!({ "eventsBefore": self.events_before, "trashBefore": self.trash_before, "keptAt": self.kept_at });
        for (key, _, value) in self.each() {
            shown[key] = value.into();
        }
        shown
    }
}

/// The instant before which the content of events is gone, where it is.
async fn horizon(db: &Read) -> Result<Option<Time>> {
    Ok(Retention::of(db).await?.and_then(|retention| retention.events_before))
}

/// What was then cannot be told where the events since are not all kept.
///
/// # Errors
/// `Gone` (`before_retention`).
pub(crate) async fn refuse_before(db: &Read, at: Time) -> Result<()> {
    match horizon(db).await? {
        Some(horizon) if at < horizon => {
            let why = format!(
                "What was before {horizon} is not kept any more (see /api/database/retention)."
            );
            Err(Error::new(Kind::Gone, "before_retention", why))
        }
        _ => Ok(()),
    }
}

/// A list of what was then would miss what was there and is not even among the deleted any more.
///
/// # Errors
/// `Gone` (`before_retention`).
pub(crate) async fn refuse_list_before(db: &Read, at: Time) -> Result<()> {
    refuse_before(db, at).await?;
    let purged = Retention::of(db).await?.and_then(|retention| retention.trash_before);
    match purged {
        Some(purged) if at < purged => {
            let why = format!(
                "What was deleted before {purged} is not kept any more (see /api/database/retention): a list of what was then would not be whole."
            );
            Err(Error::new(Kind::Gone, "before_retention", why))
        }
        _ => Ok(()),
    }
}

/// A batch whose events are not all kept cannot be taken back.
///
/// # Errors
/// `Conflict` (`before_retention`).
pub(crate) async fn refuse_undo(db: &Read, begun: Time) -> Result<()> {
    match horizon(db).await? {
        Some(horizon) if begun < horizon => {
            let why =
                format!("What it changed is not kept any more: the batch is older than {horizon}.");
            Err(conflict("before_retention", why))
        }
        _ => Ok(()),
    }
}

fn nullable<T: Into<Value>>(value: Option<T>) -> Value {
    value.map_or(Value::Null, Into::into)
}
