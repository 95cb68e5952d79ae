//! What is known of who asks, for a few seconds: read anew when this process or another node changed something.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use kith_kernel::{Id, Time};

use crate::desk::Desk;

/// Another process that tells nobody, such as the command line on SQLite, is heard of no later than this.
const MILLISECONDS: i64 = 3_000;
const LARGEST: usize = 10_000;

/// A tenant, and the member of it who asks.
type Who = (Id, Option<Id>);

/// Desks that were set up a moment ago.
#[derive(Default)]
pub(crate) struct Memory(Mutex<HashMap<Who, Known>>);

struct Known {
    at: Time,
    generation: u64,
    desk: Arc<Desk>,
}

impl Memory {
    pub(crate) fn get(&self, who: &Who, (now, generation): (Time, u64)) -> Option<Arc<Desk>> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.get(who)?;
        let age = now.milliseconds() - known.at.milliseconds();
        let is_fresh = (0..MILLISECONDS).contains(&age) && known.generation == generation;
        is_fresh.then(|| Arc::clone(&known.desk))
    }

    /// `generation` is that of before it was read.
    pub(crate) fn put(&self, who: Who, desk: &Arc<Desk>, (at, generation): (Time, u64)) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= LARGEST {
            all.clear();
        }
        all.insert(who, Known { at, generation, desk: Arc::clone(desk) });
    }
}
