//! What a visitor hears as it is said: server-sent events, which the script reads with its token.

use std::{fmt::Write, sync::Arc, time::Duration};

use axum::body::Body;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use kith_http::{Answer, Call, Place, Streams};
use kith_kernel::Result;
use serde_json::{Value as Json, json};
use tokio::time::Instant;

use super::{
    lobby::Waiting,
    talk::{self, MOST, Standing},
    visitor::Visitor,
};
use crate::Inbox;

/// A sign of life while nothing happens; what nobody rang for is found then.
const HEARTBEAT: Duration = Duration::from_secs(20);
/// A stream ends by then; the script asks again.
const LONGEST: Duration = Duration::from_mins(30);

struct Listening {
    visitor: Visitor,
    waiting: Waiting,
    after: i64,
    standing: Option<Standing>,
    /// The first look, and the next after a full one, wait for nothing.
    is_due: bool,
    ends: Instant,
    _place: Place,
}

/// Tells a visitor what is said.
pub(super) async fn listen(
    (inbox, streams): (Arc<Inbox>, Arc<Streams>),
    call: Call,
) -> Result<Answer> {
    let after = talk::place(&call)?;
    let visitor = inbox.visitor(&call).await?;
    let place = streams.take(visitor.id)?;
    let whose = (visitor.ctx.actor.tenant, visitor.channel.id);
    let waiting = inbox.lobby.enter(whose, visitor.id);
    let ends = Instant::now() + LONGEST;
    let listening =
        Listening { visitor, waiting, after, standing: None, is_due: true, ends, _place: place };
    let events = stream::unfold(listening, |listening| async move { listening.next().await });
    Ok(Answer::stream("text/event-stream", Body::from_stream(events.fuse())))
}

impl Listening {
    async fn next(mut self) -> Option<(Result<Bytes>, Self)> {
        if !self.is_due {
            let stopping = self.visitor.ctx.app.tasks.token();
            tokio::select! {
                () = stopping.cancelled() => return None,
                () = tokio::time::sleep_until(self.ends) => return None,
                rung = self.waiting.bell.changed() => rung.ok()?,
                () = tokio::time::sleep(HEARTBEAT) => {}
            }
        }
        match self.look().await {
            Ok(events) => Some((Ok(events), self)),
            Err(error) => {
                tracing::warn!(?error, "a visitor cannot be told what is said");
                None
            }
        }
    }

    async fn look(&mut self) -> Result<Bytes> {
        let (whose, after) = ((self.visitor.channel.id, self.visitor.id), self.after);
        let found = self.visitor.ctx.read(async |db| {
            let Some(standing) = talk::standing(db, whose).await? else { return Ok(None) };
            Ok(Some((talk::after(db, standing.id, after).await?, standing)))
        });
        let found = found.await?;
        let mut told = String::new();
        self.is_due = false;
        if let Some((messages, standing)) = found {
            self.is_due = messages.len() as u64 == MOST;
            for (sequence, message) in messages {
                self.after = sequence;
                event(&mut told, "message", &message);
            }
            let state = |one: &Standing| (one.status.clone(), one.speaker.clone());
            if self.standing.as_ref().map(state) != Some(state(&standing)) {
                let state = json!({ "status": standing.status, "speaker": standing.speaker });
                event(&mut told, "state", &state);
            }
            self.standing = Some(standing);
        }
        if told.is_empty() {
            told.push_str(": still there\n\n");
        }
        Ok(told.into())
    }
}

fn event(told: &mut String, name: &str, data: &Json) {
    // Writing into a String does not fail.
    write!(told, "event: {name}\ndata: {data}\n\n").ok();
}
