//! Invites: a link by mail, good once and for seven days, that makes somebody a member.

mod accept;
mod migrations;
mod routes;
mod send;

use kith_kernel::{Id, Result, Role, Time};
use kith_store::{Comparison, Condition, Read, Select};
use serde::{Deserialize, Serialize};

pub(crate) use migrations::migration;
pub(crate) use routes::{routes, schemas};

use crate::pages::Paging;

/// An invite as it is stored: without its token; the address in small letters.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Invite {
    pub(crate) id: Id,
    pub(crate) email: String,
    pub(crate) role: Role,
    pub(crate) invited_by: Option<Id>,
    pub(crate) expires_at: Time,
    pub(crate) accepted_at: Option<Time>,
    pub(crate) revoked_at: Option<Time>,
    pub(crate) created_at: Time,
}

/// What has become of an invite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum InviteStatus {
    Pending,
    Accepted,
    Revoked,
    Expired,
}

impl Invite {
    pub(crate) fn status(&self, now: Time) -> InviteStatus {
        if self.accepted_at.is_some() {
            InviteStatus::Accepted
        } else if self.revoked_at.is_some() {
            InviteStatus::Revoked
        } else if self.expires_at <= now {
            InviteStatus::Expired
        } else {
            InviteStatus::Pending
        }
    }
}

fn pending(now: Time) -> Condition {
    Condition::All(vec![
        Condition::Null("accepted_at"),
        Condition::Null("revoked_at"),
        Condition::Compare("expires_at", Comparison::Greater, now.into()),
    ])
}

async fn find(db: &Read, id: Id) -> Result<Option<Invite>> {
    db.first(Select::from("invites").whose("id", id)).await
}

async fn page(db: &Read, paging: &Paging) -> Result<(Vec<Invite>, Option<i64>)> {
    paging.read(db, Select::from("invites")).await
}

/// The invites to an address that can still be accepted.
async fn pending_to(db: &Read, email: &str, now: Time) -> Result<Vec<Invite>> {
    db.all(Select::from("invites").whose("email", email).only(pending(now))).await
}
