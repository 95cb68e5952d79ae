//! Series: what counts from point to point, read in a few statements however many points there are.

use kith_kernel::Result;
use kith_store::{Condition, Output, Read, Select, Value};

use super::{
    span::{Slots, Wanted},
    tally::selected,
};
use crate::{
    figures::{Sum, of_slots, stretches},
    rollups::{
        by_day,
        inbox::{BEGAN, RESOLUTION, RESPONSE, SAID},
    },
};

const MEASURES: [&str; 4] = [BEGAN, SAID, RESPONSE, RESOLUTION];
/// Ranges of one statement.
const AT_ONCE: usize = 100;

/// What counts between two points.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Point {
    pub(super) conversations: i64,
    pub(super) messages: i64,
    pub(super) response: Sum,
    pub(super) resolution: Sum,
}

impl Point {
    fn add(&mut self, measure: &str, sum: Sum) {
        match measure {
            BEGAN => self.conversations += sum.count,
            SAID => self.messages += sum.count,
            RESPONSE => self.response.add(sum),
            RESOLUTION => self.resolution.add(sum),
            _ => {}
        }
    }
}

/// A stretch of slots, or of days, of one point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stretch {
    from: i64,
    until: i64,
    point: usize,
}

/// Each point of the series.
pub(super) async fn series(db: &Read, wanted: &Wanted) -> Result<Vec<Point>> {
    let mut points = vec![Point::default(); wanted.points.len()];
    for whole_days in [false, true] {
        let of_points = apart(&wanted.points, wanted.span.1, whole_days);
        let ranges = merged(&of_points);
        for ranges in ranges.chunks(AT_ONCE) {
            let ranges = ranges.iter().map(|(from, until)| of_slots(*from, Some(*until)));
            let select = select(wanted, whole_days).only(Condition::Any(ranges.collect()));
            db.each(&select, |row| {
                let measure = row.text(0)?.unwrap_or_default();
                let measure = measure.strip_suffix("/day").unwrap_or(measure);
                let place = find(&of_points, row.integer(1)?.unwrap_or_default());
                if let Some(point) = place.and_then(|place| points.get_mut(place)) {
                    point.add(measure, Sum::read(row, 2)?);
                }
                Ok(())
            })
            .await?;
        }
    }
    Ok(points)
}

fn select(wanted: &Wanted, whole_days: bool) -> Select {
    let named = |name: &str| if whole_days { by_day(name) } else { name.to_owned() };
    let measures = MEASURES.into_iter().map(|name| Value::from(named(name))).collect();
    let objects = ["conversation", "message"].map(Value::from).to_vec();
    let select = Select::from("rollups")
        .show(&["measure", "slot"])
        .output(Output::Sum("count"))
        .output(Output::Sum("sum_high"))
        .output(Output::Sum("sum_low"))
        .only(Condition::In("measure", measures))
        .only(Condition::In("object", objects))
        .group("measure")
        .group("slot");
    selected(wanted).into_iter().fold(select, Select::only)
}

/// What of the points is counted by whole days, or by slots, in order.
fn apart(points: &[i64], end: i64, whole_days: bool) -> Vec<Stretch> {
    let mut all = Vec::new();
    for (point, from) in points.iter().enumerate() {
        let until = points.get(point + 1).copied().unwrap_or(end);
        for (days, from, until) in stretches(*from, Some(until)) {
            if days == whole_days {
                all.extend(until.map(|until| Stretch { from, until, point }));
            }
        }
    }
    all
}

/// The same as ranges, of which none touches the next.
fn merged(stretches: &[Stretch]) -> Vec<Slots> {
    let mut ranges: Vec<Slots> = Vec::new();
    for stretch in stretches {
        match ranges.last_mut() {
            Some((_, until)) if *until == stretch.from => *until = stretch.until,
            _ => ranges.push((stretch.from, stretch.until)),
        }
    }
    ranges
}

/// The point that a slot, or a day, belongs to.
fn find(stretches: &[Stretch], slot: i64) -> Option<usize> {
    let behind = stretches.partition_point(|stretch| stretch.from <= slot);
    let stretch = stretches.get(behind.checked_sub(1)?)?;
    (slot < stretch.until).then_some(stretch.point)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rollups::SLOTS_OF_A_DAY;

    proptest! {
        #[test]
        fn each_slot_counts_for_the_point_that_it_is_in(
            from in -500_i64..500, lengths in proptest::collection::vec(1_i64..300, 1..20),
        ) {
            let mut points = Vec::new();
            let mut end = from;
            for length in &lengths {
                points.push(end);
                end += length;
            }
            let (slots, days) = (apart(&points, end, false), apart(&points, end, true));
            for slot in from - 100..end + 100 {
                let of_slots = find(&slots, slot);
                let of_days = find(&days, slot.div_euclid(SLOTS_OF_A_DAY));
                let wanted = points.iter().rposition(|point| *point <= slot).filter(|_| slot < end);
                prop_assert!(of_slots.is_none() || of_days.is_none());
                prop_assert_eq!(of_slots.or(of_days), wanted);
            }
            let within = |slot: i64| merged(&slots).iter().any(|(from, until)| (*from..*until).contains(&slot));
            prop_assert!((from..end).all(|slot| within(slot) == find(&slots, slot).is_some()));
        }
    }
}
