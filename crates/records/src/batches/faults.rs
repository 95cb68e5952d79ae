//! Records that a batch passed over or failed at, with the reasons.

use kith_kernel::{Error, Id, Result};
use kith_store::{Comparison, Condition, Insert, Read, Select, Write};
use serde::Deserialize;
use serde_json::{Value as Json, json};

const LONGEST_REASON: usize = 500;

/// Whether a record was passed over or failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is left as it is, on purpose.
    Skipped,
    /// What was tried was refused.
    Failed,
}

impl Verdict {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Skipped => "skipped",
            Self::Failed => "failed",
        }
    }
}

/// A record that is as it was.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) record: Id,
    pub(crate) object: &'static str,
    pub(crate) verdict: Verdict,
    pub(crate) code: &'static str,
    pub(crate) reason: String,
}

impl Fault {
    pub(crate) fn skipped(of: (&'static str, Id), code: &'static str, reason: String) -> Self {
        Self { record: of.1, object: of.0, verdict: Verdict::Skipped, code, reason }
    }

    pub(crate) fn failed(of: (&'static str, Id), error: &Error) -> Self {
        let (code, reason) = (error.code(), error.in_one_line());
        Self { record: of.1, object: of.0, verdict: Verdict::Failed, code, reason }
    }

    /// Notes it, in the write in which it was found.
    pub(crate) fn note(self, db: &Write, batch: Id) -> Result<()> {
        let reason: String = self.reason.chars().take(LONGEST_REASON).collect();
        db.append(
            Insert::row(
                "batch_faults",
                vec![
                    ("batch_id", batch.into()),
                    ("record_id", self.record.into()),
                    ("object", self.object.into()),
                    ("verdict", self.verdict.name().into()),
                    ("code", self.code.into()),
                    ("reason", reason.into()),
                ],
            )
            .or_keep(),
        )
    }
}

#[derive(Deserialize)]
struct Row {
    record_id: Id,
    object: String,
    verdict: String,
    code: String,
    reason: String,
}

/// The faults of a batch behind one of its records, in the order of the records, one more than asked for.
pub(super) async fn page(
    db: &Read,
    batch: Id,
    (verdict, from, limit): (Option<Verdict>, Option<Id>, u64),
) -> Result<Vec<(Id, Json)>> {
    let mut select = Select::from("batch_faults").whose("batch_id", batch);
    if let Some(verdict) = verdict {
        select = select.whose("verdict", verdict.name());
    }
    if let Some(from) = from {
        select = select.only(Condition::Compare("record_id", Comparison::Greater, from.into()));
    }
    let rows: Vec<Row> = db.all(select.by("record_id", false).at_most(limit + 1)).await?;
    let shown = |row: Row| {
        let json = json!({
            "id": row.record_id, "object": row.object, "verdict": row.verdict, "code": row.code, "reason": row.reason,
        });
        (row.record_id, json)
    };
    Ok(rows.into_iter().map(shown).collect())
}
