//! Wakes those who read events and jobs, after a commit of this process or at the word of another node.

use std::{
    collections::BTreeSet,
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use kith_kernel::Id;
use tokio::sync::watch;

/// Of more tenants than this it is not kept which they were.
const MOST_TENANTS: usize = 1_000;

/// Whose events were sealed since somebody asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sealed {
    /// Of these tenants.
    pub tenants: BTreeSet<Id>,
    /// It is not known of whom else.
    pub others: bool,
}

/// Tells all who wait that something was committed.
#[derive(Clone, Default)]
pub struct Wake {
    commits: watch::Sender<u64>,
    jobs: watch::Sender<u64>,
    progress: watch::Sender<u64>,
    seals: watch::Sender<u64>,
    access: watch::Sender<u64>,
    sealed: Arc<Mutex<Sealed>>,
}

/// One who waits.
pub struct Woken {
    count: watch::Receiver<u64>,
}

impl Wake {
    /// Something was committed, so that there are events to read.
    pub fn committed(&self) {
        self.commits.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// A job was enqueued, here or elsewhere.
    pub fn enqueued(&self) {
        self.jobs.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// A job that may be watched got on, here or elsewhere.
    pub fn progressed(&self) {
        self.progress.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Events were sealed, elsewhere or of nobody in particular, so that readers have something to read.
    pub fn sealed(&self) {
        self.sealed.lock().unwrap_or_else(PoisonError::into_inner).others = true;
        self.seals.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Events of a tenant were sealed here.
    pub fn sealed_in(&self, tenant: Id) {
        let mut sealed = self.sealed.lock().unwrap_or_else(PoisonError::into_inner);
        sealed.tenants.insert(tenant);
        if sealed.tenants.len() > MOST_TENANTS {
            *sealed = Sealed { others: true, ..Sealed::default() };
        }
        drop(sealed);
        self.seals.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Whose events were sealed since the last time; for one who follows sockets, and for nobody else.
    pub fn take_sealed(&self) -> Sealed {
        mem::take(&mut self.sealed.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A session, key, member or tenant is not what it was, here or elsewhere.
    pub fn access_changed(&self) {
        self.access.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Begins to wait for changes of sessions, keys, members and tenants.
    pub fn access(&self) -> Woken {
        Woken { count: self.access.subscribe() }
    }

    /// Begins to wait for what is sealed from now on.
    pub fn seals(&self) -> Woken {
        Woken { count: self.seals.subscribe() }
    }

    /// Begins to wait for the progress of jobs.
    pub fn progress(&self) -> Woken {
        Woken { count: self.progress.subscribe() }
    }

    /// Begins to wait for what is committed from now on.
    pub fn commits(&self) -> Woken {
        Woken { count: self.commits.subscribe() }
    }

    /// Begins to wait for jobs that are enqueued from now on.
    pub fn jobs(&self) -> Woken {
        Woken { count: self.jobs.subscribe() }
    }
}

impl Woken {
    /// Resolves when it happened since the last time; at once when it did so already.
    pub async fn next(&mut self) {
        if self.count.changed().await.is_err() {
            // Nobody is left who could commit.
            std::future::pending::<()>().await;
        }
    }
}
