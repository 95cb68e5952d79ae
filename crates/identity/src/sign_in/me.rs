//! Who one is: the user, where they stand, and where else they belong.

use kith_http::Call;
use kith_kernel::{Id, Result, Role, unauthenticated};
use serde::Serialize;

use crate::{
    Identity, User,
    caller::signed_in,
    places::{self, Place},
    tenants::Tenant,
    users,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Me {
    user: User,
    tenant: Option<Tenant>,
    role: Option<Role>,
    member_id: Option<Id>,
    memberships: Vec<Belongs>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Belongs {
    tenant: Tenant,
    role: Role,
    member_id: Id,
}

impl Identity {
    pub(super) async fn me(&self, call: &Call) -> Result<Me> {
        let (user, _) = signed_in(&call.ctx)?;
        let found = call.ctx.read(async |db| users::find(db, user).await).await?;
        let user = found.ok_or_else(|| unauthenticated("This user is gone."))?;
        let places = places::all(&self.app, user.id).await?;
        let memberships: Vec<Belongs> = places.into_iter().map(belongs).collect();
        let here = memberships.iter().find(|one| one.tenant.id == call.ctx.actor.tenant);
        Ok(Me {
            user,
            tenant: here.map(|one| one.tenant.clone()),
            role: here.map(|one| one.role),
            member_id: here.map(|one| one.member_id),
            memberships,
        })
    }
}

fn belongs(place: Place) -> Belongs {
    Belongs { role: place.member.role, member_id: place.member.id, tenant: place.tenant }
}
