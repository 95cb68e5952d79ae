//! Telling: one row in the event log for each change, with what changed, from what to what.

use kith_kernel::{Result, internal};
use kith_platform::{
    Ctx,
    events::{self, Event},
};
use kith_store::Write;
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::Value as Json;

use crate::{
    custom::CustomField,
    describe::{Change, Object, Record, What, value_of},
};

/// Bytes that most changes fit into.
const USUAL_SIZE: usize = 1_024;

/// The changed fields alone, as they were and as they are.
#[derive(Default, Serialize)]
struct Difference<'a> {
    #[serde(skip_serializing_if = "Fields::is_empty")]
    before: Fields<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<Fields<'a>>,
}

/// Fields of a record that is not copied for it.
#[derive(Default)]
struct Fields<'a> {
    built_in: Vec<(&'a str, &'a Json)>,
    custom: Vec<(&'a CustomField, &'a Json)>,
}

/// What is told: a change, the custom fields that it changes, and what all of them were.
pub(super) struct Told<'a> {
    pub(super) change: &'a Change,
    pub(super) custom: &'a [(&'a CustomField, Json)],
    pub(super) was: &'a Record,
}

impl Fields<'_> {
    fn is_empty(&self) -> bool {
        self.built_in.is_empty() && self.custom.is_empty()
    }
}

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (key, value) in &self.built_in {
            map.serialize_entry(key, value)?;
        }
        for (field, value) in &self.custom {
            map.serialize_entry(&format!("custom.{}", field.name), value)?;
        }
        map.end()
    }
}

/// Writes what a change says of the fields into the event log.
pub(super) fn tell(ctx: &Ctx, db: &Write, object: &'static Object, told: &Told<'_>) -> Result<()> {
    let mut changes = Vec::with_capacity(USUAL_SIZE);
    let unfit = |error| internal("a change cannot be written").caused_by(error);
    serde_json::to_writer(&mut changes, &difference(told)).map_err(unfit)?;
    let change = told.change;
    let event = Event {
        name: format!("{}.{}", object.name, change.what.name()),
        object: object.name,
        record: Some(change.id),
        changes: String::from_utf8(changes).ok(),
        batch: None,
    };
    events::append(ctx, db, event).map(drop)
}

fn difference<'a>(told: &Told<'a>) -> Difference<'a> {
    const GONE: &Json = &Json::Null;
    let change = told.change;
    let custom = || told.custom.iter().map(|(field, value)| (*field, value)).collect();
    let old = |field: &CustomField| told.was.get(&field.id.to_string());
    let mut difference = Difference::default();
    let mut is = Vec::new();
    let Some(was) = &change.before else {
        is.extend(pairs(&change.after).filter(|(key, _)| *key != "updatedAt"));
        difference.after = Some(Fields { built_in: is, custom: custom() });
        return difference;
    };
    let were = told.custom.iter().map(|(field, _)| (*field, old(field)));
    if change.what == What::Deleted {
        let were = were.filter_map(|(field, value)| Some((field, value?)));
        difference.before.custom = were.collect();
        difference.before.built_in.extend(pairs(was));
        return difference;
    }
    for key in was.keys().chain(change.after.keys().filter(|key| value_of(was, key).is_none())) {
        let (old, new) = (value_of(was, key), value_of(&change.after, key));
        if old != new && key != "updatedAt" {
            difference.before.built_in.push((key, old.unwrap_or(GONE)));
            is.push((key.as_str(), new.unwrap_or(GONE)));
        }
    }
    difference.before.custom = were.map(|(field, value)| (field, value.unwrap_or(GONE))).collect();
    difference.after = Some(Fields { built_in: is, custom: custom() });
    difference
}

fn pairs(record: &Record) -> impl Iterator<Item = (&str, &Json)> {
    record.iter().map(|(key, value)| (key.as_str(), value))
}
