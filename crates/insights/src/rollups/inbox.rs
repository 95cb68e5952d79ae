//! What conversations and messages count for: each by its channel and its agent.
//!
//! All that is known of a conversation counts for when it was made, so that rates are of the same conversations and do not
//! change their period when something happens later.

use kith_kernel::{Id, Result, Time};
use kith_store::Row;
use serde_json::Value as Json;

use super::parts::{MADE, OWN, Part};

/// Conversations, by channel and agent.
pub(crate) const BEGAN: &str = "began";
/// The same by status and priority as well.
pub(crate) const STATE: &str = "state";
/// Those that are not over, of no time.
pub(crate) const OPEN: &str = "open";
/// Those that an agent handed over.
pub(crate) const HANDED: &str = "handed";
/// Seconds until somebody answered, by their bucket.
pub(crate) const RESPONSE: &str = "response";
/// Seconds until it was over, by their bucket.
pub(crate) const RESOLUTION: &str = "resolution";
/// How customers found it, by value.
pub(crate) const RATING: &str = "rating";
/// Messages, by direction and sender; without notes.
pub(crate) const SAID: &str = "said";
/// Notes of the house.
pub(crate) const NOTED: &str = "noted";
/// Messages that could not be sent.
pub(crate) const FAILED: &str = "failed";
/// Tokens of answers that say how many they took.
pub(crate) const TOKENS: &str = "tokens";
/// What such answers cost in millionths of a dollar, where that is known.
pub(crate) const COST: &str = "cost";

pub(super) const OF_CONVERSATION: [&str; 8] = [
    "channel_id",
    "agent_id",
    "status",
    "priority",
    "handed_over_at",
    "first_response_seconds",
    "resolution_seconds",
    "rating",
];
pub(super) const OF_MESSAGE: [&str; 7] =
    ["channel_id", "agent_id", "direction", "sender", "status", "sent_at", "metadata"];

/// More tokens than any answer takes; what says more was not written by an agent of the house.
const MOST_TOKENS: i64 = 100_000_000;
/// The same of dollars.
const MOST_DOLLARS: f64 = 10_000.0;

/// The channel and the agent, nothing where there is none.
fn place(row: Row<'_>) -> Result<String> {
    let name = |id: Option<Id>| id.map(|id| id.to_string()).unwrap_or_default();
    Ok(format!("{}/{}", name(row.id(OWN)?), name(row.id(OWN + 1)?)))
}

pub(super) fn conversation(row: Row<'_>, parts: &mut Vec<Part>) -> Result<()> {
    let place = place(row)?;
    let made = row.time(MADE)?.unwrap_or_default();
    let (status, priority) = (row.text(OWN + 2)?, row.text(OWN + 3)?);
    let state = format!("{place}/{}/{}", status.unwrap_or_default(), priority.unwrap_or_default());
    parts.push(Part::of(BEGAN, place.as_str()).at(made));
    parts.push(Part::of(STATE, state).at(made));
    if !is_over(status) {
        parts.push(Part::of(OPEN, place.as_str()));
    }
    if !row.is_null(OWN + 4)? {
        parts.push(Part::of(HANDED, place.as_str()).at(made));
    }
    for (measure, at) in [(RESPONSE, OWN + 5), (RESOLUTION, OWN + 6)] {
        if let Some(sum) = row.integer(at)? {
            let key = format!("{place}/{}", bucket(sum));
            parts.push(Part { sum, ..Part::of(measure, key).at(made) });
        }
    }
    if let Some(sum) = row.integer(OWN + 7)? {
        parts.push(Part { sum, ..Part::of(RATING, format!("{place}/{sum}")).at(made) });
    }
    Ok(())
}

/// Whether a conversation with this status is over.
pub(crate) fn is_over(status: Option<&str>) -> bool {
    matches!(status, Some("RESOLVED" | "CLOSED"))
}

pub(super) fn message(row: Row<'_>, parts: &mut Vec<Part>) -> Result<()> {
    let place = place(row)?;
    let at: Time = row.time(OWN + 5)?.or(row.time(MADE)?).unwrap_or_default();
    let (direction, sender) = (row.text(OWN + 2)?, row.text(OWN + 3)?.unwrap_or_default());
    match direction {
        Some(way @ ("INBOUND" | "OUTBOUND")) => {
            parts.push(Part::of(SAID, format!("{place}/{way}/{sender}")).at(at));
        }
        _ => parts.push(Part::of(NOTED, place.as_str()).at(at)),
    }
    if row.text(OWN + 4)? == Some("failed") {
        parts.push(Part::of(FAILED, place.as_str()).at(at));
    }
    let is_agents = sender == "AGENT" && !row.is_null(OWN + 1)?;
    if let Some((tokens, cost)) = row.text(OWN + 6)?.filter(|_| is_agents).and_then(used) {
        if let Some(sum) = cost {
            parts.push(Part { sum, ..Part::of(COST, place.as_str()).at(at) });
        }
        parts.push(Part { sum: tokens, ..Part::of(TOKENS, place).at(at) });
    }
    Ok(())
}

/// How many tokens an answer took, and the millionths of a dollar that they cost, as far as it says.
fn used(metadata: &str) -> Option<(i64, Option<i64>)> {
    let metadata: Json = serde_json::from_str(metadata).ok()?;
    let tokens = metadata.get("tokensUsed")?.as_i64();
    let tokens = tokens.filter(|tokens| (0..=MOST_TOKENS).contains(tokens))?;
    let dollars = metadata.get("cost").and_then(Json::as_f64);
    let dollars = dollars.filter(|dollars| (0.0..=MOST_DOLLARS).contains(dollars));
    #[expect(clippy::cast_possible_truncation, reason = "it is bounded")]
    let cost = dollars.map(|dollars| (dollars * 1_000_000.0).round() as i64);
    Some((tokens, cost))
}

/// The bucket of a duration: each is half as long again as the one before.
fn bucket(seconds: i64) -> u32 {
    let (mut end, mut bucket) = (1_i64, 0);
    while end <= seconds {
        end = end.saturating_add(end / 2 + 1);
        bucket += 1;
        if end == i64::MAX {
            break;
        }
    }
    bucket
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn buckets_grow_by_half() {
        let all: Vec<u32> =
            [0, 1, 2, 3, 4, 5, 7, 8, 60, 3_600, 86_400, i64::MAX].into_iter().map(bucket).collect();
        assert_eq!(all[..8], [0, 1, 2, 2, 3, 3, 4, 4]);
        assert!(all.is_sorted() && all[11] < 110, "{all:?}");
    }

    proptest! {
        #[test]
        fn what_is_in_a_bucket_differs_by_half(seconds in 1_i64..4_000_000_000, more in 0_i64..4_000_000_000) {
            let other = seconds + more;
            if bucket(seconds) == bucket(other) {
                prop_assert!(other <= seconds + seconds / 2 + 1, "{seconds} {other}");
            }
            prop_assert!(bucket(seconds) <= bucket(other));
        }
    }

    #[test]
    fn tokens_and_costs_are_those_that_are_told() {
        assert_eq!(used(r#"{"tokensUsed": 412, "engine": "model"}"#), Some((412, None)));
        assert_eq!(used(r#"{"tokensUsed": 0, "cost": 0}"#), Some((0, Some(0))));
        assert_eq!(used(r#"{"tokensUsed": 9, "cost": 0.000123}"#), Some((9, Some(123))));
        for told in ["-1", "1e9", "\"1\"", "null"] {
            let metadata = format!(r#"{{"tokensUsed": 9, "cost": {told}}}"#);
            assert_eq!(used(&metadata), Some((9, None)), "{told}");
        }
        for told in ["{}", "[]", "x", r#"{"tokensUsed": "7"}"#, r#"{"tokensUsed": -7}"#] {
            assert_eq!(used(told), None, "{told}");
        }
    }
}
