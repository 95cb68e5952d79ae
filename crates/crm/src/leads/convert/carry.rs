//! Custom fields of a lead: those that its contact, account and deal have as well go there, the others stay.

use kith_kernel::{
    Id, Result,
    text::{camel_case, fold},
};
use kith_records::{Desk, Object, Record};
use serde_json::Value as Json;

use crate::leads::LEAD;

/// What a new record takes over besides what the caller gave it, in whatever form that was given.
pub(super) async fn besides(
    desk: Desk<'_>,
    (lead, kind): (Id, &'static Object),
    given: &Record,
) -> Result<Record> {
    let mut carried = desk.records.carried(desk.ctx, desk.db, (&LEAD, lead), kind).await?;
    let inside = given.get("custom").and_then(Json::as_object);
    carried.retain(|key, _| {
        let name = key.strip_prefix("custom.").unwrap_or(key);
        let is_given = |known: &String| known == key || known == name || camel_case(known) == name;
        !given.keys().any(is_given) && !inside.is_some_and(|inside| inside.contains_key(name))
    });
    Ok(carried)
}

/// What a record that is there takes over: where it has nothing itself.
pub(super) async fn lacking(
    desk: Desk<'_>,
    (lead, kind): (Id, &'static Object),
    known: &Record,
) -> Result<Record> {
    let mut carried = desk.records.carried(desk.ctx, desk.db, (&LEAD, lead), kind).await?;
    carried.retain(|key, _| value(known, key.strip_prefix("custom.").unwrap_or(key)).is_none());
    Ok(carried)
}

/// The custom fields of the lead whose values none of the others has.
pub(super) fn kept(lead: &Record, others: &[&Record]) -> Vec<String> {
    let own = lead.get("custom").and_then(Json::as_object);
    let names = own.into_iter().flat_map(|own| own.keys());
    let is_kept = |name: &&String| {
        // Words of a list may be written otherwise elsewhere.
        let folded =
            |record| value(record, name).map(|value| fold(&value.to_string()).into_owned());
        let here = folded(lead);
        here.is_some() && !others.iter().any(|other| folded(other) == here)
    };
    names.filter(is_kept).map(|name| format!("custom.{name}")).collect()
}

fn value<'a>(record: &'a Record, name: &str) -> Option<&'a Json> {
    record.get("custom")?.get(name).filter(|value| !value.is_null())
}
