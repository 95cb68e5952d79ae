//! The span that is asked for: from when until when, the span before it, and the points of its series.

use kith_http::Query;
use kith_kernel::{Date, Id, Result, Time, Zone};
use kith_platform::Ctx;

use crate::{
    ask::{day, named, word, wrong},
    rollups::{begins, slot},
};

/// The parameters of all analytics.
pub(super) const PARAMETERS: [&str; 7] =
    ["period", "startDate", "endDate", "interval", "timezone", "channelId", "agentId"];
/// The first unless said.
pub(super) const PERIODS: [&str; 6] = ["30d", "1h", "24h", "7d", "90d", "1y"];
pub(super) const INTERVALS: [&str; 4] = ["hour", "day", "week", "month"];
const MOST_POINTS: usize = 400;
/// Three years.
const MOST_DAYS: i64 = 1_100;
const SLOTS_OF_AN_HOUR: i64 = 4;
/// 1970 began on a Thursday.
const MONDAY: i64 = 3;

/// From a slot until before another one.
pub(super) type Slots = (i64, i64);

/// What is asked.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) span: Slots,
    /// As long, and just before it.
    pub(super) before: Slots,
    /// Where the points of the series begin; the first with the span.
    pub(super) points: Vec<i64>,
    pub(super) interval: &'static str,
    pub(super) zone: Zone,
    pub(super) channel: Option<Id>,
    pub(super) agent: Option<Id>,
}

/// A span, the one before it, and the interval that suits it.
type Spans = (Slots, Slots, &'static str);

impl Wanted {
    pub(super) fn read(ctx: &Ctx, query: &Query) -> Result<Self> {
        query.only(&PARAMETERS)?;
        let zone = match query.get("timezone")? {
            Some(name) => Zone::named(name)
                .ok_or_else(|| wrong("timezone", "is no time zone such as Europe/Lisbon"))?,
            None => ctx.actor.zone,
        };
        let (span, before, usual) = match days(query)? {
            Some((first, last)) => {
                of_days(zone, (first, last), first.plus_days(first.days() - last.days() - 1))
            }
            None => of_period(zone, ctx.now(), word(query, "period", &PERIODS)?),
        };
        let interval = named(query, "interval", &INTERVALS)?.unwrap_or(usual);
        let points = points(zone, span, interval);
        if points.len() > MOST_POINTS {
            return Err(wrong("interval", &format!("makes more than {MOST_POINTS} points")));
        }
        let (channel, agent) = (query.id("channelId")?, query.id("agentId")?);
        Ok(Self { span, before, points, interval, zone, channel, agent })
    }
}

/// The first and the last day, where days are given.
fn days(query: &Query) -> Result<Option<(Date, Date)>> {
    let read = |name: &str| day(name, query.get(name)?);
    let (first, last) = match (read("startDate")?, read("endDate")?) {
        (None, None) => return Ok(None),
        (Some(first), Some(last)) => (first, last),
        (Some(_), None) => return Err(wrong("endDate", "is needed beside startDate")),
        (None, Some(_)) => return Err(wrong("startDate", "is needed beside endDate")),
    };
    if query.get("period")?.is_some() {
        return Err(wrong("period", "cannot be given with startDate and endDate"));
    }
    if last < first {
        return Err(wrong("endDate", "stands before startDate"));
    }
    if last.days() - first.days() >= MOST_DAYS {
        return Err(wrong("endDate", &format!("is {MOST_DAYS} days behind startDate, or more")));
    }
    Ok(Some((first, last)))
}

/// Days, both with them, and those before from another day on.
fn of_days(zone: Zone, (first, last): (Date, Date), earlier: Date) -> Spans {
    let begin = |day: Date| slot(day.begins(zone));
    let usual = match last.days() - first.days() {
        ..2 => "hour",
        2..92 => "day",
        _ => "month",
    };
    ((begin(first), begin(last.plus_days(1))), (begin(earlier), begin(first)), usual)
}

/// Up to now, what has begun with it: the quarter of an hour, the hour, or the day.
fn of_period(zone: Zone, now: Time, period: &str) -> Spans {
    let today = now.date(zone);
    let recent = |days: i64| {
        let first = today.plus_days(1 - days);
        let (span, before, _) = of_days(zone, (first, today), first.plus_days(-days));
        (span, before, "day")
    };
    let hours = |until: i64, hours: i64| {
        let from = until - hours * SLOTS_OF_AN_HOUR;
        ((from, until), (from - (until - from), from), "hour")
    };
    match period {
        "1h" => hours(slot(now) + 1, 1),
        "24h" => {
            let midnight = slot(today.begins(zone));
            let begun = (slot(now) - midnight) / SLOTS_OF_AN_HOUR + 1;
            hours(midnight + begun * SLOTS_OF_AN_HOUR, 24)
        }
        "7d" => recent(7),
        "90d" => recent(90),
        "1y" => {
            let first = today.plus_months(-12).plus_days(1);
            of_days(zone, (first, today), first.plus_months(-12))
        }
        _ => recent(30),
    }
}

/// Where points begin: with hours, days, weeks (on Mondays) or months of the time zone, the first with the span.
fn points(zone: Zone, (from, until): Slots, interval: &str) -> Vec<i64> {
    let mut points = vec![from];
    let (mut day, last) = (begins(from).date(zone), begins(until - 1).date(zone));
    while day <= last {
        let (begin, end) = (slot(day.begins(zone)), slot(day.plus_days(1).begins(zone)));
        let fits = match interval {
            "week" => (day.days() + MONDAY).rem_euclid(7) == 0,
            "month" => day.to_string().ends_with("-01"),
            _ => true,
        };
        let step = if interval == "hour" { SLOTS_OF_AN_HOUR } else { (end - begin).max(1) };
        let mut at = begin;
        while fits && at < end {
            if points.last().is_some_and(|before| *before < at) && at < until {
                points.push(at);
            }
            at += step;
        }
        day = day.plus_days(1);
    }
    points
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn zone(name: &str) -> Zone {
        Zone::named(name).unwrap()
    }

    fn at(text: &str) -> Time {
        Time::parse(text).unwrap()
    }

    fn told((from, until): Slots) -> (String, String) {
        (begins(from).to_string(), begins(until).to_string())
    }

    #[test]
    fn periods_end_with_what_has_begun() {
        let lima = zone("America/Sao_Paulo");
        let now = at("2026-11-22T01:20:30Z");
        for (period, from, until, before) in [
            ("1h", "2026-11-22T00:30", "2026-11-22T01:30", "2026-11-21T23:30"),
            ("24h", "2026-11-21T02:00", "2026-11-22T02:00", "2026-11-20T02:00"),
            ("7d", "2026-11-15T03:00", "2026-11-22T03:00", "2026-11-08T03:00"),
            ("30d", "2026-10-23T03:00", "2026-11-22T03:00", "2026-09-23T03:00"),
            ("1y", "2025-11-22T03:00", "2026-11-22T03:00", "2024-11-22T03:00"),
        ] {
            let (span, earlier, _) = of_period(lima, now, period);
            let wanted = (format!("{from}:00.000Z"), format!("{until}:00.000Z"));
            assert_eq!(told(span), wanted, "{period}");
            assert_eq!(told(earlier), (format!("{before}:00.000Z"), wanted.0), "{period}");
        }
    }

    #[test]
    fn points_follow_the_zone() {
        let lisbon = zone("Europe/Lisbon");
        let day = |text| Date::parse(text).unwrap();
        let of = |first, last, interval| {
            let (span, ..) = of_days(lisbon, (day(first), day(last)), day(first));
            points(lisbon, span, interval)
        };
        // Clocks are turned back, and on.
        assert_eq!(of("2026-10-25", "2026-10-25", "hour").len(), 25);
        assert_eq!(of("2026-03-29", "2026-03-29", "hour").len(), 23);
        assert_eq!(of("2026-10-20", "2026-10-30", "day").len(), 11);
        let weeks = of("2026-10-21", "2026-11-03", "week");
        let weeks: Vec<String> =
            weeks.into_iter().map(|at| begins(at).date(lisbon).to_string()).collect();
        assert_eq!(weeks, ["2026-10-21", "2026-10-26", "2026-11-02"]);
        assert_eq!(of("2026-01-31", "2026-04-01", "month").len(), 4);
    }

    proptest! {
        #[test]
        fn points_rise_within_the_span(
            days in 0_i64..60, start in 0_i64..20_000, which in 0_usize..4,
            name in prop::sample::select(vec!["UTC", "Asia/Kolkata", "America/New_York", "Australia/Lord_Howe"]),
        ) {
            let first = Date::parse("1975-01-01").unwrap().plus_days(start);
            let (span, before, _) = of_days(zone(name), (first, first.plus_days(days)), first.plus_days(-days - 1));
            let points = points(zone(name), span, INTERVALS[which]);
            prop_assert_eq!(points[0], span.0);
            prop_assert_eq!(before.1, span.0);
            prop_assert!(points.is_sorted_by(|one, next| one < next) && *points.last().unwrap() < span.1);
            if INTERVALS[which] == "day" {
                prop_assert_eq!(points.len(), usize::try_from(days).unwrap() + 1);
            }
        }
    }
}
