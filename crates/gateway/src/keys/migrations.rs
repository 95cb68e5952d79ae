//! The tables of provider keys.

use kith_store::{Migration, Step, Table, bool, bytes, id, text, time};

/// The tables of provider keys.
pub fn migration() -> Migration {
    let keys = Table::of_tenant(
        "provider_keys",
        vec![
            text("service").required(),
            id("member_id").references("anchors"),
            bytes("secret").required(),
            text("hint").required(),
            id("created_by").references("anchors"),
            time("created_at").required(),
            time("updated_at").required(),
            time("last_used_at"),
        ],
    )
    .unique_where(&["service"], "member_id IS NULL")
    .unique_where(&["member_id", "service"], "member_id IS NOT NULL")
    .stays();
    let settings = Table::of_tenant_keyed(
        "provider_key_settings",
        &["name"],
        vec![text("name").required(), bool("own_keys").required()],
    );
    Migration {
        name: "2026-11-26-gateway-1-provider-keys",
        steps: vec![Step::Create(keys), Step::Create(settings)],
    }
}
