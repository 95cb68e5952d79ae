//! Documents and agents by sockets: what becomes of a document that is read, and how agents stand.

use kith_http::{Happening, Piece, To};
use serde_json::{Map, Value as Json, json};

/// What is told of a document that changed.
const OF_DOCUMENT: [&str; 6] =
    ["status", "error", "embedding", "chunkCount", "characters", "enabled"];
/// What is told of an agent whose state changed.
const OF_AGENT: [&str; 4] = ["status", "statusReason", "isActive", "training"];

/// What is told of changes of documents and agents.
pub fn tell(happening: &Happening<'_>) -> Vec<Piece> {
    match happening.event.name.as_str() {
        "document.created" => {
            vec![piece(
                "document_uploaded",
                of(happening, "documentId", &["name", "type", "status"]),
            )]
        }
        "document.updated" => document(happening),
        "document.deleted" => vec![piece("document_deleted", of(happening, "documentId", &[]))],
        "agent.updated" => agent(happening).into_iter().collect(),
        _ => Vec::new(),
    }
}

fn piece(name: &'static str, payload: Map<String, Json>) -> Piece {
    Piece { name, to: To::All, payload, lean: None }
}

/// The record, and those of these fields that changed.
fn of(happening: &Happening<'_>, id: &str, fields: &[&str]) -> Map<String, Json> {
    let changed = fields
        .iter()
        .filter_map(|field| Some(((*field).to_owned(), happening.after.get(*field)?.clone())));
    std::iter::once((id.to_owned(), json!(happening.record))).chain(changed).collect()
}

fn document(happening: &Happening<'_>) -> Vec<Piece> {
    if !["status", "embedding"].iter().any(|field| happening.after.contains_key(*field)) {
        return Vec::new();
    }
    let told = of(happening, "documentId", &OF_DOCUMENT);
    let end = match happening.after.get("status").and_then(Json::as_str) {
        Some("COMPLETED") => Some(piece("document_processed", told.clone())),
        Some("ERROR") => Some(piece("document_error", told.clone())),
        _ => None,
    };
    std::iter::once(piece("document_status_updated", told)).chain(end).collect()
}

fn agent(happening: &Happening<'_>) -> Option<Piece> {
    happening.after.get("status")?;
    Some(piece("agent_status_changed", of(happening, "agentId", &OF_AGENT)))
}
