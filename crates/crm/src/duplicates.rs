//! Duplicates: records that are one person or one company, found on writing and among all.

mod check;
mod entity;
mod exact;
mod groups;
mod kept;
mod keys;
mod nicknames;
mod pairs;
mod scan;
mod score;
mod settings;
mod sketch;
mod words;

use std::sync::Arc;

use kith_http::Routes;
use kith_kernel::{Id, Result};
use kith_platform::jobs::Registry;
use kith_records::{Desk, Record, Records};
use kith_store::Migration;
use serde_json::Value as Json;

pub(crate) use kept::keep;

pub(crate) fn migration() -> Migration {
    let mut steps = vec![kept::table(), settings::table()];
    steps.extend(scan::tables());
    Migration { name: "2026-11-21-crm-duplicates", steps }
}

pub(crate) fn routes(records: &Arc<Records>) -> Routes {
    check::routes(records)
        .and(settings::routes(records))
        .and(exact::routes(records))
        .and(scan::routes(records))
        .and(groups::routes(records))
}

pub(crate) fn schemas() -> Vec<(String, Json)> {
    let mut all = check::schemas();
    all.extend(settings::schemas());
    all.extend(exact::schemas());
    all.extend(scan::schemas());
    all.extend(groups::schemas());
    all
}

pub(crate) fn register(registry: Registry) -> Registry {
    scan::register(registry)
}

/// Records that may be the same as a new one.
pub(crate) async fn warnings(
    desk: Desk<'_>,
    object: &str,
    record: (Id, &Record),
) -> Result<Vec<Json>> {
    let Some(entity) = entity::Entity::of(object) else { return Ok(Vec::new()) };
    check::warnings((desk.records, desk.ctx, desk.db), entity, record).await
}
