//! The Graph API as far as messages need it: numbers of WhatsApp, pages of Messenger, accounts of Instagram.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, State as Extracted},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};

use crate::{
    faults::Fault,
    state::{Kind, Line, Said, State, now},
};

type House = Extracted<Arc<State>>;

const LONGEST_TEXT: usize = 4_096;
const STATES: [(&str, u64); 3] = [("sent", 30), ("delivered", 120), ("read", 400)];

pub(crate) fn routes() -> Router<Arc<State>> {
    Router::new()
        .route("/{version}/{node}/messages", post(messages))
        .route("/{version}/{node}/media", post(media))
        .route("/media/{id}", get(bytes))
}

fn refusal(status: StatusCode, code: i64, message: &str) -> Response {
    let error = json!({ "error": { "message": message, "type": "OAuthException", "code": code, "fbtrace_id": "simulated" } });
    (status, Json(error)).into_response()
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

/// The line of a node, where the token may speak for it.
#[expect(clippy::result_large_err, reason = "the refusal is an answer")]
fn allowed(state: &State, node: &str, headers: &HeaderMap) -> Result<(usize, Line), Response> {
    let found = state.find(|line| line.kind != Kind::Telegram && line.id == node);
    let unknown = || {
        let why = format!("Unsupported request. Object with ID '{node}' does not exist");
        refusal(StatusCode::BAD_REQUEST, 100, &why)
    };
    let (at, line) = found.ok_or_else(unknown)?;
    if bearer(headers) == Some(line.token.as_str()) {
        Ok((at, line))
    } else {
        let why = "Invalid OAuth access token - Cannot parse access token";
        Err(refusal(StatusCode::UNAUTHORIZED, 190, why))
    }
}

pub(crate) fn node(state: &State, node: &str, headers: &HeaderMap) -> Response {
    if let Some((kind, file)) = state.file(node) {
        let host =
            headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let url = format!("http://{host}/media/{node}");
        let found = json!({
            "messaging_product": "whatsapp", "id": node, "url": url, "mime_type": kind, "file_size": file.len(),
        });
        return Json(found).into_response();
    }
    match allowed(state, node, headers) {
        Ok((_, line)) => Json(json!({
            "id": line.id, "name": line.name, "verified_name": line.name,
            "display_phone_number": line.id,
        }))
        .into_response(),
        Err(refused) => refused,
    }
}

async fn bytes(Extracted(state): House, Path(id): Path<String>) -> Response {
    match state.file(&id) {
        Some((kind, bytes)) => ([(header::CONTENT_TYPE, kind)], bytes).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn media(
    Extracted(state): House,
    Path((_, node)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if let Err(refused) = allowed(&state, &node, &headers) {
        return refused;
    }
    let Some((kind, file)) = part(&headers, &body, "file") else {
        return refusal(StatusCode::BAD_REQUEST, 100, "(#100) The parameter file is required.");
    };
    let id = format!("{}", 9_000_000_000 + state.next());
    state.keep_file(id.clone(), kind, file);
    Json(json!({ "id": id })).into_response()
}

/// The file in a form.
pub(crate) fn part(headers: &HeaderMap, body: &[u8], field: &str) -> Option<(String, Vec<u8>)> {
    let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let boundary = kind.split_once("boundary=")?.1.trim_matches('"').to_owned();
    let mark = format!("--{boundary}").into_bytes();
    let wanted = format!("name=\"{field}\"");
    let mut from = 0;
    while let Some(start) = find(&body[from..], &mark).map(|at| from + at + mark.len()) {
        let end = find(&body[start..], &mark).map(|at| start + at)?;
        let piece = &body[start..end];
        let head = find(piece, b"\r\n\r\n")?;
        let words = String::from_utf8_lossy(&piece[..head]).to_lowercase();
        if words.contains(&wanted) {
            let kind = words.lines().find_map(|line| line.strip_prefix("content-type:"));
            let kind = kind.unwrap_or("application/octet-stream").trim().to_owned();
            let file = piece[head + 4..].strip_suffix(b"\r\n").unwrap_or(&piece[head + 4..]);
            return Some((kind, file.to_vec()));
        }
        from = end;
    }
    None
}

/// The text of a field of a form.
pub(crate) fn text_part(headers: &HeaderMap, body: &[u8], field: &str) -> Option<String> {
    part(headers, body, field).map(|(_, bytes)| String::from_utf8_lossy(&bytes).into_owned())
}

fn find(within: &[u8], what: &[u8]) -> Option<usize> {
    within.windows(what.len()).position(|window| window == what)
}

/// What is sent, as JSON; of a form what matters of it.
fn sent_of(headers: &HeaderMap, body: &[u8]) -> Option<Value> {
    if let Ok(json) = serde_json::from_slice(body) {
        return Some(json);
    }
    part(headers, body, "filedata")?;
    let recipient = text_part(headers, body, "recipient")?;
    Some(json!({
        "recipient": serde_json::from_str::<Value>(&recipient).unwrap_or_default(),
        "message": { "attachment": { "type": "file" } },
    }))
}

async fn messages(
    Extracted(state): House,
    Path((_, node)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (at, line) = match allowed(&state, &node, &headers) {
        Ok(found) => found,
        Err(refused) => return refused,
    };
    let Some(json) = sent_of(&headers, &body) else {
        return refusal(StatusCode::BAD_REQUEST, 100, "(#100) The body is no JSON.");
    };
    let sent = match line.kind {
        Kind::WhatsApp => whatsapp(&json),
        Kind::Messenger | Kind::Instagram | Kind::Telegram => messenger(&json),
    };
    match sent {
        Ok(sent) => taken(&state, (at, &line), sent, &json["biz_opaque_callback_data"]).await,
        Err(why) => refusal(StatusCode::BAD_REQUEST, 100, &why),
    }
}

/// A message that makes sense is taken, or meets its fault.
async fn taken(
    state: &State,
    (at, line): (usize, &Line),
    (to, kind, text): (String, String, String),
    callback: &Value,
) -> Response {
    let fault = Fault::of(&to);
    if let Some(refused) = refused(state, line, (&to, fault)) {
        return refused;
    }
    let id = match line.kind {
        Kind::WhatsApp => format!("wamid.SIM{:012}", state.next()),
        Kind::Messenger | Kind::Instagram | Kind::Telegram => {
            format!("m_SIM{:012}", state.next())
        }
    };
    let status = "sent".to_owned();
    state.say(at, &to, Said { id: id.clone(), by: "house", text, kind, status, at: now() });
    tell_states(state, (at, line), (&to, &id), (fault, callback));
    match fault {
        Some(Fault::Silent) => {
            tokio::time::sleep(Duration::from_mins(1)).await;
            StatusCode::GATEWAY_TIMEOUT.into_response()
        }
        Some(Fault::Garbled) => (StatusCode::OK, "<html>taken</html>").into_response(),
        _ if line.kind == Kind::WhatsApp => Json(json!({
            "messaging_product": "whatsapp",
            "contacts": [{ "input": to, "wa_id": to }],
            "messages": [{ "id": id, "message_status": "accepted" }],
        }))
        .into_response(),
        _ => Json(json!({ "recipient_id": to, "message_id": id })).into_response(),
    }
}

/// What is refused at once.
fn refused(state: &State, line: &Line, (to, fault): (&str, Option<Fault>)) -> Option<Response> {
    let first = |most| state.is_among_first(&format!("{} {to}", line.id), most);
    match fault? {
        Fault::Undeliverable => {
            Some(refusal(StatusCode::BAD_REQUEST, 131_026, "(#131026) Message undeliverable"))
        }
        Fault::Busy if first(2) => Some(
            (
                [(header::RETRY_AFTER, "1")],
                refusal(StatusCode::TOO_MANY_REQUESTS, 130_429, "(#130429) Rate limit hit"),
            )
                .into_response(),
        ),
        Fault::Down if first(2) => {
            Some((StatusCode::SERVICE_UNAVAILABLE, "down for a moment").into_response())
        }
        _ => None,
    }
}

type Sent = Result<(String, String, String), String>;

fn whatsapp(json: &Value) -> Sent {
    if json["messaging_product"] != "whatsapp" {
        return Err("(#100) The parameter messaging_product is required.".to_owned());
    }
    let to = json["to"].as_str().unwrap_or_default();
    let to: String = to.chars().filter(char::is_ascii_digit).collect();
    if to.len() < 7 {
        return Err("(#100) Invalid parameter: to".to_owned());
    }
    let kind = json["type"].as_str().unwrap_or("text").to_owned();
    let own = &json[&kind];
    let text = match kind.as_str() {
        "text" => own["body"].as_str().unwrap_or_default().to_owned(),
        "template" => {
            let parameters = own["components"][0]["parameters"].as_array();
            let values = parameters.into_iter().flatten().filter_map(|one| one["text"].as_str());
            let values: Vec<_> = values.collect();
            format!(
                "[template {}] {}",
                own["name"].as_str().unwrap_or_default(),
                values.join(" · ")
            )
        }
        "reaction" => own["emoji"].as_str().unwrap_or_default().to_owned(),
        _ => format!("[{kind}] {}", own["caption"].as_str().unwrap_or_default()),
    };
    if text.is_empty() || text.chars().count() > LONGEST_TEXT {
        return Err(
            "(#100) Param text['body'] must be a non-empty string of at most 4096 characters."
                .to_owned(),
        );
    }
    Ok((to, kind, text))
}

fn messenger(json: &Value) -> Sent {
    let to = json["recipient"]["id"].as_str().unwrap_or_default().to_owned();
    if to.is_empty() {
        return Err("(#100) The parameter recipient is required".to_owned());
    }
    let message = &json["message"];
    let text = message["text"].as_str().map(str::to_owned);
    let file = message["attachment"]["type"].as_str().map(|kind| format!("[{kind}]"));
    let text = text.or(file).filter(|text| !text.is_empty());
    let text = text.ok_or("(#100) The parameter message is required")?;
    if text.chars().count() > 2_000 {
        return Err(
            "(#100) Length of param message[text] must be less than or equal to 2000".to_owned()
        );
    }
    Ok((to, "text".to_owned(), text))
}

/// What becomes of a message is told in a while.
fn tell_states(
    state: &State,
    (at, line): (usize, &Line),
    (to, id): (&str, &str),
    (fault, callback): (Option<Fault>, &Value),
) {
    let steps: &[(&str, u64)] = match fault {
        Some(Fault::FailsLater) => &[("sent", 30), ("failed", 120)],
        Some(Fault::Disordered) => {
            &[("read", 30), ("delivered", 60), ("sent", 90), ("read", 120), ("delivered", 150)]
        }
        _ => &STATES,
    };
    for (status, wait) in steps {
        if *status != "sent" {
            state.mark(at, to, id, status);
        }
        if let Some(body) = told(line, (to, id), (status, callback)) {
            state.tell(at, body, *wait);
        }
    }
}

/// How a line tells of a state; pages have no word for `sent`.
fn told(line: &Line, (to, id): (&str, &str), (status, callback): (&str, &Value)) -> Option<Value> {
    if line.kind == Kind::WhatsApp {
        let mut told = json!({
            "id": id, "status": status, "timestamp": (now() / 1000).to_string(), "recipient_id": to,
            "biz_opaque_callback_data": callback,
        });
        if status == "failed" {
            told["errors"] = json!([{ "code": 131_047, "title": "Re-engagement message" }]);
        }
        return Some(envelope(line, &json!({ "statuses": [told] })));
    }
    match status {
        "delivered" => {
            let told = json!({ "delivery": { "mids": [id], "watermark": now() } });
            Some(entry(line, to, told))
        }
        "read" => Some(entry(line, to, json!({ "read": { "watermark": now() + 1_000 } }))),
        _ => None,
    }
}

/// What WhatsApp puts around what it tells.
pub(crate) fn envelope(line: &Line, value: &Value) -> Value {
    let mut value = value.clone();
    value["messaging_product"] = json!("whatsapp");
    value["metadata"] = json!({ "display_phone_number": line.id, "phone_number_id": line.id });
    json!({
        "object": "whatsapp_business_account",
        "entry": [{ "id": "0", "changes": [{ "field": "messages", "value": value }] }],
    })
}

/// What Messenger and Instagram put around what they tell.
pub(crate) fn entry(line: &Line, person: &str, mut event: Value) -> Value {
    event["sender"] = json!({ "id": person });
    event["recipient"] = json!({ "id": line.id });
    event["timestamp"] = json!(now());
    let object = if line.kind == Kind::Instagram { "instagram" } else { "page" };
    json!({ "object": object, "entry": [{ "id": line.id, "time": now(), "messaging": [event] }] })
}
