//! Files of mails: taken out of the delivery behind the message, and kept as attachments of it.

use std::sync::Arc;

use kith_kernel::{Id, Result};
use kith_platform::{
    Ctx,
    jobs::{self, Attempt, Failure, Job, Registry, Retry},
};
use kith_records::{Manner, Record};
use kith_store::{Read, Select, Write};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::deliveries;
use crate::{Inbox, messages::MESSAGE, wire::mail};

/// Keeps what came along with a mail.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct KeepFiles {
    pub(super) message: Id,
    pub(super) delivery: Id,
    /// The text has more than the message could hold.
    pub(super) is_cut: bool,
}

impl Job for KeepFiles {
    const NAME: &'static str = "inbox.files";
    const RETRY: Retry = Retry { attempts: 8, first_pause_seconds: 2, longest_pause_seconds: 600 };
}

/// The name of the file that holds all of a text.
const WHOLE: &str = "message.txt";

#[derive(Deserialize)]
struct Row {
    metadata: Option<String>,
    attachment_id: Option<Id>,
}

/// A file as it is to be kept, and where metadata tell of it.
struct Piece {
    place: Option<usize>,
    name: String,
    bytes: Vec<u8>,
}

pub(super) fn register(registry: Registry, inbox: &Arc<Inbox>) -> Registry {
    let inbox = Arc::clone(inbox);
    registry.on(move |job: KeepFiles, attempt| {
        let inbox = Arc::clone(&inbox);
        async move { inbox.keep_files(&attempt, &job).await }
    })
}

fn told(row: &Row) -> Json {
    let known: Option<Json> =
        row.metadata.as_deref().and_then(|text| serde_json::from_str(text).ok());
    known.filter(Json::is_object).unwrap_or_else(|| json!({}))
}

/// What metadata tell of a piece.
fn entry<'a>(metadata: &'a mut Json, piece: &Piece) -> &'a mut Json {
    match piece.place {
        Some(at) => {
            let files = &mut metadata["files"];
            if !files.is_array() {
                *files = json!([]);
            }
            if let Json::Array(all) = files {
                while all.len() <= at {
                    all.push(json!({}));
                }
            }
            &mut files[at]
        }
        None => &mut metadata["whole"],
    }
}

async fn row(db: &Read, message: Id) -> Result<Option<Row>> {
    db.first(Select::from(MESSAGE.plural).whose("id", message)).await
}

fn pieces(bytes: &[u8], is_cut: bool) -> Vec<Piece> {
    let Some(message) = mail::parsed(bytes) else { return Vec::new() };
    let (files, _) = mail::files(&message);
    let mut pieces: Vec<Piece> = files
        .into_iter()
        .enumerate()
        .filter_map(|(at, file)| {
            let part = message.parts.get(file.part)?;
            Some(Piece { place: Some(at), name: file.name, bytes: part.contents().to_vec() })
        })
        .collect();
    if is_cut {
        let bytes = mail::whole_text(&message).into_bytes();
        pieces.push(Piece { place: None, name: WHOLE.to_owned(), bytes });
    }
    pieces
}

impl Inbox {
    async fn keep_files(&self, attempt: &Attempt, job: &KeepFiles) -> Result<(), Failure> {
        let ctx: &Ctx = attempt;
        let found = ctx
            .read(async |db| {
                let delivered = deliveries::delivered(db, job.delivery).await?;
                Ok(row(db, job.message).await?.as_ref().map(told).zip(delivered))
            })
            .await?;
        // Erased meanwhile.
        let Some((metadata, delivered)) = found else { return Ok(()) };
        let (bytes, is_cut) = (delivered.bytes(), job.is_cut);
        let taking_apart = tokio::task::spawn_blocking(move || pieces(&bytes, is_cut));
        let pieces = taking_apart.await.unwrap_or_default();
        for piece in pieces {
            if attempt.app.tasks.is_stopping() {
                let error = kith_kernel::internal("the application stops");
                return Err(Failure::Stopped(error));
            }
            // What an attempt before kept stays.
            if entry(&mut metadata.clone(), &piece)["state"] != "kept" {
                Box::pin(self.keep_piece(ctx, job, &piece)).await?;
            }
        }
        ctx.write(async |db| jobs::finish(attempt, db).await).await?;
        Ok(())
    }

    async fn keep_piece(&self, ctx: &Ctx, job: &KeepFiles, piece: &Piece) -> Result<()> {
        let file = (piece.bytes.as_slice(), piece.name.as_str());
        let (incoming, input) = self.put_file(ctx, file, job.message).await?;
        let kept = ctx
            .write(async |db: &Write| {
                let Some(row) = row(db, job.message).await? else { return Ok(false) };
                let mut metadata = told(&row);
                if entry(&mut metadata, piece)["state"] == "kept" {
                    return Ok(false);
                }
                let id = self.attach((ctx, db), (&incoming, &input)).await?;
                *entry(&mut metadata, piece) = json!({
                    "name": input.get("name"), "size": piece.bytes.len(), "state": "kept", "attachmentId": id,
                });
                let mut changes = Record::from_iter([("metadata".to_owned(), metadata)]);
                if row.attachment_id.is_none() && piece.place.is_some() {
                    changes.insert("attachmentId".to_owned(), json!(id));
                }
                let of = (job.message, changes, Manner::HOUSE_KNOWS);
                self.records.update(ctx, db, &MESSAGE, of).await?;
                Ok(true)
            })
            .await?;
        if kept {
            incoming.kept();
        }
        Ok(())
    }
}
