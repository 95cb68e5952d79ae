//! Registering: a user, their tenant (or the one that invited them) and a session, in one transaction.

use kith_http::Call;
use kith_kernel::{Currency, Id, Result, Zone, conflict};
use kith_platform::Ctx;
use kith_store::Write;
use serde::Deserialize;

use super::Entered;
use crate::{
    Identity, NewTenant, User,
    caller::agent,
    input, installation,
    members::Member,
    tenants::Tenant,
    users::{self, NewUser, email_taken},
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Register {
    pub(super) email: String,
    pub(super) password: String,
    pub(super) name: Option<String>,
    pub(super) tenant_name: Option<String>,
    pub(super) currency: Option<String>,
    pub(super) timezone: Option<String>,
    pub(super) invite_token: Option<String>,
    pub(super) setup_token: Option<String>,
}

/// Somebody who founds a tenant of their own.
pub struct Founding {
    /// Who; their password is hashed already.
    pub user: NewUser,
    /// What people call the tenant.
    pub tenant_name: String,
    /// What amounts are in that name no currency.
    pub currency: Currency,
    /// Where its days begin.
    pub zone: Zone,
}

/// A tenant with its owner, just made.
pub struct Founded {
    /// The owner as a user.
    pub user: User,
    /// The tenant.
    pub tenant: Tenant,
    /// The owner as a member.
    pub member: Member,
    /// The application on behalf of the owner.
    pub ctx: Ctx,
}

impl Register {
    fn new_user(&self, password_hash: String, platform_admin: bool) -> Result<NewUser> {
        let email = input::email(&self.email)?;
        let name = match self.name.as_deref() {
            Some(name) => input::name("name", name)?,
            None => input::name_of(&email),
        };
        Ok(NewUser { email, name, password_hash, platform_admin })
    }

    fn tenant_name(&self, user: &NewUser) -> Result<String> {
        let given = self.tenant_name.as_deref();
        given.map_or_else(|| Ok(user.name.clone()), |name| input::name("tenantName", name))
    }

    /// Everything that can be found wrong before a password is hashed.
    fn check(&self) -> Result<()> {
        input::password(&self.password)?;
        let user = self.new_user(String::new(), false)?;
        self.tenant_name(&user)?;
        input::currency(self.currency.as_deref())?;
        input::zone(self.timezone.as_deref()).map(drop)
    }
}

impl Identity {
    pub(super) async fn register(&self, call: &Call, given: Register) -> Result<Entered> {
        given.check()?;
        let taken = call.ctx.read(async |db| users::by_email(db, &given.email).await).await?;
        if taken.is_some() {
            return Err(email_taken());
        }
        if let Some(token) = &given.invite_token {
            let hash = self.hash_password(&given.password).await?;
            let user = given.new_user(hash, false)?;
            return self.join_by_invite(call, token, user).await;
        }
        let setup_token = given.setup_token.as_deref();
        let is_local = is_local(call);
        let claim = call
            .ctx
            .read(async |db| self.claims_installation(db, setup_token, is_local).await)
            .await?;
        let hash = self.hash_password(&given.password).await?;
        let user = given.new_user(hash, claim)?;
        let founding = Founding {
            tenant_name: given.tenant_name(&user)?,
            currency: input::currency(given.currency.as_deref())?,
            zone: input::zone(given.timezone.as_deref())?,
            user,
        };
        self.found_and_open(call, founding).await
    }

    async fn found_and_open(&self, call: &Call, founding: Founding) -> Result<Entered> {
        let Founding { user, tenant_name, currency, zone } = founding;
        let user = user.into_user(&call.ctx);
        let new = NewTenant { name: &tenant_name, owner: &user, currency, zone };
        let mine = self.founding(&call.ctx, Some(call.ctx.new_id()), new);
        let agent = agent(call);
        let (tenant, tokens) = mine
            .write(async |db| {
                let (tenant, _) = self.found_in(&mine, db, new).await?;
                Ok((tenant, self.open(&mine, db, agent).await?))
            })
            .await?;
        Ok(Entered { user, tenant: Some(tenant), tokens })
    }

    /// Makes a user and a tenant of theirs, without a session: for the demo and the command line.
    pub async fn found(&self, founding: Founding) -> Result<Founded> {
        let outside = self.app.as_system(Id::NIL);
        let Founding { user, tenant_name, currency, zone } = founding;
        let user = user.into_user(&outside);
        let new = NewTenant { name: &tenant_name, owner: &user, currency, zone };
        let ctx = self.founding(&outside, None, new);
        let (tenant, member) = ctx.write(async |db| self.found_in(&ctx, db, new).await).await?;
        Ok(Founded { user, tenant, member, ctx })
    }

    async fn found_in(
        &self,
        ctx: &Ctx,
        db: &Write,
        new: NewTenant<'_>,
    ) -> Result<(Tenant, Member)> {
        users::insert(db, new.owner).await?;
        if new.owner.platform_admin && !installation::claim(ctx, db).await? {
            let why = "Somebody else claimed this installation just now. Register again.";
            return Err(conflict("claimed", why));
        }
        self.make_tenant(ctx, db, new).await
    }
}

/// Whether the request came from this machine, and through no proxy that says otherwise.
fn is_local(call: &Call) -> bool {
    let direct = !call.headers().contains_key("x-forwarded-for")
        && !call.headers().contains_key("forwarded");
    direct && call.ctx.actor.address.is_none_or(|address| address.is_loopback())
}
