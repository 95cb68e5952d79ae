//! Mailboxes of channels: how far each was looked at, and the job that looks for more.

use std::fmt::Write as _;

use kith_kernel::{Error, Id, Kind, Result};
use kith_platform::{
    jobs::{self, Job, Retry},
    mail::Place,
};
use kith_records::{Change, Desk, What};
use kith_store::{
    Delete, Insert, Migration, Read, Select, Step, Table, Update, Write, id, integer, text,
};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::kinds::ChannelKind;

const TABLE: &str = "mailboxes";
const KEY: &str = "imapUrl";

/// Looks into the mailbox of a channel, and again after a while, until the channel has another ticket or none.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Look {
    pub(crate) channel: Id,
    pub(crate) ticket: Id,
}

impl Job for Look {
    const NAME: &'static str = "inbox.mailbox";
    /// It goes on as long as the channel does; a look that came to an end counts as no attempt.
    const RETRY: Retry =
        Retry { attempts: u32::MAX, first_pause_seconds: 5, longest_pause_seconds: 900 };
}

/// How far a mailbox was looked at.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Position {
    ticket: Id,
    /// Which mailbox that was.
    pub(crate) place: Option<String>,
    pub(crate) validity: Option<i64>,
    pub(crate) next_uid: Option<i64>,
    /// How often in a row it could not be looked at.
    pub(crate) failures: i64,
}

/// Where the next look begins.
#[derive(Debug, Clone)]
pub(crate) struct Begin {
    pub(crate) place: String,
    pub(crate) validity: u32,
    pub(crate) next: u32,
}

pub(super) fn migration() -> Migration {
    let mailboxes = Table::of_tenant_keyed(
        TABLE,
        &["channel_id"],
        vec![
            id("channel_id").required().references("anchors"),
            id("ticket").required(),
            text("place"),
            integer("validity"),
            integer("next_uid"),
            integer("failures").required(),
        ],
    )
    .stays();
    Migration { name: "2026-12-01-inbox-9-mailboxes", steps: vec![Step::Create(mailboxes)] }
}

/// By what a mailbox is told from others: where it is and whose, not by which password.
pub(crate) fn name_of(place: &Place) -> String {
    let user = place.credentials.as_ref().map_or("", |(user, _)| user);
    let whole = format!("{}\n{}\n{user}\n{}", place.host, place.port, place.path);
    Sha256::digest(whole).iter().fold(String::new(), |mut text, byte| {
        // Writing into a String does not fail.
        write!(text, "{byte:02x}").ok();
        text
    })
}

/// Has the mailbox of a channel looked at from now on, where it has one.
pub(super) async fn follow(desk: Desk<'_>, change: &Change) -> Result<()> {
    if change.text("type").and_then(ChannelKind::named) != Some(ChannelKind::Email) {
        return Ok(());
    }
    let has = |config: Option<&Json>| config.is_some_and(|config| config.get(KEY).is_some());
    if !has(change.get("config")) {
        if has(change.was("config")) {
            forget(desk.db, change.id).await?;
        }
        return Ok(());
    }
    let concerns = change.what != What::Updated
        || ["config", "secretsChangedAt", "isActive"].iter().any(|key| change.changes(key));
    if !concerns || change.get("isActive") == Some(&Json::Bool(false)) {
        return Ok(());
    }
    let look = Look { channel: change.id, ticket: desk.ctx.new_id() };
    let cells = vec![
        ("channel_id", look.channel.into()),
        ("ticket", look.ticket.into()),
        ("failures", 0_i64.into()),
    ];
    let row = Insert::row(TABLE, cells).or_replace(&["channel_id"], &["ticket"]);
    desk.db.insert(row).await?;
    jobs::enqueue(desk.ctx, desk.db, &look).map(drop)
}

pub(super) async fn forget(db: &Write, channel: Id) -> Result<()> {
    db.delete(Delete::from(TABLE).whose("channel_id", channel)).await.map(drop)
}

/// How far the mailbox is; nothing where another job looks into it, or none shall.
pub(crate) async fn position(db: &Read, look: &Look) -> Result<Option<Position>> {
    let select = Select::from(TABLE).whose("channel_id", look.channel);
    let found: Option<Position> = db.first(select).await?;
    Ok(found.filter(|found| found.ticket == look.ticket))
}

fn update(look: &Look) -> Update {
    Update::table(TABLE).whose("channel_id", look.channel).whose("ticket", look.ticket)
}

/// Notes how far it is, together with what was taken in.
///
/// # Errors
/// `Conflict` where another job looks into it meanwhile: then nothing of this write may stay.
pub(crate) async fn advance(db: &Write, look: &Look, begin: &Begin) -> Result<()> {
    let update = update(look)
        .set("place", begin.place.as_str())
        .set("validity", i64::from(begin.validity))
        .set("next_uid", i64::from(begin.next));
    if db.update(update).await? > 0 {
        return Ok(());
    }
    let why = "Another job looks into the mailbox.";
    Err(Error::new(Kind::Conflict, "mailbox_taken", why))
}

/// Notes how often in a row it could not be looked at.
pub(crate) async fn failed(db: &Write, look: &Look, failures: i64) -> Result<()> {
    db.update(update(look).set("failures", failures)).await.map(drop)
}
