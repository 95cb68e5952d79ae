//! Mails that a mail server or a service for mail hands over, each whole and as it came.

use std::sync::Arc;

use axum::http::header;
use base64::{Engine, engine::general_purpose::STANDARD};
use kith_http::{Answer, Call, Routes};
use kith_kernel::{Result, malformed};

use super::{
    deliveries::keep,
    webhooks::{OWN, given_key, posted, received, unsigned},
};
use crate::{Inbox, channels::ChannelKind, signatures};

const KINDS: [&str; 3] = ["message/rfc822", "application/octet-stream", "text/plain"];
/// Within so many bytes stands a header, if it is a mail.
const LOOKED_AT: usize = 4_096;

pub(super) fn routes(inbox: &Arc<Inbox>) -> Routes {
    let operation = posted(inbox, "/api/webhooks/email/{channelId}", "A mail that came in")
        .raw_body(KINDS[0])
        .body_bytes(inbox.far.options.mail_bytes);
    let inbox = Arc::clone(inbox);
    Routes::new().add(operation, move |call| mail(Arc::clone(&inbox), call))
}

/// The key of a channel, also as the password of a sign-in by HTTP, which is what addresses can hold.
fn key(call: &Call) -> Option<String> {
    let basic = call.header(&header::AUTHORIZATION).and_then(|text| text.strip_prefix("Basic "));
    match basic {
        Some(basic) => {
            let plain = String::from_utf8(STANDARD.decode(basic.trim()).ok()?).ok()?;
            plain.split_once(':').map(|(_, password)| password.to_owned())
        }
        None => given_key(call).map(str::to_owned),
    }
}

async fn mail(inbox: Arc<Inbox>, mut call: Call) -> Result<Answer> {
    let (ctx, channel) = inbox.named(&call, ChannelKind::Email).await?;
    let secret = channel.need("inboundKey")?;
    let by_key = key(&call).is_some_and(|key| signatures::is_same(secret, &key));
    let signature = call.header(&OWN).map(str::to_owned);
    if !by_key && signature.is_none() {
        // Before anything large is read.
        return Err(unsigned());
    }
    let body = call.bytes(&KINDS).await?;
    let by_signature = signature
        .is_some_and(|signature| signatures::is_fresh(secret, &body.0, &signature, ctx.now()));
    if !by_key && !by_signature {
        return Err(unsigned());
    }
    if !is_mail(&body.0) {
        return Err(malformed("The body is no mail: it must begin with its headers."));
    }
    received(keep(&ctx, channel.id, &body.0).await?)
}

/// Whether it begins as mails do. What stands in it is read behind the answer.
pub(super) fn is_mail(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(LOOKED_AT)];
    let mut lines = head.split(|byte| *byte == b'\n').skip_while(|line| {
        // The envelope, as mailboxes of Unix note it.
        line.starts_with(b"From ") || line.iter().all(u8::is_ascii_whitespace)
    });
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    lines.next().is_some_and(|line| {
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
        !name.is_empty() && name.len() < line.len() && name.iter().all(is_plain)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mails_begin_with_headers() {
        for mail in
            ["From: a@b.example\r\n\r\nx", "From a@b Sat\nX-A: b\n\nx", "\r\nSubject: x\r\n"]
        {
            assert!(is_mail(mail.as_bytes()), "{mail}");
        }
        for none in ["", "\n\n", "hello", "two words: x", "{\"from\": 1}", ": x"] {
            assert!(!is_mail(none.as_bytes()), "{none}");
        }
    }
}
