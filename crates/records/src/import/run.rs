//! Running an import: plan, then rows chunk by chunk, then the links within the file.

mod cells;
mod chunks;

use std::{
    collections::HashSet,
    fs::File,
    path::{Path, PathBuf},
    sync::Arc,
};

use kith_kernel::{Error, Id, Kind as ErrorKind, Result};
use kith_platform::{
    Ctx,
    events::{self, Event},
    files,
};
use kith_store::Write;
use serde_json::{Value as Json, json};

pub(super) use self::chunks::{Line, read_chunk};
use super::{
    Wishes,
    lookup::Lookup,
    plan::{Column, Plan, Target},
    report::Report,
    source::{self, unwritable},
    state::{self, Run, Stored},
};
use crate::{
    Records,
    batches::{self, Counts, State},
    catalog::Shape,
    custom::{CustomField, CustomKind},
    describe::{Kind, Object},
};

/// How far an import is: bytes read of all, and what it did so far.
pub type Progress<'a> = &'a (dyn Fn((u64, u64, &Report)) + Send + Sync);

/// The engine's imports, with the folder in which they put what they need for a while.
#[derive(Clone)]
pub struct Imports {
    pub(crate) records: Arc<Records>,
    pub(crate) folder: PathBuf,
}

/// Everything that a running import holds.
pub(super) struct Running<'a> {
    pub(super) records: &'a Records,
    pub(super) ctx: &'a Ctx,
    pub(super) object: &'static Object,
    pub(super) shape: Arc<Shape>,
    pub(super) custom: Vec<CustomField>,
    pub(super) run: Run,
    pub(super) plan: Plan,
    pub(super) wishes: Wishes,
    pub(super) lookup: Lookup,
    pub(super) report: Report,
    /// Every link of the file is looked up by the import itself.
    pub(super) knows_links: bool,
    /// Keys that a dry run would have stored.
    pub(super) seen: HashSet<String>,
    /// The file of rows that failed has been begun.
    pub(super) has_errors: bool,
    file: File,
}

impl Imports {
    /// Imports that use the data folder.
    pub fn new(records: &Arc<Records>, data: &Path) -> Self {
        Self { records: Arc::clone(records), folder: data.join("imports") }
    }

    /// Runs an import to its end, from where it was.
    ///
    /// # Errors
    /// Only what keeps it from going on; rows that fail are in its report.
    pub async fn run(&self, ctx: &Ctx, id: Id, progress: Progress<'_>) -> Result<Stored> {
        let run = Run { import: id, id: ctx.new_id() };
        let ctx = &ctx.in_batch(id);
        let stored = ctx.write(async |db| state::take(db, run).await).await?;
        if stored.has_ended() {
            return Ok(stored);
        }
        let (mut report, mut upload) = (stored.report.0.clone(), stored.file_id);
        let done = Box::pin(self.work(ctx, (run, stored), &mut report, progress)).await;
        match &done {
            Ok(()) => self.end(ctx, run, ("completed", None, &report)).await?,
            // It goes on, and needs its file.
            Err(error) if matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Timeout) => {
                upload = None;
            }
            Err(error) => {
                self.end(ctx, run, ("failed", Some(&error.in_one_line()), &report)).await?;
            }
        }
        if let Some(upload) = upload {
            files::discard(ctx, upload).await;
        }
        done?;
        ctx.read(async |db| state::find(db, id).await).await
    }

    async fn end(
        &self,
        ctx: &Ctx,
        run: Run,
        outcome: (&'static str, Option<&str>, &Report),
    ) -> Result<()> {
        ctx.write(async |db| ended(ctx, db, run, outcome).await).await
    }

    async fn work(
        &self,
        ctx: &Ctx,
        (run, stored): (Run, Stored),
        report: &mut Report,
        progress: Progress<'_>,
    ) -> Result<()> {
        let object = self
            .records
            .stored_object(&stored.object)
            .ok_or_else(|| kith_kernel::internal("an import of nothing"))?;
        let mut running = self.prepare(ctx, object, (run, &stored), report).await?;
        let place = stored.position.as_ref().map(|place| place.0);
        let done = running.rows(place, progress).await;
        let done = match done {
            Ok(()) => running.links().await,
            Err(error) => Err(error),
        };
        *report = running.report;
        done
    }

    /// Makes the plan, or takes up the one that was made.
    async fn prepare<'a>(
        &'a self,
        ctx: &'a Ctx,
        object: &'static Object,
        (run, stored): (Run, &Stored),
        report: &Report,
    ) -> Result<Running<'a>> {
        let file = source::open(ctx, stored, &self.folder).await?;
        let shape = self.records.shape(object)?;
        let custom = ctx.read(async |db| self.records.custom_fields(db, object).await).await?;
        let wishes = stored.wishes.0.clone();
        let mut report = report.clone();
        let plan = if let Some(plan) = &stored.plan {
            plan.0.clone()
        } else {
            let size = file.metadata().map_or(0, |file| file.len());
            let (plan, notes) = Plan::make((&file, &stored.file_name), &shape, &custom, &wishes)?;
            tell_notes(&mut report, &plan, &notes);
            let plan = self.make_fields(ctx, object, plan, (&custom, &wishes, &mut report)).await?;
            ctx.write(async |db| state::planned(db, run, &plan, size).await).await?;
            plan
        };
        let custom = ctx.read(async |db| self.records.custom_fields(db, object).await).await?;
        // A free link needs to be told which object it points at, which is the engine's affair.
        let is_free = |column: &Column| matches!(&column.target, Target::Field(key) if shape.field(key).is_some_and(|field| field.kind == Kind::Related));
        let knows_links = !plan.columns.iter().any(is_free);
        let has_errors = ctx.read(async |db| files::size(db, stored.id).await).await?.is_some();
        Ok(Running {
            records: &self.records,
            ctx,
            object,
            shape,
            custom,
            run,
            plan,
            wishes,
            lookup: Lookup::default(),
            report,
            seen: HashSet::new(),
            knows_links,
            has_errors,
            file,
        })
    }

    /// Columns without a home become custom fields; the plan then names them as they were made.
    async fn make_fields(
        &self,
        ctx: &Ctx,
        object: &'static Object,
        mut plan: Plan,
        (known, wishes, report): (&[CustomField], &Wishes, &mut Report),
    ) -> Result<Plan> {
        let mut made = Vec::new();
        for column in &mut plan.columns {
            let Target::Custom(name, kind) = &column.target else { continue };
            if known.iter().any(|field| field.name == *name) {
                continue;
            }
            if !wishes.dry_run {
                let kind: CustomKind =
                    serde_json::from_value(Json::from(kind.as_str())).unwrap_or(CustomKind::Text);
                let field = (name.as_str(), column.name.as_str(), kind);
                let added = ctx
                    .write(async |db| self.records.add_custom_field(ctx, db, object, field).await)
                    .await?;
                self.records.forget_custom_fields(ctx);
                column.target = Target::Custom(added.name, kind.name().to_owned());
            }
            let Target::Custom(name, kind) = &column.target else { continue };
            made.push(format!("{} → custom.{name} ({kind})", column.name));
        }
        report.custom_fields.extend(made);
        Ok(plan)
    }
}

/// Notes that nobody goes on with an import; what is in stays, and can be undone.
pub(super) async fn given_up(ctx: &Ctx, db: &Write, id: Id, error: &str) -> Result<()> {
    let run = Run { import: id, id: ctx.new_id() };
    let stored = state::take(db, run).await?;
    if stored.has_ended() {
        return Ok(());
    }
    ended(&ctx.in_batch(id), db, run, ("failed", Some(error), &stored.report.0)).await
}

async fn ended(
    ctx: &Ctx,
    db: &Write,
    run: Run,
    outcome: (&'static str, Option<&str>, &Report),
) -> Result<()> {
    let (outcome_state, _, report) = outcome;
    state::ended(ctx, db, run, outcome).await?;
    let counts = Counts {
        done: report.rows,
        changed: report.created + report.updated,
        skipped: report.skipped,
        failed: report.failed,
    };
    let state = if outcome_state == "completed" { State::Completed } else { State::Failed };
    // A dry run is no batch.
    batches::settle(ctx, db, run.import, (state, counts)).await?;
    let told = json!({ "after": { "state": outcome_state, "created": report.created, "updated": report.updated, "failed": report.failed } });
    let event = Event {
        name: format!("import.{outcome_state}"),
        object: "import",
        record: Some(run.import),
        changes: Some(told.to_string()),
        batch: Some(run.import),
    };
    events::append(ctx, db, event).map(drop)
}

fn tell_notes(report: &mut Report, plan: &Plan, notes: &crate::csv::Notes) {
    for (count, what) in [
        (notes.windows1252, "rows were not UTF-8 and were read as Windows-1252"),
        (notes.replaced, "rows held bytes that are no text, which were replaced"),
        (notes.short, "rows had fewer cells than the header; the missing ones are empty"),
    ] {
        if count > 0 {
            report.note(format!("{count} {what}."));
        }
    }
    for column in &plan.columns {
        if let Some(note) = &column.note {
            report.note(format!("{}: {note}", column.name));
        }
    }
}

/// The server stops: the import goes on where it is, on another node or at the next start.
pub(super) fn stopping() -> Error {
    Error::new(ErrorKind::Unavailable, STOPPING, "The server stops; the import goes on later.")
}

/// The code of that error.
pub(super) const STOPPING: &str = "stopping";

impl Running<'_> {
    /// The file from its beginning; whoever reads it moves the one place that all of them share.
    pub(super) fn file(&self) -> Result<File> {
        self.file.try_clone().map_err(|error| unwritable(&error))
    }

    pub(super) fn go_on(&self) -> Result<()> {
        if self.ctx.app.tasks.is_stopping() { Err(stopping()) } else { Ok(()) }
    }
}
