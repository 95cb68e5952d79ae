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
    state::{Kind, Line, Said, State, now},
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
    let shown = lines.iter().enumerate().map(|(at, line)| {
        // What a bot is called here is its token.
        let id = Some(&line.id).filter(|_| line.kind != Kind::Telegram);
        json!({ "line": at, "kind": line.kind, "name": line.name, "id": id })
    });
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
    let name = saying.name.unwrap_or_else(|| "Customer".to_owned());
    let from = saying.from;
    let message = (text.as_str(), saying.message);
    let (id, body) = told(&line, state.next(), ((&from, &name), message));
    let status = "sent".to_owned();
    state.say(
        at,
        &from,
        Said { id: id.clone(), by: "customer", text, kind: "text".to_owned(), status, at: now() },
    );
    state.tell(at, body, 0);
    (StatusCode::CREATED, Json(json!({ "id": id }))).into_response()
}

/// What a customer says, as the far side tells it; with its id.
fn told(
    line: &Line,
    number: u64,
    ((from, name), (text, message)): ((&str, &str), (&str, Option<Value>)),
) -> (String, Value) {
    match line.kind {
        Kind::WhatsApp => {
            let id = format!("wamid.CUS{number:012}");
            let text = || json!({ "type": "text", "text": { "body": text } });
            let mut message = message.unwrap_or_else(text);
            message["id"] = json!(id);
            message["from"] = json!(from);
            message["timestamp"] = json!((now() / 1000).to_string());
            let contact = json!({ "profile": { "name": name }, "wa_id": from });
            (id, graph::envelope(line, &json!({ "contacts": [contact], "messages": [message] })))
        }
        Kind::Messenger | Kind::Instagram => {
            let id = format!("m_CUS{number:012}");
            let mut message = message.unwrap_or_else(|| json!({ "text": text }));
            message["mid"] = json!(id);
            (id, graph::entry(line, from, json!({ "message": message })))
        }
        Kind::Telegram => {
            let message = message.unwrap_or_else(|| json!({ "text": text }));
            (number.to_string(), telegram::update(number, (from, name), &message))
        }
    }
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
