//! What far sides send, read into one form; and what they are sent.
//!
//! Reading never fails: what is not known is kept as such, so that nothing is lost.

pub(crate) mod generic;
pub(crate) mod json;
pub(crate) mod mail;
pub(crate) mod messenger;
pub(crate) mod telegram;
pub(crate) mod whatsapp;

use kith_kernel::{Id, Time};
use serde_json::{Value as Json, json};

use crate::handles::Person;

/// Something that came in by a channel.
#[derive(Debug, Clone)]
pub(crate) enum Arrival {
    /// Somebody said something.
    Message(Box<Incoming>),
    /// What became of something that the house sent.
    Status {
        source: String,
        status: &'static str,
        at: Option<Time>,
        error: Option<String>,
        /// The id of the message, where the far side gives it back.
        callback: Option<Id>,
    },
    /// Everything that the house sent until then arrived, or was read.
    UpTo { thread: String, status: &'static str, until: Time },
    /// A message of the customer says something else now.
    Edited {
        source: String,
        content: String,
        at: Option<Time>,
        /// All of it, where the far side tells it anew: it may not have come before.
        whole: Option<Box<Incoming>>,
    },
    /// A message of the customer was taken back.
    Withdrawn { source: String },
    /// What lacks something without which it cannot be taken in, and what that is.
    Unread { why: String },
}

/// A message as a channel brings it.
#[derive(Debug, Clone)]
pub(crate) struct Incoming {
    /// The far side's id of it.
    pub(crate) source: String,
    /// The far side's id of the conversation.
    pub(crate) thread: String,
    /// The far side names no conversation: a person's messages are one.
    pub(crate) is_by_person: bool,
    /// Who wrote it.
    pub(crate) person: Person,
    /// One of the types of messages.
    pub(crate) kind: &'static str,
    /// Its text.
    pub(crate) content: String,
    /// What else there is to it.
    pub(crate) metadata: Json,
    /// The far side's id of the message that it answers.
    pub(crate) reply_to: Option<String>,
    /// When it was written, as the far side says.
    pub(crate) at: Option<Time>,
    /// A file that comes with it.
    pub(crate) media: Option<Media>,
    /// The house wrote it elsewhere: on a phone, in another program.
    pub(crate) is_echo: bool,
    /// Of mails.
    pub(crate) subject: Option<String>,
    /// The far side's ids of what was said before it, the nearest first: any of them says of which conversation it is.
    pub(crate) references: Vec<String>,
    /// A machine wrote it: nobody waits for an answer, and agents give none.
    pub(crate) is_automatic: bool,
    /// What stands in the delivery itself, and is to be kept beside the message.
    pub(crate) rest: Option<Rest>,
}

/// What a delivery holds besides a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rest {
    /// Files.
    Files,
    /// All of the text, of which the message holds less, and maybe files.
    Text,
}

/// A file at a far side.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Media {
    /// The far side's id of it, where it must be asked for its address.
    pub(crate) id: Option<String>,
    /// Its address.
    pub(crate) url: Option<String>,
    /// Its name.
    pub(crate) name: Option<String>,
}

/// A message as far sides are sent it.
pub(crate) struct Outgoing<'a> {
    /// The message's own id, which some far sides give back.
    pub(crate) callback: &'a str,
    /// The far side's id of the conversation.
    pub(crate) thread: &'a str,
    /// Its type.
    pub(crate) kind: &'a str,
    /// Its text.
    pub(crate) content: &'a str,
    /// The far side's id of the message that it answers.
    pub(crate) reply_to: Option<&'a str>,
    /// What else there is to it.
    pub(crate) metadata: &'a Json,
    /// A file that goes along.
    pub(crate) file: Option<&'a File>,
    /// The far side's id of that file, where it was handed over before.
    pub(crate) media: Option<&'a str>,
}

/// A file with its bytes.
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) content_type: String,
    pub(crate) bytes: Vec<u8>,
}

impl Arrival {
    /// What was read, or else the reason why nothing could be.
    pub(crate) fn or_unread(read: Option<Self>, why: &str) -> Self {
        read.unwrap_or_else(|| Self::Unread { why: why.to_owned() })
    }
}

impl Incoming {
    /// A text; the rest is filled in by whoever read it.
    pub(crate) fn new(source: String, thread: String, person: Person) -> Self {
        Self {
            source,
            thread,
            is_by_person: false,
            person,
            kind: "TEXT",
            content: String::new(),
            metadata: Json::Null,
            reply_to: None,
            at: None,
            media: None,
            is_echo: false,
            subject: None,
            references: Vec::new(),
            is_automatic: false,
            rest: None,
        }
    }

    /// What is of a kind that is not known here: kept as it came.
    pub(crate) fn unknown(mut self, kind: &str, raw: &Json) -> Self {
        self.kind = "UNKNOWN";
        self.metadata = json!({ "kind": kind, "raw": bounded(raw) });
        self
    }
}

/// JSON that is no larger than a field of a record takes; what is larger stands in the delivery alone.
pub(crate) fn bounded(raw: &Json) -> Json {
    const LARGEST: usize = 8 * 1024;
    if raw.to_string().len() <= LARGEST && depth(raw) <= 5 {
        raw.clone()
    } else {
        json!("too large to be shown; the delivery holds it")
    }
}

fn depth(json: &Json) -> usize {
    match json {
        Json::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Json::Object(keys) => 1 + keys.values().map(depth).max().unwrap_or(0),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => 0,
    }
}

/// Text, or a number as text: ids come as both.
pub(crate) fn text(json: &Json) -> Option<String> {
    match json {
        Json::String(text) if !text.is_empty() => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::String(_) | Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => None,
    }
}

/// Seconds since 1970, as text or number.
pub(crate) fn seconds(json: &Json) -> Option<Time> {
    let seconds: i64 = text(json)?.parse().ok()?;
    milliseconds(seconds.checked_mul(1000)?)
}

/// Milliseconds since 1970, between then and the year 9999.
pub(crate) fn milliseconds(milliseconds: i64) -> Option<Time> {
    (0..=253_402_300_799_999).contains(&milliseconds).then(|| Time::from_milliseconds(milliseconds))
}

/// The items of a list; none where it is none.
pub(crate) fn each(json: &Json) -> impl Iterator<Item = &Json> {
    json.as_array().into_iter().flatten()
}
