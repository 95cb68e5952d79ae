//! Composing: what follows for a new message from its conversation, from who writes it and from its template.

use kith_kernel::{Id, Result, Via, conflict, invalid};
use kith_records::{Change, Desk};
use kith_store::{Condition, Select};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::{
    conversations::{self, Conversation},
    templates,
};

/// Nobody else writes into a conversation at the same time, so that its messages have an order.
fn turnstile(conversation: Id) -> String {
    format!("conversation {conversation}")
}

/// Fills in what follows from what was given.
pub(super) async fn compose(desk: Desk<'_>, change: &mut Change) -> Result<()> {
    let conversation =
        change.link("conversationId").ok_or_else(|| invalid("conversationId", "is required"))?;
    desk.db.one_at_a_time(&turnstile(conversation)).await?;
    let conversation = conversations::find(desk.db, conversation)
        .await
        .map_err(|_| invalid("conversationId", "is no conversation"))?;
    let direction = direction(desk, change)?;
    if direction == "INBOUND" && desk.ctx.actor.via != Via::System {
        by_hand(desk, change, &conversation).await?;
    }
    change.set("direction", direction);
    change.set("channelId", json!(conversation.channel_id));
    change.set("contactId", json!(conversation.contact_id));
    change.set("turn", json!(conversation.turn.unwrap_or_default()));
    change.set("sequence", json!(conversation.message_count.unwrap_or_default() + 1));
    if change.get("sentAt").is_none() {
        change.set("sentAt", json!(desk.ctx.now()));
    }
    templates::fill(desk, change).await?;
    match direction {
        "OUTBOUND" => outbound(desk, change, &conversation).await,
        "INBOUND" => {
            change.set("status", "received");
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Which way it goes, and who says it.
fn direction(desk: Desk<'_>, change: &mut Change) -> Result<&'static str> {
    let actor = &desk.ctx.actor;
    if change.text("sender").is_none() {
        change.set("sender", "HUMAN");
    }
    let by_house = actor.via == Via::System;
    if change.text("sender") == Some("HUMAN")
        && let Some(member) = actor.member
        && change.get("memberId").is_none()
    {
        change.set("memberId", json!(member));
    }
    let is_note = change.get("isNote") == Some(&Json::Bool(true));
    match change.text("sender") {
        Some("CUSTOMER") if is_note => Err(invalid("isNote", "is for those of the house")),
        Some("CUSTOMER") => Ok("INBOUND"),
        Some("SYSTEM") if !by_house && change.get("agentId").is_none() => {
            Err(invalid("sender", "SYSTEM is for the house itself"))
        }
        // Who an agent is follows from who has the word; only the house speaks for it.
        Some("AGENT") if !by_house && change.get("agentId").is_none() && !is_note => {
            Err(invalid("sender", "AGENT is for agents: they write by themselves"))
        }
        _ if is_note => Ok("INTERNAL"),
        _ => Ok("OUTBOUND"),
    }
}

/// What a customer said is written down by hand where no far side of its own brings it: by an API, for a page.
async fn by_hand(desk: Desk<'_>, change: &mut Change, conversation: &Conversation) -> Result<()> {
    let select = Select::from("channels").whose("id", conversation.channel_id);
    let channel: Option<ChannelRow> = desk.db.first(select).await?;
    if !channel.is_some_and(|channel| matches!(channel.kind.as_str(), "API" | "WEBSITE")) {
        let why = "CUSTOMER comes by the channel itself; only for channels of the kinds API and WEBSITE it is written here";
        return Err(invalid("sender", why));
    }
    if let Some(member) = desk.ctx.actor.member {
        change.set("memberId", json!(member));
    }
    Ok(())
}

#[derive(Deserialize)]
struct ChannelRow {
    #[serde(rename = "type")]
    kind: String,
    is_active: Option<bool>,
}

async fn outbound(desk: Desk<'_>, change: &mut Change, conversation: &Conversation) -> Result<()> {
    if change.get("sourceId").is_some() {
        // It was sent elsewhere.
        change.set("status", "sent");
        return Ok(());
    }
    conversation.refuse_closed()?;
    let select = Select::from("channels")
        .whose("id", conversation.channel_id)
        .only(Condition::Null("deleted_at"));
    let channel: Option<ChannelRow> = desk.db.first(select).await?;
    let gone = || conflict("channel_gone", "The channel of this conversation was deleted.");
    let channel = channel.ok_or_else(gone)?;
    if channel.is_active == Some(false) {
        let why = "The channel is switched off: nothing goes out by it.";
        return Err(conflict("channel_inactive", why));
    }
    let takes_any_time = change.text("type") == Some("TEMPLATE") && channel.kind == "WHATSAPP";
    if !takes_any_time && !conversation.may_send_freely(desk.ctx.now()) {
        let why = "The customer wrote more than 24 hours ago, or never: until they write again this channel takes \
                   templates alone (canSend).";
        return Err(conflict("window_closed", why));
    }
    change.set("status", "queued");
    Ok(())
}

/// Whether nothing is said at all.
pub(super) fn is_empty(change: &Change) -> bool {
    let says = change.text("content").is_some_and(|text| !text.trim().is_empty());
    let holds =
        ["metadata", "attachmentId", "templateId"].iter().any(|key| change.get(key).is_some());
    !says && !holds && !matches!(change.text("type"), Some("UNKNOWN" | "EVENT" | "STICKER"))
}

/// What was said stays as it was said, but for notes; the far side alone may tell of another text.
pub(super) fn refuse_rewriting(desk: Desk<'_>, change: &Change) -> Result<()> {
    let is_note = change.get("isNote") == Some(&Json::Bool(true));
    let by_house = matches!(desk.ctx.actor.via, Via::System | Via::Assistant);
    if is_note || by_house {
        return Ok(());
    }
    for key in ["content", "metadata", "variables", "attachmentId", "replyToId"] {
        if change.changes(key) {
            return Err(invalid(key, "cannot be changed: it was said"));
        }
    }
    Ok(())
}
