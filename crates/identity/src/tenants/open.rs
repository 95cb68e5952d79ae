//! Tenants that are served: for what is read by a proof of its own, without anybody who is signed in.

use std::{pin::Pin, sync::Arc};

use kith_kernel::{Actor, Id, Result, not_found};

use super::{Status, find, suspended};
use crate::Identity;

/// Acts for the house in a tenant; an error for one that is not served.
pub type OpenTenant =
    Arc<dyn Fn(Id) -> Pin<Box<dyn Future<Output = Result<Actor>> + Send>> + Send + Sync>;

/// Acts for the house in a tenant; an error for one that is not served.
pub fn open_tenant(identity: &Arc<Identity>) -> OpenTenant {
    let identity = Arc::clone(identity);
    Arc::new(move |tenant| {
        let app = identity.app.clone();
        Box::pin(async move {
            let ctx = app.as_system(tenant);
            let found = ctx.read(async |db| find(db, tenant).await).await?;
            let found = found.ok_or_else(|| not_found("tenant"))?;
            match found.status {
                Status::Active => {
                    let (currency, zone) = (found.currency, found.zone());
                    Ok(Actor { currency, zone, ..ctx.actor })
                }
                Status::Suspended => Err(suspended()),
                Status::System => Err(not_found("tenant")),
            }
        })
    })
}

/// Finds the short name of a tenant.
pub type NameOfTenant =
    Arc<dyn Fn(Id) -> Pin<Box<dyn Future<Output = Result<Option<String>>> + Send>> + Send + Sync>;

/// The short name that a tenant goes by; none where there is no such tenant.
pub fn name_of_tenant(identity: &Arc<Identity>) -> NameOfTenant {
    let identity = Arc::clone(identity);
    Arc::new(move |tenant| {
        let app = identity.app.clone();
        Box::pin(async move {
            let found = app.as_system(tenant).read(async |db| find(db, tenant).await).await?;
            Ok(found.map(|tenant| tenant.slug))
        })
    })
}
