//! An import's rows, chunk by chunk, each with the place it ended at.

use std::{
    collections::HashMap,
    fs::{File, OpenOptions},
    io::BufWriter,
    path::Path,
};

use kith_kernel::{Error, Id, Kind as ErrorKind, Result};
use kith_store::Write;

use super::{Progress, Running, open, unwritable};
use crate::{
    Manner,
    csv::{Reader, write::ErrorFile},
    import::{
        OnMatch,
        lookup::by_field,
        plan::unreadable,
        report::{Findings, Report},
        state::{self, Place},
    },
};

/// So many rows share a transaction.
const CHUNK: usize = 250;

/// One row on its way in.
pub(in crate::import) struct Line {
    pub(in crate::import) number: u64,
    pub(in crate::import) cells: Vec<String>,
}

/// What became of a row.
enum Outcome {
    Created,
    Updated,
    Skipped,
    Failed(String),
}

/// The error by which a dry run takes its chunk back.
const DRY_RUN: &str = "dry_run";

impl Running<'_> {
    pub(super) async fn rows(
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
pub(in crate::import) type Chunk = (Vec<Line>, Vec<(Line, String)>);

pub(in crate::import) fn read_chunk(reader: &mut Reader<File>) -> Result<Chunk> {
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
