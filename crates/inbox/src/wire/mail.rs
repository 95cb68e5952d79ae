//! Mails, read into the one form: who wrote them, what they say and what they only repeat, which thread they are of.

mod html;
mod parts;
mod quotes;
mod reports;
mod trial;

use std::{
    mem::take,
    ops::Deref,
    panic::{AssertUnwindSafe, catch_unwind},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use kith_kernel::Id;
use mail_parser::{Addr, Address, HeaderValue, Message, MessageParser, PartType};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::{Arrival, Incoming, Rest, milliseconds};
use crate::handles::{HandleKind, Person, is_address};

pub(crate) use parts::{File, files, whole_text};
pub(crate) use trial::Trial;
pub use trial::try_reading;

/// Longer ids are none that anybody wrote by a rule.
const LONGEST_ID: usize = 500;
/// Threads are told by their first mail and by those that were last.
const MOST_REFERENCES: usize = 20;
const MOST_ADDRESSES: usize = 10;
const LONGEST_ADDRESS: usize = 254;
const LONGEST_NAME: usize = 200;
/// What a mail only repeats is shown so far (bytes); beyond that it is in a file.
const LONGEST_QUOTED: usize = 5_000;
const LONGEST_SIGNATURE: usize = 1_000;
/// Metadata has to fit into a field.
const LARGEST_METADATA: usize = 14 * 1024;

/// A mail as it is parsed, which may hold mails within mails by the hundred thousand: it is taken apart level by level, since
/// dropping it as it is would go as deep, beyond what a stack holds.
pub(crate) struct Parsed<'a>(Message<'a>);

impl<'a> Deref for Parsed<'a> {
    type Target = Message<'a>;

    fn deref(&self) -> &Message<'a> {
        &self.0
    }
}

impl Drop for Parsed<'_> {
    fn drop(&mut self) {
        let mut waiting = vec![take(&mut self.0.parts)];
        while let Some(parts) = waiting.pop() {
            for mut part in parts {
                if let PartType::Message(inner) = take(&mut part.body) {
                    waiting.push(inner.parts);
                }
            }
        }
    }
}

/// A mail as it is parsed; nothing where it has not even a header.
pub(crate) fn parsed(bytes: &[u8]) -> Option<Parsed<'_>> {
    // The envelope, as mailboxes of Unix note it, is no header.
    let bytes = match bytes.strip_prefix(b"From ") {
        Some(rest) => rest.splitn(2, |byte| *byte == b'\n').nth(1).unwrap_or_default(),
        None => bytes,
    };
    // What a stranger sends shall not end the work on all that comes behind it.
    let read = || MessageParser::default().parse(bytes).map(Parsed);
    let message = catch_unwind(AssertUnwindSafe(read)).ok().flatten()?;
    (!message.headers().is_empty()).then_some(message)
}

/// What a mail to a channel with that address tells.
pub(crate) fn arrivals(bytes: &[u8], own: &str) -> Vec<Arrival> {
    let read = || {
        let message = parsed(bytes)?;
        Some(told(&message, (bytes, own)))
    };
    match catch_unwind(AssertUnwindSafe(read)).ok().flatten() {
        Some(arrivals) => arrivals,
        None => vec![Arrival::Message(Box::new(unread(bytes)))],
    }
}

fn told(message: &Message<'_>, (bytes, own): (&[u8], &str)) -> Vec<Arrival> {
    let mut incoming = read(message, (bytes, own));
    let mut arrivals = Vec::new();
    if let Some(report) = reports::read(message) {
        incoming.kind = "EVENT";
        incoming.is_automatic = true;
        incoming.references.splice(0..0, report.of);
        arrivals = report.states;
    }
    arrivals.push(Arrival::Message(Box::new(incoming)));
    arrivals
}

/// What is no mail at all, or one that must not be read, is kept all the same.
pub(crate) fn unread(bytes: &[u8]) -> Incoming {
    let person = Person {
        name: None,
        handles: vec![(HandleKind::External, "unreadable mail".to_owned())],
        source: "Email",
    };
    let source = made_id(bytes);
    let mut incoming = Incoming::new(source.clone(), source, person);
    incoming.kind = "UNKNOWN";
    incoming.is_automatic = true;
    incoming.metadata =
        json!({ "kind": "mail", "raw": "it cannot be read; the delivery holds it" });
    incoming
}

fn made_id(bytes: &[u8]) -> String {
    format!("{}@mail.invalid", URL_SAFE_NO_PAD.encode(&Sha256::digest(bytes)[..16]))
}

/// Who is named in a mail.
struct Named {
    from: Vec<Mailbox>,
    to: Vec<Mailbox>,
    reply_to: Vec<Mailbox>,
    /// With whom the house speaks.
    other: Option<Mailbox>,
    /// The house wrote it.
    is_echo: bool,
}

/// A name and an address.
type Mailbox = (Option<String>, String);

fn named(message: &Message<'_>, own: &str) -> Named {
    let is_own = |one: &Mailbox| one.1.eq_ignore_ascii_case(own.trim());
    let from = addresses(message.from());
    let reply_to = addresses(message.reply_to());
    let to = addresses(message.to());
    // A form on a web page writes in the name of the house, and says whom to answer.
    let of_form =
        from.first().is_some_and(is_own) && reply_to.first().is_some_and(|one| !is_own(one));
    let author = if of_form { reply_to.first() } else { from.first() };
    let is_echo = author.is_some_and(is_own);
    let other = if is_echo { to.iter().find(|one| !is_own(one)).or(author) } else { author };
    Named { other: other.cloned(), from, to, reply_to, is_echo }
}

fn read(message: &Message<'_>, (bytes, own): (&[u8], &str)) -> Incoming {
    let named = named(message, own);
    let source = message.message_id().and_then(id).unwrap_or_else(|| made_id(bytes));
    let references = references(message);
    let person = person(named.other.as_ref(), message);
    let root = references.last().unwrap_or(&source).clone();
    let whose = person.handles.first().map(|(_, value)| value.to_lowercase()).unwrap_or_default();
    let mut incoming = Incoming::new(source, format!("{root} {whose}"), person);
    incoming.subject =
        message.subject().map(|text| line(text, LONGEST_NAME)).filter(|text| !text.is_empty());
    let is_forward = quotes::is_forward(incoming.subject.as_deref().unwrap_or_default());
    let split = quotes::split(&parts::whole_text(message), is_forward);
    incoming.reply_to = references.first().cloned();
    incoming.references = references;
    incoming.at = message
        .date()
        .filter(|date| date.is_valid())
        .and_then(|date| milliseconds(date.to_timestamp().checked_mul(1000)?));
    incoming.is_echo = named.is_echo;
    let automatic = automatic(message);
    incoming.is_automatic = automatic.is_some();
    let (files, left_out) = files(message);
    let all: Vec<Json> = files.iter().map(File::told).collect();
    let told = json!({
        "subject": incoming.subject, "from": shown(&named.from), "to": shown(&named.to),
        "cc": shown(&addresses(message.cc())), "replyTo": shown(&named.reply_to), "automatic": automatic,
        "signature": split.signature, "quoted": split.quoted, "files": all,
        "filesLeftOut": Some(left_out).filter(|count| *count > 0),
    });
    let (metadata, is_cut) = fitted(told);
    incoming.metadata = metadata;
    incoming.rest =
        if is_cut { Some(Rest::Text) } else { (!files.is_empty()).then_some(Rest::Files) };
    if split.said.is_empty() && !files.is_empty() {
        incoming.kind = if files.iter().all(File::is_image) { "IMAGE" } else { "FILE" };
    }
    incoming.content = split.said;
    incoming
}

/// Metadata without what is empty, and what no field can hold; whether anything of the text is missing.
fn fitted(mut told: Json) -> (Json, bool) {
    let mut is_cut = false;
    let too_long = |text: Option<&Json>, most| {
        text.and_then(Json::as_str).is_some_and(|text| text.len() > most)
    };
    if let Some(metadata) = told.as_object_mut() {
        metadata
            .retain(|_, value| !(value.is_null() || value.as_array().is_some_and(Vec::is_empty)));
        for (key, most) in [("quoted", LONGEST_QUOTED), ("signature", LONGEST_SIGNATURE)] {
            if too_long(metadata.get(key), most) {
                is_cut |= metadata.remove(key).is_some();
            }
        }
    }
    for key in ["quoted", "signature", "cc", "to", "files"] {
        if told.to_string().len() > LARGEST_METADATA
            && let Some(metadata) = told.as_object_mut()
        {
            is_cut |= metadata.remove(key).is_some() && matches!(key, "quoted" | "signature");
        }
    }
    (told, is_cut)
}

fn person(other: Option<&Mailbox>, message: &Message<'_>) -> Person {
    let handle = match other {
        Some((_, address)) if is_address(address) => (HandleKind::Email, address.clone()),
        Some((_, address)) if !address.is_empty() => (HandleKind::External, address.clone()),
        _ => {
            let raw = message.header_raw("From").map(|text| line(text, LONGEST_NAME));
            let named = raw.filter(|text| !text.is_empty());
            (HandleKind::External, named.unwrap_or_else(|| "unknown sender".to_owned()))
        }
    };
    let name = other.and_then(|(name, _)| name.clone());
    Person { name, handles: vec![handle], source: "Email" }
}

fn addresses(header: Option<&Address<'_>>) -> Vec<Mailbox> {
    let all = header.into_iter().flat_map(Address::iter);
    let one = |one: &Addr<'_>| {
        let address = line(one.address.as_deref()?, LONGEST_ADDRESS);
        let name = one.name.as_deref().map(|name| line(name, LONGEST_NAME));
        Some((name.filter(|name| !name.is_empty()), address))
    };
    all.filter_map(one).filter(|(_, address)| !address.is_empty()).take(MOST_ADDRESSES).collect()
}

fn shown(addresses: &[Mailbox]) -> Json {
    let one = |(name, address): &Mailbox| match name {
        Some(name) => json!({ "name": name, "address": address }),
        None => json!({ "address": address }),
    };
    Json::Array(addresses.iter().map(one).collect())
}

/// Text on one line, of a bounded length.
fn line(text: &str, most: usize) -> String {
    let spaced: String =
        text.chars().map(|sign| if sign.is_control() { ' ' } else { sign }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(most).collect()
}

/// An id of a mail as it is compared: without angle brackets.
fn id(text: &str) -> Option<String> {
    let text = text.trim().trim_start_matches('<').trim_end_matches('>').trim();
    let fits = (1..=LONGEST_ID).contains(&text.len())
        && !text.chars().any(|sign| sign.is_control() || sign.is_whitespace());
    fits.then(|| text.to_owned())
}

fn ids(value: &HeaderValue<'_>) -> Vec<String> {
    let one = |text: &str| text.split_whitespace().filter_map(id).collect::<Vec<_>>();
    match value.as_text_list() {
        Some(list) => list.iter().flat_map(|text| one(text)).collect(),
        None => value.as_text().map(one).unwrap_or_default(),
    }
}

/// The mails that a mail names as those before it: the nearest first, the first of the thread last.
fn references(message: &Message<'_>) -> Vec<String> {
    let mut nearest = ids(message.in_reply_to());
    let mut all = ids(message.references());
    all.reverse();
    nearest.append(&mut all);
    let mut known = Vec::new();
    for id in nearest {
        if !known.contains(&id) && known.len() < 4 * MOST_REFERENCES {
            known.push(id);
        }
    }
    if known.len() > MOST_REFERENCES {
        let first = known.pop();
        known.truncate(MOST_REFERENCES - 1);
        known.extend(first);
    }
    known
}

/// A message of the house by the id of its mail, which begins with the message's own.
pub(crate) fn ours(source: &str) -> Option<Id> {
    source.split_once('@')?.0.parse().ok()
}

/// What says that no person wrote a mail.
fn automatic(message: &Message<'_>) -> Option<String> {
    let said = |name: &'static str| {
        let text = message.header_raw(name)?;
        Some(line(text, 80).to_lowercase())
    };
    let submitted = said("Auto-Submitted").filter(|how| how != "no" && !how.starts_with("no;"));
    let precedence = said("Precedence").filter(|how| {
        matches!(how.as_str(), "bulk" | "junk" | "list" | "auto_reply" | "auto-reply")
    });
    let of_list = said("List-Id").or_else(|| said("List-Unsubscribe")).map(|_| "list".to_owned());
    let answered = ["X-Autoreply", "X-Autorespond", "X-Auto-Reply"].into_iter().find_map(said);
    let answered = answered.filter(|how| how != "no").map(|_| "auto-replied".to_owned());
    let bounced = said("Return-Path").filter(|path| path == "<>").map(|_| "returned".to_owned());
    let report = reports::is_report(message).then(|| "report".to_owned());
    report.or(submitted).or(precedence).or(of_list).or(answered).or(bounced)
}

#[cfg(test)]
mod tests;
