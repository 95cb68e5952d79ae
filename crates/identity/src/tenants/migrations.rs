//! The tables of tenants and memberships.

use kith_store::{Migration, Step, Table, id, text, time};

pub(crate) fn migration() -> Migration {
    let tenants = Table::of_platform(
        "tenants",
        &["id"],
        vec![
            id("id").required(),
            text("name").required(),
            text("slug").required(),
            text("currency").required(),
            text("timezone").required(),
            text("status").required(),
            time("created_at").required(),
            time("updated_at").required(),
            time("deleted_at"),
            // Its rows are on their way in since then; it is opened when they are all there.
            time("arriving_since"),
        ],
    )
    .unique(&["slug"]);
    let memberships = Table::of_platform(
        "memberships",
        &["user_id", "tenant_id"],
        vec![
            id("user_id").required().references("users"),
            id("tenant_id").required().references("tenants"),
            id("member_id").required(),
            time("created_at").required(),
        ],
    )
    .index(&["tenant_id"])
    .clustered();
    Migration {
        name: "2026-11-21-identity-2-tenants",
        steps: vec![Step::Create(tenants), Step::Create(memberships)],
    }
}
