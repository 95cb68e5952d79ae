//! Removing files: the bytes first, then the row, as often as it takes.

use kith_kernel::{Id, Result};
use kith_store::{Delete, Select, Update, Write};
use serde::{Deserialize, Serialize};

use super::{State, Storage, Stored};
use crate::{
    Ctx, crash,
    jobs::{self, Job, Registry, Retry},
};

/// What arrives has arrived by then.
const ARRIVED_SECONDS: i64 = 86_400;
/// Files that are looked for at once.
const AT_ONCE: u64 = 100;

/// The job that removes a file which nobody keeps.
#[derive(Debug, Serialize, Deserialize)]
struct RemoveStored {
    file: Id,
}

impl Job for RemoveStored {
    const NAME: &'static str = "storage.remove";
    // About two weeks: a place that cannot be reached for so long is missed otherwise too.
    const RETRY: Retry =
        Retry { attempts: 70, first_pause_seconds: 5, longest_pause_seconds: 6 * 3600 };
}

pub(super) fn register(registry: Registry, storage: &Storage) -> Registry {
    let storage = storage.clone();
    registry.on(move |job: RemoveStored, attempt| {
        let storage = storage.clone();
        async move { Ok(remove(&storage, &attempt, job.file).await?) }
    })
}

/// Has a file removed that nothing names any more.
pub(super) fn enqueue(ctx: &Ctx, db: &Write, file: Id) -> Result<()> {
    jobs::enqueue(ctx, db, &RemoveStored { file }).map(drop)
}

/// Has a file removed when it should have arrived, and nobody keeps it.
pub(super) fn enqueue_later(ctx: &Ctx, db: &Write, file: Id) -> Result<()> {
    let due = ctx.now().plus_seconds(ARRIVED_SECONDS);
    jobs::enqueue_at(ctx, db, &RemoveStored { file }, due).map(drop)
}

/// Removes a file, unless it is kept.
pub(super) async fn remove(storage: &Storage, ctx: &Ctx, file: Id) -> Result<()> {
    let found = ctx
        .write(async |db| {
            // From here on nobody can keep it.
            let update = Update::table("stored_files").set("state", "doomed").whose("id", file);
            db.update(update.whose("state", "arriving")).await?;
            db.first::<Stored>(Select::from("stored_files").whose("id", file)).await
        })
        .await?;
    let Some(stored) = found.filter(|stored| stored.state == State::Doomed) else { return Ok(()) };
    if stored.sha256.is_empty() {
        storage.abandon(ctx.actor.tenant, file).await?;
    }
    take_away(storage, ctx, file).await
}

async fn take_away(storage: &Storage, ctx: &Ctx, file: Id) -> Result<()> {
    storage.remove(ctx.actor.tenant, file).await?;
    crash::point("file.removed");
    let delete = Delete::from("stored_files").whose("id", file).whose("state", "doomed");
    ctx.write(async |db| db.delete(delete).await.map(drop)).await
}

/// Removes every file of the tenant that nothing names.
pub(super) async fn remove_doomed(storage: &Storage, ctx: &Ctx) -> Result<()> {
    let select = Select::from("stored_files").whose("state", "doomed").by("id", false);
    loop {
        let select = select.clone().at_most(AT_ONCE);
        let doomed: Vec<Stored> = ctx.read(async |db| db.all(select).await).await?;
        if doomed.is_empty() {
            return Ok(());
        }
        for file in doomed {
            take_away(storage, ctx, file.id).await?;
        }
    }
}
