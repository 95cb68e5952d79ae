//! The Bot API as far as messages need it.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, State as Extracted},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};

use crate::{
    faults::Fault,
    graph::text_part,
    state::{Kind, Line, Said, State, now},
};

type House = Extracted<Arc<State>>;

pub(crate) fn routes() -> Router<Arc<State>> {
    Router::new().route("/file/{bot}/{id}", get(file))
}

fn refusal(status: StatusCode, why: &str) -> Response {
    let body = json!({ "ok": false, "error_code": status.as_u16(), "description": why });
    (status, Json(body)).into_response()
}

fn bot(state: &State, name: &str) -> Option<(usize, Line)> {
    let token = name.strip_prefix("bot")?;
    state.find(|line| line.kind == Kind::Telegram && line.token == token)
}

async fn file(Extracted(state): House, Path((name, id)): Path<(String, String)>) -> Response {
    match bot(&state, &name).and_then(|_| state.file(&id)) {
        Some((kind, bytes)) => ([(header::CONTENT_TYPE, kind)], bytes).into_response(),
        None => refusal(StatusCode::NOT_FOUND, "Not Found"),
    }
}

pub(crate) async fn method(
    Extracted(state): House,
    Path((name, method)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some((at, line)) = bot(&state, &name) else {
        return refusal(StatusCode::UNAUTHORIZED, "Unauthorized");
    };
    let sent: Value = serde_json::from_slice(&body).unwrap_or_else(|_| {
        json!({
            "chat_id": text_part(&headers, &body, "chat_id"),
            "text": text_part(&headers, &body, "caption").filter(|text| !text.is_empty())
                .unwrap_or_else(|| "[file]".to_owned()),
        })
    });
    match method.as_str() {
        "getMe" => {
            ok(&json!({ "id": 1, "is_bot": true, "first_name": line.name, "username": line.id }))
        }
        "setWebhook" => {
            let url = sent["url"].as_str().unwrap_or_default().to_owned();
            let secret = sent["secret_token"].as_str().unwrap_or_default().to_owned();
            state.change(at, |line| (line.webhook, line.secret) = (url, secret));
            ok(&json!(true))
        }
        "getFile" => {
            let id = sent["file_id"].as_str().unwrap_or_default();
            match state.file(id) {
                Some((_, bytes)) => {
                    ok(&json!({ "file_id": id, "file_path": id, "file_size": bytes.len() }))
                }
                None => refusal(StatusCode::BAD_REQUEST, "Bad Request: invalid file_id"),
            }
        }
        "sendMessage" | "sendPhoto" | "sendDocument" | "sendVideo" | "sendAudio" => {
            send(&state, (at, &line), &sent).await
        }
        "sendChatAction" => ok(&json!(true)),
        _ => refusal(StatusCode::NOT_FOUND, "Not Found: method not found"),
    }
}

fn ok(result: &Value) -> Response {
    Json(json!({ "ok": true, "result": result })).into_response()
}

async fn send(state: &State, (at, line): (usize, &Line), sent: &Value) -> Response {
    let chat = match &sent["chat_id"] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let text = sent["text"].as_str().unwrap_or_default().to_owned();
    if let Some(why) = wrong(&chat, &text) {
        return refusal(StatusCode::BAD_REQUEST, &format!("Bad Request: {why}"));
    }
    match Fault::of(&chat) {
        Some(Fault::Undeliverable) => {
            return refusal(StatusCode::FORBIDDEN, "Forbidden: bot was blocked by the user");
        }
        Some(Fault::Busy) if state.is_among_first(&format!("{} {chat}", line.id), 2) => {
            return busy();
        }
        Some(Fault::Silent) => tokio::time::sleep(Duration::from_mins(1)).await,
        Some(Fault::Garbled) => return (StatusCode::OK, "<html>taken</html>").into_response(),
        _ => {}
    }
    let id = state.next();
    let said = Said {
        id: id.to_string(),
        by: "house",
        text: text.clone(),
        kind: "text".to_owned(),
        status: "sent".to_owned(),
        at: now(),
    };
    state.say(at, &chat, said);
    ok(&json!({
        "message_id": id, "date": now() / 1000, "text": text,
        "chat": { "id": chat.parse::<i64>().unwrap_or(0), "type": "private" },
        "from": { "id": 1, "is_bot": true, "first_name": line.name },
    }))
}

fn wrong(chat: &str, text: &str) -> Option<&'static str> {
    if chat.parse::<i64>().is_err() {
        return Some("chat not found");
    }
    match text.chars().count() {
        0 => Some("message text is empty"),
        1..=4_096 => None,
        _ => Some("message is too long"),
    }
}

fn busy() -> Response {
    let body = json!({
        "ok": false, "error_code": 429, "description": "Too Many Requests: retry after 1",
        "parameters": { "retry_after": 1 },
    });
    (StatusCode::TOO_MANY_REQUESTS, Json(body)).into_response()
}

/// What Telegram puts around what somebody says.
pub(crate) fn update(id: u64, (person, name): (&str, &str), message: &Value) -> Value {
    let mut message = message.clone();
    let person: i64 = person.parse().unwrap_or(0);
    message["message_id"] = json!(id);
    message["date"] = json!(now() / 1000);
    message["chat"] = json!({ "id": person, "type": "private", "first_name": name });
    message["from"] = json!({ "id": person, "is_bot": false, "first_name": name });
    json!({ "update_id": id, "message": message })
}
