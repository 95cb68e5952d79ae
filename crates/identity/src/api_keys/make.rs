//! Making and revoking keys.

use kith_kernel::{Id, Result, Role, Time, forbidden, internal, invalid, not_found};
use kith_platform::Ctx;
use kith_store::{Insert, Json, Update, Value};
use serde::Deserialize;
use serde_json::json;

use super::{ApiKey, PREFIX, find, scopes};
use crate::{
    Identity, events, input,
    lookups::{self, Lookup},
    members::must_not_touch,
    secrets,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewKey {
    name: String,
    scopes: Vec<String>,
    role: Option<String>,
    expires_at: Option<Time>,
    requests_per_minute: Option<u32>,
}

/// Characters of a key that are kept in the clear, to tell one from another.
const SHOWN: usize = 12;
const MOST_A_MINUTE: u32 = 100_000;

impl Identity {
    /// Makes a key; it is answered here and never again.
    pub(super) async fn make_key(&self, ctx: &Ctx, new: NewKey) -> Result<(ApiKey, String)> {
        let key = format!("{PREFIX}{}", secrets::random()?);
        let made = self.checked(ctx, new, &key)?;
        let hash = secrets::hash(&key);
        ctx.write(async |db| {
            db.insert(row(&made, &hash)).await?;
            lookups::add(db, Lookup::ApiKey, &hash, made.id).await?;
            let after = json!({ "name": made.name, "prefix": made.prefix, "scopes": made.scopes.0,
                "role": made.role, "expiresAt": made.expires_at });
            events::note(ctx, db, "apiKey.created", (Some(made.id), json!({ "after": after })))
        })
        .await?;
        Ok((made, key))
    }

    fn checked(&self, ctx: &Ctx, new: NewKey, key: &str) -> Result<ApiKey> {
        let actor = &ctx.actor;
        let role = match new.role.as_deref() {
            Some(role) => role.parse::<Role>()?,
            None => actor.role,
        };
        must_not_touch(actor.role, role)?;
        let words = scopes::checked(new.scopes, &self.objects)?;
        if !scopes::are_within(&words, &actor.scopes) {
            return Err(forbidden("A key cannot make one that may do more.").coded("missing_scope"));
        }
        if new.expires_at.is_some_and(|at| at <= ctx.now()) {
            return Err(invalid("expiresAt", "must lie ahead"));
        }
        if new.requests_per_minute.is_some_and(|most| !(1..=MOST_A_MINUTE).contains(&most)) {
            return Err(invalid("requestsPerMinute", "must be a whole number from 1 to 100000"));
        }
        Ok(ApiKey {
            id: ctx.new_id(),
            name: input::name("name", &new.name)?,
            prefix: key.chars().take(SHOWN).collect(),
            scopes: Json(words),
            role,
            member_id: actor.member.ok_or_else(|| internal("no member makes this key"))?,
            requests_per_minute: new.requests_per_minute,
            expires_at: new.expires_at,
            last_used_at: None,
            created_at: ctx.now(),
        })
    }

    pub(super) async fn revoke_key(&self, ctx: &Ctx, id: Id) -> Result<()> {
        ctx.write(async |db| {
            let key = find(db, id).await?.ok_or_else(|| not_found("API key"))?;
            must_not_touch(ctx.actor.role, key.role)?;
            let update = Update::table("api_keys").set("revoked_at", ctx.now()).whose("id", id);
            db.update(update).await?;
            lookups::remove(db, Lookup::ApiKey, id).await?;
            let before = json!({ "before": { "name": key.name, "prefix": key.prefix } });
            events::note(ctx, db, "apiKey.revoked", (Some(id), before))
        })
        .await?;
        self.forget();
        Ok(())
    }
}

fn row(key: &ApiKey, hash: &[u8; 32]) -> Insert {
    Insert::row(
        "api_keys",
        vec![
            ("id", key.id.into()),
            ("name", key.name.as_str().into()),
            ("prefix", key.prefix.as_str().into()),
            ("key_hash", hash.to_vec().into()),
            ("scopes", Value::from(&json!(key.scopes.0))),
            ("role", key.role.name().into()),
            ("member_id", key.member_id.into()),
            ("requests_per_minute", key.requests_per_minute.into()),
            ("expires_at", key.expires_at.into()),
            ("created_at", key.created_at.into()),
        ],
    )
}
