//! What is known of who asks: their keys, their tenant's settings and names, whether credits are counted.

use std::{collections::HashMap, future::Future, pin::Pin, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use kith_kernel::{Id, Result};
use kith_llm::Provider;
use kith_platform::Ctx;
use ring::digest::{SHA256, digest};

use crate::{
    Gateway, credits,
    keys::{Found, Origin, Secret},
    policy::Policy,
    wanted::Wanted,
};

/// How a tenant's short name is found.
pub type NameOf =
    Arc<dyn Fn(Id) -> Pin<Box<dyn Future<Output = Result<Option<String>>> + Send>> + Send + Sync>;

/// What is known of who asks.
#[derive(Default, Clone)]
pub(crate) struct Desk {
    pub(crate) policy: Policy,
    /// Stored keys, by whom they are for.
    pub(crate) own: HashMap<Provider, Own>,
    /// What the tenant is called in variables: its short name, its id.
    pub(crate) names: Vec<String>,
    /// Calls by the operator's keys cost credits.
    pub(crate) is_limited: bool,
}

/// A key that goes before those of the operator.
#[derive(Clone)]
pub(crate) struct Own {
    pub(crate) found: Found,
    /// Whose it is, so that a wrong one closes the door of its owner alone.
    pub(crate) account: String,
}

impl Desk {
    /// The same, with keys that a request brought along.
    fn with(&self, keys: &[(Provider, Secret)]) -> Self {
        let mut desk = self.clone();
        for (provider, key) in keys {
            let found = Found::brought(key.clone());
            // Whose it is nobody knows, but it is the same one again.
            let digest = digest(&SHA256, key.expose().as_bytes());
            let account = BASE64.encode(&digest.as_ref()[..9]);
            desk.own.insert(*provider, Own { found, account });
        }
        desk
    }
}

impl Gateway {
    /// What is known of who asks, with the keys that the request brought along.
    pub(crate) async fn desk_for(&self, ctx: &Ctx, wanted: &Wanted) -> Result<Arc<Desk>> {
        let desk = self.desk(ctx).await?;
        Ok(if wanted.keys.is_empty() { desk } else { Arc::new(desk.with(&wanted.keys)) })
    }

    pub(crate) async fn desk(&self, ctx: &Ctx) -> Result<Arc<Desk>> {
        let who = (ctx.actor.tenant, ctx.actor.member);
        let when = (ctx.now(), self.keys.generation());
        if let Some(desk) = self.memory.get(&who, when) {
            return Ok(desk);
        }
        let desk = Arc::new(self.set_up(ctx).await?);
        self.memory.put(who, &desk, when);
        Ok(desk)
    }

    async fn set_up(&self, ctx: &Ctx) -> Result<Desk> {
        let account = |origin: Origin| match origin {
            Origin::Member => ctx.actor.member.unwrap_or(ctx.actor.tenant).to_string(),
            Origin::Explicit | Origin::Tenant | Origin::Operator => ctx.actor.tenant.to_string(),
        };
        let (policy, found, was_given) = ctx
            .read(async |db| {
                let policy = Policy::read(db).await?;
                let found = self.keys.of_providers(db).await?;
                Ok((policy, found, credits::was_given_any(db).await?))
            })
            .await?;
        let own = found.into_iter().map(|(provider, found)| {
            let account = account(found.origin);
            (provider, Own { found, account })
        });
        let mut names = Vec::new();
        if self.setup.knows_tenants() {
            let name = (self.name_of)(ctx.actor.tenant).await?;
            let id = ctx.actor.tenant.to_string();
            names.extend(name.iter().chain([&id]).map(|name| crate::capability::key(name)));
        }
        let is_limited = was_given || self.setup.requires_credits;
        Ok(Desk { policy, own: own.collect(), names, is_limited })
    }
}
