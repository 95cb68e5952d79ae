//! Routes of conversations.

use std::sync::Arc;

use kith_http::{Answer, Call, LimitClass, Operation, Routes, schema};
use kith_kernel::{Error, Id, Kind, Result, Role, Time, invalid};
use kith_store::{Condition, Select};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::{
    actions::Action,
    messages,
    naming::TOPICS,
    schemas::STATUSES,
    stored::{Conversation, New, member},
    stream,
};
use crate::{
    Assistant,
    serve::{SECONDS, TAG},
};

const PATH: &str = "/api/ai/conversations";
const ONE: &str = "/api/ai/conversations/{id}";
const LONGEST_NAME: usize = 200;
/// Messages that are shown with a conversation.
const SHOWN: u64 = 200;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Begun {
    agent_name: Option<String>,
    title: Option<String>,
    topic: Option<String>,
    metadata: Option<Json>,
}

#[derive(Deserialize)]
struct Change {
    title: Option<String>,
    topic: Option<String>,
    status: Option<String>,
}

#[derive(Deserialize)]
struct Decision {
    accept: bool,
}

pub(crate) fn routes(assistant: &Arc<Assistant>) -> Routes {
    let (for_chat, for_stream, for_decision) =
        (Arc::clone(assistant), Arc::clone(&assistant.streams), Arc::clone(assistant));
    Routes::new()
        .add(listing(), list)
        .add(beginning(), begin)
        .add(showing(), show)
        .add(changing(), change)
        .add(deleting(), delete)
        .add(reading(), messages::list)
        .add(saying(), messages::say)
        .add(listening(), move |call| stream::listen(Arc::clone(&for_stream), call))
        .add(deciding(), move |call| decide(Arc::clone(&for_decision), call))
        .add(chatting(), move |call| messages::chat(Arc::clone(&for_chat), call))
}

fn text() -> Json {
    schema::nullable(schema::string())
}

fn topic() -> Json {
    schema::nullable(schema::one_of(&TOPICS))
}

fn listing() -> Operation {
    Operation::get(PATH, TAG, "One's conversations with the assistant, the last active first")
        .role(Role::Member)
        .scope("ai", "read")
        .query("agentName", schema::string(), "Those with one assistant.")
        .query("topic", schema::one_of(&TOPICS), "Those about one topic.")
        .query("status", schema::one_of(&STATUSES), "active unless said.")
        .query("limit", schema::integer(), "1 to 100; 25 unless said.")
        .query("cursor", schema::string(), "The nextCursor of the page before.")
        .answers(200, "A page.", schema::page(schema::named("AiConversation")))
}

fn beginning() -> Operation {
    let keys = vec![
        ("agentName", text()),
        ("title", text()),
        ("topic", topic()),
        ("metadata", schema::any()),
    ];
    Operation::post(PATH, TAG, "Begin a conversation with the assistant")
        .role(Role::Member)
        .scope("ai", "write")
        .typed_body::<Begun>(schema::object(keys, &[]))
        .answers(201, "It is empty.", schema::named("AiConversation"))
}

fn showing() -> Operation {
    Operation::get(ONE, TAG, "A conversation with its last messages")
        .role(Role::Member)
        .scope("ai", "read")
        .answers(200, "The conversation.", schema::named("AiConversationWithMessages"))
}

fn changing() -> Operation {
    let status = schema::nullable(schema::one_of(&STATUSES));
    let keys = vec![("title", text()), ("topic", topic()), ("status", status)];
    Operation::patch(ONE, TAG, "Give it a title or topic that stays, or put it away")
        .role(Role::Member)
        .scope("ai", "write")
        .typed_body::<Change>(schema::object(keys, &[]))
        .answers(200, "The conversation.", schema::named("AiConversation"))
}

fn deleting() -> Operation {
    Operation::delete(ONE, TAG, "Delete a conversation with all that was said")
        .role(Role::Member)
        .scope("ai", "delete")
        .answers_nothing(204, "It is gone.")
}

fn reading() -> Operation {
    Operation::get(format!("{ONE}/messages"), TAG, "What was said, oldest first")
        .role(Role::Member)
        .scope("ai", "read")
        .query("limit", schema::integer(), "Messages of a page.")
        .query("cursor", schema::string(), "The nextCursor of the page before.")
        .query("count", schema::one_of(&["exact"]), "exact: how many there are.")
        .answers(200, "A page.", schema::page(schema::named("AiMessage")))
}

fn saying() -> Operation {
    let keys = vec![
        ("content", schema::string()),
        ("role", schema::nullable(schema::one_of(&["user", "assistant"]))),
        ("metadata", schema::any()),
        ("model", text()),
        ("temperature", schema::nullable(schema::number())),
    ];
    Operation::post(
        format!("{ONE}/messages"),
        TAG,
        "Say something; it is answered in the background",
    )
    .role(Role::Member)
    .scope("ai", "write")
    .limit(LimitClass::Ai)
    .typed_body::<messages::NewMessage>(schema::object(keys, &["content"]))
    .answers(201, "It is said. The answer comes by the stream.", schema::named("AiMessage"))
}

fn listening() -> Operation {
    Operation::get(format!("{ONE}/stream"), TAG, "What is said from now on, as server-sent events")
        .role(Role::Member)
        .scope("ai", "read")
        .answers_text(
            200,
            "{type: connected}, then {type: message, data} for each message.",
            "text/event-stream",
        )
        .refuses(429, "One listens to too many already.")
}

fn deciding() -> Operation {
    let body = schema::object(vec![("accept", schema::boolean())], &["accept"]);
    let answer = schema::object(
        vec![("action", schema::named("AiAction")), ("result", schema::any())],
        &["action", "result"],
    );
    Operation::post(
        format!("{ONE}/actions/{{actionId}}"),
        TAG,
        "Accept or refuse what the assistant proposes",
    )
    .role(Role::Member)
    .scope("ai", "write")
    .typed_body::<Decision>(body)
    .answers(200, "It is decided; what was accepted is done.", answer)
    .refuses(409, "It was decided already.")
}

fn chatting() -> Operation {
    let spoken = schema::object(
        vec![("role", schema::one_of(&["user", "assistant"])), ("content", schema::string())],
        &["role", "content"],
    );
    let keys = vec![
        ("conversationId", schema::nullable(schema::id())),
        ("message", text()),
        ("messages", schema::nullable(schema::list(spoken))),
        ("model", text()),
        ("temperature", schema::nullable(schema::number())),
    ];
    let about = "Say something and wait for the answer; the assistant looks at records and changes them as one may oneself";
    Operation::post("/api/ai/chat", TAG, about)
        .role(Role::Member)
        .scope("ai", "write")
        .limit(LimitClass::Ai)
        .typed_body::<messages::Asked>(schema::object(keys, &[]))
        .seconds(SECONDS)
        .answers(200, "The answer, and what was done for it.", schema::named("AiReply"))
        .refuses(402, "The credits are used up.")
        .refuses(404, "There is no such conversation.")
        .refuses(503, "No model is set up, or none answers.")
}

async fn list(call: Call) -> Result<Answer> {
    let query = call.query()?;
    query.only(&["agentName", "topic", "status", "limit", "cursor"])?;
    let limit = query.number("limit", 1, 100)?.unwrap_or(25);
    let mut select = Select::from("ai_conversations").whose("member_id", member(&call.ctx)?);
    for (name, column) in [("agentName", "agent_name"), ("topic", "topic")] {
        if let Some(wanted) = query.get(name)? {
            select = select.whose(column, wanted);
        }
    }
    select = select.whose("status", query.get("status")?.unwrap_or("active"));
    if let Some(cursor) = query.get("cursor")? {
        let (at, id) = position(cursor).ok_or_else(wrong_cursor)?;
        let behind = vec![("updated_at", at.into()), ("id", id.into())];
        select = select.only(Condition::Behind(behind, true));
    }
    let select = select.by("updated_at", true).by("id", true).at_most(limit + 1);
    let mut rows: Vec<Conversation> = call.ctx.read(async |db| db.all(select).await).await?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more);
    let next = next.map(|row| format!("{}.{}", row.updated_at.milliseconds(), row.id));
    let data: Vec<Json> = rows.iter().map(Conversation::to_json).collect();
    Answer::json(&json!({ "data": data, "nextCursor": next }))
}

/// Behind which conversation a page begins.
fn position(cursor: &str) -> Option<(Time, Id)> {
    let (at, id) = cursor.split_once('.')?;
    Some((Time::from_milliseconds(at.parse().ok()?), id.parse().ok()?))
}

#[track_caller]
fn wrong_cursor() -> Error {
    let why = "The parameter cursor is not a cursor of this list.";
    Error::new(Kind::Invalid, "invalid_parameter", why)
        .and("cursor", "is not a cursor of this list")
}

/// A name that is given by a person.
fn named(key: &str, name: Option<&str>) -> Result<Option<String>> {
    match name.map(str::trim) {
        Some(name) if name.is_empty() || name.len() > LONGEST_NAME => {
            Err(invalid(key, format!("has 1 to {LONGEST_NAME} letters")))
        }
        name => Ok(name.map(str::to_owned)),
    }
}

fn one_of(key: &str, name: Option<&str>, known: &[&str]) -> Result<()> {
    match name {
        Some(name) if !known.contains(&name) => {
            Err(invalid(key, format!("is one of {}", known.join(", "))))
        }
        _ => Ok(()),
    }
}

async fn begin(mut call: Call) -> Result<Answer> {
    let input: Begun = call.parse().await?;
    one_of("topic", input.topic.as_deref(), &TOPICS)?;
    let (agent_name, title) =
        (named("agentName", input.agent_name.as_deref())?, named("title", input.title.as_deref())?);
    let metadata = messages::metadata(input.metadata)?;
    let topic = input.topic;
    let ctx = &call.ctx;
    let begun = ctx
        .write(async |db| {
            let new = New {
                agent_name: agent_name.clone(),
                title: title.clone(),
                topic: topic.clone(),
                metadata: metadata.clone(),
            };
            Conversation::begin(ctx, db, new).await
        })
        .await?;
    Ok(Answer::json(&begun.to_json())?.created(&format!("{PATH}/{}", begun.id)))
}

async fn show(call: Call) -> Result<Answer> {
    call.query()?.only(&[])?;
    let (ctx, id) = (&call.ctx, call.id("id")?);
    let (found, said, actions) = ctx
        .read(async |db| {
            let found = Conversation::find(ctx, db, id).await?;
            let said = found.last(db, SHOWN).await?;
            let actions = Action::of(db, id).await?;
            Ok((found, said, actions))
        })
        .await?;
    let mut shown = found.to_json();
    shown["messages"] = said.iter().map(super::stored::Message::to_json).collect();
    shown["actions"] = actions.iter().map(Action::to_json).collect();
    Answer::json(&shown)
}

async fn change(mut call: Call) -> Result<Answer> {
    let input: Change = call.parse().await?;
    if input.title.is_none() && input.topic.is_none() && input.status.is_none() {
        return Err(invalid("title", "or topic or status is given"));
    }
    let title = named("title", input.title.as_deref())?;
    one_of("topic", input.topic.as_deref(), &TOPICS)?;
    one_of("status", input.status.as_deref(), &STATUSES)?;
    let (ctx, id) = (&call.ctx, call.id("id")?);
    let changed = ctx
        .write(async |db| {
            let found = Conversation::find(ctx, db, id).await?;
            let names = (title.as_deref(), input.topic.as_deref(), input.status.as_deref());
            found.name(db, names, ctx.now()).await?;
            Conversation::find(ctx, db, id).await
        })
        .await?;
    Answer::json(&changed.to_json())
}

async fn delete(call: Call) -> Result<Answer> {
    let (ctx, id) = (&call.ctx, call.id("id")?);
    ctx.write(async |db| Conversation::find(ctx, db, id).await?.delete(db).await).await?;
    Ok(Answer::nothing())
}

async fn decide(assistant: Arc<Assistant>, mut call: Call) -> Result<Answer> {
    let Decision { accept } = call.parse().await?;
    let (ctx, id, action) = (&call.ctx, call.id("id")?, call.id("actionId")?);
    let find = async || {
        ctx.read(async |db| {
            Conversation::find(ctx, db, id).await?;
            Action::find(db, id, action).await
        })
        .await
    };
    let proposed = find().await?;
    let result = if accept {
        assistant.carry_out(ctx, id, &proposed).await?
    } else {
        ctx.write(async |db| proposed.decide(ctx, db, false).await).await?;
        Json::Null
    };
    Answer::json(&json!({ "action": find().await?.to_json(), "result": result }))
}
