//! The worker: sleeps until something is due or was committed, then runs jobs side by side.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use kith_kernel::{Id, Result};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use super::{
    Registry,
    attempt::run,
    claim::{self, Claim, Turns},
    prune,
};
use crate::App;

/// Old jobs are pruned at least so often, and what other nodes enqueued is found, should their word not have come.
const SWEEP: Duration = Duration::from_mins(1);
/// A busy server commits all the time: the queue is not looked at more often than this.
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);
/// A database that does not answer is asked again after this time.
const AFTER_AN_ERROR: Duration = Duration::from_secs(2);

/// Runs the jobs of all tenants.
#[derive(Clone)]
pub struct Worker {
    app: App,
    registry: Arc<Registry>,
    slots: Arc<Slots>,
}

/// How many jobs run, in all and of each tenant.
struct Slots {
    at_once: usize,
    free: Arc<Semaphore>,
    running: Mutex<HashMap<Id, usize>>,
    freed: Notify,
}

/// A place among the jobs that run; free again when it is dropped.
struct Slot {
    slots: Arc<Slots>,
    tenant: Id,
    _permit: OwnedSemaphorePermit,
}

impl Slots {
    fn new(at_once: usize) -> Arc<Self> {
        let at_once = at_once.max(1);
        Arc::new(Self {
            at_once,
            free: Arc::new(Semaphore::new(at_once)),
            running: Mutex::default(),
            freed: Notify::new(),
        })
    }

    /// How many more jobs of a tenant may run. One place is kept for others: who has a thousand jobs of an hour each
    /// must not make everybody wait for an hour.
    fn room(&self, tenant: Id) -> usize {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let most = if self.at_once > 1 { self.at_once - 1 } else { 1 };
        most.saturating_sub(running.get(&tenant).copied().unwrap_or_default())
    }

    fn take(self: &Arc<Self>, tenant: Id) -> Option<Slot> {
        let permit = Arc::clone(&self.free).try_acquire_owned().ok()?;
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        *running.entry(tenant).or_default() += 1;
        Some(Slot { slots: Arc::clone(self), tenant, _permit: permit })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut running = self.slots.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = running.get_mut(&self.tenant) {
            *count -= 1;
            if *count == 0 {
                running.remove(&self.tenant);
            }
        }
        self.slots.freed.notify_one();
    }
}

impl Worker {
    /// A worker that runs as many jobs at once as the settings say.
    pub fn new(app: App, registry: Registry) -> Self {
        let at_once = usize::try_from(app.settings.whole("jobs.at_once")).unwrap_or(1);
        Self { app, registry: Arc::new(registry), slots: Slots::new(at_once) }
    }

    /// Works in the background until the application stops. Jobs that run then get the patience of
    /// [`Tasks::stop`](crate::Tasks::stop); one that takes longer is cut off and given back, and begins anew elsewhere.
    pub fn start(&self) {
        let worker = self.clone();
        self.app.tasks.start("jobs", async move { worker.work().await });
    }

    /// Runs everything that is due now, one after the other in the order of due times, also what these jobs enqueue
    /// for now; says how many ran. For tests, and for the command line before it ends.
    pub async fn run_due(&self) -> Result<usize> {
        let mut ran = 0;
        while let Some(claim) = claim::first(&self.app).await? {
            run(&self.app, &self.registry, claim).await;
            ran += 1;
        }
        Ok(ran)
    }

    /// Deletes old done jobs, as the worker does it now and then.
    pub async fn sweep(&self) -> Result<()> {
        prune::sweep(&self.app).await
    }

    async fn work(&self) {
        let mut turns = Turns::default();
        let mut woken = self.app.wake.jobs();
        let mut swept: Option<Instant> = None;
        while !self.app.tasks.is_stopping() {
            if swept.is_none_or(|at| at.elapsed() >= SWEEP) {
                swept = Some(Instant::now());
                if let Err(error) = self.sweep().await {
                    tracing::warn!(?error, "old jobs could not be pruned; it is tried again");
                }
            }
            let looked = Instant::now();
            let pause = self.look(&mut turns).await.unwrap_or_else(|error| {
                tracing::error!(?error, "the queue cannot be read; it is tried again");
                AFTER_AN_ERROR
            });
            let room = self.slots.free.available_permits() > 0;
            tokio::select! {
                () = self.app.tasks.stopping() => {}
                () = self.slots.freed.notified() => {}
                () = woken.next(), if room => tokio::time::sleep_until(looked + BETWEEN_LOOKS).await,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Starts what is due and says how long there is nothing else to do.
    async fn look(&self, turns: &mut Turns) -> Result<Duration> {
        let free = self.slots.free.available_permits();
        if free == 0 {
            return Ok(SWEEP);
        }
        let claimed = turns.claim(&self.app, free, |tenant| self.slots.room(tenant)).await?;
        if !claimed.claims.is_empty() {
            claimed.claims.into_iter().for_each(|claim| self.begin(claim));
            return Ok(Duration::ZERO);
        }
        let Some(due) = claim::earliest(&self.app, claimed.held_back).await? else {
            return Ok(SWEEP);
        };
        let wait = due.milliseconds() - self.app.clock.now().milliseconds();
        let wait = Duration::from_millis(u64::try_from(wait).unwrap_or(0));
        // What is due and was not claimed is being claimed by another node.
        Ok(wait.clamp(BETWEEN_LOOKS, SWEEP))
    }

    fn begin(&self, claim: Claim) {
        // Only this loop takes places, and it claimed no more than were free.
        let Some(slot) = self.slots.take(claim.tenant) else { return };
        let (app, registry) = (self.app.clone(), Arc::clone(&self.registry));
        self.app.tasks.start("job", async move {
            run(&app, &registry, claim).await;
            drop(slot);
        });
    }
}
