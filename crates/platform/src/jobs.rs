//! Jobs: work that follows from a change, enqueued in its transaction.

use std::sync::Arc;

use kith_kernel::{Error, Id, Result, Time};
use kith_store::{Migration, Write};
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::Notify;

use crate::Ctx;

/// A piece of work, as data.
pub trait Job: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Its name in the queue; never changed once released.
    const NAME: &'static str;
}

/// Why a job did not succeed.
#[derive(Debug)]
pub enum Failure {
    /// It may succeed later.
    Retry(Error),
    /// It never will.
    GiveUp(Error),
}

/// Wakes those who read events and jobs, after a commit.
#[derive(Clone, Default)]
pub struct Wake {
    notify: Arc<Notify>,
}

impl Wake {
    /// Something was committed.
    pub fn committed(&self) {
        self.notify.notify_one();
    }
}

/// Puts a job into the queue, in the transaction of what it follows from.
pub fn enqueue<J: Job>(_ctx: &Ctx, _db: &Write, _job: &J, _due: Time) -> Result<Id> {
    Err(kith_kernel::internal("not written yet"))
}

pub(crate) fn migration() -> Migration {
    Migration { name: "2026-11-21-jobs", steps: vec![] }
}
