//! Lines: what a far side that runs here must know of the channels of a tenant to stand in for the true one.

use kith_kernel::Result;
use kith_platform::Ctx;
use kith_store::{Condition, Select};

use super::{CHANNEL, ChannelKind, load};
use crate::Inbox;

/// A number, page, account or bot of a tenant, with its secrets.
pub struct Line {
    /// Its kind.
    pub kind: ChannelKind,
    /// What the far side calls it.
    pub id: String,
    /// The token that lets somebody speak for it.
    pub token: String,
    /// What signs its webhooks.
    pub secret: String,
    /// The path of its webhook on this server.
    pub path: String,
    /// What it is called.
    pub name: String,
}

impl Inbox {
    /// The channels of a tenant that have a far side of their own kind.
    ///
    /// # Errors
    /// `Unavailable` where their secrets cannot be read.
    pub async fn lines(&self, ctx: &Ctx) -> Result<Vec<Line>> {
        ctx.read(async |db| {
            let select = Select::from(CHANNEL.plural)
                .show(&["id"])
                .only(Condition::Null("deleted_at"))
                .by("id", false);
            let mut lines = Vec::new();
            for id in db.ids(&select).await? {
                let channel = load(ctx, db, id).await?;
                let (id, token, secret, path) = match channel.kind {
                    ChannelKind::WhatsApp => {
                        ("phoneNumberId", "accessToken", "appSecret", "whatsapp")
                    }
                    ChannelKind::Facebook => ("pageId", "accessToken", "appSecret", "facebook"),
                    ChannelKind::Instagram => ("pageId", "accessToken", "appSecret", "instagram"),
                    ChannelKind::Telegram => ("botToken", "botToken", "secretToken", "telegram"),
                    ChannelKind::Website | ChannelKind::Email | ChannelKind::Api => continue,
                };
                let own = Some(self.far.options.facebook_app_secret.as_str());
                let secret = channel.get(secret).or(own).filter(|secret| !secret.is_empty());
                let (Some(own), Some(token), Some(secret)) =
                    (channel.get(id), channel.get(token), secret)
                else {
                    continue;
                };
                let path = match channel.kind {
                    ChannelKind::Telegram => format!("/api/webhooks/{path}/{}", channel.id),
                    _ => format!("/api/webhooks/{path}"),
                };
                lines.push(Line {
                    kind: channel.kind,
                    id: own.to_owned(),
                    token: token.to_owned(),
                    secret: secret.to_owned(),
                    path,
                    name: channel.name.clone(),
                });
            }
            Ok(lines)
        })
        .await
    }
}
