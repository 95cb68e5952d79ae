//! Forgetting a password and setting a new one: the answer never tells whether an address is known.

use std::time::Duration;

use kith_kernel::{Actor, Error, Id, Kind, Result, Via, not_found};
use kith_platform::{
    Ctx,
    mail::{self, Mail},
};
use kith_store::Write;
use serde_json::json;
use tokio::time::Instant;

use super::{add, count_after, find, use_up};
use crate::{
    Identity, User, events, input, places, secrets, sessions,
    users::{self, set_password},
};

const LIFE_SECONDS: i64 = 3_600;
const WINDOW_SECONDS: i64 = 15 * 60;
const MOST_IN_WINDOW: i64 = 3;
/// The answer leaves after this time: longer than a mail takes to be stored, so that it tells nothing.
const PATIENCE: Duration = Duration::from_millis(100);

fn refused() -> Error {
    let why = "This link is not good (any more). Ask for a new one.";
    Error::new(Kind::Invalid, "invalid_reset_token", why).and("/token", "is not good (any more)")
}

impl Identity {
    /// Mails a link to whoever has this address; takes as long when nobody does.
    pub(super) async fn forgot(&self, ctx: &Ctx, email: &str) -> Result<()> {
        let email = input::email(email)?;
        let until = Instant::now() + PATIENCE;
        // A failure that only known addresses can meet is told to the log alone.
        if let Err(error) = self.mail_link(ctx, &email).await {
            tracing::warn!(?error, "a mail for a forgotten password could not be stored");
        }
        tokio::time::sleep_until(until).await;
        Ok(())
    }

    async fn mail_link(&self, ctx: &Ctx, email: &str) -> Result<()> {
        let Some(user) = ctx.read(async |db| users::by_email(db, email).await).await? else {
            return Ok(());
        };
        let expires_at = ctx.now().plus_seconds(LIFE_SECONDS);
        let window = expires_at.plus_seconds(-WINDOW_SECONDS);
        ctx.write(async |db| {
            if count_after(db, user.id, window).await? >= MOST_IN_WINDOW {
                return Ok(());
            }
            let token = secrets::random()?;
            add(db, user.id, &token, expires_at).await?;
            mail::send(ctx, db, &self.reset_letter(&user, &token))
        })
        .await
    }

    fn reset_letter(&self, user: &User, token: &str) -> Mail {
        let link = self.options.link(&format!("/reset-password?token={token}"));
        let text = format!(
            "Hello {name},\n\nsomebody asked to set a new password for your account.\n\
             If that was you, do so within an hour:\n{link}\n\n\
             If it was not, you can leave this mail alone: nothing has changed.\n",
            name = user.name
        );
        Mail {
            to: user.email.clone(),
            subject: "Set a new password".to_owned(),
            text,
            ..Mail::default()
        }
    }

    /// Sets a new password by the token of a mail; ends all sessions.
    pub(super) async fn reset(&self, ctx: &Ctx, token: &str, password: &str) -> Result<()> {
        input::password(password)?;
        let now = ctx.now();
        let reset = ctx.read(async |db| find(db, token).await).await?;
        let reset = reset.filter(|reset| reset.used_at.is_none() && reset.expires_at > now);
        let user = reset.ok_or_else(refused)?.user_id;
        let hash = self.hash_password(password).await?;
        let mine = self.by_mail(ctx, user).await?;
        mine.write(async |db| {
            if !use_up(db, token, (user, now)).await? {
                return Err(refused());
            }
            replace(&mine, db, user, &hash).await
        })
        .await?;
        self.forget();
        Ok(())
    }

    /// A user who has proved who they are by a mail: no session, but not nobody either.
    async fn by_mail(&self, ctx: &Ctx, user: Id) -> Result<Ctx> {
        let place = places::first(&self.app, user).await?;
        let tenant = place.as_ref().map_or(Id::NIL, |place| place.tenant.id);
        let member = place.map(|place| place.member.id);
        let actor = Actor { user: Some(user), member, via: Via::System, ..Actor::system(tenant) };
        Ok(places::instead(ctx, actor))
    }

    /// Sets the password of whoever has an address, for the command line; ends all their sessions.
    pub async fn reset_password(&self, email: &str, password: &str) -> Result<()> {
        input::password(password)?;
        let outside = self.app.as_system(Id::NIL);
        let user = outside.read(async |db| users::by_email(db, email).await).await?;
        let user = user.ok_or_else(|| not_found("user"))?.id;
        let hash = self.hash_password(password).await?;
        let tenant = places::first(&self.app, user).await?.map_or(Id::NIL, |place| place.tenant.id);
        let house = self.app.as_system(tenant);
        house.write(async |db| replace(&house, db, user, &hash).await).await?;
        self.forget();
        Ok(())
    }

    /// The hash under which a password is kept; the password was checked.
    pub async fn hash_password(&self, password: &str) -> Result<String> {
        self.passwords.hash(password).await
    }
}

async fn replace(ctx: &Ctx, db: &Write, user: Id, hash: &str) -> Result<()> {
    set_password(db, user, hash, ctx.now()).await?;
    let ended = sessions::end_all(db, user, ctx.now()).await?;
    let after = json!({ "after": { "userId": user, "sessionsEnded": ended } });
    events::note(ctx, db, "password.changed", (None, after))
}
