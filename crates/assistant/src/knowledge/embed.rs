//! Who makes vectors: a provider of models where the tenant has one, else Kith itself.

use std::sync::Arc;

use kith_gateway::{Capability, Gateway, Wanted};
use kith_kernel::{Error, Kind, Result, internal};
use kith_platform::Ctx;

use super::vectors::normalised;
use crate::engines::vector;

/// The model that is there without a key.
pub(crate) const LOCAL: &str = "local/hashed-n-grams-1";
/// Texts that a provider is asked for at once.
const AT_ONCE: usize = 64;

/// Makes vectors.
pub(crate) struct Embedder {
    gateway: Arc<Gateway>,
    /// Providers are not asked, whoever has a key.
    local_alone: bool,
}

/// Vectors, and whose they are.
pub(crate) struct Embedded {
    pub(crate) model: String,
    pub(crate) vectors: Vec<Vec<f32>>,
}

impl Embedder {
    pub(super) fn new(gateway: &Arc<Gateway>, local_alone: bool) -> Self {
        Self { gateway: Arc::clone(gateway), local_alone }
    }

    /// Whether a provider could be asked, for this model where one is named.
    async fn can_ask(&self, ctx: &Ctx, model: Option<&str>) -> Result<bool> {
        if self.local_alone {
            return Ok(false);
        }
        let wanted = model.map_or_else(|| Ok(Wanted::default()), Wanted::of)?;
        self.gateway.can_ask(ctx, (Capability::Embeddings, &wanted)).await
    }

    /// The model that new texts go to, where searches go by that of `now`: the same while it can be asked. None: the
    /// provider's usual one, whose name its first answer tells.
    pub(crate) async fn model(&self, ctx: &Ctx, now: Option<&str>) -> Result<Option<String>> {
        if let Some(now) = now.filter(|now| *now != LOCAL)
            && self.can_ask(ctx, Some(now)).await?
        {
            return Ok(Some(now.to_owned()));
        }
        Ok(if self.can_ask(ctx, None).await? { None } else { Some(LOCAL.to_owned()) })
    }

    /// Vectors of texts, each of length one.
    ///
    /// # Errors
    /// As [`Gateway::embed`]; `Unavailable` for a model that cannot be asked any more.
    pub(crate) async fn embed(
        &self,
        ctx: &Ctx,
        model: Option<&str>,
        texts: Vec<String>,
    ) -> Result<Embedded> {
        if model == Some(LOCAL) {
            return local(texts).await;
        }
        if !self.can_ask(ctx, model).await? {
            let why = "The documents were read with a model that cannot be asked any more.";
            return Err(Error::new(Kind::Unavailable, "no_provider", why));
        }
        let mut found =
            Embedded { model: model.unwrap_or_default().to_owned(), vectors: Vec::new() };
        for some in texts.chunks(AT_ONCE) {
            let wanted =
                if found.model.is_empty() { Wanted::default() } else { Wanted::of(&found.model)? };
            let embedded = Box::pin(self.gateway.embed(ctx, (wanted, None), some.to_vec())).await?;
            let (provider, model) = embedded.by();
            found.model = format!("{provider}/{model}");
            if embedded.found.vectors.len() != some.len() {
                return Err(internal("a provider gave another number of vectors than of texts"));
            }
            found.vectors.extend(embedded.found.vectors.into_iter().map(normalised));
        }
        Ok(found)
    }
}

async fn local(texts: Vec<String>) -> Result<Embedded> {
    let made = tokio::task::spawn_blocking(move || texts.iter().map(|text| vector(text)).collect());
    let vectors =
        made.await.map_err(|error| internal("vectors cannot be made").caused_by(error))?;
    Ok(Embedded { model: LOCAL.to_owned(), vectors })
}
