//! Messages: what was said in a conversation, by whom, and what became of it on the way.

mod compose;
mod follow;
pub(crate) mod status;

use kith_kernel::{Id, Result, invalid};
use kith_platform::jobs::{Job, Retry};
use kith_records::{
    Change, Desk, Field, FoundBy, Kind, Object, OnDelete, Pending, Routes, Rules, What,
    fields::{columns, link, plain, table},
};
use kith_store::{Migration, Step, id};
use serde::{Deserialize, Serialize};

/// What a message can be.
pub(crate) const TYPES: [&str; 13] = [
    "TEXT",
    "IMAGE",
    "FILE",
    "AUDIO",
    "VIDEO",
    "LOCATION",
    "CONTACT",
    "STICKER",
    "REACTION",
    "INTERACTIVE",
    "TEMPLATE",
    "EVENT",
    "UNKNOWN",
];

const OWN: [Field; 27] = [
    plain("conversationId", "conversation_id", Kind::Link("conversation", OnDelete::Cascade))
        .required(),
    plain("content", "content", Kind::LongText)
        .found_by(FoundBy::Body)
        .about("The text; empty where it is all in metadata."),
    plain("type", "type", Kind::Choice(&TYPES)).default("\"TEXT\""),
    plain("sender", "sender", Kind::Choice(&["CUSTOMER", "AGENT", "HUMAN", "SYSTEM"]))
        .about("HUMAN unless said; a message of the CUSTOMER is one that came in."),
    plain("isNote", "is_note", Kind::Bool)
        .default("false")
        .about("For the house alone: it is never sent."),
    plain("templateId", "template_id", Kind::Link("messageTemplate", OnDelete::Clear))
        .about("Its text is filled with variables."),
    plain("variables", "variables", Kind::Json).about("What the template's variables stand for."),
    plain("attachmentId", "attachment_id", Kind::Link("attachment", OnDelete::Clear))
        .about("A file that goes along."),
    plain("metadata", "metadata", Kind::Json)
        .about("What else there is to it: places, reactions, sources of an answer."),
    link("replyToId", "reply_to_id", "message").about("The message that it answers."),
    link("channelId", "channel_id", "channel").system(),
    plain("contactId", "contact_id", Kind::Link("contact", OnDelete::Cascade)).system(),
    plain("direction", "direction", Kind::Choice(&["INBOUND", "OUTBOUND", "INTERNAL"])).system(),
    plain("sequence", "sequence", Kind::Integer(0, i64::MAX))
        .system()
        .about("Its place in the conversation, counted from 1."),
    plain(
        "status",
        "status",
        Kind::Choice(&[
            "received",
            "queued",
            "sending",
            "sent",
            "delivered",
            "read",
            "failed",
            "inDoubt",
        ]),
    )
    .system()
    .about("inDoubt: the far side was asked and gave no answer; it may have been sent."),
    plain("sourceId", "source_id", Kind::LongText).system().about("What the far side calls it."),
    plain("error", "error", Kind::LongText).system().about("Why it was not sent."),
    link("memberId", "member_id", "member").system().about("Who wrote it."),
    link("agentId", "agent_id", "agent").system().about("The agent that wrote it."),
    plain("turn", "turn", Kind::Integer(0, i64::MAX))
        .system()
        .about("The turn of the conversation in which it was written."),
    plain("isAutomatic", "is_automatic", Kind::Bool).system().default("false").about(
        "A machine wrote it: an answer of absence, a report, a list. Agents give no answer.",
    ),
    plain("isRead", "is_read", Kind::Bool).system().default("false"),
    plain("sentAt", "sent_at", Kind::Time)
        .system()
        .about("When it was written, as far as the far side says."),
    plain("deliveredAt", "delivered_at", Kind::Time).system(),
    plain("readAt", "read_at", Kind::Time).system(),
    plain("editedAt", "edited_at", Kind::Time).system(),
    plain("labels", "labels", Kind::Labels).aliases(&["tags"]),
];

/// Sends what waits in a conversation.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Deliver {
    pub(crate) conversation: Id,
}

impl Job for Deliver {
    const NAME: &'static str = "inbox.deliver";
    const RETRY: Retry = Retry { attempts: 8, first_pause_seconds: 2, longest_pause_seconds: 600 };
}

/// Something that was said.
pub static MESSAGE: Object = Object {
    name: "message",
    plural: "messages",
    shares: None,
    alias: None,
    about: "Something that was said in a conversation.",
    fields: &OWN,
    rules: &Messages,
    routes: Routes::All,
    matched_by: "",
};

pub(crate) fn migration() -> Migration {
    let mut own = columns(MESSAGE.fields);
    // Who is sending it; known to nobody else.
    own.push(id("sending_job"));
    let messages = table(MESSAGE.plural, own)
        .unique(&["conversation_id", "sequence"])
        .unique_where(&["channel_id", "source_id"], "source_id IS NOT NULL")
        .index(&["contact_id", "id"])
        .index(&["conversation_id", "direction", "id"])
        .index_where(&["conversation_id", "status"], "status IN ('queued', 'sending')");
    Migration { name: "2026-12-01-inbox-5-messages", steps: vec![Step::Create(messages)] }
}

struct Messages;

impl Rules for Messages {
    fn derive<'a>(&'a self, desk: Desk<'a>, change: &'a mut Change) -> Pending<'a> {
        Box::pin(async move {
            match change.what {
                What::Created => return compose::compose(desk, change).await,
                What::Updated => {
                    compose::refuse_rewriting(desk, change)?;
                    status::settle(desk, change);
                }
                What::Deleted | What::Restored => {}
            }
            Ok(())
        })
    }

    fn check(&self, change: &Change) -> Result<()> {
        if change.what == What::Updated {
            for key in ["conversationId", "sender", "isNote", "type"] {
                if change.changes(key) {
                    return Err(invalid(key, "cannot be changed: it was said"));
                }
            }
        }
        if change.what == What::Created && compose::is_empty(change) {
            return Err(invalid("content", "is required"));
        }
        Ok(())
    }

    fn after<'a>(&'a self, desk: Desk<'a>, change: &'a Change) -> Pending<'a> {
        Box::pin(async move {
            match change.what {
                What::Created => follow::follow(desk, change).await,
                What::Updated | What::Deleted | What::Restored => Ok(()),
            }
        })
    }
}
