//! The page on which to be the customer, and what it asks.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, Query, State as Extracted},
    http::StatusCode,
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    graph,
    state::{Kind, Said, State, now},
    telegram,
};

type House = Extracted<Arc<State>>;

const PAGE: &str = include_str!("page.html");
const LONGEST: usize = 100_000;

pub(crate) fn routes() -> Router<Arc<State>> {
    Router::new()
        .route("/", get(async || Html(PAGE)))
        .route("/simulator/lines", get(lines))
        .route("/simulator/lines/{line}/messages", get(heard).post(say))
        .route("/simulator/lines/{line}/tell", post(tell))
}

async fn lines(Extracted(state): House) -> Json<Value> {
    let lines = state.lines();
    let shown = lines.iter().enumerate().map(
        |(at, line)| json!({ "line": at, "kind": line.kind, "name": line.name, "id": line.id }),
    );
    Json(json!({ "data": shown.collect::<Vec<_>>() }))
}

#[derive(Deserialize)]
struct Who {
    from: String,
}

async fn heard(
    Extracted(state): House,
    Path(line): Path<usize>,
    Query(who): Query<Who>,
) -> Json<Value> {
    Json(json!({ "data": state.said(line, &who.from) }))
}

/// What the customer says.
#[derive(Deserialize)]
struct Saying {
    from: String,
    name: Option<String>,
    text: Option<String>,
    /// A message as the far side writes it, instead of a text.
    message: Option<Value>,
}

async fn say(
    Extracted(state): House,
    Path(at): Path<usize>,
    Json(saying): Json<Saying>,
) -> Response {
    let Some(line) = state.line(at) else { return StatusCode::NOT_FOUND.into_response() };
    let text = saying.text.unwrap_or_default();
    if (text.is_empty() && saying.message.is_none())
        || text.len() > LONGEST
        || saying.from.is_empty()
    {
        return (StatusCode::UNPROCESSABLE_ENTITY, "from and text are required").into_response();
    }
    let number = state.next();
    let name = saying.name.unwrap_or_else(|| "Customer".to_owned());
    let from = saying.from;
    let (id, body) = match line.kind {
        Kind::WhatsApp => {
            let id = format!("wamid.CUS{number:012}");
            let mut message = saying
                .message
                .unwrap_or_else(|| json!({ "type": "text", "text": { "body": text } }));
            message["id"] = json!(id);
            message["from"] = json!(from);
            message["timestamp"] = json!((now() / 1000).to_string());
            let contact = json!({ "profile": { "name": name }, "wa_id": from });
            (id, graph::envelope(&line, &json!({ "contacts": [contact], "messages": [message] })))
        }
        Kind::Messenger | Kind::Instagram => {
            let id = format!("m_CUS{number:012}");
            let mut message = saying.message.unwrap_or_else(|| json!({ "text": text }));
            message["mid"] = json!(id);
            (id, graph::entry(&line, &from, json!({ "message": message })))
        }
        Kind::Telegram => {
            let message = saying.message.unwrap_or_else(|| json!({ "text": text }));
            (number.to_string(), telegram::update(number, (&from, &name), &message))
        }
    };
    let status = "sent".to_owned();
    state.say(
        at,
        &from,
        Said { id: id.clone(), by: "customer", text, kind: "text".to_owned(), status, at: now() },
    );
    state.tell(at, body, 0);
    (StatusCode::CREATED, Json(json!({ "id": id }))).into_response()
}

/// Tells the webhook of a line whatever is given, signed as it would be.
async fn tell(
    Extracted(state): House,
    Path(at): Path<usize>,
    Json(body): Json<Value>,
) -> StatusCode {
    if state.line(at).is_none() {
        return StatusCode::NOT_FOUND;
    }
    state.tell(at, body, 0);
    StatusCode::ACCEPTED
}
