//! Trials: whether the far side of a channel takes its secrets.

use kith_kernel::{Id, Result};
use kith_platform::{Ctx, mail::Patience};
use kith_records::{Manner, Record};
use serde_json::{Value as Json, json};

use super::{CHANNEL, Channel, ChannelKind, load, mails::imap};
use crate::{Inbox, far::Refusal};

/// What came of a trial.
pub(super) struct Outcome {
    pub(super) succeeded: bool,
    pub(super) reason: Option<String>,
    pub(super) details: Json,
}

impl Inbox {
    /// Asks the far side of a channel, and notes at the channel what it said.
    pub(super) async fn try_channel(&self, ctx: &Ctx, id: Id) -> Result<Outcome> {
        let channel = ctx.read(async |db| load(ctx, db, id).await).await?;
        let outcome = match self.ask_far_side(ctx, &channel).await {
            Ok(details) => Outcome { succeeded: true, reason: None, details },
            Err(refusal) => {
                Outcome { succeeded: false, reason: Some(refusal.told()), details: json!({}) }
            }
        };
        let mut changes = Record::new();
        changes.insert("statusReason".to_owned(), json!(outcome.reason));
        if channel.is_active {
            let status = if outcome.succeeded { "ACTIVE" } else { "ERROR" };
            changes.insert("status".to_owned(), json!(status));
        }
        if outcome.succeeded && !channel.is_connected {
            changes.insert("connectedAt".to_owned(), json!(ctx.now()));
        }
        ctx.write(async |db| {
            self.records.update(ctx, db, &CHANNEL, (id, changes, Manner::HOUSE)).await
        })
        .await?;
        Ok(outcome)
    }

    /// Signs in where mails go out, and where they come in.
    async fn ask_mail_servers(
        &self,
        ctx: &Ctx,
        channel: &Channel,
    ) -> std::result::Result<Json, Refusal> {
        let smtp = channel.get("smtpUrl");
        let server = self.far.mail_server(&ctx.app.settings, smtp)?;
        Box::pin(server.try_it()).await?;
        if let Some(url) = channel.get("imapUrl") {
            let looked = Box::pin(self.look_at_mailbox(ctx, url)).await;
            looked.map_err(|error| Refusal::never(&error))?;
        }
        Ok(json!({
            "smtp": if smtp.is_some() { "channel" } else { "house" },
            "imap": channel.get("imapUrl").map(|_| "channel"),
        }))
    }

    async fn look_at_mailbox(&self, ctx: &Ctx, url: &str) -> Result<()> {
        let (place, patience) = (imap(url)?, Patience::of(&ctx.app.settings));
        self.far.mailbox(&place, patience).await?.leave().await;
        Ok(())
    }

    async fn ask_far_side(
        &self,
        ctx: &Ctx,
        channel: &Channel,
    ) -> std::result::Result<Json, Refusal> {
        let need = |key| channel.need(key).map_err(|error| Refusal::never(&error));
        match channel.kind {
            ChannelKind::WhatsApp => {
                let path =
                    format!("{}?fields=display_phone_number,verified_name", need("phoneNumberId")?);
                self.far.graph((&path, need("accessToken")?), None).await
            }
            ChannelKind::Facebook | ChannelKind::Instagram => {
                let path = format!("{}?fields=id,name", need("pageId")?);
                self.far.graph((&path, need("accessToken")?), None).await
            }
            ChannelKind::Telegram => {
                let token = need("botToken")?;
                let bot = self.far.telegram(("getMe", token), &json!({})).await?;
                let url = channel.get("webhookUrl").map_or_else(
                    || format!("{}/api/webhooks/telegram/{}", self.public_url(), channel.id),
                    str::to_owned,
                );
                let hook = json!({
                    "url": url, "secret_token": need("secretToken")?,
                    "allowed_updates": ["message", "edited_message", "message_reaction", "callback_query"],
                });
                self.far.telegram(("setWebhook", token), &hook).await?;
                Ok(json!({ "username": bot["username"], "webhookUrl": url }))
            }
            ChannelKind::Email => self.ask_mail_servers(ctx, channel).await,
            ChannelKind::Website | ChannelKind::Api => {
                Ok(json!({ "note": "Nothing is asked of another server." }))
            }
        }
    }
}
