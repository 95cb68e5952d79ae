//! For whoever has the machine: the command line and the demo, which act without signing in.

use kith_kernel::{Actor, Currency, Error, Id, Kind, Result, Zone};
use kith_platform::Ctx;

use crate::{Founding, Identity, NewUser, Tenant, input, tenants, users};

impl Identity {
    /// Every tenant that there is or was, and the installation itself, with its name.
    pub async fn tenants(&self) -> Result<Vec<(Id, String)>> {
        let all = self.app.as_system(Id::NIL).read(async |db| tenants::all(db).await).await?;
        Ok(all.into_iter().map(|tenant| (tenant.id, tenant.name)).collect())
    }

    /// The application on behalf of the house inside a tenant, named by id, slug or name; the only one when no name is
    /// given.
    ///
    /// # Errors
    /// `Invalid` (`unknown_tenant`) listing what there is.
    pub async fn act_in(&self, name: Option<&str>) -> Result<Ctx> {
        let all = self.app.as_system(Id::NIL).read(async |db| tenants::all(db).await).await?;
        let all: Vec<Tenant> = all.into_iter().filter(Tenant::is_open).collect();
        let is_meant = |tenant: &&Tenant| {
            name.is_none_or(|name| {
                tenant.slug == name || tenant.name == name || tenant.id.to_string() == name
            })
        };
        let mut meant = all.iter().filter(is_meant);
        if let (Some(tenant), None) = (meant.next(), meant.next()) {
            return Ok(self.app.on_behalf_of(Actor {
                zone: tenant.zone(),
                currency: tenant.currency,
                ..Actor::system(tenant.id)
            }));
        }
        let slugs: Vec<&str> = all.iter().map(|tenant| tenant.slug.as_str()).collect();
        let why = if slugs.is_empty() {
            "There is no tenant yet: start `kith serve` and register.".to_owned()
        } else {
            format!("Name one tenant of: {}.", slugs.join(", "))
        };
        Err(Error::new(Kind::Invalid, "unknown_tenant", why))
    }

    /// Makes a tenant with an owner, who never runs the installation; none when the owner exists already.
    pub async fn demo_tenant(
        &self,
        (name, email, password): (&str, &str, &str),
    ) -> Result<Option<Ctx>> {
        let outside = self.app.as_system(Id::NIL);
        if outside.read(async |db| users::by_email(db, email).await).await?.is_some() {
            return Ok(None);
        }
        input::password(password)?;
        let user = NewUser {
            email: input::email(email)?,
            name: input::name("name", name)?,
            password_hash: self.hash_password(password).await?,
            platform_admin: false,
        };
        let tenant_name = "Demo".to_owned();
        let founding = Founding { user, tenant_name, currency: Currency::USD, zone: Zone::UTC };
        self.found(founding).await.map(|founded| Some(founded.ctx))
    }
}
