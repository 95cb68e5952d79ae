//! The lobby: visitors who wait for an answer are woken when their conversation moves, with one look for all of a channel.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kith_kernel::{Id, Result};
use kith_platform::App;
use kith_store::{Condition, Select, Value};
use serde::Deserialize;
use tokio::sync::watch;

use crate::conversations::CONVERSATION;

/// Changes that follow one another are looked at together.
const DEBOUNCE: Duration = Duration::from_millis(100);
/// Conversations that are looked at with one statement.
const TOGETHER: usize = 200;

type Whose = (Id, Id);

/// Those who wait, by tenant and channel.
#[derive(Default)]
pub(crate) struct Lobby {
    waiting: Mutex<HashMap<Whose, HashMap<Id, Seat>>>,
}

/// One visitor, who may look through several windows.
struct Seat {
    bell: watch::Sender<i64>,
}

/// A place in the lobby; given up when it is dropped.
pub(super) struct Waiting {
    lobby: Arc<Lobby>,
    whose: Whose,
    visitor: Id,
    /// Rings with the version of the conversation.
    pub(super) bell: watch::Receiver<i64>,
}

#[derive(Deserialize)]
struct Moved {
    thread_id: String,
    version: i64,
}

impl Lobby {
    fn lock(&self) -> MutexGuard<'_, HashMap<Whose, HashMap<Id, Seat>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn enter(self: &Arc<Self>, whose: Whose, visitor: Id) -> Waiting {
        let mut waiting = self.lock();
        let seats = waiting.entry(whose).or_default();
        let seat = seats.entry(visitor).or_insert_with(|| Seat { bell: watch::Sender::new(0) });
        Waiting { lobby: Arc::clone(self), whose, visitor, bell: seat.bell.subscribe() }
    }

    /// Rings for those whose conversations moved, until the application stops.
    pub(crate) async fn attend(self: Arc<Self>, app: App) {
        let mut woken = app.wake.seals();
        loop {
            tokio::select! {
                () = app.tasks.stopping() => return,
                () = woken.next() => {}
            }
            tokio::time::sleep(DEBOUNCE).await;
            let waiting: Vec<(Whose, Vec<Id>)> = {
                let all = self.lock();
                all.iter().map(|(whose, seats)| (*whose, seats.keys().copied().collect())).collect()
            };
            for (whose, visitors) in waiting {
                for some in visitors.chunks(TOGETHER) {
                    if let Err(error) = self.look(&app, whose, some).await {
                        tracing::warn!(?error, "it is not known whether visitors were answered");
                    }
                }
            }
        }
    }

    async fn look(&self, app: &App, whose: Whose, visitors: &[Id]) -> Result<()> {
        let (tenant, channel) = whose;
        let threads: Vec<Value> = visitors.iter().map(|id| id.to_string().into()).collect();
        let select = Select::from(CONVERSATION.plural)
            .whose("channel_id", channel)
            .only(Condition::In("thread_id", threads))
            .only(Condition::Null("deleted_at"));
        let moved: Vec<Moved> = app.as_system(tenant).read(async |db| db.all(select).await).await?;
        let all = self.lock();
        let Some(seats) = all.get(&whose) else { return Ok(()) };
        for Moved { thread_id, version } in moved {
            if let Some(seat) = thread_id.parse().ok().and_then(|id: Id| seats.get(&id)) {
                seat.bell.send_if_modified(|known| std::mem::replace(known, version) != version);
            }
        }
        Ok(())
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut waiting = self.lobby.lock();
        let Some(seats) = waiting.get_mut(&self.whose) else { return };
        // This one is still counted.
        if seats.get(&self.visitor).is_some_and(|seat| seat.bell.receiver_count() <= 1) {
            seats.remove(&self.visitor);
        }
        if seats.is_empty() {
            waiting.remove(&self.whose);
        }
    }
}
