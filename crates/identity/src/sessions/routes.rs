//! Routes of sessions: log out, list, end.

use std::sync::Arc;

use kith_http::{Access, Answer, Call, Operation, Routes, schema};
use kith_kernel::{Actor, Id, Result, Time, not_found};
use serde::Serialize;
use serde_json::Value;

use super::{Session, end, find, of_user};
use crate::{Identity, caller::signed_in, cookies, pages::Page, with};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    id: Id,
    tenant_id: Option<Id>,
    created_at: Time,
    last_used_at: Time,
    expires_at: Time,
    address: Option<String>,
    agent: Option<String>,
    current: bool,
}

pub(crate) fn routes(identity: &Arc<Identity>) -> Routes {
    let logout = Operation::post("/api/auth/logout", "auth", "Ends this session.")
        .access(Access::User)
        .answers_nothing(204, "The session has ended.");
    let list = Operation::get("/api/auth/sessions", "auth", "Where you are signed in.")
        .access(Access::User)
        .answers(200, "All sessions, the newest first.", schema::page(schema::named("Session")));
    let ended = Operation::delete("/api/auth/sessions/{id}", "auth", "Ends one of your sessions.")
        .access(Access::User)
        .answers_nothing(204, "The session has ended.");
    Routes::new()
        .add(logout, with(identity, log_out))
        .add(list, with(identity, show_all))
        .add(ended, with(identity, end_one))
}

pub(crate) fn schemas() -> Vec<(String, Value)> {
    let session = schema::object(
        vec![
            ("id", schema::id()),
            ("tenantId", schema::nullable(schema::id())),
            ("createdAt", schema::time()),
            ("lastUsedAt", schema::time()),
            ("expiresAt", schema::time()),
            ("address", schema::nullable(schema::string())),
            ("agent", schema::nullable(schema::string())),
            ("current", schema::described(schema::boolean(), "The one that asks.")),
        ],
        &["id", "createdAt", "lastUsedAt", "expiresAt", "current"],
    );
    vec![("Session".to_owned(), session)]
}

async fn log_out(identity: Arc<Identity>, call: Call) -> Result<Answer> {
    let (_, session) = signed_in(&call.ctx)?;
    let ctx = &call.ctx;
    ctx.write(async |db| end(ctx, db, session, ("session.ended", "signed out")).await).await?;
    identity.forget();
    Ok(cookies::forget(Answer::nothing(), &identity.options))
}

async fn show_all(_: Arc<Identity>, call: Call) -> Result<Answer> {
    let (user, session) = signed_in(&call.ctx)?;
    let now = call.ctx.now();
    let all = call.ctx.read(async |db| of_user(db, user, now).await).await?;
    let data: Vec<Shown> = all.into_iter().map(|one| show(one, session)).collect();
    Answer::json(&Page { data, next_cursor: None, total: None })
}

fn show(session: Session, current: Id) -> Shown {
    let Session { id, tenant_id, created_at, last_used_at, expires_at, address, agent, .. } =
        session;
    let current = id == current;
    Shown { id, tenant_id, created_at, last_used_at, expires_at, address, agent, current }
}

async fn end_one(identity: Arc<Identity>, call: Call) -> Result<Answer> {
    let (user, _) = signed_in(&call.ctx)?;
    let (id, now) = (call.id("id")?, call.ctx.now());
    let found = call.ctx.read(async |db| find(db, id, now).await).await?;
    let session = found.filter(|one| one.user_id == user).ok_or_else(|| not_found("session"))?;
    // The event belongs to the tenant in which that session was.
    let (tenant, member) = (session.tenant_id.unwrap_or_default(), session.member_id);
    let there = Actor { tenant, member, ..call.ctx.actor.clone() };
    let ctx = call.ctx.app.on_behalf_of(there);
    ctx.write(async |db| end(&ctx, db, id, ("session.ended", "ended by its user")).await).await?;
    identity.forget();
    Ok(Answer::nothing())
}
