//! The progress of a job as server-sent events: one for each step that is committed, until the end.

use std::{sync::Arc, time::Duration};

use axum::body::Body;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use kith_http::{Answer, Call, Place, Streams};
use kith_kernel::{Id, Result};
use kith_platform::{Ctx, jobs::Woken};
use serde_json::Value as Json;
use tokio::time::Instant;

use super::find;

/// Streams of one tenant at once.
const MOST: usize = 20;
/// A sign of life while nothing happens; what another node did not tell is found then.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// A stream ends by then; who still watches asks again, as browsers do by themselves.
const LONGEST: Duration = Duration::from_mins(15);
/// Steps come no faster than this.
const BETWEEN: Duration = Duration::from_millis(100);

/// Open streams of each tenant.
pub(super) fn streams() -> Arc<Streams> {
    Streams::new(MOST, "Close a stream, or ask for the job itself.")
}

/// A stream under way.
struct Watch {
    ctx: Ctx,
    job: Id,
    woken: Woken,
    told: Option<Json>,
    ends: Instant,
    ended: bool,
    _place: Place,
}

/// Answers with the job's progress until its end.
pub(super) async fn watch(streams: Arc<Streams>, call: Call) -> Result<Answer> {
    let job = call.id("id")?;
    call.query()?.only(&[])?;
    let ctx = call.ctx.clone();
    let place = streams.take(ctx.actor.tenant)?;
    // What happens between the look and the wait is not missed.
    let woken = ctx.app.wake.progress();
    ctx.read(async |db| find(db, job).await).await?;
    let ends = Instant::now() + LONGEST;
    let watch = Watch { ctx, job, woken, told: None, ends, ended: false, _place: place };
    let events = stream::unfold(watch, |watch| async move { watch.next().await }).fuse();
    Ok(Answer::stream("text/event-stream", Body::from_stream(events)))
}

impl Watch {
    async fn next(mut self) -> Option<(Result<Bytes>, Self)> {
        if self.ended {
            return None;
        }
        if self.told.is_some() {
            let stopping = self.ctx.app.tasks.token();
            tokio::select! {
                () = stopping.cancelled() => return None,
                () = tokio::time::sleep_until(self.ends) => return None,
                () = self.woken.next() => tokio::time::sleep(BETWEEN).await,
                () = tokio::time::sleep(HEARTBEAT) => {}
            }
        }
        match self.look().await {
            Ok(event) => Some((Ok(event), self)),
            Err(error) => {
                tracing::warn!(?error, job = %self.job, "a job cannot be watched any longer");
                None
            }
        }
    }

    /// An event, or a sign of life where there is nothing new.
    async fn look(&mut self) -> Result<Bytes> {
        let now = self.ctx.now();
        let shown = self
            .ctx
            .read(async |db| {
                let batch = find(db, self.job).await?;
                self.ended = batch.state_at(now).has_ended();
                batch.shown(db, now).await
            })
            .await?;
        if self.told.as_ref() == Some(&shown) {
            return Ok(Bytes::from_static(b": still there\n\n"));
        }
        let name = if self.ended { "end" } else { "progress" };
        let event = format!("event: {name}\ndata: {shown}\n\n");
        self.told = Some(shown);
        Ok(event.into())
    }
}
