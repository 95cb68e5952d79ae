//! Which provider is asked first, and which after it.

use crate::{answer::Usage, price, provider::Provider};

/// How cheap a model counts whose price is not known: a little dearer than the dearest that is.
const UNKNOWN: f64 = -0.1;

/// By what providers are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// The cheapest for this request.
    Cost,
    /// The fastest.
    Speed,
    /// The best.
    Quality,
    /// All three alike.
    Balanced,
    /// As they are listed.
    Failover,
}

/// Quality counts a little more than the others, as the seeds weighed it.
const BALANCE: [f64; 3] = [0.3, 0.4, 0.3];

impl Strategy {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Cost, Self::Speed, Self::Quality, Self::Balanced, Self::Failover];

    /// Its name in settings and requests.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cost => "cost_optimized",
            Self::Speed => "speed_optimized",
            Self::Quality => "quality_optimized",
            Self::Balanced => "balanced",
            Self::Failover => "failover",
        }
    }

    /// The strategy of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|strategy| strategy.name() == name.trim())
    }
}

/// A model that could be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Who runs it.
    pub provider: Provider,
    /// As its provider calls it.
    pub model: String,
}

/// The candidates in the order in which they are asked; those that are equal stay in the order given. `usage` is what the
/// request is expected to take.
pub fn order(strategy: Strategy, mut all: Vec<Candidate>, usage: Usage) -> Vec<Candidate> {
    if strategy == Strategy::Failover {
        return all;
    }
    let costs = costs(&all, usage);
    let dearest = costs.iter().flatten().copied().fold(0.0, f64::max);
    let score = |at: usize, candidate: &Candidate| {
        // What costs nothing is best, and what costs most is worst, whatever the others cost: no term swallows the others.
        let cheap = match costs[at] {
            Some(cost) if dearest > 0.0 => 1.0 - cost / dearest,
            Some(_) => 1.0,
            None => UNKNOWN,
        };
        let quality = f64::from(candidate.provider.quality()) / 10.0;
        let speed = f64::from(candidate.provider.speed()) / 10.0;
        match strategy {
            Strategy::Cost => cheap,
            Strategy::Speed => speed,
            Strategy::Quality => quality,
            Strategy::Balanced | Strategy::Failover => {
                BALANCE[0] * cheap + BALANCE[1] * quality + BALANCE[2] * speed
            }
        }
    };
    let mut scored: Vec<(f64, Candidate)> = all
        .drain(..)
        .enumerate()
        .map(|(at, candidate)| (score(at, &candidate), candidate))
        .collect();
    scored.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    scored.into_iter().map(|(_, candidate)| candidate).collect()
}

/// What each would cost, where that is known.
fn costs(all: &[Candidate], usage: Usage) -> Vec<Option<f64>> {
    #[expect(clippy::cast_precision_loss, reason = "costs are compared, not added up")]
    let cost =
        |one: &Candidate| price::cost(one.provider, &one.model, usage).map(|cost| cost as f64);
    all.iter().map(cost).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const USAGE: Usage = Usage { prompt_tokens: 1_000, completion_tokens: 500 };

    fn ordered(strategy: Strategy) -> Vec<&'static str> {
        let all = Provider::ALL.into_iter().filter(|provider| *provider != Provider::Local);
        let all =
            all.map(|provider| Candidate { provider, model: provider.default_model().to_owned() });
        order(strategy, all.collect(), USAGE).iter().map(|one| one.provider.name()).collect()
    }

    #[test]
    fn each_strategy_has_its_order() {
        assert_eq!(ordered(Strategy::Cost)[..2], ["ollama", "groq"]);
        assert_eq!(ordered(Strategy::Speed)[..3], ["groq", "ollama", "google"]);
        assert_eq!(
            ordered(Strategy::Quality),
            ["anthropic", "openai", "google", "mistral", "cohere", "groq", "together", "ollama"]
        );
        assert_eq!(ordered(Strategy::Failover)[..3], ["openai", "anthropic", "google"]);
    }

    #[test]
    fn what_is_free_does_not_swallow_the_rest() {
        let balanced = ordered(Strategy::Balanced);
        assert_eq!(balanced[..4], ["groq", "google", "ollama", "openai"], "{balanced:?}");
    }

    #[test]
    fn a_model_without_a_price_is_not_the_cheapest() {
        let unknown = Candidate { provider: Provider::OpenAi, model: "new".to_owned() };
        let known =
            Candidate { provider: Provider::Groq, model: "llama-3.1-8b-instant".to_owned() };
        assert_eq!(order(Strategy::Cost, vec![unknown, known.clone()], USAGE)[0], known);
    }
}
