//! Done jobs go after a week; failed ones stay.

use kith_kernel::{Id, Result, Time};
use kith_store::{Comparison, Condition, Delete, Select, Update, Write};
use serde::Deserialize;

use super::attempt::KEPT_SECONDS;
use crate::{App, Ctx};

/// No write deletes more than about so many jobs, and no sweep looks at more tenants.
const CHUNK: u64 = 200;

#[derive(Deserialize)]
struct Tenant {
    tenant_id: Id,
}

#[derive(Deserialize)]
struct Old {
    finished_at: Time,
}

/// Deletes what is old, of the tenants whose oldest done job may be.
pub(super) async fn sweep(app: &App) -> Result<()> {
    let due = Condition::Compare("due", Comparison::LessOrEqual, app.clock.now().into());
    let select = Select::from("job_pruning").only(due).by("due", false).at_most(CHUNK);
    let tenants: Vec<Tenant> = app
        .db
        .read_everywhere("whose done jobs may be old", async |db| db.all(select).await)
        .await?;
    for tenant in tenants {
        let ctx = app.as_system(tenant.tenant_id);
        while app.db.write(&ctx.actor, async |db| prune(&ctx, db).await).await? {}
    }
    Ok(())
}

/// Deletes a chunk; says whether there is more.
async fn prune(ctx: &Ctx, db: &Write) -> Result<bool> {
    let done = || Select::from("jobs").whose("state", "done").by("finished_at", false);
    let before =
        |time: Time| Condition::Compare("finished_at", Comparison::LessOrEqual, time.into());
    let limit = ctx.now().plus_seconds(-KEPT_SECONDS);
    let old: Vec<Old> = db.all(done().only(before(limit)).at_most(CHUNK)).await?;
    if let Some(last) = old.last() {
        // Jobs of the same millisecond go together.
        let delete = Delete::from("jobs").whose("state", "done").only(before(last.finished_at));
        db.delete(delete).await?;
    }
    let more = old.len() as u64 == CHUNK;
    if !more {
        let oldest: Option<Old> = db.first(done()).await?;
        let oldest = oldest.map_or_else(|| ctx.now(), |old| old.finished_at);
        let update = Update::table("job_pruning").set("due", oldest.plus_seconds(KEPT_SECONDS));
        db.everywhere("when to look at a tenant's done jobs again")
            .update(update.whose("tenant_id", ctx.actor.tenant))
            .await?;
    }
    Ok(more)
}
