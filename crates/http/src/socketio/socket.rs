//! One connection of Socket.IO: what waits to go out, by polling or by WebSocket, and whether anybody is still there.

use std::{
    io,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
    time::{Duration, Instant},
};

use axum::http::{HeaderName, HeaderValue};
use kith_kernel::Id;
use serde::Serialize;
use tokio::{io::Interest, net::TcpStream, sync::Notify};

use super::{
    frames::{self, Wrong},
    packets::{SEPARATOR, Written},
};

/// Whoever does not say who they are within this time is hung up on.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);
/// So often a socket is asked whether it is there, and so long it has to answer.
pub(super) const PING_EVERY: Duration = Duration::from_secs(25);
pub(super) const PONG_WITHIN: Duration = Duration::from_secs(20);
/// What was said last still waits for so long to be fetched by one who polls.
const FETCHED_WITHIN: Duration = Duration::from_secs(5);
/// Bytes that wait for a socket, at most, beside the last packet.
const MOST_WAITING: usize = 1 << 20;
/// What passes by reaches a socket no more often than this; what comes sooner goes together.
const BETWEEN_WORDS: Duration = Duration::from_millis(100);
/// What is kept of the room of what waited.
const ROOM_KEPT: usize = 4_096;

/// What came of sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// It is on its way, or waits to be taken.
    Done,
    /// So much waits already that nothing more does.
    Full,
    /// Nobody is there any more.
    Closed,
}

/// How far a socket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Stage {
    /// It has not said who it is.
    Opened,
    /// It is looked at who it is.
    Asked,
    /// It is let in.
    Connected,
}

/// The request by which a socket came.
pub(crate) struct Arrived {
    pub(crate) headers: Box<[(HeaderName, HeaderValue)]>,
    pub(crate) address: Option<IpAddr>,
}

/// A socket.
pub(crate) struct Socket {
    /// By which it is known here and to others.
    pub(crate) id: Id,
    /// By which it is known to itself alone: whoever has it speaks for it.
    pub(super) key: u128,
    pub(crate) arrived: Arrived,
    out: Mutex<Out>,
    /// What waits, or the end, is to be looked at.
    pub(super) nudge: Notify,
    /// Somebody is waiting for what it is told.
    pub(super) is_polled: AtomicBool,
    stage: AtomicU8,
    beat: Mutex<Beat>,
    most_packets: usize,
}

/// What goes out.
struct Out {
    way: Way,
    /// What waits: frames, or texts with separators.
    waiting: Vec<u8>,
    /// How much of it has gone.
    gone: usize,
    packets: usize,
    /// Its stream takes nothing any more.
    is_broken: bool,
    /// When words that pass by may go again, where some went of late.
    next_words: Option<Instant>,
    /// Words wait for that.
    has_words: bool,
}

enum Way {
    Polling,
    Stream(Arc<TcpStream>),
    /// What still waits may be fetched until then.
    Closed(Instant),
}

/// When it was last asked whether it is there, and whether it said so.
struct Beat {
    asked: Instant,
    has_answered: bool,
}

/// What somebody who polls gets.
pub(super) enum Polled {
    Texts(Vec<u8>),
    Nothing,
    /// It goes by WebSocket now.
    Moved,
    Closed,
}

impl Socket {
    pub(super) fn new((id, key): (Id, u128), arrived: Arrived, most_packets: usize) -> Self {
        let out = Out {
            way: Way::Polling,
            waiting: Vec::new(),
            gone: 0,
            packets: 0,
            is_broken: false,
            next_words: None,
            has_words: false,
        };
        Self {
            id,
            key,
            arrived,
            out: Mutex::new(out),
            nudge: Notify::new(),
            is_polled: AtomicBool::new(false),
            stage: AtomicU8::new(Stage::Opened as u8),
            beat: Mutex::new(Beat { asked: Instant::now(), has_answered: true }),
            most_packets,
        }
    }

    fn out(&self) -> MutexGuard<'_, Out> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn beat(&self) -> MutexGuard<'_, Beat> {
        self.beat.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes one stage on; says whether it was at the one before.
    pub(super) fn advance(&self, from: Stage, to: Stage) -> bool {
        let (from, to) = (from as u8, to as u8);
        self.stage.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Whether it was let in.
    pub(super) fn is_in(&self) -> bool {
        self.stage.load(Ordering::Acquire) == Stage::Connected as u8
    }

    /// Whether anybody is there.
    pub(crate) fn is_open(&self) -> bool {
        !matches!(self.out().way, Way::Closed(_))
    }

    /// Sends an event.
    pub(crate) fn emit(&self, event: &str, payload: &(impl Serialize + ?Sized)) -> Sent {
        match Written::event(event, payload) {
            Ok(packet) => self.send(&packet),
            Err(error) => {
                tracing::error!(%error, event, "what was to be told is no JSON");
                Sent::Done
            }
        }
    }

    /// Answers an event.
    pub(crate) fn answer(&self, ack: u64, answer: &(impl Serialize + ?Sized)) -> Sent {
        match Written::ack(ack, answer) {
            Ok(packet) => self.send(&packet),
            Err(error) => {
                tracing::error!(%error, "an acknowledgement is no JSON");
                Sent::Done
            }
        }
    }

    /// Sends a packet, at once where nothing waits.
    pub(crate) fn send(&self, packet: &Written) -> Sent {
        let mut out = self.out();
        let sent = out.add(packet, self.most_packets, true);
        if sent == Sent::Done {
            self.push(&mut out);
        }
        sent
    }

    /// Says what passes by: at once, or together with what else is said within a moment. Gives back when what waits is to
    /// be flushed, where nobody was told so yet.
    pub(crate) fn say(&self, packet: &Written, now: Instant) -> (Sent, Option<Instant>) {
        let mut out = self.out();
        match out.next_words.filter(|at| *at > now) {
            None => {
                out.next_words = Some(now + BETWEEN_WORDS);
                let sent = out.add(packet, self.most_packets, true);
                if sent == Sent::Done {
                    self.push(&mut out);
                }
                (sent, None)
            }
            Some(at) => {
                let sent = out.add(packet, self.most_packets, false);
                let is_first = sent == Sent::Done && !std::mem::replace(&mut out.has_words, true);
                (sent, is_first.then_some(at))
            }
        }
    }

    /// Sends words that waited for each other.
    pub(super) fn flush_words(&self, now: Instant) {
        let mut out = self.out();
        if std::mem::take(&mut out.has_words) {
            out.next_words = Some(now + BETWEEN_WORDS);
            self.push(&mut out);
        }
    }

    /// Puts a packet behind what waits; it goes out with the next [`Self::flush`].
    pub(crate) fn put(&self, packet: &Written) -> Sent {
        let mut out = self.out();
        let sent = out.add(packet, self.most_packets, false);
        if sent != Sent::Full {
            return sent;
        }
        // It may only be that nothing was flushed yet.
        self.push(&mut out);
        out.add(packet, self.most_packets, false)
    }

    /// Sends what waits; says whether that can go on.
    pub(crate) fn flush(&self) -> bool {
        let mut out = self.out();
        self.push(&mut out);
        !out.is_broken
    }

    fn push(&self, out: &mut Out) {
        if !out.push() {
            self.nudge.notify_one();
        }
    }

    /// What of its stream is to be waited for.
    pub(super) fn interest(&self) -> Interest {
        if self.out().waiting.is_empty() {
            Interest::READABLE
        } else {
            Interest::READABLE | Interest::WRITABLE
        }
    }

    /// Answers a ping of its stream.
    pub(super) fn pong(&self, payload: &[u8]) {
        let mut out = self.out();
        if out.waiting.len() < MOST_WAITING {
            out.waiting.extend(frames::written(frames::PONG, payload));
            self.push(&mut out);
        }
    }

    /// Lets whoever polls go with nothing, so that it may move.
    pub(super) fn release(&self) {
        let mut out = self.out();
        if matches!(out.way, Way::Polling) && out.waiting.is_empty() {
            out.waiting.push(b'6');
            self.nudge.notify_one();
        }
    }

    /// What somebody who polls is given.
    pub(super) fn poll(&self) -> Polled {
        let mut out = self.out();
        if out.waiting.is_empty() || matches!(out.way, Way::Stream(_)) {
            return match out.way {
                Way::Polling => Polled::Nothing,
                Way::Stream(_) => Polled::Moved,
                Way::Closed(_) => Polled::Closed,
            };
        }
        out.packets = 0;
        Polled::Texts(std::mem::take(&mut out.waiting))
    }

    /// Goes over to a WebSocket; says whether that could be.
    pub(super) fn move_to(&self, stream: &Arc<TcpStream>) -> bool {
        let mut out = self.out();
        if !matches!(out.way, Way::Polling) {
            return false;
        }
        let texts = std::mem::take(&mut out.waiting);
        let texts = texts.split(|byte| *byte == SEPARATOR).filter(|text| !text.is_empty());
        out.waiting = texts.flat_map(|text| frames::written(frames::TEXT, text)).collect();
        out.way = Way::Stream(Arc::clone(stream));
        self.push(&mut out);
        drop(out);
        // Who polls is told so.
        self.nudge.notify_one();
        true
    }

    /// Ends the connection; says whether it was there.
    pub(super) fn close(&self, why: Option<Wrong>) -> bool {
        let mut out = self.out();
        let until = Instant::now() + FETCHED_WITHIN;
        let was = std::mem::replace(&mut out.way, Way::Closed(until));
        match was {
            Way::Closed(before) => {
                out.way = Way::Closed(before);
                return false;
            }
            Way::Stream(stream) => {
                let code = why.map_or(1000, |wrong| wrong as u16).to_be_bytes();
                // Behind half a frame it would be taken for a part of it.
                if out.waiting.is_empty() {
                    stream.try_write(&frames::written(frames::CLOSE, &code)).ok();
                }
                out.waiting = Vec::new();
            }
            Way::Polling => {
                if out.waiting.is_empty() {
                    out.waiting = b"1".to_vec();
                }
            }
        }
        drop(out);
        self.nudge.notify_one();
        true
    }

    /// It said that it is there.
    pub(super) fn heard(&self) {
        self.beat().has_answered = true;
    }

    /// Asks it whether it is there, when it is time to; says whether it is over with it.
    pub(super) fn beats(&self, now: Instant) -> bool {
        if let Way::Closed(until) = self.out().way {
            return now < until;
        }
        let mut beat = self.beat();
        let since = now.saturating_duration_since(beat.asked);
        let is_late = if beat.has_answered {
            !self.is_in() && since > CONNECT_PATIENCE
        } else {
            since > PONG_WITHIN
        };
        if is_late {
            tracing::debug!("a socket says nothing any more");
            return false;
        }
        if beat.has_answered && since >= PING_EVERY {
            *beat = Beat { asked: now, has_answered: false };
            drop(beat);
            self.send(&Written::text("2"));
        }
        true
    }
}

impl Out {
    fn add(&mut self, packet: &Written, most_packets: usize, at_once: bool) -> Sent {
        let is_full = self.packets >= most_packets || self.waiting.len() >= MOST_WAITING;
        let (bytes, is_text) = match self.way {
            Way::Closed(_) => return Sent::Closed,
            _ if is_full => return Sent::Full,
            Way::Polling => (packet.as_text(), true),
            Way::Stream(ref stream) if at_once && self.waiting.is_empty() => {
                // What the system takes at once is not copied.
                let taken = match stream.try_write(packet.as_frame()) {
                    Ok(taken) => taken,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
                    Err(_) => return Sent::Closed,
                };
                (packet.as_frame().get(taken..).unwrap_or_default(), false)
            }
            Way::Stream(_) => (packet.as_frame(), false),
        };
        if bytes.is_empty() {
            return Sent::Done;
        }
        if is_text && !self.waiting.is_empty() {
            self.waiting.push(SEPARATOR);
        }
        self.waiting.extend_from_slice(bytes);
        self.packets += 1;
        Sent::Done
    }

    /// Writes what waits; says whether nobody needs to be told that something is left.
    fn push(&mut self) -> bool {
        let Way::Stream(stream) = &self.way else { return self.waiting.is_empty() };
        while self.gone < self.waiting.len() {
            match stream.try_write(self.waiting.get(self.gone..).unwrap_or_default()) {
                Ok(taken) => self.gone += taken,
                Err(error) => {
                    self.is_broken = error.kind() != io::ErrorKind::WouldBlock;
                    if self.gone > ROOM_KEPT {
                        self.waiting.drain(..self.gone);
                        self.gone = 0;
                    }
                    return false;
                }
            }
        }
        (self.gone, self.packets) = (0, 0);
        self.waiting.clear();
        if self.waiting.capacity() > ROOM_KEPT {
            self.waiting = Vec::new();
        }
        true
    }
}
