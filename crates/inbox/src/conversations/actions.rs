//! What can be done to a conversation beyond changing its fields, and what follows from its changes.

use kith_kernel::{Id, Result, Time, invalid};
use kith_platform::{
    Ctx,
    jobs::{self, Attempt, Job, Registry},
};
use kith_records::{Change, Desk, Manner, Record, Records};
use kith_store::{Condition, Select, Update, Write, equals};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::CONVERSATION;

/// A snoozed conversation comes back.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Wake {
    conversation: Id,
    at: Time,
}

impl Job for Wake {
    const NAME: &'static str = "conversations.wake";
}

/// Puts the waking of a snoozed conversation into the queue.
pub(super) fn follow(desk: Desk<'_>, change: &Change) -> Result<()> {
    if !change.changes("snoozedUntil") {
        return Ok(());
    }
    match change.text("snoozedUntil").and_then(Time::parse) {
        Some(at) => {
            let wake = Wake { conversation: change.id, at };
            jobs::enqueue_at(desk.ctx, desk.db, &wake, at).map(drop)
        }
        None => Ok(()),
    }
}

pub(crate) fn register(registry: Registry, records: &std::sync::Arc<Records>) -> Registry {
    let records = std::sync::Arc::clone(records);
    registry.on(move |job: Wake, attempt| {
        let records = std::sync::Arc::clone(&records);
        async move {
            attempt
                .write(async |db| {
                    wake(&records, &attempt, db, &job).await?;
                    jobs::finish(&attempt, db).await
                })
                .await
                .map_err(Into::into)
        }
    })
}

async fn wake(records: &Records, attempt: &Attempt, db: &Write, job: &Wake) -> Result<()> {
    let select = Select::from(CONVERSATION.plural)
        .whose("id", job.conversation)
        .whose("snoozed_until", job.at)
        .only(Condition::Null("deleted_at"));
    if !db.exists(select).await? {
        return Ok(());
    }
    let changes = Record::from_iter([("status".to_owned(), json!("ACTIVE"))]);
    records
        .update(attempt, db, &CONVERSATION, (job.conversation, changes, Manner::HOUSE))
        .await
        .map(drop)
}

/// What was given with an end.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Closing {
    pub(super) reason: Option<String>,
    pub(super) summary: Option<String>,
    pub(super) rating: Option<i64>,
}

impl Closing {
    pub(super) fn changes(self) -> Record {
        let mut changes = Record::from_iter([("status".to_owned(), json!("CLOSED"))]);
        let given = [
            ("closeReason", self.reason.map(Json::from)),
            ("summary", self.summary.map(Json::from)),
            ("rating", self.rating.map(Json::from)),
        ];
        for (key, value) in given {
            if let Some(value) = value {
                changes.insert(key.to_owned(), value);
            }
        }
        changes
    }
}

/// To whom a conversation is assigned.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Assigning {
    pub(super) agent_id: Option<Id>,
    pub(super) assignee_id: Option<Id>,
    pub(super) member_id: Option<Id>,
    pub(super) reason: Option<String>,
}

impl Assigning {
    /// # Errors
    /// `Invalid` where nobody is named, or both a member and an agent.
    pub(super) fn changes(&self) -> Result<Record> {
        let member = self.assignee_id.or(self.member_id);
        let mut changes = match (self.agent_id, member) {
            (Some(agent), None) => Record::from_iter([
                ("agentId".to_owned(), json!(agent)),
                ("assigneeId".to_owned(), Json::Null),
                ("speaker".to_owned(), json!("AGENT")),
            ]),
            (None, Some(member)) => Record::from_iter([
                ("assigneeId".to_owned(), json!(member)),
                ("speaker".to_owned(), json!("HUMAN")),
            ]),
            (None, None) => return Err(invalid("agentId", "or assigneeId is required")),
            (Some(_), Some(_)) => {
                return Err(invalid("agentId", "and assigneeId cannot both be given"));
            }
        };
        changes.insert("handOverReason".to_owned(), json!(self.reason));
        Ok(changes)
    }
}

/// Everything of the customer was read by somebody of the house.
pub(crate) async fn read(ctx: &Ctx, db: &Write, id: Id) -> Result<()> {
    let unread = Condition::Not(Box::new(equals("is_read", true)));
    let messages = Update::table("messages")
        .set("is_read", true)
        .plus("version", 1)
        .set("updated_at", ctx.now())
        .whose("conversation_id", id)
        .whose("direction", "INBOUND")
        .only(unread);
    db.update(messages).await?;
    let conversation = Update::table(CONVERSATION.plural)
        .set("unread_count", 0_i64)
        .plus("version", 1)
        .set("updated_at", ctx.now())
        .whose("id", id)
        .only(Condition::Not(Box::new(equals("unread_count", 0_i64))));
    db.update(conversation).await.map(drop)
}
