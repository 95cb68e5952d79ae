//! Traces: what events tell of records, in the order in which it happened to each.

use std::collections::HashMap;

use kith_kernel::{Id, Result, Time};
use kith_platform::events::Stored;
use kith_store::{Comparison, Condition, Read, Select, Value};
use serde::Deserialize;

use crate::describe::{Object, Record, What};

/// One change of a record.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) event: Id,
    pub(crate) what: What,
    pub(crate) batch: Option<Id>,
    pub(crate) at: Time,
    pub(crate) member: Option<Id>,
    pub(crate) user: Option<Id>,
    /// The version that it led to, by which changes of several nodes are in order.
    pub(crate) version: i64,
    pub(crate) before: Record,
    pub(crate) after: Record,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Changes {
    before: Record,
    after: Record,
}

/// The names of the events that say what happened to a record of an object.
pub(crate) fn names(object: &Object) -> [String; 4] {
    [What::Created, What::Updated, What::Deleted, What::Restored]
        .map(|what| format!("{}.{}", object.name, what.name()))
}

/// What happened, by the name of an event.
pub(crate) fn what(name: &str) -> Option<What> {
    let (_, verb) = name.split_once('.')?;
    [What::Created, What::Updated, What::Deleted, What::Restored]
        .into_iter()
        .find(|what| what.name() == verb)
}

fn step(event: &Stored) -> Option<(Id, Step)> {
    let what = what(&event.name)?;
    let changes = event.changes.as_deref().and_then(|text| serde_json::from_str(text).ok());
    let Changes { before, after } = changes.unwrap_or_default();
    let version = |record: &Record| record.get("version").and_then(serde_json::Value::as_i64);
    let version = match what {
        What::Deleted => version(&before).map(|version| version + 1),
        What::Created | What::Updated | What::Restored => version(&after),
    };
    let step = Step {
        event: event.id,
        what,
        batch: event.batch_id,
        at: event.at,
        member: event.member_id,
        user: event.user_id,
        version: version.unwrap_or_default(),
        before,
        after,
    };
    Some((event.record_id?, step))
}

/// The changes of records whose events are not older than an id, the oldest first.
pub(crate) async fn steps(
    db: &Read,
    object: &Object,
    (records, since): (&[Id], Option<Id>),
) -> Result<HashMap<Id, Vec<Step>>> {
    let mut found: HashMap<Id, Vec<Step>> = HashMap::new();
    if records.is_empty() {
        return Ok(found);
    }
    let ids = records.iter().copied().map(Value::from).collect();
    let named = names(object).into_iter().map(Value::from).collect();
    let mut select = Select::from("events")
        .only(Condition::In("record_id", ids))
        .only(Condition::In("name", named));
    if let Some(since) = since {
        select = select.only(Condition::Compare("id", Comparison::GreaterOrEqual, since.into()));
    }
    let events: Vec<Stored> = db.all(select.by("id", false)).await?;
    for (record, step) in events.iter().filter_map(step) {
        found.entry(record).or_default().push(step);
    }
    for steps in found.values_mut() {
        steps.sort_by_key(|step| (step.version, step.event));
    }
    Ok(found)
}
