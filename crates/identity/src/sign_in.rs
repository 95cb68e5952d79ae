//! Signing in: registering, logging in, and who one is afterwards.

mod login;
mod me;
mod register;
mod routes;

use kith_http::{Answer, Call};
use kith_kernel::{Id, Result, Via, forbidden};
use kith_platform::Ctx;
use serde::Serialize;

pub use register::{Founded, Founding};
pub(crate) use routes::{SIGNED_IN, routes, schemas};

use crate::{Identity, User, cookies, sessions::Tokens, tenants::Tenant};

/// Somebody who has just come in.
pub(crate) struct Entered {
    pub(crate) user: User,
    pub(crate) tenant: Option<Tenant>,
    pub(crate) tokens: Tokens,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SignedIn<'a> {
    user: &'a User,
    tenant: Option<&'a Tenant>,
    token: &'a str,
    refresh_token: &'a str,
    expires_in: i64,
}

/// Answers with tokens, and with cookies for browsers.
pub(crate) fn welcome(identity: &Identity, call: &Call, entered: &Entered) -> Result<Answer> {
    let answer = Answer::json(&SignedIn {
        user: &entered.user,
        tenant: entered.tenant.as_ref(),
        token: &entered.tokens.access,
        refresh_token: &entered.tokens.refresh,
        expires_in: identity.options.access_seconds,
    })?;
    Ok(cookies::hand_over(answer, &call.head, &identity.options, &entered.tokens))
}

/// The user and the session that ask.
///
/// # Errors
/// `Forbidden` for API keys, which are nobody's session.
pub(crate) fn signed_in(ctx: &Ctx) -> Result<(Id, Id)> {
    match (ctx.actor.via, ctx.actor.user, ctx.actor.credential) {
        (Via::Session, Some(user), Some(session)) => Ok((user, session)),
        (Via::Session | Via::Key | Via::System, _, _) => {
            Err(forbidden("This takes somebody who is signed in; an API key is not.")
                .coded("session_needed"))
        }
    }
}

/// What the browser says of itself.
pub(crate) fn agent(call: &Call) -> Option<&str> {
    call.header(&axum::http::header::USER_AGENT)
}
