//! Training: the documents of an agent are read, where they are not yet, and what came of it is written down.
//!
//! One job follows the other: some documents at a time are begun, then the last job waits for all of them. Training
//! ends whatever becomes of them.

use std::collections::HashSet;

use kith_kernel::{Error, Id, Kind, Result, invalid};
use kith_platform::{
    Ctx,
    jobs::{self, Attempt, Failure, Job, Registry, Retry},
};
use kith_records::{Manner, Record};
use kith_store::{Comparison, Condition, Read, Select, Write, equals};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::{AGENT, Agents, Shared, talk::Agent};
use crate::documents::{process, sizes};

/// Documents that an agent is told about.
const MOST: u64 = 500;
/// Documents that are begun in one write.
const AT_ONCE: u64 = 20;
/// Documents that a report names, with so many letters of their names and of what is wrong with them.
const NAMED: usize = 12;
const LONGEST_NAME: usize = 100;
const LONGEST_ERROR: usize = 160;

/// Has documents read that are not yet, or all of them where they are to be cut otherwise.
#[derive(Debug, Serialize, Deserialize)]
struct Begin {
    agent: Id,
    cut: Cut,
    /// Documents up to this one were begun.
    behind: Id,
}

impl Job for Begin {
    const NAME: &'static str = "agents.train.begin";
}

/// Waits for the documents of an agent, and tells what they are.
#[derive(Debug, Serialize, Deserialize)]
struct Train {
    agent: Id,
}

impl Job for Train {
    const NAME: &'static str = "agents.train";
    /// It waits for documents that are being read.
    const RETRY: Retry = Retry { attempts: 60, first_pause_seconds: 1, longest_pause_seconds: 30 };
}

/// Ends training that came to no end.
#[derive(Debug, Serialize, Deserialize)]
struct End {
    agent: Id,
    why: String,
}

impl Job for End {
    const NAME: &'static str = "agents.train.end";
}

/// How documents are cut.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Cut {
    pub(super) chunk_size: Option<i64>,
    pub(super) overlap: Option<i64>,
}

#[derive(Deserialize)]
struct Document {
    id: Id,
    name: String,
    status: Option<String>,
    error: Option<String>,
    embedding: Option<String>,
    chunk_count: Option<i64>,
    chunk_size: Option<i64>,
    overlap: Option<i64>,
}

pub(super) fn register(registry: Registry, agents: &Shared) -> Registry {
    let (beginning, waiting, ending) =
        (Shared::clone(agents), Shared::clone(agents), Shared::clone(agents));
    registry
        .on(move |job: Begin, attempt| {
            let agents = Shared::clone(&beginning);
            async move { agents.begin_some(&attempt, &job).await.map_err(Failure::from) }
        })
        .when_given_up::<Begin>(|job, ctx, db, why| {
            Box::pin(async move { end(ctx, db, (job.agent, why)) })
        })
        .on(move |job: Train, attempt| {
            let agents = Shared::clone(&waiting);
            async move { agents.finish_training(&attempt, job.agent).await }
        })
        .when_given_up::<Train>(|job, ctx, db, why| {
            Box::pin(async move { end(ctx, db, (job.agent, why)) })
        })
        .on(move |job: End, attempt| {
            let agents = Shared::clone(&ending);
            async move { agents.break_off(&attempt, &job).await.map_err(Failure::from) }
        })
}

fn end(ctx: &Ctx, db: &Write, (agent, why): (Id, &str)) -> Result<()> {
    let why = why.to_owned();
    jobs::enqueue(ctx, db, &End { agent, why }).map(drop)
}

/// The documents that an agent answers from, behind an id.
async fn documents(db: &Read, agent: &Agent, (behind, most): (Id, u64)) -> Result<Vec<Document>> {
    let next = Condition::Compare("id", Comparison::Greater, behind.into());
    let all = Select::from("documents").only(Condition::Null("deleted_at")).only(next);
    let all = match agent.documents() {
        Some(ids) => all.whose_each("id", ids),
        None => all.only(Condition::Not(Box::new(equals("enabled", false)))),
    };
    db.all(all.by("id", false).at_most(most)).await
}

fn is_under_way(document: &Document) -> bool {
    matches!(document.status.as_deref(), Some("UPLOADING" | "PROCESSING"))
}

fn is_read(document: &Document) -> bool {
    document.status.as_deref() == Some("COMPLETED")
}

impl Cut {
    fn check(self) -> Result<()> {
        let (least, most) = sizes();
        let of = |key: &str, number: Option<i64>, least: i64, most: i64| match number {
            Some(number) if !(least..=most).contains(&number) => {
                let key = format!("trainingOptions.{key}");
                Err(invalid(&key, format!("is from {least} to {most}")))
            }
            Some(_) | None => Ok(()),
        };
        of("chunkSize", self.chunk_size, least, most)?;
        of("overlap", self.overlap, 0, self.chunk_size.unwrap_or(most) / 2)
    }

    fn is_wished(self) -> bool {
        self.chunk_size.is_some() || self.overlap.is_some()
    }

    /// What of a document is to be changed; an overlap is half of a chunk at most.
    fn of(self, document: &Document) -> Record {
        let size = self.chunk_size.or(document.chunk_size).unwrap_or(1_000);
        let overlap = self.overlap.or(document.overlap).unwrap_or(200).min(size / 2);
        if !self.is_wished() {
            return Record::new();
        }
        Record::from_iter([
            ("chunkSize".to_owned(), json!(size)),
            ("overlap".to_owned(), json!(overlap)),
        ])
    }
}

impl Agents {
    /// Begins training.
    pub(super) async fn begin_training(
        &self,
        ctx: &Ctx,
        db: &Write,
        (agent, cut): (Id, Cut),
    ) -> Result<Record> {
        cut.check()?;
        if Agent::find(db, agent).await?.is_none() {
            return Err(kith_kernel::not_found("agent"));
        }
        jobs::enqueue(ctx, db, &Begin { agent, cut, behind: Id::NIL })?;
        self.set(ctx, db, (agent, json!({ "status": "TRAINING", "statusReason": null }))).await
    }

    async fn set(&self, ctx: &Ctx, db: &Write, (agent, input): (Id, Json)) -> Result<Record> {
        let input = input.as_object().cloned().unwrap_or_default();
        self.records.update(ctx, db, &AGENT, (agent, input, Manner::HOUSE_KNOWS)).await
    }

    /// Has the next documents read, and goes on with those behind them.
    async fn begin_some(&self, attempt: &Attempt, job: &Begin) -> Result<()> {
        attempt
            .write(async |db| {
                jobs::finish(attempt, db).await?;
                let Some(agent) = Agent::find(db, job.agent).await? else { return Ok(()) };
                let some = documents(db, &agent, (job.behind, AT_ONCE)).await?;
                for document in &some {
                    let is_wanted = if job.cut.is_wished() {
                        true
                    } else {
                        !is_read(document) && !is_under_way(document)
                    };
                    if is_wanted {
                        let change = (document.id, job.cut.of(document));
                        process::begin_anew(&self.documents, (attempt, db), change).await?;
                    }
                }
                let (agent, cut) = (job.agent, job.cut);
                match some.last() {
                    Some(last) => {
                        jobs::enqueue(attempt, db, &Begin { agent, cut, behind: last.id })
                    }
                    None => jobs::enqueue(attempt, db, &Train { agent }),
                }
                .map(drop)
            })
            .await
    }

    async fn finish_training(&self, attempt: &Attempt, agent: Id) -> Result<(), Failure> {
        let ctx: &Ctx = attempt;
        let waits = ctx
            .write(async |db| {
                let Some(found) = Agent::find(db, agent).await? else {
                    jobs::finish(attempt, db).await?;
                    return Ok(false);
                };
                let all = documents(db, &found, (Id::NIL, MOST)).await?;
                if all.iter().any(is_under_way) && !attempt.is_last() {
                    return Ok(true);
                }
                let mut report = report(&found, &all);
                report["trainedAt"] = json!(ctx.now());
                self.set(ctx, db, (agent, report)).await?;
                jobs::finish(attempt, db).await?;
                Ok(false)
            })
            .await?;
        if waits {
            let why = "Documents are being read.";
            return Err(Failure::Retry(Error::new(Kind::Unavailable, "reading", why)));
        }
        Ok(())
    }

    /// Training failed by itself, and says so.
    async fn break_off(&self, attempt: &Attempt, job: &End) -> Result<()> {
        attempt
            .write(async |db| {
                jobs::finish(attempt, db).await?;
                let found = Agent::find(db, job.agent).await?;
                if found.is_none_or(|agent| agent.status.as_deref() != Some("TRAINING")) {
                    return Ok(());
                }
                let why = format!("Training broke off: {}", job.why);
                let input = json!({ "status": "ERROR", "isActive": false, "statusReason": why });
                self.set(attempt, db, (job.agent, input)).await.map(drop)
            })
            .await
    }
}

/// What training came to.
fn report(agent: &Agent, all: &[Document]) -> Json {
    let read: Vec<&Document> = all.iter().filter(|one| is_read(one)).collect();
    let passages: i64 = read.iter().filter_map(|one| one.chunk_count).sum();
    let is_waiting = |one: &&&Document| one.embedding.as_deref() == Some("PENDING");
    let pending = read.iter().filter(is_waiting).count();
    let cut = |text: &str, most: usize| -> String { text.chars().take(most).collect() };
    let mut failed: Vec<Json> = Vec::new();
    for one in all.iter().filter(|one| !is_read(one)) {
        let why = one.error.as_deref().filter(|_| !is_under_way(one));
        let why = cut(why.unwrap_or("It is still being read."), LONGEST_ERROR);
        let name = cut(&one.name, LONGEST_NAME);
        failed.push(json!({ "documentId": one.id, "name": name, "error": why }));
    }
    let there: HashSet<Id> = all.iter().map(|one| one.id).collect();
    for id in agent.documents().unwrap_or_default() {
        if !there.contains(&id) {
            let why = "It is not there any more.";
            failed.push(json!({ "documentId": id, "name": null, "error": why }));
        }
    }
    let reason = match (all.is_empty(), read.is_empty()) {
        (true, _) => Some("There are no documents to answer from."),
        (false, true) => Some("None of its documents could be read."),
        (false, false) => None,
    };
    let count = failed.len();
    failed.truncate(NAMED);
    json!({
        "status": if reason.is_some() { "ERROR" } else { "ACTIVE" },
        "isActive": reason.is_none(), "statusReason": reason,
        "training": {
            "documents": read.len(), "passages": passages, "pending": pending,
            "failedCount": count, "failed": failed,
        },
    })
}
