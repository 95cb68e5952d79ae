//! What follows from a new message: the conversation knows of it, the word passes, and what goes out is put on its way.

use kith_kernel::{Id, Result, Time};
use kith_platform::jobs;
use kith_records::{Change, Desk, Manner, Record};
use kith_store::{Update, Value};
use serde_json::{Value as Json, json};

use super::Deliver;
use crate::{
    channels::ChannelKind,
    conversations::{self, CONVERSATION, Conversation},
};

const EXCERPT: usize = 140;
pub(super) async fn follow(desk: Desk<'_>, change: &Change) -> Result<()> {
    let Some(id) = change.link("conversationId") else { return Ok(()) };
    let before = conversations::find(desk.db, id).await?;
    note(desk, change, &before).await?;
    match change.text("direction") {
        // Nobody waits for an answer to a machine.
        Some("INBOUND") if change.get("isAutomatic") == Some(&Json::Bool(true)) => Ok(()),
        Some("INBOUND") => arrived(desk, &before).await,
        Some("OUTBOUND") => {
            if change.text("sender") == Some("HUMAN") {
                speaks(desk, change, &before).await?;
            }
            if change.text("status") != Some("queued") {
                return Ok(());
            }
            let deliver = Deliver { conversation: id };
            jobs::enqueue(desk.ctx, desk.db, &deliver).map(drop)
        }
        _ => Ok(()),
    }
}

fn excerpt(change: &Change) -> String {
    let text = change.text("content").filter(|text| !text.trim().is_empty());
    let text = text.map_or_else(
        || format!("[{}]", change.text("type").unwrap_or("message").to_lowercase()),
        |text| text.split_whitespace().collect::<Vec<_>>().join(" "),
    );
    text.chars().take(EXCERPT).collect()
}

/// Counts and times of the conversation; they are no change of it that anybody made, and make no event.
async fn note(desk: Desk<'_>, change: &Change, before: &Conversation) -> Result<()> {
    let at = change.text("sentAt").and_then(Time::parse).unwrap_or_else(|| desk.ctx.now());
    let line = excerpt(change);
    let mut update = Update::table(CONVERSATION.plural)
        .plus("message_count", 1)
        .plus("version", 1)
        .set("updated_at", desk.ctx.now());
    if change.text("direction") != Some("INTERNAL") {
        update = update
            .set("last_message_at", at)
            .set("last_message", line.as_str())
            .set("last_message_folded", kith_kernel::text::fold(&line).into_owned());
    }
    update = match change.text("direction") {
        Some("INBOUND") if change.get("isAutomatic") == Some(&Json::Bool(true)) => {
            update.plus("unread_count", 1)
        }
        Some("INBOUND") => inbound(desk, update, (at, before)).await?,
        Some("OUTBOUND") => outbound(update, (at, before), change),
        _ => update,
    };
    desk.db.update(update.whose("id", before.id)).await?;
    let Some(contact) = before.contact_id else { return Ok(()) };
    let contact = Update::table("contacts").set("last_message_at", at).whose("id", contact);
    if change.text("direction") == Some("INBOUND") {
        desk.db.update(contact.plus("version", 1)).await?;
    }
    Ok(())
}

async fn inbound(
    desk: Desk<'_>,
    update: Update,
    (at, before): (Time, &Conversation),
) -> Result<Update> {
    let mut update = update.plus("unread_count", 1).set("last_inbound_at", at);
    if before.waiting_since.is_none() {
        update = update.set("waiting_since", at);
    }
    let select = kith_store::Select::from("channels").whose("id", before.channel_id);
    let kind: Option<crate::ChannelType> = desk.db.first(select).await?;
    let hours =
        kind.and_then(|row| ChannelKind::named(&row.kind)).and_then(ChannelKind::window_hours);
    Ok(match hours {
        Some(hours) => {
            let until = at.plus_seconds(hours * 3600);
            let later = before.free_form_until.is_none_or(|known| known < until);
            if later { update.set("free_form_until", until) } else { update }
        }
        None => update,
    })
}

fn outbound(update: Update, (at, before): (Time, &Conversation), change: &Change) -> Update {
    if change.text("sender") == Some("SYSTEM") {
        return update;
    }
    let update = update.set("waiting_since", Value::Null);
    if before.first_response_at.is_some() || before.waiting_since.is_none() {
        return update;
    }
    let since = before.started_at.or(before.waiting_since).unwrap_or(at);
    let seconds = at.milliseconds().saturating_sub(since.milliseconds()).max(0) / 1000;
    update.set("first_response_at", at).set("first_response_seconds", seconds)
}

/// A message of the customer opens what was closed, resolved or asleep.
async fn arrived(desk: Desk<'_>, before: &Conversation) -> Result<()> {
    let sleeps =
        matches!(before.status.as_deref(), Some("CLOSED" | "RESOLVED" | "SNOOZED" | "WAITING"));
    if !sleeps {
        return Ok(());
    }
    let mut changes = Record::from_iter([("status".to_owned(), json!("ACTIVE"))]);
    let was_over = matches!(before.status.as_deref(), Some("CLOSED" | "RESOLVED"));
    if was_over && before.agent_id.is_some() {
        changes.insert("speaker".to_owned(), json!("AGENT"));
        changes.insert("assigneeId".to_owned(), Json::Null);
    }
    change_conversation(desk, before.id, changes).await
}

/// A member who writes has the word.
async fn speaks(desk: Desk<'_>, change: &Change, before: &Conversation) -> Result<()> {
    if before.speaker.as_deref() == Some("HUMAN") && before.status.as_deref() == Some("ACTIVE") {
        return Ok(());
    }
    let mut changes = Record::from_iter([("speaker".to_owned(), json!("HUMAN"))]);
    if let Some(member) = change.link("memberId") {
        changes.insert("assigneeId".to_owned(), json!(member));
    }
    if before.status.as_deref() != Some("ACTIVE") {
        changes.insert("status".to_owned(), json!("ACTIVE"));
    }
    change_conversation(desk, before.id, changes).await
}

async fn change_conversation(desk: Desk<'_>, id: Id, changes: Record) -> Result<()> {
    let Desk { records, ctx, db } = desk;
    records.update(ctx, db, &CONVERSATION, (id, changes, Manner::HOUSE_KNOWS)).await.map(drop)
}
