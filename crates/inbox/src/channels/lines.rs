//! Lines: what a far side that runs here must know of the channels of a tenant to stand in for the true one.

use kith_kernel::Result;
use kith_platform::Ctx;
use kith_store::{Condition, Select};

use super::{CHANNEL, Channel, ChannelKind, load};
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
                lines.extend(self.line(&load(ctx, db, id).await?));
            }
            Ok(lines)
        })
        .await
    }

    /// What stands in for the far side of a channel; nothing where it has none, or lacks something.
    fn line(&self, channel: &Channel) -> Option<Line> {
        let (id, token, secret, path) = match channel.kind {
            ChannelKind::WhatsApp => ("phoneNumberId", "accessToken", "appSecret", "whatsapp"),
            ChannelKind::Facebook => ("pageId", "accessToken", "appSecret", "facebook"),
            ChannelKind::Instagram => ("pageId", "accessToken", "appSecret", "instagram"),
            ChannelKind::Telegram => ("botToken", "botToken", "secretToken", "telegram"),
            ChannelKind::Website | ChannelKind::Email | ChannelKind::Api => return None,
        };
        let own = Some(self.far.options.facebook_app_secret.as_str());
        let secret = channel.get(secret).or(own).filter(|secret| !secret.is_empty())?;
        let path = match channel.kind {
            ChannelKind::Telegram => format!("/api/webhooks/{path}/{}", channel.id),
            _ => format!("/api/webhooks/{path}"),
        };
        Some(Line {
            kind: channel.kind,
            id: channel.get(id)?.to_owned(),
            token: channel.get(token)?.to_owned(),
            secret: secret.to_owned(),
            path,
            name: channel.name.clone(),
        })
    }
}
