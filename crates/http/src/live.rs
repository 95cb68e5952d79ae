//! Sockets: who is connected by Socket.IO, what they are told as it happens, and what they say.
//!
//! What follows from changes is read from the order of events, once for each tenant with sockets on this node, and goes
//! out with its place there as `offset`: whoever comes back with the last one misses nothing. What passes by, such as
//! that somebody types, is said to rooms and kept nowhere.

mod access;
mod client;
mod feed;
mod follow;
mod handshake;
mod listen;
mod others;
mod presence;
mod render;
mod told;

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak},
    time::Instant,
};

use axum::Router;
use kith_kernel::{Id, Result, invalid};
use kith_platform::{App, Broadcast};
use kith_store::Read;
use serde::Serialize;
use serde_json::Value as Json;

pub use listen::{LiveEvents, Said};
pub use told::{Happening, Piece, Tell, To};

pub use presence::schemas as presence_schemas;

use self::{client::Client, feed::Feed, presence::Presence};
use crate::{
    Authenticate, Streams,
    socketio::{Limits, Sent, Server, Socket, Written},
};

/// Says what an API key must be allowed to read to see records of an object in the tenant of the look; nothing where it
/// is no object of records.
pub type ScopeOf = Arc<
    dyn for<'a> Fn(
            &'a Read,
            &'a str,
        )
            -> Pin<Box<dyn Future<Output = Result<Option<&'static str>>> + Send + 'a>>
        + Send
        + Sync,
>;

/// The settings of sockets.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct LiveOptions {
    /// Sockets of this node.
    pub sockets: usize,
    /// Sockets of one member on this node.
    pub sockets_per_member: usize,
    /// What a socket may say in a second; for a moment twice as much.
    pub events_per_second: u32,
    /// Packets that wait for a socket; what is more is read again when it has taken them.
    pub buffer: usize,
    /// The largest message of a socket, in bytes.
    pub message_bytes: usize,
}

impl LiveOptions {
    fn check(&self) -> Result<()> {
        let least = [
            ("live.sockets", self.sockets, 1),
            ("live.sockets_per_member", self.sockets_per_member, 1),
            ("live.buffer", self.buffer, 16),
            ("live.message_bytes", self.message_bytes, 1_024),
        ];
        for (key, value, least) in least {
            if value < least {
                return Err(invalid(key, format!("must be at least {least}")));
            }
        }
        if self.events_per_second == 0 {
            return Err(invalid("live.events_per_second", "must be at least 1"));
        }
        Ok(())
    }
}

/// What slices hand to the sockets.
pub struct LiveParts {
    /// What may be said.
    pub events: LiveEvents,
    /// What is told of changes, beside that there was one.
    pub tells: Vec<Tell>,
    /// What may be read by whom.
    pub scope_of: ScopeOf,
    /// What is said to the other nodes.
    pub broadcast: Broadcast,
}

/// All sockets of this node.
pub struct Live {
    app: App,
    options: LiveOptions,
    authenticate: Authenticate,
    parts: LiveParts,
    places: Arc<Streams>,
    server: Arc<Server>,
    clients: RwLock<HashMap<Id, Arc<Client>>>,
    rooms: RwLock<HashMap<String, HashMap<Id, Arc<Socket>>>>,
    feeds: Mutex<HashMap<Id, Arc<Feed>>>,
    presence: Presence,
}

impl Live {
    /// Sockets of an application; they are served once its router has [`Self::router`], and told of changes once it has
    /// been started.
    ///
    /// # Errors
    /// `Invalid` naming a setting that makes no sense.
    pub fn new(
        app: App,
        options: LiveOptions,
        authenticate: Authenticate,
        mut parts: LiveParts,
    ) -> Result<Arc<Self>> {
        options.check()?;
        parts.events = parts.events.and(presence::events());
        let advice = "Close one, or ask for more (live.sockets_per_member).";
        let limits = Limits {
            sockets: options.sockets,
            packets: options.buffer,
            message_bytes: options.message_bytes,
        };
        let live = Arc::new_cyclic(|live: &Weak<Self>| Self {
            server: Server::new(app.clone(), limits, live.clone()),
            places: Streams::new(options.sockets_per_member, advice),
            presence: Presence::new(app.ids.next()),
            app,
            options,
            authenticate,
            parts,
            clients: RwLock::default(),
            rooms: RwLock::default(),
            feeds: Mutex::default(),
        });
        Ok(live)
    }

    /// What answers to `/socket.io`.
    pub fn router(&self) -> Router {
        self.server.router()
    }

    /// Follows what happens, and who may still listen, until the application stops.
    pub fn start(self: &Arc<Self>) {
        let live = Arc::clone(self);
        self.app.tasks.start("sockets", async move { live.follow().await });
        let server = Arc::clone(&self.server);
        self.app.tasks.start("heartbeats of sockets", async move { server.watch().await });
        let server = Arc::clone(&self.server);
        self.app.tasks.start("what is said to sockets", async move { server.send_words().await });
        let live = Arc::clone(self);
        self.app.tasks.start("access of sockets", async move { live.keep_access().await });
        let live = Arc::clone(self);
        self.app.tasks.start("presence", async move { live.keep_presence().await });
        let live = Arc::clone(self);
        self.app
            .tasks
            .start_beneath("other nodes' sockets", async move { live.listen_to_others().await });
    }

    /// Says something to those in a room of a tenant, on other nodes where these are told; who is not there misses it.
    pub fn say(&self, tenant: Id, room: &str, (event, payload): (&str, &Json)) {
        self.say_but(&room_of(tenant, room), (event, payload), None);
    }

    /// Says something in a room, to all but one.
    fn say_but(&self, room: &str, (event, payload): (&str, &Json), except: Option<Id>) {
        self.say_here(room, (event, payload), except);
        self.say_elsewhere(room, (event, payload));
    }

    fn say_here(
        &self,
        room: &str,
        (event, payload): (&str, &(impl Serialize + ?Sized)),
        except: Option<Id>,
    ) {
        let packet = match Written::event(event, payload) {
            Ok(packet) => packet,
            Err(error) => return tracing::error!(%error, event, "what was said is no JSON"),
        };
        let now = Instant::now();
        let rooms = self.rooms.read().unwrap_or_else(PoisonError::into_inner);
        let inside = rooms.get(room).into_iter().flatten();
        for (_, socket) in inside.filter(|(id, _)| Some(**id) != except) {
            if self.server.say(socket, &packet, now) == Sent::Full {
                tracing::debug!(event, "somebody missed what was said");
            }
        }
    }

    fn enter(&self, room: &str, socket: &Arc<Socket>) {
        let mut rooms = self.rooms.write().unwrap_or_else(PoisonError::into_inner);
        rooms.entry(room.to_owned()).or_default().insert(socket.id, Arc::clone(socket));
        drop(rooms);
        // One who is gone already is let out by nobody any more.
        if !socket.is_open() {
            self.leave(room, socket.id);
        }
    }

    fn leave(&self, room: &str, socket: Id) {
        let mut rooms = self.rooms.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(inside) = rooms.get_mut(room) {
            inside.remove(&socket);
            if inside.is_empty() {
                rooms.remove(room);
            }
        }
    }

    fn client(&self, sid: Id) -> Option<Arc<Client>> {
        self.clients.read().unwrap_or_else(PoisonError::into_inner).get(&sid).cloned()
    }

    fn all_clients(&self) -> Vec<Arc<Client>> {
        self.clients.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    fn feeds(&self) -> MutexGuard<'_, HashMap<Id, Arc<Feed>>> {
        self.feeds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A socket is gone.
    fn forget(&self, sid: Id) {
        let client = self.clients.write().unwrap_or_else(PoisonError::into_inner).remove(&sid);
        let Some(client) = client else { return };
        self.presence.leave(&client);
        for room in client.rooms().iter() {
            self.leave(&room_of(client.tenant, room), sid);
        }
        let mut feeds = self.feeds();
        if feeds.get(&client.tenant).is_some_and(|feed| feed.leave(sid)) {
            feeds.remove(&client.tenant);
        }
    }
}

/// A room as the library knows it: no tenant can name a room of another.
fn room_of(tenant: Id, room: &str) -> String {
    format!("{tenant}/{room}")
}
