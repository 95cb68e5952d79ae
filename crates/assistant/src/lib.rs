//! The AI engines: each has a local form that needs no model, and one that asks a model.

pub mod engines;
mod model;
mod serve;
mod served;

use std::sync::Arc;

use kith_gateway::Gateway;
use kith_http::Routes;
use kith_records::Records;
use serde_json::Value as Json;

/// What the engines are served with.
pub struct Assistant {
    gateway: Arc<Gateway>,
    records: Arc<Records>,
}

impl Assistant {
    /// Over models and records.
    pub fn new(gateway: &Arc<Gateway>, records: &Arc<Records>) -> Arc<Self> {
        Arc::new(Self { gateway: Arc::clone(gateway), records: Arc::clone(records) })
    }
}

/// The routes of all engines.
pub fn routes(assistant: &Arc<Assistant>) -> Routes {
    served::routes(assistant)
}

/// The named schemas that they answer with.
pub fn schemas() -> Vec<(String, Json)> {
    served::schemas()
}
