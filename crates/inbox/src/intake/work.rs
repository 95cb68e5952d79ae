//! Work on deliveries: by one job for each channel, the oldest first, a bounded piece in each write.

use std::{collections::HashMap, sync::Arc};

use kith_kernel::{Error, Id, Kind, Result, internal};
use kith_platform::{
    Ctx,
    jobs::{Attempt, Failure, Job, Registry, Retry},
};
use kith_store::Write;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{
    arrive,
    deliveries::{self, Delivered, Piece},
    files, mailbox,
};
use crate::{
    Inbox,
    channels::{self, Channel, ChannelKind},
    handles::HandleKind,
    wire::{Arrival, generic, mail, messenger, telegram, whatsapp},
};

/// What is taken in by one write. On SQLite others wait for as long as it takes.
const PIECE: usize = 16;
/// What is read ahead of it, in bytes; one delivery may be longer.
const AHEAD: i64 = 256 << 10;

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
    loop {
        // Another job of this process is at it, and looks once more when its turn is over.
        let Some(turn) = inbox.receiving.take(channel) else { return Ok(()) };
        let loaded = ctx.read(async |db| channels::load(ctx, db, channel).await).await;
        let channel = match loaded {
            Ok(channel) => channel,
            // It was deleted; what came in stays where it is.
            Err(error) if error.kind() == Kind::NotFound => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let id = channel.id;
        let work = Work { inbox, ctx, channel, read: HashMap::new(), most: PIECE };
        Box::pin(work.work_off()).await?;
        drop(turn);
        let left = ctx.read(async |db| deliveries::waiting(db, id, 1).await).await?;
        if left.is_empty() {
            return Ok(());
        }
    }
}

/// A turn at a channel.
struct Work<'a> {
    inbox: &'a Inbox,
    ctx: &'a Ctx,
    channel: Channel,
    /// What was read ahead of the next write, by its delivery.
    read: HashMap<Id, Vec<Arrival>>,
    /// So much is taken in by the next write.
    most: usize,
}

impl Work<'_> {
    async fn work_off(mut self) -> Result<(), Failure> {
        loop {
            if self.ctx.app.tasks.is_stopping() {
                return Err(Failure::Stopped(internal("the application stops")));
            }
            Box::pin(self.read_ahead()).await?;
            let pieces = async |db: &Write| self.take_pieces(db).await;
            // On the heap: what follows from a message goes deep, and so would a stack that holds all of it.
            match Box::pin(self.ctx.write(pieces)).await {
                Ok(None) => return Ok(()),
                Ok(Some(is_connected)) => {
                    self.channel.is_connected |= is_connected;
                    self.most = (self.most * 2).min(PIECE);
                }
                // What comes before it is not kept back: it goes in by itself.
                Err(error) if is_passing(&error) && self.most > 1 => self.most = 1,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Reads the oldest deliveries before anything is written, but for those that are known.
    async fn read_ahead(&mut self) -> Result<()> {
        let (read, id, most) = (&self.read, self.channel.id, self.most);
        let found = self.ctx.read(async |db| {
            let waiting = deliveries::waiting(db, id, most).await?;
            let (mut all, mut bytes) = (Vec::new(), 0);
            for delivery in waiting {
                bytes += delivery.bytes;
                if bytes > AHEAD && !all.is_empty() {
                    break;
                }
                let is_known = read.contains_key(&delivery.id);
                let delivered =
                    if is_known { None } else { deliveries::delivered(db, delivery.id).await? };
                all.push((delivery.id, delivered));
            }
            Ok(all)
        });
        let mut read = HashMap::new();
        for (id, delivered) in found.await? {
            let arrivals = match (self.read.remove(&id), delivered) {
                (Some(known), _) => known,
                (None, Some(delivered)) => self.arrivals((id, delivered)).await?,
                (None, None) => continue,
            };
            read.insert(id, arrivals);
        }
        self.read = read;
        Ok(())
    }

    async fn arrivals(&self, (id, delivered): (Id, Delivered)) -> Result<Vec<Arrival>> {
        let bytes = delivered.bytes();
        match self.channel.kind {
            ChannelKind::Email => mailed(self.inbox, &self.channel, bytes).await,
            _ => arrivals(&self.channel, id, &bytes),
        }
    }

    /// Takes in pieces of the oldest deliveries, in their order. Nothing where none is left; else whether the channel is
    /// known to be connected by now.
    async fn take_pieces(&self, db: &Write) -> Result<Option<bool>> {
        let Self { inbox, ctx, channel, .. } = self;
        db.one_at_a_time(&format!("intake {}", channel.id)).await?;
        let waiting = deliveries::waiting(db, channel.id, self.most).await?;
        if waiting.is_empty() {
            deliveries::prune(db, channel.id, ctx.now()).await?;
            return Ok(None);
        }
        let (mut left, mut is_first) = (self.most, false);
        for delivery in waiting {
            // Another one came to be the oldest meanwhile.
            let Some(all) = self.read.get(&delivery.id) else { break };
            let piece = delivery.piece(all.len(), left);
            left = left.saturating_sub(piece.places.len().max(1));
            is_first |= delivery.progress == 0;
            let is_whole = piece.is_last;
            Box::pin(self.take_piece(db, delivery.id, (piece, all))).await?;
            if !is_whole || left == 0 {
                break;
            }
        }
        let is_news = is_first && !channel.is_connected;
        if is_news {
            inbox.connected(ctx, db, channel).await?;
        }
        Ok(Some(is_news))
    }

    async fn take_piece(
        &self,
        db: &Write,
        delivery: Id,
        (piece, all): (Piece, &[Arrival]),
    ) -> Result<()> {
        let Self { inbox, ctx, channel, .. } = self;
        let mut failures = Vec::new();
        for (at, arrival) in piece.places.iter().filter_map(|at| Some((*at, all.get(*at)?))) {
            let taken = db
                .attempt(async |db| {
                    Box::pin(arrive::take(inbox, (ctx, db), (channel, delivery), arrival)).await
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
        deliveries::note(db, delivery, piece, &failures).await
    }
}

/// Whether the same may succeed later.
fn is_passing(error: &Error) -> bool {
    // Another conflict would be the same the next time, and keep back all that comes behind it.
    matches!(error.code(), "contended" | "busy" | "echo")
        || matches!(error.kind(), Kind::Timeout | Kind::Unavailable | Kind::Exhausted)
}

/// What a mail tells.
async fn mailed(inbox: &Inbox, channel: &Channel, bytes: Vec<u8>) -> Result<Vec<Arrival>> {
    if !inbox.mails.is_fine(&bytes).await? {
        tracing::warn!(channel = %channel.id, "a mail is not read, which takes too much to read");
        return Ok(vec![Arrival::Message(Box::new(mail::unread(&bytes)))]);
    }
    let own = channel.get("address").unwrap_or_default().to_owned();
    // A large one takes its time.
    let reading = tokio::task::spawn_blocking(move || mail::arrivals(&bytes, &own));
    reading.await.map_err(|error| internal("a mail was not read").caused_by(error))
}

/// What a delivery tells.
fn arrivals(channel: &Channel, id: Id, bytes: &[u8]) -> Result<Vec<Arrival>> {
    let body: Json = serde_json::from_slice(bytes)
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
        // It is no JSON.
        ChannelKind::Email => Vec::new(),
    })
}
