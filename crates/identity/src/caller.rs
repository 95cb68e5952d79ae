//! Who asks, as far as signing in is concerned.

use kith_http::Call;
use kith_kernel::{Id, Result, Via, forbidden};
use kith_platform::Ctx;

/// The user and the session that ask.
///
/// # Errors
/// `Forbidden` for API keys, which are nobody's session.
pub(crate) fn signed_in(ctx: &Ctx) -> Result<(Id, Id)> {
    match (ctx.actor.via, ctx.actor.user, ctx.actor.credential) {
        (Via::Session, Some(user), Some(session)) => Ok((user, session)),
        (Via::Session | Via::Key | Via::System | Via::Assistant, _, _) => {
            Err(forbidden("This takes somebody who is signed in; an API key is not.")
                .coded("session_needed"))
        }
    }
}

/// What the browser says of itself.
pub(crate) fn agent(call: &Call) -> Option<&str> {
    call.header(&axum::http::header::USER_AGENT)
}
