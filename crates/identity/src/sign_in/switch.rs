//! Going on in another tenant, with the same session.

use kith_http::Call;
use kith_kernel::{Error, Id, Kind, Result, not_found};

use super::Entered;
use crate::{Identity, caller::signed_in, places, sessions, tenants::suspended, users};

impl Identity {
    /// New tokens of this session, for another tenant of the caller's.
    pub(super) async fn switch(&self, call: &Call, tenant: Id) -> Result<Entered> {
        let (user, session) = signed_in(&call.ctx)?;
        let place = places::within(&self.app, user, tenant).await?;
        let place = place.ok_or_else(|| not_found("tenant"))?;
        if !place.is_open() {
            return Err(suspended());
        }
        let now = call.ctx.now();
        let (known, session) = call
            .ctx
            .read(async |db| {
                Ok((users::find(db, user).await?, sessions::find(db, session, now).await?))
            })
            .await?;
        let (Some(user), Some(session)) = (known, session) else { return Err(gone()) };
        let there = places::instead(&call.ctx, places::actor(&user, Some(&place), session.id));
        let tokens = there.write(async |db| self.go_on(&there, db, &session).await).await?;
        Ok(Entered { user, tenant: Some(place.tenant), tokens })
    }
}

fn gone() -> Error {
    Error::new(Kind::Unauthenticated, "session_ended", "This session has ended. Sign in again.")
}
