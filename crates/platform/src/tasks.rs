//! Background work and its owner: what is started here is told to stop and waited for.

use std::{future::Future, time::Duration};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Starts background work and ends it in order.
#[derive(Clone, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Tasks {
    /// Runs `work` beside everything else. Long work watches [`Self::stopping`].
    pub fn start(&self, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        tracing::debug!(name, "background work starts");
        #[expect(clippy::disallowed_methods, reason = "this is the owner of background work")]
        tokio::spawn(self.tracker.track_future(work));
    }

    /// Resolves when the application is about to stop.
    pub async fn stopping(&self) {
        self.stop.cancelled().await;
    }

    /// Whether the application is about to stop.
    pub fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// A token that is cancelled when the application is about to stop.
    pub fn token(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Tells all work to stop and waits for it, for `patience` at most; says whether all of it ended.
    pub async fn stop(&self, patience: Duration) -> bool {
        self.stop.cancel();
        self.tracker.close();
        tokio::time::timeout(patience, self.tracker.wait()).await.is_ok()
    }
}
