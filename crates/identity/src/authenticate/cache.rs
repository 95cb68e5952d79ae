//! What was found out about callers a moment ago: dropped at once by what this process writes and by what other nodes
//! tell of, and after three seconds should their word not come.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use kith_kernel::{Actor, Id, Time};

/// Entries live this long at most.
const MILLISECONDS: i64 = 3_000;
const LARGEST: usize = 10_000;

/// What a caller came with, and where they want to go.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Asked {
    /// A session in a tenant.
    Session(Id, Option<Id>),
    /// A session in a tenant that the request names.
    Elsewhere(Id, Box<str>),
    /// The hash of an API key.
    Key([u8; 32]),
}

#[derive(Clone)]
pub(crate) struct Known {
    pub(crate) actor: Actor,
    /// When the session or key expires.
    pub(crate) until: Option<Time>,
    /// The names that the actor's tenant answers to, for keys.
    pub(crate) slug: Box<str>,
    found_at: Time,
}

impl Known {
    pub(crate) fn new(actor: Actor, until: Option<Time>, (slug, now): (&str, Time)) -> Self {
        Self { actor, until, slug: slug.into(), found_at: now }
    }

    fn is_fresh(&self, now: Time) -> bool {
        let age = now.milliseconds() - self.found_at.milliseconds();
        (0..MILLISECONDS).contains(&age) && self.until.is_none_or(|until| now < until)
    }
}

#[derive(Default)]
pub(crate) struct Cache(RwLock<Inner>);

#[derive(Default)]
struct Inner {
    entries: HashMap<Asked, Known>,
    generation: u64,
}

impl Cache {
    fn look(&self) -> RwLockReadGuard<'_, Inner> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self) -> RwLockWriteGuard<'_, Inner> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn get(&self, asked: &Asked, now: Time) -> Option<Known> {
        self.look().entries.get(asked).filter(|known| known.is_fresh(now)).cloned()
    }

    /// To be asked before the database is, and given to [`Self::put`].
    pub(crate) fn generation(&self) -> u64 {
        self.look().generation
    }

    /// Keeps what was found, unless something was written meanwhile that it may not show.
    pub(crate) fn put(&self, asked: Asked, known: &Known, generation: u64) {
        let mut inner = self.change();
        if inner.generation != generation {
            return;
        }
        if inner.entries.len() >= LARGEST {
            let now = known.found_at;
            inner.entries.retain(|_, known| known.is_fresh(now));
            if inner.entries.len() >= LARGEST {
                inner.entries.clear();
            }
        }
        inner.entries.insert(asked, known.clone());
    }

    /// Drops everything: a role, session, key, member or tenant was changed, which is rare.
    pub(crate) fn forget(&self) {
        let mut inner = self.change();
        inner.generation += 1;
        inner.entries.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> Time {
        Time::from_milliseconds(milliseconds)
    }

    fn asked(number: u128) -> Asked {
        Asked::Session(Id::from_bytes(number.to_be_bytes()), None)
    }

    fn known(until: Option<Time>) -> Known {
        Known::new(Actor::installation(), until, ("acme", at(0)))
    }

    #[test]
    fn entries_grow_stale() {
        let cache = Cache::default();
        cache.put(asked(1), &known(None), cache.generation());
        cache.put(asked(2), &known(Some(at(1_000))), cache.generation());
        assert!(cache.get(&asked(1), at(2_999)).is_some());
        assert!(cache.get(&asked(1), at(3_000)).is_none());
        assert!(cache.get(&asked(1), at(-1)).is_none(), "the clock was set back");
        assert!(cache.get(&asked(2), at(999)).is_some());
        assert!(cache.get(&asked(2), at(1_000)).is_none());
    }

    #[test]
    fn what_was_read_before_a_write_is_not_kept_after_it() {
        let cache = Cache::default();
        let generation = cache.generation();
        cache.forget();
        cache.put(asked(1), &known(None), generation);
        assert!(cache.get(&asked(1), at(0)).is_none());
    }

    #[test]
    fn the_cache_is_bounded() {
        let cache = Cache::default();
        for number in 0..25_000 {
            cache.put(asked(number), &known(None), cache.generation());
        }
        assert!(cache.look().entries.len() <= LARGEST);
    }
}
