//! Places: a user as a member of a tenant, and the actor that they are there.

use kith_kernel::{Actor, Id, Result, Role, Scopes, Via, Zone, forbidden, not_found};
use kith_platform::{App, Ctx};
use kith_store::Read;

use crate::{
    Identity, User,
    caller::signed_in,
    members::{self, Member, MemberStatus},
    tenants::{self, Status, Tenant},
};

/// A user's place in a tenant.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) tenant: Tenant,
    pub(crate) member: Member,
}

impl Place {
    pub(crate) fn is_open(&self) -> bool {
        self.tenant.status == Status::Active
    }

    fn zone(&self) -> Zone {
        zone_of(&self.tenant, &self.member)
    }
}

/// The member's own zone, else the tenant's.
pub(crate) fn zone_of(tenant: &Tenant, member: &Member) -> Zone {
    member.timezone.as_deref().and_then(Zone::named).unwrap_or_else(|| tenant.zone())
}

/// The user's place in the reader's tenant, when they may come in; a suspended tenant is told by its status.
pub(crate) async fn here(db: &Read, user: Id) -> Result<Option<Place>> {
    let member = members::of_user(db, user).await?;
    let Some(member) = member.filter(|member| member.status == MemberStatus::Active) else {
        return Ok(None);
    };
    let tenant = tenants::find(db, db.actor().tenant).await?;
    Ok(tenant.map(|tenant| Place { tenant, member }))
}

/// The user's place in a tenant.
pub(crate) async fn within(app: &App, user: Id, tenant: Id) -> Result<Option<Place>> {
    app.as_system(tenant).read(async |db| here(db, user).await).await
}

/// All places of a user, the oldest first.
pub(crate) async fn all(app: &App, user: Id) -> Result<Vec<Place>> {
    let belongs =
        app.as_system(Id::NIL).read(async |db| tenants::memberships(db, user).await).await?;
    let mut places = Vec::with_capacity(belongs.len());
    // One by one: no statement looks into two tenants.
    for membership in belongs {
        places.extend(within(app, user, membership.tenant_id).await?);
    }
    Ok(places)
}

/// Where a user comes in who names no tenant: the oldest place that is open, else one that is suspended.
pub(crate) async fn first(app: &App, user: Id) -> Result<Option<Place>> {
    let places = all(app, user).await?;
    let open = places.iter().position(Place::is_open).unwrap_or(0);
    Ok(places.into_iter().nth(open))
}

/// The actor that a user is in a place, by a session.
pub(crate) fn actor(user: &User, place: Option<&Place>, session: Id) -> Actor {
    Actor {
        tenant: place.map_or(Id::NIL, |place| place.tenant.id),
        user: Some(user.id),
        member: place.map(|place| place.member.id),
        credential: Some(session),
        role: place.map_or(Role::Viewer, |place| place.member.role),
        scopes: Scopes::All,
        via: Via::Session,
        platform_admin: user.platform_admin,
        zone: place.map(Place::zone).unwrap_or_default(),
        currency: place.map_or(kith_kernel::Currency::USD, |place| place.tenant.currency),
        ..Actor::installation()
    }
}

/// The application on behalf of somebody else than `ctx`, within the same request.
pub(crate) fn instead(ctx: &Ctx, actor: Actor) -> Ctx {
    let (request, address) = (ctx.actor.request, ctx.actor.address);
    ctx.app.on_behalf_of(Actor { request, address, ..actor })
}

impl Identity {
    /// The tenant, and the application on behalf of the caller in it.
    ///
    /// # Errors
    /// `NotFound` for who does not belong to it, `Forbidden` for a member with too low a role.
    pub(crate) async fn authority(
        &self,
        ctx: &Ctx,
        tenant: Id,
        least: Role,
    ) -> Result<(Tenant, Ctx)> {
        let (user, _) = signed_in(ctx)?;
        let place = within(&self.app, user, tenant).await?;
        let admin = ctx.actor.platform_admin;
        match place {
            Some(place) if admin || place.member.role >= least => {
                let (member, role) = (Some(place.member.id), place.member.role);
                let actor = Actor { tenant, member, role, ..ctx.actor.clone() };
                Ok((place.tenant, ctx.app.on_behalf_of(actor)))
            }
            Some(_) => {
                Err(forbidden(format!("This takes the role {} or a higher one.", least.name())))
            }
            None if admin => {
                let found = ctx.read(async |db| tenants::find(db, tenant).await).await?;
                let found = found.filter(|tenant| tenant.status != Status::System);
                let found = found.ok_or_else(|| not_found("tenant"))?;
                let actor = Actor { tenant, member: None, ..ctx.actor.clone() };
                Ok((found, ctx.app.on_behalf_of(actor)))
            }
            None => Err(not_found("tenant")),
        }
    }
}
