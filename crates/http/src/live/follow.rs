//! Following: what was sealed goes to those who listen, and those who are behind are brought what they lack.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use kith_kernel::Result;

use super::{
    Live,
    client::{Client, Told},
    feed::{Feed, Step},
    render::CHUNK,
};

/// What other nodes sealed without their word being heard is found at least so often.
const SWEEP: Duration = Duration::from_mins(1);
const AFTER_AN_ERROR: Duration = Duration::from_secs(2);
/// One whose buffer is full is tried again after this.
const BREATH: Duration = Duration::from_millis(5);
/// Whoever takes nothing for this long is hung up on, and comes back for the rest.
const PATIENCE: Duration = Duration::from_secs(15);

impl Live {
    /// Tells what is sealed, until the application stops.
    pub(super) async fn follow(self: &Arc<Self>) {
        let mut woken = self.app.wake.seals();
        let mut pause = SWEEP;
        while !self.app.tasks.is_stopping() {
            let mut all = false;
            tokio::select! {
                () = self.app.tasks.stopping() => break,
                () = woken.next() => {}
                () = tokio::time::sleep(pause) => all = true,
            }
            pause = match self.pass(all).await {
                Ok(()) => SWEEP,
                Err(error) => {
                    tracing::error!(?error, "sockets could not be told; it is tried again");
                    AFTER_AN_ERROR
                }
            };
        }
    }

    async fn pass(self: &Arc<Self>, all: bool) -> Result<()> {
        let sealed = self.app.wake.take_sealed();
        let feeds: Vec<Arc<Feed>> = {
            let feeds = self.feeds();
            let meant = feeds.values();
            let meant =
                meant.filter(|feed| all || sealed.others || sealed.tenants.contains(&feed.tenant));
            meant.cloned().collect()
        };
        let mut outcome = Ok(());
        for feed in feeds {
            // One tenant's trouble is not another's.
            if let Err(error) = self.advance(&feed).await {
                outcome = Err(error);
            }
        }
        outcome
    }

    /// Tells a tenant's sockets what was sealed since the last time.
    pub(super) async fn advance(self: &Arc<Self>, feed: &Arc<Feed>) -> Result<()> {
        if feed.begun.get().is_none() {
            return Ok(());
        }
        let _reading = feed.reading.lock().await;
        loop {
            let events = self.read_behind(feed.tenant, feed.head()).await?;
            for client in feed.tell(&events) {
                self.bring(feed, client);
            }
            if events.len() < CHUNK {
                return Ok(());
            }
        }
    }

    /// Brings a socket what it lacks, beside everything else.
    pub(super) fn bring(self: &Arc<Self>, feed: &Arc<Feed>, client: Arc<Client>) {
        let (live, feed) = (Arc::clone(self), Arc::clone(feed));
        self.app.tasks.start("a socket that is behind", async move {
            live.catch_up(&feed, &client).await;
        });
    }

    /// Brings a socket what it lacks, as fast as it takes it, until it follows.
    pub(super) async fn catch_up(&self, feed: &Feed, client: &Client) {
        let mut reached = None;
        let mut moved_at = Instant::now();
        while !self.app.tasks.is_stopping() {
            let (mut position, events) = match feed.next_step(client.socket.id, reached) {
                Step::Done => return,
                Step::Take(position, events) => (position, events),
                Step::Read(position) => {
                    match self.read_behind(feed.tenant, position.sequence).await {
                        Ok(events) => (position, events),
                        Err(error) => {
                            tracing::error!(?error, "what a socket missed could not be read");
                            return self.hang_up(client);
                        }
                    }
                }
            };
            let before = position;
            let told = position.deliver(client, &events);
            client.socket.flush();
            if position != before {
                moved_at = Instant::now();
            }
            reached = Some(position);
            match told {
                Told::Done => {}
                Told::Closed => return,
                Told::Full(_) if moved_at.elapsed() > PATIENCE => {
                    tracing::debug!("a socket takes nothing");
                    return self.hang_up(client);
                }
                Told::Full(_) => tokio::time::sleep(BREATH).await,
            }
        }
    }

    /// Ends a socket.
    pub(super) fn hang_up(&self, client: &Client) {
        self.server.disconnect(&client.socket);
    }
}
