//! Attachments: files at records of any kind. The record says what a file is; its bytes are in the storage.

mod content;
mod links;
mod purge;
mod upload;

use std::{pin::Pin, sync::Arc};

use kith_http::{Idempotency, Operation, Routes as Served, schema};
use kith_kernel::{
    Actor, Error, Id, Kind as ErrorKind, Result, conflict, internal, invalid, not_found,
};
use kith_platform::{
    Ctx,
    events::{self, Event},
    storage::{self, Storage},
};
use kith_records::{
    Change, Desk, Field, FoundBy, Kind, Object, Pending, Record, Records, Routes, Rules, What,
    fields::{columns, link, plain, table},
    folded,
};
use kith_store::{Migration, Read, Step, Write};
use serde::Deserialize;
use serde_json::Value as Json;

use links::Signer;

pub use purge::register;

/// Characters of a name; file systems take no more bytes.
const LONGEST_NAME: usize = 255;
/// An upload may take this long to arrive.
const SECONDS_TO_ARRIVE: u64 = 600;
const PATH: &str = "/api/attachments";

const OWN: [Field; 9] = [
    folded!(Text, "name", "name")
        .required()
        .found_by(FoundBy::Title)
        .about("The file's name, without a path."),
    folded!(Text, "contentType", "content_type")
        .system()
        .about("What its bytes look like; application/octet-stream where that is unknown."),
    plain("size", "size", Kind::Integer(0, i64::MAX)).system().about("Its bytes."),
    folded!(Text, "sha256", "sha256")
        .system()
        .about("SHA-256 of its bytes, in hexadecimal digits."),
    plain("contentId", "content_id", Kind::Id)
        .system()
        .about("The bytes; null when they were removed after a deletion."),
    plain("relatedId", "related_id", Kind::Related).about("The record that it is at, of any kind."),
    folded!(Text, "relatedTo", "related_to").system().about("The kind of that record."),
    link("dealId", "deal_id", "deal")
        .about("The deal that it belongs to, beside the record that it is about: its timeline shows it.")
        .aliases(&["deal", "opportunity"]),
    plain("labels", "labels", Kind::Labels).aliases(&["tags"]),
];

/// A file at a record.
pub static ATTACHMENT: Object = Object {
    name: "attachment",
    plural: "attachments",
    shares: None,
    alias: Some("storage"),
    about: "A file at a record.",
    fields: &OWN,
    rules: &Files,
    routes: Routes::Uploaded,
    matched_by: "",
};

pub(crate) fn migration() -> Migration {
    let table = table(ATTACHMENT.plural, columns(ATTACHMENT.fields))
        .index(&["related_id", "id"])
        .index_where(&["deal_id", "id"], "deal_id IS NOT NULL")
        .index(&["name_folded", "id"]);
    Migration { name: "2026-11-24-attachments", steps: vec![Step::Create(table)] }
}

struct Files;

impl Rules for Files {
    fn check(&self, change: &Change) -> Result<()> {
        if change.what == What::Deleted {
            return Ok(());
        }
        if change.link("contentId").is_none() {
            return Err(match change.what {
                What::Restored => {
                    conflict("bytes_gone", "Its bytes were removed: it was deleted too long ago.")
                }
                What::Created | What::Updated | What::Deleted => {
                    invalid("file", "is needed: attachments are made by an upload")
                }
            });
        }
        let name = change.text("name").unwrap_or_default();
        if name != cleaned(name) {
            let why = format!(
                "must be a file's name of at most {LONGEST_NAME} characters, without a path and control characters"
            );
            return Err(invalid("name", why));
        }
        Ok(())
    }

    fn after<'a>(&'a self, desk: Desk<'a>, change: &'a Change) -> Pending<'a> {
        Box::pin(async move {
            match change.what {
                What::Deleted => purge::follow(desk, change.id),
                What::Created | What::Updated | What::Restored => Ok(()),
            }
        })
    }

    fn forget<'a>(&'a self, desk: Desk<'a>, record: &'a Record) -> Pending<'a> {
        Box::pin(async move {
            let content = record.get("contentId").and_then(Json::as_str);
            match content.and_then(|text| text.parse().ok()) {
                Some(content) => storage::doom(desk.ctx, desk.db, content).await,
                None => Ok(()),
            }
        })
    }
}

/// A name without what is before the last slash, without control characters and what turns the order of writing around.
fn cleaned(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let is_shown = |letter: &char| {
        !letter.is_control()
            && !matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let mut shown = String::new();
    for letter in last.chars().filter(is_shown).take(LONGEST_NAME) {
        if shown.len() + letter.len_utf8() > LONGEST_NAME {
            break;
        }
        shown.push(letter);
    }
    match shown.trim() {
        "" | "." | ".." => "file".to_owned(),
        name => name.to_owned(),
    }
}

/// What the routes of attachments work with.
pub struct Attachments {
    records: Arc<Records>,
    storage: Storage,
    signer: Signer,
    /// Where this server is met, without a slash at the end.
    base: String,
    largest: usize,
}

/// An attachment whose bytes may be read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    name: String,
    content_type: String,
    size: u64,
    sha256: String,
    content_id: Id,
    related_id: Option<Id>,
    related_to: Option<String>,
}

#[derive(Deserialize)]
struct Limits {
    upload_bytes: usize,
}

impl Attachments {
    /// Over a storage; `base` is where this server is met.
    ///
    /// # Errors
    /// `Unavailable` without an encryption key, of which the key of links is made.
    pub fn new(
        ctx: &Ctx,
        records: &Arc<Records>,
        (storage, base): (&Storage, &str),
    ) -> Result<Arc<Self>> {
        let settings = &ctx.app.settings;
        let limits: Limits = settings.section("server")?;
        Ok(Arc::new(Self {
            records: Arc::clone(records),
            storage: storage.clone(),
            signer: Signer::new(&settings.encryption_keys()?)?,
            base: base.trim_end_matches('/').to_owned(),
            largest: limits.upload_bytes,
        }))
    }

    /// An attachment, where it and the record that it is at are there and may be read.
    async fn found(&self, ctx: &Ctx, db: &Read, id: Id) -> Result<Found> {
        let record = self.records.get(ctx, db, &ATTACHMENT, id).await?;
        let found = Found::deserialize(Json::Object(record))
            .map_err(|error| internal("an attachment has no bytes").caused_by(error))?;
        if let (Some(related), Some(to)) = (found.related_id, &found.related_to) {
            self.may_read(ctx, db, (to, related)).await?;
        }
        Ok(found)
    }

    /// Whoever may see a record may see its files.
    ///
    /// # Errors
    /// `NotFound` where the record was deleted, `Forbidden` where a key may not read its kind.
    async fn may_read(&self, ctx: &Ctx, db: &Read, (to, related): (&str, Id)) -> Result<()> {
        let missing = || not_found("attachment");
        let object = self.records.object_of(db, to).await?.ok_or_else(missing)?;
        ctx.actor.scopes.require(object.scope(), "read")?;
        match self.records.get(ctx, db, object, related).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Err(missing()),
            done => done.map(drop),
        }
    }
}

/// Tells of something that changed no field.
fn tell(ctx: &Ctx, db: &Write, (what, id): (&str, Id), changes: Option<Json>) -> Result<()> {
    let event = Event {
        name: format!("attachment.{what}"),
        object: ATTACHMENT.name,
        record: Some(id),
        changes: changes.map(|changes| changes.to_string()),
        batch: None,
    };
    events::append(ctx, db, event).map(drop)
}

fn related(error: Error, given: &str) -> Error {
    match error.kind() {
        ErrorKind::NotFound => invalid("relatedTo", format!("is no {given}")),
        _ => error,
    }
}

/// Acts for the house in a tenant that is served; an error for one that is not.
pub type OpenTenant =
    Arc<dyn Fn(Id) -> Pin<Box<dyn Future<Output = Result<Actor>> + Send>> + Send + Sync>;

/// The routes of uploads, bytes and links.
pub fn routes(attachments: &Arc<Attachments>, open: OpenTenant) -> Served {
    let tag = ATTACHMENT.plural;
    let upload = Operation::post(PATH, tag, "Attach a file to a record")
        .scope(tag, "write")
        .upload(upload::form(), attachments.largest, SECONDS_TO_ARRIVE)
        .alias("/api/storage/upload")
        .answers(201, "The attachment; Location is its address.", schema::named("Attachment"));
    let content =
        Operation::get(format!("{PATH}/{{id}}/content"), tag, "The bytes of an attachment")
            .scope(tag, "read")
            .seconds(SECONDS_TO_ARRIVE)
            .alias("/api/storage/download/{id}");
    let link =
        Operation::post(format!("{PATH}/{{id}}/link"), tag, "Make a public link that expires")
            .scope(tag, "write")
            .idempotency(Idempotency::Refused)
            .typed_body::<links::Wish>(schema::object(vec![links::expires()], &[]))
            .answers(201, "The link.", schema::named("AttachmentLink"));
    let sign = Operation::post("/api/storage/signed-url", tag, "Make a public link that expires")
        .scope(tag, "write")
        .idempotency(Idempotency::Refused)
        .typed_body::<links::Named>(links::named_schema())
        .answers(201, "The link.", schema::named("AttachmentLink"));
    let public = Operation::get("/api/files/{token}", tag, "The bytes that a public link is for")
        .access(kith_http::Access::Public)
        .seconds(SECONDS_TO_ARRIVE)
        .refuses(410, "The link has expired.");
    let with = || Arc::clone(attachments);
    let (taking, showing, making, signing, following) = (with(), with(), with(), with(), with());
    Served::new()
        .add(upload, move |call| upload::take(Arc::clone(&taking), call))
        .add(content::answers(content), move |call| content::show(Arc::clone(&showing), call))
        .add(link, move |call| links::make(Arc::clone(&making), call))
        .add(sign, move |call| links::make_named(Arc::clone(&signing), call))
        .add(content::answers(public), move |call| {
            links::follow(Arc::clone(&following), Arc::clone(&open), call)
        })
}

pub(crate) fn schemas() -> Vec<(String, Json)> {
    vec![links::schema()]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_lose_their_way() {
        for (given, left) in [
            ("offer.pdf", "offer.pdf"),
            ("../../etc/passwd", "passwd"),
            (r"C:\Users\ana\café.txt", "café.txt"),
            ("a\u{0}b\r\nc.txt", "abc.txt"),
            ("txt.\u{202e}fdp", "txt.fdp"),
            ("  ", "file"),
            ("x/..", "file"),
        ] {
            assert_eq!(cleaned(given), left, "{given:?}");
        }
        assert_eq!(cleaned(&"ü".repeat(300)).len(), 254);
    }

    proptest! {
        #[test]
        fn what_is_clean_stays(name in any::<String>()) {
            let once = cleaned(&name);
            prop_assert_eq!(cleaned(&once), once.clone());
            prop_assert!(!once.is_empty() && once.len() <= LONGEST_NAME);
            prop_assert!(!once.contains(['/', '\\', '\0', '\n']));
        }
    }
}
