//! Sending one message: what each kind of channel asks of its far side.

use base64::{Engine, engine::general_purpose::STANDARD};
use kith_platform::{
    Ctx,
    jobs::Attempt,
    outgoing::{HeaderName, Request, header},
};
use serde_json::{Value as Json, json};

use super::{Sending, files::form};
use crate::{
    Inbox,
    channels::{Channel, ChannelKind},
    far::Refusal,
    signatures,
    wire::{File, Outgoing, generic, messenger, telegram, text, whatsapp},
};

type Sent = std::result::Result<Option<String>, Refusal>;

impl Inbox {
    /// Sends a message; says what the far side calls it.
    pub(super) async fn send(&self, attempt: &Attempt, sending: &Sending) -> Sent {
        let ctx: &Ctx = attempt;
        let (message, channel) = (&sending.message, &sending.channel);
        let file = match message.attachment_id {
            Some(id) => Some(self.file(ctx, id).await.map_err(|error| match error.kind() {
                kith_kernel::Kind::NotFound | kith_kernel::Kind::TooLarge => Refusal::never(&error),
                _ => Refusal::Later(error),
            })?),
            None => None,
        };
        let metadata = message.metadata.as_deref().and_then(|text| serde_json::from_str(text).ok());
        let callback = message.id.to_string();
        let outgoing = Outgoing {
            callback: &callback,
            thread: sending.thread.as_deref().unwrap_or_default(),
            kind: message.kind.as_deref().unwrap_or("TEXT"),
            content: message.content.as_deref().unwrap_or_default(),
            reply_to: sending.reply_to.as_deref(),
            metadata: metadata.as_ref().unwrap_or(&Json::Null),
            file: file.as_ref(),
            media: None,
        };
        let may_begin = matches!(channel.kind, ChannelKind::Api | ChannelKind::Email);
        if outgoing.thread.is_empty() && !may_begin {
            return Err(Refusal::Never("The conversation has nobody at its far side.".to_owned()));
        }
        match channel.kind {
            ChannelKind::WhatsApp => self.to_whatsapp(channel, outgoing).await,
            ChannelKind::Facebook | ChannelKind::Instagram => {
                self.to_messenger(channel, outgoing).await
            }
            ChannelKind::Telegram => self.to_telegram(channel, outgoing).await,
            ChannelKind::Api => self.to_hook(ctx, channel, &outgoing).await,
            // A conversation of its own with another server, which would be large within this one.
            ChannelKind::Email => Box::pin(self.to_mail(ctx, sending, &outgoing)).await,
            // It is fetched by the page.
            ChannelKind::Website => Ok(None),
        }
    }

    async fn to_whatsapp(&self, channel: &Channel, mut message: Outgoing<'_>) -> Sent {
        let number = channel.need("phoneNumberId").map_err(|error| Refusal::never(&error))?;
        let token = channel.need("accessToken").map_err(|error| Refusal::never(&error))?;
        let mut media = None;
        if let Some(file) = message.file {
            let texts = [("messaging_product", "whatsapp"), ("type", &file.content_type)];
            let url = format!("{}/{number}/media", self.far.graph_base());
            let answer = self.upload((&url, Some(token)), &texts, ("file", file)).await?;
            media = text(&answer["id"]);
        }
        message.media = media.as_deref();
        let body = whatsapp::outgoing(&message);
        let answer = self.far.graph((&format!("{number}/messages"), token), Some(&body)).await?;
        Ok(text(&answer["messages"][0]["id"]))
    }

    async fn to_messenger(&self, channel: &Channel, message: Outgoing<'_>) -> Sent {
        let page = channel.need("pageId").map_err(|error| Refusal::never(&error))?;
        let token = channel.need("accessToken").map_err(|error| Refusal::never(&error))?;
        let path = format!("{page}/messages");
        let answer = if let Some(file) = message.file {
            let kind = messenger::kind_of(message.kind);
            let recipient = json!({ "id": message.thread }).to_string();
            let attachment = json!({ "attachment": { "type": kind, "payload": {} } }).to_string();
            let texts = [("recipient", recipient.as_str()), ("message", attachment.as_str())];
            let url = format!("{}/{path}", self.far.graph_base());
            self.upload((&url, Some(token)), &texts, ("filedata", file)).await?
        } else {
            self.far.graph((&path, token), Some(&messenger::outgoing(&message))).await?
        };
        Ok(text(&answer["message_id"]))
    }

    async fn to_telegram(&self, channel: &Channel, message: Outgoing<'_>) -> Sent {
        let token = channel.need("botToken").map_err(|error| Refusal::never(&error))?;
        let sent = if let Some(file) = message.file {
            let (method, field) = telegram::upload_of(message.kind);
            let texts = [("chat_id", message.thread), ("caption", message.content)];
            let url = self.far.telegram_url(method, token);
            let mut answer = self.upload((&url, None), &texts, (field, file)).await?;
            answer["result"].take()
        } else {
            self.far.telegram(("sendMessage", token), &telegram::outgoing(&message)).await?
        };
        let id = text(&sent["message_id"]);
        Ok(id.map(|id| format!("{}/{id}", message.thread)))
    }

    /// Hands a file over.
    async fn upload(
        &self,
        (url, token): (&str, Option<&str>),
        texts: &[(&str, &str)],
        (field, file): (&str, &File),
    ) -> std::result::Result<Json, Refusal> {
        let mark = crate::channels::made().map_err(Refusal::Later)?;
        let (kind, body) = form(texts, (field, file), &mark);
        let request = Request::post(url, body)
            .header(header::CONTENT_TYPE, &kind)
            .and_then(|request| match token {
                Some(token) => request.secret(header::AUTHORIZATION, &format!("Bearer {token}")),
                None => Ok(request),
            })
            .map_err(|error| Refusal::never(&error))?;
        self.far.json(request.of_operator()).await
    }

    async fn to_hook(&self, ctx: &Ctx, channel: &Channel, message: &Outgoing<'_>) -> Sent {
        // Without an address it waits to be fetched.
        let Some(url) = channel.get("webhookUrl") else { return Ok(None) };
        let mut body = generic::outgoing(message);
        if let Some(file) = message.file {
            body["file"] = json!({
                "name": file.name, "contentType": file.content_type, "base64": STANDARD.encode(&file.bytes),
            });
        }
        let body = body.to_string();
        let seconds = ctx.now().seconds().to_string();
        let secret = channel.need("signingSecret").map_err(|error| Refusal::never(&error))?;
        let signed = signatures::signed(secret, &[seconds.as_bytes(), b".", body.as_bytes()]);
        let request = Request::post(url, body)
            .header(header::CONTENT_TYPE, "application/json")
            .and_then(|request| {
                let name = HeaderName::from_static("x-kith-signature");
                request.header(name, &format!("t={seconds},v1={signed}"))
            })
            .map_err(|error| Refusal::never(&error))?;
        self.far.hook(request).await?;
        Ok(None)
    }
}
