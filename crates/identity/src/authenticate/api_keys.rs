//! Coming in by a key: what it may do now, and when it was last used.

use kith_kernel::{Actor, Error, Id, Result, Time, Via, unauthenticated};
use kith_platform::Ctx;
use kith_store::{Comparison, Condition, Read, Update};
use serde_json::Value;

use super::cache::Known;
use crate::{
    Identity,
    api_keys::{ApiKey, find, scopes},
    events,
    lookups::{self, Lookup},
    members::{self, Member, MemberStatus},
    places::zone_of,
    tenants::{self, Status, Tenant, suspended},
};

/// Seconds between two notes of a key's use.
const NOTED_EVERY: i64 = 60;
const HOUR: i64 = 3_600;

#[track_caller]
fn refused() -> Error {
    unauthenticated("This API key is unknown, revoked or expired.").coded("invalid_api_key")
}

/// The actor that a key is now; the use of it is noted beside the request.
pub(crate) async fn look_up(identity: &Identity, hash: &[u8; 32], now: Time) -> Result<Known> {
    let outside = identity.app.as_system(Id::NIL);
    let target = outside.read(async |db| lookups::find(db, Lookup::ApiKey, hash).await).await?;
    let target = target.ok_or_else(refused)?;
    let inside = identity.app.as_system(target.tenant_id);
    let (key, member, tenant) = inside.read(async |db| found(db, target.id, now).await).await?;
    if tenant.status != Status::Active {
        return Err(suspended());
    }
    let until = key.expires_at;
    let (id, last) = (key.id, key.last_used_at);
    let actor = actor(key, &member, &tenant);
    if last.is_none_or(|last| now >= last.plus_seconds(NOTED_EVERY)) {
        let ctx = identity.app.on_behalf_of(actor.clone());
        identity.app.tasks.start("note the use of an API key", async move {
            if let Err(error) = note_use(&ctx, id, (last, now)).await {
                tracing::warn!(?error, "the use of an API key could not be noted");
            }
        });
    }
    Ok(Known::new(actor, until, (&tenant.slug, now)))
}

async fn found(db: &Read, id: Id, now: Time) -> Result<(ApiKey, Member, Tenant)> {
    let key = find(db, id).await?.ok_or_else(refused)?;
    if key.expires_at.is_some_and(|until| until <= now) {
        return Err(refused());
    }
    // A key does nothing that its maker could not do now.
    let member =
        members::find(db, key.member_id).await.map_err(|error| refused().caused_by(error))?;
    if member.status != MemberStatus::Active {
        return Err(refused());
    }
    let tenant = tenants::find(db, db.actor().tenant).await?.ok_or_else(refused)?;
    Ok((key, member, tenant))
}

fn actor(key: ApiKey, member: &Member, tenant: &Tenant) -> Actor {
    Actor {
        member: Some(member.id),
        credential: Some(key.id),
        role: key.role.min(member.role),
        scopes: scopes::granted(key.scopes.0),
        via: Via::Key,
        zone: zone_of(tenant, member),
        currency: tenant.currency,
        requests_per_minute: key.requests_per_minute,
        ..Actor::system(tenant.id)
    }
}

/// At most once a minute; with an event in the first use of each hour.
async fn note_use(ctx: &Ctx, key: Id, (last, now): (Option<Time>, Time)) -> Result<()> {
    let unless_noted = match last {
        Some(last) => Condition::Compare("last_used_at", Comparison::Equal, last.into()),
        None => Condition::Null("last_used_at"),
    };
    let hour = |at: Time| at.seconds().div_euclid(HOUR);
    let is_first = last.is_none_or(|last| hour(last) < hour(now));
    ctx.write(async |db| {
        let update = Update::table("api_keys").set("last_used_at", now).whose("id", key);
        if db.update(update.only(unless_noted)).await? == 1 && is_first {
            events::note(ctx, db, "apiKey.used", (Some(key), Value::Null))?;
        }
        Ok(())
    })
    .await
}
