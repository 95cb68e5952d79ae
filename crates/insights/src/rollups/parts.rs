//! Parts: what one record counts for, by its kind.

use std::collections::HashMap;

use kith_kernel::{Id, Result, Time};
use kith_store::{Condition, Read, Row, Select};

use super::{ALWAYS, inbox, slot};
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
    pub(super) fn of(measure: &str, key: impl Into<String>) -> Self {
        Self { measure: measure.to_owned(), key: key.into(), slot: ALWAYS, sum: 0 }
    }

    pub(super) fn at(self, time: Time) -> Self {
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

/// Records that belong to one of another kind.
pub(super) struct Within {
    pub(super) object: &'static str,
    pub(super) plural: &'static str,
    /// Their column that names it.
    pub(super) column: &'static str,
}

/// How a kind of records is counted.
pub(super) struct Counted {
    pub(super) object: &'static str,
    plural: &'static str,
    /// What is read of a record, behind its id and when it was made.
    columns: &'static [&'static str],
    /// Whose events change what it counts for as well, without one of its own.
    pub(super) told_by: Option<Within>,
    /// What it counts for besides being there.
    parts: Parts,
}

/// Where it stands in a row when the record was made.
pub(super) const MADE: usize = 1;
/// Where the object's own columns begin.
pub(super) const OWN: usize = 2;

pub(super) static COUNTED: [Counted; 8] = [
    of("contact", "contacts", &[], nothing),
    of("account", "accounts", &[], nothing),
    of("lead", "leads", &["status"], status),
    of("deal", "deals", &["stage_id", "currency", "amount", "closed_at"], deal),
    of("activity", "activities", &["status", "type"], activity),
    of("task", "tasks", &["status"], status),
    Counted {
        // What is noted of a conversation when somebody writes is no event of its own.
        told_by: Some(Within { object: "message", plural: "messages", column: "conversation_id" }),
        ..of("conversation", "conversations", &inbox::OF_CONVERSATION, inbox::conversation)
    },
    of("message", "messages", &inbox::OF_MESSAGE, inbox::message),
];

type Parts = fn(Row<'_>, &mut Vec<Part>) -> Result<()>;

const fn of(
    object: &'static str,
    plural: &'static str,
    columns: &'static [&'static str],
    parts: Parts,
) -> Counted {
    Counted { object, plural, columns, told_by: None, parts }
}

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
        if let Some(made) = row.time(MADE)? {
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
