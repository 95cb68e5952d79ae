//! Working hours: spans of the days of a week.

use kith_kernel::{Time, Zone};
use serde_json::Value as Json;

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const MOST_SPANS: usize = 6;

/// When somebody works, in minutes of each day of a week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hours([Vec<(u16, u16)>; 7]);

impl Hours {
    /// Reads `{"mon": ["09:00-12:00", "13:00-18:00"]}`; days that are not named are free.
    ///
    /// # Errors
    /// A sentence that begins behind the field's name.
    pub(crate) fn parse(json: &Json) -> Result<Self, String> {
        let keys =
            json.as_object().ok_or("must be an object of days: {\"mon\": [\"09:00-18:00\"]}")?;
        let mut week: [Vec<(u16, u16)>; 7] = Default::default();
        for (day, spans) in keys {
            let at = DAYS.iter().position(|known| known == day);
            let at =
                at.ok_or_else(|| format!("has {day:?}, which is none of {}", DAYS.join(", ")))?;
            let spans = spans.as_array().filter(|list| list.len() <= MOST_SPANS);
            let spans = spans.ok_or_else(|| format!("has no list of spans for {day}"))?;
            for text in spans {
                let span = text.as_str().and_then(span);
                let span = span
                    .ok_or_else(|| format!("has {text}, which is no span like \"09:00-18:00\""))?;
                week[at].push(span);
            }
        }
        Ok(Self(week))
    }

    /// Whether somebody works at an instant, as the clocks of a zone show it.
    pub(crate) fn contain(&self, at: Time, zone: Zone) -> bool {
        let day = at.date(zone);
        let minute = (at.seconds() - day.begins(zone).seconds()).div_euclid(60);
        // 1 January 1970 was a Thursday.
        let weekday = usize::try_from((day.days() + 3).rem_euclid(7)).unwrap_or(0);
        self.0[weekday]
            .iter()
            .any(|(from, to)| (i64::from(*from)..i64::from(*to)).contains(&minute))
    }
}

fn span(text: &str) -> Option<(u16, u16)> {
    let (from, to) = text.split_once('-')?;
    let (from, to) = (minute(from)?, minute(to)?);
    (from < to).then_some((from, to))
}

fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.trim().split_once(':')?;
    let number = |digits: &str| (digits.len() == 2).then(|| digits.parse::<u16>().ok()).flatten();
    let (hour, minute) = (number(hour)?, number(minute)?);
    let all = hour * 60 + minute;
    (minute < 60 && all <= 24 * 60).then_some(all)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn spans_are_of_their_days() {
        let hours = json!({ "mon": ["09:00-12:00", "13:00-18:00"], "sun": ["00:00-24:00"] });
        let hours = Hours::parse(&hours).unwrap();
        let works = |text| hours.contain(Time::parse(text).unwrap(), Zone::UTC);
        // 23 November 2026 is a Monday.
        assert!(works("2026-11-23T09:00:00Z") && works("2026-11-23T17:59:59Z"));
        assert!(!works("2026-11-23T12:00:00Z") && !works("2026-11-23T18:00:00Z"));
        assert!(works("2026-11-22T23:59:59Z") && !works("2026-11-24T09:30:00Z"));
        for broken in [
            json!([]),
            json!({ "monday": [] }),
            json!({ "mon": ["9-12"] }),
            json!({ "mon": ["12:00-09:00"] }),
            json!({ "mon": "09:00-12:00" }),
        ] {
            assert!(Hours::parse(&broken).is_err(), "{broken}");
        }
    }
}
