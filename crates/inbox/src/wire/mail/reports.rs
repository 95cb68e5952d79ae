//! Reports: what mail servers and readers of mails say of mails that were sent.

use mail_parser::{ContentType, Message, MessageParser, MimeHeaders};

use super::{id, ids, line, ours};
use crate::wire::Arrival;

const LONGEST_REASON: usize = 300;

/// Whether a mail is a report: of a mail server, or that somebody read something.
pub(super) fn is_report(message: &Message<'_>) -> bool {
    is_kind(message.content_type(), ("multipart", "report"))
}

fn is_kind(found: Option<&ContentType<'_>>, (kind, sub): (&str, &str)) -> bool {
    found.is_some_and(|found| {
        let same = |sub: &str| found.subtype().is_some_and(|other| other.eq_ignore_ascii_case(sub));
        found.ctype().eq_ignore_ascii_case(kind) && same(sub)
    })
}

/// What a report says of the mails that it names.
pub(super) fn states(message: &Message<'_>) -> Vec<Arrival> {
    if !is_report(message) {
        return Vec::new();
    }
    let text_of = |sub: &str| {
        let part = message.parts.iter().find(|part| is_kind(part.content_type(), ("message", sub)))?;
        Some(String::from_utf8_lossy(part.contents()).into_owned())
    };
    let delivery = text_of("delivery-status").and_then(|text| delivery(&text));
    let reading = text_of("disposition-notification").and_then(|text| reading(&text));
    let (status, error, named) = match (delivery, reading) {
        (Some((status, error)), _) => (status, error, None),
        (None, Some(original)) => ("read", None, original),
        (None, None) => return Vec::new(),
    };
    let sources = named.map_or_else(|| originals(message), |named| vec![named]);
    let state = |source: String| Arrival::Status {
        callback: ours(&source),
        source,
        status,
        at: None,
        error: error.clone(),
    };
    sources.into_iter().map(state).collect()
}

/// The mails that are reported of: as they came along, or as the report answers them.
fn originals(message: &Message<'_>) -> Vec<String> {
    let along = message.parts.iter().find_map(|part| match part.message() {
        Some(inner) => inner.message_id().and_then(id),
        None if is_kind(part.content_type(), ("text", "rfc822-headers")) => {
            let headers = MessageParser::default().parse(part.contents())?;
            headers.message_id().and_then(id)
        }
        None => None,
    });
    match along {
        Some(one) => vec![one],
        None => ids(message.in_reply_to()).into_iter().take(1).collect(),
    }
}

/// The value of a field, with the lines that continue it.
fn field(text: &str, name: &str) -> Option<String> {
    let mut lines = text.lines();
    let mut value = lines.by_ref().find_map(|line| {
        let (field, value) = line.split_once(':')?;
        field.trim().eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    })?;
    for more in lines.take_while(|more| more.starts_with([' ', '\t'])) {
        value.push(' ');
        value.push_str(more.trim());
    }
    Some(value)
}

/// What became of a mail, and why.
fn delivery(text: &str) -> Option<(&'static str, Option<String>)> {
    let action = field(text, "Action")?.to_lowercase();
    match action.as_str() {
        "failed" => {
            let code = field(text, "Status");
            let words = field(text, "Diagnostic-Code");
            let words = words.map(|words| match words.split_once(';') {
                Some((_, rest)) => rest.trim().to_owned(),
                None => words,
            });
            let why = match (words.filter(|words| !words.is_empty()), code) {
                (Some(words), _) => words,
                (None, Some(code)) => format!("The mail was returned: {code}."),
                (None, None) => "The mail was returned.".to_owned(),
            };
            Some(("failed", Some(line(&why, LONGEST_REASON))))
        }
        "delivered" => Some(("delivered", None)),
        // It is tried again, or handed to somebody who says no more of it.
        _ => None,
    }
}

/// The mail that was shown to somebody; within: where it is named.
fn reading(text: &str) -> Option<Option<String>> {
    let how = field(text, "Disposition")?.to_lowercase();
    let is_shown = how.rsplit(';').next().is_some_and(|how| how.trim().starts_with("displayed"));
    is_shown.then(|| field(text, "Original-Message-ID").as_deref().and_then(id))
}
