//! Lookups: which tenant a secret belongs to, before any tenant is known.

use kith_kernel::{Id, Result};
use kith_store::{Delete, Insert, Migration, Read, Select, Step, Table, Write, bytes, id, text};
use serde::Deserialize;

const WHY: &str = "whose secret it is must be known before its tenant is";

/// What kind of secret it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lookup {
    ApiKey,
    Invite,
    CalendarFeed,
}

impl Lookup {
    const fn name(self) -> &'static str {
        match self {
            Self::ApiKey => "api_key",
            Self::Invite => "invite",
            Self::CalendarFeed => "calendar_feed",
        }
    }
}

/// What a secret stands for.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Target {
    pub(crate) tenant_id: Id,
    pub(crate) id: Id,
}

pub(crate) fn migration() -> Migration {
    let lookups = Table::of_platform(
        "lookups",
        &["kind", "hash"],
        vec![
            text("kind").required(),
            bytes("hash").required(),
            id("tenant_id").required(),
            id("id").required(),
        ],
    )
    .index(&["tenant_id", "id"])
    .clustered();
    Migration { name: "2026-11-21-identity-5-lookups", steps: vec![Step::Create(lookups)] }
}

/// Notes that a secret stands for something of the actor's tenant.
pub(crate) async fn add(db: &Write, kind: Lookup, hash: &[u8; 32], id: Id) -> Result<()> {
    let row = Insert::row(
        "lookups",
        vec![
            ("kind", kind.name().into()),
            ("hash", hash.to_vec().into()),
            ("tenant_id", db.actor().tenant.into()),
            ("id", id.into()),
        ],
    );
    db.everywhere(WHY).insert(row).await.map(drop)
}

pub(crate) async fn find(db: &Read, kind: Lookup, hash: &[u8; 32]) -> Result<Option<Target>> {
    let select = Select::from("lookups").whose("kind", kind.name()).whose("hash", hash.to_vec());
    db.everywhere(WHY).first(select).await
}

/// The secret stands for nothing any more.
pub(crate) async fn remove(db: &Write, kind: Lookup, id: Id) -> Result<()> {
    let gone = Delete::from("lookups")
        .whose("kind", kind.name())
        .whose("tenant_id", db.actor().tenant)
        .whose("id", id);
    db.everywhere(WHY).delete(gone).await.map(drop)
}
