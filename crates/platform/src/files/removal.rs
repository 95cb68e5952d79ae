//! Removing files: piece by piece, and a day after their begin where nobody did it before.

use kith_kernel::{Id, Result};
use kith_store::{Comparison, Condition, Delete, Select, Write};
use serde::{Deserialize, Serialize};

use crate::{
    Ctx,
    jobs::{self, Job, Registry},
};

/// Pieces that one write deletes.
const PIECES: u64 = 8;
/// What was uploaded for a purpose has served it by then.
const KEPT_SECONDS: i64 = 86_400;

/// The job that removes a file that was uploaded for a purpose.
#[derive(Debug, Serialize, Deserialize)]
struct RemoveFile {
    file: Id,
}

impl Job for RemoveFile {
    const NAME: &'static str = "file.remove";
}

/// Adds the job that removes files.
pub fn register(registry: Registry) -> Registry {
    registry.on(async |job: RemoveFile, attempt| Ok(remove(&attempt, job.file).await?))
}

/// Has a file removed when its time is over.
pub(super) fn remove_later(ctx: &Ctx, db: &Write, file: Id) -> Result<()> {
    let due = ctx.now().plus_seconds(KEPT_SECONDS);
    jobs::enqueue_at(ctx, db, &RemoveFile { file }, due).map(drop)
}

#[derive(Deserialize)]
struct Begin {
    start: i64,
}

/// Removes a file that has served its purpose.
pub async fn discard(ctx: &Ctx, file: Id) {
    if let Err(error) = remove(ctx, file).await {
        tracing::warn!(?error, %file, "a file could not be removed; if it was uploaded, it is within a day");
    }
}

/// Removes a file, if it is there. Each write deletes a few pieces, so that whoever waits behind it does not wait long.
async fn remove(ctx: &Ctx, file: Id) -> Result<()> {
    while ctx.write(async |db| remove_some(db, file).await).await? {}
    Ok(())
}

/// Says whether there may be more.
async fn remove_some(db: &Write, file: Id) -> Result<bool> {
    let select = Select::from("file_pieces").whose("file_id", file).by("start", false);
    let some: Vec<Begin> = db.all(select.at_most(PIECES)).await?;
    let Some(last) = some.last() else {
        db.delete(Delete::from("files").whose("id", file)).await?;
        return Ok(false);
    };
    let up_to = Condition::Compare("start", Comparison::LessOrEqual, last.start.into());
    db.delete(Delete::from("file_pieces").whose("file_id", file).only(up_to)).await?;
    Ok(true)
}
