//! Wakes those who read events and jobs, after a commit of this process or at the word of another node.

use tokio::sync::watch;

/// Tells all who wait that something was committed.
#[derive(Clone, Default)]
pub struct Wake {
    commits: watch::Sender<u64>,
    jobs: watch::Sender<u64>,
    progress: watch::Sender<u64>,
    seals: watch::Sender<u64>,
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

    /// Events were sealed, here or elsewhere, so that readers have something to read.
    pub fn sealed(&self) {
        self.seals.send_modify(|count| *count = count.wrapping_add(1));
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
