//! Accepting: by somebody new, who gives a password, or by the user whose address was invited.

use kith_http::Call;
use kith_kernel::{Id, Result, Role, Via, invalid, not_found, unauthenticated};
use kith_platform::Ctx;
use kith_store::{Update, Write};
use serde_json::json;

use super::{Invite, InviteStatus, find, pending, send::already_member};
use crate::{
    Identity, User,
    caller::agent,
    events, input,
    lookups::{self, Lookup},
    members::{self, Member, MemberChange, MemberStatus, NewMember},
    places, secrets,
    sign_in::Entered,
    tenants::{self, Tenant, suspended},
    users::{self, NewUser},
};

/// An invite that can be accepted, and where it leads.
pub(super) struct OpenInvite {
    pub(super) invite: Invite,
    pub(super) tenant: Tenant,
}

/// Who accepts.
struct Guest {
    user: User,
    is_new: bool,
}

impl Identity {
    /// The invite of a token, while it is good.
    pub(super) async fn open_invite(&self, ctx: &Ctx, token: &str) -> Result<OpenInvite> {
        let (hash, now) = (secrets::hash(token), ctx.now());
        let target = ctx.read(async |db| lookups::find(db, Lookup::Invite, &hash).await).await?;
        let target = target.ok_or_else(|| not_found("invite"))?;
        let inside = self.app.as_system(target.tenant_id);
        let (invite, tenant) = inside
            .read(async |db| {
                Ok((find(db, target.id).await?, tenants::find(db, target.tenant_id).await?))
            })
            .await?;
        let invite = invite.filter(|invite| invite.status(now) == InviteStatus::Pending);
        match (invite, tenant) {
            (Some(invite), Some(tenant)) => Ok(OpenInvite { invite, tenant }),
            (_, _) => Err(not_found("invite")),
        }
    }

    pub(super) async fn accept(
        &self,
        call: &Call,
        (token, name): (&str, Option<&str>),
        password: Option<&str>,
    ) -> Result<Entered> {
        let ctx = &call.ctx;
        let open = self.open_invite(ctx, token).await?;
        let email = &open.invite.email;
        let known = ctx.read(async |db| users::by_email(db, email).await).await?;
        let guest = if let Some(user) = known {
            Guest { user: self.prove(call, user, password).await?, is_new: false }
        } else {
            self.newcomer(ctx, (email, name), password).await?
        };
        self.welcome_guest(call, &open, guest).await
    }

    async fn newcomer(
        &self,
        ctx: &Ctx,
        (email, name): (&str, Option<&str>),
        password: Option<&str>,
    ) -> Result<Guest> {
        let password = password.ok_or_else(|| invalid("password", "is required"))?;
        input::password(password)?;
        let name =
            name.map_or_else(|| Ok(input::name_of(email)), |name| input::name("name", name))?;
        let password_hash = self.hash_password(password).await?;
        let new = NewUser { email: email.to_owned(), name, password_hash, platform_admin: false };
        Ok(Guest { user: new.into_user(ctx), is_new: true })
    }

    /// Registers somebody new who was invited.
    pub(crate) async fn join_by_invite(
        &self,
        call: &Call,
        token: &str,
        new: NewUser,
    ) -> Result<Entered> {
        let open = self.open_invite(&call.ctx, token).await?;
        if input::folded(&new.email) != open.invite.email {
            return Err(invalid("email", "is not the address that was invited"));
        }
        let guest = Guest { user: new.into_user(&call.ctx), is_new: true };
        self.welcome_guest(call, &open, guest).await
    }

    /// A user who is signed in, or who gives their password.
    async fn prove(&self, call: &Call, user: User, password: Option<&str>) -> Result<User> {
        if let Some(password) = password {
            let email = user.email.clone();
            let user = self.recognise(&call.ctx, (&email, Some(user)), password).await?;
            // Whoever needs a code signs in first.
            self.check_second_factor(&call.ctx, &user, None).await?;
            return Ok(user);
        }
        let actor = self.actor_of(&call.head).await;
        if actor.is_ok_and(|actor| actor.via == Via::Session && actor.user == Some(user.id)) {
            return Ok(user);
        }
        let why = "This address has an account: sign in with it, or give its password.";
        Err(unauthenticated(why).coded("sign_in_needed"))
    }

    async fn welcome_guest(&self, call: &Call, open: &OpenInvite, guest: Guest) -> Result<Entered> {
        if open.tenant.status != tenants::Status::Active {
            return Err(suspended());
        }
        let inside = self.app.as_system(open.tenant.id);
        let known = inside.read(async |db| known_member(db, &guest.user).await).await?;
        let member = known.as_ref().map_or_else(|| call.ctx.new_id(), |member| member.id);
        let mine = guest_ctx(call, open, &guest.user, member);
        let agent = agent(call);
        let tokens = mine
            .write(async |db| {
                self.seat(&mine, db, (open, &guest), known.as_ref()).await?;
                self.open(&mine, db, agent).await
            })
            .await?;
        self.forget();
        Ok(Entered { user: guest.user, tenant: Some(open.tenant.clone()), tokens })
    }

    /// Uses up the invite and makes its guest a member.
    async fn seat(
        &self,
        ctx: &Ctx,
        db: &Write,
        (open, guest): (&OpenInvite, &Guest),
        known: Option<&Member>,
    ) -> Result<()> {
        let (invite, now) = (&open.invite, ctx.now());
        let used = Update::table("invites").set("accepted_at", now).whose("id", invite.id);
        if db.update(used.only(pending(now))).await? != 1 {
            return Err(not_found("invite"));
        }
        lookups::remove(db, Lookup::Invite, invite.id).await?;
        if guest.is_new {
            users::insert(db, &guest.user).await?;
        }
        let member = make_member(ctx, db, (invite, &guest.user), known).await?;
        tenants::join(db, guest.user.id, member, now).await?;
        let after = json!({ "after": { "email": invite.email, "role": invite.role } });
        events::note(ctx, db, "invite.accepted", (Some(invite.id), after))
    }
}

/// The member that the user was, or who has their address and no sign-in yet (an import made them).
async fn known_member(db: &kith_store::Read, user: &User) -> Result<Option<Member>> {
    if let Some(member) = members::of_user(db, user.id).await? {
        return Ok(Some(member));
    }
    let same = members::by_email(db, &user.email).await?;
    Ok(same.filter(|member| member.user_id.is_none()))
}

async fn make_member(
    ctx: &Ctx,
    db: &Write,
    (invite, user): (&Invite, &User),
    known: Option<&Member>,
) -> Result<Id> {
    let Some(known) = known else {
        let member = NewMember {
            id: ctx.actor.member.unwrap_or_default(),
            name: &user.name,
            email: Some(&user.email),
            role: invite.role,
            user: Some(user.id),
            created_by: invite.invited_by,
        };
        return members::add(ctx, db, member).await.map(|member| member.id);
    };
    if known.user_id.is_some() && known.status == MemberStatus::Active {
        return Err(already_member());
    }
    let change =
        MemberChange { role: invite.role, status: MemberStatus::Active, user: Some(user.id) };
    members::change(ctx, db, known, change).await.map(|member| member.id)
}

/// The application on behalf of the guest, as the member that they are about to be.
fn guest_ctx(call: &Call, open: &OpenInvite, user: &User, member: Id) -> Ctx {
    let outside = places::actor(user, None, call.ctx.new_id());
    let role: Role = open.invite.role;
    let actor = kith_kernel::Actor {
        tenant: open.tenant.id,
        member: Some(member),
        role,
        zone: open.tenant.zone(),
        currency: open.tenant.currency,
        ..outside
    };
    places::instead(&call.ctx, actor)
}
