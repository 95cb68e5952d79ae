//! Breakers: who failed again and again is left alone for a while.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Doors that are remembered at most; when there are more, those that stand open are forgotten.
const MOST: usize = 2_000;

/// Failures in a row after which a door closes, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Door {
    /// Failures in a row.
    pub failures: u32,
    /// How long nobody goes through.
    pub rest: Duration,
}

impl Default for Door {
    fn default() -> Self {
        Self { failures: 3, rest: Duration::from_mins(1) }
    }
}

/// Whether requests go through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// They do (in the words of electricity: closed).
    Passing,
    /// One may try, to see whether the provider is well again (half-open).
    Trying,
    /// None does (open).
    Resting,
}

/// A breaker for each key: a provider, a model and whose account it is.
#[derive(Debug)]
pub struct Breakers<K> {
    door: Door,
    known: Mutex<HashMap<K, Known>>,
}

#[derive(Debug, Default)]
struct Known {
    failures: u32,
    /// Until when nobody goes through.
    rests_until: Option<Instant>,
    /// Since when somebody tries.
    tried_at: Option<Instant>,
}

impl<K: Hash + Eq + Clone> Breakers<K> {
    /// All doors open.
    pub fn new(door: Door) -> Self {
        Self { door, known: Mutex::default() }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<K, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a request through or not. While one tries whether the provider is well again, others wait for what it finds; one
    /// that never comes back is waited for no longer than the rest itself.
    pub fn enter(&self, key: &K) -> bool {
        let mut all = self.known();
        let Some(known) = all.get_mut(key) else { return true };
        let Some(until) = known.rests_until else { return true };
        let now = Instant::now();
        if now < until || known.tried_at.is_some_and(|at| now < at + self.door.rest) {
            return false;
        }
        known.tried_at = Some(now);
        true
    }

    /// A request succeeded.
    pub fn succeeded(&self, key: &K) {
        self.known().remove(key);
    }

    /// A request ended without saying anything about the provider.
    pub fn left(&self, key: &K) {
        if let Some(known) = self.known().get_mut(key) {
            known.tried_at = None;
        }
    }

    /// A request failed, and it was the provider's fault.
    pub fn failed(&self, key: &K) {
        let mut all = self.known();
        if all.len() >= MOST && !all.contains_key(key) {
            // Those that rest no longer have been left alone since.
            let now = Instant::now();
            all.retain(|_, known| known.rests_until.is_some_and(|until| now < until));
            if all.len() >= MOST {
                all.clear();
            }
        }
        let known = all.entry(key.clone()).or_default();
        known.failures = known.failures.saturating_add(1);
        if known.failures >= self.door.failures {
            known.rests_until = Some(Instant::now() + self.door.rest);
            known.tried_at = None;
        }
    }

    /// How a door stands, the failures in a row, and for how long nobody goes through.
    pub fn state(&self, key: &K) -> (State, u32, Duration) {
        let all = self.known();
        let Some(known) = all.get(key) else { return (State::Passing, 0, Duration::ZERO) };
        let rest = known.rests_until.map(|until| until.saturating_duration_since(Instant::now()));
        let state = match rest {
            None => State::Passing,
            Some(Duration::ZERO) => State::Trying,
            Some(_) => State::Resting,
        };
        (state, known.failures, rest.unwrap_or_default())
    }

    /// The keys that failed of late.
    pub fn troubled(&self) -> Vec<K> {
        self.known().keys().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breakers() -> Breakers<&'static str> {
        Breakers::new(Door { failures: 3, rest: Duration::from_mins(1) })
    }

    #[tokio::test(start_paused = true)]
    async fn three_failures_in_a_row_close_the_door() {
        let all = breakers();
        all.failed(&"a");
        all.failed(&"a");
        all.succeeded(&"a");
        all.failed(&"a");
        all.failed(&"a");
        assert!(all.enter(&"a"));
        all.failed(&"a");
        assert!(!all.enter(&"a"));
        assert!(all.enter(&"b"));
        assert_eq!(all.state(&"a"), (State::Resting, 3, Duration::from_mins(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn one_tries_and_the_others_wait_for_what_it_finds() {
        let all = breakers();
        (0..3).for_each(|_| all.failed(&"a"));
        tokio::time::advance(Duration::from_mins(1)).await;
        assert_eq!(all.state(&"a").0, State::Trying);
        assert!(all.enter(&"a"));
        assert!(!all.enter(&"a"));
        all.failed(&"a");
        assert_eq!(all.state(&"a").0, State::Resting);
        tokio::time::advance(Duration::from_mins(1)).await;
        assert!(all.enter(&"a"));
        all.succeeded(&"a");
        assert!(all.enter(&"a") && all.enter(&"a"));
        assert_eq!(all.state(&"a").0, State::Passing);
    }

    #[tokio::test(start_paused = true)]
    async fn who_tries_and_never_comes_back_does_not_keep_the_door_closed() {
        let all = breakers();
        (0..3).for_each(|_| all.failed(&"a"));
        tokio::time::advance(Duration::from_mins(1)).await;
        assert!(all.enter(&"a"));
        tokio::time::advance(Duration::from_mins(1)).await;
        assert!(all.enter(&"a"));
        all.left(&"a");
        assert!(all.enter(&"a"));
    }
}
