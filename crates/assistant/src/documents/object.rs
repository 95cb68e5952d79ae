//! What a document is, and what follows from its changes.

use kith_kernel::{Id, Result, conflict, invalid};
use kith_platform::storage;
use kith_records::{
    Change, Desk, Field, FoundBy, Kind, Object, Pending, Record, Routes, Rules, What,
    fields::{columns, plain, table},
    folded,
};
use kith_store::Migration;
use serde_json::{Value as Json, json};

use super::{process, remove};
use crate::knowledge::stored;

/// Characters of a chunk.
pub(super) const SIZES: (i64, i64) = (100, 8_000);
/// Types of documents.
pub(super) const TYPES: [&str; 10] =
    ["PDF", "DOCX", "TXT", "MD", "HTML", "CSV", "JSON", "WEB", "MANUAL", "VOICE"];
pub(super) const CATEGORIES: [&str; 5] = ["KNOWLEDGE_BASE", "FAQ", "POLICY", "MANUAL", "OTHER"];

/// What says how a document is read; a change of it has it read anew.
const READ_BY: [&str; 4] = ["question", "answer", "chunkSize", "overlap"];
/// What a search notices besides.
const NOTICED: [&str; 2] = ["enabled", "name"];

const OWN: [Field; 24] = [
    folded!(Text, "name", "name").required().found_by(FoundBy::Title).about("What it is called."),
    plain("type", "type", Kind::Choice(&TYPES)).system().about("What it is made of."),
    plain("status", "status", Kind::Choice(&["UPLOADING", "PROCESSING", "COMPLETED", "ERROR"]))
        .system()
        .about("COMPLETED once it can be found; ERROR where it cannot be read."),
    plain("error", "error", Kind::LongText).system().about("Why it cannot be read."),
    plain("notice", "notice", Kind::LongText)
        .system()
        .about("What of it was left out, if anything."),
    plain("enabled", "enabled", Kind::Bool)
        .default("true")
        .required()
        .about("Whether searches and agents find it."),
    plain("category", "category", Kind::Choice(&CATEGORIES))
        .default("\"KNOWLEDGE_BASE\"")
        .about("What it is for."),
    plain("question", "question", Kind::LongText).about("Of a MANUAL: what is asked."),
    plain("answer", "answer", Kind::LongText).about("Of a MANUAL: what is answered."),
    plain("transcript", "transcript", Kind::LongText).system().about(
        "Of sound: what was said, handed in or as a provider heard it; null where it is longer.",
    ),
    plain("chunkSize", "chunk_size", Kind::Integer(SIZES.0, SIZES.1))
        .default("1000")
        .required()
        .about("Characters of a chunk, at most."),
    plain("overlap", "overlap", Kind::Integer(0, SIZES.1 / 2)).default("200").required().about(
        "Characters of a chunk that stand at the end of the one before; half of chunkSize at most.",
    ),
    folded!(Text, "originalName", "original_name")
        .system()
        .about("The name of the file as it came."),
    plain("size", "size", Kind::Integer(0, i64::MAX)).system().about("Bytes of the file."),
    plain("pageCount", "page_count", Kind::Integer(0, i64::MAX))
        .system()
        .about("Its pages, where it has any."),
    plain("chunkCount", "chunk_count", Kind::Integer(0, i64::MAX))
        .system()
        .about("The chunks that it was cut into."),
    plain("characters", "characters", Kind::Integer(0, i64::MAX))
        .system()
        .about("The characters that were read."),
    folded!(Text, "model", "model").system().about("Who made its vectors."),
    plain("embedding", "embedding", Kind::Choice(&["PENDING", "COMPLETED"]))
        .system()
        .about("Whether its vectors are there; while it is PENDING words alone find it."),
    folded!(Url, "sourceUrl", "source_url").system().about("Of a WEB: the page that is read."),
    plain("contentId", "content_id", Kind::Id)
        .system()
        .about("The bytes; null when there are none, or they were removed after a deletion."),
    plain("processedAt", "processed_at", Kind::Time)
        .system()
        .about("When it was read the last time."),
    plain("processingMs", "processing_ms", Kind::Integer(0, i64::MAX))
        .system()
        .about("How long that took, in milliseconds."),
    plain("labels", "labels", Kind::Labels).aliases(&["tags"]),
];

/// Something that agents may quote.
pub static DOCUMENT: Object = Object {
    name: "document",
    plural: "documents",
    shares: None,
    alias: Some("knowledge"),
    about: "Something that agents may quote: a file, a web page, a question with its answer, a transcript.",
    fields: &OWN,
    rules: &Documents,
    routes: Routes::Uploaded,
    matched_by: "",
};

pub(super) fn migration() -> Migration {
    let documents = table(DOCUMENT.plural, columns(DOCUMENT.fields))
        .index(&["name_folded", "id"])
        .index(&["status", "id"])
        .index(&["embedding", "id"]);
    stored::migration(documents)
}

struct Documents;

impl Rules for Documents {
    fn derive<'a>(&'a self, _desk: Desk<'a>, change: &'a mut Change) -> Pending<'a> {
        Box::pin(async move {
            let is_new = matches!(change.what, What::Created | What::Restored);
            if is_new || READ_BY.iter().any(|key| change.changes(key)) {
                change.set("status", "PROCESSING");
                change.set("error", Json::Null);
            }
            Ok(())
        })
    }

    fn check(&self, change: &Change) -> Result<()> {
        if change.what == What::Deleted {
            return Ok(());
        }
        let kind = change.text("type").unwrap_or_default();
        let has_bytes = change.link("contentId").is_some();
        if !matches!(kind, "WEB" | "MANUAL") && !has_bytes {
            return Err(match change.what {
                What::Restored => {
                    conflict("bytes_gone", "Its bytes were removed: it was deleted too long ago.")
                }
                What::Created | What::Updated | What::Deleted => {
                    invalid("file", "is needed: documents are made by an upload")
                }
            });
        }
        for key in ["question", "answer"] {
            let says = change.text(key).is_some_and(|text| !text.trim().is_empty());
            if kind == "MANUAL" && !says {
                return Err(invalid(key, "is required"));
            }
            if kind != "MANUAL" && change.get(key).is_some() {
                return Err(invalid(key, "belongs to documents of the type MANUAL"));
            }
        }
        let number = |key| change.get(key).and_then(Json::as_i64).unwrap_or_default();
        if number("overlap") * 2 > number("chunkSize") {
            return Err(invalid("overlap", "is half of chunkSize at most"));
        }
        Ok(())
    }

    fn after<'a>(&'a self, desk: Desk<'a>, change: &'a Change) -> Pending<'a> {
        Box::pin(async move {
            match change.what {
                What::Created | What::Restored => {
                    process::begin(desk.ctx, desk.db, change.id).await
                }
                What::Deleted => remove::begin(desk, change.id).await,
                What::Updated if READ_BY.iter().any(|key| change.changes(key)) => {
                    process::begin(desk.ctx, desk.db, change.id).await
                }
                What::Updated if NOTICED.iter().any(|key| change.changes(key)) => {
                    stored::touch(desk.db, change.id).await
                }
                What::Updated => Ok(()),
            }
        })
    }

    fn forget<'a>(&'a self, desk: Desk<'a>, record: &'a Record) -> Pending<'a> {
        Box::pin(async move {
            if let Some(document) = id(record, "id") {
                stored::forget(desk.db, document).await?;
            }
            match id(record, "contentId") {
                Some(content) => storage::doom(desk.ctx, desk.db, content).await,
                None => Ok(()),
            }
        })
    }
}

/// The id in a field of a record.
pub(super) fn id(record: &Record, key: &str) -> Option<Id> {
    record.get(key).and_then(Json::as_str).and_then(|text| text.parse().ok())
}

/// The text in a field of a record.
pub(super) fn text<'r>(record: &'r Record, key: &str) -> &'r str {
    record.get(key).and_then(Json::as_str).unwrap_or_default()
}

/// What every new document is made of.
pub(super) fn new(kind: &str, name: &str) -> Record {
    let name: String =
        name.trim().chars().take(500).filter(|letter| !letter.is_control()).collect();
    let name = if name.trim().is_empty() { "Untitled".to_owned() } else { name.trim().to_owned() };
    Record::from_iter([("type".to_owned(), json!(kind)), ("name".to_owned(), json!(name))])
}
