//! Work on deliveries: one at a time for each channel, the oldest first, a bounded piece in each write.

use std::sync::Arc;

use kith_kernel::{Id, Result, internal};
use kith_platform::{
    Ctx,
    jobs::{Attempt, Failure, Job, Registry, Retry},
};
use kith_store::Write;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{
    arrive,
    deliveries::{self, Delivery},
};
use crate::{
    Inbox,
    channels::{self, Channel, ChannelKind},
    handles::HandleKind,
    wire::{Arrival, generic, messenger, telegram, whatsapp},
};

/// What is taken in by one write.
const PIECE: usize = 40;

/// Works on what came in by a channel.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Receive {
    pub(crate) channel: Id,
}

impl Job for Receive {
    const NAME: &'static str = "inbox.receive";
    const RETRY: Retry = Retry { attempts: 12, first_pause_seconds: 1, longest_pause_seconds: 900 };
}

pub(crate) fn register(registry: Registry, inbox: &Arc<Inbox>) -> Registry {
    let inbox = Arc::clone(inbox);
    registry.on(move |job: Receive, attempt| {
        let inbox = Arc::clone(&inbox);
        async move { receive(&inbox, &attempt, job.channel).await }
    })
}

async fn receive(inbox: &Inbox, attempt: &Attempt, channel: Id) -> Result<(), Failure> {
    let ctx: &Ctx = attempt;
    let channel = match ctx.read(async |db| channels::load(ctx, db, channel).await).await {
        Ok(channel) => channel,
        // It was deleted; what came in stays where it is.
        Err(error) if error.kind() == kith_kernel::Kind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let mut read = None;
    loop {
        if ctx.app.tasks.is_stopping() {
            return Err(Failure::Stopped(internal("the application stops")));
        }
        let piece = async |db: &Write| inbox.take_piece((ctx, db), &channel, &mut read).await;
        let more = ctx.write(piece).await?;
        if !more {
            return Ok(());
        }
    }
}

impl Inbox {
    /// Takes in a piece of the oldest delivery, which is read once; says whether anything is left.
    async fn take_piece(
        &self,
        (ctx, db): (&Ctx, &Write),
        channel: &Channel,
        read: &mut Option<(Id, Vec<Arrival>)>,
    ) -> Result<bool> {
        db.one_at_a_time(&format!("intake {}", channel.id)).await?;
        let Some(delivery) = deliveries::oldest(db, channel.id).await? else {
            deliveries::prune(db, channel.id, ctx.now()).await?;
            return Ok(false);
        };
        if read.as_ref().is_none_or(|(of, _)| *of != delivery.id) {
            *read = Some((delivery.id, arrivals(channel, &delivery)?));
        }
        let Some((_, all)) = read.as_ref() else { return Ok(false) };
        let begin = usize::try_from(delivery.progress).unwrap_or(0).min(all.len());
        let end = (begin + PIECE).min(all.len());
        let mut failures = Vec::new();
        for (at, arrival) in all[begin..end].iter().enumerate() {
            let taken = db
                .attempt(async |db| {
                    arrive::take(self, (ctx, db), (channel, delivery.id), arrival).await
                })
                .await;
            match taken {
                Ok(()) => {}
                Err(error) if is_passing(&error) => return Err(error),
                Err(error) => {
                    tracing::warn!(channel = %channel.id, ?error, "something that came in could not be taken in");
                    failures.push(format!("{}: {}", begin + at, error.in_one_line()));
                }
            }
        }
        let progress = i64::try_from(end).unwrap_or(i64::MAX);
        deliveries::note(db, delivery.id, (progress, end == all.len()), &failures).await?;
        if begin == 0 && !channel.is_connected {
            self.connected(ctx, db, channel).await?;
        }
        Ok(true)
    }
}

/// Whether the same may succeed later.
fn is_passing(error: &kith_kernel::Error) -> bool {
    use kith_kernel::Kind;
    // Another conflict would be the same the next time, and keep back all that comes behind it.
    matches!(error.code(), "contended" | "busy" | "echo")
        || matches!(error.kind(), Kind::Timeout | Kind::Unavailable | Kind::Exhausted)
}

/// What a delivery tells.
fn arrivals(channel: &Channel, delivery: &Delivery) -> Result<Vec<Arrival>> {
    let body: Json = serde_json::from_str(&delivery.body)
        .map_err(|error| internal("a delivery is no JSON").caused_by(error))?;
    let fallback = delivery.id.to_string();
    let pieces = |of: &dyn Fn(&Json) -> Vec<Arrival>| {
        body.as_array().into_iter().flatten().flat_map(of).collect()
    };
    Ok(match channel.kind {
        ChannelKind::WhatsApp => pieces(&whatsapp::arrivals),
        ChannelKind::Facebook => pieces(&|entry| messenger::arrivals(entry, HandleKind::Messenger)),
        ChannelKind::Instagram => {
            pieces(&|entry| messenger::arrivals(entry, HandleKind::Instagram))
        }
        ChannelKind::Telegram => telegram::arrivals(&body),
        ChannelKind::Api => generic::arrivals(&body, &fallback, "API"),
        ChannelKind::Website => generic::arrivals(&body, &fallback, "Website"),
        ChannelKind::Email => generic::arrivals(&body, &fallback, "Email"),
    })
}
