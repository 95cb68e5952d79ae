//! What identity tells the event log.

use kith_kernel::{Id, Result};
use kith_platform::{
    Ctx,
    events::{Event, append},
};
use kith_store::Write;
use serde_json::Value;

/// Notes what happened (`session.created`) to what, in the transaction of it. Never with a secret in it.
pub(crate) fn note(
    ctx: &Ctx,
    db: &Write,
    name: &'static str,
    (record, changes): (Option<Id>, Value),
) -> Result<()> {
    let object = name.split('.').next().unwrap_or(name);
    let changes = (!changes.is_null()).then(|| changes.to_string());
    append(ctx, db, Event { name: name.to_owned(), object, record, changes, batch: None }).map(drop)
}
