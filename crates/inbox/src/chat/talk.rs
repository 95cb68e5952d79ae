//! What visitors say, and what they are shown of their conversation.

use std::sync::Arc;

use kith_http::{Answer, Call, schema};
use kith_kernel::{Id, Result, Time, invalid};
use kith_store::{Comparison, Condition, Read, Select};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::{
    LONGEST,
    visitor::{Visitor, token},
};
use crate::{Inbox, conversations::CONVERSATION, messages::MESSAGE, wire::Arrival};

/// Messages that are shown at once.
pub(super) const MOST: u64 = 100;
const LONGEST_LINE: usize = 300;

/// What a visitor says.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Said {
    content: String,
    client_id: Option<String>,
    name: Option<String>,
    email: Option<String>,
    page: Option<String>,
}

pub(super) fn body() -> schema::Schema {
    let line = |about| schema::described(schema::nullable(schema::string()), about);
    schema::object(
        vec![
            ("content", schema::string()),
            ("clientId", line("Said twice under one id, it is said once.")),
            ("name", line("What the visitor is called, if they say so.")),
            ("email", line("Their address, if they say so; it proves nothing.")),
            ("page", line("The page that they look at.")),
        ],
        &["content"],
    )
}

pub(super) fn taken() -> schema::Schema {
    schema::object(
        vec![("received", schema::boolean()), ("duplicate", schema::boolean())],
        &["received", "duplicate"],
    )
}

pub(super) fn heard() -> schema::Schema {
    let text = || schema::nullable(schema::string());
    let message = schema::object(
        vec![
            ("id", schema::string()),
            ("sequence", schema::integer()),
            ("sender", schema::one_of(&["CUSTOMER", "AGENT", "HUMAN", "SYSTEM"])),
            ("content", schema::string()),
            ("type", schema::string()),
            ("sentAt", text()),
            ("clientId", text()),
            ("sources", schema::list(schema::string())),
        ],
        &["id", "sequence", "sender", "content", "type", "sentAt", "clientId", "sources"],
    );
    schema::object(
        vec![("messages", schema::list(message)), ("status", text()), ("speaker", text())],
        &["messages", "status", "speaker"],
    )
}

pub(super) async fn shown(inbox: Arc<Inbox>, call: Call) -> Result<Answer> {
    call.query()?.only(&[])?;
    let (_, channel) = inbox.chat(&call).await?;
    let get = |key| channel.get(key);
    Answer::json(&json!({
        "title": get("title"), "greeting": get("greeting"), "color": get("color"),
    }))
}

pub(super) async fn begin(inbox: Arc<Inbox>, call: Call) -> Result<Answer> {
    call.query()?.only(&[])?;
    let (ctx, channel) = inbox.chat(&call).await?;
    Ok(Answer::json(&json!({ "token": token(&channel, ctx.new_id())? }))?.status(201))
}

/// A line that a visitor gave, or that a page did.
fn line(field: &str, text: Option<String>) -> Result<Option<String>> {
    let Some(text) = text.filter(|text| !text.trim().is_empty()) else { return Ok(None) };
    if text.chars().nth(LONGEST_LINE).is_some() || text.chars().any(char::is_control) {
        return Err(invalid(field, format!("must be a line of at most {LONGEST_LINE} characters")));
    }
    Ok(Some(text))
}

pub(super) async fn say(inbox: Arc<Inbox>, mut call: Call) -> Result<Answer> {
    call.query()?.only(&[])?;
    let said: Said = call.body().await?.parse()?;
    let Visitor { ctx, channel, id } = inbox.visitor(&call).await?;
    let content = said.content.replace('\0', "");
    if content.trim().is_empty() {
        return Err(invalid("content", "is required"));
    }
    if content.chars().nth(LONGEST).is_some() {
        return Err(invalid("content", format!("has more than {LONGEST} characters")));
    }
    let (client_id, name) = (line("clientId", said.client_id)?, line("name", said.name)?);
    let (email, page) = (line("email", said.email)?, line("page", said.page)?);
    let source = client_id.clone().unwrap_or_else(|| ctx.new_id().to_string());
    // Whoever types the address of somebody is not them: it makes nobody's conversation.
    let told = json!({ "email": email, "page": page, "clientId": client_id });
    let message = json!({
        "id": format!("{id}/{source}"), "threadId": id, "content": content,
        "from": { "id": id, "name": name }, "metadata": { "visitor": told },
    });
    let is_new = inbox.keep_own(&ctx, channel.id, message).await?;
    Ok(Answer::json(&json!({ "received": true, "duplicate": !is_new }))?.status(202))
}

/// A visitor's conversation, as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Standing {
    pub(super) id: Id,
    pub(super) status: Option<String>,
    pub(super) speaker: Option<String>,
    pub(super) version: i64,
}

pub(super) async fn standing(db: &Read, (channel, visitor): (Id, Id)) -> Result<Option<Standing>> {
    let select = Select::from(CONVERSATION.plural)
        .whose("channel_id", channel)
        .whose("thread_id", visitor.to_string())
        .only(Condition::Null("deleted_at"));
    db.first(select).await
}

#[derive(Deserialize)]
struct Row {
    id: Id,
    sequence: i64,
    sender: Option<String>,
    content: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    metadata: Option<String>,
    sent_at: Option<Time>,
}

/// The next messages of a conversation that are for the visitor.
pub(super) async fn after(db: &Read, conversation: Id, sequence: i64) -> Result<Vec<(i64, Json)>> {
    let select = Select::from(MESSAGE.plural)
        .whose("conversation_id", conversation)
        .whose("is_note", false)
        .only(Condition::Compare("sequence", Comparison::Greater, sequence.into()))
        .only(Condition::Null("deleted_at"))
        .by("sequence", false)
        .at_most(MOST);
    let rows: Vec<Row> = db.all(select).await?;
    Ok(rows.into_iter().map(|row| (row.sequence, told(&row))).collect())
}

fn told(row: &Row) -> Json {
    let metadata = row.metadata.as_deref().and_then(|text| serde_json::from_str(text).ok());
    let metadata: Json = metadata.unwrap_or_default();
    let sources = metadata["sources"].as_array().into_iter().flatten();
    let names: Vec<&Json> =
        sources.map(|source| &source["title"]).filter(|name| name.is_string()).collect();
    json!({
        "id": row.id, "sequence": row.sequence, "sender": row.sender, "content": row.content.as_deref().unwrap_or_default(),
        "type": row.kind, "sentAt": row.sent_at, "clientId": metadata["visitor"]["clientId"], "sources": names,
    })
}

pub(super) async fn read(inbox: Arc<Inbox>, call: Call) -> Result<Answer> {
    let after_sequence = place(&call)?;
    let visitor = inbox.visitor(&call).await?;
    let whose = (visitor.channel.id, visitor.id);
    let found = visitor.ctx.read(async |db| {
        let Some(standing) = standing(db, whose).await? else { return Ok(None) };
        Ok(Some((after(db, standing.id, after_sequence).await?, standing)))
    });
    let (messages, standing) = found.await?.unzip();
    let messages: Vec<Json> = messages.into_iter().flatten().map(|(_, message)| message).collect();
    let told = standing.map(|standing| (standing.status, standing.speaker));
    let (status, speaker) = told.unwrap_or_default();
    Answer::json(&json!({ "messages": messages, "status": status, "speaker": speaker }))
}

/// Behind which place of the conversation somebody wants to hear.
pub(super) fn place(call: &Call) -> Result<i64> {
    let query = call.query()?;
    query.only(&["after"])?;
    match query.get("after")? {
        None => Ok(0),
        Some(text) => {
            let place = text.parse().ok().filter(|place| *place >= 0);
            place.ok_or_else(|| invalid("after", "must be a whole number from 0"))
        }
    }
}

pub(super) async fn seen(inbox: Arc<Inbox>, call: Call) -> Result<Answer> {
    call.query()?.only(&[])?;
    let Visitor { ctx, channel, id } = inbox.visitor(&call).await?;
    let read = Arrival::UpTo { thread: id.to_string(), status: "read", until: ctx.now() };
    inbox.take_in(&ctx, &channel, &read).await?;
    Ok(Answer::nothing())
}
