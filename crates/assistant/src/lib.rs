//! The AI engines: each has a local form that needs no model, and one that asks a model.

pub mod agents;
mod chat;
pub mod engines;
mod model;
mod serve;
mod served;

use std::sync::Arc;

pub use chat::forget_member;

use kith_gateway::Gateway;
use kith_http::{Routes, Streams};
use kith_platform::jobs::Registry;
use kith_records::{
    Object, Records,
    import::{Imports, object_route},
    object_routes,
};
use kith_store::Migration;
use serde_json::Value as Json;

/// Every object of the assistant.
pub const OBJECTS: [&Object; 1] = [&agents::AGENT];

/// What the engines are served with.
pub struct Assistant {
    gateway: Arc<Gateway>,
    records: Arc<Records>,
    streams: Arc<Streams>,
}

impl Assistant {
    /// Over models and records.
    pub fn new(gateway: &Arc<Gateway>, records: &Arc<Records>) -> Arc<Self> {
        Arc::new(Self {
            gateway: Arc::clone(gateway),
            records: Arc::clone(records),
            streams: chat::streams(),
        })
    }
}

/// The routes of all engines.
pub fn routes(assistant: &Arc<Assistant>, imports: &Imports) -> Routes {
    let common = OBJECTS.iter().fold(Routes::new(), |routes, object| {
        routes.and(object_routes(&assistant.records, object)).and(object_route(imports, object))
    });
    common.and(served::routes(assistant)).and(chat::routes(assistant))
}

/// The named schemas that they answer with.
pub fn schemas() -> Vec<(String, Json)> {
    let mut all = served::schemas();
    all.extend(chat::schemas());
    all
}

/// Its tables.
pub fn migrations() -> Vec<Migration> {
    vec![chat::migration(), agents::migration()]
}

/// Says who does its jobs.
pub fn register(registry: Registry, assistant: &Arc<Assistant>) -> Registry {
    chat::register(registry, assistant)
}
