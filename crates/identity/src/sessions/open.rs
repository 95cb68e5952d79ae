//! Beginning a session, or going on with it in another tenant: tokens are minted here.

use kith_kernel::{Id, Result, unauthenticated};
use kith_platform::Ctx;
use kith_store::{Insert, Write};
use serde_json::json;

use super::{Session, insert, keep, move_here};
use crate::{
    Identity, events, secrets,
    tokens::{Claims, Tokens},
};

/// No more of what a browser says of itself is kept.
const LONGEST_AGENT: usize = 200;

impl Identity {
    /// Begins a session for whom `ctx` acts; its id is the actor's credential.
    pub(crate) async fn open(&self, ctx: &Ctx, db: &Write, agent: Option<&str>) -> Result<Tokens> {
        let (now, actor) = (ctx.now(), &ctx.actor);
        let session = actor.credential.unwrap_or_default();
        let agent: Option<String> = agent.map(|agent| agent.chars().take(LONGEST_AGENT).collect());
        let row = Insert::row(
            "sessions",
            vec![
                ("id", session.into()),
                ("user_id", actor.user.into()),
                ("tenant_id", tenant_of(ctx).into()),
                ("member_id", actor.member.into()),
                ("created_at", now.into()),
                ("last_used_at", now.into()),
                ("expires_at", now.plus_seconds(self.options.refresh_seconds).into()),
                ("address", actor.address.map(|address| address.to_string()).into()),
                ("agent", agent.clone().into()),
            ],
        );
        insert(db, row).await?;
        let changes = json!({ "after": { "agent": agent } });
        events::note(ctx, db, "session.created", (Some(session), changes))?;
        self.mint(ctx, db, secrets::random()?).await
    }

    /// Goes on with a session in the tenant for which `ctx` acts.
    pub(crate) async fn go_on(&self, ctx: &Ctx, db: &Write, session: &Session) -> Result<Tokens> {
        let (now, life) = (ctx.now(), self.options.refresh_seconds);
        if !keep(db, session.id, (now, now.plus_seconds(life))).await? {
            return Err(unauthenticated("This session has ended.").coded("session_ended"));
        }
        move_here(ctx, db, session.id).await?;
        let changes = json!({ "after": { "agent": session.agent } });
        events::note(ctx, db, "session.created", (Some(session.id), changes))?;
        self.mint(ctx, db, secrets::random()?).await
    }

    /// Stores a refresh token for the actor's session and signs the access token that goes with it.
    pub(crate) async fn mint(&self, ctx: &Ctx, db: &Write, refresh: String) -> Result<Tokens> {
        let now = ctx.now();
        let row = Insert::row(
            "refresh_tokens",
            vec![
                ("token_hash", secrets::hash(&refresh).to_vec().into()),
                ("session_id", ctx.actor.credential.into()),
                ("tenant_id", tenant_of(ctx).into()),
                ("created_at", now.into()),
                ("expires_at", now.plus_seconds(self.options.refresh_seconds).into()),
            ],
        );
        insert(db, row).await?;
        Ok(Tokens { access: self.access_token(ctx)?, refresh })
    }

    pub(crate) fn access_token(&self, ctx: &Ctx) -> Result<String> {
        let (actor, now) = (&ctx.actor, ctx.now().seconds());
        self.signer.sign(&Claims {
            sub: actor.user.unwrap_or_default(),
            tid: tenant_of(ctx),
            role: actor.member.map(|_| actor.role),
            sid: actor.credential.unwrap_or_default(),
            iat: now,
            exp: now + self.options.access_seconds,
        })
    }
}

/// The actor's tenant, when it is one.
fn tenant_of(ctx: &Ctx) -> Option<Id> {
    Some(ctx.actor.tenant).filter(|tenant| *tenant != Id::NIL)
}
