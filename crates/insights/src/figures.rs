//! Figures: what the rollups say, read in a few statements.

use std::collections::HashMap;

use kith_kernel::{Currency, Date, Id, Money, Result, Time};
use kith_platform::{Ctx, events::readers};
use kith_store::{Comparison, Condition, Output, Read, Row, Select, Value, equals};
use serde_json::{Value as Json, json};

use crate::rollups::{BASE, READER, SLOTS_OF_A_DAY, by_day, slot};

/// How many, and how much.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) count: i64,
    /// Minor units.
    pub(crate) minor: i128,
}

impl Sum {
    pub(crate) fn read(row: Row<'_>, at: usize) -> Result<Self> {
        let cell = |at: usize| row.integer(at).map(Option::unwrap_or_default);
        let minor = i128::from(cell(at + 1)?) * i128::from(BASE) + i128::from(cell(at + 2)?);
        Ok(Self { count: cell(at)?, minor })
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.count += other.count;
        self.minor += other.minor;
    }
}

/// A stage, deleted or not.
#[derive(Debug, Clone)]
pub(crate) struct Stage {
    pub(crate) id: Id,
    pub(crate) name: String,
    pub(crate) pipeline: Option<Id>,
    pub(crate) outcome: String,
    pub(crate) deleted: bool,
}

/// All numbers that are of no time, and the stages that deals are counted by.
pub(crate) struct Figures {
    numbers: HashMap<(String, String, String), Sum>,
    pub(crate) stages: Vec<Stage>,
}

/// The measures that are of no time.
const TIMELESS: [&str; 6] = ["issues", "quality", "stage", "status", "total", "type"];

impl Figures {
    pub(crate) async fn load(db: &Read) -> Result<Self> {
        let mut numbers = HashMap::new();
        let measures = TIMELESS.into_iter().map(Value::from).collect();
        let select = Select::from("rollups")
            .show(&["measure", "object", "key", "count", "sum_high", "sum_low"])
            .only(Condition::In("measure", measures));
        db.each(&select, |row| {
            let text = |at: usize| row.text(at).map(|text| text.unwrap_or_default().to_owned());
            numbers.insert((text(0)?, text(1)?, text(2)?), Sum::read(row, 3)?);
            Ok(())
        })
        .await?;
        Ok(Self { numbers, stages: stages(db).await? })
    }

    /// How many records count for this.
    pub(crate) fn count(&self, measure: &str, object: &str, key: &str) -> i64 {
        let place = (measure.to_owned(), object.to_owned(), key.to_owned());
        self.numbers.get(&place).map_or(0, |sum| sum.count)
    }

    /// How many records of a kind there are.
    pub(crate) fn total(&self, object: &str) -> i64 {
        self.count("total", object, "")
    }

    /// Deals of the stages with an outcome, whatever their currency.
    pub(crate) fn deals(&self, outcome: &str) -> i64 {
        let stages = self.stages.iter().filter(|stage| stage.outcome == outcome);
        stages.flat_map(|stage| self.of_stage(stage.id)).map(|(_, sum)| sum.count).sum()
    }

    /// The deals of a stage, by the code of their currency; the empty one where they name none.
    pub(crate) fn of_stage(&self, stage: Id) -> Vec<(&str, Sum)> {
        let prefix = format!("{stage}/");
        let mut found: Vec<(&str, Sum)> = self
            .numbers
            .iter()
            .filter(|((measure, ..), sum)| measure == "stage" && sum.count != 0)
            .filter_map(|((_, _, key), sum)| Some((key.strip_prefix(&prefix)?, *sum)))
            .collect();
        found.sort_by_key(|(currency, _)| *currency);
        found
    }

    /// The amounts of all that was won, in one currency.
    pub(crate) fn won(&self, ctx: &Ctx, currency: Currency) -> Sum {
        let mut won = Sum::default();
        for stage in self.stages.iter().filter(|stage| stage.outcome == "won") {
            let all = self.of_stage(stage.id).into_iter();
            all.filter(|(code, _)| counts_as(ctx, currency, code))
                .for_each(|(_, sum)| won.add(sum));
        }
        won
    }

    /// The amounts of what was won on these days, in one currency.
    pub(crate) async fn won_between(
        &self,
        ctx: &Ctx,
        db: &Read,
        (currency, from, until): (Currency, Date, Date),
    ) -> Result<Sum> {
        let closed = during(ctx, db, ("closed", "deal"), (from, Some(until))).await?;
        let mut won = Sum::default();
        for (key, sum) in closed {
            let (stage, code) = key.split_once('/').unwrap_or_default();
            let is_won = |known: &Stage| known.outcome == "won" && known.id.to_string() == stage;
            if counts_as(ctx, currency, code) && self.stages.iter().any(is_won) {
                won.add(sum);
            }
        }
        Ok(won)
    }
}

/// Deals that name no currency are of the tenant's.
fn counts_as(ctx: &Ctx, currency: Currency, code: &str) -> bool {
    code == currency.code() || (code.is_empty() && currency == ctx.actor.currency)
}

async fn stages(db: &Read) -> Result<Vec<Stage>> {
    let mut stages = Vec::new();
    let select = Select::from("stages")
        .show(&["id", "name", "pipeline_id", "outcome", "deleted_at"])
        .by("pipeline_id", false)
        .by_nullable("position", false)
        .by("id", false);
    db.each(&select, |row| {
        let text = |at: usize| row.text(at).map(|text| text.unwrap_or_default().to_owned());
        stages.push(Stage {
            id: row.id(0)?.unwrap_or_default(),
            name: text(1)?,
            pipeline: row.id(2)?,
            outcome: text(3)?,
            deleted: !row.is_null(4)?,
        });
        Ok(())
    })
    .await?;
    Ok(stages)
}

/// What counts for a measure on these days, by key; without a second day for ever.
pub(crate) async fn during(
    ctx: &Ctx,
    db: &Read,
    (measure, object): (&'static str, &'static str),
    (from, until): (Date, Option<Date>),
) -> Result<HashMap<String, Sum>> {
    let begin = |day: Date| slot(day.begins(ctx.actor.zone));
    let mut found: HashMap<String, Sum> = HashMap::new();
    for (whole_days, from, until) in stretches(begin(from), until.map(begin)) {
        let measure = if whole_days { by_day(measure) } else { measure.to_owned() };
        let select = Select::from("rollups")
            .show(&["key"])
            .output(Output::Sum("count"))
            .output(Output::Sum("sum_high"))
            .output(Output::Sum("sum_low"))
            .only(equals("measure", measure))
            .only(equals("object", object))
            .only(of_slots(from, until))
            .group("key");
        db.each(&select, |row| {
            let key = row.text(0)?.unwrap_or_default().to_owned();
            found.entry(key).or_default().add(Sum::read(row, 1)?);
            Ok(())
        })
        .await?;
    }
    Ok(found)
}

/// From a slot, or a day, until before another one; without that for ever.
pub(crate) fn of_slots(from: i64, until: Option<i64>) -> Condition {
    let at = |comparison, slot: i64| Condition::Compare("slot", comparison, slot.into());
    let from = at(Comparison::GreaterOrEqual, from);
    let until = until.map(|until| at(Comparison::Less, until));
    Condition::All(std::iter::once(from).chain(until).collect())
}

/// Slots as whole days and what stands before and behind them: whether it is days, from, until.
pub(crate) fn stretches(from: i64, until: Option<i64>) -> Vec<(bool, i64, Option<i64>)> {
    let first = from.div_euclid(SLOTS_OF_A_DAY) + i64::from(from.rem_euclid(SLOTS_OF_A_DAY) > 0);
    let last = until.map(|until| until.div_euclid(SLOTS_OF_A_DAY));
    if last.is_some_and(|last| last <= first) {
        return vec![(false, from, until)];
    }
    let mut stretches = vec![(false, from, Some(first * SLOTS_OF_A_DAY)), (true, first, last)];
    stretches.extend(last.map(|last| (false, last * SLOTS_OF_A_DAY, until)));
    stretches.retain(|(_, from, until)| until.is_none_or(|until| *from < until));
    stretches
}

/// An amount as JSON shows it; what no JSON number can hold exactly is cut to the largest that can.
pub(crate) fn money(minor: i128, currency: Currency) -> Json {
    let largest = i128::from(i64::MAX);
    let minor = i64::try_from(minor.clamp(-largest, largest)).unwrap_or_default();
    let text = Money { minor, currency }.to_string();
    serde_json::from_str(&text).unwrap_or(Json::Null)
}

/// How far the rollups are: reports may lag the log by moments.
pub(crate) async fn as_of(ctx: &Ctx, db: &Read) -> Result<Json> {
    let at = readers::position(db, READER).await?;
    let now: Time = ctx.now();
    Ok(json!({
        "at": now, "sequence": at.sequence, "latest": at.latest, "rebuilding": at.anew,
    }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn slots((days, from, until): (bool, i64, Option<i64>), end: i64) -> Vec<i64> {
        let size = if days { SLOTS_OF_A_DAY } else { 1 };
        (from * size..until.map_or(end, |until| until * size)).collect()
    }

    proptest! {
        #[test]
        fn stretches_are_each_slot_once(from in -500_i64..500, length in 0_i64..1_000, ends in any::<bool>()) {
            let end = if ends { from + length } else { 2_000 };
            let until = ends.then_some(end);
            let parts = stretches(from, until);
            let mut all: Vec<i64> = parts.into_iter().flat_map(|part| slots(part, end)).collect();
            all.sort_unstable();
            prop_assert_eq!(all, (from..end).collect::<Vec<_>>());
        }
    }
}
