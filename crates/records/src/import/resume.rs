//! Imports of the command line that were interrupted: nobody runs them again but who asks for the same once more.

use std::{fs::Metadata, path::Path, time::UNIX_EPOCH};

use kith_kernel::{Result, Time};
use kith_platform::Ctx;
use kith_store::{Condition, Select};

use super::{Imports, Stored, Wishes};
use crate::describe::Object;

impl Imports {
    /// The import that was to do the same with the same file and came to no end. The caller sees to it that no other
    /// process is at it.
    pub async fn interrupted(
        &self,
        ctx: &Ctx,
        object: &'static Object,
        (path, wishes): (&Path, &Wishes),
    ) -> Result<Option<Stored>> {
        // A dry run remembers what it would have stored, which is gone with its process.
        let Some(file) = path.metadata().ok().filter(|_| !wishes.dry_run) else { return Ok(None) };
        let unfinished = vec!["queued".into(), "running".into()];
        let select = Select::from("imports")
            .whose("object", object.name)
            .whose("path", path.display().to_string())
            .only(Condition::In("state", unfinished))
            .by("id", true);
        let found: Vec<Stored> = ctx.read(async |db| db.all(select).await).await?;
        let same = |stored: &Stored| stored.wishes.0 == *wishes && is_unchanged(&file, stored);
        Ok(found.into_iter().find(same))
    }
}

/// Whether the file is the one with which the import began, as far as its size and its time tell.
fn is_unchanged(file: &Metadata, stored: &Stored) -> bool {
    let changed = file.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let changed = changed.and_then(|since| i64::try_from(since.as_millis()).ok());
    let size = i64::try_from(file.len()).unwrap_or(i64::MAX);
    let is_older = changed.is_some_and(|at| Time::from_milliseconds(at) <= stored.created_at);
    is_older && (stored.plan.is_none() || stored.total_bytes == size)
}
