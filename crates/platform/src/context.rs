//! The application and one request of it: who acts, on which database, at what time.

use std::sync::Arc;

use kith_kernel::{Actor, Clock, Id, Ids, Result, Time};
use kith_store::{Db, News, Read, Write};

use crate::{Settings, Tasks, crash, jobs::Wake};

/// What everything that works for anybody shares.
#[derive(Clone)]
pub struct App {
    /// The database.
    pub db: Db,
    /// The one clock.
    pub clock: Clock,
    /// The one maker of ids.
    pub ids: Ids,
    /// All settings, with their origins.
    pub settings: Arc<Settings>,
    /// Owner of what runs in the background.
    pub tasks: Tasks,
    /// Wakes those who read events and jobs.
    pub wake: Wake,
}

impl App {
    /// The application on behalf of somebody.
    pub fn on_behalf_of(&self, actor: Actor) -> Ctx {
        Ctx { app: self.clone(), actor, batch: None }
    }

    /// The application on behalf of the house itself, inside a tenant ([`Id::NIL`]: the installation).
    pub fn as_system(&self, tenant: Id) -> Ctx {
        self.on_behalf_of(Actor::system(tenant))
    }
}

/// One request, job or command: the application and who asks.
#[derive(Clone)]
pub struct Ctx {
    /// The application.
    pub app: App,
    /// Who asks.
    pub actor: Actor,
    /// The import, bulk change or deletion that all its changes are part of.
    pub batch: Option<Id>,
}

impl Ctx {
    /// The same, with changes that are part of a batch.
    pub fn in_batch(&self, batch: Id) -> Self {
        Self { batch: Some(batch), ..self.clone() }
    }

    /// Looks at the actor's tenant.
    pub async fn read<T>(&self, look: impl AsyncFnOnce(&Read) -> Result<T>) -> Result<T> {
        self.app.db.read(&self.actor, look).await
    }

    /// Changes the actor's tenant; commits when `work` is `Ok`. Must not wait for the network.
    pub async fn write<T>(&self, work: impl AsyncFnOnce(&Write) -> Result<T>) -> Result<T> {
        let (done, [enqueued, progressed]) = self
            .app
            .db
            .write(&self.actor, async |db| {
                let done = work(db).await?;
                crash::point("write.before-commit");
                Ok((done, [News::Jobs, News::Progress].map(|news| db.tells(news))))
            })
            .await?;
        crash::point("write.after-commit");
        self.app.wake.committed();
        if enqueued {
            self.app.wake.enqueued();
        }
        if progressed {
            self.app.wake.progressed();
        }
        Ok(done)
    }

    /// The present instant.
    pub fn now(&self) -> Time {
        self.app.clock.now()
    }

    /// A new id.
    pub fn new_id(&self) -> Id {
        self.app.ids.next()
    }
}

/// Counts how often a change was tried that others got in the way of.
///
/// A loop and not a function that takes the change: the compiler cannot yet see that such a future may change threads.
#[derive(Debug, Default)]
pub struct Attempts(u32);

/// A change that lost against another is tried this many times.
const MOST_ATTEMPTS: u32 = 3;

impl Attempts {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether this outcome is the one to give back.
    pub fn end_with<T>(&mut self, done: &Result<T>) -> bool {
        self.0 += 1;
        !matches!(done, Err(error) if error.code() == "contended" && self.0 < MOST_ATTEMPTS)
    }
}
