//! An import's rows, chunk by chunk: each is one transaction, together with the place it ended at and what failed.

use std::{collections::HashMap, fs::File};

use kith_kernel::{Error, Id, Kind as ErrorKind, Result};
use kith_store::Write;

use super::{Progress, Running};
use crate::{
    Manner,
    import::{
        OnMatch,
        plan::unreadable,
        report::{Findings, Report},
        rows::Rows,
        state::{self, Place},
    },
    named::by_field,
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
    pub(super) async fn rows(
        &mut self,
        place: Option<Place>,
        progress: Progress<'_>,
    ) -> Result<()> {
        if place.is_some_and(|place| place.linking) {
            return Ok(());
        }
        let mut reader = match place {
            Some(place) => Rows::resume(self.file()?, self.plan.of(), place.file),
            None => Rows::open(self.file()?, self.plan.of()),
        }
        .map_err(|error| unreadable(&error))?;
        let total = reader.total_bytes();
        loop {
            self.go_on()?;
            let chunk = read_chunk(&mut reader)?;
            if chunk.0.is_empty() && chunk.1.is_empty() {
                break;
            }
            let position = reader.position();
            self.chunk(&chunk, Place { file: position, linking: false }).await?;
            progress((position.byte, total, &self.report));
        }
        let place = Place { file: reader.position(), linking: true };
        let report = &self.report;
        self.ctx.write(async |db| state::reached(db, self.run, place, report).await).await
    }

    /// Takes a chunk in one transaction; where something fails that only the database can tell, once more with a way
    /// back behind each row.
    async fn chunk(&mut self, chunk: &Chunk, place: Place) -> Result<()> {
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
        let manner = Manner { deferred: true, known_links: self.knows_links, ..Manner::default() };
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
        let id = records.save_draft(ctx, db, object, (draft, manner)).await?.id;
        if let Some(key) = self.key(line) {
            if self.wishes.dry_run {
                self.seen.insert(key.clone());
            }
            there.insert(key, id);
        }
        Ok(Outcome::Created)
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

pub(in crate::import) fn read_chunk(reader: &mut Rows<File>) -> Result<Chunk> {
    let (mut lines, mut faults) = (Vec::with_capacity(CHUNK), Vec::new());
    while lines.len() + faults.len() < CHUNK {
        let next = reader.next_line().map_err(|error| unreadable(&error.into()))?;
        let Some((line, fault)) = next else { break };
        match fault {
            None => lines.push(line),
            Some(fault) => faults.push((line, fault)),
        }
    }
    Ok((lines, faults))
}
