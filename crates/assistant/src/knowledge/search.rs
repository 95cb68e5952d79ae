//! A search: what is asked, the chunks that fit, and what they say.

use std::{collections::HashMap, sync::Arc};

use kith_kernel::{Error, Id, Kind, Result, Time, internal};
use kith_platform::Ctx;
use kith_store::{Condition, Select, Value};
use serde::Deserialize;

use super::{
    Knowledge,
    evidence::evidence,
    index::{CANDIDATES, Hit, Question},
    memory::Held,
    stored::Standing,
    terms,
    vectors::Sought,
    wanted::{Found, Mode, Passage, Wanted},
};

/// Terms of a question that count.
const MOST_TERMS: usize = 32;
/// Letters of a question that a model is asked with.
const LONGEST_QUESTION: usize = 4_000;
const USUAL_LIMIT: usize = 5;
/// Passages of an answer.
pub(crate) const MOST: usize = 50;

#[derive(Deserialize)]
struct Row {
    id: Id,
    document_id: Id,
    position: i64,
    page: Option<i64>,
    heading: String,
    text: String,
}

#[derive(Deserialize)]
struct Title {
    id: Id,
    name: Option<String>,
}

impl Knowledge {
    /// The passages of the actor's tenant that fit a question best, each with the evidence that it answers.
    ///
    /// # Errors
    /// Only those of the database, and of a search by meaning alone that cannot be: `Unavailable`, `Exhausted`.
    pub async fn look(&self, ctx: &Ctx, question: &str, wanted: &Wanted) -> Result<Found> {
        let (held, standing) = self.memory.of(ctx).await?;
        let terms = terms::of_question(question, MOST_TERMS);
        let model = standing.model.as_deref();
        let (mode, vector, fallback) = self.sought(ctx, (question, wanted.mode), &standing).await?;
        let mut asked = question_of((terms, vector.as_deref()), (wanted, mode), ctx.now());
        let (mode, fallback) = match (&self.chroma, model, &vector) {
            (Some(chroma), Some(model), Some(vector)) => {
                let runs = held.index().runs(&asked);
                let most = CANDIDATES.max(asked.most * 2);
                let near = chroma.nearest(ctx, model, (vector, runs.as_deref(), most)).await;
                match near {
                    Ok(near) => {
                        asked.near = Some(near);
                        (mode, fallback)
                    }
                    Err(error) if mode == Mode::Semantic => return Err(error),
                    Err(error) => {
                        tracing::warn!(?error, "documents are searched by words alone");
                        asked.weights = Mode::Keyword.weights();
                        let why = error.message().to_owned();
                        (Mode::Keyword, Some(why))
                    }
                }
            }
            _ => (mode, fallback),
        };
        let passages = self.find(ctx, &held, asked).await?;
        Ok(Found { passages, mode, fallback, model: standing.model })
    }

    /// The passages that the index finds.
    async fn find(&self, ctx: &Ctx, held: &Arc<Held>, asked: Question) -> Result<Vec<Passage>> {
        let held = Arc::clone(held);
        let looked = tokio::task::spawn_blocking(move || {
            let index = held.index();
            let weights: Vec<f32> =
                index.weigh(&asked.terms).into_iter().map(|term| term.weight).collect();
            let hits = index.find(&asked);
            (hits, asked.terms.into_iter().zip(weights).collect::<Vec<_>>())
        });
        let (hits, terms) =
            looked.await.map_err(|error| internal("a search broke off").caused_by(error))?;
        passages(ctx, hits, &terms).await
    }

    /// The vector of a question, where it is looked for by meaning; where there is none, how it is looked for instead.
    async fn sought(
        &self,
        ctx: &Ctx,
        (question, mode): (&str, Mode),
        standing: &Standing,
    ) -> Result<(Mode, Option<Vec<f32>>, Option<String>)> {
        let Some(model) = standing.model.as_deref().filter(|_| mode != Mode::Keyword) else {
            return Ok((mode, None, None));
        };
        let question: String = question.chars().take(LONGEST_QUESTION).collect();
        let made = self.embedder.embed(ctx, model, vec![question]).await;
        let made = made.and_then(|vectors| {
            let vector = vectors.into_iter().next().unwrap_or_default();
            standing.check_width(vector.len()).map(|()| vector)
        });
        match made {
            Ok(vector) => Ok((mode, Some(vector), None)),
            // Whatever a provider says, words are left.
            Err(error) if mode == Mode::Hybrid && error.kind() != Kind::Internal => {
                tracing::warn!(?error, "documents are searched by words alone");
                Ok((Mode::Keyword, None, Some(error.message().to_owned())))
            }
            // It is the model that does not know itself, and not what was asked that is not there.
            Err(error) if matches!(error.kind(), Kind::NotFound | Kind::Invalid) => {
                let why = error.message().to_owned();
                Err(Error::new(Kind::Unavailable, "provider_failed", why).caused_by(error))
            }
            Err(error) => Err(error),
        }
    }
}

/// A question, as the index takes it.
fn question_of(
    (terms, vector): (Vec<String>, Option<&[f32]>),
    (wanted, mode): (&Wanted, Mode),
    now: Time,
) -> Question {
    let weights = wanted.weights.filter(|_| mode == Mode::Hybrid);
    Question {
        vector: vector.map(Sought::new),
        near: None,
        weights: weights.unwrap_or_else(|| mode.weights()),
        documents: wanted.documents.clone(),
        kinds: wanted.kinds.clone(),
        rerank: wanted.rerank,
        now,
        at_least: wanted.at_least.unwrap_or_default(),
        most: if wanted.limit == 0 { USUAL_LIMIT } else { wanted.limit.min(MOST) },
        terms,
    }
}

/// What chunks say. One that went meanwhile is left out.
async fn passages(ctx: &Ctx, hits: Vec<Hit>, terms: &[(String, f32)]) -> Result<Vec<Passage>> {
    if hits.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Id> = hits.iter().map(|hit| hit.chunk).collect();
    let (rows, titles) = ctx
        .read(async |db| {
            let rows: Vec<Row> =
                db.all(Select::from("document_chunks").whose_each("id", ids)).await?;
            let mut documents: Vec<Value> = rows.iter().map(|row| row.document_id.into()).collect();
            documents.dedup();
            let there = Select::from("documents").only(Condition::In("id", documents));
            let titles: Vec<Title> = db.all(there.only(Condition::Null("deleted_at"))).await?;
            Ok((rows, titles))
        })
        .await?;
    let titles: HashMap<Id, String> =
        titles.into_iter().map(|row| (row.id, row.name.unwrap_or_default())).collect();
    let mut rows: HashMap<Id, Row> = rows.into_iter().map(|row| (row.id, row)).collect();
    let told = hits.into_iter().filter_map(|hit| {
        let row = rows.remove(&hit.chunk)?;
        let title = titles.get(&row.document_id)?.clone();
        let whole = format!("{title}\n{}\n{}", row.heading, row.text);
        Some(Passage {
            evidence: evidence(terms, &whole, hit.semantic),
            document: row.document_id,
            title,
            chunk: row.id,
            position: row.position,
            page: row.page,
            heading: row.heading,
            text: row.text,
            score: hit.score,
            semantic: hit.semantic,
            keyword: hit.keyword,
        })
    });
    Ok(told.collect())
}
