//! Background work and its owner: what is started here is told to stop and waited for.

use std::{future::Future, time::Duration};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// What is cut off gets this long to put back what it holds.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Starts background work and ends it in order.
#[derive(Clone, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
    cut_off: CancellationToken,
    beneath: TaskTracker,
    over: CancellationToken,
}

impl Tasks {
    /// Runs `work` beside everything else. Long work watches [`Self::stopping`].
    pub fn start(&self, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        tracing::debug!(name, "background work starts");
        #[expect(clippy::disallowed_methods, reason = "this is the owner of background work")]
        tokio::spawn(self.tracker.track_future(work));
    }

    /// Runs `work` that the rest stands on: nobody tells it to stop, it is dropped when the rest has ended.
    pub fn start_beneath(
        &self,
        name: &'static str,
        work: impl Future<Output = ()> + Send + 'static,
    ) {
        tracing::debug!(name, "background work starts");
        let over = self.over.clone();
        let work = async move {
            tokio::select! {
                () = work => {}
                () = over.cancelled() => {}
            }
        };
        #[expect(clippy::disallowed_methods, reason = "this is the owner of background work")]
        tokio::spawn(self.beneath.track_future(work));
    }

    /// Resolves when the application is about to stop.
    pub async fn stopping(&self) {
        self.stop.cancelled().await;
    }

    /// Whether the application is about to stop.
    pub fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Resolves when the patience with what still runs has come to its end.
    pub async fn cut_off(&self) {
        self.cut_off.cancelled().await;
    }

    /// A token that is cancelled when the application is about to stop.
    pub fn token(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Tells all work to stop and waits for it, for `patience` and a moment at most; says whether all of it ended
    /// in time.
    pub async fn stop(&self, patience: Duration) -> bool {
        self.stop.cancel();
        self.tracker.close();
        let ended = tokio::time::timeout(patience, self.tracker.wait()).await.is_ok();
        self.cut_off.cancel();
        // What does not end by now ends with the process.
        tokio::time::timeout(LAST_WORDS, self.tracker.wait()).await.ok();
        self.over.cancel();
        self.beneath.close();
        self.beneath.wait().await;
        ended
    }
}
