//! What the far sides know: their lines, what was said on them, and what is still to be told.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use tokio::{sync::Notify, time::Instant};

/// Messages of a conversation that are remembered.
const MOST_SAID: usize = 500;
/// Conversations that are remembered.
const MOST_CONVERSATIONS: usize = 1_000;
/// Files that are remembered.
const MOST_FILES: usize = 50;

/// Which far side it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A number of WhatsApp.
    WhatsApp,
    /// A page of Facebook.
    Messenger,
    /// An account of Instagram.
    Instagram,
    /// A bot of Telegram.
    Telegram,
}

impl Kind {
    /// The kind of a name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "whatsapp" => Some(Self::WhatsApp),
            "messenger" | "facebook" => Some(Self::Messenger),
            "instagram" => Some(Self::Instagram),
            "telegram" => Some(Self::Telegram),
            _ => None,
        }
    }
}

/// A number, page, account or bot.
#[derive(Debug, Clone)]
pub struct Line {
    /// Which far side it is of.
    pub kind: Kind,
    /// What the far side calls it: the number's id, the page's, the bot's.
    pub id: String,
    /// The token that lets somebody speak for it.
    pub token: String,
    /// What signs webhooks: the app's secret, or the secret token of a bot.
    pub secret: String,
    /// Where webhooks go.
    pub webhook: String,
    /// What it is called.
    pub name: String,
}

/// Something that was said.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Said {
    pub(crate) id: String,
    /// `customer` or `house`.
    pub(crate) by: &'static str,
    pub(crate) text: String,
    pub(crate) kind: String,
    pub(crate) status: String,
    pub(crate) at: u64,
}

/// What a webhook is to be told, and when.
pub(crate) struct Telling {
    pub(crate) due: Instant,
    pub(crate) line: usize,
    pub(crate) body: Json,
    pub(crate) tries: u32,
}

pub(crate) struct State {
    lines: Mutex<Vec<Line>>,
    said: Mutex<HashMap<(usize, String), VecDeque<Said>>>,
    files: Mutex<VecDeque<(String, String, Vec<u8>)>>,
    tellings: Mutex<Vec<Telling>>,
    pub(crate) woken: Notify,
    pub(crate) client: reqwest::Client,
    counted: AtomicU64,
    limits: Mutex<HashMap<String, u32>>,
}

fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    pub(crate) fn new(lines: Vec<Line>, client: reqwest::Client) -> Self {
        Self {
            lines: Mutex::new(lines),
            said: Mutex::default(),
            files: Mutex::default(),
            tellings: Mutex::default(),
            woken: Notify::new(),
            client,
            counted: AtomicU64::new(1),
            limits: Mutex::default(),
        }
    }

    /// Takes over lines: those that are known get what is new of them, others are added.
    pub(crate) fn know(&self, lines: Vec<Line>) {
        let mut known = locked(&self.lines);
        for line in lines {
            match known.iter_mut().find(|old| old.kind == line.kind && old.id == line.id) {
                Some(old) => *old = line,
                None => known.push(line),
            }
        }
    }

    pub(crate) fn lines(&self) -> Vec<Line> {
        locked(&self.lines).clone()
    }

    pub(crate) fn line(&self, at: usize) -> Option<Line> {
        locked(&self.lines).get(at).cloned()
    }

    /// The line of an id or token that fits.
    pub(crate) fn find(&self, fits: impl Fn(&Line) -> bool) -> Option<(usize, Line)> {
        let lines = locked(&self.lines);
        let found = lines.iter().enumerate().find(|(_, line)| fits(line));
        found.map(|(at, line)| (at, line.clone()))
    }

    pub(crate) fn change(&self, at: usize, change: impl FnOnce(&mut Line)) {
        if let Some(line) = locked(&self.lines).get_mut(at) {
            change(line);
        }
    }

    /// Whether something comes for one of the first times.
    pub(crate) fn is_among_first(&self, what: &str, most: u32) -> bool {
        let mut limits = locked(&self.limits);
        let count = limits.entry(what.to_owned()).or_default();
        *count += 1;
        *count <= most
    }

    /// A number that was not given before.
    pub(crate) fn next(&self) -> u64 {
        self.counted.fetch_add(1, Ordering::Relaxed)
    }

    /// Remembers what was said, and gives it back.
    pub(crate) fn say(&self, line: usize, person: &str, said: Said) {
        let mut all = locked(&self.said);
        if all.len() >= MOST_CONVERSATIONS && !all.contains_key(&(line, person.to_owned())) {
            all.clear();
        }
        let of = all.entry((line, person.to_owned())).or_default();
        of.push_back(said);
        if of.len() > MOST_SAID {
            of.pop_front();
        }
    }

    pub(crate) fn said(&self, line: usize, person: &str) -> Vec<Said> {
        let all = locked(&self.said);
        all.get(&(line, person.to_owned()))
            .map(|of| of.iter().cloned().collect())
            .unwrap_or_default()
    }

    /// Notes what became of a message.
    pub(crate) fn mark(&self, line: usize, person: &str, id: &str, status: &str) {
        let mut all = locked(&self.said);
        let of = all.get_mut(&(line, person.to_owned()));
        if let Some(said) = of.into_iter().flatten().find(|said| said.id == id) {
            status.clone_into(&mut said.status);
        }
    }

    pub(crate) fn keep_file(&self, id: String, kind: String, bytes: Vec<u8>) {
        let mut files = locked(&self.files);
        files.push_back((id, kind, bytes));
        if files.len() > MOST_FILES {
            files.pop_front();
        }
    }

    pub(crate) fn file(&self, id: &str) -> Option<(String, Vec<u8>)> {
        let files = locked(&self.files);
        files
            .iter()
            .find(|(known, _, _)| known == id)
            .map(|(_, kind, bytes)| (kind.clone(), bytes.clone()))
    }

    /// Tells a webhook something, in a while.
    pub(crate) fn tell(&self, line: usize, body: Json, in_milliseconds: u64) {
        let due = Instant::now() + Duration::from_millis(in_milliseconds);
        self.tell_again(Telling { due, line, body, tries: 0 });
    }

    pub(crate) fn tell_again(&self, telling: Telling) {
        locked(&self.tellings).push(telling);
        self.woken.notify_one();
    }

    /// What is due now, in the order in which it was; and when the next is.
    pub(crate) fn due(&self, now: Instant) -> (Vec<Telling>, Option<Instant>) {
        let mut all = locked(&self.tellings);
        let (mut due, later): (Vec<_>, Vec<_>) = all.drain(..).partition(|one| one.due <= now);
        *all = later;
        due.sort_by_key(|one| one.due);
        (due, all.iter().map(|one| one.due).min())
    }
}

/// Milliseconds since 1970.
pub(crate) fn now() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "the simulator is no part of the house")]
    let now = std::time::SystemTime::now();
    let since = now.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(0)
}
