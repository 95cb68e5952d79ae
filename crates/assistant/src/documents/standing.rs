//! `/api/documents/embeddings`: how far the vectors of documents are, and making those that are missing now.

use std::sync::Arc;

use kith_http::{Answer, Call, Operation, Routes, schema};
use kith_kernel::{Result, Role};
use kith_platform::jobs;
use kith_store::{Condition, Output, Read, Select};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::{ALSO, DOCUMENT, Documents, PATH};
use crate::knowledge::stored;

pub(super) fn routes(documents: &Arc<Documents>) -> Routes {
    let tag = DOCUMENT.plural;
    let (path, also) = (format!("{PATH}/embeddings"), format!("{ALSO}/embeddings"));
    let show = Operation::get(path.clone(), tag, "How far the vectors of documents are")
        .scope(tag, "read")
        .alias(also.clone())
        .answers(200, "What is there and what waits.", schema::named("DocumentEmbeddings"));
    let begin = Operation::post(path, tag, "Make the vectors that are missing now")
        .role(Role::Admin)
        .scope(tag, "write")
        .alias(also)
        .typed_body::<Nothing>(schema::object(Vec::new(), &[]))
        .answers(200, "What is there and what waits.", schema::named("DocumentEmbeddings"));
    let (showing, beginning) = (Arc::clone(documents), Arc::clone(documents));
    Routes::new()
        .add(show, move |call| run(Arc::clone(&showing), call))
        .add(begin, move |call| make(Arc::clone(&beginning), call))
}

pub(super) fn schema() -> (String, Json) {
    let or_none = |of: Json, text: &str| schema::described(schema::nullable(of), text);
    let keys = vec![
        (
            "model",
            or_none(
                schema::string(),
                "Whose vectors searches go by; null before the first document.",
            ),
        ),
        ("dimensions", or_none(schema::integer(), "Of each vector; null before the first.")),
        ("documents", schema::described(schema::integer(), "Those that were read.")),
        ("pendingDocuments", schema::described(schema::integer(), "Those that words alone find.")),
        ("chunks", schema::described(schema::integer(), "Of all documents that were read.")),
        ("pendingChunks", schema::described(schema::integer(), "Of those that words alone find.")),
        ("error", or_none(schema::string(), "Why vectors could not be made, the last time.")),
        ("failedAt", or_none(schema::time(), "When that was.")),
        ("nextAttemptAt", or_none(schema::time(), "When it is tried again.")),
    ];
    let required: Vec<&str> = keys.iter().map(|(key, _)| *key).collect();
    ("DocumentEmbeddings".to_owned(), schema::object(keys.clone(), &required))
}

/// There is nothing to wish for.
#[derive(Deserialize)]
struct Nothing {}

async fn run(_: Arc<Documents>, call: Call) -> Result<Answer> {
    call.query()?.only(&[])?;
    Answer::json(&call.ctx.read(async |db| shown(db).await).await?)
}

async fn make(documents: Arc<Documents>, mut call: Call) -> Result<Answer> {
    call.query()?.only(&[])?;
    let body = call.body().await?;
    let Nothing {} = body.parse()?;
    let ctx = &call.ctx;
    call.write(&body, async |db| {
        documents.make_now(ctx, db).await?;
        Answer::json(&shown(db).await?)
    })
    .await
}

async fn shown(db: &Read) -> Result<Json> {
    let standing = stored::standing(db).await?;
    let select = Select::from(DOCUMENT.plural)
        .show(&["embedding"])
        .output(Output::Count)
        .output(Output::Sum("chunk_count"))
        .whose("status", "COMPLETED")
        .only(Condition::Null("deleted_at"))
        .group("embedding");
    let (mut all, mut pending) = ((0, 0), (0, 0));
    db.each(&select, |row| {
        let is_there = row.text(0)? == Some("COMPLETED");
        let (count, chunks) =
            (row.integer(1)?.unwrap_or_default(), row.integer(2)?.unwrap_or_default());
        for sums in [Some(&mut all), Some(&mut pending).filter(|_| !is_there)].into_iter().flatten()
        {
            *sums = (sums.0 + count, sums.1 + chunks);
        }
        Ok(())
    })
    .await?;
    let job = match standing.job_id {
        Some(job) => jobs::find(db, job).await?,
        None => None,
    };
    let next = job.filter(|job| job.finished_at.is_none()).map(|job| job.due);
    Ok(json!({
        "model": standing.model, "dimensions": standing.width,
        "documents": all.0, "pendingDocuments": pending.0,
        "chunks": all.1, "pendingChunks": pending.1,
        "error": standing.error, "failedAt": standing.failed_at, "nextAttemptAt": next,
    }))
}
