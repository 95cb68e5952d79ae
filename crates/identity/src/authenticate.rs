//! Who asks: a session by its token or cookie, or an API key; with the role that they have now.

mod api_keys;
pub(crate) mod cache;
mod credential;

use std::{pin::Pin, sync::Arc};

use axum::http::request::Parts;
use kith_http::Authenticate;
use kith_kernel::{Actor, Error, Id, Result, Time, not_found, unauthenticated};
use kith_store::News;

use self::{
    cache::{Asked, Known},
    credential::{Credential, credential, wanted_tenant},
};
use crate::{
    Identity, cookies,
    places::{self, Place},
    secrets, sessions,
    tenants::{self, suspended},
    tokens::Claims,
    users,
};

/// What one can still do when one's tenant is suspended: sign out, and go elsewhere.
const WITHOUT_TENANT: [&str; 3] = ["/api/auth/", "/api/tenants", "/api/workspaces"];

type Found<'a> = Pin<Box<dyn Future<Output = Result<Actor>> + Send + 'a>>;

/// The function that tells `kith_http` who asks.
pub fn authenticate(identity: &Arc<Identity>) -> Authenticate {
    let identity = Arc::clone(identity);
    Arc::new(lending(move |head| {
        let identity = Arc::clone(&identity);
        Box::pin(async move { identity.actor_of(head).await })
    }))
}

/// Tells the compiler that the future may borrow from the request.
fn lending<F: for<'a> Fn(&'a Parts) -> Found<'a>>(find: F) -> F {
    find
}

#[track_caller]
fn session_ended() -> Error {
    unauthenticated("This session has ended. Sign in again.").coded("session_ended")
}

impl Identity {
    pub(crate) async fn actor_of(&self, head: &Parts) -> Result<Actor> {
        let now = self.app.clock.now();
        match credential(&head.headers) {
            None => Err(unauthenticated("Sign in first, or send an API key.")),
            Some(Credential::Key(key)) => self.by_key(head, key, now).await,
            Some(Credential::Token(token)) => self.by_token(head, token, now).await,
            Some(Credential::Cookie(token)) => {
                if !head.method.is_safe() {
                    cookies::check_origin(head, &self.options)?;
                }
                self.by_token(head, token, now).await
            }
        }
    }

    async fn by_token(&self, head: &Parts, token: &str, now: Time) -> Result<Actor> {
        let claims = self.signer.verify(token, now)?;
        let asked = match wanted_tenant(head)? {
            None => Asked::Session(claims.sid, claims.tid),
            Some(name) => Asked::Elsewhere(claims.sid, name.into()),
        };
        if let Some(known) = self.known.get(&asked, now) {
            return Ok(known.actor);
        }
        let generation = self.known.generation();
        let tenant = match &asked {
            Asked::Elsewhere(_, name) => Some(self.tenant_named(name).await?),
            Asked::Session(..) | Asked::Key(_) => claims.tid,
        };
        let known = self.look_up(&claims, (tenant, now)).await;
        let elsewhere = matches!(asked, Asked::Elsewhere(..));
        match known {
            Ok(known) => {
                self.known.put(asked, &known, generation);
                Ok(known.actor)
            }
            Err(Refusal::NotThere) if elsewhere => Err(not_found("tenant")),
            Err(Refusal::NotThere) => Err(session_ended()),
            Err(Refusal::Suspended(actor)) if may_leave(head) => Ok(*actor),
            Err(Refusal::Suspended(_)) => Err(suspended()),
            Err(Refusal::Other(error)) => Err(error),
        }
    }

    async fn tenant_named(&self, name: &str) -> Result<Id> {
        let outside = self.app.as_system(Id::NIL);
        let found = outside.read(async |db| tenants::named(db, name).await).await?;
        found.filter(|id| *id != Id::NIL).ok_or_else(|| not_found("tenant"))
    }

    /// The session, its user and their place, as they are now: one transaction.
    async fn look_up(
        &self,
        claims: &Claims,
        (tenant, now): (Option<Id>, Time),
    ) -> Result<Known, Refusal> {
        let inside = self.app.as_system(tenant.unwrap_or(Id::NIL));
        let (session, user, place) = inside
            .read(async |db| {
                let session = sessions::find(db, claims.sid, now).await?;
                let session = session.filter(|session| session.user_id == claims.sub);
                let session = session.ok_or_else(session_ended)?;
                let user = users::find(db, session.user_id).await?.ok_or_else(session_ended)?;
                let place = if tenant.is_some() { places::here(db, user.id).await? } else { None };
                Ok((session, user, place))
            })
            .await?;
        if tenant.is_some() && place.is_none() {
            return Err(Refusal::NotThere);
        }
        if place.as_ref().is_some_and(|place| !place.is_open()) {
            return Err(Refusal::Suspended(Box::new(places::actor(&user, None, session.id))));
        }
        let slug = place.as_ref().map_or("", |place: &Place| &place.tenant.slug);
        let actor = places::actor(&user, place.as_ref(), session.id);
        Ok(Known::new(actor, Some(session.expires_at), (slug, now)))
    }

    async fn by_key(&self, head: &Parts, key: &str, now: Time) -> Result<Actor> {
        let hash = secrets::hash(key);
        let asked = Asked::Key(hash);
        let known = if let Some(known) = self.known.get(&asked, now) {
            known
        } else {
            let generation = self.known.generation();
            let known = api_keys::look_up(self, &hash, now).await?;
            self.known.put(asked, &known, generation);
            known
        };
        // A key is of one tenant, by whichever name.
        let actor = known.actor;
        match wanted_tenant(head)? {
            Some(name) if *name != *known.slug && name.parse::<Id>().ok() != Some(actor.tenant) => {
                Err(not_found("tenant"))
            }
            Some(_) | None => Ok(actor),
        }
    }

    /// Makes a change of a session, key, member or tenant count at once, here and on the other nodes; to be called
    /// behind its commit.
    pub fn forget(&self) {
        self.known.forget();
        self.app.wake.access_changed();
        self.app.db.tell(News::Access);
    }

    /// Another node made such a change.
    pub fn forget_as_told(&self) {
        self.known.forget();
        self.app.wake.access_changed();
    }
}

/// Why a good token does not get in.
enum Refusal {
    NotThere,
    Suspended(Box<Actor>),
    Other(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

fn may_leave(head: &Parts) -> bool {
    WITHOUT_TENANT.iter().any(|path| head.uri.path().starts_with(path))
}
