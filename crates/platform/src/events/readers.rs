//! Readers of the event order: what follows from events is kept by them, each with a place of its own in each tenant.
//!
//! A reader takes events in the order in which they were sealed, a chunk in one write together with its place: each
//! exactly once, whatever dies. The sealer notes which tenants have something to read, so that nobody looks through all
//! of them, and wakes the readers; while nothing happens they look once a minute.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use kith_kernel::{Error, Id, Kind, Result};
use kith_store::{
    Comparison, Condition, Delete, Insert, Migration, News, Read, Select, Step, Table, Update,
    Write, id, integer, text,
};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{order, seal::CHUNK};
use crate::{App, Ctx, crash};

/// What another node left is found at least so often.
const SWEEP: Duration = Duration::from_mins(1);
/// Another node reads for the same tenant: it is looked again whether it left something.
const WHILE_BUSY: Duration = Duration::from_millis(500);
const AFTER_AN_ERROR: Duration = Duration::from_secs(2);

const WHY: &str = "which tenants have events to read";
/// The version of a cursor whose reader shall begin anew.
const ANEW: i64 = -1;

/// What a reader is told of an event; who needs its changes reads them.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Happened {
    /// The event's own id.
    pub id: Id,
    /// What happened, such as `deal.updated`.
    pub name: String,
    /// To which kind of object.
    pub object: String,
    /// To which record.
    pub record_id: Option<Id>,
}

/// Takes a chunk of events in, as the house, in the write that moves the reader on.
pub type Take = for<'a> fn(&'a Ctx, &'a Write, &'a [Happened]) -> BoxFuture<'a, Result<()>>;

/// Deletes a bounded piece of what a reader keeps of a tenant; says whether that was the last.
pub type Forget = for<'a> fn(&'a Write) -> BoxFuture<'a, Result<bool>>;

/// One who reads the events of every tenant.
#[derive(Clone, Copy)]
pub struct Reader {
    /// Its name in the database; never changed once released.
    pub name: &'static str,
    /// Another version begins anew, from the first event.
    pub version: i64,
    /// What it does with events.
    pub take: Take,
    /// How it begins anew.
    pub forget: Forget,
}

/// All readers of the application.
#[derive(Clone)]
pub struct Readers {
    app: App,
    all: Arc<[Reader]>,
}

/// How far a reader is in a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The last event that it took in.
    pub sequence: i64,
    /// The last event that has a place in the order.
    pub latest: i64,
    /// Whether it begins anew.
    pub anew: bool,
}

/// What going once through all that is unread brought.
#[derive(Debug, Default)]
struct Pass {
    read: u64,
    more: bool,
    busy: bool,
}

#[derive(Deserialize)]
struct Cursor {
    sequence: i64,
    version: i64,
}

#[derive(Deserialize)]
struct Unread {
    reader: String,
    tenant_id: Id,
}

impl Readers {
    /// These readers of an application.
    pub fn new(app: App, all: Vec<Reader>) -> Self {
        Self { app, all: all.into() }
    }

    /// Makes readers known that are new, or of another version: they begin with the first event of all these tenants.
    /// What another node seals in this very moment is noted with the tenant's next event at the latest.
    pub async fn enroll(&self, tenants: &[Id]) -> Result<()> {
        for reader in self.all.iter() {
            let select = Select::from("event_readers").whose("name", reader.name);
            let known = select.whose("version", reader.version);
            if self.app.db.read_everywhere(WHY, async |db| db.exists(known).await).await? {
                continue;
            }
            self.app
                .db
                .write_everywhere(WHY, async |db| {
                    let cells =
                        vec![("name", reader.name.into()), ("version", reader.version.into())];
                    let row = Insert::row("event_readers", cells);
                    db.append(row.or_replace(&["name"], &["version"]))?;
                    tenants.iter().try_for_each(|tenant| note(db, *tenant, (reader.name, 0)))
                })
                .await?;
        }
        Ok(())
    }

    /// Reads what was left and then what is sealed, until the application stops.
    pub fn start(&self) {
        let readers = self.clone();
        self.app.tasks.start("readers of events", async move { readers.work().await });
    }

    async fn work(&self) {
        let mut woken = self.app.wake.seals();
        while !self.app.tasks.is_stopping() {
            let pause = match self.pass().await {
                Ok(Pass { more: true, .. }) => Duration::ZERO,
                Ok(Pass { busy: true, .. }) => WHILE_BUSY,
                Ok(Pass { .. }) => SWEEP,
                Err(error) => {
                    tracing::error!(?error, "events could not be read; it is tried again");
                    AFTER_AN_ERROR
                }
            };
            tokio::select! {
                () = self.app.tasks.stopping() => {}
                () = woken.next() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Reads all that is sealed, and says how many events that were; for tests and for the command line.
    pub async fn read_all(&self) -> Result<u64> {
        let mut read = 0;
        loop {
            let pass = self.pass().await?;
            read += pass.read;
            if pass.busy {
                tokio::time::sleep(WHILE_BUSY).await;
            } else if !pass.more {
                return Ok(read);
            }
        }
    }

    /// A chunk for each reader and tenant that has any, so that a large import makes nobody wait.
    async fn pass(&self) -> Result<Pass> {
        let mut pass = Pass::default();
        let mut failed = None;
        for reader in self.all.iter() {
            let mut after = None;
            while let Some(tenant) = self.next_tenant(reader, after).await? {
                match self.read(reader, tenant).await {
                    Ok((read, more)) => {
                        pass.read += read as u64;
                        pass.more |= more;
                    }
                    Err(error) if error.code() == "busy" => pass.busy = true,
                    Err(error) => failed = failed.or(Some(error)),
                }
                after = Some(tenant);
            }
        }
        failed.map_or(Ok(pass), Err)
    }

    async fn next_tenant(&self, reader: &Reader, after: Option<Id>) -> Result<Option<Id>> {
        let mut select = Select::from("unread_events").whose("reader", reader.name);
        if let Some(after) = after {
            select =
                select.only(Condition::Compare("tenant_id", Comparison::Greater, after.into()));
        }
        let select = select.by("tenant_id", false);
        let row: Option<Unread> =
            self.app.db.read_everywhere(WHY, async |db| db.first(select).await).await?;
        Ok(row.filter(|row| row.reader == reader.name).map(|row| row.tenant_id))
    }

    /// A chunk of one tenant: how many events it had, and whether there is more to do.
    async fn read(&self, reader: &Reader, tenant: Id) -> Result<(usize, bool)> {
        // Not by `Ctx::write`: of what waits for commits, jobs alone may follow from this one.
        let ctx = self.app.as_system(tenant);
        let done = self
            .app
            .db
            .write(&ctx.actor, async |db| {
                db.lock(key(reader.name, tenant)).await?;
                let done = step(&ctx, db, reader).await?;
                crash::point("read.before-commit");
                Ok((done, db.tells(News::Jobs)))
            })
            .await;
        crash::point("read.after-commit");
        let (done, enqueued) = done?;
        if enqueued {
            self.app.wake.enqueued();
        }
        Ok(done)
    }
}

async fn step(ctx: &Ctx, db: &Write, reader: &Reader) -> Result<(usize, bool)> {
    let tenant = ctx.actor.tenant;
    let select = Select::from("event_cursors").whose("reader", reader.name);
    let cursor: Option<Cursor> = db.first(select).await?;
    let Some(cursor) = cursor.filter(|cursor| cursor.version == reader.version) else {
        if (reader.forget)(db).await? {
            place(db, reader.name, (0, reader.version))?;
        }
        return Ok((0, true));
    };
    let events = behind(db, cursor.sequence).await?;
    let read = events.len();
    let reached = events.last().map_or(cursor.sequence, |(sequence, _)| *sequence);
    if read > 0 {
        let events: Vec<Happened> = events.into_iter().filter_map(|(_, event)| event).collect();
        (reader.take)(ctx, db, &events).await?;
        let moved = Update::table("event_cursors").set("sequence", reached);
        let moved = moved.whose("reader", reader.name).whose("version", reader.version);
        if db.update(moved).await? == 0 {
            return Err(Error::new(Kind::Conflict, "busy", "The reader is to begin anew."));
        }
    }
    let more = read == CHUNK;
    if !more {
        // What the sealer noted meanwhile stays.
        let noted = Condition::Compare("sequence", Comparison::LessOrEqual, reached.into());
        let noted = Delete::from("unread_events").whose("reader", reader.name).only(noted);
        db.everywhere(WHY).delete(noted.whose("tenant_id", tenant)).await?;
    }
    Ok((read, more))
}

/// The next events behind a place, each with its own; what was erased is only a place.
async fn behind(db: &Read, sequence: i64) -> Result<Vec<(i64, Option<Happened>)>> {
    let order = order::entries(db, sequence, CHUNK).await?;
    if order.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Id> = order.iter().map(|entry| entry.event_id).collect();
    let select = Select::from("events").whose_each("id", ids);
    let events: Vec<Happened> = db.all(select).await?;
    let mut events: HashMap<Id, Happened> =
        events.into_iter().map(|event| (event.id, event)).collect();
    Ok(order.into_iter().map(|entry| (entry.sequence, events.remove(&entry.event_id))).collect())
}

fn place(db: &Write, reader: &'static str, (sequence, version): (i64, i64)) -> Result<()> {
    let cells =
        vec![("reader", reader.into()), ("sequence", sequence.into()), ("version", version.into())];
    let row = Insert::row("event_cursors", cells);
    db.append(row.or_replace(&["reader"], &["sequence", "version"]))
}

/// Notes that a tenant has something to read; in a write outside of tenants.
fn note(db: &Write, tenant: Id, (reader, sequence): (&str, i64)) -> Result<()> {
    let cells = vec![
        ("reader", reader.into()),
        ("tenant_id", tenant.into()),
        ("sequence", sequence.into()),
    ];
    let row = Insert::row("unread_events", cells);
    db.append(row.or_replace(&["reader", "tenant_id"], &["sequence"]))
}

/// Notes for every reader that a tenant's events were sealed up to a place.
pub(super) async fn sealed(db: &Write, tenant: Id, sequence: i64) -> Result<()> {
    let outside = db.everywhere(WHY);
    let mut names = Vec::new();
    outside
        .each(&Select::from("event_readers").show(&["name"]), |row| {
            names.extend(row.text(0)?.map(str::to_owned));
            Ok(())
        })
        .await?;
    for name in &names {
        note(&outside, tenant, (name, sequence))?;
    }
    db.tell(News::Seals);
    Ok(())
}

/// Has a reader begin anew in the tenant of the write. Waking those who wait for seals makes it do so at
/// once.
pub fn read_anew(db: &Write, reader: &'static str) -> Result<()> {
    place(db, reader, (0, ANEW))?;
    note(&db.everywhere(WHY), db.actor().tenant, (reader, 0))?;
    db.tell(News::Seals);
    Ok(())
}

/// How far a reader is in the tenant.
pub async fn position(db: &Read, reader: &'static str) -> Result<Position> {
    let select = Select::from("event_cursors").whose("reader", reader);
    let cursor: Option<Cursor> = db.first(select).await?;
    Ok(Position {
        sequence: cursor.as_ref().map_or(0, |cursor| cursor.sequence),
        latest: order::latest(db).await?,
        anew: cursor.is_some_and(|cursor| cursor.version == ANEW),
    })
}

/// A lock of its own for each reader and tenant.
fn key(reader: &str, tenant: Id) -> i64 {
    let hash: [u8; 32] = Sha256::new_with_prefix("read")
        .chain_update(reader)
        .chain_update(tenant.as_bytes())
        .finalize()
        .into();
    hash.iter().take(8).fold(0, |key, byte| (key << 8) | i64::from(*byte))
}

pub(crate) fn migration() -> Migration {
    let cursors = vec![
        text("reader").required(),
        integer("sequence").required(),
        integer("version").required(),
    ];
    let known = vec![text("name").required(), integer("version").required()];
    let unread =
        vec![text("reader").required(), id("tenant_id").required(), integer("sequence").required()];
    let tables = [
        Table::of_tenant_keyed("event_cursors", &["reader"], cursors).stays(),
        Table::of_platform("event_readers", &["name"], known),
        Table::of_platform("unread_events", &["reader", "tenant_id"], unread),
    ];
    Migration {
        name: "2026-11-21-event-readers",
        steps: tables.into_iter().map(|table| Step::Create(table.clustered())).collect(),
    }
}
