//! Sending and revoking invites.

use kith_kernel::{Id, Result, Role, conflict, not_found};
use kith_platform::{
    Ctx,
    mail::{self, Mail},
};
use kith_store::{Insert, Update, Write};
use serde_json::json;

use super::{Invite, InviteStatus, find, pending_to};
use crate::{
    Identity, events, input,
    lookups::{self, Lookup},
    members::{self, MemberStatus, must_not_touch},
    secrets, tenants,
};

const DAYS: i64 = 7;

impl Identity {
    /// Invites an address, in place of what it was invited by before; the token is answered here and mailed.
    pub(super) async fn invite(
        &self,
        ctx: &Ctx,
        email: &str,
        role: Option<&str>,
    ) -> Result<(Invite, String)> {
        let role = role.map_or(Ok(Role::Member), str::parse)?;
        must_not_touch(ctx.actor.role, role)?;
        let (now, token) = (ctx.now(), secrets::random()?);
        let invite = Invite {
            id: ctx.new_id(),
            email: input::folded(&input::email(email)?),
            role,
            invited_by: ctx.actor.member,
            expires_at: now.plus_seconds(DAYS * 86_400),
            accepted_at: None,
            revoked_at: None,
            created_at: now,
        };
        ctx.write(async |db| {
            refuse_members(db, &invite.email).await?;
            for old in pending_to(db, &invite.email, now).await? {
                revoke(ctx, db, &old).await?;
            }
            self.store(ctx, db, &invite, &token).await
        })
        .await?;
        Ok((invite, token))
    }

    async fn store(&self, ctx: &Ctx, db: &Write, invite: &Invite, token: &str) -> Result<()> {
        let hash = secrets::hash(token);
        db.insert(Insert::row(
            "invites",
            vec![
                ("id", invite.id.into()),
                ("email", invite.email.as_str().into()),
                ("role", invite.role.name().into()),
                ("token_hash", hash.to_vec().into()),
                ("invited_by", invite.invited_by.into()),
                ("expires_at", invite.expires_at.into()),
                ("created_at", invite.created_at.into()),
            ],
        ))
        .await?;
        lookups::add(db, Lookup::Invite, &hash, invite.id).await?;
        mail::send(ctx, db, &self.letter(db, invite, token).await?)?;
        let after = json!({ "after": { "email": invite.email, "role": invite.role } });
        events::note(ctx, db, "invite.created", (Some(invite.id), after))
    }

    async fn letter(&self, db: &Write, invite: &Invite, token: &str) -> Result<Mail> {
        let tenant = tenants::find(db, db.actor().tenant).await?;
        let tenant = tenant.map_or_else(|| "Kith".to_owned(), |tenant| tenant.name);
        let by = match invite.invited_by {
            Some(member) => members::find(db, member).await?.name,
            None => "An administrator".to_owned(),
        };
        let link = self.options.link(&format!("/accept-invite?token={token}"));
        let text = format!(
            "{by} invites you to join {tenant} as {role}.\n\n\
             Accept within {DAYS} days:\n{link}\n\n\
             If you do not know what this is about, you can leave this mail alone.\n",
            role = invite.role.name()
        );
        let subject = format!("{by} invites you to {tenant}");
        Ok(Mail { to: invite.email.clone(), subject, text, ..Mail::default() })
    }

    pub(super) async fn revoke_invite(&self, ctx: &Ctx, id: Id) -> Result<()> {
        ctx.write(async |db| {
            let invite = find(db, id).await?.ok_or_else(|| not_found("invite"))?;
            match invite.status(ctx.now()) {
                InviteStatus::Pending => revoke(ctx, db, &invite).await,
                InviteStatus::Revoked | InviteStatus::Expired => Ok(()),
                InviteStatus::Accepted => {
                    let why = "This invite was accepted. Deactivate the member instead.";
                    Err(conflict("accepted", why))
                }
            }
        })
        .await
    }
}

async fn refuse_members(db: &Write, email: &str) -> Result<()> {
    match members::by_email(db, email).await? {
        Some(member) if member.user_id.is_some() && member.status == MemberStatus::Active => {
            Err(already_member())
        }
        Some(_) | None => Ok(()),
    }
}

#[track_caller]
pub(super) fn already_member() -> kith_kernel::Error {
    conflict("already_member", "They are a member of this tenant already.")
}

async fn revoke(ctx: &Ctx, db: &Write, invite: &Invite) -> Result<()> {
    let update = Update::table("invites").set("revoked_at", ctx.now()).whose("id", invite.id);
    db.update(update).await?;
    lookups::remove(db, Lookup::Invite, invite.id).await?;
    let before = json!({ "before": { "email": invite.email, "role": invite.role } });
    events::note(ctx, db, "invite.revoked", (Some(invite.id), before))
}
