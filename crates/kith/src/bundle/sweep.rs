//! What a bundle left that did not become a tenant: a process died, or something was wrong with it.

use kith_identity::Arrival;
use kith_kernel::{Id, Result};
use kith_store::{Catalog, Comparison, Condition, Select};

use super::{Bundles, apart};
use crate::tables;

/// Where several processes share a database, a bundle is given up when it takes longer than this.
const LONGEST_SECONDS: i64 = 24 * 3_600;
/// Records of one look.
const AT_ONCE: u64 = 200;

/// Tenants that are expected and do not come any more.
pub(crate) async fn abandoned(bundles: &Bundles) -> Result<Vec<Id>> {
    // Where nobody else is at work, whoever expected them has died.
    let patience = if bundles.app.db.own()? { -1 } else { LONGEST_SECONDS };
    bundles.identity.arriving(bundles.app.clock.now().plus_seconds(-patience)).await
}

/// Clears them away, beside everything else.
pub(crate) fn sweep(bundles: &Bundles, tenants: Vec<Id>) {
    if tenants.is_empty() {
        return;
    }
    let bundles = bundles.clone();
    bundles.app.tasks.clone().start("tenants that never came", async move {
        let done = apart(async move || {
            for tenant in tenants {
                clear(&bundles, tenant).await?;
                tracing::info!(%tenant, "what came of a tenant that was never whole is cleared away");
            }
            Ok(())
        });
        if let Err(error) = done.await {
            tracing::warn!(?error, "a tenant could not be cleared away; it is tried at the next start");
        }
    });
}

/// Clears away what there is of a tenant that was never opened: bytes, words, rows. It may be done again.
pub(crate) async fn clear(bundles: &Bundles, tenant: Id) -> Result<()> {
    match bundles.identity.arrival(tenant).await? {
        Arrival::UnderWay => {}
        Arrival::Unknown | Arrival::Opened(_) => return Ok(()),
    }
    let ctx = bundles.app.as_system(tenant);
    for file in each(bundles, tenant, "stored_files").await? {
        bundles.storage.remove(tenant, file).await?;
    }
    for records in each(bundles, tenant, "anchors").await?.chunks(50) {
        ctx.write(async |db| {
            for record in records {
                db.unindex(*record).await?;
            }
            Ok(())
        })
        .await?;
    }
    let catalog = Catalog::of(&tables::migrations());
    bundles.app.db.clear_tenant(&catalog, tenant).await?;
    bundles.identity.forget_arrival(tenant).await
}

/// The ids of all rows of a table.
async fn each(bundles: &Bundles, tenant: Id, table: &'static str) -> Result<Vec<Id>> {
    let ctx = bundles.app.as_system(tenant);
    let (mut all, mut behind) = (Vec::new(), Id::NIL);
    loop {
        let next = Condition::Compare("id", Comparison::Greater, behind.into());
        let select = Select::from(table).show(&["id"]).only(next).by("id", false);
        let before = all.len();
        ctx.read(async |db| {
            db.each(&select.at_most(AT_ONCE), |row| {
                all.extend(row.id(0)?);
                Ok(())
            })
            .await
        })
        .await?;
        match all.last() {
            Some(last) if all.len() > before => behind = *last,
            Some(_) | None => return Ok(all),
        }
    }
}
