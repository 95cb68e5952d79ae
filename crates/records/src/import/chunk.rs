//! One chunk of rows on its way in: all of it in one transaction, together with how far the import is and what failed.

use std::collections::{HashMap, HashSet};

use kith_kernel::{Error, Id, Kind as ErrorKind, Result};
use kith_store::Write;
use serde_json::Value as Json;

use super::{
    OnMatch,
    convert::convert,
    lookup::by_field,
    plan::{Column, Target},
    report::{Findings, Report},
    run::{Chunk, Line, Running},
    state::{self, Place},
};
use crate::{
    Manner,
    describe::{Desk, Kind, Record},
};

/// What became of a row.
enum Outcome {
    Created,
    Updated,
    Skipped,
    Failed(String),
}

/// How the rows of a chunk are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manners {
    /// All with one way back.
    Together,
    /// Each with one of its own.
    OneByOne,
}

/// The error by which a dry run takes its chunk back.
const DRY_RUN: &str = "dry_run";

impl Running<'_> {
    /// Takes a chunk in one transaction; where something fails that only the database can tell, once more with a way
    /// back behind each row.
    pub(super) async fn chunk(&mut self, chunk: &Chunk, place: Place) -> Result<()> {
        let before = self.seen.clone();
        match self.attempt(chunk, place, Manners::Together).await {
            Err(error) if is_of_one_row(&error) => {
                self.seen = before;
                self.attempt(chunk, place, Manners::OneByOne).await
            }
            done => done,
        }
    }

    /// One transaction: looks up, writes, notes the place and what failed. A dry run takes the records back and keeps
    /// the rest.
    async fn attempt(&mut self, chunk: &Chunk, place: Place, manners: Manners) -> Result<()> {
        let mut result = None;
        let (ctx, dry_run) = (self.ctx, self.wishes.dry_run);
        let written = ctx
            .write(async |db| {
                let done = self.take_chunk(db, chunk, manners).await?;
                if !dry_run {
                    self.reached(db, place, &done).await?;
                }
                result = Some(done);
                if dry_run {
                    Err(Error::new(ErrorKind::Internal, DRY_RUN, "a dry run"))
                } else {
                    Ok(())
                }
            })
            .await;
        let done = match (written, result) {
            (Ok(()), Some(done)) => done,
            (Err(error), Some(done)) if error.code() == DRY_RUN => {
                self.lookup.forget_missing();
                ctx.write(async |db| self.reached(db, place, &done).await).await?;
                done
            }
            (Err(error), _) => return Err(error),
            (Ok(()), None) => return Err(kith_kernel::internal("a chunk without a result")),
        };
        self.has_errors |= !done.1.is_empty();
        self.report = done.0;
        Ok(())
    }

    /// The report behind a chunk, and what it adds to the error file.
    async fn take_chunk(
        &mut self,
        db: &Write,
        (lines, faults): &Chunk,
        manners: Manners,
    ) -> Result<(Report, Vec<u8>)> {
        let mut report = self.report.clone();
        report.rows += (lines.len() + faults.len()) as u64;
        report.failed += faults.len() as u64;
        let failed = match manners {
            Manners::Together => self.take(db, lines, &mut report).await?,
            Manners::OneByOne => self.take_one_by_one(db, lines, &mut report).await?,
        };
        let failed = failed.iter().map(|(at, reason)| (&lines[*at], reason.as_str()));
        let faults = faults.iter().map(|(line, reason)| (line, reason.as_str()));
        let rows = self.error_rows(faults.chain(failed).collect())?;
        Ok((report, rows))
    }

    async fn reached(
        &self,
        db: &Write,
        place: Place,
        (report, errors): &(Report, Vec<u8>),
    ) -> Result<()> {
        state::reached(db, self.run, place, report).await?;
        self.add_errors(db, errors).await
    }

    async fn take_one_by_one(
        &mut self,
        db: &Write,
        lines: &[Line],
        report: &mut Report,
    ) -> Result<Vec<(usize, String)>> {
        let mut failed = Vec::new();
        for (at, line) in lines.iter().enumerate() {
            let one = std::slice::from_ref(line);
            let mut after = report.clone();
            match db.attempt(async |db| self.take(db, one, &mut after).await).await {
                Ok(failures) => {
                    *report = after;
                    failed.extend(failures.into_iter().map(|(_, reason)| (at, reason)));
                }
                Err(error) if is_of_one_row(&error) => {
                    report.failed += 1;
                    failed.push((at, error.in_one_line()));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(failed)
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
            batch: Some(self.run.import),
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
}

/// Whether an error is about one row, so that the others may still go in.
fn is_of_one_row(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Invalid | ErrorKind::Conflict | ErrorKind::NotFound | ErrorKind::Malformed
    )
}
