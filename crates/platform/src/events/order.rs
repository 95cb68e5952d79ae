//! The order of a tenant's events, for those who read along without a place of their own in the database.

use kith_kernel::{Id, Result};
use kith_store::{Comparison, Condition, Read, Select};
use serde::Deserialize;

use super::{Stored, seal};

/// A place in the order, and what happened there.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed {
    /// The place, counted from 1 in each tenant without gaps.
    pub sequence: i64,
    /// The event; none where it is gone.
    pub event: Option<Stored>,
}

#[derive(Deserialize)]
pub(super) struct Entry {
    pub(super) sequence: i64,
    pub(super) event_id: Id,
}

/// The next places behind one, so many at most.
pub(super) async fn entries(db: &Read, sequence: i64, most: usize) -> Result<Vec<Entry>> {
    let behind = Condition::Compare("sequence", Comparison::Greater, sequence.into());
    let select = Select::from("event_order").only(behind).by("sequence", false);
    db.all(select.at_most(most as u64)).await
}

/// The next events behind a place, so many at most.
pub async fn after(db: &Read, sequence: i64, most: usize) -> Result<Vec<Placed>> {
    let entries = entries(db, sequence, most).await?;
    if entries.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Id> = entries.iter().map(|entry| entry.event_id).collect();
    let mut events = seal::events(db, &ids).await?;
    let placed =
        |entry: Entry| Placed { sequence: entry.sequence, event: events.remove(&entry.event_id) };
    Ok(entries.into_iter().map(placed).collect())
}

/// The last place there is; 0 before the first event.
pub async fn latest(db: &Read) -> Result<i64> {
    let mut latest = 0;
    let select = Select::from("event_order").show(&["sequence"]).by("sequence", true).at_most(1);
    db.each(&select, |row| {
        latest = row.integer(0)?.unwrap_or_default();
        Ok(())
    })
    .await?;
    Ok(latest)
}
