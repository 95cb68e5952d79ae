//! The inbox by sockets: what is said in conversations as it is said, who types, and how far messages got.

use std::{future::ready, sync::Arc};

use kith_http::{Answer, Happening, LiveEvents, Piece, Said, To};
use kith_kernel::{Id, Result, Role, invalid};
use kith_store::{Condition, Output, Read, Select};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use crate::{
    Inbox,
    conversations::{self, CONVERSATION, mark_as_read},
    messages::MESSAGE,
};

/// The states of a message that sockets are told of.
const TOLD: [&str; 4] = ["sent", "delivered", "read", "failed"];
/// What those who are not in a conversation's room are told of a message.
const LEAN: [&str; 8] =
    ["conversationId", "sender", "type", "direction", "sequence", "status", "isNote", "sentAt"];

/// The room of those who follow a conversation.
pub fn room(conversation: Id) -> String {
    format!("conversation:{conversation}")
}

/// What is told of changes in the inbox.
pub fn tell(happening: &Happening<'_>) -> Vec<Piece> {
    match happening.event.name.as_str() {
        "message.created" => message(happening),
        "message.updated" => status(happening).into_iter().collect(),
        "conversation.updated" => conversation(happening),
        _ => Vec::new(),
    }
}

fn object<const N: usize>(pairs: [(&str, Json); N]) -> Map<String, Json> {
    pairs.map(|(key, value)| (key.to_owned(), value)).into_iter().collect()
}

fn message(happening: &Happening<'_>) -> Vec<Piece> {
    let Happening { record, after, .. } = happening;
    let conversation = after.get("conversationId").and_then(Json::as_str);
    let Some(conversation) = conversation.and_then(|text| text.parse().ok()) else {
        return Vec::new();
    };
    let of = |keys: &mut dyn Iterator<Item = (String, Json)>| {
        let mut all = object([("id", json!(record))]);
        all.extend(keys);
        all
    };
    let full = of(&mut after.iter().map(|(key, value)| (key.clone(), value.clone())));
    let shown = LEAN.iter().filter_map(|key| Some(((*key).to_owned(), after.get(*key)?.clone())));
    let mut pieces = Vec::new();
    if after.get("sender").and_then(Json::as_str) == Some("AGENT") {
        let payload = object([
            ("conversationId", json!(conversation)),
            ("message", json!(full)),
            ("agentId", after.get("agentId").cloned().unwrap_or_default()),
        ]);
        let to = To::Room(room(conversation));
        pieces.push(Piece { name: "agent_response", to, payload, lean: None });
    }
    let lean = Some(of(&mut { shown }));
    let to = To::Room(room(conversation));
    pieces.insert(0, Piece { name: "new_message", to, payload: full, lean });
    pieces
}

fn status(happening: &Happening<'_>) -> Option<Piece> {
    let status = happening.after.get("status").and_then(Json::as_str)?;
    let status = TOLD.into_iter().find(|told| *told == status)?;
    let payload = object([("messageId", json!(happening.record)), ("status", json!(status))]);
    Some(Piece { name: "message_status", to: To::All, payload, lean: None })
}

/// Both names are in use.
fn conversation(happening: &Happening<'_>) -> Vec<Piece> {
    let Happening { record, after, .. } = happening;
    let mut payload = object([("conversationId", json!(record)), ("update", json!(after))]);
    if let Some(status) = after.get("status") {
        payload.insert("status".to_owned(), status.clone());
    }
    ["conversation_update", "conversation_updated"]
        .into_iter()
        .map(|name| Piece { name, to: To::All, payload: payload.clone(), lean: None })
        .collect()
}

/// What sockets may say to the inbox.
pub fn live_events(inbox: &Arc<Inbox>) -> LiveEvents {
    let (sending, reading) = (Arc::clone(inbox), Arc::clone(inbox));
    LiveEvents::new()
        .on("join_conversation", |said| join(said, true))
        .on("monitor_conversation", |said| join(said, false))
        .at_first("conversations", "join_conversation")
        .at_first("monitored", "monitor_conversation")
        .on("leave_conversation", |said| ready(leave(&said)))
        .on("typing_start", |said| ready(typing(&said, true)))
        .on("typing_stop", |said| ready(typing(&said, false)))
        .on("send_message", move |said| send(Arc::clone(&sending), said))
        .on("mark_read", move |said| mark(Arc::clone(&reading), said))
        .on("request_dashboard_metrics", metrics)
}

/// Enters a conversation; who monitors it is not shown to the others.
async fn join(said: Said, is_seen: bool) -> Result<Json> {
    said.require(Role::Viewer, ("conversations", "read"))?;
    let id = said.id("conversationId")?;
    said.ctx.read(async |db| conversations::find(db, id).await).await?;
    let room = room(id);
    said.join(&room)?;
    said.look_at(&room, is_seen);
    Ok(json!({ "conversationId": id }))
}

fn leave(said: &Said) -> Result<Json> {
    let id = said.id("conversationId")?;
    said.leave(&room(id));
    Ok(json!({ "conversationId": id }))
}

fn typing(said: &Said, is_typing: bool) -> Result<Json> {
    said.require(Role::Member, ("messages", "write"))?;
    let id = said.id("conversationId")?;
    let room = room(id);
    if !said.is_in(&room) {
        return Err(invalid("conversationId", "is none that this socket has joined"));
    }
    let actor = &said.ctx.actor;
    let told = json!({
        "userId": actor.user.or(actor.member), "memberId": actor.member, "conversationId": id, "isTyping": is_typing,
    });
    said.pass_on(&room, ("user_typing", &told));
    if !is_typing {
        said.pass_on(&room, ("user_stopped_typing", &told));
    }
    Ok(json!({ "conversationId": id }))
}

/// A message as a socket sends it; `clientId` makes that it is sent once, however often it is said.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    conversation_id: Id,
    content: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    client_id: Option<String>,
    is_note: Option<bool>,
    reply_to_id: Option<Id>,
    /// Ignored: the handshake said who it is.
    #[serde(rename = "userId")]
    _user_id: Option<Json>,
}

async fn send(inbox: Arc<Inbox>, said: Said) -> Result<Json> {
    said.require(Role::Member, ("messages", "write"))?;
    let message: Message = said.parse()?;
    let mut input = Map::new();
    input.insert("conversationId".to_owned(), json!(message.conversation_id));
    let given = [
        ("content", message.content.map(Json::from)),
        ("type", message.kind.map(Json::from)),
        ("isNote", message.is_note.map(Json::from)),
        ("replyToId", message.reply_to_id.map(|id| json!(id))),
    ];
    input.extend(given.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))));
    said.write(message.client_id.as_deref(), async |db| {
        conversations::find(db, message.conversation_id).await?;
        let (_, message) = inbox.records.create(&said.ctx, db, &MESSAGE, input).await?;
        Answer::json(&message)
    })
    .await
}

async fn mark(inbox: Arc<Inbox>, said: Said) -> Result<Json> {
    said.require(Role::Member, ("conversations", "write"))?;
    let id = said.id("conversationId")?;
    let ctx = &said.ctx;
    let read = said.write(None, async |db| {
        conversations::find(db, id).await?;
        mark_as_read(ctx, db, id).await?;
        Answer::json(&inbox.records.get(ctx, db, &CONVERSATION, id).await?)
    });
    let read = read.await?;
    let told = json!({ "conversationId": id, "update": { "unreadCount": 0 } });
    for name in ["conversation_update", "conversation_updated"] {
        said.pass_on(&room(id), (name, &told));
    }
    Ok(read)
}

async fn metrics(said: Said) -> Result<Json> {
    said.require(Role::Viewer, ("conversations", "read"))?;
    let mut metrics = said.ctx.read(async |db| count(db).await).await?;
    metrics["lastUpdated"] = json!(said.ctx.now());
    said.reply("dashboard_metrics", &metrics);
    Ok(metrics)
}

async fn count(db: &Read) -> Result<Json> {
    let there = |table| Select::from(table).only(Condition::Null("deleted_at"));
    let active = db.count(there("conversations").whose("status", "ACTIVE")).await?;
    let messages = db.count(there("messages")).await?;
    let agents = db.count(there("agents").whose("is_active", true)).await?;
    let answered = Condition::Not(Box::new(Condition::Null("first_response_seconds")));
    let select = there("conversations").only(answered).output(Output::Count);
    let mut response = Json::Null;
    db.each(&select.output(Output::Sum("first_response_seconds")), |row| {
        let (count, sum) = (row.integer(0)?.unwrap_or_default(), row.integer(1)?);
        response = sum.and_then(|sum| sum.checked_div(count)).into();
        Ok(())
    })
    .await?;
    Ok(json!({
        "activeConversations": active, "totalMessages": messages, "activeAgents": agents, "responseTime": response,
    }))
}
