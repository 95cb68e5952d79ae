//! What is shown of a document besides its record: its text, its chunks, its file.

use std::sync::Arc;

use axum::{body::Body, http::header};
use bytes::Bytes;
use futures_util::TryStreamExt;
use kith_http::{Answer, Call};
use kith_kernel::{Error, Id, Kind, Result, not_found};
use kith_platform::storage;
use kith_store::{Comparison, Condition, Read, Select};
use serde::Deserialize;
use serde_json::json;

use super::{
    DOCUMENT, Documents,
    object::{id, text},
};
use crate::knowledge::stored;

/// Characters of a text that is shown whole.
const MOST_CHARACTERS: usize = 1_000_000;
/// Chunks that are read at once.
const AT_ONCE: u64 = 200;
const USUAL: u64 = 50;
/// Whatever the bytes are, nothing in them runs.
const POLICY: &str = "sandbox; default-src 'none'; frame-ancestors 'none'";

#[derive(Deserialize)]
struct Row {
    id: Id,
    position: i64,
    page: Option<i64>,
    heading: String,
    text: String,
    overlap: i64,
}

/// The next chunks of a document behind a position.
async fn next(db: &Read, document: Id, (behind, most): (i64, u64)) -> Result<Vec<Row>> {
    let Some(run) = stored::live(db, document).await? else { return Ok(Vec::new()) };
    let select = Select::from("document_chunks")
        .whose("document_id", document)
        .whose("run_id", run)
        .only(Condition::Compare("position", Comparison::Greater, behind.into()));
    db.all(select.by("position", false).at_most(most)).await
}

pub(super) async fn content(documents: Arc<Documents>, call: Call) -> Result<Answer> {
    call.query()?.only(&[])?;
    let (document, ctx) = (call.id("id")?, &call.ctx);
    let (mut content, mut count, mut behind, mut truncated) = (String::new(), 0, -1, false);
    loop {
        let rows = ctx
            .read(async |db| {
                documents.records.get(ctx, db, &DOCUMENT, document).await?;
                next(db, document, (behind, AT_ONCE)).await
            })
            .await?;
        let Some(last) = rows.last() else { break };
        behind = last.position;
        for row in &rows {
            let overlap = usize::try_from(row.overlap).unwrap_or_default();
            if !content.is_empty() {
                content.push(if overlap > 0 { ' ' } else { '\n' });
            }
            content.extend(row.text.chars().skip(overlap));
            count += row.text.chars().count() - overlap;
        }
        truncated = count >= MOST_CHARACTERS;
        if truncated {
            break;
        }
    }
    Answer::json(&json!({
        "documentId": document, "content": content, "characters": count, "truncated": truncated,
    }))
}

pub(super) async fn chunks(documents: Arc<Documents>, call: Call) -> Result<Answer> {
    let (document, query, ctx) = (call.id("id")?, call.query()?, &call.ctx);
    query.only(&["limit", "cursor"])?;
    let limit = query.number("limit", 1, AT_ONCE)?.unwrap_or(USUAL);
    let behind = match query.get("cursor")? {
        None => -1,
        Some(text) => text.parse::<i64>().ok().filter(|at| *at >= 0).ok_or_else(|| {
            Error::new(Kind::Invalid, "invalid_cursor", "This is not a cursor.")
                .and("cursor", "is not a cursor")
        })?,
    };
    let mut rows = ctx
        .read(async |db| {
            documents.records.get(ctx, db, &DOCUMENT, document).await?;
            next(db, document, (behind, limit + 1)).await
        })
        .await?;
    let more = rows.len() as u64 > limit;
    rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let cursor = rows.last().filter(|_| more).map(|row| row.position.to_string());
    let data: Vec<_> = rows
        .iter()
        .map(|row| {
            json!({
                "id": row.id, "position": row.position, "page": row.page, "heading": row.heading,
                "text": row.text, "overlap": row.overlap,
            })
        })
        .collect();
    Answer::json(&json!({ "data": data, "nextCursor": cursor }))
}

pub(super) async fn download(documents: Arc<Documents>, call: Call) -> Result<Answer> {
    call.query()?.only(&[])?;
    let (document, ctx) = (call.id("id")?, &call.ctx);
    let (record, file) = ctx
        .read(async |db| {
            let record = documents.records.get(ctx, db, &DOCUMENT, document).await?;
            let Some(file) = id(&record, "contentId") else { return Err(not_found("file")) };
            let stored = storage::kept(db, file).await?.ok_or_else(|| not_found("file"))?;
            Ok((record, stored))
        })
        .await?;
    let pieces = documents.storage.read(ctx, file.id, (0, file.size)).await?;
    let body = Body::from_stream(pieces.map_ok(Bytes::from));
    Ok(Answer::stream("application/octet-stream", body)
        .named(text(&record, "originalName"))
        .header(header::CONTENT_LENGTH, &file.size.to_string())
        .header(header::CONTENT_SECURITY_POLICY, POLICY))
}
