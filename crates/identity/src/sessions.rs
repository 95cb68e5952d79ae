//! Sessions: one for each sign-in, with the refresh tokens that keep it alive.

mod migrations;
mod open;
mod routes;

use kith_kernel::{Id, Result, Time};
use kith_platform::Ctx;
use kith_store::{Comparison, Condition, Delete, Insert, Read, Select, Update, Write, equals};
use serde::Deserialize;
use serde_json::json;

pub(crate) use migrations::migration;
pub(crate) use routes::{routes, schemas};

use crate::{Identity, events, secrets};

const WHY: &str = "sessions belong to users, who stand outside of any tenant";

/// A sign-in that may still be good.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Session {
    pub(crate) id: Id,
    pub(crate) user_id: Id,
    pub(crate) tenant_id: Option<Id>,
    pub(crate) member_id: Option<Id>,
    pub(crate) created_at: Time,
    pub(crate) last_used_at: Time,
    pub(crate) expires_at: Time,
    pub(crate) address: Option<String>,
    pub(crate) agent: Option<String>,
}

/// What keeps a session alive, once.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct RefreshToken {
    pub(crate) session_id: Id,
    pub(crate) tenant_id: Option<Id>,
    pub(crate) used_at: Option<Time>,
    pub(crate) expires_at: Time,
}

fn living(now: Time) -> Condition {
    Condition::All(vec![
        Condition::Null("revoked_at"),
        Condition::Compare("expires_at", Comparison::Greater, now.into()),
    ])
}

/// The session, when it was neither ended nor left to expire.
pub(crate) async fn find(db: &Read, id: Id, now: Time) -> Result<Option<Session>> {
    let select = Select::from("sessions").whose("id", id).only(living(now));
    db.everywhere(WHY).first(select).await
}

/// The living sessions of a user, the newest first.
pub(crate) async fn of_user(db: &Read, user: Id, now: Time) -> Result<Vec<Session>> {
    let select = Select::from("sessions").whose("user_id", user).only(living(now)).by("id", true);
    db.everywhere(WHY).all(select).await
}

async fn insert(db: &Write, row: Insert) -> Result<()> {
    db.everywhere(WHY).insert(row).await.map(drop)
}

/// Keeps a session alive; false when it has ended.
pub(crate) async fn keep(db: &Write, session: Id, (now, until): (Time, Time)) -> Result<bool> {
    let update = Update::table("sessions").set("last_used_at", now).set("expires_at", until);
    let update = update.whose("id", session).only(living(now));
    Ok(db.everywhere(WHY).update(update).await? == 1)
}

/// The session has gone on to the tenant for which `ctx` acts.
async fn move_here(ctx: &Ctx, db: &Write, session: Id) -> Result<()> {
    let update = Update::table("sessions")
        .set("tenant_id", ctx.actor.tenant)
        .set("member_id", ctx.actor.member)
        .whose("id", session);
    db.everywhere(WHY).update(update).await.map(drop)
}

pub(crate) async fn refresh_token(db: &Read, token: &str) -> Result<Option<RefreshToken>> {
    let hash = secrets::hash(token).to_vec();
    db.everywhere(WHY).first(Select::from("refresh_tokens").whose("token_hash", hash)).await
}

/// Uses a refresh token; false when it was used already.
pub(crate) async fn use_up(db: &Write, token: &str, now: Time) -> Result<bool> {
    let update = Update::table("refresh_tokens")
        .set("used_at", now)
        .whose("token_hash", secrets::hash(token).to_vec())
        .only(Condition::Null("used_at"));
    Ok(db.everywhere(WHY).update(update).await? == 1)
}

/// Ends a session that is still alive, with an event in the tenant for which `ctx` acts.
pub(crate) async fn end(
    ctx: &Ctx,
    db: &Write,
    session: Id,
    (event, why): (&'static str, &'static str),
) -> Result<()> {
    let now = ctx.now();
    let update = Update::table("sessions").set("revoked_at", now).whose("id", session);
    if db.everywhere(WHY).update(update.only(living(now))).await? == 1 {
        let after = json!({ "after": { "why": why } });
        events::note(ctx, db, event, (Some(session), after))?;
    }
    Ok(())
}

/// Ends the sessions that a user has in the tenant for which `ctx` acts.
pub(crate) async fn end_here(ctx: &Ctx, db: &Write, user: Id) -> Result<()> {
    for session in of_user(db, user, ctx.now()).await? {
        if session.tenant_id == Some(ctx.actor.tenant) {
            end(ctx, db, session.id, ("session.ended", "deactivated")).await?;
        }
    }
    Ok(())
}

/// Ends all sessions of a user; says how many there were.
pub(crate) async fn end_all(db: &Write, user: Id, now: Time) -> Result<u64> {
    let update = Update::table("sessions").set("revoked_at", now).only(equals("user_id", user));
    db.everywhere(WHY).update(update.only(living(now))).await
}

impl Identity {
    /// Forgets sessions and tokens that expired some time ago; for a job that runs now and then.
    pub async fn sweep(&self) -> Result<()> {
        const DAYS_KEPT: i64 = 30;
        let ctx = self.app.as_system(Id::NIL);
        let before = ctx.now().plus_seconds(-DAYS_KEPT * 86_400);
        let expired = || Condition::Compare("expires_at", Comparison::Less, before.into());
        ctx.write(async |db| {
            let outside = db.everywhere(WHY);
            // Tokens never outlive their session, which they point at.
            for table in ["refresh_tokens", "sessions", "password_resets"] {
                outside.delete(Delete::from(table).only(expired())).await?;
            }
            Ok(())
        })
        .await
    }
}
