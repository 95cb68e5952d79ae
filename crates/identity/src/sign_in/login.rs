//! Logging in: the right password opens a session; a wrong one, or a wrong address, costs as long and says the same.

use kith_http::Call;
use kith_kernel::{Actor, Error, Id, Result, unauthenticated};
use kith_platform::Ctx;
use serde_json::json;

use super::Entered;
use crate::{
    Identity, User,
    caller::agent,
    events, input,
    passwords::Verdict,
    places::{self, Place},
    users,
};

/// The same words for an unknown address and a wrong password.
#[track_caller]
pub(crate) fn wrong_credentials() -> Error {
    unauthenticated("The e-mail address or the password is wrong.").coded("wrong_credentials")
}

impl Identity {
    pub(super) async fn log_in(
        &self,
        call: &Call,
        (email, password): (&str, &str),
        code: Option<&str>,
    ) -> Result<Entered> {
        let ctx = &call.ctx;
        let user = ctx.read(async |db| users::by_email(db, email).await).await?;
        let user = self.recognise(ctx, (email, user), password).await?;
        self.check_second_factor(ctx, &user, code).await?;
        let place = places::first(&self.app, user.id).await?;
        self.enter(ctx, (user, place), agent(call)).await
    }

    /// The user, when the password is theirs; else an event tells of the attempt.
    pub(crate) async fn recognise(
        &self,
        ctx: &Ctx,
        (email, user): (&str, Option<User>),
        password: &str,
    ) -> Result<User> {
        let hash = user.as_ref().and_then(|user| user.password_hash.as_deref());
        let verdict = self.passwords.verify(password, hash).await?;
        match (verdict, user) {
            (Verdict::Right, Some(user)) => Ok(user),
            (Verdict::RightButOld, Some(user)) => {
                self.hash_anew(ctx, &user, password).await?;
                Ok(user)
            }
            (Verdict::Wrong | Verdict::Right | Verdict::RightButOld, user) => {
                self.note_refusal(ctx, email, user.as_ref()).await?;
                Err(wrong_credentials())
            }
        }
    }

    async fn hash_anew(&self, ctx: &Ctx, user: &User, password: &str) -> Result<()> {
        let (hash, now) = (self.passwords.hash(password).await?, ctx.now());
        ctx.write(async |db| users::set_password(db, user.id, &hash, now).await).await
    }

    /// The event stands in the tenant of the user whose name was tried, else in the installation; nobody did it, for
    /// nobody has proved who they are.
    pub(crate) async fn note_refusal(
        &self,
        ctx: &Ctx,
        email: &str,
        user: Option<&User>,
    ) -> Result<()> {
        let place = match user {
            Some(user) => places::first(&self.app, user.id).await?,
            None => None,
        };
        let tenant = place.as_ref().map_or(Id::NIL, |place| place.tenant.id);
        let there = places::instead(ctx, Actor::system(tenant));
        // What is no address may be a password in the wrong place.
        let email = input::email(email).ok();
        let after = json!({ "email": email, "userId": user.map(|user| user.id),
            "memberId": place.map(|place| place.member.id) });
        there
            .write(async |db| {
                events::note(&there, db, "session.refused", (None, json!({ "after": after })))
            })
            .await
    }

    /// Opens a session for a user in a place.
    pub(crate) async fn enter(
        &self,
        ctx: &Ctx,
        (user, place): (User, Option<Place>),
        agent: Option<&str>,
    ) -> Result<Entered> {
        let actor = places::actor(&user, place.as_ref(), ctx.new_id());
        let mine = places::instead(ctx, actor);
        let tokens = mine.write(async |db| self.open(&mine, db, agent).await).await?;
        Ok(Entered { user, tenant: place.map(|place| place.tenant), tokens })
    }
}
