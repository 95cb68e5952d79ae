//! The table of calendar feeds.

use kith_store::{Migration, Step, Table, bytes, id, text, time};

pub(crate) fn migration() -> Migration {
    let feeds = Table::of_tenant(
        "calendar_feeds",
        vec![
            text("name").required(),
            bytes("token_hash").required(),
            id("member_id").required().references("anchors"),
            time("revoked_at"),
            time("created_at").required(),
        ],
    )
    .index(&["member_id", "id"])
    .stays();
    Migration { name: "2026-11-21-identity-9-calendar-feeds", steps: vec![Step::Create(feeds)] }
}
