//! Who makes vectors: a provider of models where the tenant has one, else Kith itself.

use std::{path::Path, sync::Arc};

use kith_gateway::{Capability, Gateway, Wanted};
use kith_kernel::{Error, Kind, Result, internal};
use kith_platform::Ctx;
use kith_sentences::{AT_ONCE, Sentences};
use tokio::sync::Semaphore;

use super::vectors::normalised;
use crate::engines::{DIMENSIONS, vector};

/// The model that is there without a key and without a folder.
pub(crate) const LOCAL: &str = "local/hashed-n-grams-1";

/// Makes vectors.
pub(crate) struct Embedder {
    gateway: Arc<Gateway>,
    /// Providers are not asked, whoever has a key.
    local_alone: bool,
    sentences: Option<Arc<Sentences>>,
    /// Who may keep processors busy with the sentence model: one at a time, for a moment.
    turns: Semaphore,
}

impl Embedder {
    pub(super) fn new(gateway: &Arc<Gateway>, (local_alone, folder): (bool, &str)) -> Result<Self> {
        let sentences = match folder.trim() {
            "" => None,
            folder => Some(Arc::new(Sentences::open(Path::new(folder))?)),
        };
        let gateway = Arc::clone(gateway);
        Ok(Self { gateway, local_alone, sentences, turns: Semaphore::new(1) })
    }

    /// The model that Kith itself has.
    fn own(&self) -> &str {
        self.sentences.as_ref().map_or(LOCAL, |sentences| sentences.name())
    }

    /// The model that the actor's tenant is to have, where its vectors are of the model `before`. Keys of single members
    /// do not count: documents are everybody's.
    pub(crate) async fn choice(&self, ctx: &Ctx, before: Option<&str>) -> Result<String> {
        let own = || self.own().to_owned();
        if self.local_alone {
            return Ok(own());
        }
        let house = ctx.app.as_system(ctx.actor.tenant);
        let before = before.filter(|before| *before != LOCAL);
        Ok(self.gateway.embedder(&house, before).await?.unwrap_or_else(own))
    }

    /// Dimensions of a model's vectors, where they are known beforehand.
    pub(crate) fn width(&self, model: &str) -> Option<i64> {
        let sentences = self.sentences.as_ref().filter(|sentences| sentences.name() == model);
        let width = match sentences {
            Some(sentences) => Some(sentences.width()),
            None => (model == LOCAL).then_some(DIMENSIONS),
        };
        width.and_then(|width| i64::try_from(width).ok())
    }

    /// Whether a model's vectors are made at once, whatever happens elsewhere.
    pub(crate) fn is_instant(model: &str) -> bool {
        model == LOCAL
    }

    /// Vectors of texts, each of length one; all of them of as many dimensions.
    ///
    /// # Errors
    /// As [`Gateway::embed`]; `Unavailable` for a model that cannot be asked any more.
    pub(crate) async fn embed(
        &self,
        ctx: &Ctx,
        model: &str,
        texts: Vec<String>,
    ) -> Result<Vec<Vec<f32>>> {
        if model == LOCAL {
            return hashed(texts).await;
        }
        if let Some(sentences) = self.sentences.as_ref().filter(|own| own.name() == model) {
            return self.by_meaning(sentences, &texts).await;
        }
        let wanted = Wanted::of(model)?;
        let can_ask = self.gateway.can_ask(ctx, (Capability::Embeddings, &wanted)).await?;
        if self.local_alone || !can_ask {
            let why = "The documents were read with a model that cannot be asked any more.";
            return Err(Error::new(Kind::Unavailable, "no_provider", why));
        }
        let embedded = Box::pin(self.gateway.embed(ctx, (wanted, None), texts)).await?;
        let (provider, by) = embedded.by();
        if format!("{provider}/{by}") != model {
            return Err(internal("another model made vectors than was asked"));
        }
        let vectors: Vec<_> = embedded.found.vectors.into_iter().map(normalised).collect();
        // What points nowhere is as near to everything as to nothing.
        if vectors.iter().any(|vector| vector.iter().all(|number| *number == 0.0)) {
            let why = format!("{model} gave a vector of nothing but zeros.");
            return Err(Error::new(Kind::Unavailable, "empty_vector", why));
        }
        Ok(vectors)
    }

    /// A few texts at a time, so that a question does not wait for a whole document.
    async fn by_meaning(
        &self,
        sentences: &Arc<Sentences>,
        texts: &[String],
    ) -> Result<Vec<Vec<f32>>> {
        let mut vectors = Vec::with_capacity(texts.len());
        for some in texts.chunks(AT_ONCE) {
            let closed = |error| internal("nobody gives turns any more").caused_by(error);
            let turn = self.turns.acquire().await.map_err(closed)?;
            let (sentences, some) = (Arc::clone(sentences), some.to_vec());
            let made = tokio::task::spawn_blocking(move || sentences.embed(&some)).await;
            drop(turn);
            vectors.extend(
                made.map_err(|error| internal("vectors cannot be made").caused_by(error))??,
            );
        }
        Ok(vectors)
    }
}

async fn hashed(texts: Vec<String>) -> Result<Vec<Vec<f32>>> {
    let made = tokio::task::spawn_blocking(move || texts.iter().map(|text| vector(text)).collect());
    made.await.map_err(|error| internal("vectors cannot be made").caused_by(error))
}
