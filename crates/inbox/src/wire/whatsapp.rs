//! WhatsApp: what the Cloud API sends to its webhook, and what it is sent.

use serde_json::{Value as Json, json};

use super::{Arrival, Incoming, Media, Outgoing, bounded, each, seconds, text};
use crate::handles::{HandleKind, Person};

/// The pieces of a payload, each with the number that it is for.
pub(crate) fn pieces(body: &Json) -> Vec<(String, Json)> {
    let changes = each(&body["entry"]).flat_map(|entry| each(&entry["changes"]));
    changes
        .filter_map(|change| {
            let value = &change["value"];
            let number = text(&value["metadata"]["phone_number_id"])?;
            Some((number, json!({ "field": change["field"], "value": value })))
        })
        .collect()
}

/// What a piece tells.
pub(crate) fn arrivals(piece: &Json) -> Vec<Arrival> {
    let value = &piece["value"];
    let said = |read| Arrival::or_unread(read, "a message names no id, or nobody");
    let messages = each(&value["messages"]).map(|message| said(incoming(value, message)));
    let echoes = each(&value["message_echoes"]).map(|message| said(echo(value, message)));
    let statuses = each(&value["statuses"]).filter_map(status);
    messages.chain(echoes).chain(statuses).collect()
}

/// Who wrote: a number, an id that is of this business alone, or both.
fn person(value: &Json, message: &Json, key: &str) -> Person {
    let number = text(&message[key]);
    let scoped = text(&message[&format!("{key}_user_id")]);
    let of = |contact: &&Json| {
        let known = [text(&contact["wa_id"]), text(&contact["user_id"])];
        known.iter().flatten().any(|id| Some(id) == number.as_ref() || Some(id) == scoped.as_ref())
    };
    let contact = each(&value["contacts"]).find(of);
    let name = contact.and_then(|contact| text(&contact["profile"]["name"]));
    let scoped = scoped.or_else(|| contact.and_then(|contact| text(&contact["user_id"])));
    let mut handles: Vec<_> =
        number.map(|number| (HandleKind::WhatsApp, number)).into_iter().collect();
    handles.extend(scoped.map(|id| (HandleKind::WhatsAppScoped, id)));
    Person { name, handles, source: "WhatsApp" }
}

fn incoming(value: &Json, message: &Json) -> Option<Arrival> {
    let source = text(&message["id"])?;
    let person = person(value, message, "from");
    let thread = person.handles.first()?.1.clone();
    let mut incoming = Incoming::new(source, thread, person);
    incoming.at = seconds(&message["timestamp"]);
    incoming.reply_to = text(&message["context"]["id"]);
    Some(Arrival::Message(Box::new(said(incoming, message))))
}

/// What the house wrote on a phone.
fn echo(value: &Json, message: &Json) -> Option<Arrival> {
    let source = text(&message["id"])?;
    let person = person(value, message, "to");
    let thread = person.handles.first()?.1.clone();
    let mut incoming = Incoming::new(source, thread, person);
    incoming.at = seconds(&message["timestamp"]);
    incoming.is_echo = true;
    Some(Arrival::Message(Box::new(said(incoming, message))))
}

/// The message itself, by its kind.
#[expect(clippy::too_many_lines, reason = "a list of kinds")]
fn said(mut incoming: Incoming, message: &Json) -> Incoming {
    let kind = message["type"].as_str().unwrap_or_default();
    let own = &message[kind];
    match kind {
        "text" => incoming.content = text(&own["body"]).unwrap_or_default(),
        "image" | "video" | "audio" | "voice" | "document" | "sticker" => {
            incoming.kind = match kind {
                "image" => "IMAGE",
                "video" => "VIDEO",
                "document" => "FILE",
                "sticker" => "STICKER",
                _ => "AUDIO",
            };
            incoming.content = text(&own["caption"]).unwrap_or_default();
            incoming.metadata = json!({ "contentType": own["mime_type"], "voice": own["voice"] });
            incoming.media =
                Some(Media { id: text(&own["id"]), url: None, name: text(&own["filename"]) });
        }
        "location" => {
            incoming.kind = "LOCATION";
            let words = [text(&own["name"]), text(&own["address"])];
            incoming.content = words.into_iter().flatten().collect::<Vec<_>>().join(", ");
            incoming.metadata = json!({ "location": bounded(own) });
        }
        "contacts" => {
            incoming.kind = "CONTACT";
            let names = each(own).filter_map(|one| text(&one["name"]["formatted_name"]));
            incoming.content = names.collect::<Vec<_>>().join(", ");
            incoming.metadata = json!({ "contacts": bounded(own) });
        }
        "reaction" => {
            incoming.kind = "REACTION";
            incoming.content = text(&own["emoji"]).unwrap_or_default();
            incoming.reply_to = text(&own["message_id"]);
            incoming.metadata = json!({ "reaction": { "emoji": own["emoji"] } });
        }
        "interactive" | "button" => {
            incoming.kind = "INTERACTIVE";
            let chosen = ["button_reply", "list_reply"].iter().map(|key| &own[*key]);
            let title = chosen.clone().find_map(|reply| text(&reply["title"]));
            let id = chosen.clone().find_map(|reply| text(&reply["id"]));
            incoming.content = title.or_else(|| text(&own["text"])).unwrap_or_default();
            incoming.metadata =
                json!({ "choice": id.or_else(|| text(&own["payload"])), "raw": bounded(own) });
        }
        "order" => {
            incoming.kind = "INTERACTIVE";
            incoming.content = text(&own["text"]).unwrap_or_default();
            incoming.metadata = json!({ "order": bounded(own) });
        }
        "system" => {
            incoming.kind = "EVENT";
            incoming.content = text(&own["body"]).unwrap_or_default();
            incoming.metadata = json!({ "system": bounded(own) });
        }
        other => return incoming.unknown(other, message),
    }
    incoming
}

/// A state; nothing where it is one that says nothing here.
fn status(status: &Json) -> Option<Arrival> {
    let Some(source) = text(&status["id"]) else {
        return Some(Arrival::or_unread(None, "a state names no message"));
    };
    let known = match status["status"].as_str()? {
        "sent" => "sent",
        "delivered" => "delivered",
        "read" | "played" => "read",
        "failed" => "failed",
        _ => return None,
    };
    let error = each(&status["errors"]).next().map(|error| {
        let words = ["error_data", "title", "message"]
            .iter()
            .find_map(|key| text(&error[*key]).or_else(|| text(&error[*key]["details"])));
        let code = text(&error["code"]).unwrap_or_default();
        format!("{} ({code})", words.unwrap_or_else(|| "no reason was given".to_owned()))
    });
    let callback = status["biz_opaque_callback_data"].as_str().and_then(|text| text.parse().ok());
    let at = seconds(&status["timestamp"]);
    Some(Arrival::Status { source, status: known, at, error, callback })
}

/// What a message is when it is sent; `callback` comes back with each of its states.
#[expect(clippy::too_many_lines, reason = "a list of kinds")]
pub(crate) fn outgoing(message: &Outgoing<'_>) -> Json {
    let mut body = json!({
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": message.thread,
        "biz_opaque_callback_data": message.callback,
    });
    if let Some(reply_to) = message.reply_to {
        body["context"] = json!({ "message_id": reply_to });
    }
    let template = &message.metadata["template"];
    if message.kind == "TEMPLATE" && template.is_object() {
        let values =
            each(&template["values"]).map(|value| json!({ "type": "text", "text": value }));
        let values: Vec<Json> = values.collect();
        body["type"] = json!("template");
        body["template"] = json!({
            "name": template["name"], "language": { "code": template["language"] },
        });
        if !values.is_empty() {
            body["template"]["components"] = json!([{ "type": "body", "parameters": values }]);
        }
        return body;
    }
    if message.kind == "REACTION" {
        body["type"] = json!("reaction");
        body["reaction"] = json!({ "message_id": message.reply_to, "emoji": message.content });
        return body;
    }
    if let (Some(id), Some(file)) = (message.media, message.file) {
        let kind = match message.kind {
            "IMAGE" => "image",
            "VIDEO" => "video",
            "AUDIO" => "audio",
            _ => "document",
        };
        body["type"] = json!(kind);
        body[kind] = json!({ "id": id });
        if kind != "audio" && !message.content.is_empty() {
            body[kind]["caption"] = json!(message.content);
        }
        if kind == "document" {
            body[kind]["filename"] = json!(file.name);
        }
        return body;
    }
    body["type"] = json!("text");
    body["text"] = json!({ "preview_url": false, "body": message.content });
    body
}
