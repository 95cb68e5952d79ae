//! What sockets say: events that slices registered, answered in turn and within limits.

use std::{
    collections::{HashMap, VecDeque},
    pin::Pin,
    sync::Arc,
    time::Instant,
};

use kith_kernel::{
    Error, Id, Kind, Result, Role, forbidden, internal, invalid, malformed, not_found,
};
use kith_platform::Ctx;
use kith_store::Write;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};

use super::{
    Live,
    client::{Client, MOST_ROOMS, Word},
    room_of,
};
use crate::{
    Answer, Body,
    answer::{self, Content},
    idempotency::{self, Key},
};

/// So much waits of one socket.
const MOST_WAITING: usize = 64;
/// Whoever goes on saying too much is hung up on.
const MOST_EXCESS: u32 = 100;
/// One event may take this long.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

type Handled = Pin<Box<dyn Future<Output = Result<Json>> + Send>>;
type Handler = Arc<dyn Fn(Said) -> Handled + Send + Sync>;

/// Events that sockets may send, with their handlers.
#[derive(Default)]
pub struct LiveEvents {
    all: HashMap<&'static str, Handler>,
    first: Vec<(&'static str, &'static str)>,
}

impl LiveEvents {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an event; what the handler gives back is the acknowledgement.
    pub fn on<F, Fut>(mut self, event: &'static str, handler: F) -> Self
    where
        F: Fn(Said) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Json>> + Send + 'static,
    {
        self.all.insert(event, Arc::new(move |said| Box::pin(handler(said))));
        self
    }

    /// A list of this name in the handshake is as good as the event for each that stands in it.
    pub fn at_first(mut self, list: &'static str, event: &'static str) -> Self {
        self.first.push((list, event));
        self
    }

    /// Adds the events of another.
    pub fn and(mut self, other: Self) -> Self {
        self.all.extend(other.all);
        self.first.extend(other.first);
        self
    }

    pub(super) fn first(&self) -> &[(&'static str, &'static str)] {
        &self.first
    }
}

/// Something that a socket said.
pub struct Said {
    /// The application and who says it.
    pub ctx: Ctx,
    /// What.
    pub data: Json,
    event: String,
    pub(super) live: Arc<Live>,
    pub(super) client: Arc<Client>,
}

impl Said {
    /// An id of what was said; what was said may be the id alone.
    pub fn id(&self, key: &str) -> Result<Id> {
        let given = match &self.data {
            Json::Object(object) => object.get(key),
            other => Some(other),
        };
        let text = given.and_then(Json::as_str);
        let text = text.ok_or_else(|| invalid(key, "is required"))?;
        text.parse().map_err(|_| malformed(format!("{key} {}.", Id::EXPECTED)))
    }

    /// What was said, as a struct.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        Body(self.data.to_string().into()).parse()
    }

    /// Changes the tenant; what was said under a key before is not done again, and answered as it was then.
    pub async fn write(
        &self,
        key: Option<&str>,
        work: impl AsyncFnOnce(&Write) -> Result<Answer>,
    ) -> Result<Json> {
        let answer = match key {
            None => self.ctx.write(work).await?,
            Some(key) => {
                let body = self.data.to_string();
                let place = ["socket", self.event.as_str()];
                let key = Key::new(&self.ctx, place, key.as_bytes(), [&[], body.as_bytes()])?;
                idempotency::once(&self.ctx, &key, work).await?
            }
        };
        let unfit = |error| internal("an answer is no JSON").caused_by(error);
        match &answer.content {
            Content::Whole(_, bytes) => serde_json::from_slice(bytes).map_err(unfit),
            Content::Empty | Content::Stream(..) => Ok(Json::Null),
        }
    }

    /// Refuses whom an operation would refuse.
    pub fn require(&self, role: Role, (object, action): (&str, &str)) -> Result<()> {
        let actor = &self.ctx.actor;
        if actor.role < role {
            let why = format!("This takes the role {} or a higher one.", role.name());
            return Err(forbidden(why));
        }
        actor.scopes.require(object, action)
    }

    /// Enters a room of the tenant.
    pub fn join(&self, room: &str) -> Result<()> {
        let mut rooms = self.client.rooms();
        if rooms.iter().any(|there| **there == *room) {
            return Ok(());
        }
        if rooms.len() >= MOST_ROOMS {
            let why = format!("A socket is in {MOST_ROOMS} rooms at most. Leave one.");
            return Err(Error::new(Kind::TooMany, "too_many_rooms", why));
        }
        rooms.push(room.into());
        self.live.enter(&room_of(self.client.tenant, room), &self.client.socket);
        Ok(())
    }

    /// Leaves a room.
    pub fn leave(&self, room: &str) {
        self.client.rooms().retain(|there| **there != *room);
        self.live.presence.look(&self.client, (room, false));
        self.live.leave(&room_of(self.client.tenant, room), self.client.socket.id);
    }

    /// Whether the socket is in a room.
    pub fn is_in(&self, room: &str) -> bool {
        self.client.rooms().iter().any(|there| **there == *room)
    }

    /// Says something to the others in a room.
    pub fn pass_on(&self, room: &str, (event, payload): (&str, &Json)) {
        let room = room_of(self.client.tenant, room);
        self.live.say_but(&room, (event, payload), Some(self.client.socket.id));
    }

    /// Says something back.
    pub fn reply(&self, event: &str, payload: &Json) {
        self.client.emit(event, payload);
    }
}

impl Live {
    /// Takes in what a socket says, to be answered in turn.
    pub(super) fn listen_to(self: &Arc<Self>, sid: Id, word: Word) {
        let Some(client) = self.client(sid) else { return };
        let mut mouth = client.mouth();
        let within = mouth.may_say(self.options.events_per_second, Instant::now());
        if !within || mouth.waiting.len() >= MOST_WAITING {
            let is_flood = mouth.excess > MOST_EXCESS;
            drop(mouth);
            return self.refuse(&client, &word, is_flood);
        }
        mouth.waiting.push_back(word);
        if std::mem::replace(&mut mouth.is_busy, true) {
            return;
        }
        drop(mouth);
        let live = Arc::clone(self);
        self.app.tasks.start("what a socket says", async move { live.attend_to(client).await });
    }

    fn refuse(&self, client: &Client, word: &Word, is_flood: bool) {
        if is_flood {
            tracing::debug!("a socket is flooding");
            return self.hang_up(client);
        }
        let limit = self.options.events_per_second;
        let why = format!("More than {limit} events in a second.");
        let error = Error::new(Kind::TooMany, "rate_limited", why).retry_after(1);
        client.answer(word.ack, &json!({ "error": self.problem(&error) }));
    }

    async fn attend_to(self: &Arc<Self>, client: Arc<Client>) {
        loop {
            let word = {
                let mut mouth = client.mouth();
                let Some(word) = mouth.waiting.pop_front() else {
                    mouth.waiting = VecDeque::new();
                    mouth.is_busy = false;
                    return;
                };
                word
            };
            let answer = match self.answer(&client, &word.event, word.data).await {
                Ok(answer) => answer,
                Err(error) => json!({ "error": self.complain(&client, &word.event, &error) }),
            };
            client.answer(word.ack, &answer);
        }
    }

    /// What is answered to something that a socket says.
    pub(super) async fn answer(
        self: &Arc<Self>,
        client: &Arc<Client>,
        event: &str,
        data: Json,
    ) -> Result<Json> {
        if event == "resume" {
            return self.resume(client, &data).await;
        }
        let handler = self.parts.events.all.get(event);
        let handler = handler.ok_or_else(|| not_found("event of this name"))?;
        let actor = (*client.actor()).clone();
        let actor = kith_kernel::Actor { request: Some(self.app.ids.next()), ..actor };
        let ctx = self.app.on_behalf_of(actor);
        let event = event.to_owned();
        let said = Said { ctx, data, event, live: Arc::clone(self), client: Arc::clone(client) };
        tokio::time::timeout(PATIENCE, handler(said))
            .await
            .unwrap_or_else(|_| Err(Error::new(Kind::Timeout, "timeout", "This took too long.")))
    }

    /// Goes back to a place in the order: what came since then comes once more.
    async fn resume(self: &Arc<Self>, client: &Arc<Client>, data: &Json) -> Result<Json> {
        let offset = data.get("offset").unwrap_or(data).as_i64();
        let offset = offset.ok_or_else(|| invalid("offset", "must be a whole number"))?;
        let feed = self.feeds().get(&client.tenant).cloned();
        let feed = feed.filter(|feed| feed.begun.get().is_some());
        let feed = feed.ok_or_else(|| not_found("place to go back to yet; wait for ready"))?;
        let (from, latest) = self.place(&feed, Some(offset)).await?;
        let Some(from) = from else {
            client.emit("resync", &json!({ "offset": latest }));
            return Ok(json!({ "offset": latest, "latest": latest, "resync": true }));
        };
        if feed.rewind(client.socket.id, from) {
            self.bring(&feed, Arc::clone(client));
        }
        Ok(json!({ "offset": from, "latest": latest }))
    }

    /// Tells a socket what went wrong; gives back what it was told.
    pub(super) fn complain(&self, client: &Client, event: &str, error: &Error) -> Json {
        let problem = self.problem(error);
        let mut told = problem.clone();
        told["event"] = json!(event);
        client.emit("error", &told);
        problem
    }

    /// The same problem that a request would be answered.
    pub(super) fn problem(&self, error: &Error) -> Json {
        let (_, written) = answer::told(error, &self.app.ids.next().to_string());
        serde_json::from_slice(&written).unwrap_or_default()
    }
}
