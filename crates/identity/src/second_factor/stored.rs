//! Second factors as they are stored: the secret encrypted, recovery codes as hashes.

use crate::secrets;
use kith_kernel::{Id, Result, Time};
use kith_store::{
    Comparison, Condition, Delete, Insert, Migration, Read, Select, Step, Table, Update, Value,
    Write, bytes, id, integer, time,
};

/// Rows of one transaction.
const AT_ONCE: u64 = 100;
const WHY: &str = "a second factor belongs to a user, who stands outside of any tenant";

/// The authenticator app of a user.
#[derive(Debug, Clone)]
pub(super) struct Factor {
    pub(super) user_id: Id,
    pub(super) secret: Vec<u8>,
    pub(super) confirmed_at: Option<Time>,
    /// The step of the last code that was used.
    pub(super) last_step: i64,
    /// Wrong codes since the last right one.
    pub(super) failures: i64,
    pub(super) failed_at: Option<Time>,
}

pub(crate) fn migration() -> Migration {
    let factors = Table::of_platform(
        "second_factors",
        &["user_id"],
        vec![
            id("user_id").required().references("users"),
            bytes("secret").required(),
            time("confirmed_at"),
            integer("last_step").required(),
            integer("failures").required(),
            time("failed_at"),
            time("created_at").required(),
        ],
    );
    let codes = Table::of_platform(
        "recovery_codes",
        &["user_id", "code_hash"],
        vec![
            id("user_id").required().references("users"),
            bytes("code_hash").required(),
            time("used_at"),
        ],
    );
    Migration {
        name: "2026-11-23-identity-second-factors",
        steps: vec![Step::Create(factors), Step::Create(codes)],
    }
}

pub(super) async fn find(db: &Read, user: Id) -> Result<Option<Factor>> {
    let columns = &["secret", "confirmed_at", "last_step", "failures", "failed_at"];
    let select = Select::from("second_factors").show(columns).whose("user_id", user);
    let mut found = None;
    db.everywhere(WHY)
        .each(&select, |row| {
            found = Some(Factor {
                user_id: user,
                secret: row.bytes(0)?.unwrap_or_default().to_vec(),
                confirmed_at: row.time(1)?,
                last_step: row.integer(2)?.unwrap_or_default(),
                failures: row.integer(3)?.unwrap_or_default(),
                failed_at: row.time(4)?,
            });
            Ok(())
        })
        .await?;
    Ok(found)
}

/// Users with their secrets, as they are stored, some at a time in the order of ids.
pub(super) async fn page(db: &Read, after: Option<Id>) -> Result<Vec<(Id, Vec<u8>)>> {
    let mut select =
        Select::from("second_factors").show(&["user_id", "secret"]).by("user_id", false);
    if let Some(after) = after {
        select = select.only(Condition::Compare("user_id", Comparison::Greater, after.into()));
    }
    let mut rows = Vec::new();
    db.everywhere(WHY)
        .each(&select.at_most(AT_ONCE), |row| {
            let secret = row.bytes(1)?.unwrap_or_default().to_vec();
            rows.push((row.id(0)?.unwrap_or_default(), secret));
            Ok(())
        })
        .await?;
    Ok(rows)
}

/// Puts secrets in the place of others, where those still stand; says how many.
pub(super) async fn replace_secrets(
    db: &Write,
    renewed: Vec<(Id, Vec<u8>, Vec<u8>)>,
) -> Result<u64> {
    let outside = db.everywhere(WHY);
    let mut done = 0;
    for (user, old, new) in renewed {
        let update = Update::table("second_factors").set("secret", new).whose("user_id", user);
        done += outside.update(update.whose("secret", old)).await?;
    }
    Ok(done)
}

pub(super) async fn put(db: &Write, user: Id, secret: Vec<u8>, now: Time) -> Result<()> {
    remove(db, user).await?;
    let row = vec![
        ("user_id", user.into()),
        ("secret", secret.into()),
        ("last_step", 0_i64.into()),
        ("failures", 0_i64.into()),
        ("created_at", now.into()),
    ];
    db.everywhere(WHY).insert(Insert::row("second_factors", row)).await.map(drop)
}

pub(super) async fn remove(db: &Write, user: Id) -> Result<bool> {
    let outside = db.everywhere(WHY);
    outside.delete(Delete::from("recovery_codes").whose("user_id", user)).await?;
    let gone = outside.delete(Delete::from("second_factors").whose("user_id", user)).await?;
    Ok(gone > 0)
}

impl Factor {
    /// Uses a code's step up; false when another sign-in did so meanwhile.
    pub(super) async fn use_step(&self, db: &Write, step: i64) -> Result<bool> {
        let update = Update::table("second_factors")
            .set("last_step", step)
            .set("failures", 0_i64)
            .whose("user_id", self.user_id)
            .whose("last_step", self.last_step);
        Ok(db.everywhere(WHY).update(update).await? == 1)
    }

    pub(super) async fn confirm(&self, db: &Write, now: Time) -> Result<()> {
        let update = Update::table("second_factors").set("confirmed_at", now);
        db.everywhere(WHY).update(update.whose("user_id", self.user_id)).await.map(drop)
    }

    pub(super) async fn failed(&self, db: &Write, now: Time) -> Result<()> {
        let update = Update::table("second_factors").set("failed_at", now);
        let update = update.plus("failures", 1).whose("user_id", self.user_id);
        db.everywhere(WHY).update(update).await.map(drop)
    }

    pub(super) async fn forgive(&self, db: &Write) -> Result<()> {
        let update = Update::table("second_factors").set("failures", 0_i64);
        db.everywhere(WHY).update(update.whose("user_id", self.user_id)).await.map(drop)
    }

    /// Uses a recovery code up; false when it is none, or was used already.
    pub(super) async fn use_recovery(&self, db: &Write, code: &str, now: Time) -> Result<bool> {
        let update = Update::table("recovery_codes")
            .set("used_at", now)
            .whose("user_id", self.user_id)
            .whose("code_hash", hash(code))
            .only(Condition::Null("used_at"));
        Ok(db.everywhere(WHY).update(update).await? == 1)
    }

    /// New recovery codes in place of the old ones.
    pub(super) async fn replace_codes(&self, db: &Write, codes: &[String]) -> Result<()> {
        let outside = db.everywhere(WHY);
        let old = Delete::from("recovery_codes").whose("user_id", self.user_id);
        outside.delete(old).await?;
        let rows = codes.iter().map(|code| vec![self.user_id.into(), hash(code)]).collect();
        let columns = vec!["user_id", "code_hash"];
        outside.insert(Insert::rows("recovery_codes", columns, rows)).await.map(drop)
    }

    pub(super) async fn codes_left(&self, db: &Read) -> Result<i64> {
        let left = Select::from("recovery_codes").whose("user_id", self.user_id);
        db.everywhere(WHY).count(left.only(Condition::Null("used_at"))).await
    }
}

/// Codes are compared without case, spaces and hyphens.
fn hash(code: &str) -> Value {
    let plain: String =
        code.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_uppercase();
    Value::Bytes(secrets::hash(&plain).to_vec())
}
