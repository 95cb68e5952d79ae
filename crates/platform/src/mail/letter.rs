//! Letters: mails that belong to a conversation, with the headers that keep it together.

use std::time::{Duration, SystemTime};

use kith_kernel::{Result, Time, invalid};
use lettre::{
    Address, Message,
    message::{
        Attachment, Mailbox, MultiPart, SinglePart,
        header::{ContentType, HeaderName, HeaderValue},
    },
};

use super::one_line;

/// A mail of a conversation.
#[derive(Debug, Clone, Default)]
pub struct Letter {
    /// What its sender is called.
    pub from_name: String,
    /// The address that it comes from; nothing: the house's own.
    pub from: Option<String>,
    /// Where answers go, if not there.
    pub reply_to: Option<String>,
    /// To whom: an address without a name.
    pub to: String,
    /// What about, in one line.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// Its Message-ID, without angle brackets; the same however often it is sent.
    pub message_id: String,
    /// The Message-ID of what it answers, without angle brackets.
    pub in_reply_to: Option<String>,
    /// Message-IDs of what was said before, the oldest first.
    pub references: Vec<String>,
    /// A machine wrote it, and machines shall not answer.
    pub is_automatic: bool,
    /// When it was written.
    pub at: Option<Time>,
    /// A file that goes along: name, content type and bytes.
    pub file: Option<(String, String, Vec<u8>)>,
}

/// An address as headers take it.
pub(super) fn address(key: &str, text: &str) -> Result<Address> {
    text.trim().parse().map_err(|_| invalid(key, "is no e-mail address"))
}

impl Letter {
    /// As it is sent. `house` stands in where the letter names no sender.
    ///
    /// # Errors
    /// `Invalid` where an address is none.
    pub(super) fn written(&self, house: &Mailbox) -> Result<Message> {
        let from = match &self.from {
            Some(from) => address("from", from)?,
            None => house.email.clone(),
        };
        let name = Some(one_line(&self.from_name)).filter(|name| !name.is_empty());
        let milliseconds = self.at.map_or(0, Time::milliseconds);
        let written = Duration::from_millis(u64::try_from(milliseconds).unwrap_or_default());
        let mut builder = Message::builder()
            .from(Mailbox::new(name.clone(), from))
            .to(Mailbox::new(None, address("to", &self.to)?))
            .subject(one_line(&self.subject))
            .message_id(Some(bracketed(&self.message_id)))
            .date(SystemTime::UNIX_EPOCH + written);
        if let Some(reply_to) = &self.reply_to {
            builder = builder.reply_to(Mailbox::new(name, address("replyTo", reply_to)?));
        }
        if let Some(answered) = &self.in_reply_to {
            builder = builder.in_reply_to(bracketed(answered));
        }
        if !self.references.is_empty() {
            let all: Vec<String> = self.references.iter().map(|id| bracketed(id)).collect();
            builder = builder.references(all.join(" "));
        }
        if self.is_automatic {
            let name = HeaderName::new_from_ascii_str("Auto-Submitted");
            builder = builder.raw_header(HeaderValue::new(name, "auto-replied".to_owned()));
        }
        let text = SinglePart::plain(self.text.clone());
        let message = match &self.file {
            None => builder.singlepart(text),
            Some((name, kind, bytes)) => {
                let kind = ContentType::parse(kind)
                    .or_else(|_| ContentType::parse("application/octet-stream"))
                    .map_err(|error| kith_kernel::internal("no content type").caused_by(error))?;
                let file = Attachment::new(one_line(name)).body(bytes.clone(), kind);
                builder.multipart(MultiPart::mixed().singlepart(text).singlepart(file))
            }
        };
        message.map_err(|error| invalid("mail", "cannot be written").caused_by(error))
    }
}

/// An id between angle brackets; what would end it, or begin another header, is left out.
fn bracketed(id: &str) -> String {
    let plain = |sign: &char| sign.is_ascii_graphic() && !matches!(sign, '<' | '>');
    format!("<{}>", id.chars().filter(plain).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_keep_a_conversation_together() {
        let letter = Letter {
            from_name: "Loja\r\nBcc: all@example.com".to_owned(),
            from: Some("help@shop.example".to_owned()),
            to: "ana@example.com".to_owned(),
            subject: "Re: Lamps".to_owned(),
            text: "Olá".to_owned(),
            message_id: "1@shop.example".to_owned(),
            in_reply_to: Some("a@x>\r\nBcc: b@c".to_owned()),
            references: vec!["a@x".to_owned(), "b@y".to_owned()],
            is_automatic: true,
            file: Some(("a\r\nb.txt".to_owned(), "text/plain".to_owned(), b"hello".to_vec())),
            ..Letter::default()
        };
        let house = "Kith <kith@crm.example>".parse().unwrap();
        let written = String::from_utf8(letter.written(&house).unwrap().formatted()).unwrap();
        for line in [
            "To: ana@example.com\r\n",
            "Subject: Re: Lamps\r\n",
            "Message-ID: <1@shop.example>\r\n",
            "References: <a@x> <b@y>\r\n",
            "Auto-Submitted: auto-replied\r\n",
        ] {
            assert!(written.contains(line), "{line} in {written}");
        }
        assert!(!written.contains("\r\nBcc:"), "{written}");
        assert!(written.contains("help@shop.example"));
        let house_own = Letter { from: None, ..letter.clone() };
        let written = String::from_utf8(house_own.written(&house).unwrap().formatted()).unwrap();
        assert!(written.contains("kith@crm.example"));
        assert!(Letter { to: "a@b, c@d".to_owned(), ..letter }.written(&house).is_err());
    }
}
