//! The cells of an import's rows as the engine takes them.

use std::collections::HashSet;

use kith_kernel::Result;
use kith_store::Write;
use serde_json::Value as Json;

use super::{Line, Running};
use crate::{
    describe::{Desk, Kind, Record},
    import::{
        convert::convert,
        plan::{Column, Target},
        report::{Findings, Report},
    },
};

impl Running<'_> {
    /// The folded value by which a row's record is known again.
    pub(in crate::import) fn key(&self, line: &Line) -> Option<String> {
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
    pub(super) fn record(
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
            let value = match (self.link_of(column), &converted.value) {
                (Some(object), Json::String(text)) => {
                    let found = self.lookup.get(object, text, &column.name, findings);
                    match found.map_err(|why| format!("{} {why}", column.name))? {
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

    /// The object whose records a column names.
    fn link_of(&self, column: &Column) -> Option<&'static str> {
        match &column.target {
            Target::Nowhere => None,
            Target::Field(key) => match self.shape.field(key)?.kind {
                Kind::Link(object, _) => Some(object),
                _ => None,
            },
            Target::Custom(name, _) => {
                let field = self.custom.iter().find(|field| field.name == *name)?;
                self.records.stored_object(field.target.as_deref()?).map(|object| object.name)
            }
        }
    }

    pub(in crate::import) fn is_self_link(&self, kind: Kind) -> bool {
        matches!(kind, Kind::Link(object, _) if object == self.object.name)
    }

    /// Finds what the cells of a chunk name, and has made what its rules make.
    pub(super) async fn look_up(
        &mut self,
        db: &Write,
        lines: &[Line],
        findings: &mut Findings,
    ) -> Result<()> {
        let columns: Vec<(usize, Column)> = self.plan.columns.iter().cloned().enumerate().collect();
        for (at, column) in columns {
            let texts = || -> HashSet<String> {
                let cells = lines.iter().filter_map(|line| line.cells.get(at));
                cells.map(|cell| cell.trim().to_owned()).filter(|cell| !cell.is_empty()).collect()
            };
            // What the file itself makes is linked behind all of its rows.
            let is_own = matches!(&column.target, Target::Field(key) if self.shape.field(key).is_some_and(|field| self.is_self_link(field.kind)));
            if let (Some(object), false) = (self.link_of(&column), is_own) {
                self.lookup.prepare(self.records, db, (object, texts())).await?;
                continue;
            }
            let Target::Field(key) = &column.target else { continue };
            let Some(field) = self.shape.field(key).copied() else { continue };
            match field.kind {
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
