//! Texts as vectors.

use bytes::Bytes;
use serde_json::json;

use super::{cannot_say, no_answer, tokens};
use crate::{
    failure::Failure,
    provider::{Form, Provider},
    tree::Tree,
};

/// Vectors of texts.
#[derive(Debug, Clone, PartialEq)]
pub struct Embeddings {
    /// The model, as its provider calls it.
    pub model: String,
    /// One for each text, in order.
    pub vectors: Vec<Vec<f32>>,
    /// Tokens of the texts.
    pub prompt_tokens: u32,
}

pub(crate) const PATH: &str = "/embeddings";

/// What is asked.
///
/// # Errors
/// `Refused` for providers that have no such models.
pub(crate) fn body(
    (provider, model): (Provider, &str),
    texts: &[String],
    dimensions: Option<u32>,
) -> Result<Bytes, Failure> {
    if provider.form() == Form::Anthropic || provider == Provider::Groq {
        return Err(cannot_say(provider.name(), "embeddings"));
    }
    let mut body = json!({ "model": model, "input": texts });
    if let Some(dimensions) = dimensions {
        body["dimensions"] = dimensions.into();
    }
    Ok(body.to_string().into())
}

/// Reads the vectors of `count` texts.
pub(crate) fn read(body: &[u8], count: usize) -> Result<Embeddings, Failure> {
    let json: Tree<'_> = serde_json::from_slice(body).map_err(|_| no_answer("is no JSON"))?;
    let data = json.get("data").and_then(Tree::as_list);
    let data = data.ok_or_else(|| no_answer("holds no vectors"))?;
    let mut vectors = vec![Vec::new(); count];
    for (at, one) in data.iter().enumerate() {
        let at = one
            .get("index")
            .and_then(Tree::as_u64)
            .map_or(at, |at| usize::try_from(at).unwrap_or(usize::MAX));
        let vector = one.get("embedding").and_then(Tree::as_list);
        let place = vectors.get_mut(at).ok_or_else(|| no_answer("holds too many vectors"))?;
        for number in vector.unwrap_or_default() {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "models count in 32 bits themselves"
            )]
            let number = number.as_f64().map(|number| number as f32);
            let number = number.filter(|number| number.is_finite());
            place.push(number.ok_or_else(|| no_answer("holds vectors that are no numbers"))?);
        }
    }
    let length = vectors.first().map_or(0, Vec::len);
    if length == 0 || vectors.iter().any(|vector| vector.len() != length) {
        return Err(no_answer("holds not as many vectors as texts"));
    }
    Ok(Embeddings {
        model: super::text(&json, "model").to_owned(),
        vectors,
        prompt_tokens: json.get("usage").map_or(0, |usage| tokens(usage, "prompt_tokens")),
    })
}
