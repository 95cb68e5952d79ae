//! Changing and ending tenants.

use kith_kernel::{Currency, Id, Result, Role, Zone, forbidden, not_found};
use kith_platform::Ctx;
use kith_store::Update;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{NewTenant, Status, Tenant, find, suspended, update};
use crate::{Identity, caller::signed_in, events, input, users};

#[derive(Deserialize)]
pub(super) struct Change {
    name: Option<String>,
    currency: Option<String>,
    timezone: Option<String>,
    status: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Given {
    name: String,
    currency: Option<String>,
    timezone: Option<String>,
}

/// A change, checked.
struct Checked {
    name: Option<String>,
    currency: Option<Currency>,
    zone: Option<Zone>,
    status: Option<Status>,
}

impl Change {
    fn checked(&self) -> Result<Checked> {
        let status = match self.status.as_deref().map(str::to_ascii_lowercase).as_deref() {
            None => None,
            Some("active") => Some(Status::Active),
            Some("suspended") => Some(Status::Suspended),
            Some(_) => return Err(kith_kernel::invalid("status", "is none of active, suspended")),
        };
        Ok(Checked {
            name: self.name.as_deref().map(|name| input::name("name", name)).transpose()?,
            currency: self.currency.as_deref().map(|c| input::currency(Some(c))).transpose()?,
            zone: self.timezone.as_deref().map(|zone| input::zone(Some(zone))).transpose()?,
            status,
        })
    }
}

impl Identity {
    pub(super) async fn change_tenant(&self, ctx: &Ctx, id: Id, change: &Change) -> Result<Tenant> {
        let (tenant, there) = self.authority(ctx, id, Role::Admin).await?;
        let checked = change.checked()?;
        if checked.status.is_some() && !ctx.actor.platform_admin {
            return Err(forbidden("Only whoever runs this installation suspends tenants."));
        }
        if !ctx.actor.platform_admin && tenant.status != Status::Active {
            return Err(suspended());
        }
        let (set, changes) = differences(&tenant, checked);
        let Some(set) = set else { return Ok(tenant) };
        let ends = changes["after"]["status"] == "suspended";
        let event = if ends { "tenant.suspended" } else { "tenant.updated" };
        let now_is = there
            .write(async |db| {
                update(db, id, set.set("updated_at", there.now())).await?;
                events::note(&there, db, event, (Some(id), changes))?;
                find(db, id).await
            })
            .await?;
        self.forget();
        now_is.ok_or_else(|| not_found("tenant"))
    }

    /// Suspends a tenant for good: nobody gets in, and no list names it. Its rows stay until they are erased.
    pub(super) async fn end_tenant(&self, ctx: &Ctx, id: Id) -> Result<()> {
        let (_, there) = self.authority(ctx, id, Role::Owner).await?;
        there
            .write(async |db| {
                let now = there.now();
                let set = Update::table("tenants")
                    .set("status", Status::Suspended.name())
                    .set("deleted_at", now)
                    .set("updated_at", now);
                update(db, id, set).await?;
                let after = json!({ "after": { "status": "suspended", "deletedAt": now } });
                events::note(&there, db, "tenant.suspended", (Some(id), after))
            })
            .await?;
        self.forget();
        Ok(())
    }

    /// Makes a tenant whose owner is the caller.
    pub(super) async fn another_tenant(&self, ctx: &Ctx, given: &Given) -> Result<Tenant> {
        let (user, session) = signed_in(ctx)?;
        let name = input::name("name", &given.name)?;
        let currency = input::currency(given.currency.as_deref())?;
        let zone = input::zone(given.timezone.as_deref())?;
        let owner = ctx.read(async |db| users::find(db, user).await).await?;
        let owner = owner.ok_or_else(|| not_found("user"))?;
        let new = NewTenant { name: &name, owner: &owner, currency, zone };
        let there = self.founding(ctx, Some(session), new);
        let made = there.write(async |db| self.make_tenant(&there, db, new).await).await?;
        Ok(made.0)
    }
}

/// What a change does to a tenant: nothing when nothing differs.
fn differences(tenant: &Tenant, change: Checked) -> (Option<Update>, Value) {
    let (mut before, mut after) = (Map::new(), Map::new());
    let mut set = Update::table("tenants");
    let zone = change.zone.map(|zone| zone.name().to_owned());
    let currency = change.currency.map(|currency| currency.code().to_owned());
    let status = change.status.map(|status| status.name().to_owned());
    for (column, old, new) in [
        ("name", tenant.name.as_str(), change.name),
        ("currency", tenant.currency.code(), currency),
        ("timezone", tenant.timezone.as_str(), zone),
        ("status", tenant.status.name(), status),
    ] {
        let Some(new) = new.filter(|new| new != old) else { continue };
        before.insert(column.to_owned(), old.into());
        after.insert(column.to_owned(), new.clone().into());
        set = set.set(column, new);
    }
    let any = !after.is_empty();
    (any.then_some(set), json!({ "before": before, "after": after }))
}
