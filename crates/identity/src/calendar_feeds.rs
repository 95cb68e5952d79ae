//! Calendar feeds: addresses with a secret in them, by which a calendar program reads what a member has before them.

mod migrations;
mod routes;

use std::{pin::Pin, sync::Arc};

use kith_kernel::{Actor, Error, Id, Result, Role, Time, Via, conflict, internal, not_found};
use kith_platform::Ctx;
use kith_store::{Condition, Insert, Read, Select, Update};
use serde::{Deserialize, Serialize};
use serde_json::json;

pub(crate) use migrations::migration;
pub(crate) use routes::{routes, schemas};

use crate::{
    Identity,
    api_keys::scopes,
    events, input,
    lookups::{self, Lookup},
    members::{self, MemberStatus},
    places::zone_of,
    secrets,
    tenants::{self, Status},
};

/// What a feed shows, and so all that its secret opens.
const SCOPES: [&str; 3] = ["tasks:read", "activities:read", "deals:read"];
/// Feeds of a member at once.
const MOST: i64 = 20;
/// Secrets have 43 characters.
const LONGEST_SECRET: usize = 64;

/// Finds out on whose behalf the secret of a feed reads.
pub type FeedActor =
    Arc<dyn Fn(String) -> Pin<Box<dyn Future<Output = Result<Actor>> + Send>> + Send + Sync>;

/// A feed as it is stored: without its secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase"))]
struct Feed {
    id: Id,
    name: String,
    member_id: Id,
    created_at: Time,
}

#[derive(Debug, Deserialize)]
struct NewFeed {
    name: String,
}

fn living() -> Select {
    Select::from("calendar_feeds").only(Condition::Null("revoked_at"))
}

/// Those that the caller may see: their own, and for admins everybody's.
fn seen_by(ctx: &Ctx) -> Result<Select> {
    if ctx.actor.role >= Role::Admin {
        return Ok(living());
    }
    Ok(living().whose("member_id", member(ctx)?))
}

fn member(ctx: &Ctx) -> Result<Id> {
    ctx.actor.member.ok_or_else(|| internal("a feed of no member"))
}

/// The same whatever is wrong with a secret.
fn unknown() -> Error {
    not_found("calendar")
}

/// What reads feeds by their secrets, for the floor that knows what is in them.
pub fn feed_actor(identity: &Arc<Identity>) -> FeedActor {
    let identity = Arc::clone(identity);
    Arc::new(move |secret| {
        let identity = Arc::clone(&identity);
        Box::pin(async move { identity.actor_of_feed(&secret).await })
    })
}

impl Identity {
    /// Makes a feed; its secret is answered here and never again.
    async fn make_feed(&self, ctx: &Ctx, new: &NewFeed) -> Result<(Feed, String)> {
        let secret = secrets::random()?;
        let hash = secrets::hash(&secret);
        let feed = Feed {
            id: ctx.new_id(),
            name: input::name("name", &new.name)?,
            member_id: member(ctx)?,
            created_at: ctx.now(),
        };
        ctx.write(async |db| {
            if db.count(living().whose("member_id", feed.member_id)).await? >= MOST {
                let why = format!("There are {MOST} feeds already. Revoke one first.");
                return Err(conflict("too_many_feeds", why));
            }
            db.insert(row(&feed, &hash)).await?;
            lookups::add(db, Lookup::CalendarFeed, &hash, feed.id).await?;
            let after = json!({ "after": { "name": feed.name } });
            events::note(ctx, db, "calendarFeed.created", (Some(feed.id), after))
        })
        .await?;
        Ok((feed, secret))
    }

    async fn revoke_feed(&self, ctx: &Ctx, id: Id) -> Result<()> {
        let seen = seen_by(ctx)?.whose("id", id);
        ctx.write(async |db| {
            let feed: Option<Feed> = db.first(seen).await?;
            let feed = feed.ok_or_else(|| not_found("calendar feed"))?;
            let update = Update::table("calendar_feeds").set("revoked_at", ctx.now());
            db.update(update.whose("id", id)).await?;
            lookups::remove(db, Lookup::CalendarFeed, id).await?;
            let before = json!({ "before": { "name": feed.name } });
            events::note(ctx, db, "calendarFeed.revoked", (Some(id), before))
        })
        .await
    }

    /// Whoever holds the secret reads as the member does now, and no more than what a feed shows. Nothing is
    /// remembered: a feed that is revoked is so on every node at once.
    async fn actor_of_feed(&self, secret: &str) -> Result<Actor> {
        if secret.len() > LONGEST_SECRET {
            return Err(unknown());
        }
        let hash = secrets::hash(secret);
        let outside = self.app.as_system(Id::NIL);
        let found = outside.read(async |db| lookups::find(db, Lookup::CalendarFeed, &hash).await);
        let target = found.await?.ok_or_else(unknown)?;
        let inside = self.app.as_system(target.tenant_id);
        inside.read(async |db| actor(db, target.id).await).await
    }
}

async fn actor(db: &Read, id: Id) -> Result<Actor> {
    let feed: Option<Feed> = db.first(living().whose("id", id)).await?;
    let feed = feed.ok_or_else(unknown)?;
    let member = members::find(db, feed.member_id).await.map_err(|_| unknown())?;
    let tenant = tenants::find(db, db.actor().tenant).await?.ok_or_else(unknown)?;
    if member.status != MemberStatus::Active || tenant.status != Status::Active {
        return Err(unknown());
    }
    Ok(Actor {
        member: Some(member.id),
        credential: Some(feed.id),
        role: Role::Viewer.min(member.role),
        scopes: scopes::granted(SCOPES.map(str::to_owned).to_vec()),
        via: Via::Key,
        zone: zone_of(&tenant, &member),
        currency: tenant.currency,
        ..Actor::system(tenant.id)
    })
}

fn row(feed: &Feed, hash: &[u8; 32]) -> Insert {
    Insert::row(
        "calendar_feeds",
        vec![
            ("id", feed.id.into()),
            ("name", feed.name.as_str().into()),
            ("token_hash", hash.to_vec().into()),
            ("member_id", feed.member_id.into()),
            ("created_at", feed.created_at.into()),
        ],
    )
}
