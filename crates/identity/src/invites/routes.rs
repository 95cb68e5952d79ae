//! Routes of invites.

use std::sync::Arc;

use kith_http::{Access, Answer, Call, Idempotency, LimitClass, Operation, Routes, schema};
use kith_kernel::{Id, Result, Role, Time};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Invite, InviteStatus, page};
use crate::{
    Identity,
    pages::{Paging, listed},
    sign_in::{self, SIGNED_IN},
    with,
};

#[derive(Deserialize)]
struct NewInvite {
    email: String,
    role: Option<String>,
}

#[derive(Deserialize)]
struct Accept {
    name: Option<String>,
    password: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    id: Id,
    email: String,
    role: Role,
    status: InviteStatus,
    invited_by: Option<Id>,
    expires_at: Time,
    accepted_at: Option<Time>,
    created_at: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Preview {
    tenant_name: String,
    email: String,
    role: Role,
    expires_at: Time,
}

pub(crate) fn routes(identity: &Arc<Identity>) -> Routes {
    let list = Operation::get("/api/invites", "invites", "Invites, whatever became of them.")
        .role(Role::Admin)
        .answers(200, "A page of invites.", schema::page(schema::named("Invite")));
    let send = "Invites an address by mail, in place of its invite before.";
    let send = Operation::post("/api/invites", "invites", send)
        .role(Role::Admin)
        .idempotency(Idempotency::Refused)
        .typed_body::<NewInvite>(new_schema())
        .answers(201, "The invite, with its token this once.", schema::named("Invite"));
    let revoke = Operation::delete("/api/invites/{id}", "invites", "Takes an invite back.")
        .role(Role::Admin)
        .answers_nothing(204, "It can no longer be accepted.");
    let preview = "What an invite is for; its token is the only proof.";
    let preview = Operation::get("/api/invites/{token}/preview", "invites", preview)
        .access(Access::Public)
        .answers(200, "The invite.", schema::named("InvitePreview"));
    let accept = "Accepts: somebody new gives a password; who has an account signs in or gives its password.";
    let accept = Operation::post("/api/invites/{token}/accept", "invites", accept)
        .access(Access::Public)
        .limit(LimitClass::Auth)
        .idempotency(Idempotency::Refused)
        .typed_body::<Accept>(accept_schema())
        .answers(200, "Signed in to the tenant.", schema::named(SIGNED_IN))
        .refuses(401, "The address has an account.")
        .refuses(403, "The tenant is suspended.");
    Routes::new()
        .add(listed(list), with(identity, show_all))
        .add(send, with(identity, create))
        .add(revoke, with(identity, revoke_one))
        .add(preview, with(identity, show_preview))
        .add(accept, with(identity, accept_one))
}

fn role() -> Value {
    schema::one_of(&Role::ALL.map(Role::name))
}

fn new_schema() -> Value {
    let role = schema::described(schema::nullable(role()), "member, unless said.");
    schema::object(vec![("email", schema::format("email")), ("role", role)], &["email"])
}

fn accept_schema() -> Value {
    let text = || schema::nullable(schema::string());
    schema::object(vec![("name", text()), ("password", text())], &[])
}

pub(crate) fn schemas() -> Vec<(String, Value)> {
    let status = schema::one_of(&["pending", "accepted", "revoked", "expired"]);
    let token = schema::described(schema::string(), "Only where it was just made.");
    let invite = schema::object(
        vec![
            ("id", schema::id()),
            ("email", schema::string()),
            ("role", role()),
            ("status", status),
            ("invitedBy", schema::nullable(schema::id())),
            ("expiresAt", schema::time()),
            ("acceptedAt", schema::nullable(schema::time())),
            ("createdAt", schema::time()),
            ("token", token),
        ],
        &["id", "email", "role", "status", "expiresAt", "createdAt"],
    );
    let preview = schema::object(
        vec![
            ("tenantName", schema::string()),
            ("email", schema::string()),
            ("role", role()),
            ("expiresAt", schema::time()),
        ],
        &["tenantName", "email", "role", "expiresAt"],
    );
    vec![("Invite".to_owned(), invite), ("InvitePreview".to_owned(), preview)]
}

fn show(invite: Invite, now: Time, token: Option<String>) -> Shown {
    Shown {
        status: invite.status(now),
        id: invite.id,
        email: invite.email,
        role: invite.role,
        invited_by: invite.invited_by,
        expires_at: invite.expires_at,
        accepted_at: invite.accepted_at,
        created_at: invite.created_at,
        token,
    }
}

async fn show_all(_: Arc<Identity>, call: Call) -> Result<Answer> {
    let (paging, now) = (Paging::of(&call.query()?)?, call.ctx.now());
    let rows = call.ctx.read(async |db| page(db, &paging).await).await?;
    Answer::json(&paging.page(rows, |invite| invite.id).map(|invite| show(invite, now, None)))
}

async fn create(identity: Arc<Identity>, mut call: Call) -> Result<Answer> {
    let NewInvite { email, role } = call.parse().await?;
    let (invite, token) = identity.invite(&call.ctx, &email, role.as_deref()).await?;
    let location = format!("/api/invites/{}", invite.id);
    Ok(Answer::json(&show(invite, call.ctx.now(), Some(token)))?.created(&location))
}

async fn revoke_one(identity: Arc<Identity>, call: Call) -> Result<Answer> {
    identity.revoke_invite(&call.ctx, call.id("id")?).await?;
    Ok(Answer::nothing())
}

async fn show_preview(identity: Arc<Identity>, call: Call) -> Result<Answer> {
    let open = identity.open_invite(&call.ctx, call.path("token")).await?;
    Answer::json(&Preview {
        tenant_name: open.tenant.name,
        email: open.invite.email,
        role: open.invite.role,
        expires_at: open.invite.expires_at,
    })
}

async fn accept_one(identity: Arc<Identity>, mut call: Call) -> Result<Answer> {
    let Accept { name, password } = call.parse().await?;
    let token = call.path("token");
    let (name, password) = (name.as_deref(), password.as_deref());
    let entered = identity.accept(&call, (token, name), password).await?;
    sign_in::welcome(&identity, &call, &entered)
}
