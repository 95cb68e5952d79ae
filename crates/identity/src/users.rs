//! Users: people who sign in, whichever tenants they belong to.

use kith_kernel::{Id, Result, Time, conflict};
use kith_platform::Ctx;
use kith_store::{
    Insert, Migration, Read, Select, Step, Table, Update, Write, bool, id, text, time,
};
use serde::{Deserialize, Serialize};

use crate::input;

const WHY: &str = "users belong to no tenant";

/// Somebody who signs in.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase"))]
pub struct User {
    /// Who.
    pub id: Id,
    /// Their address, as they wrote it.
    pub email: String,
    /// What they are called.
    pub name: String,
    /// None for those who never set a password.
    #[serde(skip_serializing)]
    pub(crate) password_hash: Option<String>,
    /// Whether they run the installation.
    pub platform_admin: bool,
    /// When they came.
    pub created_at: Time,
}

/// Somebody new; the password is hashed already.
pub struct NewUser {
    /// Their address.
    pub email: String,
    /// What they are called.
    pub name: String,
    /// The hash of their password: see [`crate::Identity::hash_password`].
    pub password_hash: String,
    /// Whether they run the installation.
    pub platform_admin: bool,
}

pub(crate) fn migration() -> Migration {
    let users = Table::of_platform(
        "users",
        &["id"],
        vec![
            id("id").required(),
            text("email").required(),
            text("email_folded").required(),
            text("name").required(),
            text("password_hash"),
            bool("platform_admin").required(),
            time("created_at").required(),
            time("updated_at").required(),
        ],
    )
    .unique(&["email_folded"]);
    Migration { name: "2026-11-21-identity-1-users", steps: vec![Step::Create(users)] }
}

pub(crate) async fn find(db: &Read, id: Id) -> Result<Option<User>> {
    db.everywhere(WHY).first(Select::from("users").whose("id", id)).await
}

pub(crate) async fn by_email(db: &Read, email: &str) -> Result<Option<User>> {
    let select = Select::from("users").whose("email_folded", input::folded(email));
    db.everywhere(WHY).first(select).await
}

impl NewUser {
    /// The user that they are going to be.
    pub(crate) fn into_user(self, ctx: &Ctx) -> User {
        User {
            id: ctx.new_id(),
            email: self.email,
            name: self.name,
            password_hash: Some(self.password_hash),
            platform_admin: self.platform_admin,
            created_at: ctx.now(),
        }
    }
}

pub(crate) async fn insert(db: &Write, user: &User) -> Result<()> {
    let row = Insert::row(
        "users",
        vec![
            ("id", user.id.into()),
            ("email", user.email.as_str().into()),
            ("email_folded", input::folded(&user.email).into()),
            ("name", user.name.as_str().into()),
            ("password_hash", user.password_hash.as_deref().into()),
            ("platform_admin", user.platform_admin.into()),
            ("created_at", user.created_at.into()),
            ("updated_at", user.created_at.into()),
        ],
    );
    match db.everywhere(WHY).insert(row).await {
        Err(error) if error.code() == "taken" => Err(email_taken().caused_by(error)),
        done => done.map(drop),
    }
}

/// Somebody signs in with this address already.
#[track_caller]
pub(crate) fn email_taken() -> kith_kernel::Error {
    conflict("email_taken", "Somebody has signed up with this address already. Sign in instead.")
        .and("/email", "is taken")
}

pub(crate) async fn set_password(db: &Write, user: Id, hash: &str, now: Time) -> Result<()> {
    let update =
        Update::table("users").set("password_hash", hash).set("updated_at", now).whose("id", user);
    db.everywhere(WHY).update(update).await.map(drop)
}
