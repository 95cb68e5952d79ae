//! Signing in: registering, logging in, and who one is afterwards.

mod login;
mod me;
mod refresh;
mod register;
mod routes;
mod switch;

use kith_http::{Answer, Call};
use kith_kernel::Result;
use serde::Serialize;

pub use register::{Founded, Founding};
pub(crate) use routes::{SIGNED_IN, routes, schemas};

use crate::{Identity, User, cookies, tenants::Tenant, tokens::Tokens};

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
