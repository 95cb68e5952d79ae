//! The parts of a mail: its text, and the files that come with it.

use mail_parser::{Message, MimeHeaders, PartType};
use serde_json::{Value as Json, json};

use super::{html, line};

/// More files of one mail are named and not kept.
const MOST_FILES: usize = 20;
const LONGEST_NAME: usize = 100;

/// A file of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) content_type: String,
    /// Which part of the mail it is.
    pub(crate) part: usize,
    pub(crate) size: usize,
}

impl File {
    /// As metadata tell of it, until it is kept.
    pub(crate) fn told(&self) -> Json {
        json!({ "name": self.name, "size": self.size, "state": "queued" })
    }

    pub(super) fn is_image(&self) -> bool {
        self.content_type.starts_with("image/")
    }
}

/// All text of a mail: its plain parts, and of those that are in HTML alone what they read as.
pub(crate) fn whole_text(message: &Message<'_>) -> String {
    let mut all = String::new();
    for at in &message.text_body {
        let Some(part) = message.part(*at) else { continue };
        let text = match &part.body {
            PartType::Text(text) => text.to_string(),
            PartType::Html(text) => html::readable(text),
            PartType::Binary(_)
            | PartType::InlineBinary(_)
            | PartType::Message(_)
            | PartType::Multipart(_) => continue,
        };
        if !all.is_empty() && !text.trim().is_empty() {
            all.push_str("\n\n");
        }
        all.push_str(text.trim_end());
    }
    let plain = |sign: &char| !sign.is_control() || matches!(sign, '\n' | '\t');
    all.replace("\r\n", "\n").replace('\r', "\n").chars().filter(plain).collect()
}

/// The files of a mail, and how many more there are.
pub(crate) fn files(message: &Message<'_>) -> (Vec<File>, usize) {
    let is_text = |at: usize| {
        let holds = |list: &[u32]| list.iter().any(|one| usize::try_from(*one) == Ok(at));
        holds(&message.text_body) || holds(&message.html_body)
    };
    let mut files = Vec::new();
    let mut left_out = 0;
    for (at, part) in message.parts.iter().enumerate() {
        let is_file = match &part.body {
            PartType::Text(_) | PartType::Html(_) => !is_text(at),
            PartType::Binary(_) | PartType::InlineBinary(_) | PartType::Message(_) => true,
            PartType::Multipart(_) => false,
        };
        if !is_file || part.contents().is_empty() {
            continue;
        }
        if files.len() == MOST_FILES {
            left_out += 1;
            continue;
        }
        let kind = part.content_type().map(|kind| match kind.subtype() {
            Some(sub) => format!("{}/{sub}", kind.ctype()).to_lowercase(),
            None => kind.ctype().to_lowercase(),
        });
        let content_type = kind.unwrap_or_else(|| "application/octet-stream".to_owned());
        let named = part.attachment_name().map(|name| line(name, LONGEST_NAME));
        let subject = part.message().and_then(|inner| inner.subject());
        let of_mail = subject.map(|subject| format!("{}.eml", line(subject, LONGEST_NAME - 4)));
        let name = named.or(of_mail).filter(|name| !name.is_empty());
        let name = name.unwrap_or_else(|| default_name(&content_type).to_owned());
        files.push(File { name, content_type, part: at, size: part.contents().len() });
    }
    (files, left_out)
}

fn default_name(kind: &str) -> &'static str {
    match kind {
        "message/rfc822" => "mail.eml",
        "message/delivery-status" | "message/disposition-notification" => "report.txt",
        "text/rfc822-headers" => "headers.txt",
        "text/calendar" => "invitation.ics",
        "image/png" => "image.png",
        "image/jpeg" => "image.jpg",
        "image/gif" => "image.gif",
        _ => "file",
    }
}
