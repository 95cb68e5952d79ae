//! The tables of the CRM.

use kith_records::{
    Object,
    fields::{columns, table},
};
use kith_store::{Migration, Step, Table};

use crate::{
    accounts::ACCOUNT,
    activities::ACTIVITY,
    attachments, base44,
    contacts::CONTACT,
    deals::{self, DEAL},
    duplicates,
    labels::LABEL,
    leads::LEAD,
    notes::NOTE,
    notifications,
    pipelines::{PIPELINE, STAGE},
    products::PRODUCT,
    tasks::TASK,
};

/// Few of what is entered belongs to a deal besides.
const OF_DEALS: &str = "deal_id IS NOT NULL";

/// The first version of every object's table. Once released, a change is a migration of its own.
///
/// Indexes for filters end in the id, by which lists are ordered: without it SQLite would rather walk through all records
/// of the tenant in that order.
#[expect(clippy::too_many_lines, reason = "a list of declarations")]
pub fn migrations() -> Vec<Migration> {
    let tables = [
        of(&ACCOUNT)
            .index(&["name_folded", "id"])
            .index(&["owner_id", "id"])
            .index(&["parent_id", "id"]),
        of(&CONTACT)
            .index(&["name_folded", "id"])
            .index(&["email_folded", "id"])
            .index(&["address_city_folded", "id"])
            .index(&["account_id", "id"])
            .index(&["owner_id", "id"]),
        of(&LEAD)
            .index(&["name_folded", "id"])
            .index(&["email_folded", "id"])
            .index(&["status", "id"])
            .index(&["owner_id", "id"]),
        of(&PRODUCT).index(&["name_folded", "id"]),
        of(&PIPELINE),
        of(&STAGE).index(&["pipeline_id", "position"]),
        of(&DEAL)
            .index(&["stage_id", "id"])
            .index(&["pipeline_id", "stage_id", "currency"])
            .index(&["status", "expected_close_date"])
            .index(&["status", "updated_at", "id"])
            .index(&["account_id", "id"])
            .index(&["contact_id", "id"])
            .index(&["owner_id", "id"]),
        activities(),
        of(&TASK)
            .index(&["related_id", "id"])
            .index_where(&["deal_id", "id"], OF_DEALS)
            .index(&["owner_id", "due_at", "id"])
            .index(&["due_at", "id"]),
        of(&NOTE).index(&["related_id", "id"]).index_where(&["deal_id", "id"], OF_DEALS),
        of(&LABEL).index(&["name_folded"]),
    ];
    let name = "2026-11-21-crm";
    let objects = Migration { name, steps: tables.into_iter().map(Step::Create).collect() };
    vec![
        objects,
        deals::migration(),
        notifications::migration(),
        duplicates::migration(),
        base44::migration(),
        attachments::migration(),
    ]
}

/// Found by their days as well, for calendars.
fn activities() -> Table {
    of(&ACTIVITY)
        .index(&["related_id", "id"])
        .index_where(&["deal_id", "id"], OF_DEALS)
        .index(&["owner_id", "due_at", "id"])
        .index(&["starts_at", "id"])
        .index(&["due_at", "id"])
}

fn of(object: &Object) -> Table {
    table(object.plural, columns(object.fields))
}
