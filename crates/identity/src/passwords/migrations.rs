//! The table of password resets.

use kith_store::{Migration, Step, Table, bytes, id, time};

pub(crate) fn migration() -> Migration {
    let resets = Table::of_platform(
        "password_resets",
        &["token_hash"],
        vec![
            bytes("token_hash").required(),
            id("user_id").required().references("users"),
            time("expires_at").required(),
            time("used_at"),
        ],
    )
    .index(&["user_id", "expires_at"])
    .index(&["expires_at"]);
    Migration { name: "2026-11-21-identity-6-passwords", steps: vec![Step::Create(resets)] }
}
