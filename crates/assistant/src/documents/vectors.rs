//! Vectors that are missing: a job makes them, of one document after the other, while searches go on by words.
//!
//! They are missing where a provider makes them, which may be slow, down or out of credits; and everywhere once another
//! model is chosen, whose vectors cannot be compared with those that are there.

use std::sync::Arc;

use kith_kernel::{Error, Id, Kind, Result};
use kith_platform::{
    Attempts, Ctx,
    jobs::{self, Attempt, Failure, Job, Registry, Retry},
};
use kith_records::{Manner, Record};
use kith_store::{Comparison, Condition, Read, Select, Update, Write, equals};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{DOCUMENT, Documents, process::is_over};
use crate::knowledge::{
    Stored, packed,
    stored::{self, Standing},
};

/// Chunks of one question to a provider, and of one write.
const AT_ONCE: u64 = 50;
/// Documents of one write that have to wait.
const MARKED_AT_ONCE: u64 = 20;
/// After this a job that made some vectors goes on.
const PAUSE_SECONDS: u64 = 10;
const LONGEST_ERROR: usize = 500;

/// Makes the vectors of this model that are missing.
#[derive(Debug, Serialize, Deserialize)]
struct MakeVectors {
    model: String,
}

impl Job for MakeVectors {
    const NAME: &'static str = "documents.vectors";
    /// For some eight days; what is asked for then begins anew.
    const RETRY: Retry =
        Retry { attempts: 200, first_pause_seconds: 10, longest_pause_seconds: 3_600 };
}

#[derive(Deserialize)]
struct Row {
    id: Id,
    heading: String,
    text: String,
}

#[derive(Deserialize)]
struct Waiting {
    id: Id,
}

/// Searches go by this model's vectors from now on; where they went by another's, a job makes them.
async fn follow(ctx: &Ctx, db: &Write, (model, width): (&str, Option<i64>)) -> Result<()> {
    stored::lock(db).await?;
    let before = stored::standing(db).await?.model;
    if before.as_deref() == Some(model) {
        return Ok(());
    }
    stored::choose(db, model, width).await?;
    if before.is_some() { order(ctx, db, (model, 0)).await } else { Ok(()) }
}

/// A document was read while this model was chosen; where its vectors are missing, a job makes them.
///
/// # Errors
/// `Unavailable` where another model was chosen meanwhile.
pub(super) async fn join(ctx: &Ctx, db: &Write, (model, is_waiting): (&str, bool)) -> Result<()> {
    let standing = stored::standing(db).await?;
    if standing.model.as_deref() != Some(model) {
        let why = "Another model for vectors was chosen meanwhile.";
        return Err(Error::new(Kind::Unavailable, "model_changed", why));
    }
    match standing.job_id {
        _ if !is_waiting => Ok(()),
        Some(job) if jobs::is_open(db, job).await? => Ok(()),
        Some(_) | None => order(ctx, db, (model, 0)).await,
    }
}

/// Has missing vectors made by a new job, which takes the place of any other.
pub(super) async fn order(ctx: &Ctx, db: &Write, (model, in_seconds): (&str, u64)) -> Result<()> {
    let due = ctx.now().plus_seconds(i64::try_from(in_seconds).unwrap_or(i64::MAX));
    let job = jobs::enqueue_at(ctx, db, &MakeVectors { model: model.to_owned() }, due)?;
    stored::order(db, Some(job)).await
}

/// Documents that can be found, and stand so with their vectors.
fn that_are(embedding: &'static str) -> Select {
    Select::from(DOCUMENT.plural)
        .whose("embedding", embedding)
        .whose("status", "COMPLETED")
        .only(Condition::Null("deleted_at"))
}

pub(super) fn register(registry: Registry, documents: &Arc<Documents>) -> Registry {
    let documents = Arc::clone(documents);
    registry.on(move |job: MakeVectors, attempt| {
        let documents = Arc::clone(&documents);
        async move {
            let mut made = 0;
            match Box::pin(documents.make_vectors(&attempt, &job.model, &mut made)).await {
                Ok(()) => Ok(()),
                Err(error) if error.code() == "stopping" => Err(Failure::Stopped(error)),
                Err(error) => documents.put_off(&attempt, &job.model, (error, made)).await,
            }
        }
    })
}

impl Documents {
    /// Changes the model of the actor's tenant where another one is to be asked than the documents stand with; says which
    /// one it is.
    pub(super) async fn notice(&self, ctx: &Ctx, model: Option<&str>) -> Result<String> {
        let choice = self.knowledge.embedder.choice(ctx, model).await?;
        if model != Some(choice.as_str()) {
            let house = ctx.app.as_system(ctx.actor.tenant);
            let width = self.knowledge.embedder.width(&choice);
            house.write(async |db| follow(&house, db, (&choice, width)).await).await?;
            tracing::info!(from = model, to = choice, "documents get vectors of another model");
        }
        Ok(choice)
    }

    /// Has missing vectors made now, whatever came in between.
    pub(super) async fn make_now(&self, ctx: &Ctx, db: &Write) -> Result<()> {
        stored::lock(db).await?;
        let standing = stored::standing(db).await?;
        match &standing.model {
            Some(model) if standing.job_id.is_some() || db.exists(that_are("PENDING")).await? => {
                order(ctx, db, (model, 0)).await
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Makes vectors until none is missing; counts the documents that got theirs.
    async fn make_vectors(&self, attempt: &Attempt, model: &str, made: &mut u64) -> Result<()> {
        loop {
            self.mark(attempt, model).await?;
            let (mut behind, mut refused, before) = (Id::NIL, None, *made);
            loop {
                let next = Condition::Compare("id", Comparison::Greater, behind.into());
                let next = that_are("PENDING").show(&["id"]).only(next).by("id", false).at_most(1);
                let (is_ours, next) = attempt
                    .read(async |db| {
                        let next: Option<Waiting> = db.first(next).await?;
                        Ok((is_ours(&stored::standing(db).await?, attempt), next))
                    })
                    .await?;
                if !is_ours {
                    return attempt.write(async |db| jobs::finish(attempt, db).await).await;
                }
                let Some(next) = next else { break };
                behind = next.id;
                match self.of_document(attempt, model, next.id).await {
                    Ok(()) => *made += 1,
                    Err(error) if is_over(&error) => {}
                    // What this one says is not taken, which says nothing of the others.
                    Err(error) if error.kind() == Kind::Invalid => refused = Some(error),
                    Err(error) => return Err(error),
                }
            }
            if let Some(error) = refused {
                return Err(error);
            }
            if attempt.write(async |db| end(attempt, db).await).await? {
                return Ok(());
            }
            if *made == before {
                let why = "Documents are read anew meanwhile.";
                return Err(Error::new(Kind::Unavailable, "reading", why));
            }
        }
    }

    /// Documents with vectors of another model wait for those of this one.
    async fn mark(&self, ctx: &Ctx, model: &str) -> Result<()> {
        loop {
            let others = Condition::Not(Box::new(equals("model", model)));
            let some = that_are("COMPLETED").show(&["id"]).only(others).by("id", false);
            let some = some.at_most(MARKED_AT_ONCE);
            let some = ctx.read(async |db| db.ids(&some).await).await?;
            if some.is_empty() {
                return Ok(());
            }
            for document in some {
                self.set(ctx, (document, None), json!({ "embedding": "PENDING" })).await?;
            }
        }
    }

    /// The vectors of one document; all of them count at once.
    async fn of_document(&self, ctx: &Ctx, model: &str, document: Id) -> Result<()> {
        let house = ctx.app.as_system(ctx.actor.tenant);
        loop {
            let found = ctx.read(async |db| missing(db, document, model).await).await?;
            let Some((run, rows)) = found else { return Ok(()) };
            if rows.is_empty() {
                let input = json!({ "embedding": "COMPLETED", "model": model });
                if let Some(chroma) = &self.knowledge.chroma {
                    chroma.remove(ctx, model, (document, Some(run))).await?;
                }
                return self.set(ctx, (document, Some(run)), input).await;
            }
            let texts = rows.iter().map(|row| format!("{}\n{}", row.heading, row.text)).collect();
            let vectors = self.knowledge.embedder.embed(&house, model, texts).await?;
            let width = vectors.first().map(Vec::len).unwrap_or_default();
            ctx.read(async |db| stored::standing(db).await?.check_width(width)).await?;
            if let Some(chroma) = &self.knowledge.chroma {
                let new = rows.iter().zip(&vectors);
                let new: Vec<_> =
                    new.map(|(row, vector)| Stored { chunk: row.id, vector }).collect();
                chroma.store(ctx, model, (document, run), &new).await?;
            }
            ctx.write(async |db| {
                stored::hold_width(db, width).await?;
                for (row, vector) in rows.iter().zip(&vectors) {
                    let update = Update::table("document_chunks").set("vector", packed(vector));
                    db.update(update.set("model", model).whose("id", row.id)).await?;
                }
                Ok(())
            })
            .await?;
            if ctx.app.tasks.is_stopping() {
                return Err(Error::new(Kind::Unavailable, "stopping", "The server stops."));
            }
        }
    }

    /// Notes how a document stands with its vectors, if this run of it still counts.
    async fn set(
        &self,
        ctx: &Ctx,
        (document, run): (Id, Option<Id>),
        input: serde_json::Value,
    ) -> Result<()> {
        let mut attempts = Attempts::new();
        loop {
            let input: Record = input.as_object().cloned().unwrap_or_default();
            let done = ctx
                .write(async |db| {
                    let change = (document, input, Manner::HOUSE);
                    self.records.update(ctx, db, &DOCUMENT, change).await?;
                    stored::touch(db, document).await?;
                    match run {
                        Some(run) => stored::hold(db, document, run).await,
                        None => Ok(()),
                    }
                })
                .await;
            if attempts.end_with(&done) {
                return done;
            }
        }
    }

    /// Says why vectors could not be made, and tries again later: soon where some were made.
    async fn put_off(
        &self,
        attempt: &Attempt,
        model: &str,
        (error, made): (Error, u64),
    ) -> Result<(), Failure> {
        let why: String = error.in_one_line().chars().take(LONGEST_ERROR).collect();
        let pause = PAUSE_SECONDS.max(error.retry_after_seconds().unwrap_or_default());
        let is_over = attempt
            .write(async |db| {
                stored::lock(db).await?;
                let is_ours = is_ours(&stored::standing(db).await?, attempt);
                if is_ours {
                    stored::failed(db, &why, attempt.now()).await?;
                }
                if is_ours && made > 0 {
                    order(attempt, db, (model, pause)).await?;
                }
                let is_over = !is_ours || made > 0;
                if is_over {
                    jobs::finish(attempt, db).await?;
                }
                Ok(is_over)
            })
            .await?;
        // Whatever a provider says today, somebody may mend it tomorrow.
        if is_over { Ok(()) } else { Err(Failure::Retry(error)) }
    }
}

fn is_ours(standing: &Standing, attempt: &Attempt) -> bool {
    standing.job_id == Some(attempt.job())
}

/// The next chunks of a document without a vector of this model, with the run that counts; none where nothing counts.
async fn missing(db: &Read, document: Id, model: &str) -> Result<Option<(Id, Vec<Row>)>> {
    let state = stored::state(db, document).await?;
    let Some(run) = state.and_then(|state| state.live_id) else { return Ok(None) };
    let others = Condition::Not(Box::new(equals("model", model)));
    let select = Select::from("document_chunks")
        .show(&["id", "heading", "text"])
        .whose("document_id", document)
        .whose("run_id", run)
        .only(Condition::Any(vec![others, Condition::Null("vector")]));
    Ok(Some((run, db.all(select.by("position", false).at_most(AT_ONCE)).await?)))
}

/// Ends a job that has nothing more to do; not where a document came in between.
async fn end(attempt: &Attempt, db: &Write) -> Result<bool> {
    stored::lock(db).await?;
    let is_ours = is_ours(&stored::standing(db).await?, attempt);
    if is_ours {
        if db.exists(that_are("PENDING")).await? {
            return Ok(false);
        }
        stored::order(db, None).await?;
    }
    jobs::finish(attempt, db).await?;
    Ok(true)
}
