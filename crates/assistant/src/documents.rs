//! Documents: what agents may quote, from the upload to the passage that is found. `/api/documents` and
//! `/api/knowledge` are two names of the same records.

mod given;
mod object;
pub(crate) mod process;
mod remove;
mod robots;
mod schemas;
mod scrape;
mod search;
mod show;
mod source;
mod standing;
mod upload;
mod vectors;

use std::sync::Arc;

use kith_gateway::Gateway;
use kith_http::{Idempotency, LimitClass, Operation, Routes, schema};
use kith_kernel::{Result, Role};
use kith_platform::{Bounds, Settings, jobs::Registry, outgoing::Outgoing, storage::Storage};
use kith_records::{Records, object_routes};
use kith_store::Migration;
use serde::Deserialize;

pub use self::object::DOCUMENT;
pub(crate) use self::schemas::schemas;
use crate::{
    extract::{Limits, Worker},
    knowledge::Knowledge,
};

/// Characters of a chunk, at least and at most.
pub(crate) const fn sizes() -> (i64, i64) {
    object::SIZES
}

const PATH: &str = "/api/documents";
const ALSO: &str = "/api/knowledge";
/// Files of one upload.
const MOST_FILES: usize = 5;
/// An upload may take this long to arrive.
const SECONDS_TO_ARRIVE: u64 = 600;
/// What a form holds besides its files.
const FORM: usize = 1 << 20;

/// The section `[documents]`.
#[derive(Deserialize)]
struct Section {
    reader: String,
    reader_bytes: u64,
    reader_seconds: u64,
    pages: u32,
    characters: usize,
}

#[derive(Deserialize)]
struct Uploads {
    upload_bytes: usize,
}

/// What documents are read, kept and found with.
pub struct Documents {
    records: Arc<Records>,
    gateway: Arc<Gateway>,
    storage: Storage,
    outgoing: Outgoing,
    worker: Worker,
    knowledge: Arc<Knowledge>,
    /// Bytes of a file.
    largest: usize,
}

impl Documents {
    /// As the section `[documents]` says.
    ///
    /// # Errors
    /// `Unavailable` where the settings make no sense.
    pub fn new(
        settings: &Settings,
        (gateway, records): (&Arc<Gateway>, &Arc<Records>),
        (storage, outgoing): (&Storage, &Outgoing),
    ) -> Result<Arc<Self>> {
        let section: Section = settings.section("documents")?;
        let uploads: Uploads = settings.section("server")?;
        let limits = Limits {
            bounds: Bounds { memory: section.reader_bytes, seconds: section.reader_seconds },
            pages: section.pages,
            characters: section.characters,
            bytes: uploads.upload_bytes as u64,
        };
        Ok(Arc::new(Self {
            records: Arc::clone(records),
            gateway: Arc::clone(gateway),
            storage: storage.clone(),
            outgoing: outgoing.clone(),
            worker: Worker::new(&section.reader, limits),
            knowledge: Knowledge::new(settings, (gateway, outgoing))?,
            largest: uploads.upload_bytes,
        }))
    }

    /// What finds passages in them.
    pub fn knowledge(&self) -> &Arc<Knowledge> {
        &self.knowledge
    }
}

pub(crate) fn migration() -> Migration {
    object::migration()
}

pub(crate) fn register(registry: Registry, documents: &Arc<Documents>) -> Registry {
    let registry = process::register(registry, documents);
    remove::register(vectors::register(registry, documents), documents)
}

/// The routes of documents: those that every object has, and their own.
pub(crate) fn routes(documents: &Arc<Documents>) -> Routes {
    let common = object_routes(&documents.records, &DOCUMENT);
    reading(making(common, documents), documents).and(standing::routes(documents))
}

fn under(rest: &str) -> (String, String) {
    (format!("{PATH}{rest}"), format!("{ALSO}{rest}"))
}

#[expect(clippy::too_many_lines, reason = "a list of declarations")]
fn making(routes: Routes, documents: &Arc<Documents>) -> Routes {
    let tag = DOCUMENT.plural;
    let one = || schema::named("Document");
    let all = documents.largest.saturating_mul(MOST_FILES).saturating_add(FORM);
    let upload = |path: &str| {
        Operation::post(path, tag, "Upload one to five documents")
            .scope(tag, "write")
            .upload(upload::form(), all, SECONDS_TO_ARRIVE)
            .answers(
                201,
                "The document, which is being read, with its address in Location; of several files a list.",
                schema::any_of(&[one(), schema::page(one())]),
            )
    };
    let pdf = Operation::post("/api/knowledge/pdf", tag, "Upload one PDF")
        .scope(tag, "write")
        .upload(upload::pdf_form(), documents.largest.saturating_add(FORM), SECONDS_TO_ARRIVE)
        .answers(201, "The document, which is being read.", one());
    let post = |rest: &str, summary: &str| {
        let (path, also) = under(rest);
        Operation::post(path, tag, summary).scope(tag, "write").alias(also)
    };
    let manual = post("/manual", "Write down a question with its answer")
        .idempotency(Idempotency::Replays)
        .typed_body::<given::Manual>(given::manual())
        .answers(201, "The document.", one());
    let voice = post("/voice", "Hand in the transcript of something that was said")
        .idempotency(Idempotency::Refused)
        .typed_body::<given::Voice>(given::voice())
        .body_bytes(given::TRANSCRIPT_BYTES)
        .answers(201, "The document.", one());
    let scrape = post("/scrape", "Read a web page")
        .limit(LimitClass::Upload)
        .idempotency(Idempotency::Replays)
        .typed_body::<given::Scrape>(given::scrape())
        .answers(201, "The document, whose page is being read.", one());
    let process = post("/{id}/process", "Read a document anew, in other pieces if wished")
        .idempotency(Idempotency::Replays)
        .typed_body::<given::Process>(given::process())
        .answers(200, "The document, which is being read.", one());
    let with = || Arc::clone(documents);
    let (taking, uploading, taking_pdf) = (with(), with(), with());
    let (writing, hearing, scraping, anew) = (with(), with(), with(), with());
    routes
        .add(upload(PATH).alias(ALSO), move |call| upload::take(Arc::clone(&taking), call))
        .add(upload("/api/documents/upload"), move |call| {
            upload::take(Arc::clone(&uploading), call)
        })
        .add(pdf, move |call| upload::take_pdf(Arc::clone(&taking_pdf), call))
        .add(manual, move |call| given::make_manual(Arc::clone(&writing), call))
        .add(voice, move |call| given::make_voice(Arc::clone(&hearing), call))
        .add(scrape, move |call| given::make_scrape(Arc::clone(&scraping), call))
        .add(process, move |call| given::read_anew(Arc::clone(&anew), call))
}

fn reading(routes: Routes, documents: &Arc<Documents>) -> Routes {
    let tag = DOCUMENT.plural;
    let get = |rest: &str, summary: &str| {
        let (path, also) = under(rest);
        Operation::get(path, tag, summary).scope(tag, "read").alias(also)
    };
    let content = get("/{id}/content", "What a document says, as it was read").answers(
        200,
        "Its text.",
        schema::named("DocumentContent"),
    );
    let chunks = get("/{id}/chunks", "The pieces that a document was cut into")
        .query("limit", schema::integer(), "Chunks of a page, 1 to 200; 50 unless said.")
        .query("cursor", schema::string(), "Where to go on.")
        .answers(200, "Chunks, in order.", schema::page(schema::named("DocumentChunk")));
    let download = get("/{id}/download", "The file of a document, as it came")
        .seconds(SECONDS_TO_ARRIVE)
        .answers_text(200, "The bytes, as a file under its name.", "*/*");
    let (path, also) = under("/search");
    let search = Operation::post(path.clone(), tag, "Find passages of documents")
        .role(Role::Viewer)
        .scope(tag, "read")
        .limit(LimitClass::Ai)
        .alias(also.clone())
        .typed_body::<search::Asked>(search::body());
    let search = search::answers(search);
    let found = search::parameters(
        Operation::get(path, tag, "Find passages of documents")
            .scope(tag, "read")
            .limit(LimitClass::Ai)
            .alias(also),
    );
    let found = search::answers(found);
    let with = || Arc::clone(documents);
    let (telling, cutting, sending) = (with(), with(), with());
    let (searching, finding) = (with(), with());
    routes
        .add(content, move |call| show::content(Arc::clone(&telling), call))
        .add(chunks, move |call| show::chunks(Arc::clone(&cutting), call))
        .add(download, move |call| show::download(Arc::clone(&sending), call))
        .add(search, move |call| search::post(Arc::clone(&searching), call))
        .add(found, move |call| search::get(Arc::clone(&finding), call))
}
