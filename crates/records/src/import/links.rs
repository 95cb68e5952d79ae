//! Links within a file: an account whose parent stands on a later line, a member whose manager does.

use std::collections::{HashMap, HashSet};

use kith_kernel::{Id, Result};
use kith_store::{Condition, Write};
use serde_json::Value as Json;

use super::{
    OnMatch,
    plan::{Target, unreadable},
    report::Findings,
    rows::Rows,
    run::{Line, Running, read_chunk},
};
use crate::{
    Manner,
    describe::{Field, Record},
    named::by_field,
};

impl Running<'_> {
    /// Looks through the file a second time and sets the links between its own records.
    pub(super) async fn links(&mut self) -> Result<()> {
        let columns: Vec<(usize, String, Field)> = self
            .plan
            .columns
            .iter()
            .enumerate()
            .filter_map(|(at, column)| match &column.target {
                Target::Field(key) => Some((at, column.name.clone(), *self.shape.field(key)?)),
                Target::Custom(..) | Target::Nowhere => None,
            })
            .filter(|(_, _, field)| self.is_self_link(field.kind))
            .collect();
        if columns.is_empty() {
            return Ok(());
        }
        if self.plan.match_by.is_none() {
            self.report.note("Links between the rows of the file were left out: nothing tells which record a row is.".to_owned());
            return Ok(());
        }
        self.lookup.forget_missing();
        let mut reader =
            Rows::open(self.file()?, self.plan.of()).map_err(|error| unreadable(&error))?;
        loop {
            self.go_on()?;
            let (lines, faults) = read_chunk(&mut reader)?;
            if lines.is_empty() && faults.is_empty() {
                return Ok(());
            }
            for (at, name, field) in &columns {
                self.link_chunk(&lines, (*at, name, field)).await?;
            }
        }
    }

    async fn link_chunk(&mut self, lines: &[Line], column: (usize, &str, &Field)) -> Result<()> {
        let ctx = self.ctx;
        let mut findings = Findings::default();
        let linked = if self.wishes.dry_run {
            self.would_link(lines, column, &mut findings).await?
        } else {
            ctx.write(async |db| self.link(db, lines, column, &mut findings).await).await?
        };
        self.report.linked += linked;
        self.report.add(findings);
        Ok(())
    }

    fn texts(lines: &[Line], at: usize) -> HashSet<String> {
        let cells = lines.iter().filter_map(|line| line.cells.get(at));
        cells.map(|cell| cell.trim().to_owned()).filter(|cell| !cell.is_empty()).collect()
    }

    async fn link(
        &mut self,
        db: &Write,
        lines: &[Line],
        (at, name, field): (usize, &str, &Field),
        findings: &mut Findings,
    ) -> Result<u64> {
        let object = self.object;
        let texts = Self::texts(lines, at);
        self.lookup.prepare(self.records, db, (object.name, texts.clone())).await?;
        if field.made_on_import && self.make_missing(db, (name, &texts), findings).await? {
            self.lookup.forget_missing();
            self.lookup.prepare(self.records, db, (object.name, texts)).await?;
        }
        let records = self.records_of(db, lines).await?;
        let open = self.without_link(db, field, records.values().copied().collect()).await?;
        let mut linked = 0;
        for line in lines {
            let Some(text) =
                line.cells.get(at).map(|cell| cell.trim()).filter(|cell| !cell.is_empty())
            else {
                continue;
            };
            let Some(target) = self.target(line, (text, name), findings) else { continue };
            let record = self.key(line).and_then(|key| records.get(&key).copied());
            let Some(record) = record.filter(|id| open.contains(id) && *id != target) else {
                continue;
            };
            let input = Record::from_iter([(field.key.to_owned(), Json::from(target.to_string()))]);
            let manner = Manner::default();
            let (engine, ctx) = (self.records, self.ctx);
            let set = db
                .attempt(async |db| engine.update(ctx, db, object, (record, input, manner)).await)
                .await;
            match set {
                Ok(_) => linked += 1,
                Err(error) => self.report.note(format!(
                    "line {}: {name}: {}",
                    line.number,
                    error.in_one_line()
                )),
            }
        }
        Ok(linked)
    }

    /// The record that a row names; where several have the name, that is noted.
    fn target(
        &mut self,
        line: &Line,
        (text, name): (&str, &str),
        findings: &mut Findings,
    ) -> Option<Id> {
        match self.lookup.get(self.object.name, text, name, findings) {
            Ok(found) => found,
            Err(why) => {
                self.report.note(format!("line {}: {name} {why}.", line.number));
                None
            }
        }
    }

    /// The records that the rows became or met.
    async fn records_of(&self, db: &Write, lines: &[Line]) -> Result<HashMap<String, Id>> {
        let keys: Vec<String> = lines.iter().filter_map(|line| self.key(line)).collect();
        let field = self.plan.match_by.as_deref().unwrap_or_default();
        by_field(db, &self.shape, (field, &keys)).await
    }

    /// Which of the records may be given a link: those of this import, all where rows change what they meet; and only
    /// those that have none.
    async fn without_link(&self, db: &Write, field: &Field, ids: Vec<Id>) -> Result<HashSet<Id>> {
        let mut select = self
            .object
            .rows()
            .show(&["id"])
            .whose_each("id", ids)
            .only(Condition::Null(field.column));
        if self.wishes.on_match == OnMatch::Skip {
            select = select.whose("batch_id", self.run.import);
        }
        let mut open = HashSet::new();
        db.each(&select, |row| {
            open.insert(row.id(0)?.unwrap_or_default());
            Ok(())
        })
        .await?;
        Ok(open)
    }

    /// Makes records of the names that nobody has, and says whether there were any.
    async fn make_missing(
        &mut self,
        db: &Write,
        (name, texts): (&str, &HashSet<String>),
        findings: &mut Findings,
    ) -> Result<bool> {
        let mut missing: Vec<&String> = texts.iter().filter(|text| self.is_missing(text)).collect();
        missing.sort();
        for text in &missing {
            let input = Record::from_iter([("name".to_owned(), Json::from(text.as_str()))]);
            let manner = Manner::default();
            self.records.create_in(self.ctx, db, self.object, (input, manner)).await?;
            findings.made.push((name.to_owned(), (*text).clone()));
        }
        Ok(!missing.is_empty())
    }

    fn is_missing(&self, text: &str) -> bool {
        let found = self.lookup.get(self.object.name, text, "", &mut Findings::default());
        found.is_ok_and(|found| found.is_none())
    }

    /// What a dry run would link: to records that are there, or that it would have made.
    async fn would_link(
        &mut self,
        lines: &[Line],
        (at, name, field): (usize, &str, &Field),
        findings: &mut Findings,
    ) -> Result<u64> {
        let texts = Self::texts(lines, at);
        let (ctx, records, object) = (self.ctx, self.records, self.object.name);
        let lookup = &mut self.lookup;
        ctx.read(async |db| lookup.prepare(records, db, (object, texts)).await).await?;
        let mut linked = 0;
        for line in lines {
            let Some(text) =
                line.cells.get(at).map(|cell| cell.trim()).filter(|cell| !cell.is_empty())
            else {
                continue;
            };
            if !self.is_missing(text) && self.target(line, (text, name), findings).is_none() {
                continue;
            }
            let is_new = self.key(line).is_some_and(|key| self.seen.contains(&key));
            let folded = kith_kernel::text::fold(text).into_owned();
            if self.seen.contains(&folded) || !self.is_missing(text) {
                linked += u64::from(is_new);
            } else if field.made_on_import {
                self.seen.insert(folded);
                findings.made.push((name.to_owned(), text.to_owned()));
                linked += u64::from(is_new);
            } else {
                self.lookup.get(object, text, name, findings).ok();
            }
        }
        Ok(linked)
    }
}
