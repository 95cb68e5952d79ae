//! The installation itself: its row among the tenants, and who may claim it.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use kith_kernel::{Currency, Id, Result, Zone, forbidden};
use kith_platform::Ctx;
use kith_store::{Condition, Delete, Insert, Migration, Read, Select, Step, Table, Write, text};

use crate::{Identity, secrets, tenants};

const WHY: &str = "the installation belongs to no tenant";
/// Who runs the installation first; there is one such row, so that two cannot claim it.
const CLAIMED: &str = "claimed_by";
const SETUP_TOKEN: &str = "setup_token:";

pub(crate) fn migration() -> Migration {
    let installation = Table::of_platform(
        "installation",
        &["key"],
        vec![text("key").required(), text("value").required()],
    );
    Migration {
        name: "2026-11-21-identity-0-installation",
        steps: vec![Step::Create(installation)],
    }
}

fn row(key: String, value: String) -> Insert {
    Insert::row("installation", vec![("key", key.into()), ("value", value.into())])
}

fn token_key(token: &str) -> String {
    format!("{SETUP_TOKEN}{}", URL_SAFE_NO_PAD.encode(secrets::hash(token)))
}

async fn has(db: &Read, key: String) -> Result<bool> {
    db.everywhere(WHY).exists(Select::from("installation").whose("key", key)).await
}

impl Identity {
    /// Makes what the installation needs before it serves; asked at each start.
    pub async fn prepare(&self) -> Result<()> {
        let ctx = self.app.as_system(Id::NIL);
        ctx.write(async |db| {
            let itself = tenants::Tenant {
                id: Id::NIL,
                name: "This installation".to_owned(),
                slug: "system".to_owned(),
                currency: Currency::USD,
                timezone: Zone::UTC.name().to_owned(),
                status: tenants::Status::System,
                created_at: ctx.now(),
                arriving_since: None,
            };
            tenants::insert(db, &itself).await.map(drop)
        })
        .await
    }

    /// The token with which somebody may claim this installation while nobody has; to be printed at the start.
    ///
    /// None on a loopback address, where the first to register claims it, and once it is claimed. A token of an
    /// earlier start stays good, since only its hash is known and another node may have printed it.
    pub async fn setup_token(&self) -> Result<Option<String>> {
        if self.options.loopback {
            return Ok(None);
        }
        let ctx = self.app.as_system(Id::NIL);
        ctx.write(async |db| {
            if has(db, CLAIMED.to_owned()).await? {
                return Ok(None);
            }
            let token = secrets::random()?;
            db.everywhere(WHY).insert(row(token_key(&token), String::new())).await?;
            Ok(Some(token))
        })
        .await
    }

    /// Whether whoever registers now comes to run the installation.
    ///
    /// # Errors
    /// `Forbidden` for a setup token that is not, or no longer, good.
    pub(crate) async fn claims_installation(
        &self,
        db: &Read,
        setup_token: Option<&str>,
        is_local: bool,
    ) -> Result<bool> {
        let claimed = has(db, CLAIMED.to_owned()).await?;
        match setup_token {
            Some(token) if claimed || !has(db, token_key(token)).await? => {
                Err(forbidden("This setup token is not good (any more).")
                    .coded("wrong_setup_token"))
            }
            Some(_) => Ok(true),
            None => Ok(self.options.loopback && is_local && !claimed),
        }
    }
}

/// Notes who claimed the installation; false when somebody else was quicker.
pub(crate) async fn claim(ctx: &Ctx, db: &Write) -> Result<bool> {
    let by = ctx.actor.user.unwrap_or_default().to_string();
    let outside = db.everywhere(WHY);
    let mine = outside.insert(row(CLAIMED.to_owned(), by).or_keep()).await? == 1;
    if mine {
        let tokens = Condition::StartsWith("key", SETUP_TOKEN.to_owned());
        outside.delete(Delete::from("installation").only(tokens)).await?;
    }
    Ok(mine)
}
