//! Threads: of which conversation a mail is, by the mails that it names, and whether it is one of the house's own.

use kith_kernel::{Id, Result};
use kith_platform::Ctx;
use kith_records::Records;
use kith_store::{Condition, Read, Select, Write};
use serde::Deserialize;

use crate::{
    conversations,
    messages::{
        MESSAGE,
        status::{Progress, told},
    },
    wire::{Incoming, mail::ours},
};

#[derive(Deserialize)]
struct Row {
    conversation_id: Id,
}

/// The conversation of the nearest message that is named, whoever of those in it names it.
pub(super) async fn named(db: &Read, channel: Id, references: &[String]) -> Result<Option<Id>> {
    for source in references {
        let of_channel = || {
            let select = Select::from(MESSAGE.plural).show(&["conversation_id"]);
            select.whose("channel_id", channel).only(Condition::Null("deleted_at"))
        };
        let mut found: Option<Row> =
            db.first(of_channel().whose("source_id", source.clone())).await?;
        if let (None, Some(id)) = (&found, ours(source)) {
            // It was sent, though nobody could know.
            found = db.first(of_channel().whose("id", id)).await?;
        }
        let Some(row) = found else { continue };
        if conversations::find(db, row.conversation_id).await.is_ok() {
            return Ok(Some(row.conversation_id));
        }
    }
    Ok(None)
}

/// Whether it is a mail of the house that found its way back, which says that it was sent.
pub(super) async fn came_back(
    records: &Records,
    (ctx, db): (&Ctx, &Write),
    channel: Id,
    incoming: &Incoming,
) -> Result<bool> {
    if !incoming.is_echo {
        return Ok(false);
    }
    let Some(id) = ours(&incoming.source) else { return Ok(false) };
    let own = Select::from(MESSAGE.plural)
        .whose("channel_id", channel)
        .whose("id", id)
        .whose("direction", "OUTBOUND");
    if !db.exists(own).await? {
        return Ok(false);
    }
    let progress = Progress { status: "sent", at: None, error: None };
    told(records, (ctx, db), (channel, &incoming.source, Some(id)), &progress).await?;
    Ok(true)
}
