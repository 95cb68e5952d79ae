//! The table of invites.

use kith_store::{Migration, Step, Table, bytes, id, text, time};

pub(crate) fn migration() -> Migration {
    let invites = Table::of_tenant(
        "invites",
        vec![
            text("email").required(),
            text("role").required(),
            bytes("token_hash").required(),
            id("invited_by").references("anchors"),
            time("expires_at").required(),
            time("accepted_at"),
            time("revoked_at"),
            time("created_at").required(),
        ],
    )
    .index(&["email"])
    .stays();
    Migration { name: "2026-11-21-identity-7-invites", steps: vec![Step::Create(invites)] }
}
