//! Reports: what mail servers and readers of mails say of mails that were sent.

use mail_parser::{ContentType, Message, MimeHeaders};

use super::{id, ids, line, ours, parsed};
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

/// A report: of which mails it is, and what became of them, as far as that says anything.
pub(super) struct Report {
    pub(super) of: Vec<String>,
    pub(super) states: Vec<Arrival>,
}

/// What a mail reports; nothing where it is no report.
pub(super) fn read(message: &Message<'_>) -> Option<Report> {
    if !is_report(message) {
        return None;
    }
    let text_of = |sub: &str| {
        let kind = ("message", sub);
        let part = message.parts.iter().find(|part| is_kind(part.content_type(), kind))?;
        Some(String::from_utf8_lossy(part.contents()).into_owned())
    };
    let reading = text_of("disposition-notification");
    let named = reading.as_deref().and_then(|text| field(text, "Original-Message-ID"));
    let of = match named.as_deref().and_then(id) {
        Some(named) => vec![named],
        None => originals(message),
    };
    let became = match text_of("delivery-status") {
        Some(text) => delivery(&text),
        None => reading.is_some_and(|text| is_shown(&text)).then_some(("read", None)),
    };
    let state =
        |source: &String, (status, error): &(&'static str, Option<String>)| Arrival::Status {
            callback: ours(source),
            source: source.clone(),
            status,
            at: None,
            error: error.clone(),
        };
    let states =
        became.iter().flat_map(|became| of.iter().map(|source| state(source, became))).collect();
    Some(Report { of, states })
}

/// The mails that are reported of: as they came along, or as the report answers them.
fn originals(message: &Message<'_>) -> Vec<String> {
    let along = message.parts.iter().find_map(|part| match part.message() {
        Some(inner) => inner.message_id().and_then(id),
        None if is_kind(part.content_type(), ("text", "rfc822-headers")) => {
            let headers = parsed(part.contents())?;
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

/// Whether somebody saw the mail, and did not only delete it.
fn is_shown(text: &str) -> bool {
    let how = field(text, "Disposition").unwrap_or_default().to_lowercase();
    how.rsplit(';').next().is_some_and(|how| how.trim().starts_with("displayed"))
}
