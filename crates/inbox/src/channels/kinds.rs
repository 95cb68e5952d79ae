//! Kinds of channels, and what the configuration of each holds.

/// A kind of channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChannelKind {
    /// WhatsApp, by Meta's Cloud API.
    WhatsApp,
    /// Messenger, for a page of Facebook.
    Facebook,
    /// Messages of Instagram.
    Instagram,
    /// A bot of Telegram.
    Telegram,
    /// A chat on a web page.
    Website,
    /// Mail.
    Email,
    /// Whatever speaks to the webhook of the channel.
    Api,
}

/// What a key of a configuration holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holds {
    /// Text that may be seen.
    Plain,
    /// A list of texts.
    List,
    /// A secret: encrypted, shown as `***`.
    Secret,
    /// A secret that is made where none is given.
    MadeSecret,
    /// The same, which alone proves who calls: nobody may guess it.
    MadeKey,
    /// An address of the web.
    Address,
}

/// A key of a configuration.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) holds: Holds,
    pub(crate) required: bool,
}

const fn key(name: &'static str, holds: Holds) -> Key {
    Key { name, holds, required: false }
}

const fn needed(name: &'static str, holds: Holds) -> Key {
    Key { name, holds, required: true }
}

const WHATSAPP: [Key; 5] = [
    needed("phoneNumberId", Holds::Plain),
    needed("accessToken", Holds::Secret),
    key("verifyToken", Holds::MadeSecret),
    key("appSecret", Holds::Secret),
    key("businessAccountId", Holds::Plain),
];
const PAGE: [Key; 4] = [
    needed("pageId", Holds::Plain),
    needed("accessToken", Holds::Secret),
    key("verifyToken", Holds::MadeSecret),
    key("appSecret", Holds::Secret),
];
const TELEGRAM: [Key; 3] = [
    needed("botToken", Holds::Secret),
    key("secretToken", Holds::MadeSecret),
    key("webhookUrl", Holds::Address),
];
const WEBSITE: [Key; 6] = [
    key("widgetId", Holds::Plain),
    key("allowedDomains", Holds::List),
    key("title", Holds::Plain),
    key("greeting", Holds::Plain),
    key("color", Holds::Plain),
    key("visitorSecret", Holds::MadeKey),
];
const EMAIL: [Key; 5] = [
    needed("address", Holds::Plain),
    key("smtpUrl", Holds::Secret),
    key("imapUrl", Holds::Secret),
    key("imapFrom", Holds::Plain),
    key("inboundKey", Holds::MadeKey),
];
/// Where mails go out, and come in: the key that says so, and the usual ports.
pub(super) const SMTP: (&str, &[(&str, u16)]) =
    ("config.smtpUrl", &[("smtp", 587), ("smtps", 465)]);
pub(super) const IMAP: (&str, &[(&str, u16)]) =
    ("config.imapUrl", &[("imap", 143), ("imaps", 993)]);
const API: [Key; 3] = [
    key("apiKey", Holds::MadeKey),
    key("signingSecret", Holds::MadeKey),
    key("webhookUrl", Holds::Address),
];

impl Key {
    /// Whether its value is encrypted beside the channel.
    pub(crate) const fn is_secret(&self) -> bool {
        matches!(self.holds, Holds::Secret | Holds::MadeSecret | Holds::MadeKey)
    }

    /// Whether one is made where none is given.
    pub(crate) const fn is_made(&self) -> bool {
        matches!(self.holds, Holds::MadeSecret | Holds::MadeKey)
    }
}

impl ChannelKind {
    /// All kinds.
    pub const ALL: [Self; 7] = [
        Self::WhatsApp,
        Self::Facebook,
        Self::Instagram,
        Self::Telegram,
        Self::Website,
        Self::Email,
        Self::Api,
    ];

    /// Its name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::WhatsApp => "WHATSAPP",
            Self::Facebook => "FACEBOOK",
            Self::Instagram => "INSTAGRAM",
            Self::Telegram => "TELEGRAM",
            Self::Website => "WEBSITE",
            Self::Email => "EMAIL",
            Self::Api => "API",
        }
    }

    /// The kind of a name, also by the second names `MESSENGER` and `WEBCHAT`.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "MESSENGER" => Some(Self::Facebook),
            "WEBCHAT" => Some(Self::Website),
            _ => Self::ALL.into_iter().find(|kind| kind.name() == name),
        }
    }

    /// What its configuration holds.
    pub(crate) const fn keys(self) -> &'static [Key] {
        match self {
            Self::WhatsApp => &WHATSAPP,
            Self::Facebook | Self::Instagram => &PAGE,
            Self::Telegram => &TELEGRAM,
            Self::Website => &WEBSITE,
            Self::Email => &EMAIL,
            Self::Api => &API,
        }
    }

    /// The keys of its configuration whose values say, in what comes in, that it is for this channel.
    pub(crate) const fn identity(self) -> Option<&'static str> {
        match self {
            Self::WhatsApp => Some("phoneNumberId"),
            Self::Facebook | Self::Instagram => Some("pageId"),
            Self::Email => Some("address"),
            Self::Telegram | Self::Website | Self::Api => None,
        }
    }

    /// For how many hours behind the last message of a customer anything may be sent; nothing: always.
    pub(crate) const fn window_hours(self) -> Option<i64> {
        match self {
            Self::WhatsApp | Self::Facebook | Self::Instagram => Some(24),
            Self::Telegram | Self::Website | Self::Email | Self::Api => None,
        }
    }

    /// Whether its far side knows templates, which may be sent at any time.
    pub(crate) const fn has_templates(self) -> bool {
        matches!(self, Self::WhatsApp)
    }
}
