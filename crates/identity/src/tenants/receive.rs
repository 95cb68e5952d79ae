//! A tenant whose records come from elsewhere: nobody sees it before they are all there.

use kith_kernel::{Actor, Currency, Id, Result, Zone, not_found};
use kith_platform::Ctx;
use kith_store::{Update, Value};
use serde_json::json;

use super::{Tenant, find, join, update};
use crate::{Identity, events, users};

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

    /// Makes a tenant that does not count as there until [`Self::open_received`], and acts in it.
    pub async fn expect_tenant(
        &self,
        (name, currency, zone): (&str, Currency, Zone),
    ) -> Result<(Ctx, Tenant)> {
        let tenant = self.app.ids.next();
        let ctx = self.app.on_behalf_of(Actor { zone, currency, ..Actor::system(tenant) });
        let made = ctx
            .write(async |db| {
                let made = self.insert_tenant(&ctx, db, (name, currency, zone)).await?;
                let hidden = Update::table("tenants").set("deleted_at", ctx.now());
                update(db, made.id, hidden).await?;
                Ok(made)
            })
            .await?;
        Ok((ctx, made))
    }

    /// The user of an e-mail address, if there is one.
    pub async fn user_of(&self, email: &str) -> Result<Option<Id>> {
        let outside = self.app.as_system(Id::NIL);
        let found = outside.read(async |db| users::by_email(db, email).await).await?;
        Ok(found.map(|user| user.id))
    }

    /// Opens a tenant whose records are there: from now on these users belong to it, as these members.
    pub async fn open_received(&self, ctx: &Ctx, joining: &[(Id, Id)], rows: u64) -> Result<()> {
        let tenant = ctx.actor.tenant;
        ctx.write(async |db| {
            for (user, member) in joining {
                join(db, *user, *member, ctx.now()).await?;
            }
            let shown = Update::table("tenants").set("deleted_at", Value::Null);
            update(db, tenant, shown).await?;
            let after = json!({ "after": { "rows": rows, "joined": joining.len() } });
            events::note(ctx, db, "tenant.imported", (Some(tenant), after))
        })
        .await
    }
}
