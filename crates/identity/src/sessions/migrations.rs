//! The tables of sessions and their refresh tokens.

use kith_store::{Migration, Step, Table, bytes, id, text, time};

pub(crate) fn migration() -> Migration {
    let sessions = Table::of_platform(
        "sessions",
        &["id"],
        vec![
            id("id").required(),
            id("user_id").required().references("users"),
            id("tenant_id"),
            id("member_id"),
            time("created_at").required(),
            time("last_used_at").required(),
            time("expires_at").required(),
            time("revoked_at"),
            text("address"),
            text("agent"),
        ],
    )
    .index(&["user_id"])
    .index(&["expires_at"]);
    // A token keeps the tenant it was given for: two tabs may stand in two tenants, in one session.
    let tokens = Table::of_platform(
        "refresh_tokens",
        &["token_hash"],
        vec![
            bytes("token_hash").required(),
            id("session_id").required().references("sessions"),
            id("tenant_id"),
            time("created_at").required(),
            time("used_at"),
            time("expires_at").required(),
        ],
    )
    .index(&["session_id"])
    .index(&["expires_at"])
    .clustered();
    Migration {
        name: "2026-11-21-identity-4-sessions",
        steps: vec![Step::Create(sessions), Step::Create(tokens)],
    }
}
