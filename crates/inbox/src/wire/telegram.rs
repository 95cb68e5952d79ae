//! Telegram: what the Bot API sends to a webhook, and what it is sent.

use serde_json::{Value as Json, json};

use super::{Arrival, Incoming, Media, Outgoing, bounded, each, seconds, text};
use crate::handles::{HandleKind, Person};

const MEDIA: [(&str, &str); 8] = [
    ("document", "FILE"),
    ("video", "VIDEO"),
    ("video_note", "VIDEO"),
    ("animation", "VIDEO"),
    ("audio", "AUDIO"),
    ("voice", "AUDIO"),
    ("sticker", "STICKER"),
    ("photo", "IMAGE"),
];

/// What an update tells.
pub(crate) fn arrivals(update: &Json) -> Vec<Arrival> {
    let id = text(&update["update_id"]).unwrap_or_default();
    if let Some(edited) = update.get("edited_message") {
        return vec![Arrival::or_unread(edit(edited), "an edit names no message")];
    }
    let message = ["message", "channel_post", "business_message"]
        .iter()
        .find_map(|key| update.get(*key).filter(|message| message.is_object()));
    let incoming = match message {
        Some(message) => said(message),
        None => other(update, &id),
    };
    let message = incoming.map(|incoming| Arrival::Message(Box::new(incoming)));
    vec![Arrival::or_unread(message, "an update names no chat, or no id")]
}

/// The id of a message: they are counted in each chat anew.
fn source(chat: &str, message: &Json) -> Option<String> {
    Some(format!("{chat}/{}", text(&message["message_id"])?))
}

fn person(from: &Json) -> Person {
    let names = [text(&from["first_name"]), text(&from["last_name"])];
    let name = names.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let name = if name.is_empty() { text(&from["username"]) } else { Some(name) };
    let handles = text(&from["id"]).map(|id| (HandleKind::Telegram, id)).into_iter().collect();
    Person { name, handles, source: "Telegram" }
}

fn edit(message: &Json) -> Option<Arrival> {
    let chat = text(&message["chat"]["id"])?;
    let content = text(&message["text"]).or_else(|| text(&message["caption"])).unwrap_or_default();
    Some(Arrival::Edited {
        source: source(&chat, message)?,
        content,
        at: seconds(&message["edit_date"]),
        whole: said(message).map(Box::new),
    })
}

fn said(message: &Json) -> Option<Incoming> {
    let chat = text(&message["chat"]["id"])?;
    let from = if message["from"].is_object() { &message["from"] } else { &message["chat"] };
    let mut incoming = Incoming::new(source(&chat, message)?, chat.clone(), person(from));
    incoming.at = seconds(&message["date"]);
    incoming.reply_to = source(&chat, &message["reply_to_message"]);
    incoming.content =
        text(&message["text"]).or_else(|| text(&message["caption"])).unwrap_or_default();
    for (key, kind) in MEDIA {
        // The largest of the sizes of a photo is the last.
        let media = message[key].as_array().and_then(|sizes| sizes.last()).unwrap_or(&message[key]);
        if let Some(id) = text(&media["file_id"]) {
            incoming.kind = kind;
            incoming.metadata =
                json!({ "contentType": media["mime_type"], "emoji": media["emoji"] });
            incoming.media =
                Some(Media { id: Some(id), url: None, name: text(&media["file_name"]) });
            return Some(incoming);
        }
    }
    if message["location"].is_object() {
        incoming.kind = "LOCATION";
        incoming.content = text(&message["venue"]["title"]).unwrap_or_default();
        incoming.metadata = json!({ "location": bounded(&message["location"]), "venue": bounded(&message["venue"]) });
        return Some(incoming);
    }
    if message["contact"].is_object() {
        incoming.kind = "CONTACT";
        let contact = &message["contact"];
        let names = [text(&contact["first_name"]), text(&contact["last_name"])];
        incoming.content = names.into_iter().flatten().collect::<Vec<_>>().join(" ");
        incoming.metadata = json!({ "contacts": [bounded(contact)] });
        return Some(incoming);
    }
    if incoming.content.is_empty() {
        return Some(incoming.unknown("message", message));
    }
    Some(incoming)
}

/// Updates that are no messages: reactions, pressed buttons, whatever else there will be.
fn other(update: &Json, id: &str) -> Option<Incoming> {
    if let Some(reaction) = update.get("message_reaction") {
        let chat = text(&reaction["chat"]["id"])?;
        let mut incoming =
            Incoming::new(format!("{chat}/update/{id}"), chat.clone(), person(&reaction["user"]));
        incoming.kind = "REACTION";
        incoming.at = seconds(&reaction["date"]);
        incoming.reply_to = source(&chat, reaction);
        let emoji = each(&reaction["new_reaction"]).filter_map(|one| text(&one["emoji"]));
        incoming.content = emoji.collect();
        incoming.metadata = json!({ "reaction": bounded(&reaction["new_reaction"]) });
        return Some(incoming);
    }
    if let Some(query) = update.get("callback_query") {
        let chat = text(&query["message"]["chat"]["id"]).or_else(|| text(&query["from"]["id"]))?;
        let mut incoming =
            Incoming::new(format!("{chat}/update/{id}"), chat.clone(), person(&query["from"]));
        incoming.kind = "INTERACTIVE";
        incoming.content = text(&query["data"]).unwrap_or_default();
        incoming.metadata = json!({ "choice": query["data"] });
        incoming.reply_to = source(&chat, &query["message"]);
        return Some(incoming);
    }
    let (kind, own) = update.as_object()?.iter().find(|(key, _)| *key != "update_id")?;
    let chat = text(&own["chat"]["id"]).or_else(|| text(&own["from"]["id"]))?;
    let incoming = Incoming::new(format!("{chat}/update/{id}"), chat, person(&own["from"]));
    Some(incoming.unknown(kind, own))
}

/// The body by which a text is sent.
pub(crate) fn outgoing(message: &Outgoing<'_>) -> Json {
    let mut body = json!({ "chat_id": message.thread, "text": message.content });
    let reply = message.reply_to.and_then(|source| source.rsplit('/').next());
    if let Some(id) = reply.and_then(|id| id.parse::<i64>().ok()) {
        body["reply_parameters"] = json!({ "message_id": id, "allow_sending_without_reply": true });
    }
    body
}

/// The method by which a file is sent, and the field that holds it.
pub(crate) fn upload_of(kind: &str) -> (&'static str, &'static str) {
    match kind {
        "IMAGE" => ("sendPhoto", "photo"),
        "VIDEO" => ("sendVideo", "video"),
        "AUDIO" => ("sendAudio", "audio"),
        _ => ("sendDocument", "document"),
    }
}
