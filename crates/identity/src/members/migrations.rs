//! The table of members, which the records engine describes as an object: its columns are those of any record.

use kith_store::{Migration, Step, Table, id, integer, json, text, time};

pub(crate) fn migration() -> Migration {
    let members = Table::of_tenant(
        "members",
        vec![
            text("name").required(),
            text("name_folded"),
            text("email"),
            text("email_folded"),
            text("phone"),
            text("phone_folded"),
            text("job_title"),
            text("job_title_folded"),
            id("manager_id").references("anchors"),
            text("regional_office"),
            text("regional_office_folded"),
            text("timezone"),
            text("timezone_folded"),
            text("role").required().default("'member'"),
            text("status").required().default("'active'"),
            id("user_id"),
            text("external_id"),
            text("external_id_folded"),
            integer("version").required(),
            time("created_at").required(),
            time("updated_at").required(),
            id("created_by").references("anchors"),
            time("deleted_at"),
            id("batch_id"),
            json("custom"),
        ],
    )
    .unique_where(&["external_id_folded"], "external_id_folded IS NOT NULL AND deleted_at IS NULL")
    .index(&["user_id"])
    .index(&["name_folded"]);
    Migration { name: "2026-11-21-identity-3-members", steps: vec![Step::Create(members)] }
}
