//! Which kinds of jobs there are, and what does them.

use std::{collections::HashMap, sync::Arc};

use futures_util::future::BoxFuture;
use kith_kernel::internal;
use kith_store::Write;

use super::{Attempt, Failure, Job, Retry};
use crate::Ctx;

type Handler = Arc<dyn Fn(&str, Attempt) -> BoxFuture<'static, Result<(), Failure>> + Send + Sync>;

/// Notes what the end of a job means to others, in the write that ends it.
pub type GivenUp<J> =
    for<'a> fn(J, &'a Ctx, &'a Write, &'a str) -> BoxFuture<'a, kith_kernel::Result<()>>;

type Note = Arc<
    dyn for<'a> Fn(&str, &'a Ctx, &'a Write, &'a str) -> BoxFuture<'a, kith_kernel::Result<()>>
        + Send
        + Sync,
>;

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
    pub(super) given_up: Option<Note>,
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
        let kind = Kind { name: J::NAME, retry: J::RETRY, handler: Arc::new(run), given_up: None };
        let before = self.kinds.insert(J::NAME, kind);
        debug_assert!(before.is_none(), "{} is registered twice", J::NAME);
        self
    }

    /// Says what else is written, with the error, when a kind of jobs is given up: by itself, at its last attempt, or
    /// because processes died of it. The kind must have been told before.
    pub fn when_given_up<J: Job>(mut self, note: GivenUp<J>) -> Self {
        let kind = self.kinds.get_mut(J::NAME);
        debug_assert!(kind.is_some(), "nothing does {}", J::NAME);
        if let Some(kind) = kind {
            kind.given_up = Some(Arc::new(of_payload(note)));
        }
        self
    }

    pub(super) fn find(&self, name: &str) -> Option<&Kind> {
        self.kinds.get(name)
    }
}

/// A function of the job as one of what stands in the queue.
fn of_payload<J: Job>(
    note: GivenUp<J>,
) -> impl for<'a> Fn(&str, &'a Ctx, &'a Write, &'a str) -> BoxFuture<'a, kith_kernel::Result<()>> {
    move |payload, ctx, db, error| match serde_json::from_str(payload) {
        Ok(job) => note(job, ctx, db, error),
        // Nobody knows what it was about, and its error says so.
        Err(_) => Box::pin(std::future::ready(Ok(()))),
    }
}
