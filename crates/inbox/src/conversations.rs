//! Conversations: what one person and the house say to each other on one channel.

mod actions;
mod lease;
mod routes;

pub(crate) use actions::read as mark_as_read;

use kith_kernel::{Id, Result, Time, conflict, invalid, not_found};
use kith_records::{
    Change, Desk, Field, FoundBy, Kind, Object, OnDelete, Pending, Routes, Rules, What,
    fields::{columns, link, plain, table},
    folded,
};
use kith_store::{Condition, Migration, Read, Select, Step};
use serde::Deserialize;
use serde_json::{Value as Json, json};

pub(crate) use {actions::register, routes::routes};

/// What a conversation can be.
pub(crate) const STATES: [&str; 6] =
    ["ACTIVE", "WAITING", "ESCALATED", "SNOOZED", "RESOLVED", "CLOSED"];

const OWN: [Field; 33] = [
    plain("channelId", "channel_id", Kind::Link("channel", OnDelete::Clear)).required(),
    plain("contactId", "contact_id", Kind::Link("contact", OnDelete::Cascade))
        .about("Who it is with."),
    plain("threadId", "thread_id", Kind::LongText).system().about("What the far side calls it."),
    folded!(Text, "subject", "subject").found_by(FoundBy::Title),
    plain("status", "status", Kind::Choice(&STATES))
        .default("\"ACTIVE\"")
        .about("A message of the customer makes it ACTIVE again."),
    plain("priority", "priority", Kind::Choice(&["LOW", "NORMAL", "HIGH", "URGENT"]))
        .default("\"NORMAL\""),
    plain("labels", "labels", Kind::Labels).aliases(&["tags"]),
    link("agentId", "agent_id", "agent").about("The agent that answers."),
    link("assigneeId", "assignee_id", "member")
        .aliases(&["assigneduserid", "ownerid"])
        .about("The member who answers, or shall."),
    plain("speaker", "speaker", Kind::Choice(&["AGENT", "HUMAN", "WORKFLOW"]))
        .system()
        .about("Who has the word; null: nobody has it yet."),
    plain("turn", "turn", Kind::Integer(0, i64::MAX))
        .system()
        .default("0")
        .about("Rises whenever the word passes to somebody else."),
    plain("handedOverAt", "handed_over_at", Kind::Time)
        .system()
        .about("When an agent asked for a member."),
    plain("handOverReason", "hand_over_reason", Kind::LongText).system(),
    plain("snoozedUntil", "snoozed_until", Kind::Time).system(),
    plain("startedAt", "started_at", Kind::Time).system(),
    plain("endedAt", "ended_at", Kind::Time).system().about("When it was resolved or closed."),
    folded!(Text, "closeReason", "close_reason"),
    plain("summary", "summary", Kind::LongText).found_by(FoundBy::Body),
    plain("rating", "rating", Kind::Integer(1, 5)).about("How the customer found it."),
    folded!(Text, "customerName", "customer_name")
        .system()
        .found_by(FoundBy::Title)
        .about("As the channel calls them."),
    folded!(Text, "customerHandle", "customer_handle")
        .system()
        .found_by(FoundBy::Keyword)
        .about("Their number, address or name there."),
    plain("lastMessageAt", "last_message_at", Kind::Time).system(),
    folded!(Text, "lastMessage", "last_message").system().about("How the last one begins."),
    plain("lastInboundAt", "last_inbound_at", Kind::Time).system(),
    plain("waitingSince", "waiting_since", Kind::Time)
        .system()
        .about("The first message of the customer that nobody answered yet."),
    plain("firstResponseAt", "first_response_at", Kind::Time).system(),
    plain("messageCount", "message_count", Kind::Integer(0, i64::MAX)).system().default("0"),
    plain("unreadCount", "unread_count", Kind::Integer(0, i64::MAX))
        .system()
        .default("0")
        .about("Messages of the customer that nobody of the house read."),
    plain("canSend.freeFormUntil", "free_form_until", Kind::Time).system().about(
        "Until then anything may be sent; null where the channel sets no end, or nobody wrote yet.",
    ),
    plain("canSend.always", "can_send_always", Kind::Bool)
        .system()
        .about("The channel sets no end to it."),
    plain("canSend.templates", "can_send_templates", Kind::Bool)
        .system()
        .about("Whether the channel takes templates at any time."),
    plain("firstResponseSeconds", "first_response_seconds", Kind::Integer(0, i64::MAX)).system(),
    plain("resolutionSeconds", "resolution_seconds", Kind::Integer(0, i64::MAX)).system(),
];

/// What one person and the house say to each other on one channel.
pub static CONVERSATION: Object = Object {
    name: "conversation",
    plural: "conversations",
    shares: None,
    alias: None,
    about: "What one person and the house say to each other on one channel.",
    fields: &OWN,
    rules: &Conversations,
    routes: Routes::All,
    matched_by: "",
};

pub(crate) fn migration() -> Migration {
    let conversations = table(CONVERSATION.plural, columns(CONVERSATION.fields))
        .unique_where(&["channel_id", "thread_id"], "thread_id IS NOT NULL AND deleted_at IS NULL")
        .index(&["contact_id", "id"])
        .index(&["status", "last_message_at", "id"])
        .index(&["last_message_at", "id"])
        .index(&["assignee_id", "id"])
        .index(&["agent_id", "id"])
        .index_where(&["snoozed_until"], "snoozed_until IS NOT NULL");
    Migration { name: "2026-12-01-inbox-4-conversations", steps: vec![Step::Create(conversations)] }
}

struct Conversations;

impl Rules for Conversations {
    /// What comes in by the thread goes on in the conversation that has it by now.
    fn gives_up(&self) -> &'static [&'static str] {
        &["thread_id"]
    }

    fn derive<'a>(&'a self, desk: Desk<'a>, change: &'a mut Change) -> Pending<'a> {
        Box::pin(async move {
            match change.what {
                What::Created => begin(desk, change).await?,
                What::Updated if change.changes("channelId") => {
                    return Err(invalid("channelId", "cannot be changed"));
                }
                What::Updated if is_emptied(change, "contactId") => {
                    return Err(invalid("contactId", "cannot be emptied"));
                }
                What::Updated | What::Deleted | What::Restored => {}
            }
            if matches!(change.what, What::Created | What::Updated) {
                end(desk, change);
                lease::follow(desk, change);
            }
            Ok(())
        })
    }

    fn check(&self, change: &Change) -> Result<()> {
        let is_snoozed = change.text("status") == Some("SNOOZED");
        if is_snoozed && change.get("snoozedUntil").is_none() {
            return Err(invalid("status", "is set by POST /api/conversations/{id}/snooze"));
        }
        Ok(())
    }

    fn after<'a>(&'a self, desk: Desk<'a>, change: &'a Change) -> Pending<'a> {
        Box::pin(async move { actions::follow(desk, change) })
    }
}

#[derive(Deserialize)]
struct ChannelRow {
    #[serde(rename = "type")]
    kind: String,
    agent_id: Option<Id>,
}

/// What a new conversation takes over from its channel.
async fn begin(desk: Desk<'_>, change: &mut Change) -> Result<()> {
    let channel = change.link("channelId").ok_or_else(|| invalid("channelId", "is required"))?;
    let select = Select::from("channels").whose("id", channel).only(Condition::Null("deleted_at"));
    let row: Option<ChannelRow> = desk.db.first(select).await?;
    let row = row.ok_or_else(|| invalid("channelId", "is no channel"))?;
    let kind = crate::channels::ChannelKind::named(&row.kind);
    change.set("canSend.always", kind.is_some_and(|kind| kind.window_hours().is_none()));
    change.set("canSend.templates", kind.is_some_and(crate::channels::ChannelKind::has_templates));
    if change.get("startedAt").is_none() {
        change.set("startedAt", json!(desk.ctx.now()));
    }
    if let Some(agent) = row.agent_id.filter(|_| !change.is_given("agentId")) {
        change.set("agentId", json!(agent));
    }
    Ok(())
}

fn is_emptied(change: &Change, key: &str) -> bool {
    change.changes(key) && change.was(key).is_some() && change.link(key).is_none()
}

fn is_over(status: Option<&str>) -> bool {
    matches!(status, Some("RESOLVED" | "CLOSED"))
}

/// What follows from an end, and from a beginning anew.
fn end(desk: Desk<'_>, change: &mut Change) {
    if change.what == What::Updated && !change.changes("status") {
        return;
    }
    let over = is_over(change.text("status"));
    let was_over = is_over(change.was("status").and_then(Json::as_str));
    if over && !was_over {
        let now = desk.ctx.now();
        change.set("endedAt", json!(now));
        let started = change.text("startedAt").and_then(Time::parse);
        if let Some(started) = started {
            let seconds = now.milliseconds().saturating_sub(started.milliseconds()).max(0) / 1000;
            change.set("resolutionSeconds", json!(seconds));
        }
        change.set("waitingSince", Json::Null);
    }
    if was_over && !over {
        for key in ["endedAt", "resolutionSeconds"] {
            change.set(key, Json::Null);
        }
        change.set("startedAt", json!(desk.ctx.now()));
    }
    if change.text("status") != Some("SNOOZED") {
        change.set("snoozedUntil", Json::Null);
    }
}

/// A conversation as those who write into it need it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Conversation {
    pub(crate) id: Id,
    pub(crate) channel_id: Id,
    pub(crate) contact_id: Option<Id>,
    pub(crate) thread_id: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) agent_id: Option<Id>,
    pub(crate) speaker: Option<String>,
    pub(crate) turn: Option<i64>,
    pub(crate) message_count: Option<i64>,
    pub(crate) free_form_until: Option<Time>,
    pub(crate) can_send_always: Option<bool>,
    pub(crate) first_response_at: Option<Time>,
    pub(crate) waiting_since: Option<Time>,
    pub(crate) started_at: Option<Time>,
}

impl Conversation {
    /// Refuses what nobody may write into any more.
    pub(crate) fn refuse_closed(&self) -> Result<()> {
        if self.status.as_deref() == Some("CLOSED") {
            let why = "The conversation is closed: POST /api/conversations/{id}/reopen first.";
            return Err(conflict("conversation_closed", why));
        }
        Ok(())
    }

    /// Whether anything may be sent at that time.
    pub(crate) fn may_send_freely(&self, now: Time) -> bool {
        self.can_send_always == Some(true) || self.free_form_until.is_some_and(|until| until > now)
    }
}

/// A conversation that is there.
///
/// # Errors
/// `NotFound`.
pub(crate) async fn find(db: &Read, id: Id) -> Result<Conversation> {
    let select =
        Select::from(CONVERSATION.plural).whose("id", id).only(Condition::Null("deleted_at"));
    db.first(select).await?.ok_or_else(|| not_found("conversation"))
}
