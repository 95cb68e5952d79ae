//! Outbound: what the house says goes to the far side, in order within a conversation, at most once where that can be
//! known, and marked as doubtful where it cannot.

mod files;
mod mail;
mod send;

use std::sync::Arc;

use kith_kernel::{Error, Id, Result, Time, internal};
use kith_platform::{
    Ctx,
    events::{self, Event},
    jobs::{self, Attempt, Failure, Registry},
};
use kith_records::{Manner, Record};
use kith_store::{Condition, Read, Select, Update, Value, Write, equals};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::{
    Inbox,
    channels::{self, Channel},
    conversations::{self, Conversation},
    far::Refusal,
    messages::{
        Deliver, MESSAGE,
        status::{Progress, moved},
    },
};

/// A message that waits, or is on its way.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Waiting {
    id: Id,
    conversation_id: Id,
    status: String,
    content: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    sender: Option<String>,
    metadata: Option<String>,
    reply_to_id: Option<Id>,
    attachment_id: Option<Id>,
    turn: Option<i64>,
    sending_job: Option<Id>,
}

/// What is to be done next in a conversation.
enum Next {
    Nothing,
    Send(Box<Sending>),
    /// What was looked at came to an end without being sent; there may be more.
    Again,
}

/// A message with all that sending it takes.
pub(super) struct Sending {
    pub(super) message: Waiting,
    pub(super) channel: Channel,
    pub(super) thread: Option<String>,
    pub(super) reply_to: Option<String>,
}

pub(crate) fn register(registry: Registry, inbox: &Arc<Inbox>) -> Registry {
    let inbox = Arc::clone(inbox);
    registry
        .on(move |job: Deliver, attempt| {
            let inbox = Arc::clone(&inbox);
            async move { inbox.deliver(&attempt, job.conversation).await }
        })
        .when_given_up::<Deliver>(|job, ctx, db, error| Box::pin(give_up(job, ctx, db, error)))
}

/// Whatever of the conversation was on its way is no more.
async fn give_up(job: Deliver, ctx: &Ctx, db: &Write, error: &str) -> Result<()> {
    let select = Select::from(MESSAGE.plural)
        .show(&["id"])
        .whose("conversation_id", job.conversation)
        .only(Condition::In("status", ["queued", "sending"].map(Value::from).to_vec()));
    for message in db.ids(&select).await? {
        let update = Update::table(MESSAGE.plural)
            .set("status", "failed")
            .set("error", error)
            .set("updated_at", ctx.now())
            .plus("version", 1)
            .whose("id", message);
        db.update(update).await?;
        let changes = json!({ "before": {}, "after": { "status": "failed", "error": error } });
        let event = Event {
            name: "message.updated".to_owned(),
            object: MESSAGE.name,
            record: Some(message),
            changes: Some(changes.to_string()),
            batch: None,
        };
        events::append(ctx, db, event)?;
    }
    Ok(())
}

impl Inbox {
    async fn deliver(&self, attempt: &Attempt, conversation: Id) -> Result<(), Failure> {
        loop {
            if attempt.app.tasks.is_stopping() {
                return Err(Failure::Stopped(internal("the application stops")));
            }
            let next = attempt.write(async |db| self.next(attempt, db, conversation).await);
            let next = Box::pin(next).await?;
            let sending = match next {
                Next::Nothing => return Ok(()),
                Next::Again => continue,
                Next::Send(sending) => sending,
            };
            let done = Box::pin(self.send(attempt, &sending)).await;
            Box::pin(self.settle(attempt, &sending, done)).await?;
        }
    }

    /// The oldest message that waits, marked as on its way.
    async fn next(&self, attempt: &Attempt, db: &Write, conversation: Id) -> Result<Next> {
        let ctx: &Ctx = attempt;
        db.one_at_a_time(&format!("delivery {conversation}")).await?;
        let Ok(place) = conversations::find(db, conversation).await else {
            return Ok(Next::Nothing);
        };
        let Some(message) = waiting(db, conversation).await? else { return Ok(Next::Nothing) };
        if message.status == "sending" {
            return self.left_over(attempt, db, &message).await;
        }
        if let Some(why) = lost_word(&message, &place) {
            let progress = Progress { status: "failed", at: None, error: Some(why) };
            moved(&self.records, (ctx, db), (message.id, &message.status), &progress).await?;
            return Ok(Next::Again);
        }
        let channel = match channels::load(ctx, db, place.channel_id).await {
            Ok(channel) => channel,
            Err(error) => {
                let error = Some(error.message().to_owned());
                let progress = Progress { status: "failed", at: None, error };
                moved(&self.records, (ctx, db), (message.id, &message.status), &progress).await?;
                return Ok(Next::Again);
            }
        };
        let reply_to = match message.reply_to_id {
            Some(id) => source_of(db, id).await?,
            None => None,
        };
        let update = Update::table(MESSAGE.plural)
            .set("status", "sending")
            .set("sending_job", attempt.job())
            .whose("id", message.id)
            .whose("status", "queued");
        if db.update(update).await? == 0 {
            return Ok(Next::Again);
        }
        let sending = Sending { message, channel, thread: place.thread_id, reply_to };
        Ok(Next::Send(Box::new(sending)))
    }

    /// What another attempt was sending: it is at it, or it died and nobody knows.
    async fn left_over(&self, attempt: &Attempt, db: &Write, message: &Waiting) -> Result<Next> {
        let other = message.sending_job.filter(|job| *job != attempt.job());
        if let Some(other) = other
            && jobs::is_open(db, other).await?
        {
            // It goes on with what waits behind its own.
            return Ok(Next::Nothing);
        }
        let why = "The process that sent it ended before the answer came: it may have been sent.";
        let progress = Progress { status: "inDoubt", at: None, error: Some(why.to_owned()) };
        let ctx: &Ctx = attempt;
        moved(&self.records, (ctx, db), (message.id, "sending"), &progress).await?;
        Ok(Next::Again)
    }

    /// Notes what became of a message.
    async fn settle(
        &self,
        attempt: &Attempt,
        sending: &Sending,
        done: std::result::Result<Option<String>, Refusal>,
    ) -> Result<(), Failure> {
        let id = sending.message.id;
        let ctx: &Ctx = attempt;
        let (changes, again) = match done {
            Ok(source) => (sent(source.as_deref(), ctx.now()), None),
            Err(Refusal::Later(error)) if !attempt.is_last() => {
                (waits_again(&error), Some(Failure::Retry(error)))
            }
            Err(Refusal::Later(error)) => (refused("failed", error.message()), None),
            Err(Refusal::Never(why)) => (refused("failed", &why), None),
            Err(Refusal::Unknown(error)) => (refused("inDoubt", error.message()), None),
        };
        let written = |changes: Record| async move {
            ctx.write(async |db| {
                self.records
                    .update(ctx, db, &MESSAGE, (id, changes, Manner::HOUSE_KNOWS))
                    .await
                    .map(drop)
            })
            .await
        };
        written(changes).await?;
        again.map_or(Ok(()), Err)
    }
}

/// An answer whose conversation passed to somebody else meanwhile is not sent.
fn lost_word(message: &Waiting, conversation: &Conversation) -> Option<String> {
    let is_agents = message.sender.as_deref() == Some("AGENT");
    let is_old = message.turn.is_some() && message.turn != conversation.turn;
    (is_agents && is_old).then(|| "Somebody else took the word before it was sent.".to_owned())
}

async fn waiting(db: &Read, conversation: Id) -> Result<Option<Waiting>> {
    let select = Select::from(MESSAGE.plural)
        .only(equals("conversation_id", conversation))
        .only(Condition::In("status", ["queued", "sending"].map(Value::from).to_vec()))
        .only(Condition::Null("deleted_at"))
        .by("sequence", false);
    db.first(select).await
}

#[derive(Deserialize)]
struct Source {
    source_id: Option<String>,
}

async fn source_of(db: &Read, message: Id) -> Result<Option<String>> {
    let row: Option<Source> = db.first(Select::from(MESSAGE.plural).whose("id", message)).await?;
    Ok(row.and_then(|row| row.source_id))
}

fn record(json: &Json) -> Record {
    json.as_object().cloned().unwrap_or_default()
}

fn sent(source: Option<&str>, at: Time) -> Record {
    record(&json!({ "status": "sent", "sourceId": source, "sentAt": at, "error": null }))
}

fn waits_again(error: &Error) -> Record {
    record(&json!({ "status": "queued", "error": error.message() }))
}

fn refused(status: &str, why: &str) -> Record {
    record(&json!({ "status": status, "error": why }))
}
