//! Rotation: keys that stand under an old key of the ring are encrypted anew under the newest.

use std::collections::BTreeMap;

use kith_kernel::{Id, Result};
use kith_platform::{Ctx, encryption::name_of};
use kith_store::{Comparison, Condition, Read, Select, Update};

use super::{Keys, stored::Which};

/// Rows of one transaction.
const AT_ONCE: u64 = 100;

/// How far a walk over keys got.
#[derive(Debug, Default)]
pub struct Reached {
    /// Where to go on; none at the end.
    pub next: Option<Id>,
    /// So many were looked at.
    pub seen: u64,
    /// So many stand under the newest key now and did not before.
    pub renewed: u64,
    /// So many cannot be read with any key of the ring.
    pub unreadable: u64,
}

/// A row as it is walked over.
struct Sealed {
    id: Id,
    which: Which,
    secret: Vec<u8>,
}

async fn page(db: &Read, after: Option<Id>) -> Result<Vec<Sealed>> {
    let columns = &["id", "service", "member_id", "secret"];
    let mut select = Select::from("provider_keys").show(columns).by("id", false);
    if let Some(after) = after {
        select = select.only(Condition::Compare("id", Comparison::Greater, after.into()));
    }
    let mut rows = Vec::new();
    db.each(&select.at_most(AT_ONCE), |row| {
        let service = row.text(1)?.unwrap_or_default().to_owned();
        let secret = row.bytes(3)?.unwrap_or_default().to_vec();
        let which = Which { service, member: row.id(2)? };
        rows.push(Sealed { id: row.id(0)?.unwrap_or_default(), which, secret });
        Ok(())
    })
    .await?;
    Ok(rows)
}

/// Adds how many keys of a tenant stand under which key of the ring; no name is for those from before keys had names.
pub async fn names(db: &Read, tally: &mut BTreeMap<Option<String>, u64>) -> Result<()> {
    let mut after = None;
    loop {
        let rows = page(db, after).await?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = Some(last.id);
        for row in &rows {
            *tally.entry(name_of(&row.secret)).or_default() += 1;
        }
    }
}

impl Keys {
    /// Encrypts some keys of a tenant anew, those behind one; what was done is not done again.
    pub async fn rotate(&self, ctx: &Ctx, after: Option<Id>) -> Result<Reached> {
        let rows = ctx.read(async |db| page(db, after).await).await?;
        let mut reached = Reached { seen: rows.len() as u64, ..Reached::default() };
        reached.next = rows.last().map(|row| row.id);
        let mut renewed = Vec::new();
        for row in rows {
            match self.cipher.renew(&row.which.place(ctx.actor.tenant), &row.secret) {
                Ok(Some(new)) => renewed.push((row, new)),
                Ok(None) => {}
                Err(_) => reached.unreadable += 1,
            }
        }
        if renewed.is_empty() {
            return Ok(reached);
        }
        reached.renewed = ctx
            .write(async |db| {
                let mut done = 0;
                for (row, new) in renewed {
                    // A key that was replaced meanwhile stays.
                    let update = Update::table("provider_keys").set("secret", new);
                    let update = update.whose("id", row.id).whose("secret", row.secret);
                    done += db.update(update).await?;
                }
                Ok(done)
            })
            .await?;
        Ok(reached)
    }
}
