//! Making a tenant: its row, its owner, and what other floors add, all in one transaction.

use std::{pin::Pin, sync::Arc};

use kith_kernel::{Actor, Currency, Id, Result, Role, Via, Zone, internal, text::fold};
use kith_platform::Ctx;
use kith_store::Write;
use serde_json::json;

use super::{Status, Tenant, insert, join};
use crate::{
    Identity, User, events,
    members::{self, Member, NewMember},
    secrets,
};

/// What another floor makes in each new tenant, in the transaction of its making.
///
/// The `Ctx` acts as the new owner in the new tenant.
pub type TenantHook = Arc<
    dyn for<'a> Fn(&'a Ctx, &'a Write) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>
        + Send
        + Sync,
>;

/// A tenant that is to be.
#[derive(Clone, Copy)]
pub struct NewTenant<'a> {
    /// What people call it.
    pub name: &'a str,
    /// Whose it is.
    pub owner: &'a User,
    /// What amounts are in that name no currency.
    pub currency: Currency,
    /// Where its days begin.
    pub zone: Zone,
}

/// The longest slug, before what makes it differ from others.
const LONGEST_SLUG: usize = 40;
/// Slugs that are tried; from the second on they end in random letters.
const ATTEMPTS: u32 = 4;

impl Identity {
    /// The application on behalf of the owner of a tenant that is still to be made.
    ///
    /// `credential` is the session that they are about to get, if they are.
    pub fn founding(&self, ctx: &Ctx, credential: Option<Id>, new: NewTenant<'_>) -> Ctx {
        ctx.app.on_behalf_of(Actor {
            tenant: ctx.new_id(),
            user: Some(new.owner.id),
            member: Some(ctx.new_id()),
            credential,
            role: Role::Owner,
            via: if credential.is_some() { Via::Session } else { Via::System },
            platform_admin: new.owner.platform_admin,
            request: ctx.actor.request,
            address: ctx.actor.address,
            zone: new.zone,
            currency: new.currency,
            ..Actor::installation()
        })
    }

    /// Makes the tenant for which `ctx` acts (see [`Self::founding`]) with its owner and what the hooks add.
    pub async fn make_tenant(
        &self,
        ctx: &Ctx,
        db: &Write,
        new: NewTenant<'_>,
    ) -> Result<(Tenant, Member)> {
        let member = ctx.actor.member.ok_or_else(|| internal("nobody founds this tenant"))?;
        let tenant = self.insert_tenant(ctx, db, (new.name, new.currency, new.zone)).await?;
        let owner = members::add(
            ctx,
            db,
            NewMember {
                id: member,
                name: &new.owner.name,
                email: Some(&new.owner.email),
                role: Role::Owner,
                user: Some(new.owner.id),
                created_by: Some(member),
            },
        )
        .await?;
        join(db, new.owner.id, member, ctx.now()).await?;
        let after = json!({ "name": tenant.name, "slug": tenant.slug,
            "currency": tenant.currency, "timezone": tenant.timezone });
        events::note(ctx, db, "tenant.created", (Some(tenant.id), json!({ "after": after })))?;
        for hook in &self.hooks {
            hook(ctx, db).await?;
        }
        Ok((tenant, owner))
    }

    /// Stores the actor's tenant under a slug that is free.
    pub(super) async fn insert_tenant(
        &self,
        ctx: &Ctx,
        db: &Write,
        (name, currency, zone): (&str, Currency, Zone),
    ) -> Result<Tenant> {
        let plain = slug(name);
        for attempt in 0..ATTEMPTS {
            let slug =
                if attempt == 0 { plain.clone() } else { format!("{plain}-{}", some_letters()?) };
            let tenant = Tenant {
                id: ctx.actor.tenant,
                name: name.to_owned(),
                slug,
                currency,
                timezone: zone.name().to_owned(),
                status: Status::Active,
                created_at: ctx.now(),
                arriving_since: None,
            };
            if insert(db, &tenant).await? {
                return Ok(tenant);
            }
        }
        Err(internal("no slug is free"))
    }
}

/// Six letters and digits that nobody chose.
fn some_letters() -> Result<String> {
    let random = secrets::random()?.to_ascii_lowercase();
    Ok(random.chars().filter(char::is_ascii_alphanumeric).take(6).collect())
}

/// `Açaí & Söhne` → `acai-sohne`.
fn slug(name: &str) -> String {
    let mut slug = String::new();
    for letter in fold(name).chars() {
        if slug.len() == LONGEST_SLUG {
            break;
        }
        if letter.is_ascii_alphanumeric() {
            slug.push(letter);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_end_matches('-');
    // `system` is the installation, and an empty slug names nothing.
    if slug.is_empty() || slug == "system" { "tenant".to_owned() } else { slug.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_plain_words() {
        assert_eq!(slug("Açaí & Söhne"), "acai-sohne");
        assert_eq!(slug("  --Acme, Inc.--  "), "acme-inc");
        assert_eq!(slug("東京"), "tenant");
        assert_eq!(slug("System"), "tenant");
        assert!(slug(&"x".repeat(300)).len() <= LONGEST_SLUG);
    }
}
