//! A conversation as server-sent events: each message as it is said.

use std::{sync::Arc, time::Duration};

use axum::body::Body;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use kith_http::{Answer, Call, Place, Streams};
use kith_kernel::{Id, Result};
use kith_platform::{Ctx, jobs::Woken};
use kith_store::{Comparison, Condition, Select};
use serde_json::json;
use tokio::time::Instant;

use super::stored::{Conversation, Message};

/// Streams of one member at once.
const MOST: usize = 10;
const HEARTBEAT: Duration = Duration::from_secs(30);
/// A stream ends by then; who still listens asks again, as browsers do by themselves.
const LONGEST: Duration = Duration::from_mins(15);
/// Messages of one look.
const AT_ONCE: u64 = 100;

/// Open streams of each member.
pub(crate) fn streams() -> Arc<Streams> {
    Streams::new(MOST, "Close a stream of a conversation.")
}

/// A stream under way.
struct Listening {
    ctx: Ctx,
    conversation: Id,
    woken: Woken,
    /// The last message that was told of.
    behind: Option<Id>,
    has_begun: bool,
    ends: Instant,
    is_over: bool,
    _place: Place,
}

pub(crate) async fn listen(streams: Arc<Streams>, call: Call) -> Result<Answer> {
    call.query()?.only(&[])?;
    let id = call.id("id")?;
    let ctx = call.ctx.clone();
    // What is said between the look and the wait is not missed.
    let woken = ctx.app.wake.progress();
    let (found, last) = ctx
        .read(async |db| {
            let found = Conversation::find(&ctx, db, id).await?;
            let last = found.last(db, 1).await?;
            Ok((found, last))
        })
        .await?;
    let listening = Listening {
        conversation: found.id,
        woken,
        behind: last.last().map(|message| message.id),
        has_begun: false,
        ends: Instant::now() + LONGEST,
        is_over: false,
        _place: streams.take(found.member_id)?,
        ctx,
    };
    let events = stream::unfold(listening, |listening| async move { listening.next().await });
    Ok(Answer::stream("text/event-stream", Body::from_stream(events.fuse())))
}

fn event(json: &serde_json::Value) -> Bytes {
    format!("data: {json}\n\n").into()
}

impl Listening {
    async fn next(mut self) -> Option<(Result<Bytes>, Self)> {
        if self.is_over {
            return None;
        }
        if !std::mem::replace(&mut self.has_begun, true) {
            let begun = json!({ "type": "connected", "conversationId": self.conversation });
            return Some((Ok(event(&begun)), self));
        }
        loop {
            match self.look().await {
                Ok(said) if !said.is_empty() => {
                    self.behind = said.last().map(|message| message.id);
                    let told = said.iter().map(|message| {
                        event(&json!({ "type": "message", "data": message.to_json() }))
                    });
                    let all: Vec<u8> = told.flat_map(|event| event.to_vec()).collect();
                    return Some((Ok(all.into()), self));
                }
                Ok(_) => {}
                Err(error) => {
                    // It was deleted, or the database is away: whoever listens asks again.
                    self.is_over = true;
                    let told = json!({ "type": "error", "code": error.code() });
                    return Some((Ok(event(&told)), self));
                }
            }
            let now = Instant::now();
            if now >= self.ends || self.ctx.app.tasks.is_stopping() {
                return None;
            }
            let wait = HEARTBEAT.min(self.ends - now);
            if tokio::time::timeout(wait, self.woken.next()).await.is_err() {
                return Some((Ok(Bytes::from_static(b": heartbeat\n\n")), self));
            }
        }
    }

    async fn look(&self) -> Result<Vec<Message>> {
        self.ctx
            .read(async |db| {
                let found = Conversation::find(&self.ctx, db, self.conversation).await?;
                let mut select = Select::from("ai_messages").whose("conversation_id", found.id);
                if let Some(behind) = self.behind {
                    let later = Condition::Compare("id", Comparison::Greater, behind.into());
                    select = select.only(later);
                }
                db.all(select.by("id", false).at_most(AT_ONCE)).await
            })
            .await
    }
}
