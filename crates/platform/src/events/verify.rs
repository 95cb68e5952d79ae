//! Verification: recomputes a tenant's chain of events and tells the first place where it does not hold.
//!
//! What cannot be seen from inside the database: a tail that was cut off together with its events, and a chain that
//! somebody who may write to the tables made anew. Against both helps the [`Head`], noted elsewhere: an older head must
//! still be an entry of the chain. Of an erased event only the digest is left, which holds its place; whether its other
//! columns are as they were cannot be told any more, so that erasures are counted.

use std::collections::HashMap;

use kith_kernel::{Id, Result, internal};
use kith_store::{Comparison, Condition, Read, Select};
use serde::Serialize;

use super::{
    Stored, digest,
    seal::{CHUNK, events},
};
use crate::Ctx;

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// How many entries of the chain hold, up to the first that does not.
    pub sealed: u64,
    /// How many of them are of events whose content was erased.
    pub erased: u64,
    /// How many events still wait to be sealed.
    pub unsealed: u64,
    /// The last entry that holds.
    pub head: Option<Head>,
    /// The first place where something is wrong.
    pub first_broken: Option<Broken>,
}

/// An entry by which a whole chain can be told from another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Head {
    /// Its place, counted from 1.
    pub sequence: i64,
    /// Its hash, in hexadecimal digits.
    pub hash: String,
}

/// A place where the log is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Broken {
    /// The place in the chain, where it has one.
    pub sequence: Option<i64>,
    /// The event, where it is known.
    pub event: Option<Id>,
    /// What is wrong.
    pub damage: Damage,
}

/// What is wrong with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Damage {
    /// The event is not as it was sealed.
    Changed,
    /// The event is gone.
    Missing,
    /// The entry does not follow the one before: one is missing, added, changed or in another place.
    Order,
    /// There are events that are neither in the chain nor wait for it: they were added past the log, or the end of
    /// the chain was cut off.
    Unlisted,
}

/// Verifies the events of the actor's tenant.
pub async fn verify(ctx: &Ctx) -> Result<Verdict> {
    // In this order: an event that is sealed meanwhile counts twice, and none that is there counts not at all.
    let all = ctx.read(async |db| db.count(Select::from("events")).await).await?;
    let unsealed = Select::from("unsealed_events").whose("tenant_id", ctx.actor.tenant);
    let unsealed = ctx
        .app
        .db
        .read_everywhere("events that wait to be sealed", async |db| db.count(unsealed).await)
        .await?;
    let mut chain = Chain { tenant: ctx.actor.tenant, hash: digest::START, sequence: 0, erased: 0 };
    let mut first_broken = None;
    while first_broken.is_none() {
        let page = ctx.read(async |db| page(db, chain.sequence).await).await?;
        first_broken = page.entries.iter().find_map(|entry| chain.follow(entry, &page).err());
        if page.entries.is_empty() {
            break;
        }
    }
    if first_broken.is_none() && all > chain.sequence + unsealed {
        first_broken = Some(Broken { sequence: None, event: None, damage: Damage::Unlisted });
    }
    let count = |number| u64::try_from(number).unwrap_or_default();
    let head = (chain.sequence > 0)
        .then(|| Head { sequence: chain.sequence, hash: digest::hex(&chain.hash) });
    Ok(Verdict {
        sealed: count(chain.sequence),
        erased: chain.erased,
        unsealed: count(unsealed),
        head,
        first_broken,
    })
}

struct Entry {
    sequence: i64,
    event: Id,
    digest: [u8; 32],
    hash: [u8; 32],
}

/// Some entries with what they are about.
struct Page {
    entries: Vec<Entry>,
    events: HashMap<Id, Stored>,
    salts: HashMap<Id, Vec<u8>>,
}

async fn page(db: &Read, after: i64) -> Result<Page> {
    let behind = Condition::Compare("sequence", Comparison::Greater, after.into());
    let select = Select::from("event_order")
        .show(&["sequence", "event_id", "digest", "hash"])
        .only(behind)
        .by("sequence", false)
        .at_most(CHUNK as u64);
    let mut entries = Vec::new();
    db.each(&select, |row| {
        let lacking = || internal("an entry of the event order lacks a value");
        // A hash of another length is no hash of ours, and breaks the chain like any other.
        let hash = |bytes: &[u8]| <[u8; 32]>::try_from(bytes).unwrap_or(digest::START);
        entries.push(Entry {
            sequence: row.integer(0)?.ok_or_else(lacking)?,
            event: row.id(1)?.ok_or_else(lacking)?,
            digest: hash(row.bytes(2)?.ok_or_else(lacking)?),
            hash: hash(row.bytes(3)?.ok_or_else(lacking)?),
        });
        Ok(())
    })
    .await?;
    let ids: Vec<Id> = entries.iter().map(|entry| entry.event).collect();
    Ok(Page { events: events(db, &ids).await?, salts: salts(db, &ids).await?, entries })
}

async fn salts(db: &Read, ids: &[Id]) -> Result<HashMap<Id, Vec<u8>>> {
    let select = Select::from("event_salts").show(&["event_id", "salt"]);
    let mut salts = HashMap::new();
    db.each(&select.whose_each("event_id", ids), |row| {
        if let (Some(event), Some(salt)) = (row.id(0)?, row.bytes(1)?) {
            salts.insert(event, salt.to_vec());
        }
        Ok(())
    })
    .await?;
    Ok(salts)
}

/// The chain as far as it holds.
struct Chain {
    tenant: Id,
    hash: [u8; 32],
    sequence: i64,
    erased: u64,
}

impl Chain {
    fn follow(&mut self, entry: &Entry, page: &Page) -> Result<(), Broken> {
        let broken =
            |damage| Broken { sequence: Some(entry.sequence), event: Some(entry.event), damage };
        let hash = digest::of_entry(&self.hash, entry.sequence, entry.event, &entry.digest);
        if entry.sequence != self.sequence + 1 || hash != entry.hash {
            return Err(broken(Damage::Order));
        }
        let Some(event) = page.events.get(&entry.event) else {
            return Err(broken(Damage::Missing));
        };
        match page.salts.get(&entry.event) {
            Some(salt) if digest::of_event(self.tenant, salt, event) == entry.digest => {}
            None if event.changes.is_none() => self.erased += 1,
            Some(_) | None => return Err(broken(Damage::Changed)),
        }
        self.sequence = entry.sequence;
        self.hash = hash;
        Ok(())
    }
}
