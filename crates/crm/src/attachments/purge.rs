//! What follows a deletion: the record stays among the deleted, and its bytes go when it cannot be wanted back any more.

use kith_kernel::{Id, Result, Time};
use kith_platform::{
    Ctx,
    jobs::{self, Job, Registry},
    storage,
};
use kith_records::Desk;
use kith_store::{Select, Update, Value, Write};
use serde::{Deserialize, Serialize};

use super::{ATTACHMENT, tell};

/// Removes the bytes of an attachment that is still deleted.
#[derive(Debug, Serialize, Deserialize)]
struct PurgeAttachment {
    attachment: Id,
}

impl Job for PurgeAttachment {
    const NAME: &'static str = "attachments.purge";
}

#[derive(Deserialize)]
struct Kept {
    deleted_seconds: i64,
}

#[derive(Deserialize)]
struct Row {
    content_id: Option<Id>,
    deleted_at: Option<Time>,
}

/// Adds the job.
pub fn register(registry: Registry) -> Registry {
    registry.on(|job: PurgeAttachment, attempt| async move {
        attempt
            .write(async |db| {
                purge(&attempt, db, job.attachment).await?;
                jobs::finish(&attempt, db).await
            })
            .await
            .map_err(Into::into)
    })
}

/// Has the bytes of a deleted attachment removed in time.
pub(super) fn follow(desk: Desk<'_>, attachment: Id) -> Result<()> {
    let due = desk.ctx.now().plus_seconds(kept_seconds(desk.ctx)?);
    jobs::enqueue_at(desk.ctx, desk.db, &PurgeAttachment { attachment }, due).map(drop)
}

fn kept_seconds(ctx: &Ctx) -> Result<i64> {
    let kept: Kept = ctx.app.settings.section("files")?;
    Ok(kept.deleted_seconds)
}

async fn purge(ctx: &Ctx, db: &Write, attachment: Id) -> Result<()> {
    let select = Select::from(ATTACHMENT.plural).whose("id", attachment);
    let Some(row) = db.first::<Row>(select).await? else { return Ok(()) };
    // One that was restored and deleted again has a later job.
    let end = ctx.now().plus_seconds(-kept_seconds(ctx)?);
    let (Some(content), Some(deleted)) = (row.content_id, row.deleted_at) else { return Ok(()) };
    if deleted > end {
        return Ok(());
    }
    let update = Update::table(ATTACHMENT.plural).set("content_id", Value::Null);
    db.update(update.whose("id", attachment)).await?;
    storage::doom(ctx, db, content).await?;
    tell(ctx, db, ("purged", attachment), None)
}
