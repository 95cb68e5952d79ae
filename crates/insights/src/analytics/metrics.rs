//! Metrics: tallies as numbers that are shown; null where nothing is known.

use serde_json::{Value as Json, json};

use super::{
    series::Point,
    tally::{Durations, Tally, mean},
};
use crate::rollups::begins;

/// With one decimal.
fn tenths(number: Option<f64>) -> Option<f64> {
    number.map(|number| (number * 10.0).round() / 10.0)
}

/// With two decimals.
fn hundredths(number: Option<f64>) -> Option<f64> {
    number.map(|number| (number * 100.0).round() / 100.0)
}

/// So many of a hundred, where there is a whole.
#[expect(clippy::cast_precision_loss, reason = "no tenant has 2^52 records")]
fn share(part: i64, whole: i64) -> Option<f64> {
    (whole > 0).then(|| part as f64 * 100.0 / whole as f64)
}

pub(super) fn percentage(part: i64, whole: i64) -> Option<f64> {
    tenths(share(part, whole))
}

impl Durations {
    pub(super) fn average(&self) -> Option<f64> {
        tenths(mean(self.all()))
    }

    pub(super) fn to_json(&self) -> Json {
        json!({
            "conversations": self.all().count, "averageSeconds": self.average(),
            "medianSeconds": tenths(self.percentile(50)),
            "percentile90Seconds": tenths(self.percentile(90)),
        })
    }
}

impl Tally {
    pub(super) fn messages(&self) -> i64 {
        self.said(None, None)
    }

    /// The mean of what customers gave, from 1 to 5.
    pub(super) fn satisfaction(&self) -> Option<f64> {
        hundredths(mean(self.rating()))
    }

    pub(super) fn handover_rate(&self) -> Option<f64> {
        percentage(self.handed, self.began)
    }

    pub(super) fn resolution_rate(&self) -> Option<f64> {
        percentage(self.over, self.began)
    }

    /// How much better or worse than before.
    pub(super) fn trends(&self, before: &Self) -> Json {
        let grown = |now: i64, then: i64| tenths(share(now - then, then));
        let faster = |of: fn(&Self) -> &Durations| {
            let (now, then) = (mean(of(self).all())?, mean(of(before).all())?);
            tenths((then > 0.0).then(|| (then - now) / then * 100.0))
        };
        let difference = |now: Option<f64>, then: Option<f64>| Some(now? - then?);
        let rating = |tally: &Self| mean(tally.rating());
        let handed = |tally: &Self| share(tally.handed, tally.began);
        json!({
            "conversationsGrowth": grown(self.began, before.began),
            "messagesGrowth": grown(self.messages(), before.messages()),
            "responseTimeImprovement": faster(|tally| &tally.response),
            "resolutionTimeImprovement": faster(|tally| &tally.resolution),
            "satisfactionChange": hundredths(difference(rating(self), rating(before))),
            "handoverRateChange": tenths(difference(handed(self), handed(before))),
        })
    }

    /// What is told of a channel, of an agent, and of all.
    pub(super) fn times(&self) -> Json {
        json!({
            "averageFirstResponseSeconds": self.response.average(),
            "medianFirstResponseSeconds": tenths(self.response.percentile(50)),
            "averageResolutionSeconds": self.resolution.average(),
            "medianResolutionSeconds": tenths(self.resolution.percentile(50)),
        })
    }

    /// The tokens of answers that say how many they took.
    pub(super) fn tokens(&self) -> Option<i64> {
        let told = i64::try_from(self.tokens.minor).ok();
        told.filter(|_| self.tokens.count > 0)
    }

    /// What those answers cost in dollars; nothing where one of them does not say.
    #[expect(clippy::cast_precision_loss, reason = "no tenant spends 2^52 millionths of a dollar")]
    pub(super) fn cost(&self) -> Option<f64> {
        let is_known = self.tokens.count > 0 && self.cost.count == self.tokens.count;
        is_known.then(|| self.cost.minor as f64 / 1_000_000.0)
    }
}

/// The points of a series, by when they begin.
pub(super) fn shown(begin: &[i64], points: &[Point]) -> Json {
    let all = begin.iter().zip(points);
    let shown = all.map(|(slot, point)| {
        json!({
            "date": begins(*slot), "conversations": point.conversations,
            "messages": point.messages,
            "averageFirstResponseSeconds": tenths(mean(point.response)),
            "averageResolutionSeconds": tenths(mean(point.resolution)),
        })
    });
    shown.collect()
}
