//! The table of API keys.

use kith_store::{Migration, Step, Table, bytes, id, integer, json, text, time};

pub(crate) fn migration() -> Migration {
    let keys = Table::of_tenant(
        "api_keys",
        vec![
            text("name").required(),
            text("prefix").required(),
            bytes("key_hash").required(),
            json("scopes").required(),
            text("role").required(),
            id("member_id").required().references("anchors"),
            integer("requests_per_minute"),
            time("expires_at"),
            time("revoked_at"),
            time("last_used_at"),
            time("created_at").required(),
        ],
    )
    .stays();
    Migration { name: "2026-11-21-identity-8-api-keys", steps: vec![Step::Create(keys)] }
}
