//! Handles: by what a person is known on which channel, joined to the contact that they are, with what says so.

mod normal;
mod people;

use kith_kernel::invalid;
use kith_records::{
    Change, Desk, Field, FoundBy, Kind, Object, OnDelete, Pending, Routes, Rules, What,
    fields::{columns, link, plain, table},
    folded,
};
use kith_store::{Migration, Step};

pub(crate) use {
    normal::is_address,
    people::{Person, find_or_create},
};

/// What a handle is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HandleKind {
    Phone,
    Email,
    WhatsApp,
    WhatsAppScoped,
    Messenger,
    Instagram,
    Telegram,
    Website,
    External,
}

impl HandleKind {
    const ALL: [Self; 9] = [
        Self::Phone,
        Self::Email,
        Self::WhatsApp,
        Self::WhatsAppScoped,
        Self::Messenger,
        Self::Instagram,
        Self::Telegram,
        Self::Website,
        Self::External,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Phone => "PHONE",
            Self::Email => "EMAIL",
            Self::WhatsApp => "WHATSAPP",
            Self::WhatsAppScoped => "WHATSAPP_SCOPED",
            Self::Messenger => "MESSENGER",
            Self::Instagram => "INSTAGRAM",
            Self::Telegram => "TELEGRAM",
            Self::Website => "WEBSITE",
            Self::External => "EXTERNAL",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

const OWN: [Field; 7] = [
    plain("contactId", "contact_id", Kind::Link("contact", OnDelete::Cascade)).required(),
    plain(
        "kind",
        "kind",
        Kind::Choice(&[
            "PHONE",
            "EMAIL",
            "WHATSAPP",
            "WHATSAPP_SCOPED",
            "MESSENGER",
            "INSTAGRAM",
            "TELEGRAM",
            "WEBSITE",
            "EXTERNAL",
        ]),
    )
    .required(),
    folded!(Text, "value", "handle")
        .required()
        .found_by(FoundBy::Keyword)
        .about("As it was given: a number, an address, an id of the channel."),
    plain("key", "key", Kind::LongText).system().about(
        "As it is compared: numbers of Brazil with their ninth digit, addresses without tags.",
    ),
    plain("evidence", "evidence", Kind::Choice(&["channel", "contact", "member"]))
        .system()
        .about("Who says so: the channel itself, what stood at the contact, or a member."),
    link("channelId", "channel_id", "channel").about("The page or number that knows them so."),
    plain("lastSeenAt", "last_seen_at", Kind::Time).system(),
];

/// By what a person is known on a channel.
pub static HANDLE: Object = Object {
    name: "handle",
    plural: "handles",
    shares: None,
    alias: None,
    about: "By what a person is known on a channel.",
    fields: &OWN,
    rules: &Handles,
    routes: Routes::All,
    matched_by: "",
};

pub(crate) fn migration() -> Migration {
    let handles = table(HANDLE.plural, columns(HANDLE.fields))
        .unique_where(&["kind", "key"], "deleted_at IS NULL")
        .index(&["contact_id", "id"]);
    Migration { name: "2026-12-01-inbox-6-handles", steps: vec![Step::Create(handles)] }
}

struct Handles;

impl Rules for Handles {
    fn derive<'a>(&'a self, _desk: Desk<'a>, change: &'a mut Change) -> Pending<'a> {
        Box::pin(async move {
            if !matches!(change.what, What::Created | What::Updated) {
                return Ok(());
            }
            let kind = change.text("kind").and_then(HandleKind::named);
            let (Some(kind), Some(value)) = (kind, change.text("value")) else { return Ok(()) };
            let key = normal::key(kind, value).ok_or_else(|| {
                invalid("value", format!("is nothing that {} knows people by", kind.name()))
            })?;
            let same = change.was("key").and_then(serde_json::Value::as_str) == Some(key.as_str());
            if !same {
                change.set("key", key);
            }
            if change.get("evidence").is_none() {
                change.set("evidence", "member");
            }
            Ok(())
        })
    }

    /// Whoever wrote from it meanwhile has it.
    fn stays_away(&self) -> bool {
        true
    }
}
