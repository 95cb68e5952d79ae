//! Channels: where messages come from and go to. What is secret about one is encrypted beside it and shown as `***`.

mod config;
mod identities;
mod kinds;
mod lines;
mod mailboxes;
mod mails;
mod routes;
mod secrets;
mod trial;

use kith_kernel::{Error, Id, Kind as ErrorKind, Result, internal, invalid, not_found};
use kith_platform::Ctx;
use kith_records::{
    Change, Desk, Field, FoundBy, Kind, Object, Pending, Record, Routes, Rules, What,
    fields::{columns, link, plain, table},
    folded,
};
use kith_store::{Condition, Migration, Read, Select, Step};
use serde::Deserialize;
use serde_json::{Value as Json, json};

pub(crate) use {
    identities::{Claim, Identity, find},
    mailboxes::{Begin, Look, Position, advance, failed, name_of, position},
    mails::imap,
    routes::{routes, schemas},
    secrets::{hexadecimal, made},
};
pub use {
    kinds::ChannelKind,
    lines::Line,
    mails::without_server,
    secrets::{names, rotate},
};

const OWN: [Field; 9] = [
    folded!(Text, "name", "name").required().found_by(FoundBy::Title),
    plain(
        "type",
        "type",
        Kind::Choice(&[
            "WHATSAPP",
            "FACEBOOK",
            "INSTAGRAM",
            "TELEGRAM",
            "WEBSITE",
            "EMAIL",
            "API",
            "MESSENGER",
            "WEBCHAT",
        ]),
    )
    .required()
    .about("MESSENGER is FACEBOOK, WEBCHAT is WEBSITE; never changed."),
    plain("config", "config", Kind::Json).about(
        "What its kind needs; secrets are answered as ***, and stay as they are when that is sent.",
    ),
    plain("isActive", "is_active", Kind::Bool)
        .default("true")
        .about("Whether messages come in and go out."),
    plain("status", "status", Kind::Choice(&["CONFIGURING", "ACTIVE", "INACTIVE", "ERROR"]))
        .system()
        .default("\"CONFIGURING\"")
        .about("ACTIVE once the far side took its secrets, or something came in."),
    plain("statusReason", "status_reason", Kind::LongText)
        .system()
        .about("What the far side said last, where it refused."),
    plain("connectedAt", "connected_at", Kind::Time)
        .system()
        .about("When the far side first answered."),
    plain("secretsChangedAt", "secrets_changed_at", Kind::Time)
        .system()
        .about("When a secret was last set."),
    link("agentId", "agent_id", "agent").about("The agent that answers new conversations."),
];

/// Where messages come from and go to.
pub static CHANNEL: Object = Object {
    name: "channel",
    plural: "channels",
    shares: None,
    alias: None,
    about: "Where messages come from and go to: WhatsApp, Messenger, Instagram, Telegram, a web chat, mail, or an API.",
    fields: &OWN,
    rules: &Channels,
    routes: Routes::All,
    matched_by: "name",
};

pub(crate) fn migrations() -> Vec<Migration> {
    let channels = table(CHANNEL.plural, columns(CHANNEL.fields))
        .index(&["name_folded", "id"])
        .index(&["type", "id"]);
    let first =
        Migration { name: "2026-12-01-inbox-1-channels", steps: vec![Step::Create(channels)] };
    vec![first, secrets::migration(), identities::migration(), mailboxes::migration()]
}

struct Channels;

impl Rules for Channels {
    fn derive<'a>(&'a self, desk: Desk<'a>, change: &'a mut Change) -> Pending<'a> {
        Box::pin(async move {
            let named = change.text("type").and_then(ChannelKind::named);
            let kind = named.ok_or_else(|| invalid("type", "is required"))?;
            change.set("type", kind.name());
            if change.what == What::Updated && change.changes("type") {
                return Err(invalid("type", "cannot be changed: make another channel"));
            }
            config::settle(desk.ctx, change, kind)?;
            if change.changes("isActive") || change.get("status").is_none() {
                let off = change.get("isActive") == Some(&Json::Bool(false));
                let known = change.get("connectedAt").is_some();
                let status = match (off, known) {
                    (true, _) => "INACTIVE",
                    (false, true) => "ACTIVE",
                    (false, false) => "CONFIGURING",
                };
                change.set("status", status);
            }
            Ok(())
        })
    }

    fn check(&self, change: &Change) -> Result<()> {
        if change.what == What::Deleted {
            return Ok(());
        }
        config::check(change)?;
        mails::check(change)
    }

    fn after<'a>(&'a self, desk: Desk<'a>, change: &'a Change) -> Pending<'a> {
        Box::pin(async move {
            if change.what == What::Deleted {
                return identities::forget(desk.db, change.id).await;
            }
            config::keep_secrets(desk, change).await?;
            mailboxes::follow(desk, change).await?;
            claim(desk, change).await
        })
    }

    fn forget<'a>(&'a self, desk: Desk<'a>, record: &'a Record) -> Pending<'a> {
        Box::pin(async move {
            let id = record.get("id").and_then(Json::as_str).and_then(|text| text.parse().ok());
            match id {
                Some(id) => {
                    mailboxes::forget(desk.db, id).await?;
                    secrets::remove_all(desk.db, id).await
                }
                None => Ok(()),
            }
        })
    }
}

/// Notes by what the channel is known outside.
async fn claim(desk: Desk<'_>, change: &Change) -> Result<()> {
    let Some(kind) = change.text("type").and_then(ChannelKind::named) else { return Ok(()) };
    let own = kind.identity().and_then(|key| change.get("config")?.get(key)?.as_str());
    let secrets = secrets::of(desk.ctx, desk.db, change.id).await?;
    let verify = secrets.iter().find(|(name, _)| name == "verifyToken");
    let id = change.id.to_string();
    let mut claims = vec![(Identity::Channel, "", id.as_str())];
    claims.extend(own.map(|own| (Identity::Own, kind.name(), own)));
    claims.extend(verify.map(|(_, token)| (Identity::VerifyToken, kind.name(), token.as_str())));
    identities::claim(desk.db, change.id, desk.ctx.now(), &claims).await
}

#[derive(Deserialize)]
struct Row {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    config: Option<String>,
    is_active: Option<bool>,
    connected_at: Option<kith_kernel::Time>,
}

/// A channel with its secrets, as those need it who speak to its far side.
pub(crate) struct Channel {
    pub(crate) id: Id,
    pub(crate) name: String,
    pub(crate) kind: ChannelKind,
    config: Json,
    secrets: Vec<(String, String)>,
    pub(crate) is_active: bool,
    pub(crate) is_connected: bool,
}

impl Channel {
    /// What a key of the configuration holds, secret or not; nothing where it is empty.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        let secret = self.secrets.iter().find(|(name, _)| name == key);
        let value = secret.map(|(_, value)| value.as_str());
        value.or_else(|| self.config.get(key)?.as_str()).filter(|text| !text.is_empty())
    }

    /// The texts of a list of the configuration.
    pub(crate) fn list(&self, key: &str) -> impl Iterator<Item = &str> {
        self.config[key].as_array().into_iter().flatten().filter_map(Json::as_str)
    }

    /// The same, of what cannot be done without.
    ///
    /// # Errors
    /// `Unavailable`, naming what is missing.
    pub(crate) fn need(&self, key: &str) -> Result<&str> {
        self.get(key).ok_or_else(|| {
            let why = format!("The channel {:?} lacks {key} in its configuration.", self.name);
            Error::new(ErrorKind::Unavailable, "channel_incomplete", why)
        })
    }
}

/// Refuses what is no channel, or was deleted.
///
/// # Errors
/// `NotFound`.
pub(crate) async fn must_exist(db: &Read, id: Id) -> Result<()> {
    let select = Select::from(CHANNEL.plural).whose("id", id).only(Condition::Null("deleted_at"));
    if db.exists(select).await? { Ok(()) } else { Err(not_found("channel")) }
}

/// A channel, with its secrets.
///
/// # Errors
/// `NotFound` where it is none or was deleted.
pub(crate) async fn load(ctx: &Ctx, db: &Read, id: Id) -> Result<Channel> {
    let select = Select::from(CHANNEL.plural).whose("id", id).only(Condition::Null("deleted_at"));
    let row: Row = db.first(select).await?.ok_or_else(|| not_found("channel"))?;
    let kind = ChannelKind::named(&row.kind).ok_or_else(|| internal("an unknown channel"))?;
    let config = row.config.as_deref().map(serde_json::from_str).transpose();
    let config = config.map_err(|error| internal("a configuration is no JSON").caused_by(error))?;
    Ok(Channel {
        id,
        name: row.name,
        kind,
        config: config.unwrap_or_else(|| json!({})),
        secrets: secrets::of(ctx, db, id).await?,
        is_active: row.is_active != Some(false),
        is_connected: row.connected_at.is_some(),
    })
}
