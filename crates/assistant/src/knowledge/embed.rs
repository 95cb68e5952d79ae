//! Who makes vectors: a provider of models where the tenant has one, else Kith itself.

use std::sync::Arc;

use kith_gateway::{Capability, Gateway, Wanted};
use kith_kernel::{Error, Kind, Result, internal};
use kith_platform::Ctx;

use super::vectors::normalised;
use crate::engines::{DIMENSIONS, vector};

/// The model that is there without a key.
pub(crate) const LOCAL: &str = "local/hashed-n-grams-1";

/// Makes vectors.
pub(crate) struct Embedder {
    gateway: Arc<Gateway>,
    /// Providers are not asked, whoever has a key.
    local_alone: bool,
}

impl Embedder {
    pub(super) fn new(gateway: &Arc<Gateway>, local_alone: bool) -> Self {
        Self { gateway: Arc::clone(gateway), local_alone }
    }

    /// The model that the actor's tenant is to have, where its vectors are of the model `before`. Keys of single members
    /// do not count: documents are everybody's.
    pub(crate) async fn choice(&self, ctx: &Ctx, before: Option<&str>) -> Result<String> {
        let own = || LOCAL.to_owned();
        if self.local_alone {
            return Ok(own());
        }
        let house = ctx.app.as_system(ctx.actor.tenant);
        let before = before.filter(|before| !is_own(before));
        Ok(self.gateway.embedder(&house, before).await?.unwrap_or_else(own))
    }

    /// Dimensions of a model's vectors, where they are known beforehand.
    pub(crate) fn width(model: &str) -> Option<i64> {
        (model == LOCAL).then(|| i64::try_from(DIMENSIONS).unwrap_or_default())
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
}

/// Whether a model is Kith's own.
fn is_own(model: &str) -> bool {
    model == LOCAL
}

async fn hashed(texts: Vec<String>) -> Result<Vec<Vec<f32>>> {
    let made = tokio::task::spawn_blocking(move || texts.iter().map(|text| vector(text)).collect());
    made.await.map_err(|error| internal("vectors cannot be made").caused_by(error))
}
