//! API keys: access to Kith for programs, on behalf of the member who made them.

mod make;
mod migrations;
mod routes;
pub(crate) mod scopes;

use kith_kernel::{Id, Result, Role, Time};
use kith_store::{Condition, Json, Read, Select};
use serde::Deserialize;

pub(crate) use migrations::migration;
pub(crate) use routes::{routes, schemas};

use crate::pages::Paging;

/// What every key begins with, so that people and scanners know one when they see it.
pub(crate) const PREFIX: &str = "kith_";

/// A key as it is stored: without the key.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ApiKey {
    pub(crate) id: Id,
    pub(crate) name: String,
    pub(crate) prefix: String,
    pub(crate) scopes: Json<Vec<String>>,
    pub(crate) role: Role,
    pub(crate) member_id: Id,
    pub(crate) requests_per_minute: Option<u32>,
    pub(crate) expires_at: Option<Time>,
    pub(crate) last_used_at: Option<Time>,
    pub(crate) created_at: Time,
}

fn living() -> Select {
    Select::from("api_keys").only(Condition::Null("revoked_at"))
}

/// The key, when it was not revoked.
pub(crate) async fn find(db: &Read, id: Id) -> Result<Option<ApiKey>> {
    db.first(living().whose("id", id)).await
}

async fn page(db: &Read, paging: &Paging) -> Result<(Vec<ApiKey>, Option<i64>)> {
    paging.read(db, living()).await
}
