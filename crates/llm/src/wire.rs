//! The forms in which providers are spoken to.

mod anthropic;
pub(crate) mod embeddings;
mod openai;
#[cfg(test)]
mod tests;
pub(crate) mod transcriptions;

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Map, Value as Json};

use crate::{
    answer::{Answer, Event},
    chat::Chat,
    failure::{Cause, Failure},
    provider::{Form, Provider},
    transport::Header,
    tree::Tree,
};

/// Letters of a provider's own words that are passed on.
const LONGEST_WORDS: usize = 4_000;

/// Where a chat goes, below the provider's base address.
pub(crate) fn path(form: Form) -> &'static str {
    match form {
        Form::OpenAi => "/chat/completions",
        Form::Anthropic => "/messages",
    }
}

/// What the body of a request to a path is.
pub(crate) fn kind(path: &str) -> &'static str {
    if path == transcriptions::PATH { transcriptions::KIND } else { "application/json" }
}

/// What a provider wants to know besides the body.
pub(crate) fn headers(form: Form, key: Option<&str>) -> Vec<Header> {
    let secret = |name, value| Header { name, value, is_secret: true };
    match form {
        Form::OpenAi => {
            key.map(|key| secret("authorization", format!("Bearer {key}"))).into_iter().collect()
        }
        Form::Anthropic => {
            let version = "2023-06-01".to_owned();
            let version = Header { name: "anthropic-version", value: version, is_secret: false };
            let key = key.map(|key| secret("x-api-key", key.to_owned()));
            key.into_iter().chain([version]).collect()
        }
    }
}

/// A chat in the form of a provider.
///
/// # Errors
/// `Refused` for what cannot be said in that form.
pub(crate) fn body(
    (provider, model): (Provider, &str),
    chat: &Chat,
    streams: bool,
) -> Result<Bytes, Failure> {
    match provider.form() {
        Form::OpenAi => openai::body((provider, model), chat, streams),
        Form::Anthropic => Ok(anthropic::body(model, chat, streams)?.to_string().into()),
    }
}

/// A whole answer.
pub(crate) fn answer(form: Form, chat: &Chat, body: &[u8]) -> Result<Answer, Failure> {
    let no_json = |_| no_answer("is no JSON");
    match form {
        Form::OpenAi => openai::answer(&serde_json::from_slice(body).map_err(no_json)?),
        Form::Anthropic => anthropic::answer(chat, &serde_json::from_slice(body).map_err(no_json)?),
    }
}

/// Reads an answer as it comes.
pub(crate) enum Decoder {
    OpenAi(openai::Decoder),
    Anthropic(anthropic::Decoder),
}

impl Decoder {
    pub(crate) fn new(form: Form, chat: &Chat) -> Self {
        match form {
            Form::OpenAi => Self::OpenAi(openai::Decoder::default()),
            Form::Anthropic => Self::Anthropic(anthropic::Decoder::new(chat)),
        }
    }

    /// Takes bytes, and adds the events that are whole now.
    pub(crate) fn take(&mut self, bytes: &[u8], events: &mut Vec<Event>) -> Result<(), Failure> {
        match self {
            Self::OpenAi(decoder) => decoder.take(bytes, events),
            Self::Anthropic(decoder) => decoder.take(bytes, events),
        }
    }

    /// Whether it was said that nothing follows: the connection may stay open behind that.
    pub(crate) fn is_done(&self) -> bool {
        match self {
            Self::OpenAi(decoder) => decoder.is_done,
            Self::Anthropic(decoder) => decoder.is_done,
        }
    }

    /// Takes the end of the bytes.
    pub(crate) fn end(self, events: &mut Vec<Event>) -> Result<(), Failure> {
        match self {
            Self::OpenAi(decoder) => decoder.end(events),
            Self::Anthropic(decoder) => decoder.end(events),
        }
    }
}

/// What an answer that is none says, by its status.
pub(crate) fn refusal(
    status: u16,
    header: &dyn Fn(&str) -> Option<String>,
    body: &[u8],
) -> Failure {
    let cause = match status {
        400 | 413 | 415 | 422 => Cause::Refused,
        401..=403 => Cause::Unauthorised,
        404 => Cause::UnknownModel,
        408 => Cause::Late,
        429 => Cause::Limited,
        500.. => Cause::Broken,
        _ => Cause::Garbled,
    };
    let words = serde_json::from_slice(body).ok().and_then(|json| words(&json));
    let message = words.map_or_else(
        || format!("answered with status {status}"),
        |words| format!("answered with status {status}: {words}"),
    );
    Failure { cause, message, retry_after: retry_after(header) }
}

fn retry_after(header: &dyn Fn(&str) -> Option<String>) -> Option<Duration> {
    let number = |name: &str| header(name)?.trim().parse::<f64>().ok();
    let seconds = number("retry-after-ms")
        .map(|milliseconds| milliseconds / 1000.0)
        .or_else(|| number("retry-after"))?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// The words of an error in any of the forms it has, cut.
fn words(json: &Tree<'_>) -> Option<String> {
    // Google wraps its error in a list.
    let json = json.first().unwrap_or(json);
    let error = json.get("error").unwrap_or(json);
    let text = error.as_str().or_else(|| error.get("message")?.as_str())?;
    Some(text.chars().take(LONGEST_WORDS).collect())
}

fn no_answer(why: &str) -> Failure {
    Failure::new(Cause::Garbled, format!("gave an answer that {why}"))
}

fn broke_off() -> Failure {
    Failure::new(Cause::Cut, "broke off its answer")
}

fn cannot_say(provider: &str, option: &str) -> Failure {
    let message = format!("{provider} cannot be told `{option}`");
    Failure::new(Cause::Refused, message)
}

/// Options that have no name with us go to who speaks the form that they are of.
fn others<'a>(
    chat: &'a Chat,
    (form, name): (Form, &str),
) -> Result<&'a Map<String, Json>, Failure> {
    match chat.options.others.keys().next() {
        Some(option) if chat.options.form != form => Err(cannot_say(name, option)),
        Some(_) | None => Ok(&chat.options.others),
    }
}

/// A number of tokens.
fn tokens(json: &Tree<'_>, key: &str) -> u32 {
    let number = json.get(key).and_then(Tree::as_u64).unwrap_or_default();
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The text under a key, or nothing.
fn text<'a>(json: &'a Tree<'_>, key: &str) -> &'a str {
    json.get(key).and_then(Tree::as_str).unwrap_or_default()
}
