//! Messages over HTTP: reading them, saying something, and the chat that answers at once.

use std::sync::Arc;

use kith_gateway::{Capability, keys::brought};
use kith_http::{Answer, Call};
use kith_identity::Paging;
use kith_kernel::{Id, Result, invalid};
use kith_platform::{Ctx, jobs};
use kith_store::Select;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::{
    stored::{Conversation, Message, New, Said},
    turn::{self, Replied, Wish},
};
use crate::{Assistant, serve::text};

/// Messages that a chat may begin with.
const MOST_MESSAGES: usize = 50;
const LARGEST_METADATA: usize = 10_000;

#[derive(Deserialize)]
pub(super) struct NewMessage {
    content: String,
    role: Option<String>,
    metadata: Option<Json>,
    model: Option<String>,
    temperature: Option<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Asked {
    conversation_id: Option<Id>,
    message: Option<String>,
    messages: Option<Vec<Spoken>>,
    model: Option<String>,
    temperature: Option<f64>,
}

#[derive(Deserialize)]
pub(super) struct Spoken {
    role: String,
    content: String,
}

fn role(name: &str) -> Result<&'static str> {
    match name {
        "user" => Ok("user"),
        "assistant" => Ok("assistant"),
        _ => Err(invalid("role", "is user or assistant")),
    }
}

fn wish(model: Option<String>, temperature: Option<f64>) -> Result<Wish> {
    if temperature.is_some_and(|warmth| !(0.0..=2.0).contains(&warmth)) {
        return Err(invalid("temperature", "is from 0 to 2"));
    }
    if model.as_ref().is_some_and(|model| model.is_empty() || model.len() > 200) {
        return Err(invalid("model", "names a model"));
    }
    let wish = Wish { model, temperature };
    wish.wanted()?;
    Ok(wish)
}

pub(super) fn metadata(metadata: Option<Json>) -> Result<Option<Json>> {
    let metadata = metadata.filter(|metadata| !metadata.is_null());
    let fits =
        |metadata: &Json| metadata.is_object() && metadata.to_string().len() <= LARGEST_METADATA;
    match metadata {
        Some(metadata) if !fits(&metadata) => {
            Err(invalid("metadata", format!("is an object of {LARGEST_METADATA} bytes at most")))
        }
        metadata => Ok(metadata),
    }
}

pub(super) async fn list(call: Call) -> Result<Answer> {
    let paging = Paging::of(&call.query()?)?;
    let (ctx, id) = (&call.ctx, call.id("id")?);
    let rows = ctx
        .read(async |db| {
            let found = Conversation::find(ctx, db, id).await?;
            let select = Select::from("ai_messages").whose("conversation_id", found.id);
            paging.read::<Message>(db, select).await
        })
        .await?;
    Answer::json(&paging.page(rows, |row: &Message| row.id).map(|row| row.to_json()))
}

/// Stores a message; one of the member's is answered in the background.
pub(super) async fn say(mut call: Call) -> Result<Answer> {
    let input: NewMessage = call.parse().await?;
    text("content", &input.content)?;
    let role = role(input.role.as_deref().unwrap_or("user"))?;
    let metadata = metadata(input.metadata)?;
    let wish = wish(input.model, input.temperature)?;
    let (ctx, id) = (&call.ctx, call.id("id")?);
    let message = ctx
        .write(async |db| {
            let mut found = Conversation::find(ctx, db, id).await?;
            let said = Said { role, content: &input.content, metadata: metadata.clone() };
            let message = found.say(ctx, db, said).await?;
            if role == "user" {
                jobs::enqueue(ctx, db, &turn::Answer::new(ctx, id, wish.clone()))?;
            }
            Ok(message)
        })
        .await?;
    Ok(Answer::json(&message.to_json())?.status(201))
}

/// Stores a message and answers it.
pub(super) async fn chat(assistant: Arc<Assistant>, mut call: Call) -> Result<Answer> {
    let input: Asked = call.parse().await?;
    let said = spoken(&input)?;
    let wish = wish(input.model, input.temperature)?;
    let (ctx, wanted) = (&call.ctx, wish.wanted()?.by(brought(call.headers())?));
    if !assistant.gateway.can_ask(ctx, (Capability::ChatTools, &wanted)).await? {
        return Err(crate::serve::no_model());
    }
    let id = begin(ctx, input.conversation_id, &said).await?;
    let how = (wanted, wish.temperature);
    let replied = Box::pin(assistant.reply(ctx, id, how)).await?;
    Answer::json(&told(id, &replied))
}

fn spoken(input: &Asked) -> Result<Vec<(&'static str, String)>> {
    let said = match (&input.message, &input.messages) {
        (Some(message), None) => vec![("user", message.clone())],
        (None, Some(messages)) if (1..=MOST_MESSAGES).contains(&messages.len()) => messages
            .iter()
            .map(|one| Ok((role(&one.role)?, one.content.clone())))
            .collect::<Result<_>>()?,
        (None, Some(_)) => {
            return Err(invalid("messages", format!("holds 1 to {MOST_MESSAGES} messages")));
        }
        _ => return Err(invalid("message", "or messages is given, and one of them alone")),
    };
    for (_, content) in &said {
        text("message", content)?;
    }
    if said.last().is_none_or(|(role, _)| *role != "user") {
        return Err(invalid("messages", "end with one of the user"));
    }
    Ok(said)
}

/// The conversation, with what is said in it. Of a conversation that there is, the last message is new.
async fn begin(ctx: &Ctx, id: Option<Id>, said: &[(&'static str, String)]) -> Result<Id> {
    ctx.write(async |db| {
        let (mut found, new) = match id {
            Some(id) => (Conversation::find(ctx, db, id).await?, &said[said.len() - 1..]),
            None => (Conversation::begin(ctx, db, New::default()).await?, said),
        };
        for (role, content) in new {
            found.say(ctx, db, Said { role, content, metadata: None }).await?;
        }
        Ok(found.id)
    })
    .await
}

fn told(id: Id, replied: &Replied) -> Json {
    let usage = replied.usage;
    json!({
        "status": "success",
        "conversationId": id,
        "response": replied.message.content,
        "model": replied.by,
        "usage": {
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
            "total_tokens": usage.prompt_tokens.saturating_add(usage.completion_tokens),
        },
        "toolInteractions": replied.interactions,
        "pending": replied.pending,
        "savedMessage": replied.message.to_json(),
    })
}
