//! Members: people of a tenant, who may or may not sign in; never deleted by leaving.

mod migrations;
mod roles;
mod routes;

use kith_kernel::{Id, Result, Role, Time, not_found, text::fold};
use kith_platform::{Ctx, anchors};
use kith_store::{Condition, Document, Insert, Read, Select, Update, Write, equals};
use serde::{Deserialize, Serialize};
use serde_json::json;

pub(crate) use migrations::migration;
pub use roles::LeavingHook;
pub(crate) use roles::must_not_touch;
pub(crate) use routes::{routes, schemas};

use crate::{events, input, pages::Paging};

/// Whether a member may come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MemberStatus {
    /// As usual.
    Active,
    /// Has left; records keep pointing here.
    Inactive,
    /// Is asked to come.
    Invited,
}

impl MemberStatus {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Invited => "invited",
        }
    }
}

/// A member, as far as signing in is concerned.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase"))]
pub struct Member {
    /// Which; `ownerId` of records is one of these.
    pub id: Id,
    /// The user who signs in as this member.
    pub user_id: Option<Id>,
    /// What they are called here.
    pub name: String,
    /// Their address here.
    pub email: Option<String>,
    /// What they may do.
    pub role: Role,
    /// Whether they may come in.
    pub status: MemberStatus,
    /// Their own time zone, where it is not the tenant's.
    pub timezone: Option<String>,
    /// Rises with each change.
    pub version: i64,
    /// Since when.
    pub created_at: Time,
    /// When they were last changed.
    pub updated_at: Time,
}

/// A member who is to be.
pub(crate) struct NewMember<'a> {
    pub(crate) id: Id,
    pub(crate) name: &'a str,
    pub(crate) email: Option<&'a str>,
    pub(crate) role: Role,
    pub(crate) user: Option<Id>,
    pub(crate) created_by: Option<Id>,
}

fn present() -> Select {
    Select::from("members").only(Condition::Null("deleted_at"))
}

pub(crate) async fn find(db: &Read, id: Id) -> Result<Member> {
    db.first(present().whose("id", id)).await?.ok_or_else(|| not_found("member"))
}

/// The member as whom a user signs in to the tenant.
pub(crate) async fn of_user(db: &Read, user: Id) -> Result<Option<Member>> {
    db.first(present().whose("user_id", user)).await
}

/// Members with an address, those who sign in first.
pub(crate) async fn by_email(db: &Read, email: &str) -> Result<Option<Member>> {
    let select = present().whose("email_folded", &*fold(&input::folded(email)));
    db.first(select.by_nullable("user_id", false).by("id", false)).await
}

/// A page of those who sign in.
pub(crate) async fn page_of_users(
    db: &Read,
    paging: &Paging,
) -> Result<(Vec<Member>, Option<i64>)> {
    let without = Condition::Not(Box::new(Condition::Null("user_id")));
    paging.read(db, present().only(without)).await
}

/// Whether the tenant has an owner who can come in, besides this member.
pub(crate) async fn has_other_owner(db: &Read, member: Id) -> Result<bool> {
    let owners = present()
        .whose("role", Role::Owner.name())
        .whose("status", MemberStatus::Active.name())
        .only(Condition::Not(Box::new(Condition::Null("user_id"))))
        .only(Condition::Not(Box::new(equals("id", member))));
    db.exists(owners).await
}

pub(crate) async fn add(ctx: &Ctx, db: &Write, new: NewMember<'_>) -> Result<Member> {
    let now = ctx.now();
    anchors::add(db, new.id, "member")?;
    db.insert(Insert::row(
        "members",
        vec![
            ("id", new.id.into()),
            ("name", new.name.into()),
            ("name_folded", (&*fold(new.name)).into()),
            ("email", new.email.into()),
            ("email_folded", new.email.map(|email| fold(email).into_owned()).into()),
            ("role", new.role.name().into()),
            ("status", MemberStatus::Active.name().into()),
            ("user_id", new.user.into()),
            ("version", 1.into()),
            ("created_at", now.into()),
            ("updated_at", now.into()),
            ("created_by", new.created_by.into()),
        ],
    ))
    .await?;
    let document = Document {
        record: Some(new.id),
        object: "members",
        title: new.name.to_owned(),
        keywords: new.email.unwrap_or_default().to_owned(),
        body: String::new(),
    };
    db.index(&document, false).await?;
    let after = json!({ "name": new.name, "email": new.email, "role": new.role,
        "status": MemberStatus::Active, "userId": new.user });
    events::note(ctx, db, "member.created", (Some(new.id), json!({ "after": after })))?;
    find(db, new.id).await
}

/// What changes of a member, and the event that tells of it.
pub(crate) struct MemberChange {
    pub(crate) role: Role,
    pub(crate) status: MemberStatus,
    pub(crate) user: Option<Id>,
}

impl MemberChange {
    pub(crate) fn of(member: &Member) -> Self {
        Self { role: member.role, status: member.status, user: member.user_id }
    }
}

/// Stores a change of a member, with an event; nothing when nothing changes.
pub(crate) async fn change(
    ctx: &Ctx,
    db: &Write,
    member: &Member,
    change: MemberChange,
) -> Result<Member> {
    let (mut before, mut after) = (json!({}), json!({}));
    let mut update = Update::table("members");
    if change.role != member.role {
        update = update.set("role", change.role.name());
        before["role"] = json!(member.role);
        after["role"] = json!(change.role);
    }
    if change.status != member.status {
        update = update.set("status", change.status.name());
        before["status"] = json!(member.status);
        after["status"] = json!(change.status);
    }
    if change.user != member.user_id {
        update = update.set("user_id", change.user);
        before["userId"] = json!(member.user_id);
        after["userId"] = json!(change.user);
    }
    if after == json!({}) {
        return find(db, member.id).await;
    }
    let update = update.set("updated_at", ctx.now()).plus("version", 1).whose("id", member.id);
    if db.update(update.whose("version", member.version)).await? != 1 {
        return Err(kith_kernel::conflict(
            "contended",
            "Others changed this member just now. Try again.",
        ));
    }
    let changes = json!({ "before": before, "after": after });
    events::note(ctx, db, "member.updated", (Some(member.id), changes))?;
    find(db, member.id).await
}
