//! Credits: what the operator gives a tenant for calls by the operator's keys. A call is reserved at the most that it may
//! cost before it is made, and settled at what it did.

mod grant;
mod price;
mod reserve;
mod routes;

use kith_kernel::{Id, Result, Time};
use kith_store::{Migration, Read, Select, Step, Table, id, integer, text, time};
use serde::Deserialize;

pub use self::{
    grant::{Grant, give},
    routes::shown,
};
pub(crate) use self::{
    price::{Most, actual, longest, most},
    reserve::{Reservation, Wish, reserve, settle},
    routes::{routes, schemas},
};

/// Credits are ten-thousandths of a US dollar.
pub const PER_DOLLAR: i64 = 10_000;
/// A reservation that is still open after this is one of a process that ended: it stands at its estimate.
const LONGEST_CALL: i64 = 15 * 60_000;

pub(crate) fn migration() -> Migration {
    let grants = Table::of_tenant(
        "credit_grants",
        vec![
            integer("amount").required(),
            integer("remaining").required(),
            time("expires_at"),
            text("note"),
            time("created_at").required(),
        ],
    )
    .clustered();
    let entries = Table::of_tenant(
        "credit_entries",
        vec![
            time("created_at").required(),
            // What was reserved, and from which grants (JSON); then what it cost.
            integer("reserved").required(),
            text("taken").required(),
            integer("used"),
            text("capability").required(),
            id("member_id"),
            id("request_id"),
        ],
    )
    .clustered();
    Migration {
        name: "2026-11-22-gateway-credits",
        steps: vec![Step::Create(grants), Step::Create(entries)],
    }
}

/// Credits that were given at once.
#[derive(Debug, Clone, Deserialize)]
struct Stored {
    id: Id,
    amount: i64,
    remaining: i64,
    expires_at: Option<Time>,
    note: Option<String>,
    created_at: Time,
}

/// Whether a tenant was ever given any, and so has a limit.
pub(crate) async fn was_given_any(db: &Read) -> Result<bool> {
    db.exists(Select::from("credit_grants")).await
}

/// All that were given; what expires first is taken from first.
async fn all_grants(db: &Read) -> Result<Vec<Stored>> {
    let mut all: Vec<Stored> = db.all(Select::from("credit_grants").by("id", false)).await?;
    all.sort_by_key(|grant| (grant.expires_at.is_none(), grant.expires_at));
    Ok(all)
}

/// What may still be taken from.
async fn open(db: &Read, now: Time) -> Result<Vec<Stored>> {
    let mut all = all_grants(db).await?;
    all.retain(|grant| grant.expires_at.is_none_or(|at| at > now));
    Ok(all)
}
