//! Arrivals: what a far side tells becomes messages, their states and changes.

use kith_kernel::{Id, Result, Time, conflict, internal, malformed};
use kith_platform::Ctx;
use kith_records::{Manner, Record, Records};
use kith_store::{Comparison, Condition, Select, Write, equals};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::{files::KeepFiles, threads};
use crate::{
    Inbox,
    channels::{CHANNEL, Channel, ChannelKind},
    conversations::{CONVERSATION, find},
    handles::find_or_create,
    media::Fetch,
    messages::{
        MESSAGE,
        status::{Progress, moved, told},
    },
    wire::{Arrival, Incoming, Rest},
};

/// Characters of a text; what is longer stands whole in the delivery.
const LONGEST: usize = 65_000;
/// Messages of one conversation whose states one watermark moves.
const MOST_UP_TO: u64 = 200;

type Place<'a> = (&'a Ctx, &'a Write);

/// Takes one thing in.
pub(super) async fn take(
    inbox: &Inbox,
    place: Place<'_>,
    (channel, delivery): (&Channel, Id),
    arrival: &Arrival,
) -> Result<()> {
    let records = &inbox.records;
    match arrival {
        Arrival::Unread { why } => Err(malformed(why.clone())),
        Arrival::Message(incoming) => message(inbox, place, (channel, delivery), incoming).await,
        Arrival::Status { source, status, at, error, callback } => {
            let progress = Progress { status, at: *at, error: error.clone() };
            told(records, place, (channel.id, source, *callback), &progress).await
        }
        Arrival::UpTo { thread, status, until } => {
            up_to(records, place, (channel.id, thread), (status, *until)).await
        }
        Arrival::Edited { source, whole: Some(whole), .. }
            if by_source(place.1, (channel.id, source)).await?.is_none() =>
        {
            message(inbox, place, (channel, delivery), whole).await
        }
        Arrival::Edited { source, content, at, .. } => {
            let changes =
                json!({ "content": content, "editedAt": at.unwrap_or_else(|| place.0.now()) });
            rewrite(records, place, (channel.id, source), changes).await
        }
        Arrival::Withdrawn { source } => {
            let changes = json!({ "content": "", "metadata": { "withdrawn": true }, "editedAt": place.0.now() });
            rewrite(records, place, (channel.id, source), changes).await
        }
    }
}

#[derive(Deserialize)]
struct Row {
    id: Id,
    status: Option<String>,
}

async fn thread_of(db: &Write, (channel, thread): (Id, &str)) -> Result<Option<Id>> {
    let select = Select::from(CONVERSATION.plural)
        .whose("channel_id", channel)
        .whose("thread_id", thread.to_owned())
        .only(Condition::Null("deleted_at"));
    Ok(db.first::<Row>(select).await?.map(|row| row.id))
}

async fn by_source(db: &Write, (channel, source): (Id, &str)) -> Result<Option<Row>> {
    let select = Select::from(MESSAGE.plural)
        .whose("channel_id", channel)
        .whose("source_id", source.to_owned());
    db.first(select).await
}

async fn message(
    inbox: &Inbox,
    (ctx, db): Place<'_>,
    (channel, delivery): (&Channel, Id),
    incoming: &Incoming,
) -> Result<()> {
    let is_known = by_source(db, (channel.id, &incoming.source)).await?.is_some();
    let came_back = threads::came_back(&inbox.records, (ctx, db), channel.id, incoming);
    if is_known || Box::pin(came_back).await? {
        return Ok(());
    }
    let conversation = Box::pin(conversation(inbox, (ctx, db), channel, incoming)).await?;
    if incoming.is_echo && is_sending(db, conversation).await? {
        // It may be what is being sent: that is known in a moment.
        return Err(conflict("echo", "Something of the conversation is on its way."));
    }
    let reply_to = match &incoming.reply_to {
        Some(source) => by_source(db, (channel.id, source)).await?.map(|row| row.id),
        None => None,
    };
    let (content, metadata, rest) = told_of(incoming, (channel.kind, delivery));
    let input = json!({
        "conversationId": conversation, "content": content, "type": incoming.kind,
        "sender": if incoming.is_echo { "HUMAN" } else { "CUSTOMER" },
        "metadata": metadata, "replyToId": reply_to, "sourceId": incoming.source,
        "sentAt": plausible(incoming.at, ctx.now()), "isAutomatic": incoming.is_automatic,
    });
    let Json::Object(input) = input else { return Ok(()) };
    let made = inbox.records.create_in(ctx, db, &MESSAGE, (input, Manner::HOUSE_KNOWS));
    let (id, _) = Box::pin(made).await?;
    if let Some(media) = &incoming.media {
        let fetch = Fetch { message: id, channel: channel.id, media: media.clone() };
        kith_platform::jobs::enqueue(ctx, db, &fetch)?;
    }
    if let Some(rest) = rest {
        let keep = KeepFiles { message: id, delivery, is_cut: rest == Rest::Text };
        kith_platform::jobs::enqueue(ctx, db, &keep)?;
    }
    Ok(())
}

/// What a message holds of what came, and what is to be kept beside it.
fn told_of(
    incoming: &Incoming,
    (kind, delivery): (ChannelKind, Id),
) -> (String, Json, Option<Rest>) {
    let mut content: String = incoming.content.replace('\0', "");
    let mut metadata = incoming.metadata.clone();
    let mut rest = incoming.rest;
    if content.chars().nth(LONGEST).is_some() {
        content = content.chars().take(LONGEST).collect();
        noted(&mut metadata, "cutFrom", json!(delivery));
        if kind == ChannelKind::Email {
            rest = Some(Rest::Text);
        }
    }
    if let Some(media) = &incoming.media {
        noted(&mut metadata, "media", json!({ "state": "queued", "name": media.name }));
    }
    if incoming.is_echo {
        // It was sent already, elsewhere.
        noted(&mut metadata, "echo", json!(true));
    }
    (content, metadata, rest)
}

fn noted(metadata: &mut Json, key: &str, value: Json) {
    if !metadata.is_object() {
        *metadata = json!({});
    }
    metadata[key] = value;
}

async fn is_sending(db: &Write, conversation: Id) -> Result<bool> {
    let sending = Select::from(MESSAGE.plural)
        .whose("conversation_id", conversation)
        .whose("status", "sending");
    db.exists(sending).await
}

/// What a far side says of the time; nothing from the future.
fn plausible(at: Option<Time>, now: Time) -> Time {
    at.map_or(now, |at| if at > now { now } else { at })
}

/// The conversation that a message belongs to; made where there is none.
async fn conversation(
    inbox: &Inbox,
    (ctx, db): Place<'_>,
    channel: &Channel,
    incoming: &Incoming,
) -> Result<Id> {
    let lock = format!("thread {} {}", channel.id, incoming.thread);
    db.one_at_a_time(&lock).await?;
    let records = &inbox.records;
    let named = threads::named(db, channel.id, &incoming.references);
    if let Some(known) = Box::pin(named).await? {
        return Ok(known);
    }
    if let Some(known) = thread_of(db, (channel.id, &incoming.thread)).await? {
        if incoming.person.handles.len() > 1 {
            let is = find(db, known).await?.contact_id;
            find_or_create(records, (ctx, db), (&incoming.person, is), channel.id).await?;
        }
        return Ok(known);
    }
    let contact = find_or_create(records, (ctx, db), (&incoming.person, None), channel.id).await?;
    if incoming.is_by_person
        && let Some(known) = last_with(db, (channel.id, contact)).await?
    {
        return Ok(known);
    }
    let handle = incoming.person.handles.first().map(|(_, value)| value.as_str());
    let short =
        |text: &str| text.chars().filter(|sign| !sign.is_control()).take(200).collect::<String>();
    let input = json!({
        "channelId": channel.id, "contactId": contact, "threadId": incoming.thread,
        "customerName": incoming.person.name.as_deref().map(short),
        "customerHandle": handle.map(short),
        "subject": incoming.subject.as_deref().map(short),
    });
    let Json::Object(input) = input else { return Err(internal("no object")) };
    let manner = Manner { known_links: true, ..Manner::HOUSE_KNOWS };
    Ok(records.create_in(ctx, db, &CONVERSATION, (input, manner)).await?.0)
}

/// The last conversation with somebody on a channel.
async fn last_with(db: &Write, (channel, contact): (Id, Id)) -> Result<Option<Id>> {
    let select = Select::from(CONVERSATION.plural)
        .whose("channel_id", channel)
        .whose("contact_id", contact)
        .only(Condition::Null("deleted_at"))
        .by("id", true);
    Ok(db.first::<Row>(select).await?.map(|row| row.id))
}

/// All that the house sent until then has come this far.
async fn up_to(
    records: &Records,
    (ctx, db): Place<'_>,
    (channel, thread): (Id, &str),
    (status, until): (&'static str, Time),
) -> Result<()> {
    let Some(conversation) = thread_of(db, (channel, thread)).await? else { return Ok(()) };
    let before = if status == "read" { vec!["sent", "delivered"] } else { vec!["sent"] };
    let select = Select::from(MESSAGE.plural)
        .only(equals("conversation_id", conversation))
        .only(equals("direction", "OUTBOUND"))
        .only(Condition::In("status", before.into_iter().map(Into::into).collect()))
        .only(Condition::Compare("sent_at", Comparison::LessOrEqual, until.into()))
        .by("id", true)
        .at_most(MOST_UP_TO);
    let rows: Vec<Row> = db.all(select).await?;
    let progress = Progress { status, at: Some(until), error: None };
    for row in rows {
        let from = row.status.as_deref().unwrap_or("sent");
        moved(records, (ctx, db), (row.id, from), &progress).await?;
    }
    Ok(())
}

async fn rewrite(
    records: &Records,
    (ctx, db): Place<'_>,
    of: (Id, &str),
    changes: Json,
) -> Result<()> {
    let Some(row) = by_source(db, of).await? else { return Ok(()) };
    let Json::Object(mut changes) = changes else { return Ok(()) };
    if let Some(Json::String(content)) = changes.get_mut("content") {
        *content = content.replace('\0', "").chars().take(LONGEST).collect();
    }
    records.update(ctx, db, &MESSAGE, (row.id, changes, Manner::HOUSE_KNOWS)).await.map(drop)
}

impl Inbox {
    /// Takes in what nobody needs to keep for it.
    pub(crate) async fn take_in(
        &self,
        ctx: &Ctx,
        channel: &Channel,
        arrival: &Arrival,
    ) -> Result<()> {
        ctx.write(async |db| take(self, (ctx, db), (channel, Id::NIL), arrival).await).await
    }

    /// Something came in: the far side knows the channel.
    pub(super) async fn connected(&self, ctx: &Ctx, db: &Write, channel: &Channel) -> Result<()> {
        let changes = json!({ "connectedAt": ctx.now(), "status": "ACTIVE", "statusReason": null });
        let changes: Record = changes.as_object().cloned().unwrap_or_default();
        self.records
            .update(ctx, db, &CHANNEL, (channel.id, changes, Manner::HOUSE_KNOWS))
            .await
            .map(drop)
    }
}
