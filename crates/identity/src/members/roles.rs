//! Who may give which role to whom, and that a tenant always has an owner.

use std::{pin::Pin, sync::Arc};

use kith_kernel::{Id, Result, Role, conflict, forbidden};
use kith_platform::Ctx;
use kith_store::Write;

use super::{Member, MemberChange, MemberStatus, change, find, has_other_owner};
use crate::{Identity, sessions};

/// What another floor does when a member is kept out, in the transaction of that.
pub type LeavingHook = Arc<
    dyn for<'a> Fn(&'a Ctx, &'a Write, Id) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>
        + Send
        + Sync,
>;

/// Nobody touches what stands above their own role.
///
/// # Errors
/// `Forbidden` when they would.
pub(crate) fn must_not_touch(mine: Role, theirs: Role) -> Result<()> {
    if theirs <= mine {
        return Ok(());
    }
    let why = format!("You are {}: the role {} is above yours.", mine.name(), theirs.name());
    Err(forbidden(why).coded("role_above_yours"))
}

/// Changes to owners of one tenant follow one another: two owners must not demote each other at once.
async fn one_at_a_time(db: &Write) -> Result<()> {
    let tenant = db.actor().tenant;
    let key = tenant.as_bytes().last_chunk().map_or(0, |last| i64::from_be_bytes(*last));
    db.lock(key).await
}

async fn must_keep_an_owner(db: &Write, member: Id) -> Result<()> {
    if has_other_owner(db, member).await? {
        return Ok(());
    }
    let why = "This is the last owner. Make somebody else owner first.";
    Err(conflict("last_owner", why))
}

impl Identity {
    pub(super) async fn give_role(&self, ctx: &Ctx, member: Id, role: Role) -> Result<Member> {
        must_not_touch(ctx.actor.role, role)?;
        let changed = ctx
            .write(async |db| {
                let member = find(db, member).await?;
                must_not_touch(ctx.actor.role, member.role)?;
                if member.role == Role::Owner && role != Role::Owner {
                    one_at_a_time(db).await?;
                    must_keep_an_owner(db, member.id).await?;
                }
                let to = MemberChange { role, ..MemberChange::of(&member) };
                change(ctx, db, &member, to).await
            })
            .await?;
        self.forget();
        Ok(changed)
    }

    pub(super) async fn deactivate(&self, ctx: &Ctx, member: Id) -> Result<Member> {
        let changed = ctx
            .write(async |db| {
                let member = find(db, member).await?;
                must_not_touch(ctx.actor.role, member.role)?;
                if member.role == Role::Owner && member.status == MemberStatus::Active {
                    one_at_a_time(db).await?;
                    must_keep_an_owner(db, member.id).await?;
                }
                if let Some(user) = member.user_id {
                    sessions::end_here(ctx, db, user).await?;
                }
                for hook in &self.leaving {
                    hook(ctx, db, member.id).await?;
                }
                let to =
                    MemberChange { status: MemberStatus::Inactive, ..MemberChange::of(&member) };
                change(ctx, db, &member, to).await
            })
            .await?;
        self.forget();
        Ok(changed)
    }

    pub(super) async fn reactivate(&self, ctx: &Ctx, member: Id) -> Result<Member> {
        let changed = ctx
            .write(async |db| {
                let member = find(db, member).await?;
                must_not_touch(ctx.actor.role, member.role)?;
                let to = MemberChange { status: MemberStatus::Active, ..MemberChange::of(&member) };
                change(ctx, db, &member, to).await
            })
            .await?;
        self.forget();
        Ok(changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_reaches_above_themselves() {
        assert!(must_not_touch(Role::Admin, Role::Admin).is_ok());
        assert!(must_not_touch(Role::Admin, Role::Owner).is_err());
        assert!(must_not_touch(Role::Owner, Role::Owner).is_ok());
    }
}
