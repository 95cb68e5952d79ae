//! The AI engines: each has a local form that needs no model, and one that asks a model.

pub mod agents;
mod chat;
mod documents;
pub mod engines;
pub mod extract;
mod knowledge;
pub mod live;
mod model;
mod serve;
mod served;

use std::sync::Arc;

pub use chat::forget_member;
pub use documents::{DOCUMENT, Documents};
pub use knowledge::{ENOUGH, Found, Knowledge, Mode, Passage, Wanted, Weights};

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

/// The objects of this room.
pub const OBJECTS: [&Object; 2] = [&agents::AGENT, &DOCUMENT];

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

/// The routes of all engines, of the assistant, of agents and of documents.
pub fn routes(assistant: &Arc<Assistant>, documents: &Arc<Documents>, imports: &Imports) -> Routes {
    served::routes(assistant)
        .and(chat::routes(assistant))
        .and(documents::routes(documents))
        .and(object_routes(&assistant.records, &agents::AGENT))
        .and(object_route(imports, &agents::AGENT))
}

/// The named schemas that they answer with.
pub fn schemas() -> Vec<(String, Json)> {
    let mut all = served::schemas();
    all.extend(chat::schemas());
    all.extend(agents::schemas());
    all.extend(documents::schemas());
    all
}

/// Its tables.
pub fn migrations() -> Vec<Migration> {
    vec![chat::migration(), documents::migration(), agents::migration()]
}

/// Says who does its jobs.
pub fn register(
    registry: Registry,
    assistant: &Arc<Assistant>,
    documents: &Arc<Documents>,
) -> Registry {
    documents::register(chat::register(registry, assistant), documents)
}
