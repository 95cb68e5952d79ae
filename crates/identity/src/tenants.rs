//! Tenants: organisations, each with a world of its own; and which users belong to which.

mod change;
mod make;
mod migrations;
mod open;
mod receive;
mod routes;

use kith_kernel::{Currency, Error, Id, Kind, Result, Time, Zone};
use kith_store::{Comparison, Condition, Delete, Insert, Read, Select, Update, Value, Write};
use serde::{Deserialize, Serialize};

pub use make::{NewTenant, TenantHook};
pub(crate) use migrations::migration;
pub use open::{NameOfTenant, OpenTenant, name_of_tenant, open_tenant};
pub use receive::{Arrival, Opening};
pub(crate) use routes::{routes, schemas};

use crate::pages::Paging;

const WHY: &str = "tenants and memberships stand outside of any tenant";

/// Whether a tenant can be entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Status {
    /// As usual.
    Active,
    /// Nobody gets in.
    Suspended,
    /// The installation itself, which is never listed.
    System,
}

impl Status {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::System => "system",
        }
    }
}

/// An organisation.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase"))]
pub struct Tenant {
    /// Which.
    pub id: Id,
    /// What people call it.
    pub name: String,
    /// What addresses and headers call it: ASCII, unique, and never changed.
    pub slug: String,
    /// What amounts are in that name no currency.
    pub currency: Currency,
    /// Where its days begin.
    pub timezone: String,
    /// Whether it can be entered.
    pub status: Status,
    /// When it was made.
    pub created_at: Time,
    /// Since when its rows are on their way in: nobody enters it yet.
    #[serde(default, skip_serializing)]
    pub(crate) arriving_since: Option<Time>,
}

impl Tenant {
    pub(crate) fn is_open(&self) -> bool {
        self.status == Status::Active && self.arriving_since.is_none()
    }

    pub(crate) fn zone(&self) -> Zone {
        Zone::named(&self.timezone).unwrap_or_default()
    }
}

/// Nobody gets in.
#[track_caller]
pub(crate) fn suspended() -> Error {
    Error::new(Kind::Forbidden, "tenant_suspended", "This tenant is suspended.")
}

/// Where a user belongs.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Membership {
    pub(crate) tenant_id: Id,
}

/// Tenants that were ended for good are as if they had never been.
fn living() -> Select {
    Select::from("tenants").only(Condition::Null("deleted_at"))
}

/// Stores a tenant; false when its slug (or id) is taken.
pub(crate) async fn insert(db: &Write, tenant: &Tenant) -> Result<bool> {
    let row = Insert::row(
        "tenants",
        vec![
            ("id", tenant.id.into()),
            ("name", tenant.name.as_str().into()),
            ("slug", tenant.slug.as_str().into()),
            ("currency", tenant.currency.code().into()),
            ("timezone", tenant.timezone.as_str().into()),
            ("status", tenant.status.name().into()),
            ("created_at", tenant.created_at.into()),
            ("updated_at", tenant.created_at.into()),
        ],
    );
    Ok(db.everywhere(WHY).insert(row.or_keep()).await? == 1)
}

pub(crate) async fn find(db: &Read, id: Id) -> Result<Option<Tenant>> {
    db.everywhere(WHY).first(living().whose("id", id)).await
}

/// Whatever is known of a tenant, also of one that is not there yet or any more.
async fn known(db: &Read, id: Id) -> Result<Option<Tenant>> {
    db.everywhere(WHY).first(Select::from("tenants").whose("id", id)).await
}

/// Tenants whose rows are on their way since before an instant.
async fn arriving(db: &Read, before: Time) -> Result<Vec<Tenant>> {
    let since = Condition::Compare("arriving_since", Comparison::Less, before.into());
    db.everywhere(WHY).all(Select::from("tenants").only(since).by("id", false)).await
}

fn is_arriving() -> Condition {
    Condition::Not(Box::new(Condition::Null("arriving_since")))
}

/// A tenant is there; false where its rows were not on their way.
async fn arrive(db: &Write, id: Id) -> Result<bool> {
    let shown = Update::table("tenants")
        .set("deleted_at", Value::Null)
        .set("arriving_since", Value::Null)
        .whose("id", id);
    Ok(db.everywhere(WHY).update(shown.only(is_arriving())).await? == 1)
}

/// Forgets a tenant whose rows were on their way.
async fn forget(db: &Write, id: Id) -> Result<()> {
    let delete = Delete::from("tenants").whose("id", id).only(is_arriving());
    db.everywhere(WHY).delete(delete).await.map(drop)
}

/// The id of a tenant by what a caller names it: an id or a slug.
pub(crate) async fn named(db: &Read, name: &str) -> Result<Option<Id>> {
    if let Ok(id) = name.parse() {
        return Ok(Some(id));
    }
    let found: Option<Tenant> = db.everywhere(WHY).first(living().whose("slug", name)).await?;
    Ok(found.map(|tenant| tenant.id))
}

/// A page of tenants: those of `only`, or all of them.
pub(crate) async fn page(
    db: &Read,
    paging: &Paging,
    only: Option<Vec<Id>>,
) -> Result<(Vec<Tenant>, Option<i64>)> {
    let hidden = Condition::Not(Box::new(kith_store::equals("status", Status::System.name())));
    let mut select = living().only(hidden);
    if let Some(ids) = only {
        select = select.only(Condition::In("id", ids.into_iter().map(Value::Id).collect()));
    }
    paging.read(&db.everywhere(WHY), select).await
}

pub(crate) async fn update(db: &Write, id: Id, update: Update) -> Result<()> {
    db.everywhere(WHY).update(update.whose("id", id)).await.map(drop)
}

/// The user belongs to the actor's tenant from now on.
pub(crate) async fn join(db: &Write, user: Id, member: Id, now: Time) -> Result<()> {
    let row = Insert::row(
        "memberships",
        vec![
            ("user_id", user.into()),
            ("tenant_id", db.actor().tenant.into()),
            ("member_id", member.into()),
            ("created_at", now.into()),
        ],
    );
    db.everywhere(WHY)
        .insert(row.or_replace(&["user_id", "tenant_id"], &["member_id"]))
        .await
        .map(drop)
}

/// Where a user belongs, the oldest first.
pub(crate) async fn memberships(db: &Read, user: Id) -> Result<Vec<Membership>> {
    let select = Select::from("memberships")
        .whose("user_id", user)
        .by("created_at", false)
        .by("tenant_id", false);
    db.everywhere(WHY).all(select).await
}

/// Every tenant that there is or was, and the installation, by name.
pub(crate) async fn all(db: &Read) -> Result<Vec<Tenant>> {
    db.everywhere(WHY).all(Select::from("tenants").by("created_at", false).by("id", false)).await
}
