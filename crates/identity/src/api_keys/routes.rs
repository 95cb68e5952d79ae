//! Routes of API keys.

use std::sync::Arc;

use kith_http::{Answer, Call, Idempotency, Operation, Routes, schema};
use kith_kernel::{Id, Result, Role, Time};
use serde::Serialize;
use serde_json::Value;

use super::{ApiKey, make::NewKey, page};
use crate::{
    Identity,
    pages::{Paging, listed},
    with,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    id: Id,
    name: String,
    prefix: String,
    scopes: Vec<String>,
    role: Role,
    member_id: Id,
    requests_per_minute: Option<u32>,
    expires_at: Option<Time>,
    last_used_at: Option<Time>,
    created_at: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

pub(crate) fn routes(identity: &Arc<Identity>) -> Routes {
    let list =
        Operation::get("/api/api-keys", "api-keys", "The tenant's API keys, without the keys.")
            .role(Role::Admin)
            .answers(200, "A page of keys.", schema::page(schema::named("ApiKey")));
    let make =
        Operation::post("/api/api-keys", "api-keys", "Makes a key, which is shown this once.")
            .role(Role::Admin)
            .idempotency(Idempotency::Refused)
            .typed_body::<NewKey>(new_schema())
            .answers(201, "The key, in `key`, this once.", schema::named("ApiKey"));
    let revoke = Operation::delete("/api/api-keys/{id}", "api-keys", "Revokes a key at once.")
        .role(Role::Admin)
        .answers_nothing(204, "The key is good for nothing any more.");
    Routes::new()
        .add(listed(list), with(identity, show_all))
        .add(make, with(identity, create))
        .add(revoke, with(identity, revoke_one))
}

fn role() -> Value {
    schema::one_of(&Role::ALL.map(Role::name))
}

fn new_schema() -> Value {
    let scopes = schema::list(schema::string());
    schema::object(
        vec![
            ("name", schema::string()),
            (
                "scopes",
                schema::described(scopes, "`*`, or contacts:read, deals:write, leads:delete …"),
            ),
            ("role", schema::described(schema::nullable(role()), "Yours, unless said.")),
            ("expiresAt", schema::nullable(schema::time())),
            ("requestsPerMinute", schema::nullable(schema::integer())),
        ],
        &["name", "scopes"],
    )
}

pub(crate) fn schemas() -> Vec<(String, Value)> {
    let key = schema::object(
        vec![
            ("id", schema::id()),
            ("name", schema::string()),
            ("prefix", schema::described(schema::string(), "How the key begins.")),
            ("scopes", schema::list(schema::string())),
            ("role", role()),
            ("memberId", schema::described(schema::id(), "On whose behalf it acts.")),
            ("requestsPerMinute", schema::nullable(schema::integer())),
            ("expiresAt", schema::nullable(schema::time())),
            ("lastUsedAt", schema::nullable(schema::time())),
            ("createdAt", schema::time()),
            ("key", schema::described(schema::string(), "Only where it was just made.")),
        ],
        &["id", "name", "prefix", "scopes", "role", "memberId", "createdAt"],
    );
    vec![("ApiKey".to_owned(), key)]
}

fn show(key: ApiKey, secret: Option<String>) -> Shown {
    Shown {
        id: key.id,
        name: key.name,
        prefix: key.prefix,
        scopes: key.scopes.0,
        role: key.role,
        member_id: key.member_id,
        requests_per_minute: key.requests_per_minute,
        expires_at: key.expires_at,
        last_used_at: key.last_used_at,
        created_at: key.created_at,
        key: secret,
    }
}

async fn show_all(_: Arc<Identity>, call: Call) -> Result<Answer> {
    let paging = Paging::of(&call.query()?)?;
    let rows = call.ctx.read(async |db| page(db, &paging).await).await?;
    Answer::json(&paging.page(rows, |key| key.id).map(|key| show(key, None)))
}

async fn create(identity: Arc<Identity>, mut call: Call) -> Result<Answer> {
    let given: NewKey = call.parse().await?;
    let (key, secret) = identity.make_key(&call.ctx, given).await?;
    let location = format!("/api/api-keys/{}", key.id);
    Ok(Answer::json(&show(key, Some(secret)))?.created(&location))
}

async fn revoke_one(identity: Arc<Identity>, call: Call) -> Result<Answer> {
    identity.revoke_key(&call.ctx, call.id("id")?).await?;
    Ok(Answer::nothing())
}
