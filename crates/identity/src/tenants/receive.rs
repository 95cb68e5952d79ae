//! A tenant whose records come from elsewhere: nobody sees it before they are all there.

use kith_kernel::{Actor, Currency, Id, Result, Role, Time, Zone, conflict, not_found};
use kith_platform::Ctx;
use kith_store::{Update, Write};
use serde_json::json;

use super::{Tenant, arrive, arriving, find, forget, join, known, update};
use crate::{
    Identity, events,
    members::{self, MemberChange, MemberStatus, NewMember},
    users,
};

/// What became of a tenant that was expected.
#[derive(Debug)]
pub enum Arrival {
    /// Nothing is known of it.
    Unknown,
    /// Its rows are on their way, or were when somebody gave up.
    UnderWay,
    /// It is there.
    Opened(Box<Tenant>),
}

/// Who may enter a tenant when it is opened.
#[derive(Debug, Default)]
pub struct Opening {
    /// Users, with the members that they are.
    pub joining: Vec<(Id, Id)>,
    /// A user whose tenant it is.
    pub owner: Option<Id>,
}

impl Identity {
    /// The tenant for which `ctx` acts, as it describes itself.
    pub async fn described(&self, ctx: &Ctx) -> Result<Tenant> {
        let found = ctx.read(async |db| find(db, ctx.actor.tenant).await).await?;
        found.ok_or_else(|| not_found("tenant"))
    }

    /// Notes that a tenant's content was taken out.
    pub async fn note_export(&self, ctx: &Ctx, rows: u64) -> Result<()> {
        let (tenant, after) = (ctx.actor.tenant, json!({ "after": { "rows": rows } }));
        ctx.write(async |db| events::note(ctx, db, "tenant.exported", (Some(tenant), after))).await
    }

    /// Makes a tenant of this id that does not count as there until [`Self::open_received`], and acts in it.
    pub async fn expect_tenant(
        &self,
        tenant: Id,
        (name, currency, zone): (&str, Currency, Zone),
    ) -> Result<(Ctx, Tenant)> {
        let ctx = self.app.on_behalf_of(Actor { zone, currency, ..Actor::system(tenant) });
        let made = ctx
            .write(async |db| {
                let made = self.insert_tenant(&ctx, db, (name, currency, zone)).await?;
                let now = ctx.now();
                let hidden =
                    Update::table("tenants").set("deleted_at", now).set("arriving_since", now);
                update(db, made.id, hidden).await?;
                Ok(made)
            })
            .await?;
        Ok((ctx, made))
    }

    /// What is known of a tenant that was expected.
    pub async fn arrival(&self, tenant: Id) -> Result<Arrival> {
        let outside = self.app.as_system(Id::NIL);
        Ok(match outside.read(async |db| known(db, tenant).await).await? {
            None => Arrival::Unknown,
            Some(tenant) if tenant.arriving_since.is_some() => Arrival::UnderWay,
            Some(tenant) => Arrival::Opened(Box::new(tenant)),
        })
    }

    /// Tenants that are expected since before an instant.
    pub async fn arriving(&self, before: Time) -> Result<Vec<Id>> {
        let outside = self.app.as_system(Id::NIL);
        let all = outside.read(async |db| arriving(db, before).await).await?;
        Ok(all.into_iter().map(|tenant| tenant.id).collect())
    }

    /// Forgets a tenant that was expected and is not to come any more; it has nothing left.
    pub async fn forget_arrival(&self, tenant: Id) -> Result<()> {
        let outside = self.app.as_system(Id::NIL);
        outside.write(async |db| forget(db, tenant).await).await
    }

    /// The user of an e-mail address, if there is one.
    pub async fn user_of(&self, email: &str) -> Result<Option<Id>> {
        let outside = self.app.as_system(Id::NIL);
        let found = outside.read(async |db| users::by_email(db, email).await).await?;
        Ok(found.map(|user| user.id))
    }

    /// Whether a user runs the installation.
    pub async fn runs_installation(&self, user: Id) -> Result<bool> {
        let outside = self.app.as_system(Id::NIL);
        let found = outside.read(async |db| users::find(db, user).await).await?;
        Ok(found.is_some_and(|user| user.platform_admin))
    }

    /// Opens a tenant whose records are there: from now on these users belong to it.
    ///
    /// # Errors
    /// `Conflict` (`not_expected`) where it was given up meanwhile.
    pub async fn open_received(&self, ctx: &Ctx, opening: &Opening, rows: u64) -> Result<()> {
        let tenant = ctx.actor.tenant;
        ctx.write(async |db| {
            for (user, member) in &opening.joining {
                join(db, *user, *member, ctx.now()).await?;
            }
            if let Some(owner) = opening.owner {
                own(ctx, db, owner).await?;
            }
            if !arrive(db, tenant).await? {
                let why = "The tenant was given up before all its rows were there.";
                return Err(conflict("not_expected", why));
            }
            let joined = opening.joining.len();
            let after = json!({ "after": { "rows": rows, "joined": joined } });
            events::note(ctx, db, "tenant.imported", (Some(tenant), after))
        })
        .await?;
        self.forget();
        Ok(())
    }
}

/// The user is an owner of the actor's tenant: as the member that they are there, or as a new one.
async fn own(ctx: &Ctx, db: &Write, user: Id) -> Result<()> {
    let user = users::find(db, user).await?.ok_or_else(|| not_found("user"))?;
    let known = match members::of_user(db, user.id).await? {
        None => members::by_email(db, &user.email).await?.filter(|one| one.user_id.is_none()),
        known => known,
    };
    let member = if let Some(member) = known {
        let (role, status) = (Role::Owner, MemberStatus::Active);
        let change = MemberChange { role, status, user: Some(user.id) };
        members::change(ctx, db, &member, change).await?
    } else {
        let new = NewMember {
            id: ctx.new_id(),
            name: &user.name,
            email: Some(&user.email),
            role: Role::Owner,
            user: Some(user.id),
            created_by: None,
        };
        members::add(ctx, db, new).await?
    };
    join(db, user.id, member.id, ctx.now()).await
}
