//! Turns: which channels this process is taking deliveries in of.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use kith_kernel::Id;

/// The channels that somebody is at.
#[derive(Default)]
pub(crate) struct Turns(Mutex<HashSet<Id>>);

/// The right to be at a channel; free again when it is dropped.
pub(super) struct Turn {
    turns: Arc<Turns>,
    channel: Id,
}

impl Turns {
    fn channels(&self) -> MutexGuard<'_, HashSet<Id>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A turn at a channel; none while somebody else has it.
    pub(super) fn take(self: &Arc<Self>, channel: Id) -> Option<Turn> {
        let is_free = self.channels().insert(channel);
        is_free.then(|| Turn { turns: Arc::clone(self), channel })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.turns.channels().remove(&self.channel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_free_again_when_it_is_over() {
        let turns = Arc::new(Turns::default());
        let turn = turns.take(Id::NIL).unwrap();
        assert!(turns.take(Id::NIL).is_none());
        assert!(turns.take(Id::from_bytes([1; 16])).is_some());
        drop(turn);
        assert!(turns.take(Id::NIL).is_some());
    }
}
