//! Messenger and Instagram: what their webhooks send, and what they are sent; the two differ in names alone.

use serde_json::{Value as Json, json};

use super::{Arrival, Incoming, Media, Outgoing, bounded, each, milliseconds, text};
use crate::handles::{HandleKind, Person};

/// The pieces of a payload, each with the page or account that it is for.
pub(crate) fn pieces(body: &Json) -> Vec<(String, Json)> {
    each(&body["entry"]).filter_map(|entry| Some((text(&entry["id"])?, entry.clone()))).collect()
}

/// What a piece tells; `of` is by what people are known there.
pub(crate) fn arrivals(entry: &Json, of: HandleKind) -> Vec<Arrival> {
    let page = text(&entry["id"]).unwrap_or_default();
    // What is handed over to another app comes as `standby`.
    let events = each(&entry["messaging"]).chain(each(&entry["standby"]));
    events.flat_map(|event| event_of(event, (&page, of))).collect()
}

#[expect(clippy::too_many_lines, reason = "a list of kinds of events")]
fn event_of(event: &Json, (page, of): (&str, HandleKind)) -> Vec<Arrival> {
    let sender = text(&event["sender"]["id"]).unwrap_or_default();
    let at = event["timestamp"].as_i64().and_then(milliseconds);
    if let Some(read) = event.get("read") {
        return match (read["watermark"].as_i64().and_then(milliseconds), text(&read["mid"])) {
            (Some(until), _) => vec![Arrival::UpTo { thread: sender, status: "read", until }],
            (None, Some(source)) => {
                vec![Arrival::Status { source, status: "read", at, error: None, callback: None }]
            }
            (None, None) => vec![Arrival::or_unread(None, "what was read is not named")],
        };
    }
    if let Some(delivery) = event.get("delivery") {
        let mut told: Vec<Arrival> = each(&delivery["mids"])
            .filter_map(text)
            .map(|source| Arrival::Status {
                source,
                status: "delivered",
                at,
                error: None,
                callback: None,
            })
            .collect();
        if let Some(until) = delivery["watermark"].as_i64().and_then(milliseconds) {
            told.push(Arrival::UpTo { thread: sender, status: "delivered", until });
        }
        return told;
    }
    if event["message"]["is_deleted"] == true {
        let withdrawn = text(&event["message"]["mid"]).map(|source| Arrival::Withdrawn { source });
        return vec![Arrival::or_unread(withdrawn, "what was taken back names no id")];
    }
    if let Some(edit) = event.get("message_edit") {
        return match text(&edit["mid"]) {
            Some(source) => {
                let content = text(&edit["text"]).unwrap_or_default();
                vec![Arrival::Edited { source, content, at, whole: None }]
            }
            None => vec![Arrival::or_unread(None, "what was edited names no id")],
        };
    }
    let said = said(event, (page, &sender, of));
    let message = said.map(|incoming| Arrival::Message(Box::new(incoming)));
    vec![Arrival::or_unread(message, "an event names nobody")]
}

#[expect(clippy::too_many_lines, reason = "a list of kinds of events")]
fn said(event: &Json, (page, sender, of): (&str, &str, HandleKind)) -> Option<Incoming> {
    let message = &event["message"];
    let is_echo = message["is_echo"] == true || sender == page;
    let other = if is_echo { text(&event["recipient"]["id"])? } else { sender.to_owned() };
    if other.is_empty() {
        return None;
    }
    let at = event["timestamp"].as_i64().and_then(milliseconds);
    let source = text(&message["mid"])
        .or_else(|| text(&event["postback"]["mid"]))
        .or_else(|| {
            text(&event["reaction"]["mid"])
                .map(|mid| format!("{mid}#{}", at.map_or(0, kith_kernel::Time::milliseconds)))
        })
        .unwrap_or_else(|| format!("{other}#{}", at.map_or(0, kith_kernel::Time::milliseconds)));
    // A person is known to one page alone.
    let handle = (of, format!("{page}:{other}"));
    let source_name = if of == HandleKind::Instagram { "Instagram" } else { "Messenger" };
    let person = Person { name: None, handles: vec![handle], source: source_name };
    let mut incoming = Incoming::new(source, other, person);
    (incoming.at, incoming.is_echo) = (at, is_echo);
    incoming.reply_to = text(&message["reply_to"]["mid"]);
    if let Some(reaction) = event.get("reaction") {
        incoming.kind = "REACTION";
        incoming.content =
            text(&reaction["emoji"]).or_else(|| text(&reaction["reaction"])).unwrap_or_default();
        incoming.reply_to = text(&reaction["mid"]);
        incoming.metadata = json!({ "reaction": bounded(reaction) });
        return Some(incoming);
    }
    if let Some(postback) = event.get("postback") {
        incoming.kind = "INTERACTIVE";
        incoming.content = text(&postback["title"]).unwrap_or_default();
        incoming.metadata =
            json!({ "choice": postback["payload"], "referral": bounded(&postback["referral"]) });
        return Some(incoming);
    }
    if !message.is_object() {
        let kind = ["referral", "optin", "account_linking", "pass_thread_control"]
            .into_iter()
            .find(|key| event.get(*key).is_some());
        return Some(incoming.unknown(kind.unwrap_or("event"), event));
    }
    Some(with_message(incoming, message))
}

fn with_message(mut incoming: Incoming, message: &Json) -> Incoming {
    incoming.content = text(&message["text"]).unwrap_or_default();
    if let Some(payload) = text(&message["quick_reply"]["payload"]) {
        incoming.kind = "INTERACTIVE";
        incoming.metadata = json!({ "choice": payload });
    }
    let attachments: Vec<&Json> = each(&message["attachments"]).collect();
    let Some(first) = attachments.first() else {
        return if incoming.content.is_empty() && incoming.kind == "TEXT" {
            incoming.unknown("message", message)
        } else {
            incoming
        };
    };
    incoming.kind = match first["type"].as_str() {
        Some("image") => "IMAGE",
        Some("video" | "ig_reel" | "reel") => "VIDEO",
        Some("audio") => "AUDIO",
        Some("location") => "LOCATION",
        Some("file") => "FILE",
        _ => "UNKNOWN",
    };
    let all: Vec<Json> = attachments.iter().map(|one| bounded(one)).collect();
    incoming.metadata = json!({ "attachments": all });
    let has_file = matches!(incoming.kind, "IMAGE" | "VIDEO" | "AUDIO" | "FILE");
    if let Some(url) = text(&first["payload"]["url"]).filter(|_| has_file) {
        incoming.media = Some(Media { id: None, url: Some(url), name: None });
    }
    incoming
}

/// What a message is when it is sent.
pub(crate) fn outgoing(message: &Outgoing<'_>) -> Json {
    json!({
        "recipient": { "id": message.thread },
        "messaging_type": "RESPONSE",
        "message": { "text": message.content },
    })
}

/// What a file is called that goes along.
pub(crate) fn kind_of(kind: &str) -> &'static str {
    match kind {
        "IMAGE" => "image",
        "VIDEO" => "video",
        "AUDIO" => "audio",
        _ => "file",
    }
}
