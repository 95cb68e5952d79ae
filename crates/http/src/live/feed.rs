//! What a tenant's sockets are told, and how far each of them is.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use kith_kernel::Id;
use tokio::sync::OnceCell;

use super::{
    client::{Client, Told},
    render::{CHUNK, Rendered},
};

/// What was told last is kept for those who are a little behind: so many events, of so many bytes.
const RECENT: usize = 1_000;
const RECENT_BYTES: usize = 1 << 20;

/// The sockets of a tenant on this node.
pub(super) struct Feed {
    pub(super) tenant: Id,
    inner: Mutex<Inner>,
    /// Whether it is known where the order of the tenant ends.
    pub(super) begun: OnceCell<()>,
    /// Events are read by one at a time.
    pub(super) reading: tokio::sync::Mutex<()>,
}

#[derive(Default)]
pub(super) struct Inner {
    /// The place of the last event that was told.
    pub(super) head: i64,
    recent: VecDeque<Arc<Rendered>>,
    recent_bytes: usize,
    entries: HashMap<Id, Entry>,
}

/// How far a socket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    /// The place of the last event of which it has everything.
    pub(super) sequence: i64,
    /// How many pieces it has of the next one.
    pub(super) pieces: usize,
}

struct Entry {
    client: Arc<Client>,
    position: Position,
    pace: Pace,
    /// Where it wants to go back to.
    rewind: Option<i64>,
}

/// How a socket follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pace {
    /// Its handshake is not over.
    Waiting,
    /// A task of its own brings it what it lacks.
    Behind,
    /// It is told what happens.
    Live,
}

/// What one who is behind is to do next.
pub(super) enum Step {
    /// Nothing: it follows, or is gone.
    Done,
    /// To take these.
    Take(Position, Vec<Arc<Rendered>>),
    /// To read what is behind its place.
    Read(Position),
}

impl Position {
    pub(super) fn at(sequence: i64) -> Self {
        Self { sequence, pieces: 0 }
    }

    /// Puts in line the next events of the order behind this place, and moves on with them.
    pub(super) fn deliver(&mut self, client: &Client, events: &[Arc<Rendered>]) -> Told {
        for event in events {
            if event.sequence <= self.sequence {
                continue;
            }
            match client.deliver(event, self.pieces) {
                Told::Done => *self = Self::at(event.sequence),
                Told::Full(pieces) => {
                    // All before it went out.
                    *self = Self { sequence: event.sequence - 1, pieces };
                    return Told::Full(pieces);
                }
                Told::Closed => return Told::Closed,
            }
        }
        Told::Done
    }
}

impl Feed {
    pub(super) fn new(tenant: Id) -> Self {
        Self {
            tenant,
            inner: Mutex::default(),
            begun: OnceCell::new(),
            reading: tokio::sync::Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn head(&self) -> i64 {
        self.lock().head
    }

    pub(super) fn begin(&self, head: i64) {
        self.lock().head = head;
    }

    /// Takes a socket in, which hears nothing yet.
    pub(super) fn enter(&self, client: Arc<Client>) {
        let position = Position::at(i64::MAX);
        let sid = client.socket.id;
        let entry = Entry { client, position, pace: Pace::Waiting, rewind: None };
        self.lock().entries.insert(sid, entry);
    }

    /// Lets a socket go; says whether nobody is left.
    pub(super) fn leave(&self, sid: Id) -> bool {
        let mut inner = self.lock();
        inner.entries.remove(&sid);
        inner.entries.is_empty()
    }

    /// Has a socket hear what comes behind a place; whoever says so brings it what it lacks.
    pub(super) fn listen(&self, sid: Id, sequence: i64) {
        if let Some(entry) = self.lock().entries.get_mut(&sid) {
            (entry.position, entry.pace) = (Position::at(sequence), Pace::Behind);
        }
    }

    /// Takes a socket back to a place; says whether a task is needed to bring it what it lacks.
    pub(super) fn rewind(&self, sid: Id, sequence: i64) -> bool {
        let mut inner = self.lock();
        let Some(entry) = inner.entries.get_mut(&sid) else { return false };
        entry.rewind = Some(sequence);
        let follows = entry.pace == Pace::Live;
        if follows {
            entry.pace = Pace::Behind;
        }
        follows
    }

    /// Tells what was read to all who follow; gives back those who could not take it all.
    pub(super) fn tell(&self, events: &[Arc<Rendered>]) -> Vec<Arc<Client>> {
        let mut inner = self.lock();
        let Some(last) = events.last() else { return Vec::new() };
        inner.head = last.sequence;
        inner.keep(events);
        let mut fell_behind = Vec::new();
        for entry in inner.entries.values_mut().filter(|entry| entry.pace == Pace::Live) {
            let told = entry.position.deliver(&entry.client, events);
            entry.client.socket.flush();
            if let Told::Full(_) = told {
                entry.pace = Pace::Behind;
                fell_behind.push(Arc::clone(&entry.client));
            }
        }
        fell_behind
    }

    /// What a socket that is behind does next, after it got as far as `reached`.
    pub(super) fn next_step(&self, sid: Id, reached: Option<Position>) -> Step {
        let mut inner = self.lock();
        let head = inner.head;
        let Some(entry) = inner.entries.get_mut(&sid) else { return Step::Done };
        if let Some(position) = reached {
            entry.position = position;
        }
        if let Some(sequence) = entry.rewind.take() {
            entry.position = Position::at(sequence);
        }
        let position = entry.position;
        if position.sequence >= head {
            entry.pace = Pace::Live;
            return Step::Done;
        }
        inner
            .behind(position.sequence)
            .map_or(Step::Read(position), |some| Step::Take(position, some))
    }
}

impl Inner {
    /// Keeps what was told, and drops what is too much of it.
    fn keep(&mut self, events: &[Arc<Rendered>]) {
        self.recent_bytes += events.iter().map(|event| event.bytes).sum::<usize>();
        self.recent.extend(events.iter().cloned());
        while self.recent.len() > RECENT || self.recent_bytes > RECENT_BYTES {
            let Some(oldest) = self.recent.pop_front() else { break };
            self.recent_bytes -= oldest.bytes;
        }
    }

    /// What was told behind a place, where all of it is kept; a chunk at most.
    fn behind(&self, sequence: i64) -> Option<Vec<Arc<Rendered>>> {
        let first = self.recent.front()?.sequence;
        let skipped = usize::try_from(sequence + 1 - first).ok()?;
        Some(self.recent.iter().skip(skipped).take(CHUNK).cloned().collect())
    }
}
