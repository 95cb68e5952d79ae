//! Which kinds of jobs there are, and what does them.

use std::{collections::HashMap, sync::Arc};

use futures_util::future::BoxFuture;
use kith_kernel::internal;

use super::{Attempt, Failure, Job, Retry};

type Handler = Arc<dyn Fn(&str, Attempt) -> BoxFuture<'static, Result<(), Failure>> + Send + Sync>;

/// The kinds of jobs of this program; each with a function that holds all it needs.
#[derive(Clone, Default)]
pub struct Registry {
    kinds: HashMap<&'static str, Kind>,
}

#[derive(Clone)]
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) retry: Retry,
    pub(super) handler: Handler,
}

impl Registry {
    /// No kinds yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Says what does a kind of jobs: `registry.on(move |job: SendMail, ctx| …)`. The [`Attempt`] stands for the
    /// [`Ctx`](crate::Ctx) of the job's tenant, on behalf of who asked for what the job follows from.
    pub fn on<J, F>(mut self, handler: impl Fn(J, Attempt) -> F + Send + Sync + 'static) -> Self
    where
        J: Job,
        F: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        let run = move |payload: &str, attempt| -> BoxFuture<'static, Result<(), Failure>> {
            match serde_json::from_str(payload) {
                Ok(job) => Box::pin(handler(job, attempt)),
                Err(error) => {
                    let unread = internal("the stored job cannot be read").caused_by(error);
                    Box::pin(std::future::ready(Err(Failure::GiveUp(unread))))
                }
            }
        };
        let kind = Kind { name: J::NAME, retry: J::RETRY, handler: Arc::new(run) };
        let before = self.kinds.insert(J::NAME, kind);
        debug_assert!(before.is_none(), "{} is registered twice", J::NAME);
        self
    }

    pub(super) fn find(&self, name: &str) -> Option<&Kind> {
        self.kinds.get(name)
    }
}
