//! Purging: the values of a deleted field are taken out of its records, some at a time.

use std::sync::Arc;

use kith_kernel::{Id, Result};
use kith_platform::{
    Attempts, Ctx,
    jobs::{self, Attempt, Job, Registry},
};
use kith_store::{Condition, Delete, Select, Update, Write};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{convert, make::tell};
use crate::{Records, custom::Row};

/// So many records are changed in one transaction.
pub(super) const AT_ONCE: u64 = 50;

/// The job that takes the values of a deleted field away.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PurgeField {
    pub(super) field: Id,
}

impl Job for PurgeField {
    const NAME: &'static str = "customField.purge";
}

/// Adds the jobs of custom fields.
pub(crate) fn register(registry: Registry, records: &Arc<Records>) -> Registry {
    let purging = Arc::clone(records);
    let registry = registry.on(move |job: PurgeField, attempt| {
        let records = Arc::clone(&purging);
        async move { records.purge(&attempt, job.field).await.map_err(Into::into) }
    });
    convert::register(registry, records)
}

impl Records {
    async fn purge(&self, attempt: &Attempt, id: Id) -> Result<()> {
        let select = Select::from("custom_fields").whose("id", id);
        let select = select.only(Condition::Not(Box::new(Condition::Null("deleted_at"))));
        let row: Option<Row> = attempt.read(async |db| db.first(select).await).await?;
        let Some(object) = row.map(|row| row.field().object) else { return Ok(()) };
        while self.purge_some(attempt, &object, id).await? {
            tokio::task::yield_now().await;
        }
        attempt
            .write(async |db| {
                let update = Update::table("custom_fields").whose("id", id);
                db.update(update.set("purged_at", attempt.now())).await?;
                tell(attempt, db, ("purged", id), &json!({}))?;
                jobs::finish(attempt, db).await
            })
            .await
    }

    /// Takes the values of some records away; says whether there were any.
    async fn purge_some(&self, ctx: &Ctx, object: &str, field: Id) -> Result<bool> {
        let mut attempts = Attempts::new();
        loop {
            let done = ctx
                .write(async |db| {
                    let mut records = Vec::new();
                    let select = Select::from("custom_values").show(&["record_id"]);
                    db.each(&select.whose("field_id", field).at_most(AT_ONCE), |row| {
                        records.push(row.id(0)?.unwrap_or_default());
                        Ok(())
                    })
                    .await?;
                    for record in &records {
                        self.purge_one(ctx, db, (object, field, *record)).await?;
                    }
                    Ok(!records.is_empty())
                })
                .await;
            if attempts.end_with(&done) {
                return done;
            }
        }
    }

    async fn purge_one(
        &self,
        ctx: &Ctx,
        db: &Write,
        (object, field, record): (&str, Id, Id),
    ) -> Result<()> {
        let shape = self.shape_named(object)?;
        self.rewrite(
            ctx,
            db,
            &shape,
            (record, &|values| {
                values.remove(&field.to_string());
            }),
        )
        .await?;
        let of = |table| Delete::from(table).whose("record_id", record);
        db.delete(of("links").whose("relation", field.to_string())).await?;
        db.delete(of("custom_values").whose("field_id", field)).await.map(drop)
    }
}
