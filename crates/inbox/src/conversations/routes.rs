//! Routes of conversations beyond the common ones.

use std::sync::Arc;

use kith_http::{Answer, Call, Idempotency, Operation, Routes, schema};
use kith_kernel::{Id, Result, Role, Time, internal, invalid};
use kith_records::{Ask, Manner, Object, Record};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::{
    CONVERSATION,
    actions::{Assigning, Closing, read},
    find,
};
use crate::Inbox;

const PATH: &str = "/api/conversations/{id}";

/// Until when a conversation sleeps.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Snoozing {
    until: String,
}

/// Why a member takes the word, or gives it back.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Reason {
    reason: Option<String>,
}

fn action(name: &str, summary: &str) -> Operation {
    answered(Operation::post(format!("{PATH}/{name}"), "conversations", summary))
}

fn answered(operation: Operation) -> Operation {
    operation
        .role(Role::Member)
        .scope("conversations", "write")
        .idempotency(Idempotency::Replays)
        .answers(200, "The conversation as it is now.", schema::named("Conversation"))
}

fn text(about: &str) -> schema::Schema {
    schema::described(schema::string(), about)
}

fn closing() -> schema::Schema {
    schema::object(
        vec![
            ("reason", text("Why it ends.")),
            ("summary", text("What it was about.")),
            ("rating", json!({ "type": "integer", "minimum": 1, "maximum": 5 })),
        ],
        &[],
    )
}

fn assigning() -> schema::Schema {
    schema::object(
        vec![
            ("agentId", schema::id()),
            ("assigneeId", schema::id()),
            ("memberId", schema::described(schema::id(), "The same as assigneeId.")),
            ("reason", text("Why.")),
        ],
        &[],
    )
}

/// What an action does, with what was sent.
type Act = fn(&Call, &kith_http::Body) -> Result<Record>;

const fn actions() -> [(&'static str, &'static str, Act); 6] {
    [
        ("reopen", "Open a closed conversation again", reopen),
        ("resolve", "Say that a conversation is settled; it is not closed yet", resolve),
        ("snooze", "Let a conversation sleep until a time or the next message", snooze),
        ("take", "Take the word: agents stop answering", take),
        ("release", "Give the word back to the agent", release),
        ("escalate", "Ask for a member", escalate),
    ]
}

#[expect(clippy::too_many_lines, reason = "a list of declarations")]
pub(crate) fn routes(inbox: &Arc<Inbox>) -> Routes {
    let mut routes = Routes::new();
    for (name, summary, act) in actions() {
        let mut operation = action(name, summary);
        operation = match name {
            "snooze" => operation.typed_body::<Snoozing>(schema::object(
                vec![("until", schema::described(schema::time(), "When it wakes."))],
                &["until"],
            )),
            "reopen" | "resolve" => operation,
            _ => {
                operation.typed_body::<Reason>(schema::object(vec![("reason", text("Why."))], &[]))
            }
        };
        let inbox = Arc::clone(inbox);
        routes = routes.add(operation, move |call| change(Arc::clone(&inbox), call, act));
    }
    for method in [Operation::put, Operation::post] {
        let (one, two) = (Arc::clone(inbox), Arc::clone(inbox));
        let close =
            answered(method(format!("{PATH}/close"), "conversations", "Close a conversation"))
                .typed_body::<Closing>(closing());
        let assign = answered(method(
            format!("{PATH}/assign"),
            "conversations",
            "Assign a conversation to a member or an agent",
        ))
        .typed_body::<Assigning>(assigning());
        routes = routes
            .add(close, move |call| change(Arc::clone(&one), call, close_it))
            .add(assign, move |call| change(Arc::clone(&two), call, assign_it));
    }
    let transfer = action("transfer", "Pass a conversation on to a member or an agent")
        .typed_body::<Assigning>(assigning());
    let reading = Operation::post(format!("{PATH}/read"), "conversations", "Mark all as read")
        .role(Role::Member)
        .scope("conversations", "write")
        .answers(200, "The conversation as it is now.", schema::named("Conversation"));
    let messages =
        Operation::get(format!("{PATH}/messages"), "conversations", "Messages of a conversation")
            .scope("messages", "read")
            .query("limit", schema::integer(), "Messages of a page, 1 to 200; 50 unless said.")
            .query("cursor", schema::string(), "Where to go on.")
            .query(
                "sort",
                schema::string(),
                "sequence (the oldest first) or -sequence (the newest first, unless said).",
            )
            .answers(200, "A page.", schema::page(schema::named("Message")));
    let send = Operation::post(format!("{PATH}/messages"), "conversations", "Write a message")
        .role(Role::Member)
        .scope("messages", "write")
        .idempotency(Idempotency::Replays)
        .body(schema::named("MessageInput"))
        .answers(201, "The message; it goes out behind this answer.", schema::named("Message"));
    let (a, b, c, d) = (Arc::clone(inbox), Arc::clone(inbox), Arc::clone(inbox), Arc::clone(inbox));
    routes
        .add(transfer, move |call| change(Arc::clone(&a), call, assign_it))
        .add(reading, move |call| mark(Arc::clone(&b), call))
        .add(messages, move |call| list(Arc::clone(&c), call))
        .add(send, move |call| write(Arc::clone(&d), call))
}

async fn change(inbox: Arc<Inbox>, mut call: Call, act: Act) -> Result<Answer> {
    call.query()?.only(&[])?;
    let (id, body) = (call.id("id")?, call.body().await?);
    let changes = act(&call, &body)?;
    call.write(&body, async |db| {
        let ctx = &call.ctx;
        let conversation = find(db, id).await?;
        // It may be opened, and what was said of its end be said again.
        let opens = changes == of_status("ACTIVE");
        if !opens && changes.get("status") != Some(&json!("CLOSED")) {
            conversation.refuse_closed()?;
        }
        let changed =
            inbox.records.update(ctx, db, &CONVERSATION, (id, changes, Manner::HOUSE)).await?;
        Answer::json(&changed)
    })
    .await
}

fn of_status(status: &str) -> Record {
    Record::from_iter([("status".to_owned(), json!(status))])
}

fn nothing_but(body: &kith_http::Body, known: &[&str]) -> Result<()> {
    let object = body.object()?;
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(invalid(key, "is not known here").coded("unknown_field")),
        None => Ok(()),
    }
}

fn reopen(_: &Call, body: &kith_http::Body) -> Result<Record> {
    nothing_but(body, &[])?;
    Ok(of_status("ACTIVE"))
}

fn resolve(_: &Call, body: &kith_http::Body) -> Result<Record> {
    nothing_but(body, &[])?;
    Ok(of_status("RESOLVED"))
}

fn snooze(call: &Call, body: &kith_http::Body) -> Result<Record> {
    let Snoozing { until } = body.parse()?;
    let until = Time::parse(&until).filter(|until| *until > call.ctx.now()).ok_or_else(|| {
        invalid("until", "must be an instant to come, such as 2026-12-24T09:00:00Z")
    })?;
    let mut changes = of_status("SNOOZED");
    changes.insert("snoozedUntil".to_owned(), json!(until));
    Ok(changes)
}

fn take(call: &Call, body: &kith_http::Body) -> Result<Record> {
    let Reason { reason } = body.parse()?;
    let mut changes = Record::from_iter([("speaker".to_owned(), json!("HUMAN"))]);
    changes.insert("handOverReason".to_owned(), json!(reason));
    if let Some(member) = call.ctx.actor.member {
        changes.insert("assigneeId".to_owned(), json!(member));
    }
    changes.insert("status".to_owned(), json!("ACTIVE"));
    Ok(changes)
}

fn release(_: &Call, body: &kith_http::Body) -> Result<Record> {
    let Reason { reason } = body.parse()?;
    let mut changes = Record::from_iter([("speaker".to_owned(), json!("AGENT"))]);
    changes.insert("assigneeId".to_owned(), Json::Null);
    changes.insert("handOverReason".to_owned(), json!(reason));
    Ok(changes)
}

fn escalate(call: &Call, body: &kith_http::Body) -> Result<Record> {
    let Reason { reason } = body.parse()?;
    let mut changes = of_status("ESCALATED");
    changes.insert("speaker".to_owned(), Json::Null);
    changes.insert("handedOverAt".to_owned(), json!(call.ctx.now()));
    changes.insert("handOverReason".to_owned(), json!(reason));
    Ok(changes)
}

fn close_it(_: &Call, body: &kith_http::Body) -> Result<Record> {
    Ok(body.parse::<Closing>()?.changes())
}

fn assign_it(_: &Call, body: &kith_http::Body) -> Result<Record> {
    body.parse::<Assigning>()?.changes()
}

async fn mark(inbox: Arc<Inbox>, call: Call) -> Result<Answer> {
    call.query()?.only(&[])?;
    let (ctx, id) = (&call.ctx, call.id("id")?);
    let read = ctx.write(async |db| {
        find(db, id).await?;
        read(ctx, db, id).await?;
        inbox.records.read(ctx, db, &CONVERSATION, (id, &Ask::default())).await
    });
    let (version, json) = read.await?;
    Ok(Answer::written(json).tagged(version))
}

/// Messages are known by their name: they know of conversations themselves.
fn message(inbox: &Inbox) -> Result<&'static Object> {
    inbox.records.object("message").ok_or_else(|| internal("there are no messages"))
}

async fn list(inbox: Arc<Inbox>, call: Call) -> Result<Answer> {
    let (ctx, id, query) = (&call.ctx, call.id("id")?, call.query()?);
    query.only(&["limit", "cursor", "sort"])?;
    let mut ask = Ask::read(&query)?;
    ask.rule = crate::of_conversation(id);
    if ask.sort.is_empty() {
        ask.sort = vec![("sequence".to_owned(), true)];
    }
    let page = ctx.read(async |db| {
        find(db, id).await?;
        inbox.records.list(ctx, db, message(&inbox)?, &ask).await
    });
    Ok(Answer::written(page.await?.json))
}

async fn write(inbox: Arc<Inbox>, mut call: Call) -> Result<Answer> {
    call.query()?.only(&[])?;
    let (id, body) = (call.id("id")?, call.body().await?);
    let mut input = body.object()?;
    if let Some(given) = input.get("conversationId").or_else(|| input.get("conversation_id")) {
        if given.as_str().and_then(|text| text.parse::<Id>().ok()) != Some(id) {
            return Err(invalid("conversationId", "is another one than in the path"));
        }
        input.remove("conversation_id");
    }
    input.insert("conversationId".to_owned(), json!(id));
    call.write(&body, async |db| {
        find(db, id).await?;
        let (id, message) = inbox.records.create(&call.ctx, db, message(&inbox)?, input).await?;
        Ok(Answer::json(&message)?.created(&format!("/api/messages/{id}")).tagged(1))
    })
    .await
}

/// The names of what a body may hold; they are also what the documentation shows.
#[cfg(test)]
mod tests {
    use kith_http::fields_of;

    use super::*;

    #[test]
    fn bodies_know_their_names() {
        assert_eq!(fields_of::<Closing>(), ["reason", "summary", "rating"]);
        assert_eq!(fields_of::<Assigning>(), ["agentId", "assigneeId", "memberId", "reason"]);
    }
}
