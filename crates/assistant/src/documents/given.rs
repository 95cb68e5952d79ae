//! Documents that come without a file: a question with its answer, a transcript, the address of a page; and reading one anew.

use std::sync::Arc;

use kith_http::{Answer, Body, Call, schema};
use kith_kernel::{Result, invalid};
use kith_platform::Attempts;
use kith_records::{Manner, Record};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::{
    DOCUMENT, Documents,
    object::{SIZES, id, new, text},
    process,
    upload::created,
};

/// Bytes of a body with a transcript.
pub(super) const TRANSCRIPT_BYTES: usize = 4 << 20;
/// Characters of a name that is made of a question.
const LONGEST_NAME: usize = 120;

#[derive(Debug, Deserialize)]
pub(super) struct Manual {
    question: String,
    answer: String,
    name: Option<String>,
    category: Option<String>,
    labels: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Voice {
    transcript: String,
    name: Option<String>,
    category: Option<String>,
    labels: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Scrape {
    url: String,
    name: Option<String>,
    category: Option<String>,
    labels: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Process {
    options: Option<Options>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Options {
    #[serde(alias = "chunk_size")]
    chunk_size: Option<i64>,
    overlap: Option<i64>,
}

fn body(own: &[(&'static str, Json)]) -> Json {
    let required: Vec<&str> = own.iter().map(|(key, _)| *key).collect();
    let mut keys = own.to_vec();
    keys.extend([
        ("name", schema::described(schema::nullable(schema::string()), "What it is called.")),
        ("category", schema::nullable(schema::one_of(&super::object::CATEGORIES))),
        ("labels", schema::nullable(schema::list(schema::string()))),
    ]);
    schema::object(keys, &required)
}

pub(super) fn manual() -> Json {
    body(&[("question", schema::string()), ("answer", schema::string())])
}

pub(super) fn voice() -> Json {
    body(&[("transcript", schema::described(schema::string(), "What was said, as text."))])
}

pub(super) fn scrape() -> Json {
    body(&[("url", schema::described(schema::string(), "https:// or http://"))])
}

pub(super) fn process() -> Json {
    let options = schema::object(
        vec![
            ("chunkSize", schema::nullable(schema::integer())),
            ("overlap", schema::nullable(schema::integer())),
        ],
        &[],
    );
    let text = format!(
        "chunkSize is from {} to {} characters; overlap half of it at most.",
        SIZES.0, SIZES.1
    );
    schema::object(vec![("options", schema::described(schema::nullable(options), &text))], &[])
}

/// What every one of them may say.
fn also(
    mut input: Record,
    (name, category, labels): (Option<String>, Option<String>, Option<Vec<String>>),
) -> Record {
    let given = [("name", name.map(Json::from)), ("category", category.map(Json::from))];
    let given = given.into_iter().chain([("labels", labels.map(Json::from))]);
    input.extend(given.filter_map(|(key, value)| Some((key.to_owned(), value?))));
    input
}

pub(super) async fn make_manual(documents: Arc<Documents>, mut call: Call) -> Result<Answer> {
    let body = call.body().await?;
    let given: Manual = body.parse()?;
    let name: String = given.question.trim().chars().take(LONGEST_NAME).collect();
    let mut input = new("MANUAL", &name.replace(char::is_control, " "));
    input.insert("question".to_owned(), given.question.into());
    input.insert("answer".to_owned(), given.answer.into());
    let input = also(input, (given.name, given.category, given.labels));
    documents.make(&call, (&body, input)).await
}

pub(super) async fn make_scrape(documents: Arc<Documents>, mut call: Call) -> Result<Answer> {
    let body = call.body().await?;
    let given: Scrape = body.parse()?;
    let url = given.url.trim();
    documents.outgoing.check(url)?;
    let host = url.split("://").nth(1).unwrap_or(url).split(['/', '?', '#']).next().unwrap_or(url);
    let mut input = new("WEB", host);
    input.insert("sourceUrl".to_owned(), url.into());
    let input = also(input, (given.name, given.category, given.labels));
    documents.make(&call, (&body, input)).await
}

pub(super) async fn make_voice(documents: Arc<Documents>, mut call: Call) -> Result<Answer> {
    let given: Voice = call.parse().await?;
    if given.transcript.trim().is_empty() {
        return Err(invalid("transcript", "is a text"));
    }
    let mut incoming = documents.storage.receive(&call.ctx).await?;
    incoming.add(given.transcript.as_bytes()).await?;
    let written = incoming.end().await?;
    let mut input = new("VOICE", "Transcript");
    input.insert("originalName".to_owned(), "transcript.txt".into());
    input.insert("size".to_owned(), written.size.into());
    input.insert("contentId".to_owned(), json!(incoming.file()));
    let input = also(input, (given.name, given.category, given.labels));
    let ctx = &call.ctx;
    let mut attempts = Attempts::new();
    let (_, record) = loop {
        let done = ctx
            .write(async |db| {
                incoming.keep(db).await?;
                documents
                    .records
                    .create_in(ctx, db, &DOCUMENT, (input.clone(), Manner::HOUSE))
                    .await
            })
            .await;
        if attempts.end_with(&done) {
            break done?;
        }
    };
    incoming.kept();
    created(&record)
}

pub(super) async fn read_anew(documents: Arc<Documents>, mut call: Call) -> Result<Answer> {
    let body = call.body().await?;
    let given: Process = body.parse()?;
    let (document, ctx) = (call.id("id")?, &call.ctx);
    let mut input = Record::new();
    if let Some(options) = given.options {
        let wished = [("chunkSize", options.chunk_size), ("overlap", options.overlap)];
        let wished =
            wished.into_iter().filter_map(|(key, number)| Some((key.to_owned(), number?.into())));
        input.extend(wished);
    }
    let mut attempts = Attempts::new();
    loop {
        let done = call
            .write(&body, async |db| {
                let before = documents.records.get(ctx, db, &DOCUMENT, document).await?;
                if text(&before, "type") != "WEB" && text(&before, "type") != "MANUAL" {
                    id(&before, "contentId")
                        .ok_or_else(|| invalid("file", "is not there any more"))?;
                }
                let change = (document, input.clone());
                let record = process::begin_anew(&documents, (ctx, db), change).await?;
                let version = record.get("version").and_then(Json::as_i64).unwrap_or_default();
                Ok(Answer::json(&record)?.tagged(version))
            })
            .await;
        if attempts.end_with(&done) {
            return done;
        }
    }
}

impl Documents {
    async fn make(&self, call: &Call, (body, input): (&Body, Record)) -> Result<Answer> {
        let ctx = &call.ctx;
        let mut attempts = Attempts::new();
        loop {
            let done = call
                .write(body, async |db| {
                    let new = (input.clone(), Manner::HOUSE);
                    created(&self.records.create_in(ctx, db, &DOCUMENT, new).await?.1)
                })
                .await;
            if attempts.end_with(&done) {
                return done;
            }
        }
    }
}
