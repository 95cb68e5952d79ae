//! Training: the documents of an agent are read, where they are not yet, and what came of it is written down.

use kith_kernel::{Id, Result};
use kith_platform::{
    Ctx,
    jobs::{self, Attempt, Failure, Job, Registry, Retry},
};
use kith_records::{Manner, Record};
use kith_store::{Condition, Read, Select, Value, Write};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::{AGENT, Agents, Shared, talk::Agent};
use crate::documents::process;

/// Waits for the documents of an agent, and tells what they are.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Train {
    pub(super) agent: Id,
}

impl Job for Train {
    const NAME: &'static str = "agents.train";
    /// It waits for documents that are being read.
    const RETRY: Retry = Retry { attempts: 60, first_pause_seconds: 1, longest_pause_seconds: 30 };
}

/// How documents are cut.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
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
    chunk_count: Option<i64>,
}

pub(super) fn register(registry: Registry, agents: &Shared) -> Registry {
    let agents = Shared::clone(agents);
    registry.on(move |job: Train, attempt| {
        let agents = Shared::clone(&agents);
        async move { agents.finish_training(&attempt, job.agent).await }
    })
}

/// The documents that an agent answers from.
async fn documents(db: &Read, agent: &Agent) -> Result<Vec<Document>> {
    let all = Select::from("documents").only(Condition::Null("deleted_at"));
    let all = match agent.documents() {
        Some(ids) => all.only(Condition::In("id", ids.into_iter().map(Value::from).collect())),
        None => all.only(Condition::Not(Box::new(kith_store::equals("enabled", false)))),
    };
    db.all(all.by("id", false).at_most(500)).await
}

impl Agents {
    /// Has the documents of an agent read, those that are not yet or that shall be cut otherwise.
    pub(super) async fn begin_training(
        &self,
        ctx: &Ctx,
        db: &Write,
        (agent, cut): (Id, Cut),
    ) -> Result<Record> {
        let found = Agent::find(db, agent).await?;
        let found = found.ok_or_else(|| kith_kernel::not_found("agent"))?;
        let anew = cut.chunk_size.is_some() || cut.overlap.is_some();
        for document in documents(db, &found).await? {
            let is_read = document.status.as_deref() == Some("COMPLETED");
            if is_read && !anew {
                continue;
            }
            if anew {
                let options = json!({ "chunkSize": cut.chunk_size, "overlap": cut.overlap });
                let options: Record = options
                    .as_object()
                    .cloned()
                    .unwrap_or_default()
                    .into_iter()
                    .filter(|(_, value)| !value.is_null())
                    .collect();
                let change = (document.id, options, Manner::HOUSE_KNOWS);
                self.records.update(ctx, db, self.object("document")?, change).await?;
            }
            process::begin(ctx, db, document.id).await?;
        }
        jobs::enqueue(ctx, db, &Train { agent })?;
        let changes = Record::from_iter([
            ("status".to_owned(), json!("TRAINING")),
            ("statusReason".to_owned(), Json::Null),
        ]);
        self.records.update(ctx, db, &AGENT, (agent, changes, Manner::HOUSE_KNOWS)).await
    }

    async fn finish_training(&self, attempt: &Attempt, agent: Id) -> Result<(), Failure> {
        let ctx: &Ctx = attempt;
        let waits = ctx
            .write(async |db| {
                let Some(found) = Agent::find(db, agent).await? else {
                    jobs::finish(attempt, db).await?;
                    return Ok(false);
                };
                let all = documents(db, &found).await?;
                let is_under_way = |one: &Document| {
                    matches!(one.status.as_deref(), Some("UPLOADING" | "PROCESSING"))
                };
                if all.iter().any(is_under_way) && !attempt.is_last() {
                    return Ok(true);
                }
                let changes = report(ctx, &all);
                self.records.update(ctx, db, &AGENT, (agent, changes, Manner::HOUSE_KNOWS)).await?;
                jobs::finish(attempt, db).await?;
                Ok(false)
            })
            .await?;
        if waits {
            let why = "Documents are being read.";
            let later = kith_kernel::Error::new(kith_kernel::Kind::Unavailable, "reading", why);
            return Err(Failure::Retry(later));
        }
        Ok(())
    }
}

/// What training came to.
fn report(ctx: &Ctx, all: &[Document]) -> Record {
    let is_read = |one: &&Document| one.status.as_deref() == Some("COMPLETED");
    let read = all.iter().filter(is_read).count();
    let passages: i64 = all.iter().filter(is_read).filter_map(|one| one.chunk_count).sum();
    let failed: Vec<Json> = all
        .iter()
        .filter(|one| !is_read(one))
        .take(20)
        .map(|one| json!({ "documentId": one.id, "name": one.name, "error": one.error }))
        .collect();
    let reason = match (all.is_empty(), read) {
        (true, _) => Some("There are no documents to answer from."),
        (false, 0) => Some("None of its documents could be read."),
        (false, _) => None,
    };
    let report = json!({ "documents": read, "passages": passages, "failed": failed });
    let changes = json!({
        "status": if reason.is_some() { "ERROR" } else { "ACTIVE" },
        "isActive": reason.is_none(), "statusReason": reason, "training": report,
        "trainedAt": ctx.now(),
    });
    changes.as_object().cloned().unwrap_or_default()
}
