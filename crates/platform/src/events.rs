//! The event log: one row for each change, written in the transaction of the change and never changed again.

mod digest;
mod erase;
pub mod order;
pub mod readers;
mod seal;
mod verify;

use kith_kernel::{Id, Result, Time};
use kith_store::{Insert, Migration, Step, Table, Write, bytes, id, integer, text, time};
use serde::Deserialize;

pub use erase::erase;
pub use seal::{Sealer, seal_all};
pub use verify::{Broken, Damage, Head, Verdict, verify};

use crate::Ctx;

/// What happened to something.
#[derive(Debug)]
pub struct Event<'a> {
    /// `deal.updated`, `session.created`, `export.started`: the object and what happened to it.
    pub name: String,
    /// The object's name, such as `deal`.
    pub object: &'a str,
    /// The record, when it is about one.
    pub record: Option<Id>,
    /// What changed, as JSON: `{"before": {…}, "after": {…}}` with the changed fields alone.
    pub changes: Option<String>,
    /// The import, bulk change or merge that it is part of.
    pub batch: Option<Id>,
}

/// An event as it is stored.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Stored {
    /// The event's own id.
    pub id: Id,
    /// What happened.
    pub name: String,
    /// To which kind of object.
    pub object: String,
    /// To which record.
    pub record_id: Option<Id>,
    /// The member who did it.
    pub member_id: Option<Id>,
    /// The user who did it.
    pub user_id: Option<Id>,
    /// The session or API key they came by.
    pub credential_id: Option<Id>,
    /// `session`, `key` or `system`.
    pub via: String,
    /// The address they came from.
    pub address: Option<String>,
    /// The request it belongs to.
    pub request_id: Option<Id>,
    /// The import, bulk change or merge that it is part of.
    pub batch_id: Option<Id>,
    /// When.
    pub at: Time,
    /// What changed, as JSON.
    pub changes: Option<String>,
}

/// Writes an event, in the transaction of what it tells of.
pub fn append(ctx: &Ctx, db: &Write, event: Event<'_>) -> Result<Id> {
    let id = ctx.new_id();
    let actor = &ctx.actor;
    let via = match actor.via {
        kith_kernel::Via::Session => "session",
        kith_kernel::Via::Key => "key",
        kith_kernel::Via::System => "system",
        kith_kernel::Via::Assistant => "assistant",
    };
    db.append(Insert::row(
        "events",
        vec![
            ("id", id.into()),
            ("name", event.name.into()),
            ("object", event.object.into()),
            ("record_id", event.record.into()),
            ("member_id", actor.member.into()),
            ("user_id", actor.user.into()),
            ("credential_id", actor.credential.into()),
            ("via", via.into()),
            ("address", actor.address.map(|address| address.to_string()).into()),
            ("request_id", actor.request.into()),
            ("batch_id", event.batch.or(ctx.batch).into()),
            ("at", ctx.now().into()),
            ("changes", event.changes.into()),
        ],
    ))?;
    let outside = db.everywhere("events wait for the sealer in a table of the installation");
    outside.append(Insert::row(
        "unsealed_events",
        vec![("tenant_id", actor.tenant.into()), ("event_id", id.into())],
    ))?;
    Ok(id)
}

pub(crate) fn migration() -> Migration {
    let unsealed = Table::of_platform(
        "unsealed_events",
        &["tenant_id", "event_id"],
        vec![id("tenant_id").required(), id("event_id").required()],
    )
    .clustered();
    let [order, salts] = chain();
    Migration {
        name: "2026-11-21-events",
        steps: vec![
            Step::Create(events()),
            Step::Create(order),
            Step::Create(salts),
            Step::Create(unsealed),
        ],
    }
}

fn events() -> Table {
    let columns = vec![
        text("name").required(),
        text("object").required(),
        id("record_id"),
        id("member_id"),
        id("user_id"),
        id("credential_id"),
        text("via").required(),
        text("address"),
        id("request_id"),
        id("batch_id"),
        time("at").required(),
        text("changes"),
    ];
    Table::of_tenant("events", columns)
        .index(&["record_id", "id"])
        .index_where(&["batch_id", "id"], "batch_id IS NOT NULL")
        .append_only()
        .erasable("changes")
}

/// The order of events, and the salts of its digests. Salts have a table of their own because they alone must be
/// erasable: the order stays append-only, so that whoever has no more rights than the server cannot rewrite the chain.
fn chain() -> [Table; 2] {
    let entry = vec![
        integer("sequence").required(),
        id("event_id").required(),
        bytes("digest").required(),
        bytes("hash").required(),
    ];
    let order = Table::of_tenant_keyed("event_order", &["sequence"], entry);
    let salt = vec![id("event_id").required(), bytes("salt").required()];
    let salts = Table::of_tenant_keyed("event_salts", &["event_id"], salt);
    // Whoever takes events elsewhere has them sealed anew there.
    [order.unique(&["event_id"]).append_only().clustered().stays(), salts.clustered().stays()]
}
