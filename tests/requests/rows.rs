//! What no request makes as the tests need it: rows, written as they would stand.

use kith_kernel::Id;
use kith_store::Insert;

use crate::{client::Client, world::World};

/// An import of a tenant that was asked for, and gets no further.
pub(super) async fn a_bundle_import(world: &World, owner: &Client) -> String {
    let tenant = owner.get("/api/auth/me").await.json["tenant"]["id"].clone();
    let ctx = world.app.as_system(tenant.as_str().unwrap().parse().unwrap());
    let id = ctx.new_id();
    let cells = vec![
        ("id", id.into()),
        ("state", "queued".into()),
        ("file_id", id.into()),
        ("file_name", "a.kithtenant".into()),
        ("done", 0_i64.into()),
        ("created_at", ctx.now().into()),
    ];
    ctx.write(async |db| db.insert(Insert::row("bundle_imports", cells)).await).await.unwrap();
    id.to_string()
}

/// A delivery of a channel of which nothing could be taken in.
pub(super) async fn a_delivery(world: &World, owner: &Client, channel: &str) -> String {
    let tenant = owner.get("/api/auth/me").await.json["tenant"]["id"].clone();
    let ctx = world.app.as_system(tenant.as_str().unwrap().parse().unwrap());
    let (id, channel) = (ctx.new_id(), channel.parse::<Id>().unwrap());
    let cells = vec![
        ("id", id.into()),
        ("channel_id", channel.into()),
        ("digest", id.as_bytes().to_vec().into()),
        ("body", "{}".into()),
        ("state", "done".into()),
        ("progress", 1_i64.into()),
        ("failures", 1_i64.into()),
        ("error", "0: a message names nobody".into()),
        ("failed", "[0]".into()),
        ("bytes", 2_i64.into()),
        ("received_at", ctx.now().into()),
    ];
    ctx.write(async |db| db.insert(Insert::row("inbound_deliveries", cells)).await).await.unwrap();
    id.to_string()
}
