//! Provider keys as they are stored: encrypted for their tenant, service and member.

use kith_kernel::{Id, Result, Time, conflict, not_found};
use kith_platform::{
    Ctx,
    events::{Event, append},
};
use kith_store::{Delete, Insert, News, Read, Select, Update, Write};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Keys, Secret, of, rules};

/// Keys of a tenant, or of one member, at once.
const MOST: i64 = 100;

/// A key as it may be shown: without the key.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase"))]
pub(super) struct Stored {
    pub(super) id: Id,
    pub(super) service: String,
    pub(super) member_id: Option<Id>,
    pub(super) hint: String,
    pub(super) created_by: Option<Id>,
    pub(super) created_at: Time,
    pub(super) updated_at: Time,
    pub(super) last_used_at: Option<Time>,
}

/// Which key: of which service, and whose; the tenant's where it is no member's.
#[derive(Debug, Clone)]
pub(super) struct Which {
    pub(super) service: String,
    pub(super) member: Option<Id>,
}

impl Which {
    /// What it is and whose, so that nobody's can be put in another's place.
    pub(super) fn place(&self, tenant: Id) -> String {
        let member = self.member.map(|member| member.to_string()).unwrap_or_default();
        format!("provider key {tenant} {} {member}", self.service)
    }

    fn select(&self) -> Select {
        Select::from("provider_keys").only(of(self.member)).whose("service", self.service.as_str())
    }

    pub(super) async fn find(&self, db: &Read) -> Result<Option<Stored>> {
        db.first(self.select()).await
    }

    /// The key, encrypted.
    pub(super) async fn sealed(&self, db: &Read) -> Result<Option<Vec<u8>>> {
        let mut found = None;
        db.each(&self.select().show(&["secret"]), |row| {
            found = row.bytes(0)?.map(<[u8]>::to_vec);
            Ok(())
        })
        .await?;
        Ok(found)
    }
}

impl Keys {
    /// Stores a key in place of the one before; says whether there was none.
    pub(super) async fn put(
        &self,
        (ctx, db): (&Ctx, &Write),
        (which, key): (&Which, &Secret),
    ) -> Result<(Stored, bool)> {
        let sealed =
            self.cipher.encrypt(&which.place(ctx.actor.tenant), key.expose().as_bytes())?;
        let hint = rules::hint(key);
        let now = ctx.now();
        let replace = || {
            Update::table("provider_keys")
                .set("secret", sealed.clone())
                .set("hint", hint.as_str())
                .set("created_by", ctx.actor.member)
                .set("updated_at", now)
                .set("last_used_at", None::<Time>)
                .only(of(which.member))
                .whose("service", which.service.as_str())
        };
        let mut is_new = db.update(replace()).await? == 0;
        if is_new {
            refuse_too_many(db, which).await?;
            let row = vec![
                ("id", ctx.new_id().into()),
                ("service", which.service.as_str().into()),
                ("member_id", which.member.into()),
                ("secret", sealed.clone().into()),
                ("hint", hint.as_str().into()),
                ("created_by", ctx.actor.member.into()),
                ("created_at", now.into()),
                ("updated_at", now.into()),
            ];
            let insert = Insert::row("provider_keys", row);
            match db.attempt(async |db| db.insert(insert).await).await {
                // Somebody was faster.
                Err(error) if error.code() == "taken" => {
                    is_new = db.update(replace()).await? == 0;
                }
                done => drop(done?),
            }
        }
        let stored = which.find(db).await?.ok_or_else(|| not_found("provider key"))?;
        tell((ctx, db), "provider_key.stored", &stored)?;
        Ok((stored, is_new))
    }
}

async fn refuse_too_many(db: &Read, which: &Which) -> Result<()> {
    if db.count(Select::from("provider_keys").only(of(which.member))).await? >= MOST {
        let why = format!("There are keys of {MOST} services already. Delete one first.");
        return Err(conflict("too_many_keys", why));
    }
    Ok(())
}

/// Deletes a key.
pub(super) async fn remove((ctx, db): (&Ctx, &Write), which: &Which) -> Result<()> {
    let stored = which.find(db).await?.ok_or_else(|| not_found("provider key"))?;
    db.delete(Delete::from("provider_keys").whose("id", stored.id)).await?;
    tell((ctx, db), "provider_key.deleted", &stored)
}

/// Deletes all keys of a member who leaves.
pub(super) async fn remove_of_member((ctx, db): (&Ctx, &Write), member: Id) -> Result<()> {
    let all: Vec<Stored> =
        db.all(Select::from("provider_keys").whose("member_id", member).by("id", false)).await?;
    for stored in all {
        db.delete(Delete::from("provider_keys").whose("id", stored.id)).await?;
        tell((ctx, db), "provider_key.deleted", &stored)?;
    }
    Ok(())
}

fn tell((ctx, db): (&Ctx, &Write), name: &str, stored: &Stored) -> Result<()> {
    let about = json!({ "service": stored.service, "memberId": stored.member_id });
    let side = if name.ends_with("stored") { "after" } else { "before" };
    let event = Event {
        name: name.to_owned(),
        object: "provider_key",
        record: Some(stored.id),
        changes: Some(json!({ side: about }).to_string()),
        batch: None,
    };
    db.tell(News::Access);
    append(ctx, db, event).map(drop)
}
