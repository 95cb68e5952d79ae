//! Reports and analytics: rollups kept by a reader of events, dashboards, data quality, CSV and PDF of them.

mod analytics;
mod answers;
mod ask;
mod calendar;
mod dashboard;
mod export;
mod figures;
mod links;
mod quality;
mod rollups;
mod routes;

use std::sync::Arc;

use kith_http::Routes;
use kith_records::Records;
use serde_json::Value as Json;

pub use rollups::{migrations, reader};

/// Every operation of reports and analytics.
pub fn routes(records: &Arc<Records>) -> Routes {
    routes::routes(records).and(analytics::routes())
}

/// The named schemas of their answers.
pub fn schemas() -> Vec<(String, Json)> {
    let mut all = answers::schemas();
    all.extend(analytics::schemas());
    all
}
