//! What follows a deletion: the chunks go at once, the bytes when the document cannot be wanted back any more.

use std::sync::Arc;

use kith_kernel::{Id, Result, Time};
use kith_platform::{
    Ctx,
    events::{self, Event},
    jobs::{self, Job, Registry},
    storage,
};
use kith_records::Desk;
use kith_store::{Read, Select, Update, Value, Write};
use serde::{Deserialize, Serialize};

use super::{DOCUMENT, Documents};
use crate::knowledge::stored;

/// Takes away what was read of a document that is still deleted.
#[derive(Debug, Serialize, Deserialize)]
struct RemoveChunks {
    document: Id,
}

impl Job for RemoveChunks {
    const NAME: &'static str = "documents.remove";
}

/// Removes the bytes of a document that is still deleted.
#[derive(Debug, Serialize, Deserialize)]
struct PurgeDocument {
    document: Id,
}

impl Job for PurgeDocument {
    const NAME: &'static str = "documents.purge";
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

pub(super) fn register(registry: Registry, documents: &Arc<Documents>) -> Registry {
    let documents = Arc::clone(documents);
    let registry = registry.on(move |job: RemoveChunks, attempt| {
        let documents = Arc::clone(&documents);
        async move {
            while attempt.write(async |db| remove_some(db, job.document).await).await? {
                tokio::task::yield_now().await;
            }
            // Since the deletion the document has a run that has no vectors, or one that brought it back.
            let state = attempt.read(async |db| stored::state(db, job.document).await).await?;
            let run = state.map(|state| state.run_id);
            documents.forget_elsewhere(&attempt, (job.document, run)).await?;
            attempt.write(async |db| jobs::finish(&attempt, db).await).await.map_err(Into::into)
        }
    });
    registry.on(|job: PurgeDocument, attempt| async move {
        attempt
            .write(async |db| {
                purge(&attempt, db, job.document).await?;
                jobs::finish(&attempt, db).await
            })
            .await
            .map_err(Into::into)
    })
}

/// A document was deleted: whoever is reading it stops, and nobody finds it.
pub(super) async fn begin(desk: Desk<'_>, document: Id) -> Result<()> {
    let Desk { ctx, db, .. } = desk;
    stored::begin(db, document, ctx.new_id()).await?;
    stored::go_live(db, document, None).await?;
    jobs::enqueue(ctx, db, &RemoveChunks { document })?;
    let due = ctx.now().plus_seconds(kept_seconds(ctx)?);
    jobs::enqueue_at(ctx, db, &PurgeDocument { document }, due).map(drop)
}

/// Has taken away what stands elsewhere of a document that counts no more.
pub(super) fn chunks(ctx: &Ctx, db: &Write, document: Id) -> Result<()> {
    jobs::enqueue(ctx, db, &RemoveChunks { document }).map(drop)
}

fn kept_seconds(ctx: &Ctx) -> Result<i64> {
    let kept: Kept = ctx.app.settings.section("files")?;
    Ok(kept.deleted_seconds)
}

async fn row(db: &Read, document: Id) -> Result<Option<Row>> {
    db.first(Select::from(DOCUMENT.plural).whose("id", document)).await
}

/// Deletes some chunks, unless somebody brought the document back; says whether there may be more.
async fn remove_some(db: &Write, document: Id) -> Result<bool> {
    let is_there = row(db, document).await?.is_some_and(|row| row.deleted_at.is_none());
    if is_there { Ok(false) } else { stored::delete_some(db, document, None).await }
}

async fn purge(ctx: &Ctx, db: &Write, document: Id) -> Result<()> {
    let Some(row) = row(db, document).await? else { return Ok(()) };
    // One that was restored and deleted again has a later job.
    let end = ctx.now().plus_seconds(-kept_seconds(ctx)?);
    let (Some(content), Some(deleted)) = (row.content_id, row.deleted_at) else { return Ok(()) };
    if deleted > end {
        return Ok(());
    }
    let update = Update::table(DOCUMENT.plural).set("content_id", Value::Null);
    db.update(update.whose("id", document)).await?;
    storage::doom(ctx, db, content).await?;
    let event = Event {
        name: "document.purged".to_owned(),
        object: DOCUMENT.name,
        record: Some(document),
        changes: None,
        batch: None,
    };
    events::append(ctx, db, event).map(drop)
}
