//! `POST /api/documents/search`, and the same by a query.

use std::{sync::Arc, time::Instant};

use kith_http::{Answer, Call, Operation, Query, schema};
use kith_kernel::{Id, Result, invalid};
use kith_platform::Ctx;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::{Documents, object::TYPES};
use crate::knowledge::{ENOUGH, Found, Mode, Wanted, Weights};

/// Bytes of a question.
const LONGEST: usize = 8_000;
const MOST_DOCUMENTS: usize = 1_000;
const MOST: u64 = 50;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Asked {
    query: String,
    mode: Option<String>,
    limit: Option<u64>,
    document_ids: Option<Vec<Id>>,
    types: Option<Vec<String>>,
    weights: Option<Shares>,
    min_score: Option<f32>,
    rerank: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Shares {
    semantic: f32,
    keyword: f32,
}

pub(super) fn body() -> Json {
    let shares = schema::object(
        vec![("semantic", schema::number()), ("keyword", schema::number())],
        &["semantic", "keyword"],
    );
    let or_not = |of: Json, text: &str| schema::described(schema::nullable(of), text);
    let keys = vec![
        ("query", schema::described(schema::string(), "What is asked.")),
        ("mode", or_not(schema::one_of(&Mode::NAMES), "hybrid unless said.")),
        ("limit", or_not(schema::integer(), "Passages, 1 to 50; 5 unless said.")),
        ("documentIds", or_not(schema::list(schema::id()), "In these documents alone.")),
        (
            "types",
            or_not(schema::list(schema::one_of(&TYPES)), "In documents of these types alone."),
        ),
        ("weights", or_not(shares, "Of a hybrid search; together 1, and 0.7 and 0.3 unless said.")),
        ("minScore", or_not(schema::number(), "Leaves out what fits less.")),
        (
            "rerank",
            or_not(
                schema::boolean(),
                "Puts forward PDFs, beginnings, what is new and of a readable length.",
            ),
        ),
    ];
    schema::object(keys, &["query"])
}

pub(super) fn parameters(operation: Operation) -> Operation {
    operation
        .query("query", schema::string(), "What is asked.")
        .query("mode", schema::one_of(&Mode::NAMES), "hybrid unless said.")
        .query("limit", schema::integer(), "Passages, 1 to 50; 5 unless said.")
        .query("documentIds", schema::string(), "In these documents alone, with commas between.")
        .query("rerank", schema::boolean(), "Puts forward what is likelier to answer.")
}

pub(super) fn answers(operation: Operation) -> Operation {
    operation
        .answers(200, "The passages that fit best, the best first.", schema::named("Passages"))
        .refuses(402, "The credits for asking a model are used up, in the mode semantic.")
        .refuses(503, "The model cannot be asked, in the mode semantic.")
}

pub(super) async fn post(documents: Arc<Documents>, mut call: Call) -> Result<Answer> {
    let asked: Asked = call.parse().await?;
    documents.answer(&call, asked).await
}

pub(super) async fn get(documents: Arc<Documents>, call: Call) -> Result<Answer> {
    let query = call.query()?;
    query.only(&["query", "mode", "limit", "documentIds", "rerank"])?;
    let asked = asked(&query)?;
    // As a list is that nothing was asked of.
    if asked.query.trim().is_empty() {
        let none = json!({ "data": [], "mode": "hybrid", "answered": false, "fallback": null, "tookMs": 0 });
        return Answer::json(&none);
    }
    documents.answer(&call, asked).await
}

fn asked(query: &Query) -> Result<Asked> {
    let text = |key: &str| query.get(key).map(|found| found.map(str::to_owned));
    let ids = match query.get("documentIds")? {
        None => None,
        Some(all) => {
            let ids = all.split(',').map(|one| one.trim().parse::<Id>());
            let ids: std::result::Result<Vec<Id>, _> = ids.collect();
            Some(ids.map_err(|_| invalid("documentIds", Id::EXPECTED))?)
        }
    };
    let rerank = match query.get("rerank")? {
        None => None,
        Some("true") => Some(true),
        Some("false") => Some(false),
        Some(_) => return Err(invalid("rerank", "is true or false")),
    };
    Ok(Asked {
        query: text("query")?.unwrap_or_default(),
        mode: text("mode")?,
        limit: query.number("limit", 1, MOST)?,
        document_ids: ids,
        rerank,
        ..Asked::default()
    })
}

impl Asked {
    fn wanted(&self) -> Result<Wanted> {
        let mode = match self.mode.as_deref() {
            None => Mode::Hybrid,
            Some(name) => Mode::named(name)
                .ok_or_else(|| invalid("mode", format!("is one of {}", Mode::NAMES.join(", "))))?,
        };
        if self.query.trim().is_empty() || self.query.len() > LONGEST {
            return Err(invalid("query", format!("is a text of at most {LONGEST} bytes")));
        }
        let limit = self.limit.unwrap_or(5);
        if !(1..=MOST).contains(&limit) {
            return Err(invalid("limit", format!("is from 1 to {MOST}")));
        }
        if self.document_ids.as_ref().is_some_and(|ids| ids.len() > MOST_DOCUMENTS) {
            return Err(invalid("documentIds", format!("holds at most {MOST_DOCUMENTS} ids")));
        }
        if self.min_score.is_some_and(|score| !(0.0..=1.0).contains(&score)) {
            return Err(invalid("minScore", "is from 0 to 1"));
        }
        let kinds = self.types.clone().unwrap_or_default();
        let kinds: Vec<String> = kinds.iter().map(|kind| kind.to_ascii_uppercase()).collect();
        if kinds.iter().any(|kind| !TYPES.contains(&kind.as_str())) {
            return Err(invalid("types", format!("holds some of {}", TYPES.join(", "))));
        }
        let weights = match &self.weights {
            Some(_) if mode != Mode::Hybrid => {
                return Err(invalid("weights", "are for the mode hybrid"));
            }
            Some(shares) => Some(Weights::new(shares.semantic, shares.keyword)?),
            None => None,
        };
        Ok(Wanted {
            documents: self.document_ids.clone(),
            kinds,
            limit: usize::try_from(limit).unwrap_or(5),
            mode,
            weights,
            at_least: self.min_score,
            rerank: self.rerank.unwrap_or_default(),
        })
    }
}

impl Documents {
    /// The passages that fit a question best, each with the evidence that it answers.
    ///
    /// # Errors
    /// As [`Knowledge::look`](crate::Knowledge::look).
    pub(crate) async fn find(&self, ctx: &Ctx, question: &str, wanted: &Wanted) -> Result<Found> {
        let found = self.knowledge.look(ctx, question, wanted).await?;
        // Whoever asks is the first to notice that somebody set another model.
        if let Some(model) = &found.model
            && let Err(error) = self.notice(ctx, Some(model)).await
        {
            tracing::warn!(?error, "which model makes vectors could not be looked at");
        }
        Ok(found)
    }

    async fn answer(&self, call: &Call, asked: Asked) -> Result<Answer> {
        let began = Instant::now();
        let wanted = asked.wanted()?;
        let found = self.find(&call.ctx, &asked.query, &wanted).await?;
        let mut told = told(&found);
        told["tookMs"] = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX).into();
        Answer::json(&told)
    }
}

fn told(found: &Found) -> Json {
    let round = |number: f32| (f64::from(number) * 10_000.0).round() / 10_000.0;
    let data: Vec<Json> = found
        .passages
        .iter()
        .map(|one| {
            json!({
                "documentId": one.document, "title": one.title, "chunkId": one.chunk,
                "position": one.position, "page": one.page, "heading": one.heading,
                "excerpt": one.text, "score": round(one.score), "semantic": round(one.semantic),
                "keyword": round(one.keyword), "evidence": round(one.evidence),
            })
        })
        .collect();
    let answered = found.passages.iter().any(|one| one.evidence >= ENOUGH);
    json!({ "data": data, "mode": found.mode.name(), "answered": answered, "fallback": found.fallback })
}
