//! Sums of what was used by day, provider, model and capability, which stay when the log of calls is cleared.

use std::collections::BTreeMap;

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
    let usage = Table::of_tenant_keyed("llm_usage", &KEY, columns);
    Migration { name: "2026-11-22-gateway-usage", steps: vec![Step::Create(usage)] }
}

const KEY: [&str; 4] = ["day", "provider", "model", "capability"];

/// What calls of one day add to one row.
#[derive(Default, Clone)]
pub(crate) struct Sums(BTreeMap<(i64, &'static str, String, &'static str), [i64; 6]>);

impl Sums {
    /// Adds one call; the last one of its request counts as the request.
    pub(crate) fn add(&mut self, now: i64, capability: Capability, (leg, is_last): (&Leg, bool)) {
        let key = (now / DAY, leg.provider.name(), leg.model.clone(), capability.name());
        let cost = cost(leg.provider, &leg.model, leg.usage).unwrap_or_default();
        let new = [
            i64::from(is_last),
            1,
            i64::from(leg.failure.is_some()),
            i64::from(leg.usage.prompt_tokens),
            i64::from(leg.usage.completion_tokens),
            i64::try_from(cost).unwrap_or(i64::MAX),
        ];
        let sums = self.0.entry(key).or_default();
        sums.iter_mut().zip(new).for_each(|(sum, new)| *sum = sum.saturating_add(new));
    }

    /// Adds what another has.
    pub(crate) fn join(&mut self, other: &Self) {
        for (key, new) in &other.0 {
            let sums = self.0.entry(key.clone()).or_default();
            sums.iter_mut().zip(new).for_each(|(sum, new)| *sum = sum.saturating_add(*new));
        }
    }

    pub(crate) async fn write(self, db: &Write) -> Result<()> {
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
