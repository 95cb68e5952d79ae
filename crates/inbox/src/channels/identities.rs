//! Identities: which channels something that comes in may be for, before any tenant is known.
//!
//! Several channels may claim the same number or page; the one whose secret signed what came in has it. So nobody keeps
//! another from receiving by claiming what is not theirs.

use kith_kernel::{Id, Result};
use kith_store::{
    Db, Delete, Insert, Migration, Select, Step, Table, Write, bytes, id, text, time,
};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use kith_kernel::Time;

const TABLE: &str = "channel_identities";
const WHY: &str = "which channel is meant must be known before its tenant is";
/// No more channels than this are tried for one identity, the oldest first.
const MOST: u64 = 20;

/// What a value identifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Identity {
    /// What the far side calls the channel: a number's id, a page, an address.
    Own,
    /// A token with which the far side asks whether the webhook is meant.
    VerifyToken,
    /// The channel's own id.
    Channel,
}

impl Identity {
    const fn name(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::VerifyToken => "verify_token",
            Self::Channel => "channel",
        }
    }
}

/// A channel that may be meant.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Claim {
    pub(crate) tenant_id: Id,
    pub(crate) channel_id: Id,
}

pub(super) fn migration() -> Migration {
    let identities = Table::of_platform(
        TABLE,
        &["kind", "hash", "tenant_id", "channel_id"],
        vec![
            text("kind").required(),
            bytes("hash").required(),
            id("tenant_id").required(),
            id("channel_id").required(),
            time("claimed_at").required(),
        ],
    )
    .index(&["tenant_id", "channel_id"]);
    Migration {
        name: "2026-12-01-inbox-3-channel-identities",
        steps: vec![Step::Create(identities)],
    }
}

fn hash(identity: Identity, of: &str, value: &str) -> Vec<u8> {
    Sha256::digest(format!("{} {of} {value}", identity.name())).to_vec()
}

/// Notes what a channel is known by, instead of what it was.
pub(super) async fn claim(
    db: &Write,
    channel: Id,
    at: Time,
    claims: &[(Identity, &str, &str)],
) -> Result<()> {
    forget(db, channel).await?;
    let outside = db.everywhere(WHY);
    for (identity, of, value) in claims {
        let row = vec![
            ("kind", identity.name().into()),
            ("hash", hash(*identity, of, value).into()),
            ("tenant_id", db.actor().tenant.into()),
            ("channel_id", channel.into()),
            ("claimed_at", at.into()),
        ];
        outside.append(Insert::row(TABLE, row))?;
    }
    Ok(())
}

/// The channel is known by nothing any more.
pub(super) async fn forget(db: &Write, channel: Id) -> Result<()> {
    let own =
        Delete::from(TABLE).whose("tenant_id", db.actor().tenant).whose("channel_id", channel);
    db.everywhere(WHY).delete(own).await.map(drop)
}

/// The channels that claim a value, the oldest first. `of` is the kind of channel.
pub(crate) async fn find(
    db: &Db,
    identity: Identity,
    (of, value): (&str, &str),
) -> Result<Vec<Claim>> {
    let select = Select::from(TABLE)
        .whose("kind", identity.name())
        .whose("hash", hash(identity, of, value))
        .by("claimed_at", false)
        .at_most(MOST);
    db.read_everywhere(WHY, async |db| db.all(select).await).await
}
