//! One socket: whose it is, where it listens, and what it may say.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::Instant,
};

use kith_kernel::{Actor, Id};
use serde::Serialize;
use serde_json::Value as Json;

use super::render::Rendered;
use crate::{
    Place,
    socketio::{Sent, Socket},
};

/// Rooms that a socket may be in.
pub(super) const MOST_ROOMS: usize = 200;

/// A socket whose owner is known.
pub(super) struct Client {
    pub(super) socket: Arc<Socket>,
    pub(super) tenant: Id,
    pub(super) member: Option<Id>,
    actor: RwLock<Arc<Actor>>,
    /// What was given in the handshake instead of headers.
    pub(super) token: Option<Box<str>>,
    pub(super) wanted: Option<Box<str>>,
    rooms: Mutex<Vec<Box<str>>>,
    mouth: Mutex<Mouth>,
    _place: Place,
}

/// What came of telling an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// All of it is on its way.
    Done,
    /// So much waits already that nothing more does; this many pieces were taken.
    Full(usize),
    /// Nobody is there any more.
    Closed,
}

/// What a socket says, in turn.
#[derive(Default)]
pub(super) struct Mouth {
    pub(super) waiting: VecDeque<Word>,
    /// Somebody is at work on what waits.
    pub(super) is_busy: bool,
    /// When it may say as much as ever again.
    free_at: Option<Instant>,
    /// What it said too much of late.
    pub(super) excess: u32,
}

/// Something that was said.
pub(super) struct Word {
    pub(super) event: String,
    pub(super) data: Json,
    /// The number under which it asks for an answer.
    pub(super) ack: Option<u64>,
}

impl Mouth {
    /// Whether one more event is within the limit: evenly so many in a second, and two seconds' worth at once.
    pub(super) fn may_say(&mut self, per_second: u32, now: Instant) -> bool {
        let each = std::time::Duration::from_secs(1) / per_second.max(1);
        let free_at = self.free_at.filter(|at| *at > now).unwrap_or(now) + each;
        if free_at > now + each * per_second * 2 {
            self.excess += 1;
            return false;
        }
        self.free_at = Some(free_at);
        self.excess = self.excess.saturating_sub(1);
        true
    }
}

impl Client {
    pub(super) fn new(
        socket: Arc<Socket>,
        actor: Actor,
        (token, wanted): (Option<Box<str>>, Option<Box<str>>),
        place: Place,
    ) -> Self {
        Self {
            socket,
            tenant: actor.tenant,
            member: actor.member,
            actor: RwLock::new(Arc::new(actor)),
            token,
            wanted,
            rooms: Mutex::default(),
            mouth: Mutex::default(),
            _place: place,
        }
    }

    /// Whose it is, with the rights of now.
    pub(super) fn actor(&self) -> Arc<Actor> {
        Arc::clone(&self.actor.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn set_actor(&self, actor: Actor) {
        *self.actor.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(actor);
    }

    pub(super) fn rooms(&self) -> MutexGuard<'_, Vec<Box<str>>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn mouth(&self) -> MutexGuard<'_, Mouth> {
        self.mouth.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts in line what is told of an event, but for pieces that it has.
    pub(super) fn deliver(&self, rendered: &Rendered, had: usize) -> Told {
        if rendered.pieces.is_empty() || !rendered.is_for(&self.actor()) {
            return Told::Done;
        }
        let rooms = self.rooms();
        for (at, piece) in rendered.pieces.iter().enumerate().skip(had) {
            let Some(packet) = piece.for_whom(self.member, &rooms) else { continue };
            match self.socket.put(packet) {
                Sent::Done => {}
                Sent::Full => return Told::Full(at),
                Sent::Closed => return Told::Closed,
            }
        }
        Told::Done
    }

    pub(super) fn emit(&self, event: &str, payload: &(impl Serialize + ?Sized)) {
        self.socket.emit(event, payload);
    }

    pub(super) fn answer(&self, ack: Option<u64>, answer: &Json) {
        if let Some(ack) = ack {
            self.socket.answer(ack, answer);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn two_seconds_worth_may_be_said_at_once_and_then_evenly() {
        let mut mouth = Mouth::default();
        let now = Instant::now();
        let said = (0..100).filter(|_| mouth.may_say(20, now)).count();
        assert_eq!(said, 40);
        assert_eq!(mouth.excess, 60);
        let later = now + Duration::from_millis(500);
        assert_eq!((0..100).filter(|_| mouth.may_say(20, later)).count(), 10);
        let much_later = now + Duration::from_mins(1);
        assert_eq!((0..100).filter(|_| mouth.may_say(20, much_later)).count(), 40);
    }
}
