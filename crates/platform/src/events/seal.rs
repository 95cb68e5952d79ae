//! The sealer: gives committed events their place in the order of their tenant, and chains them by hashes.
//!
//! Nobody who writes waits for a counter: events wait unsealed, and readers go by the sequence that is given here, so
//! that none is skipped which was still in flight.

use std::{collections::HashMap, time::Duration};

use kith_kernel::{Actor, Id, Result, internal};
use kith_store::{
    Comparison, Condition, Delete, Insert, Read, Select, Value, Write, in_sizes, padded,
};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{Stored, digest, readers};
use crate::{App, crash};

/// Events that are sealed in one write.
pub(super) const CHUNK: usize = 200;
/// Commits that follow one another are sealed together.
const DEBOUNCE: Duration = Duration::from_millis(50);
/// What another node left is found at least so often.
const SWEEP: Duration = Duration::from_mins(1);
const AFTER_AN_ERROR: Duration = Duration::from_secs(2);

const WHY: &str = "which tenants have events to seal";

/// Seals the events of all tenants, in the background.
#[derive(Clone)]
pub struct Sealer {
    app: App,
}

/// What going once through all tenants brought.
#[derive(Debug, Default)]
struct Pass {
    sealed: u64,
    /// Some tenant has more than a chunk.
    more: bool,
    /// Another node was sealing some tenant.
    busy: bool,
}

impl Sealer {
    /// A sealer of an application.
    pub fn new(app: App) -> Self {
        Self { app }
    }

    /// Seals what was left and then what is committed, until the application stops.
    pub fn start(&self) {
        let app = self.app.clone();
        self.app.tasks.start("sealer", async move { work(&app).await });
    }
}

async fn work(app: &App) {
    let mut woken = app.wake.commits();
    while !app.tasks.is_stopping() {
        let pause = match pass(app).await {
            Ok(Pass { more: true, .. }) => Duration::ZERO,
            Ok(Pass { busy: true, .. }) => DEBOUNCE,
            Ok(Pass { .. }) => SWEEP,
            Err(error) => {
                tracing::error!(?error, "events could not be sealed; it is tried again");
                AFTER_AN_ERROR
            }
        };
        tokio::select! {
            () = app.tasks.stopping() => {}
            () = woken.next() => tokio::time::sleep(DEBOUNCE).await,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Seals everything that is committed, and says how many events that were; for tests and for the command line.
pub async fn seal_all(app: &App) -> Result<u64> {
    let mut sealed = 0;
    loop {
        let pass = pass(app).await?;
        sealed += pass.sealed;
        if pass.busy {
            tokio::time::sleep(DEBOUNCE).await;
        } else if !pass.more {
            return Ok(sealed);
        }
    }
}

/// A chunk of each tenant that has any, so that a large import makes nobody wait.
async fn pass(app: &App) -> Result<Pass> {
    let mut pass = Pass::default();
    let mut failed = None;
    let mut after = None;
    while let Some(tenant) = next_tenant(app, after).await? {
        match seal(app, tenant).await {
            Ok(sealed) => {
                pass.sealed += sealed as u64;
                pass.more |= sealed == CHUNK;
            }
            Err(error) if error.code() == "busy" => pass.busy = true,
            Err(error) => failed = failed.or(Some(error)),
        }
        after = Some(tenant);
    }
    failed.map_or(Ok(pass), Err)
}

#[derive(Deserialize)]
struct Unsealed {
    tenant_id: Id,
    event_id: Id,
}

/// The next tenant with something to seal; each is found by one step into the index, however much waits.
async fn next_tenant(app: &App, after: Option<Id>) -> Result<Option<Id>> {
    let behind = after.map(|id| Condition::Compare("tenant_id", Comparison::Greater, id.into()));
    let select = Select::from("unsealed_events").only(Condition::All(behind.into_iter().collect()));
    let select = select.by("tenant_id", false).by("event_id", false);
    let row: Option<Unsealed> =
        app.db.read_everywhere(WHY, async |db| db.first(select).await).await?;
    Ok(row.map(|row| row.tenant_id))
}

/// Seals a chunk of one tenant and says how many events it had.
async fn seal(app: &App, tenant: Id) -> Result<usize> {
    let actor = Actor::system(tenant);
    // Not by `Ctx::write`: nothing that waits for commits has anything to do after this one.
    let sealed = app
        .db
        .write(&actor, async |db| {
            db.lock(key(tenant)).await?;
            let waiting = waiting(db, tenant).await?;
            append(db, tenant, &waiting).await?;
            crash::point("seal.before-commit");
            Ok(waiting.len())
        })
        .await?;
    crash::point("seal.after-commit");
    if sealed > 0 {
        app.wake.sealed_in(tenant);
    }
    Ok(sealed)
}

/// A lock of its own for each tenant.
pub(super) fn key(tenant: Id) -> i64 {
    let hash: [u8; 32] =
        Sha256::new_with_prefix("seal").chain_update(tenant.as_bytes()).finalize().into();
    hash.iter().take(8).fold(0, |key, byte| (key << 8) | i64::from(*byte))
}

async fn waiting(db: &Write, tenant: Id) -> Result<Vec<Id>> {
    let select = Select::from("unsealed_events").whose("tenant_id", tenant);
    let select = select.by("event_id", false).at_most(CHUNK as u64);
    let rows: Vec<Unsealed> = db.everywhere(WHY).all(select).await?;
    Ok(rows.into_iter().map(|row| row.event_id).collect())
}

async fn append(db: &Write, tenant: Id, waiting: &[Id]) -> Result<()> {
    if waiting.is_empty() {
        return Ok(());
    }
    let events = events(db, waiting).await?;
    let (mut sequence, mut hash) = tail(db).await?;
    let mut random = [0_u8; CHUNK * digest::SALT];
    getrandom::fill(&mut random)
        .map_err(|error| internal("the system gives no random bytes").caused_by(error))?;
    let (mut entries, mut salts) = (Vec::new(), Vec::new());
    for (id, salt) in waiting.iter().zip(random.chunks_exact(digest::SALT)) {
        let digest = events.get(id).map(|event| digest::of_event(tenant, salt, event));
        let digest = digest.unwrap_or_else(|| {
            // Its place in the chain shows for good that there was one.
            tracing::error!(event = %id, %tenant, "an event was gone before it was sealed");
            digest::of_nothing()
        });
        sequence += 1;
        hash = digest::of_entry(&hash, sequence, *id, &digest);
        let entry: Vec<Value> =
            vec![sequence.into(), (*id).into(), digest.to_vec().into(), hash.to_vec().into()];
        entries.push(entry);
        salts.push(vec![(*id).into(), salt.to_vec().into()]);
    }
    insert(db, "event_order", &["sequence", "event_id", "digest", "hash"], entries)?;
    insert(db, "event_salts", &["event_id", "salt"], salts)?;
    let sealed = Delete::from("unsealed_events").whose("tenant_id", tenant);
    db.everywhere(WHY).delete(sealed.only(Condition::In("event_id", padded(waiting)))).await?;
    readers::sealed(db, tenant, sequence).await
}

fn insert(
    db: &Write,
    table: &'static str,
    columns: &[&'static str],
    rows: Vec<Vec<Value>>,
) -> Result<()> {
    in_sizes(rows).try_for_each(|some| db.append(Insert::rows(table, columns.to_vec(), some)))
}

pub(super) async fn events(db: &Read, ids: &[Id]) -> Result<HashMap<Id, Stored>> {
    let select = Select::from("events").whose_each("id", ids);
    let rows: Vec<Stored> = db.all(select).await?;
    Ok(rows.into_iter().map(|event| (event.id, event)).collect())
}

/// The last sequence and its hash.
async fn tail(db: &Read) -> Result<(i64, [u8; 32])> {
    let select = Select::from("event_order").show(&["sequence", "hash"]);
    let mut tail = (0, digest::START);
    db.each(&select.by("sequence", true).at_most(1), |row| {
        let hash = row.bytes(1)?.and_then(|bytes| bytes.try_into().ok());
        let unfit = || internal("the last entry of the event order has no hash");
        tail = (row.integer(0)?.unwrap_or_default(), hash.ok_or_else(unfit)?);
        Ok(())
    })
    .await?;
    Ok(tail)
}
