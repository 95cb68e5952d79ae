//! What answers about models have in common: their headers, money, names of models.

use std::time::Instant;

use kith_http::{
    Answer,
    schema::{self, Schema},
};
use kith_llm::{Leg, Provider, cost, models};

use crate::Speaking;

pub(crate) const TAG: &str = "models";
/// Bytes of a request.
pub(crate) const LARGEST: usize = 20 << 20;
/// A model may take its time.
pub(crate) const SECONDS: u64 = 330;

/// Tokens, as the form of OpenAI counts them.
pub fn usage_schema() -> Schema {
    let names = ["prompt_tokens", "completion_tokens", "total_tokens"];
    schema::object(names.map(|name| (name, schema::integer())).to_vec(), &names)
}

/// Who answered, what it cost and what we took ourselves: the headers of an answer.
pub(crate) struct Told {
    pub(crate) legs: Vec<Leg>,
    pub(crate) is_repeat: bool,
    /// `provider/model`.
    pub(crate) by: (&'static str, String),
    /// What it cost is known: nothing more is said.
    pub(crate) is_whole: bool,
}

impl Told {
    pub(crate) fn of(speaking: &Speaking) -> Self {
        let (legs, is_repeat, by) = (speaking.legs(), speaking.is_repeat(), speaking.by());
        Self { legs, is_repeat, by, is_whole: false }
    }

    pub(crate) fn on(&self, answer: Answer, began: Instant) -> Answer {
        let attempts: u32 = self.legs.iter().map(|leg| leg.attempts).sum();
        let waited = self.legs.iter().map(|leg| leg.took).sum();
        let own = began.elapsed().saturating_sub(waited);
        let header = |name: &'static str| axum::http::HeaderName::from_static(name);
        let mut answer = answer
            .header(header("x-kith-provider"), self.by.0)
            .header(header("x-kith-model"), &self.by.1)
            .header(header("x-kith-attempts"), &attempts.to_string())
            .header(header("x-kith-overhead-us"), &own.as_micros().to_string());
        if let Some(costs) = costs(&self.legs).filter(|_| self.is_whole) {
            answer = answer.header(header("x-kith-cost"), &dollars(costs));
        }
        if self.is_repeat {
            answer = answer.header(header("x-kith-cache"), "hit");
        }
        answer
    }
}

/// What calls cost in millionths of a dollar, where their prices are known.
fn costs(legs: &[Leg]) -> Option<u64> {
    legs.iter().map(|leg| cost(leg.provider, &leg.model, leg.usage)).sum()
}

/// Millionths of a dollar as dollars.
pub(crate) fn dollars(microdollars: u64) -> String {
    format!("{}.{:06}", microdollars / 1_000_000, microdollars % 1_000_000)
}

/// Models whose whole names are known.
pub(crate) fn known(provider: Provider, but: &str) -> impl Iterator<Item = &'static str> {
    let but = but.to_owned();
    let names = models(provider).map(|model| model.name.as_str());
    names.filter(move |name| *name != but && !name.ends_with('-'))
}
