//! What is about a lead is about its contact when it is converted: so much of it at once, and the rest behind it.

use std::sync::Arc;

use kith_kernel::{Id, Result};
use kith_platform::jobs::{self, Attempt, Failure, Job, Registry};
use kith_records::{Desk, Manner, Records, batches};
use kith_store::{Condition, Read, Select};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{LEAD, kind, object};

/// Records of one transaction: more would keep others from writing for too long.
const AT_ONCE: u64 = 200;
/// What may be about a lead.
const KINDS: [&str; 4] = ["activity", "task", "note", "attachment"];

/// What is about a lead goes to its contact and its deal, in the batch of the conversion.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct RelinkLead {
    pub(super) lead: Id,
    pub(super) contact: Id,
    pub(super) deal: Option<Id>,
    pub(super) batch: Option<Id>,
}

impl Job for RelinkLead {
    const NAME: &'static str = "leads.relink";
}

/// Takes along what is newest; a job follows where there is more.
pub(super) async fn begin(desk: Desk<'_>, relink: RelinkLead) -> Result<()> {
    if relink.some(desk).await? {
        return Ok(());
    }
    jobs::enqueue(desk.ctx, desk.db, &relink).map(drop)
}

/// Adds the job that takes the rest along.
pub(crate) fn register(registry: Registry, records: &Arc<Records>) -> Registry {
    let records = Arc::clone(records);
    registry.on(move |job: RelinkLead, attempt| {
        let records = Arc::clone(&records);
        async move { job.run(&records, &attempt).await }
    })
}

impl RelinkLead {
    async fn run(self, records: &Records, attempt: &Attempt) -> std::result::Result<(), Failure> {
        loop {
            let is_over = attempt
                .write(async |db| {
                    let batch = self.batch.map(|batch| attempt.in_batch(batch));
                    let ctx = batch.as_ref().unwrap_or(attempt);
                    let is_over =
                        !self.is_wanted(db).await? || self.some(Desk { records, ctx, db }).await?;
                    if is_over {
                        jobs::finish(attempt, db).await?;
                    }
                    Ok(is_over)
                })
                .await?;
            if is_over {
                return Ok(());
            }
            if attempt.app.tasks.is_stopping() {
                return Err(Failure::Stopped(batches::stopping()));
            }
        }
    }

    /// Whether the conversion stands: it may have been taken back meanwhile.
    async fn is_wanted(&self, db: &Read) -> Result<bool> {
        let lead = LEAD.rows().whose("id", self.lead).whose("converted_contact_id", self.contact);
        let undone = self.batch.map(|batch| {
            let undone = Condition::Not(Box::new(Condition::Null("undone_by")));
            Select::from("batches").whose("id", batch).only(undone)
        });
        let is_undone = match undone {
            Some(undone) => db.count(undone).await? > 0,
            None => false,
        };
        Ok(!is_undone && db.count(lead).await? > 0)
    }

    /// Takes some along; says whether there is no more. What belonged to a deal before still does.
    async fn some(&self, desk: Desk<'_>) -> Result<bool> {
        let mut left = AT_ONCE;
        for name in KINDS {
            let kind = kind(desk, name)?;
            let select = kind.rows().show(&["id"]).whose("related_id", self.lead);
            let select = select.only(Condition::Null("deleted_at")).by("id", true).at_most(left);
            for id in desk.db.ids(&select).await? {
                let mut changes = object([("relatedId", json!(self.contact))]);
                let known = desk.records.get(desk.ctx, desk.db, kind, id).await?;
                if !known.contains_key("dealId") {
                    changes.extend(object([("dealId", json!(self.deal))]));
                }
                desk.records.update(desk.ctx, desk.db, kind, (id, changes, Manner::HOUSE)).await?;
                left -= 1;
            }
            if left == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
