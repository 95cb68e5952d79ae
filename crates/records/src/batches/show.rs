//! Batches as the API shows them.

use kith_kernel::{Result, Time};
use kith_store::Read;
use serde_json::{Value as Json, json};

use super::{Batch, Kind, Verdict, faults};

/// Records without success that stand in the batch itself; the others have pages of their own.
const SHOWN: usize = 100;

impl Batch {
    /// In a list.
    pub(super) fn line(&self, now: Time) -> Json {
        let counts = self.counts.0;
        json!({
            "id": self.id, "kind": self.kind().name(), "object": self.object, "action": self.action,
            "memberId": self.member_id, "userId": self.user_id, "state": self.state_at(now).name(),
            "total": self.total, "done": counts.done, "changed": counts.changed, "skipped": counts.skipped,
            "failed": counts.failed, "error": self.error, "createdAt": self.created_at,
            "finishedAt": self.finished_at, "undoOf": self.undo_of, "undone": self.undone_by.is_some(),
            "undoneBy": self.undone_by, "undoneAt": self.undone_at,
        })
    }

    /// By itself, with the first of the records that it passed over or failed at.
    pub(crate) async fn shown(&self, db: &Read, now: Time) -> Result<Json> {
        let mut shown = self.line(now);
        let of = async |verdict| -> Result<Vec<Json>> {
            let page = faults::page(db, self.id, (Some(verdict), None, SHOWN as u64)).await?;
            Ok(page.into_iter().take(SHOWN).map(|(_, fault)| fault).collect())
        };
        let (skipped, failed) = (of(Verdict::Skipped).await?, of(Verdict::Failed).await?);
        let changed = if self.kind() == Kind::Undo { "restored" } else { "changed" };
        shown["result"] =
            json!({ changed: self.counts.0.changed, "skipped": skipped, "failed": failed });
        Ok(shown)
    }
}
