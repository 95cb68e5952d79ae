//! The second factor: codes of an authenticator app, which a sign-in takes besides the password, and recovery codes.

mod rotate;
mod routes;
mod stored;
mod totp;

use std::fmt::Write as _;

use kith_kernel::{Error, Id, Kind, Result, conflict, internal, unauthenticated};
use kith_platform::{Ctx, encryption::Cipher};
use serde_json::{Value, json};

pub use rotate::Rotated;
pub(crate) use routes::{routes, schemas};
pub(crate) use stored::migration;

use self::stored::Factor;
use crate::{Identity, User, events, places, users};

const RECOVERY_CODES: usize = 10;
/// After so many wrong codes there is a pause.
const MOST_FAILURES: i64 = 10;
const PAUSE_SECONDS: i64 = 15 * 60;
/// Longer texts are no code of ours.
const LONGEST_CODE: usize = 40;

/// What an app needs to be set up.
struct Begun {
    secret: String,
    uri: String,
}

fn wrong_code() -> Error {
    unauthenticated("The code is wrong, or was used already. Wait for the next one.")
        .coded("wrong_code")
}

fn not_set_up() -> Error {
    conflict("no_second_factor", "No authenticator app is set up. POST /api/auth/totp begins.")
}

impl Identity {
    fn cipher(&self) -> Result<Cipher> {
        Cipher::of(&self.app.settings)
    }

    fn secret_of(&self, factor: &Factor) -> Result<Vec<u8>> {
        self.cipher()?.decrypt(&place(factor.user_id), &factor.secret)
    }

    /// Lets a user in whose password was right, if the code is right too or none is needed.
    ///
    /// # Errors
    /// `Unauthenticated`: `second_factor_required` without a code, `wrong_code`. `TooMany` after ten wrong codes.
    pub(crate) async fn check_second_factor(
        &self,
        ctx: &Ctx,
        user: &User,
        code: Option<&str>,
    ) -> Result<()> {
        let factor = ctx.read(async |db| stored::find(db, user.id).await).await?;
        let Some(factor) = factor.filter(|factor| factor.confirmed_at.is_some()) else {
            return Ok(());
        };
        let Some(code) = code.filter(|code| !code.trim().is_empty()) else {
            let why = "Send the code of your authenticator app, or a recovery code, as `code`.";
            return Err(unauthenticated(why).coded("second_factor_required"));
        };
        self.try_code(ctx, &factor, code).await
    }

    /// Takes a code of the app or a recovery code; each is good once.
    async fn try_code(&self, ctx: &Ctx, factor: &Factor, code: &str) -> Result<()> {
        let now = ctx.now();
        let pause = factor.failed_at.map_or(0, |at| {
            PAUSE_SECONDS - (now.milliseconds() - at.milliseconds()).div_euclid(1000)
        });
        if factor.failures >= MOST_FAILURES && pause > 0 {
            let why = "Too many wrong codes. Wait a quarter of an hour, then try again.";
            return Err(Error::new(Kind::TooMany, "too_many_codes", why)
                .retry_after(u64::try_from(pause).unwrap_or_default()));
        }
        let code = code.trim();
        let secret = self.secret_of(factor)?;
        let times = (totp::step_at(now.milliseconds().div_euclid(1000)), factor.last_step);
        let step = totp::step_of(&secret, code, times);
        let good = ctx
            .write(async |db| {
                let good = match step {
                    Some(step) => factor.use_step(db, step).await?,
                    None if code.len() > LONGEST_CODE => false,
                    None => factor.use_recovery(db, code, now).await?,
                };
                match good {
                    true if step.is_none() => factor.forgive(db).await?,
                    true => {}
                    false => factor.failed(db, now).await?,
                }
                Ok(good)
            })
            .await?;
        if good {
            return Ok(());
        }
        let user = ctx.read(async |db| users::find(db, factor.user_id).await).await?;
        if let Some(user) = user {
            self.note_refusal(ctx, &user.email.clone(), Some(&user)).await?;
        }
        Err(wrong_code())
    }

    /// Makes a secret for an app; it counts once a code of it was sent.
    async fn begin_totp(&self, ctx: &Ctx, user: &User) -> Result<Begun> {
        let mut secret = [0_u8; totp::SECRET_BYTES];
        getrandom::fill(&mut secret)
            .map_err(|error| internal("the system gives no random bytes").caused_by(error))?;
        let stored = self.cipher()?.encrypt(&place(user.id), &secret)?;
        ctx.write(async |db| {
            let known = stored::find(db, user.id).await?;
            if known.is_some_and(|known| known.confirmed_at.is_some()) {
                let why = "An authenticator app is set up already. Disable it first.";
                return Err(conflict("has_second_factor", why));
            }
            stored::put(db, user.id, stored, ctx.now()).await
        })
        .await?;
        let secret = totp::base32(&secret);
        let name = encoded(&user.email);
        let uri = format!(
            "otpauth://totp/Kith:{name}?secret={secret}&issuer=Kith&algorithm=SHA1&digits=6&period=30"
        );
        Ok(Begun { secret, uri })
    }

    /// The app shows the right code: from now on sign-ins take one. Gives recovery codes, which are shown once.
    async fn confirm_totp(&self, ctx: &Ctx, user: &User, code: &str) -> Result<Vec<String>> {
        let factor = ctx.read(async |db| stored::find(db, user.id).await).await?;
        let factor = factor.ok_or_else(not_set_up)?;
        if factor.confirmed_at.is_some() {
            let why = "The authenticator app was confirmed already.";
            return Err(conflict("has_second_factor", why));
        }
        self.try_code(ctx, &factor, code).await?;
        let codes = recovery_codes()?;
        ctx.write(async |db| {
            factor.confirm(db, ctx.now()).await?;
            factor.replace_codes(db, &codes).await?;
            tell(ctx, db, "secondFactor.enabled", user.id)
        })
        .await?;
        Ok(codes)
    }

    /// New recovery codes; the old ones are good no more.
    async fn renew_codes(&self, ctx: &Ctx, user: &User, code: &str) -> Result<Vec<String>> {
        let factor = self.confirmed(ctx, user.id).await?;
        self.try_code(ctx, &factor, code).await?;
        let codes = recovery_codes()?;
        ctx.write(async |db| {
            factor.replace_codes(db, &codes).await?;
            tell(ctx, db, "secondFactor.codesRenewed", user.id)
        })
        .await?;
        Ok(codes)
    }

    async fn disable_totp(&self, ctx: &Ctx, user: &User, code: &str) -> Result<()> {
        let factor = self.confirmed(ctx, user.id).await?;
        self.try_code(ctx, &factor, code).await?;
        ctx.write(async |db| {
            stored::remove(db, user.id).await?;
            tell(ctx, db, "secondFactor.disabled", user.id)
        })
        .await
    }

    async fn confirmed(&self, ctx: &Ctx, user: Id) -> Result<Factor> {
        let factor = ctx.read(async |db| stored::find(db, user).await).await?;
        factor.filter(|factor| factor.confirmed_at.is_some()).ok_or_else(not_set_up)
    }

    async fn show_totp(&self, ctx: &Ctx, user: Id) -> Result<Value> {
        let factor = ctx.read(async |db| stored::find(db, user).await).await?;
        let factor = factor.filter(|factor| factor.confirmed_at.is_some());
        let left = match &factor {
            Some(factor) => ctx.read(async |db| factor.codes_left(db).await).await?,
            None => 0,
        };
        let since = factor.and_then(|factor| factor.confirmed_at);
        Ok(json!({ "enabled": since.is_some(), "enabledAt": since, "recoveryCodesLeft": left }))
    }

    /// Takes the second factor away from whoever has an address, for the command line; says whether there was one.
    ///
    /// # Errors
    /// `NotFound` when nobody has the address.
    pub async fn disable_second_factor(&self, email: &str) -> Result<bool> {
        let outside = self.app.as_system(Id::NIL);
        let user = outside.read(async |db| users::by_email(db, email).await).await?;
        let user = user.ok_or_else(|| kith_kernel::not_found("user"))?.id;
        let tenant = places::first(&self.app, user).await?.map_or(Id::NIL, |place| place.tenant.id);
        let house = self.app.as_system(tenant);
        house
            .write(async |db| {
                let was_there = stored::remove(db, user).await?;
                if was_there {
                    tell(&house, db, "secondFactor.disabled", user)?;
                }
                Ok(was_there)
            })
            .await
    }
}

/// Whose secret it is, so that nobody's can be put in another's place.
fn place(user: Id) -> String {
    format!("totp {user}")
}

fn tell(ctx: &Ctx, db: &kith_store::Write, name: &'static str, user: Id) -> Result<()> {
    events::note(ctx, db, name, (None, json!({ "after": { "userId": user } })))
}

/// Eighty random bits each, as four groups of four letters and digits.
fn recovery_codes() -> Result<Vec<String>> {
    let mut codes = Vec::with_capacity(RECOVERY_CODES);
    for _ in 0..RECOVERY_CODES {
        let mut bytes = [0_u8; 10];
        getrandom::fill(&mut bytes)
            .map_err(|error| internal("the system gives no random bytes").caused_by(error))?;
        let text = totp::base32(&bytes);
        let groups: Vec<&str> = (0..4).map(|at| &text[at * 4..at * 4 + 4]).collect();
        codes.push(groups.join("-"));
    }
    Ok(codes)
}

/// An address as a part of a URI.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~@".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").ok();
        }
    }
    encoded
}
