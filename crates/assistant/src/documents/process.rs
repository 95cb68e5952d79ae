//! Reading a document: a job that finds out what it says, cuts it, makes vectors and lets all of it count at once.

use std::sync::Arc;

use kith_kernel::{Error, Id, Kind as ErrorKind, Result};
use kith_platform::{
    Attempts, Ctx,
    jobs::{self, Attempt, Failure, Job, Registry, Retry},
};
use kith_records::{Manner, Record};
use kith_store::Write;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::{DOCUMENT, Documents, object::text, remove, vectors};
use crate::{
    extract::{
        Extracted,
        chunks::{Chunk, Cut, cut},
    },
    knowledge::{
        Embedder, packed,
        stored::{self, NewChunk},
    },
};

/// Chunks of one write.
const AT_ONCE: usize = 50;
/// Chunks of one document.
const MOST_CHUNKS: usize = 50_000;
const LONGEST_ERROR: usize = 500;

/// Reads a document, unless a later run does.
#[derive(Debug, Serialize, Deserialize)]
struct Process {
    document: Id,
    run: Id,
}

impl Job for Process {
    const NAME: &'static str = "documents.process";
    const RETRY: Retry = Retry { attempts: 4, first_pause_seconds: 5, longest_pause_seconds: 60 };
}

/// Notes that a document cannot be read, whose reading came to no end.
#[derive(Debug, Serialize, Deserialize)]
struct GiveUp {
    document: Id,
    run: Id,
    why: String,
}

impl Job for GiveUp {
    const NAME: &'static str = "documents.give_up";
}

/// What else counts from the write on that notes how it went.
#[derive(Clone, Copy)]
enum Also<'m> {
    Nothing,
    /// What was read, for this model; whether its vectors are there.
    Live(&'m str, bool),
    /// Nothing of the document any more.
    Dead,
}

/// Has a document read anew, as it is to be cut now.
pub(crate) async fn begin_anew(
    documents: &Documents,
    (ctx, db): (&Ctx, &Write),
    (document, options): (Id, Record),
) -> Result<Record> {
    let mut input = options;
    input.insert("status".to_owned(), json!("PROCESSING"));
    input.insert("error".to_owned(), Json::Null);
    let change = (document, input, Manner::HOUSE);
    let record = documents.records.update(ctx, db, &DOCUMENT, change).await?;
    begin(ctx, db, document).await?;
    Ok(record)
}

/// Has a document read.
pub(crate) async fn begin(ctx: &Ctx, db: &Write, document: Id) -> Result<()> {
    let run = ctx.new_id();
    stored::begin(db, document, run).await?;
    jobs::enqueue(ctx, db, &Process { document, run }).map(drop)
}

/// Adds the job.
pub(super) fn register(registry: Registry, documents: &Arc<Documents>) -> Registry {
    let (reading, ending) = (Arc::clone(documents), Arc::clone(documents));
    let registry = registry.on(move |job: GiveUp, attempt| {
        let documents = Arc::clone(&ending);
        async move {
            let GiveUp { document, run, why } = job;
            let of = Process { document, run };
            documents.refuse(&attempt, &of, (&why, attempt.now())).await.map_err(Failure::from)
        }
    });
    let registry = registry.on(move |job: Process, attempt| {
        let documents = Arc::clone(&reading);
        async move {
            let began = attempt.now();
            match Box::pin(documents.process(&attempt, &job)).await {
                Ok(()) => Ok(()),
                // Somebody deleted it, or had it read anew.
                Err(error) if is_over(&error) => end(&attempt).await.map_err(Failure::from),
                Err(error) => {
                    let failure = Failure::from(error);
                    if matches!(failure, Failure::Retry(_)) && !attempt.is_last() {
                        return Err(failure);
                    }
                    // What cannot be read says so, and the job has done what there was to do.
                    let why = failure.error().in_one_line();
                    documents.refuse(&attempt, &job, (&why, began)).await.map_err(Failure::from)
                }
            }
        }
    });
    // The process died of it, again and again: nobody shall wait for it for ever.
    registry.when_given_up::<Process>(|job, ctx, db, why| {
        Box::pin(async move {
            let why = why.to_owned();
            let Process { document, run } = job;
            jobs::enqueue(ctx, db, &GiveUp { document, run, why }).map(drop)
        })
    })
}

/// Whether it is the document that is not there, and not a model, which has a code of its own.
pub(super) fn is_over(error: &Error) -> bool {
    matches!(error.code(), "overtaken" | "not_found") || error.kind() == ErrorKind::Gone
}

async fn end(attempt: &Attempt) -> Result<()> {
    attempt.write(async |db| jobs::finish(attempt, db).await).await
}

impl Documents {
    async fn process(&self, attempt: &Attempt, job: &Process) -> Result<()> {
        let began = attempt.now();
        let (record, state, standing) = attempt
            .read(async |db| {
                let record = self.records.get(attempt, db, &DOCUMENT, job.document).await?;
                Ok((record, stored::state(db, job.document).await?, stored::standing(db).await?))
            })
            .await?;
        let Some(state) = state.filter(|state| state.run_id == job.run) else {
            return end(attempt).await;
        };
        if state.live_id == Some(job.run) {
            return self.tidy(attempt, job).await;
        }
        if text(&record, "status") != "PROCESSING" {
            let input = json!({ "status": "PROCESSING", "error": null });
            self.note(attempt, job, (input, Also::Nothing)).await?;
        }
        // What an attempt that was cut off left.
        clear(attempt, job.document, state.live_id).await?;
        let extracted = match self.extract(attempt, &record).await? {
            Ok(extracted) => extracted,
            Err(why) => return self.refuse(attempt, job, (&why, began)).await,
        };
        let chunks = cut(&extracted.blocks, cut_of(&record));
        if let Some(why) = unfit(&chunks, text(&record, "type")) {
            return self.refuse(attempt, job, (&why, began)).await;
        }
        let model = self.notice(attempt, standing.model.as_deref()).await?;
        // Nobody waits for vectors that somebody else makes or keeps: words find it at once.
        let has_vectors = Embedder::is_instant(&model) && self.knowledge.chroma.is_none();
        let of = Some(model.as_str()).filter(|_| has_vectors);
        self.keep(attempt, job, (of, &chunks)).await?;
        let mut input = completed((&extracted, &chunks), of, (attempt, began));
        if let Some(transcript) = extracted.transcript {
            input["transcript"] = json!(transcript);
        }
        self.note(attempt, job, (input, Also::Live(&model, has_vectors))).await?;
        self.tidy(attempt, job).await
    }

    /// Stores chunks, with their vectors where a model makes them at once.
    async fn keep(
        &self,
        attempt: &Attempt,
        job: &Process,
        (model, chunks): (Option<&str>, &[Chunk]),
    ) -> Result<()> {
        let mut first = 0;
        for some in chunks.chunks(AT_ONCE) {
            let mut vectors = vec![None; some.len()];
            if let Some(model) = model {
                let texts = some.iter().map(|chunk| format!("{}\n{}", chunk.heading, chunk.text));
                let made = self.knowledge.embedder.embed(attempt, model, texts.collect()).await?;
                vectors = made.iter().map(|vector| Some(packed(vector))).collect();
            }
            let ids: Vec<Id> = some.iter().map(|_| attempt.new_id()).collect();
            attempt
                .write(async |db| {
                    stored::hold(db, job.document, job.run).await?;
                    let new = some.iter().zip(&vectors).map(|(chunk, vector)| NewChunk {
                        page: chunk.page,
                        heading: chunk.heading.clone(),
                        text: chunk.text.clone(),
                        overlap: chunk.overlap,
                        vector: vector.clone(),
                    });
                    let of = (job.document, job.run, model);
                    stored::store(db, of, (ids.clone(), new.collect(), first)).await
                })
                .await?;
            first += some.len();
            if attempt.app.tasks.is_stopping() {
                return Err(Error::new(ErrorKind::Unavailable, "stopping", "The server stops."));
            }
        }
        Ok(())
    }

    /// Notes how it went, in the write in which it counts.
    async fn note(&self, ctx: &Ctx, job: &Process, (input, also): (Json, Also<'_>)) -> Result<()> {
        let mut attempts = Attempts::new();
        loop {
            let input: Record = input.as_object().cloned().unwrap_or_default();
            let done = ctx
                .write(async |db| {
                    // In the order in which changes by people lock: record, tenant, state.
                    let change = (job.document, input, Manner::HOUSE);
                    self.records.update(ctx, db, &DOCUMENT, change).await?;
                    stored::touch(db, job.document).await?;
                    stored::hold(db, job.document, job.run).await?;
                    match also {
                        Also::Nothing => Ok(()),
                        Also::Dead => stored::go_live(db, job.document, None).await,
                        Also::Live(model, has_vectors) => {
                            stored::go_live(db, job.document, Some(job.run)).await?;
                            vectors::join(ctx, db, (model, !has_vectors)).await
                        }
                    }
                })
                .await;
            if attempts.end_with(&done) {
                return done;
            }
        }
    }

    /// Notes that a document cannot be read; what was read of it before does not count any more.
    async fn refuse(
        &self,
        attempt: &Attempt,
        job: &Process,
        (why, began): (&str, kith_kernel::Time),
    ) -> Result<()> {
        let state = attempt.read(async |db| stored::state(db, job.document).await).await?;
        if state.is_some_and(|state| state.live_id == Some(job.run)) {
            // It was read; what failed is the tidying behind it.
            return end(attempt).await;
        }
        let why: String = why.chars().take(LONGEST_ERROR).collect();
        let input = json!({
            "status": "ERROR", "error": why, "notice": null, "chunkCount": 0, "characters": 0,
            "embedding": null, "model": null,
            "processedAt": attempt.now(), "processingMs": since(attempt, began),
        });
        match self.note(attempt, job, (input, Also::Dead)).await {
            Err(error) if is_over(&error) => return end(attempt).await,
            done => done?,
        }
        clear(attempt, job.document, None).await?;
        if self.knowledge.chroma.is_some() {
            let document = job.document;
            attempt.write(async |db| remove::chunks(attempt, db, document)).await?;
        }
        end(attempt).await
    }

    /// Chunks that do not count go, and the job is over.
    async fn tidy(&self, attempt: &Attempt, job: &Process) -> Result<()> {
        clear(attempt, job.document, Some(job.run)).await?;
        end(attempt).await
    }

    /// Vectors of a document that stand elsewhere as well go, but for those of one run.
    pub(super) async fn forget_elsewhere(&self, ctx: &Ctx, which: (Id, Option<Id>)) -> Result<()> {
        let Some(chroma) = &self.knowledge.chroma else { return Ok(()) };
        let standing = ctx.read(async |db| stored::standing(db).await).await?;
        match standing.model {
            Some(model) => chroma.remove(ctx, &model, which).await,
            None => Ok(()),
        }
    }
}

/// Deletes all chunks of a document but those of one run.
async fn clear(ctx: &Ctx, document: Id, but: Option<Id>) -> Result<()> {
    while ctx.write(async |db| stored::delete_some(db, document, but).await).await? {
        tokio::task::yield_now().await;
    }
    Ok(())
}

/// Why chunks are not kept.
fn unfit(chunks: &[Chunk], kind: &str) -> Option<String> {
    if chunks.is_empty() {
        let scanned = if kind == "PDF" { " Scanned pages are pictures." } else { "" };
        return Some(format!("It holds no text.{scanned}"));
    }
    let many =
        format!("It would be cut into more than {MOST_CHUNKS} chunks. Choose a larger chunkSize.");
    (chunks.len() > MOST_CHUNKS).then_some(many)
}

fn cut_of(record: &Record) -> Cut {
    let number = |key: &str, usual: usize| {
        let number = record.get(key).and_then(Json::as_u64);
        number.and_then(|number| usize::try_from(number).ok()).unwrap_or(usual)
    };
    Cut { size: number("chunkSize", 1_000), overlap: number("overlap", 200) }
}

fn since(ctx: &Ctx, began: kith_kernel::Time) -> i64 {
    (ctx.now().milliseconds() - began.milliseconds()).max(0)
}

fn completed(
    (extracted, chunks): (&Extracted, &[Chunk]),
    model: Option<&str>,
    (ctx, began): (&Ctx, kith_kernel::Time),
) -> Json {
    let characters: usize = extracted.blocks.iter().map(|block| block.text.chars().count()).sum();
    json!({
        "status": "COMPLETED", "error": null, "notice": extracted.notice, "pageCount": extracted.pages,
        "chunkCount": chunks.len(), "characters": characters, "model": model,
        "embedding": if model.is_some() { "COMPLETED" } else { "PENDING" },
        "processedAt": ctx.now(), "processingMs": since(ctx, began),
    })
}
