//! Refreshing: each token is good once; one that comes back later ends the session, for somebody has copied it.

use kith_kernel::{Error, Result, Time, unauthenticated};
use kith_platform::Ctx;
use kith_store::Write;

use super::Entered;
use crate::{
    Identity, User,
    places::{self, Place},
    sessions::{Session, end, find, keep, refresh_token, use_up},
    tokens::Tokens,
    users,
};

/// What came of a refresh token.
enum Turn {
    Tokens(Tokens),
    Reused,
}

fn refused() -> Error {
    unauthenticated("This refresh token is not good (any more). Sign in again.")
        .coded("invalid_refresh_token")
}

impl Identity {
    /// New tokens for an old refresh token.
    pub(super) async fn refresh(&self, ctx: &Ctx, token: &str) -> Result<Entered> {
        let (session, user, place) = self.owner_of(ctx, token).await?;
        let actor = places::actor(&user, place.as_ref(), session.id);
        let mine = places::instead(ctx, actor);
        let turn = mine.write(async |db| self.turn(&mine, db, token).await).await?;
        match turn {
            Turn::Tokens(tokens) => Ok(Entered { user, tenant: place.map(|p| p.tenant), tokens }),
            Turn::Reused => {
                self.forget();
                Err(refused().coded("refresh_token_reused"))
            }
        }
    }

    /// Whose token it is, and where it was given; another place of theirs when that one is closed to them.
    async fn owner_of(&self, ctx: &Ctx, token: &str) -> Result<(Session, User, Option<Place>)> {
        let now = ctx.now();
        let found = ctx
            .read(async |db| {
                let Some(token) = refresh_token(db, token).await? else { return Ok(None) };
                let Some(session) = find(db, token.session_id, now).await? else { return Ok(None) };
                let user = users::find(db, session.user_id).await?;
                Ok(user.filter(|_| token.expires_at > now).map(|user| (token, session, user)))
            })
            .await?;
        let (token, session, user) = found.ok_or_else(refused)?;
        let place = match token.tenant_id {
            Some(tenant) => places::within(&self.app, user.id, tenant).await?,
            None => None,
        };
        let place = match place {
            Some(place) => Some(place),
            None => places::first(&self.app, user.id).await?,
        };
        Ok((session, user, place))
    }

    async fn turn(&self, ctx: &Ctx, db: &Write, token: &str) -> Result<Turn> {
        let (now, session) = (ctx.now(), ctx.actor.credential.unwrap_or_default());
        let until = now.plus_seconds(self.options.refresh_seconds);
        let successor = self.signer.successor(token);
        if use_up(db, token, now).await? {
            if !keep(db, session, (now, until)).await? {
                return Err(refused());
            }
            return self.mint(ctx, db, successor).await.map(Turn::Tokens);
        }
        let used_at = refresh_token(db, token).await?.and_then(|token| token.used_at);
        if !self.is_within_grace(used_at, now) {
            end(ctx, db, session, ("session.reused", "an old refresh token came back")).await?;
            return Ok(Turn::Reused);
        }
        // Two tabs, or an answer that was lost: the same successor again, when it is known.
        refresh_token(db, &successor).await?.ok_or_else(refused)?;
        Ok(Turn::Tokens(Tokens { access: self.access_token(ctx)?, refresh: successor }))
    }

    fn is_within_grace(&self, used_at: Option<Time>, now: Time) -> bool {
        let grace = self.options.refresh_grace_seconds;
        grace > 0 && used_at.is_some_and(|used| now <= used.plus_seconds(grace))
    }
}
