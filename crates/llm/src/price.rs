//! What models cost and how much they take, from a file of data.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::{answer::Usage, provider::Provider};

/// Cents are too coarse: money of models is counted in millionths of a US dollar.
const MICRODOLLARS: f64 = 1_000_000.0;

/// What is known of a model.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Model {
    /// Who runs it.
    provider: String,
    /// Its name, or how its names begin.
    #[serde(rename = "model")]
    pub name: String,
    /// What it costs.
    #[serde(flatten)]
    pub price: Price,
    /// Tokens of question and answer together.
    pub context: u32,
}

/// US dollars for a million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct Price {
    /// Of what is asked.
    pub input: f64,
    /// Of what is answered.
    pub output: f64,
}

#[derive(Deserialize)]
struct List {
    models: Vec<Model>,
}

static LIST: LazyLock<Vec<Model>> = LazyLock::new(|| {
    // A test reads the file; without it nothing would have a price.
    serde_json::from_str::<List>(include_str!("prices.json"))
        .map(|list| list.models)
        .unwrap_or_default()
});

/// The models of a provider that are known.
pub fn models(provider: Provider) -> impl Iterator<Item = &'static Model> {
    LIST.iter().filter(move |model| model.provider == provider.name())
}

/// What is known of a model: the entry whose name is the longest beginning of the model's.
pub fn model(provider: Provider, name: &str) -> Option<&'static Model> {
    // Sound has prices of its own, by the minute or by other tokens.
    if name.contains("transcribe") {
        return None;
    }
    models(provider)
        .filter(|known| name.starts_with(&known.name))
        .max_by_key(|known| known.name.len())
}

/// What an answer costs in millionths of a US dollar, rounded up; none where the price is not known. What runs on one's own
/// machines costs nothing.
pub fn cost(provider: Provider, name: &str, usage: Usage) -> Option<u64> {
    if provider.is_own() {
        return Some(0);
    }
    Some(model(provider, name)?.price.of(usage))
}

/// What an answer costs at most, whichever of a provider's known models gives it.
pub fn dearest(provider: Provider, usage: Usage) -> Option<u64> {
    models(provider).map(|known| known.price.of(usage)).max()
}

impl Price {
    /// Millionths of a US dollar, rounded up.
    fn of(self, usage: Usage) -> u64 {
        let dollars_for_a_million = self.input * f64::from(usage.prompt_tokens)
            + self.output * f64::from(usage.completion_tokens);
        // A price for a million tokens in dollars is one for a token in millionths of a dollar.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "prices and tokens are not negative, and nobody spends 10^13 dollars"
        )]
        let microdollars = (dollars_for_a_million * MICRODOLLARS / 1_000_000.0).ceil() as u64;
        microdollars
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_read_and_names_providers() {
        assert!(LIST.len() > 30);
        for model in LIST.iter() {
            assert!(Provider::named(&model.provider).is_some(), "{model:?}");
            assert!(model.context > 0 && model.price.input > 0.0, "{model:?}");
        }
    }

    #[test]
    fn the_longest_beginning_counts() {
        let usage = Usage { prompt_tokens: 1_000_000, completion_tokens: 1_000_000 };
        assert_eq!(cost(Provider::OpenAi, "gpt-4o-2024-11-20", usage), Some(12_500_000));
        assert_eq!(cost(Provider::OpenAi, "gpt-4o-mini-2024-07-18", usage), Some(750_000));
        assert_eq!(cost(Provider::OpenAi, "something-new", usage), None);
        assert_eq!(cost(Provider::Ollama, "llama2", usage), Some(0));
        let few = Usage { prompt_tokens: 1, completion_tokens: 0 };
        assert_eq!(cost(Provider::OpenAi, "gpt-4o-mini", few), Some(1));
    }
}
