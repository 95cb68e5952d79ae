//! Sums of what was used by day, provider, model and capability, which stay when the log of calls is cleared.

use kith_kernel::Result;
use kith_llm::{Leg, cost};
use kith_store::{Insert, Migration, Step, Table, Write, integer, text};

use crate::capability::Capability;

/// Milliseconds.
pub(crate) const DAY: i64 = 86_400_000;
const SUMS: [&str; 6] =
    ["requests", "calls", "failures", "prompt_tokens", "completion_tokens", "cost"];

pub(crate) fn migration() -> Migration {
    let named = ["provider", "model", "capability"].map(|name| text(name).required());
    let sums = SUMS.map(|name| integer(name).required());
    let day = integer("day").required();
    let columns = std::iter::once(day).chain(named).chain(sums).collect();
    let usage = Table::of_tenant_keyed("llm_usage", &KEY, columns).clustered();
    Migration { name: "2026-11-22-gateway-usage", steps: vec![Step::Create(usage)] }
}

const KEY: [&str; 4] = ["day", "provider", "model", "capability"];

/// Day, provider, model, capability.
type Key = (i64, &'static str, String, &'static str);

/// What calls add to rows, of which there are few.
#[derive(Default)]
pub(crate) struct Sums(Vec<(Key, [i64; 6])>);

impl Sums {
    /// Adds one call; the last one of its request counts as the request.
    pub(crate) fn add(&mut self, now: i64, capability: Capability, (leg, is_last): (&Leg, bool)) {
        let key = (now / DAY, leg.provider.name(), leg.model.as_str(), capability.name());
        let cost = cost(leg.provider, &leg.model, leg.usage).unwrap_or_default();
        let new = [
            i64::from(is_last),
            1,
            i64::from(leg.failure.is_some()),
            i64::from(leg.usage.prompt_tokens),
            i64::from(leg.usage.completion_tokens),
            i64::try_from(cost).unwrap_or(i64::MAX),
        ];
        let same = |(known, _): &&mut (Key, _)| (known.0, known.1, &*known.2, known.3) == key;
        match self.0.iter_mut().find(same) {
            Some((_, sums)) => {
                sums.iter_mut().zip(new).for_each(|(sum, new)| *sum = sum.saturating_add(new));
            }
            None => self.0.push(((key.0, key.1, key.2.to_owned(), key.3), new)),
        }
    }

    /// Writes them, always in the same order, so that nobody waits for whoever waits for him.
    pub(crate) async fn write(mut self, db: &Write) -> Result<()> {
        self.0.sort_unstable();
        for ((day, provider, model, capability), sums) in self.0 {
            let mut cells = vec![
                ("day", day.into()),
                ("provider", provider.into()),
                ("model", model.into()),
                ("capability", capability.into()),
            ];
            cells.extend(SUMS.into_iter().zip(sums.map(Into::into)));
            db.insert(Insert::row("llm_usage", cells).or_add(&KEY, &SUMS)).await?;
        }
        Ok(())
    }
}
