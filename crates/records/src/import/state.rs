//! What is stored of an import: what it shall do, how far it is, what it found.

use kith_kernel::{Error, Id, Kind, Result, Time, not_found};
use kith_platform::Ctx;
use kith_store::{
    Insert, Json as Column, Migration, Read, Select, Step, Table, Update, Write, id, integer, json,
    text, time,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json as value};

use super::{Wishes, plan::Plan, report::Report};
use crate::{
    batches::{self, New},
    csv::Position,
};

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// It waits for its turn.
    Queued,
    /// It works.
    Running,
    /// It is done.
    Completed,
    /// It was given up; `error` says why.
    Failed,
}

/// An import as it is stored.
#[derive(Debug, Clone, Deserialize)]
pub struct Stored {
    /// Its id, which is also the batch of what it made.
    pub id: Id,
    /// The object's name.
    pub object: String,
    /// The name of the file as it was given.
    pub file_name: String,
    pub(crate) path: String,
    /// The upload, where it is one.
    pub(crate) file_id: Option<Id>,
    /// How far it is.
    pub state: State,
    pub(crate) wishes: Column<Wishes>,
    pub(crate) plan: Option<Column<Plan>>,
    pub(crate) position: Option<Column<Place>>,
    pub(crate) report: Column<Report>,
    pub(crate) total_bytes: i64,
    /// Why it was given up.
    pub error: Option<String>,
    /// When it was asked for.
    pub created_at: Time,
    /// When it ended.
    pub finished_at: Option<Time>,
}

/// The place at which an import goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Place {
    pub(crate) file: Position,
    /// The rows are in; links within the file are next.
    pub(crate) linking: bool,
}

/// What an import begins with.
#[derive(Debug)]
pub struct Begun<'a> {
    /// Its id.
    pub id: Id,
    /// The object's name.
    pub object: &'a str,
    /// The name of the file as it was given.
    pub file_name: &'a str,
    /// Where the file lies on this machine; empty for an upload.
    pub path: &'a str,
    /// The upload.
    pub file: Option<Id>,
    /// What it shall do.
    pub wishes: &'a Wishes,
}

pub(crate) fn migration() -> Migration {
    let imports = Table::of_tenant(
        "imports",
        vec![
            text("object").required(),
            text("file_name").required(),
            text("path").required(),
            text("state").required(),
            json("wishes").required(),
            json("plan"),
            json("position"),
            json("report").required(),
            integer("total_bytes").required(),
            text("error"),
            id("member_id"),
            time("created_at").required(),
            time("finished_at"),
        ],
    )
    .stays();
    Migration { name: "2026-11-21-imports", steps: vec![Step::Create(imports)] }
}

/// Files that nodes share, and which run of an import is the one that counts.
pub(crate) fn shared_files() -> Migration {
    Migration {
        name: "2026-11-22-import-files",
        steps: vec![
            Step::AddColumn("imports", id("file_id")),
            Step::AddColumn("imports", id("run_id")),
        ],
    }
}

fn column<T: Serialize>(from: &T) -> kith_store::Value {
    kith_store::Value::Json(serde_json::to_string(from).unwrap_or_default())
}

/// Notes an import that shall run.
pub(crate) async fn begin(ctx: &Ctx, db: &Write, begun: &Begun<'_>) -> Result<()> {
    db.insert(Insert::row(
        "imports",
        vec![
            ("id", begun.id.into()),
            ("object", begun.object.into()),
            ("file_name", begun.file_name.into()),
            ("path", begun.path.into()),
            ("file_id", begun.file.into()),
            ("state", "queued".into()),
            ("wishes", column(begun.wishes)),
            ("report", column(&Report::default())),
            ("total_bytes", 0_i64.into()),
            ("member_id", ctx.actor.member.into()),
            ("created_at", ctx.now().into()),
        ],
    ))
    .await?;
    if begun.wishes.dry_run {
        return Ok(());
    }
    batches::begin(
        ctx,
        db,
        &New::running(begun.id, batches::Kind::Import, (begun.object, "import")),
    )
}

/// An import by its id.
pub(crate) async fn find(db: &Read, id: Id) -> Result<Stored> {
    let found = db.first(Select::from("imports").whose("id", id)).await?;
    found.ok_or_else(|| not_found("import"))
}

/// The newest imports.
pub(crate) async fn newest(db: &Read, limit: u64) -> Result<Vec<Stored>> {
    db.all(Select::from("imports").by("id", true).at_most(limit)).await
}

/// One run of an import. The last that began is the one that counts: what an earlier one still writes, on a node that
/// was only thought to be dead, is taken back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    pub(crate) import: Id,
    pub(crate) id: Id,
}

impl Run {
    async fn update(self, db: &Write, update: Update) -> Result<()> {
        if db.update(update.whose("id", self.import).whose("run_id", self.id)).await? > 0 {
            return Ok(());
        }
        let lost = "Another run of this import has begun.";
        Err(Error::new(Kind::Unavailable, "run_lost", lost))
    }
}

/// Begins a run of an import, unless that has ended.
pub(crate) async fn take(db: &Write, run: Run) -> Result<Stored> {
    let stored = find(db, run.import).await?;
    if !stored.has_ended() {
        let update = Update::table("imports").set("run_id", run.id).whose("id", run.import);
        db.update(update).await?;
    }
    Ok(stored)
}

/// Notes the plan with which it begins.
pub(crate) async fn planned(db: &Write, run: Run, plan: &Plan, total_bytes: u64) -> Result<()> {
    let update = Update::table("imports")
        .set("state", "running")
        .set("plan", column(plan))
        .set("total_bytes", i64::try_from(total_bytes).unwrap_or(i64::MAX));
    run.update(db, update).await
}

/// Notes how far it is, in the write of what it did.
pub(crate) async fn reached(db: &Write, run: Run, place: Place, report: &Report) -> Result<()> {
    let update =
        Update::table("imports").set("position", column(&place)).set("report", column(report));
    run.update(db, update).await
}

/// Notes that it ended.
pub(crate) async fn ended(
    ctx: &Ctx,
    db: &Write,
    run: Run,
    outcome: (&'static str, Option<&str>, &Report),
) -> Result<()> {
    let (state, error, report) = outcome;
    let update = Update::table("imports")
        .set("state", state)
        .set("error", error)
        .set("report", column(report))
        .set("finished_at", ctx.now());
    run.update(db, update).await
}

impl Stored {
    pub(crate) fn has_ended(&self) -> bool {
        matches!(self.state, State::Completed | State::Failed)
    }

    /// What it found and did.
    pub fn report(&self) -> &Report {
        &self.report.0
    }

    /// As the API shows it.
    pub fn to_json(&self, plural: &str) -> Json {
        let report = &self.report.0;
        let bytes = self.position.as_ref().map_or(0, |place| place.0.file.byte);
        let bytes = if self.state == State::Completed {
            u64::try_from(self.total_bytes).unwrap_or(0)
        } else {
            bytes
        };
        let mut shown = value!({
            "id": self.id, "object": self.object, "path": plural, "fileName": self.file_name, "state": self.state,
            "dryRun": self.wishes.0.dry_run, "matchBy": self.plan.as_ref().and_then(|plan| plan.0.match_by.clone()),
            "onMatch": self.wishes.0.on_match, "bytes": bytes, "totalBytes": self.total_bytes,
            "error": self.error, "createdAt": self.created_at, "finishedAt": self.finished_at,
            "columns": self.plan.as_ref().map(|plan| plan.0.shown()),
            "errorsUrl": (report.failed > 0).then(|| format!("/api/imports/{}/errors", self.id)),
        });
        if let (Json::Object(shown), Ok(Json::Object(report))) =
            (&mut shown, serde_json::to_value(report))
        {
            shown.extend(report);
        }
        shown
    }
}
