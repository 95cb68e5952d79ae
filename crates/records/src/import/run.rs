//! Running an import: plan, then rows chunk by chunk, then the links within the file.

use std::{
    collections::{HashMap, HashSet},
    fs::{File, OpenOptions},
    io::BufWriter,
    path::{Path, PathBuf},
    sync::Arc,
};

use kith_kernel::{Error, Id, Kind as ErrorKind, Result, unavailable};
use kith_platform::{
    Ctx,
    events::{self, Event},
};
use kith_store::Write;
use serde_json::{Value as Json, json};

use super::{
    OnMatch, Wishes,
    convert::convert,
    lookup::{Lookup, by_field},
    plan::{Column, Plan, Target, unreadable},
    report::{Findings, Report},
    state::{self, Place, Stored},
};
use crate::{
    Manner, Records,
    catalog::Shape,
    csv::{Reader, write::ErrorFile},
    custom::{CustomField, CustomKind},
    describe::{Desk, Kind, Object, Record},
};

/// So many rows share a transaction.
const CHUNK: usize = 250;

/// How far an import is: bytes read of all, and what it did so far.
pub type Progress<'a> = &'a (dyn Fn((u64, u64, &Report)) + Send + Sync);

/// The engine's imports, with the folder in which their files lie.
#[derive(Clone)]
pub struct Imports {
    pub(crate) records: Arc<Records>,
    pub(crate) folder: PathBuf,
}

/// One row on its way in.
pub(super) struct Line {
    pub(super) number: u64,
    pub(super) cells: Vec<String>,
}

/// What became of a row.
enum Outcome {
    Created,
    Updated,
    Skipped,
    Failed(String),
}

/// Everything that a running import holds.
pub(super) struct Running<'a> {
    pub(super) records: &'a Records,
    pub(super) ctx: &'a Ctx,
    pub(super) object: &'static Object,
    pub(super) shape: Arc<Shape>,
    pub(super) custom: Vec<CustomField>,
    pub(super) id: Id,
    pub(super) plan: Plan,
    pub(super) wishes: Wishes,
    pub(super) lookup: Lookup,
    pub(super) report: Report,
    /// Every link of the file is looked up by the import itself.
    knows_links: bool,
    /// Keys that a dry run would have stored.
    pub(super) seen: HashSet<String>,
    errors: Option<ErrorFile<BufWriter<File>>>,
    headers: Vec<String>,
    errors_path: PathBuf,
}

/// The error by which a dry run takes its chunk back.
const DRY_RUN: &str = "dry_run";

impl Imports {
    /// Imports whose files lie in the data folder.
    pub fn new(records: &Arc<Records>, data: &Path) -> Self {
        Self { records: Arc::clone(records), folder: data.join("imports") }
    }

    /// The file of rows that could not be taken.
    pub fn errors_path(&self, id: Id) -> PathBuf {
        self.folder.join(format!("{id}.errors.csv"))
    }

    /// Runs an import to its end, from where it was.
    ///
    /// # Errors
    /// Only what keeps it from going on; rows that fail are in its report.
    pub async fn run(&self, ctx: &Ctx, id: Id, progress: Progress<'_>) -> Result<Stored> {
        let stored = ctx.read(async |db| state::find(db, id).await).await?;
        if matches!(stored.state, state::State::Completed | state::State::Failed) {
            return Ok(stored);
        }
        let mut report = stored.report.0.clone();
        let done = self.work(ctx, stored, &mut report, progress).await;
        match &done {
            Ok(()) => self.end(ctx, id, ("completed", None, &report)).await?,
            Err(error) if matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Timeout) => {}
            Err(error) => {
                self.end(ctx, id, ("failed", Some(&error.in_one_line()), &report)).await?;
            }
        }
        done?;
        ctx.read(async |db| state::find(db, id).await).await
    }

    async fn end(
        &self,
        ctx: &Ctx,
        id: Id,
        outcome: (&'static str, Option<&str>, &Report),
    ) -> Result<()> {
        let told = json!({ "after": { "state": outcome.0, "created": outcome.2.created, "updated": outcome.2.updated, "failed": outcome.2.failed } });
        ctx.write(async |db| {
            state::ended(ctx, db, id, outcome).await?;
            events::append(
                ctx,
                db,
                Event {
                    name: format!("import.{}", outcome.0),
                    object: "import",
                    record: Some(id),
                    changes: Some(told.to_string()),
                    batch: Some(id),
                },
            )
        })
        .await
        .map(drop)
    }

    async fn work(
        &self,
        ctx: &Ctx,
        stored: Stored,
        report: &mut Report,
        progress: Progress<'_>,
    ) -> Result<()> {
        let object = self
            .records
            .object(&stored.object)
            .ok_or_else(|| kith_kernel::internal("an import of nothing"))?;
        let path = PathBuf::from(&stored.path);
        let mut running = self.prepare(ctx, object, &stored, report).await?;
        let place = stored.position.as_ref().map(|place| place.0);
        let done = running.rows(&path, place, progress).await;
        let done = match done {
            Ok(()) => running.links(&path).await,
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
        stored: &Stored,
        report: &Report,
    ) -> Result<Running<'a>> {
        let shape = self.records.shape(object)?;
        let custom = ctx.read(async |db| self.records.custom_fields(db, object).await).await?;
        let wishes = stored.wishes.0.clone();
        let mut report = report.clone();
        let plan = if let Some(plan) = &stored.plan {
            plan.0.clone()
        } else {
            let file = open(Path::new(&stored.path))?;
            let size = file.metadata().map_or(0, |file| file.len());
            let (plan, notes) = Plan::make(file, &shape, &custom, &wishes)?;
            tell_notes(&mut report, &plan, &notes);
            let plan = self.make_fields(ctx, object, plan, (&custom, &wishes, &mut report)).await?;
            ctx.write(async |db| state::planned(db, stored.id, &plan, size).await).await?;
            plan
        };
        let custom = ctx.read(async |db| self.records.custom_fields(db, object).await).await?;
        // A free link needs to be told which object it points at, which is the engine's affair.
        let is_free = |column: &Column| matches!(&column.target, Target::Field(key) if shape.field(key).is_some_and(|field| field.kind == Kind::Related));
        let knows_links = !plan.columns.iter().any(is_free);
        std::fs::create_dir_all(&self.folder).map_err(|error| unwritable(&error))?;
        Ok(Running {
            records: &self.records,
            ctx,
            object,
            shape,
            custom,
            id: stored.id,
            plan,
            wishes,
            lookup: Lookup::default(),
            report,
            seen: HashSet::new(),
            knows_links,
            errors: None,
            headers: Vec::new(),
            errors_path: self.errors_path(stored.id),
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

pub(super) fn open(path: &Path) -> Result<File> {
    File::open(path).map_err(|error| {
        unavailable("The file of the import is not there (any more).").caused_by(error)
    })
}

fn unwritable(error: &std::io::Error) -> Error {
    unavailable(format!("The data folder cannot be written: {error}."))
}

impl Running<'_> {
    async fn rows(
        &mut self,
        path: &Path,
        place: Option<Place>,
        progress: Progress<'_>,
    ) -> Result<()> {
        if place.is_some_and(|place| place.linking) {
            return Ok(());
        }
        let file = open(path)?;
        let mut reader = match place {
            Some(place) => Reader::resume(file, self.plan.dialect, place.file),
            None => Reader::with_dialect(file, self.plan.dialect),
        }
        .map_err(|error| unreadable(&error))?;
        self.headers = self.plan.columns.iter().map(|column| column.name.clone()).collect();
        let total = reader.total_bytes();
        loop {
            let (lines, faults) = read_chunk(&mut reader)?;
            if lines.is_empty() && faults.is_empty() {
                break;
            }
            let position = reader.position();
            self.chunk(lines, faults, Place { file: position, linking: false }).await?;
            progress((position.byte, total, &self.report));
        }
        let place = Place { file: reader.position(), linking: true };
        let report = &self.report;
        self.ctx.write(async |db| state::reached(db, self.id, place, report).await).await
    }

    /// Takes a chunk in one transaction; where something fails that only the database can tell, row by row.
    async fn chunk(
        &mut self,
        lines: Vec<Line>,
        faults: Vec<(Line, String)>,
        place: Place,
    ) -> Result<()> {
        let mut report = self.report.clone();
        report.rows += (lines.len() + faults.len()) as u64;
        report.failed += faults.len() as u64;
        for (line, reason) in &faults {
            self.fail(line, reason)?;
        }
        let before = self.seen.clone();
        let done = self.attempt(&lines, &report, place).await;
        let (report, failed) = match done {
            Ok(done) => done,
            Err(error) if is_of_one_row(&error) => {
                self.seen = before;
                self.one_by_one(&lines, report, place).await?
            }
            Err(error) => return Err(error),
        };
        for (at, reason) in failed {
            self.fail(&lines[at], &reason)?;
        }
        if let Some(errors) = &mut self.errors {
            errors.flush().map_err(|error| unwritable(&error))?;
        }
        self.report = report;
        Ok(())
    }

    async fn one_by_one(
        &mut self,
        lines: &[Line],
        mut report: Report,
        place: Place,
    ) -> Result<(Report, Vec<(usize, String)>)> {
        let mut failed = Vec::new();
        for (at, line) in lines.iter().enumerate() {
            let one = std::slice::from_ref(line);
            match self.attempt(one, &report, place).await {
                Ok((after, failures)) => {
                    report = after;
                    failed.extend(failures.into_iter().map(|(_, reason)| (at, reason)));
                }
                Err(error) if is_of_one_row(&error) => {
                    report.failed += 1;
                    failed.push((at, error.in_one_line()));
                }
                Err(error) => return Err(error),
            }
        }
        let told = report.clone();
        self.ctx.write(async |db| state::reached(db, self.id, place, &told).await).await?;
        Ok((report, failed))
    }

    /// One transaction: looks up, writes, notes the place. A dry run takes the records back and keeps the place.
    async fn attempt(
        &mut self,
        lines: &[Line],
        report: &Report,
        place: Place,
    ) -> Result<(Report, Vec<(usize, String)>)> {
        let mut result = None;
        let (ctx, dry_run, id) = (self.ctx, self.wishes.dry_run, self.id);
        let written = ctx
            .write(async |db| {
                let mut report = report.clone();
                let failed = self.take(db, lines, &mut report).await?;
                if !dry_run {
                    state::reached(db, id, place, &report).await?;
                }
                result = Some((report, failed));
                if dry_run {
                    Err(Error::new(ErrorKind::Internal, DRY_RUN, "a dry run"))
                } else {
                    Ok(())
                }
            })
            .await;
        match (written, result) {
            (Ok(()), Some(result)) => Ok(result),
            (Err(error), Some(result)) if error.code() == DRY_RUN => {
                self.lookup.forget_missing();
                ctx.write(async |db| state::reached(db, id, place, &result.0).await).await?;
                Ok(result)
            }
            (Err(error), _) => Err(error),
            (Ok(()), None) => Err(kith_kernel::internal("a chunk without a result")),
        }
    }

    async fn take(
        &mut self,
        db: &Write,
        lines: &[Line],
        report: &mut Report,
    ) -> Result<Vec<(usize, String)>> {
        let mut findings = Findings::default();
        self.look_up(db, lines, &mut findings).await?;
        let keys: Vec<Option<String>> = lines.iter().map(|line| self.key(line)).collect();
        let wanted: Vec<String> = keys.iter().flatten().cloned().collect();
        let mut there: HashMap<String, Id> = match &self.plan.match_by {
            Some(field) => by_field(db, &self.shape, (field, &wanted)).await?,
            None => HashMap::new(),
        };
        let mut failed = Vec::new();
        for (at, line) in lines.iter().enumerate() {
            let key = keys[at].clone();
            let known = key.as_ref().and_then(|key| there.get(key).copied());
            let twice = key.as_ref().is_some_and(|key| known.is_none() && self.seen.contains(key));
            let outcome = if twice {
                Outcome::Skipped
            } else {
                self.row(db, line, known, (&mut there, &mut findings, report)).await?
            };
            match outcome {
                Outcome::Created => report.created += 1,
                Outcome::Updated => report.updated += 1,
                Outcome::Skipped => report.skipped += 1,
                Outcome::Failed(reason) => {
                    report.failed += 1;
                    failed.push((at, reason));
                }
            }
        }
        report.add(findings);
        Ok(failed)
    }

    async fn row(
        &mut self,
        db: &Write,
        line: &Line,
        known: Option<Id>,
        (there, findings, report): (&mut HashMap<String, Id>, &mut Findings, &mut Report),
    ) -> Result<Outcome> {
        if known.is_some() && self.wishes.on_match == OnMatch::Skip {
            return Ok(Outcome::Skipped);
        }
        let input = match self.record(line, findings, report) {
            Ok(input) => input,
            Err(reason) => return Ok(Outcome::Failed(reason)),
        };
        let manner = Manner {
            batch: Some(self.id),
            deferred: true,
            known_links: self.knows_links,
            ..Manner::default()
        };
        let (records, ctx, object) = (self.records, self.ctx, self.object);
        if let Some(id) = known {
            let changed = db
                .attempt(async |db| records.update_in(ctx, db, object, (id, input, manner)).await);
            return Ok(match changed.await {
                Ok((_, true)) => Outcome::Updated,
                Ok((_, false)) => Outcome::Skipped,
                Err(error) => Outcome::Failed(error.in_one_line()),
            });
        }
        // What a draft refuses has written nothing yet; what fails later is told by the database.
        let draft = match records.draft(ctx, db, object, (input, manner)).await {
            Ok(draft) => draft,
            Err(error) if is_of_one_row(&error) => return Ok(Outcome::Failed(error.in_one_line())),
            Err(error) => return Err(error),
        };
        let (id, _) = records.save_draft(ctx, db, object, (draft, manner)).await?;
        if let Some(key) = self.key(line) {
            if self.wishes.dry_run {
                self.seen.insert(key.clone());
            }
            there.insert(key, id);
        }
        Ok(Outcome::Created)
    }

    /// The folded value by which a row's record is known again.
    pub(super) fn key(&self, line: &Line) -> Option<String> {
        let field = self.shape.field(self.plan.match_by.as_deref()?)?;
        let at = self
            .plan
            .columns
            .iter()
            .position(|column| column.target == Target::Field(field.key.to_owned()))?;
        let cell = line.cells.get(at)?.trim();
        (!cell.is_empty()).then(|| field.fold(cell))
    }

    /// A row as the engine takes it.
    fn record(
        &self,
        line: &Line,
        findings: &mut Findings,
        report: &mut Report,
    ) -> Result<Record, String> {
        let of = (self.ctx.actor.zone, self.ctx.actor.currency);
        let mut record = Record::new();
        for (column, cell) in self.plan.columns.iter().zip(&line.cells) {
            let (key, kind) = match &column.target {
                Target::Nowhere => continue,
                Target::Custom(name, _) => {
                    match self.custom.iter().find(|field| field.name == *name) {
                        Some(field) => (format!("custom.{name}"), field.kind.like()),
                        None => continue,
                    }
                }
                Target::Field(key) => match self.shape.field(key) {
                    Some(field) if self.is_self_link(field.kind) => continue,
                    Some(field) => (key.clone(), field.kind),
                    None => continue,
                },
            };
            let converted =
                convert(column, kind, cell, of).map_err(|why| format!("{} {why}", column.name))?;
            let Some(converted) = converted else { continue };
            report.rounded += u64::from(converted.rounded);
            let value = match (kind, &converted.value) {
                (Kind::Link(object, _), Json::String(text)) => {
                    match self.lookup.get(object, text, &column.name, findings) {
                        Some(id) => id.to_string().into(),
                        None => continue,
                    }
                }
                _ => converted.value,
            };
            record.insert(key, value);
        }
        Ok(record)
    }

    pub(super) fn is_self_link(&self, kind: Kind) -> bool {
        matches!(kind, Kind::Link(object, _) if object == self.object.name)
    }

    /// Finds what the cells of a chunk name, and has made what its rules make.
    async fn look_up(&mut self, db: &Write, lines: &[Line], findings: &mut Findings) -> Result<()> {
        let columns: Vec<(usize, Column)> = self.plan.columns.iter().cloned().enumerate().collect();
        for (at, column) in columns {
            let Target::Field(key) = &column.target else { continue };
            let Some(field) = self.shape.field(key).copied() else { continue };
            let texts = || -> HashSet<String> {
                let cells = lines.iter().filter_map(|line| line.cells.get(at));
                cells.map(|cell| cell.trim().to_owned()).filter(|cell| !cell.is_empty()).collect()
            };
            match field.kind {
                Kind::Link(object, _) if object != self.object.name => {
                    self.lookup.prepare(self.records, db, (object, texts())).await?;
                }
                _ if field.made_on_import => {
                    let mut names: Vec<String> = texts().into_iter().collect();
                    names.sort();
                    let desk = Desk { records: self.records, ctx: self.ctx, db };
                    let made = self.object.rules.make_missing(desk, field.key, &names).await?;
                    findings.made.extend(made.into_iter().map(|name| (column.name.clone(), name)));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn fail(&mut self, line: &Line, reason: &str) -> Result<()> {
        if self.errors.is_none() {
            let goes_on = self.errors_path.exists();
            let file = OpenOptions::new().create(true).append(true).open(&self.errors_path);
            let out = BufWriter::new(file.map_err(|error| unwritable(&error))?);
            self.errors = Some(if goes_on {
                ErrorFile::append(out, &self.headers, self.plan.dialect)
            } else {
                ErrorFile::create(out, &self.headers, self.plan.dialect)
                    .map_err(|error| unwritable(&error))?
            });
        }
        let Some(errors) = &mut self.errors else { return Ok(()) };
        let cells = line.cells.iter().map(String::as_str);
        errors.write(cells, line.number, reason).map_err(|error| unwritable(&error))
    }
}

/// Whether an error is about one row, so that the others may still go in.
fn is_of_one_row(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Invalid | ErrorKind::Conflict | ErrorKind::NotFound | ErrorKind::Malformed
    )
}

/// The next rows, and those that the file itself spoils.
type Chunk = (Vec<Line>, Vec<(Line, String)>);

pub(super) fn read_chunk(reader: &mut Reader<File>) -> Result<Chunk> {
    let (mut lines, mut faults) = (Vec::with_capacity(CHUNK), Vec::new());
    while lines.len() + faults.len() < CHUNK {
        let next = reader.next_row().map_err(|error| unreadable(&error.into()))?;
        let Some(row) = next else { break };
        let line = Line { number: row.line, cells: row.cells.iter().map(str::to_owned).collect() };
        match row.fault {
            None => lines.push(line),
            Some(fault) => faults.push((line, fault.to_string())),
        }
    }
    Ok((lines, faults))
}
