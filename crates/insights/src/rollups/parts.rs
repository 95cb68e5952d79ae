//! Parts: what one record counts for, by its kind.

use std::collections::HashMap;

use kith_kernel::{Id, Result, Time};
use kith_store::{Condition, Read, Row, Select};

use super::{ALWAYS, slot};
use crate::quality;

/// One number that a record is part of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) measure: String,
    pub(super) key: String,
    pub(super) slot: i64,
    pub(super) sum: i64,
}

impl Part {
    fn of(measure: &str, key: impl Into<String>) -> Self {
        Self { measure: measure.to_owned(), key: key.into(), slot: ALWAYS, sum: 0 }
    }

    fn at(self, time: Time) -> Self {
        Self { slot: slot(time), ..self }
    }

    /// Parts as a line each; keys are ids, codes and words of the house, without tabs.
    fn write(all: &[Self]) -> String {
        let lines = all.iter().map(|part| match (part.slot, part.sum) {
            (ALWAYS, 0) => format!("{}\t{}", part.measure, part.key),
            (slot, sum) => format!("{}\t{}\t{slot}\t{sum}", part.measure, part.key),
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    pub(super) fn read(text: &str) -> impl Iterator<Item = Self> + '_ {
        text.lines().map(|line| {
            let mut cells = line.split('\t');
            let mut next = || cells.next();
            let (measure, key) = (next().unwrap_or_default(), next().unwrap_or_default());
            let slot = next().and_then(|slot| slot.parse().ok()).unwrap_or(ALWAYS);
            let sum = next().and_then(|sum| sum.parse().ok()).unwrap_or_default();
            Self { measure: measure.to_owned(), key: key.to_owned(), slot, sum }
        })
    }
}

/// How a kind of records is counted.
pub(super) struct Counted {
    pub(super) object: &'static str,
    plural: &'static str,
    /// What is read of a record, behind its id and when it was made.
    columns: &'static [&'static str],
    /// What it counts for besides being there.
    parts: fn(Row<'_>, &mut Vec<Part>) -> Result<()>,
}

/// Where the object's own columns begin.
const OWN: usize = 2;

pub(super) static COUNTED: [Counted; 6] = [
    Counted { object: "contact", plural: "contacts", columns: &[], parts: nothing },
    Counted { object: "account", plural: "accounts", columns: &[], parts: nothing },
    Counted { object: "lead", plural: "leads", columns: &["status"], parts: status },
    Counted {
        object: "deal",
        plural: "deals",
        columns: &["stage_id", "currency", "amount", "closed_at"],
        parts: deal,
    },
    Counted {
        object: "activity",
        plural: "activities",
        columns: &["status", "type"],
        parts: activity,
    },
    Counted { object: "task", plural: "tasks", columns: &["status"], parts: status },
];

#[expect(clippy::unnecessary_wraps, reason = "it stands beside others that read")]
fn nothing(_: Row<'_>, _: &mut Vec<Part>) -> Result<()> {
    Ok(())
}

fn status(row: Row<'_>, parts: &mut Vec<Part>) -> Result<()> {
    parts.push(Part::of("status", row.text(OWN)?.unwrap_or_default()));
    Ok(())
}

fn activity(row: Row<'_>, parts: &mut Vec<Part>) -> Result<()> {
    status(row, parts)?;
    parts.push(Part::of("type", row.text(OWN + 1)?.unwrap_or_default()));
    Ok(())
}

/// By stage and not by status: a stage that is won from now on takes its deals with it, without an event of each.
fn deal(row: Row<'_>, parts: &mut Vec<Part>) -> Result<()> {
    let stage = row.id(OWN)?.unwrap_or_default();
    let key = format!("{stage}/{}", row.text(OWN + 1)?.unwrap_or_default());
    let sum = row.integer(OWN + 2)?.unwrap_or_default();
    parts.push(Part { sum, ..Part::of("stage", key.as_str()) });
    if let Some(closed) = row.time(OWN + 3)? {
        parts.push(Part { sum, ..Part::of("closed", key).at(closed) });
    }
    Ok(())
}

/// What the records of a kind count for; those that are deleted for nothing.
pub(super) async fn now(db: &Read, counted: &Counted, ids: &[Id]) -> Result<HashMap<Id, String>> {
    let checks = quality::checks(counted.plural);
    let of_quality: Vec<&'static str> =
        checks.iter().flat_map(|check| check.columns.iter().copied()).collect();
    let select = Select::from(counted.plural)
        .show(&["id", "created_at"])
        .show(counted.columns)
        .show(&of_quality)
        .whose_each("id", ids)
        .only(Condition::Null("deleted_at"));
    let mut found = HashMap::new();
    db.each(&select, |row| {
        let mut parts = vec![Part::of("total", "")];
        if let Some(made) = row.time(1)? {
            parts.push(Part::of("created", "").at(made));
        }
        (counted.parts)(row, &mut parts)?;
        let failed = quality::failed(checks, row, OWN + counted.columns.len())?;
        if !failed.is_empty() {
            parts.push(Part::of("issues", ""));
            parts.extend(failed.into_iter().map(|name| Part::of("quality", name)));
        }
        found.insert(row.id(0)?.unwrap_or_default(), Part::write(&parts));
        Ok(())
    })
    .await?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let closed = Part { sum: -1_234, ..Part::of("closed", "a/EUR") };
        let all = [Part::of("total", ""), closed.at(Time::from_milliseconds(-1))];
        assert_eq!(Part::write(&all), "total\t\nclosed\ta/EUR\t-1\t-1234");
        assert_eq!(Part::read(&Part::write(&all)).collect::<Vec<_>>(), all);
    }
}
