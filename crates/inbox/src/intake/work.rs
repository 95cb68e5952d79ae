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
    deliveries::{self, Delivered},
    files, mailbox,
};
use crate::{
    Inbox,
    channels::{self, Channel, ChannelKind},
    handles::HandleKind,
    wire::{Arrival, generic, mail, messenger, telegram, whatsapp},
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
    let registry = mailbox::register(files::register(registry, inbox), inbox);
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
    let mut read: Option<(Id, Vec<Arrival>)> = None;
    loop {
        if ctx.app.tasks.is_stopping() {
            return Err(Failure::Stopped(internal("the application stops")));
        }
        let known = read.as_ref().map(|(of, _)| *of);
        if let Some(next) = Box::pin(ahead(ctx, &channel, known)).await? {
            read = Some(next);
        }
        let piece = async |db: &Write| inbox.take_piece((ctx, db), &channel, read.as_ref()).await;
        // On the heap: what follows from a message goes deep, and so would a stack that holds all of it.
        let more = Box::pin(ctx.write(piece)).await?;
        if !more {
            return Ok(());
        }
    }
}

/// The oldest delivery, read before anything is written, unless it is the one that is known.
async fn ahead(
    ctx: &Ctx,
    channel: &Channel,
    known: Option<Id>,
) -> Result<Option<(Id, Vec<Arrival>)>> {
    let found = ctx.read(async |db| {
        let Some(oldest) = deliveries::oldest(db, channel.id).await? else { return Ok(None) };
        if known == Some(oldest.id) {
            return Ok(None);
        }
        Ok(deliveries::delivered(db, oldest.id).await?.map(|delivered| (oldest.id, delivered)))
    });
    let Some((id, delivered)) = found.await? else { return Ok(None) };
    Ok(Some((id, arrivals(channel, (id, delivered)).await?)))
}

impl Inbox {
    /// Takes in a piece of the oldest delivery; says whether anything is left.
    async fn take_piece(
        &self,
        (ctx, db): (&Ctx, &Write),
        channel: &Channel,
        read: Option<&(Id, Vec<Arrival>)>,
    ) -> Result<bool> {
        db.one_at_a_time(&format!("intake {}", channel.id)).await?;
        let Some(delivery) = deliveries::oldest(db, channel.id).await? else {
            deliveries::prune(db, channel.id, ctx.now()).await?;
            return Ok(false);
        };
        // Another one came to be the oldest meanwhile.
        let Some((_, all)) = read.filter(|(of, _)| *of == delivery.id) else { return Ok(true) };
        let piece = delivery.piece(all.len(), PIECE);
        let mut failures = Vec::new();
        for (at, arrival) in piece.places.iter().filter_map(|at| Some((*at, all.get(*at)?))) {
            let taken = db
                .attempt(async |db| {
                    Box::pin(arrive::take(self, (ctx, db), (channel, delivery.id), arrival)).await
                })
                .await;
            match taken {
                Ok(()) => {}
                Err(error) if is_passing(&error) => return Err(error),
                Err(error) => {
                    tracing::warn!(channel = %channel.id, ?error, "something that came in could not be taken in");
                    failures.push((at, error.in_one_line()));
                }
            }
        }
        deliveries::note(db, delivery.id, piece, &failures).await?;
        if delivery.progress == 0 && !channel.is_connected {
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
async fn arrivals(channel: &Channel, (id, delivered): (Id, Delivered)) -> Result<Vec<Arrival>> {
    let bytes = delivered.bytes();
    if channel.kind == ChannelKind::Email {
        let own = channel.get("address").unwrap_or_default().to_owned();
        // A large one takes its time.
        let reading = tokio::task::spawn_blocking(move || mail::arrivals(&bytes, &own));
        return reading.await.map_err(|error| internal("a mail was not read").caused_by(error));
    }
    let body: Json = serde_json::from_slice(&bytes)
        .map_err(|error| internal("a delivery is no JSON").caused_by(error))?;
    let fallback = id.to_string();
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
        // Read above: it is no JSON.
        ChannelKind::Email => Vec::new(),
    })
}
