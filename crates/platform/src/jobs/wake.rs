//! Wakes those who read events and jobs, after a commit of this process or at the word of another node.

use tokio::sync::watch;

/// Tells all who wait that something was committed.
#[derive(Clone, Default)]
pub struct Wake {
    commits: watch::Sender<u64>,
}

/// One who waits.
pub struct Woken {
    commits: watch::Receiver<u64>,
}

impl Wake {
    /// Something was committed, here or elsewhere.
    pub fn committed(&self) {
        self.commits.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Begins to wait: for what is committed from now on.
    pub fn watch(&self) -> Woken {
        Woken { commits: self.commits.subscribe() }
    }
}

impl Woken {
    /// Resolves when something was committed since the last time; at once when that was so already.
    pub async fn next(&mut self) {
        if self.commits.changed().await.is_err() {
            // Nobody is left who could commit.
            std::future::pending::<()>().await;
        }
    }
}
