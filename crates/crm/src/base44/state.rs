//! What is stored of a sync: which entities, how far each is, what was left out. Its batch says the rest.

use std::collections::BTreeMap;

use kith_kernel::{Error, Id, Kind, Result, Time, conflict, not_found};
use kith_platform::Ctx;
use kith_records::batches::{self, Asked, Batch, Counts, New};
use kith_store::{
    Insert, Json as Column, Migration, Read, Select, Step, Table, Update, Value, Write, bool, id,
    json, time,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json as value};

use super::map::{ENTITIES, Entity};

/// Records that are told by their ids, of each entity.
const MOST_TOLD: usize = 100;
/// Names of fields that are told, of each entity.
const MOST_FIELDS: usize = 50;
const LONGEST_WORDS: usize = 300;

/// How far an entity is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Stage {
    #[default]
    Waiting,
    Running,
    Done,
    /// The app has no such entity.
    Missing,
    /// There are more records than are read.
    CutOff,
}

impl Stage {
    pub(super) const NAMES: [&'static str; 5] = ["waiting", "running", "done", "missing", "cutOff"];
}

/// A record that stayed away, and why.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Failed {
    pub(super) id: Option<String>,
    pub(super) code: String,
    pub(super) reason: String,
}

/// What became of the records of an entity.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Tally {
    pub(super) entity: String,
    pub(super) object: String,
    pub(super) state: Stage,
    pub(super) read: u64,
    pub(super) created: u64,
    pub(super) updated: u64,
    pub(super) unchanged: u64,
    pub(super) skipped: u64,
    pub(super) failed: u64,
    /// Values that did not fit, or named nothing, by the field here: the record came without them.
    pub(super) left_out: BTreeMap<String, u64>,
    /// Fields there that have no place here, and in how many records they had a value.
    pub(super) unknown: BTreeMap<String, u64>,
    /// The first hundred.
    pub(super) failures: Vec<Failed>,
}

impl Tally {
    pub(super) fn leave_out(&mut self, key: &str) {
        count(&mut self.left_out, key);
    }

    pub(super) fn not_known(&mut self, key: &str) {
        count(&mut self.unknown, key);
    }

    pub(super) fn fail(&mut self, id: Option<&str>, error: &Error) {
        self.failed += 1;
        if self.failures.len() < MOST_TOLD {
            let short = |text: &str| text.chars().take(LONGEST_WORDS).collect::<String>();
            let (code, reason) = (error.code().to_owned(), short(&error.in_one_line()));
            self.failures.push(Failed { id: id.map(short), code, reason });
        }
    }
}

fn count(counts: &mut BTreeMap<String, u64>, key: &str) {
    if let Some(known) = counts.get_mut(key) {
        *known += 1;
    } else if counts.len() < MOST_FIELDS {
        counts.insert(key.chars().take(80).collect(), 1);
    }
}

/// How far a sync is.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Progress {
    pub(super) entities: Vec<Tally>,
    /// The entity that is read.
    pub(super) at: usize,
    /// Records of it that are behind.
    pub(super) skip: u64,
    /// Stages that were made, since deals stand in them.
    pub(super) stages: Vec<String>,
}

impl Progress {
    pub(super) fn new(entities: &[&'static Entity]) -> Self {
        let tally = |entity: &&'static Entity| Tally {
            entity: entity.name.to_owned(),
            object: entity.object.name.to_owned(),
            ..Tally::default()
        };
        Self { entities: entities.iter().map(tally).collect(), ..Self::default() }
    }

    /// The entity that is read, and what is known of it; nothing: all are.
    pub(super) fn now(&self) -> Option<(&'static Entity, &Tally)> {
        let tally = self.entities.get(self.at)?;
        Some((Entity::named(&tally.entity)?, tally))
    }

    pub(super) fn tally(&mut self) -> Option<&mut Tally> {
        self.entities.get_mut(self.at)
    }

    /// The entity is at its end.
    pub(super) fn next(&mut self, state: Stage) {
        if let Some(tally) = self.tally() {
            tally.state = state;
        }
        self.at += 1;
        self.skip = 0;
    }

    pub(super) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for tally in &self.entities {
            counts.done += tally.read;
            counts.changed += tally.created + tally.updated;
            counts.skipped += tally.unchanged + tally.skipped;
            counts.failed += tally.failed;
        }
        counts
    }
}

/// A sync as it is stored.
#[derive(Debug, Deserialize)]
pub(super) struct Stored {
    pub(super) id: Id,
    pub(super) asked: Column<Asked>,
    pub(super) progress: Column<Progress>,
    pub(super) created_at: Time,
}

pub(crate) fn migration() -> Migration {
    let syncs = Table::of_tenant(
        "syncs",
        vec![
            json("asked").required(),
            json("progress").required(),
            // True while it may write; the index lets a tenant have one such row.
            bool("at_work"),
            id("run_id"),
            time("created_at").required(),
        ],
    )
    .unique_where(&["at_work"], "at_work IS NOT NULL")
    .stays();
    Migration { name: "2026-11-24-crm-syncs", steps: vec![Step::Create(syncs)] }
}

fn column<T: Serialize>(from: &T) -> Value {
    Value::Json(serde_json::to_string(from).unwrap_or_default())
}

pub(super) async fn find(db: &Read, id: Id) -> Result<Stored> {
    db.first(Select::from("syncs").whose("id", id)).await?.ok_or_else(|| not_found("sync"))
}

/// Notes a sync and its batch.
///
/// # Errors
/// `Conflict` (`sync_running`) while another one is at work.
pub(super) async fn begin(ctx: &Ctx, db: &Write, entities: &[&'static Entity]) -> Result<Id> {
    let other: Option<Stored> = db.first(Select::from("syncs").whose("at_work", true)).await?;
    if let Some(other) = other {
        // One that was cancelled before its turn has nobody to say that it is over.
        if !batches::find(db, other.id).await?.state().has_ended() {
            return Err(running(other.id));
        }
        release(db, other.id).await?;
    }
    let id = ctx.new_id();
    let insert = Insert::row(
        "syncs",
        vec![
            ("id", id.into()),
            ("asked", column(&Asked::by(ctx))),
            ("progress", column(&Progress::new(entities))),
            ("at_work", true.into()),
            ("created_at", ctx.now().into()),
        ],
    );
    db.insert(insert).await.map_err(|error| match error.kind() {
        Kind::Conflict => {
            conflict("sync_running", "Another sync is at work.").caused_by(error.to_string())
        }
        _ => error,
    })?;
    let new = New::running(id, batches::Kind::Sync, (ENTITIES[0].object.name, "sync"));
    batches::begin(ctx, db, &New { state: batches::State::Queued, ..new })?;
    Ok(id)
}

fn running(id: Id) -> Error {
    conflict("sync_running", format!("Another sync is at work: /api/database/sync/{id}."))
}

/// Another sync may begin.
pub(super) async fn release(db: &Write, id: Id) -> Result<()> {
    db.update(Update::table("syncs").set("at_work", Value::Null).whose("id", id)).await.map(drop)
}

/// Begins a run. The last one that began is the one that counts.
pub(super) async fn take(db: &Write, id: Id, run: Id) -> Result<Stored> {
    db.update(Update::table("syncs").set("run_id", run).whose("id", id)).await?;
    find(db, id).await
}

/// Notes how far a sync is, in the write of what it did.
///
/// # Errors
/// `Unavailable` (`run_lost`) when another run has begun: then nothing of this write may stay.
pub(super) async fn reached(db: &Write, (id, run): (Id, Id), progress: &Progress) -> Result<()> {
    let update = Update::table("syncs").set("progress", column(progress)).whose("id", id);
    if db.update(update.whose("run_id", run)).await? > 0 {
        return Ok(());
    }
    Err(Error::new(Kind::Unavailable, "run_lost", "Another run of this sync has begun."))
}

impl Stored {
    /// As the API shows it.
    pub(super) fn shown(&self, batch: &Batch) -> Json {
        let progress = &self.progress.0;
        value!({
            "id": self.id, "batchId": self.id, "state": batch.state().name(), "entities": progress.entities,
            "stagesMade": progress.stages, "error": batch.error, "createdAt": self.created_at,
            "finishedAt": batch.finished_at,
        })
    }
}
