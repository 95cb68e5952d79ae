//! Passwords: how they are kept, and how a forgotten one is replaced.

mod hashes;
mod migrations;
mod reset;
mod routes;

use kith_kernel::{Id, Result, Time};
use kith_store::{Comparison, Condition, Insert, Read, Select, Update, Write, equals};
use serde::Deserialize;

pub(crate) use hashes::{Passwords, Verdict};
pub(crate) use migrations::migration;
pub(crate) use routes::{routes, schemas};

use crate::secrets;

const WHY: &str = "a password belongs to a user, who stands outside of any tenant";

/// A reset that was asked for.
#[derive(Debug, Clone, Deserialize)]
struct Reset {
    user_id: Id,
    expires_at: Time,
    used_at: Option<Time>,
}

async fn add(db: &Write, user: Id, token: &str, expires_at: Time) -> Result<()> {
    let row = Insert::row(
        "password_resets",
        vec![
            ("token_hash", secrets::hash(token).to_vec().into()),
            ("user_id", user.into()),
            ("expires_at", expires_at.into()),
        ],
    );
    db.everywhere(WHY).insert(row).await.map(drop)
}

async fn find(db: &Read, token: &str) -> Result<Option<Reset>> {
    let hash = secrets::hash(token).to_vec();
    db.everywhere(WHY).first(Select::from("password_resets").whose("token_hash", hash)).await
}

/// How many resets of a user expire after a time.
async fn count_after(db: &Read, user: Id, time: Time) -> Result<i64> {
    let after = Condition::Compare("expires_at", Comparison::Greater, time.into());
    db.everywhere(WHY)
        .count(Select::from("password_resets").whose("user_id", user).only(after))
        .await
}

/// Uses up a reset, and all others of its user with it; false when it was used already.
async fn use_up(db: &Write, token: &str, (user, now): (Id, Time)) -> Result<bool> {
    let unused =
        || Update::table("password_resets").set("used_at", now).only(Condition::Null("used_at"));
    let outside = db.everywhere(WHY);
    let mine = unused().whose("token_hash", secrets::hash(token).to_vec());
    if outside.update(mine).await? != 1 {
        return Ok(false);
    }
    outside.update(unused().only(equals("user_id", user))).await?;
    Ok(true)
}
