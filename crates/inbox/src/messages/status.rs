//! What becomes of a message on the way: its states only move forward.

use kith_kernel::{Id, Result, Time};
use kith_platform::Ctx;
use kith_records::{Change, Desk, Manner, Record, Records};
use kith_store::{Condition, Select, Write};
use serde::Deserialize;
use serde_json::json;

use super::MESSAGE;

/// How far a state is on the way.
fn rank(status: &str) -> u8 {
    match status {
        "queued" => 1,
        "sending" => 2,
        "inDoubt" => 3,
        "failed" => 4,
        "sent" => 5,
        "delivered" => 6,
        "read" => 7,
        _ => 0,
    }
}

/// Whether a message of one state may come to have another.
pub(crate) fn is_forward(from: &str, to: &str) -> bool {
    match (from, to) {
        // Tried again, or taken back by a member; or lost behind the far side.
        ("sending" | "failed" | "inDoubt", "queued") | ("sent", "failed") => true,
        // What arrived was not lost.
        ("delivered" | "read", "failed") => false,
        _ => rank(to) > rank(from),
    }
}

/// Notes when a state was reached.
pub(super) fn settle(desk: Desk<'_>, change: &mut Change) {
    if !change.changes("status") {
        return;
    }
    let now = json!(desk.ctx.now());
    match change.text("status") {
        Some("delivered") if change.get("deliveredAt").is_none() => change.set("deliveredAt", now),
        Some("read") if change.get("readAt").is_none() => change.set("readAt", now),
        _ => {}
    }
}

/// What the far side tells of a message.
#[derive(Debug, Clone)]
pub(crate) struct Progress {
    pub(crate) status: &'static str,
    pub(crate) at: Option<Time>,
    pub(crate) error: Option<String>,
}

#[derive(Deserialize)]
struct Row {
    id: Id,
    status: Option<String>,
}

/// Moves a message forward by what its far side tells; what would move it back is passed over. A message of which the far
/// side's name is not known yet is found by its own id, where that was given back: then it was sent.
pub(crate) async fn told(
    records: &Records,
    (ctx, db): (&Ctx, &Write),
    (channel, source, callback): (Id, &str, Option<Id>),
    progress: &Progress,
) -> Result<()> {
    let of_channel = || Select::from(MESSAGE.plural).whose("channel_id", channel);
    if let Some(row) = db.first::<Row>(of_channel().whose("source_id", source.to_owned())).await? {
        let from = row.status.as_deref().unwrap_or("sent");
        return moved(records, (ctx, db), (row.id, from), progress).await.map(drop);
    }
    let Some(callback) = callback else { return Ok(()) };
    let select = of_channel().whose("id", callback).only(Condition::Null("source_id"));
    let Some(row) = db.first::<Row>(select).await? else { return Ok(()) };
    let named = Record::from_iter([("sourceId".to_owned(), json!(source))]);
    records.update(ctx, db, &MESSAGE, (row.id, named, Manner::HOUSE_KNOWS)).await?;
    let from = row.status.as_deref().unwrap_or("sent");
    moved(records, (ctx, db), (row.id, from), progress).await.map(drop)
}

/// The same, of a message that is known.
pub(crate) async fn moved(
    records: &Records,
    (ctx, db): (&Ctx, &Write),
    (id, from): (Id, &str),
    progress: &Progress,
) -> Result<bool> {
    if !is_forward(from, progress.status) {
        return Ok(false);
    }
    let mut changes = Record::from_iter([("status".to_owned(), json!(progress.status))]);
    let key = match progress.status {
        "delivered" => Some("deliveredAt"),
        "read" => Some("readAt"),
        _ => None,
    };
    if let (Some(key), Some(at)) = (key, progress.at) {
        changes.insert(key.to_owned(), json!(at));
    }
    if let Some(error) = &progress.error {
        changes.insert("error".to_owned(), json!(error));
    }
    records.update(ctx, db, &MESSAGE, (id, changes, Manner::HOUSE_KNOWS)).await?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [&str; 4] = ["sent", "delivered", "read", "failed"];

    proptest! {
        #[test]
        fn whatever_order_they_come_in_the_furthest_stays(order in proptest::collection::vec(0..3_usize, 1..12)) {
            let mut status = "sending";
            for at in &order {
                if is_forward(status, ALL[*at]) {
                    status = ALL[*at];
                }
            }
            let furthest = order.iter().max().map(|at| ALL[*at]);
            prop_assert_eq!(Some(status), furthest);
        }
    }

    #[test]
    fn what_arrived_was_not_lost() {
        assert!(!is_forward("delivered", "failed"));
        assert!(!is_forward("read", "delivered"));
        assert!(is_forward("sent", "failed"));
        assert!(is_forward("inDoubt", "sent"));
        assert!(!is_forward("sent", "sent"));
    }
}
