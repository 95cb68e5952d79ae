//! Tallies: what the rollups tell of some conversations and messages.

use std::collections::BTreeMap;

use kith_kernel::{Id, Result};
use kith_store::{Condition, Output, Read, Select, Value};

use super::span::{Slots, Wanted};
use crate::{
    figures::{Sum, of_slots, stretches},
    rollups::{
        by_day,
        inbox::{
            BEGAN, COST, FAILED, HANDED, NOTED, OPEN, RATING, RESOLUTION, RESPONSE, SAID, STATE,
            TOKENS, is_over,
        },
    },
};

/// The kinds of records that are counted.
const OBJECTS: [&str; 2] = ["conversation", "message"];
/// What is counted by time.
const MEASURES: [&str; 11] =
    [BEGAN, STATE, HANDED, RESPONSE, RESOLUTION, RATING, SAID, NOTED, FAILED, TOKENS, COST];

/// What counts for one measure and key.
pub(super) struct Entry {
    pub(super) channel: Option<Id>,
    pub(super) agent: Option<Id>,
    measure: String,
    /// The key behind channel and agent.
    rest: String,
    sum: Sum,
}

impl Entry {
    fn read(measure: &str, key: &str, sum: Sum) -> Self {
        let mut cells = key.splitn(3, '/');
        let mut next = || cells.next().unwrap_or_default();
        Self {
            channel: next().parse().ok(),
            agent: next().parse().ok(),
            measure: measure.to_owned(),
            rest: next().to_owned(),
            sum,
        }
    }
}

/// What keeps the keys of the channel and the agent that are asked for.
pub(super) fn selected(wanted: &Wanted) -> Vec<Condition> {
    let channel = wanted.channel.map(|id| Condition::StartsWith("key", format!("{id}/")));
    let agent = wanted.agent.map(|id| Condition::Contains("key", format!("/{id}")));
    channel.into_iter().chain(agent).collect()
}

/// All that counts in a span.
pub(super) async fn entries(db: &Read, wanted: &Wanted, span: Slots) -> Result<Vec<Entry>> {
    let mut sums: BTreeMap<(String, String), Sum> = BTreeMap::new();
    for (whole_days, from, until) in stretches(span.0, Some(span.1)) {
        let named = |name: &str| if whole_days { by_day(name) } else { name.to_owned() };
        let measures = MEASURES.into_iter().map(|name| Value::from(named(name))).collect();
        let select = grouped(wanted, measures).only(of_slots(from, until));
        db.each(&select, |row| {
            let measure = row.text(0)?.unwrap_or_default();
            let measure = measure.strip_suffix("/day").unwrap_or(measure).to_owned();
            let key = (measure, row.text(1)?.unwrap_or_default().to_owned());
            sums.entry(key).or_default().add(Sum::read(row, 2)?);
            Ok(())
        })
        .await?;
    }
    let known = sums.into_iter().filter(|(_, sum)| sum.count != 0);
    Ok(known.map(|((measure, key), sum)| Entry::read(&measure, &key, sum)).collect())
}

/// The conversations that are not over, whenever they began.
pub(super) async fn open(db: &Read, wanted: &Wanted) -> Result<Vec<Entry>> {
    let mut found = Vec::new();
    db.each(&grouped(wanted, vec![OPEN.into()]), |row| {
        let sum = Sum::read(row, 2)?;
        if sum.count != 0 {
            found.push(Entry::read(OPEN, row.text(1)?.unwrap_or_default(), sum));
        }
        Ok(())
    })
    .await?;
    Ok(found)
}

fn grouped(wanted: &Wanted, measures: Vec<Value>) -> Select {
    let select = Select::from("rollups")
        .show(&["measure", "key"])
        .output(Output::Sum("count"))
        .output(Output::Sum("sum_high"))
        .output(Output::Sum("sum_low"))
        .only(Condition::In("measure", measures))
        .only(Condition::In("object", OBJECTS.map(Value::from).to_vec()))
        .group("measure")
        .group("key");
    selected(wanted).into_iter().fold(select, Select::only)
}

/// Durations, by bucket.
#[derive(Debug, Default)]
pub(super) struct Durations(BTreeMap<u32, Sum>);

impl Durations {
    pub(super) fn all(&self) -> Sum {
        let mut all = Sum::default();
        self.0.values().for_each(|sum| all.add(*sum));
        all
    }

    /// The duration that so many of a hundred do not exceed: the mean of the bucket that it is in, which no duration in
    /// there is further from than half of itself.
    pub(super) fn percentile(&self, percent: i64) -> Option<f64> {
        let rank = (self.all().count * percent + 99) / 100;
        let mut reached = 0;
        self.0.values().find_map(|sum| {
            reached += sum.count;
            (reached >= rank).then(|| mean(*sum)).flatten()
        })
    }
}

/// The mean, where there is anything.
#[expect(clippy::cast_precision_loss, reason = "no tenant has 2^52 seconds or records")]
pub(super) fn mean(sum: Sum) -> Option<f64> {
    (sum.count > 0).then(|| sum.minor as f64 / sum.count as f64)
}

/// What is known of some conversations and messages.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) began: i64,
    pub(super) open: i64,
    pub(super) over: i64,
    pub(super) handed: i64,
    pub(super) statuses: BTreeMap<String, i64>,
    pub(super) priorities: BTreeMap<String, i64>,
    pub(super) response: Durations,
    pub(super) resolution: Durations,
    pub(super) ratings: BTreeMap<i64, i64>,
    /// By direction and sender.
    said: BTreeMap<(String, String), i64>,
    pub(super) notes: i64,
    pub(super) failed: i64,
    pub(super) tokens: Sum,
    pub(super) cost: Sum,
}

impl Tally {
    pub(super) fn of<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Self {
        let mut tally = Self::default();
        entries.into_iter().for_each(|entry| tally.add(entry));
        tally
    }

    fn add(&mut self, entry: &Entry) {
        let count = entry.sum.count;
        let (first, second) = entry.rest.split_once('/').unwrap_or((&entry.rest, ""));
        let durations = |durations: &mut Durations| {
            durations.0.entry(first.parse().unwrap_or_default()).or_default().add(entry.sum);
        };
        match entry.measure.as_str() {
            BEGAN => self.began += count,
            STATE => {
                self.over += if is_over(Some(first)) { count } else { 0 };
                *self.statuses.entry(first.to_owned()).or_default() += count;
                *self.priorities.entry(second.to_owned()).or_default() += count;
            }
            OPEN => self.open += count,
            HANDED => self.handed += count,
            RESPONSE => durations(&mut self.response),
            RESOLUTION => durations(&mut self.resolution),
            RATING => {
                *self.ratings.entry(first.parse().unwrap_or_default()).or_default() += count;
            }
            SAID => {
                let key = (first.to_owned(), second.to_owned());
                *self.said.entry(key).or_default() += count;
            }
            NOTED => self.notes += count,
            FAILED => self.failed += count,
            TOKENS => self.tokens.add(entry.sum),
            COST => self.cost.add(entry.sum),
            _ => {}
        }
    }

    /// Messages of a direction and a sender, or of all of them.
    pub(super) fn said(&self, direction: Option<&str>, sender: Option<&str>) -> i64 {
        let fits = |asked: Option<&str>, is: &str| asked.is_none_or(|asked| asked == is);
        let all = self.said.iter();
        all.filter(|((way, by), _)| fits(direction, way) && fits(sender, by))
            .map(|(_, count)| count)
            .sum()
    }

    /// How customers found it.
    pub(super) fn rating(&self) -> Sum {
        let mut all = Sum::default();
        for (value, count) in &self.ratings {
            all.add(Sum { count: *count, minor: i128::from(value * count) });
        }
        all
    }
}

/// The same apart for each channel, or each agent; what has none is left out.
pub(super) fn apart(entries: &[Entry], by: fn(&Entry) -> Option<Id>) -> BTreeMap<Id, Vec<&Entry>> {
    let mut all: BTreeMap<Id, Vec<&Entry>> = BTreeMap::new();
    for entry in entries {
        if let Some(id) = by(entry) {
            all.entry(id).or_default().push(entry);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_bucket_that_they_are_in() {
        let mut durations = Durations::default();
        assert_eq!(durations.percentile(50), None);
        for (bucket, count, minor) in [(3, 1, 5), (5, 2, 26), (9, 1, 80)] {
            durations.0.insert(bucket, Sum { count, minor });
        }
        assert_eq!(durations.percentile(25), Some(5.0));
        assert_eq!(durations.percentile(50), Some(13.0));
        assert_eq!(durations.percentile(75), Some(13.0));
        assert_eq!(durations.percentile(90), Some(80.0));
        assert_eq!(mean(durations.all()), Some(27.75));
    }

    #[test]
    fn keys_are_read_as_they_were_written() {
        let id = Id::NIL;
        let sum = Sum { count: 3, minor: 0 };
        let entry = Entry::read(STATE, &format!("{id}//CLOSED/HIGH"), sum);
        assert_eq!(
            (entry.channel, entry.agent, entry.rest.as_str()),
            (Some(id), None, "CLOSED/HIGH")
        );
        let tally = Tally::of([&entry]);
        assert_eq!((tally.over, tally.statuses["CLOSED"], tally.priorities["HIGH"]), (3, 3, 3));
    }
}
