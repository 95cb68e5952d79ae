//! The form of channels of one's own: what is posted to their webhook, and what is posted from them.

use kith_kernel::{Result, Time, invalid};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::{Arrival, Incoming, Media, Outgoing, bounded};
use crate::handles::{HandleKind, Person};

const MOST: usize = 10_000;

/// What comes in: one message, or several under `messages`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Said {
    id: Option<String>,
    thread_id: Option<String>,
    from: Option<From>,
    #[serde(alias = "text", alias = "message")]
    content: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    sent_at: Option<String>,
    reply_to: Option<String>,
    subject: Option<String>,
    media_url: Option<String>,
    file_name: Option<String>,
    metadata: Option<Json>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct From {
    id: Option<String>,
    name: Option<String>,
    email: Option<String>,
    phone: Option<String>,
}

/// What a body of the webhook says, checked before it is taken.
///
/// # Errors
/// `Invalid` where it holds no message.
pub(crate) fn check(body: &Json) -> Result<()> {
    let messages = listed(body);
    if messages.is_empty() {
        return Err(invalid("messages", "is empty"));
    }
    if messages.len() > MOST {
        return Err(invalid("messages", format!("has more than {MOST}")));
    }
    for (at, message) in messages.iter().enumerate() {
        let said = Said::deserialize(*message)
            .map_err(|error| invalid(&format!("messages.{at}"), error.to_string()))?;
        let from = said.from.unwrap_or_default();
        let known = [&said.thread_id, &from.id, &from.email, &from.phone];
        if !known.into_iter().flatten().any(|text| !text.trim().is_empty()) {
            return Err(invalid(
                &format!("messages.{at}.from"),
                "needs an id, an email or a phone",
            ));
        }
        let says = said.content.is_some_and(|text| !text.replace('\0', "").trim().is_empty());
        if !says && said.media_url.is_none() {
            return Err(invalid(&format!("messages.{at}.content"), "is required"));
        }
    }
    Ok(())
}

fn listed(body: &Json) -> Vec<&Json> {
    match body.get("messages").and_then(Json::as_array) {
        Some(list) => list.iter().collect(),
        None => vec![body],
    }
}

/// What a body tells; `fallback` names messages that have no id.
pub(crate) fn arrivals(body: &Json, fallback: &str, source: &'static str) -> Vec<Arrival> {
    let read = |(at, message): (usize, &&Json)| {
        let said = Said::deserialize(*message).ok()?;
        Some(Arrival::Message(Box::new(incoming(said, &format!("{fallback}/{at}"), source)?)))
    };
    let told = |message| Arrival::or_unread(read(message), "a message names nobody");
    listed(body).iter().enumerate().map(told).collect()
}

fn incoming(said: Said, fallback: &str, source: &'static str) -> Option<Incoming> {
    let from = said.from.unwrap_or_default();
    let own = [&from.id, &from.email, &from.phone].into_iter().find_map(Clone::clone);
    let is_by_person = said.thread_id.is_none();
    let thread = said.thread_id.or(own)?;
    let of = if source == "Website" { HandleKind::Website } else { HandleKind::External };
    let mut handles: Vec<_> = from.id.into_iter().map(|id| (of, id)).collect();
    handles.extend(from.email.map(|email| (HandleKind::Email, email)));
    handles.extend(from.phone.map(|phone| (HandleKind::Phone, phone)));
    if handles.is_empty() {
        handles.push((of, thread.clone()));
    }
    let person = Person { name: from.name, handles, source };
    let id = said.id.unwrap_or_else(|| fallback.to_owned());
    let mut incoming = Incoming::new(id, thread, person);
    let kind = said.kind.map(|kind| kind.to_uppercase());
    let known = |kind: &String| crate::messages::TYPES.iter().copied().find(|known| known == kind);
    incoming.kind = kind.as_ref().and_then(known).unwrap_or(if said.media_url.is_some() {
        "FILE"
    } else {
        "TEXT"
    });
    incoming.is_by_person = is_by_person;
    incoming.content = said.content.unwrap_or_default();
    incoming.at = said.sent_at.as_deref().and_then(Time::parse);
    incoming.reply_to = said.reply_to;
    incoming.subject = said.subject;
    incoming.metadata = said.metadata.as_ref().map_or(Json::Null, bounded);
    incoming.media =
        said.media_url.map(|url| Media { id: None, url: Some(url), name: said.file_name });
    Some(incoming)
}

/// What is posted to the address of a channel of one's own.
pub(crate) fn outgoing(message: &Outgoing<'_>) -> Json {
    json!({
        "id": message.callback,
        "threadId": message.thread,
        "type": message.kind,
        "content": message.content,
        "replyTo": message.reply_to,
    })
}
