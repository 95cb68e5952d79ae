//! Socket.IO (protocol 5 over Engine.IO 4): sockets by polling and WebSocket, their handshakes, heartbeats and ends.
//!
//! What goes out is written by whoever says it, straight to the stream where nothing waits there: no task is woken for
//! it, and an idle socket is little more than its registration.

mod frames;
mod packets;
mod polling;
mod socket;
mod stream;

use std::{
    collections::HashMap,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header},
    routing::any,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use kith_platform::App;
use serde_json::{Value as Json, json};
use tokio::sync::Notify;

use self::{
    frames::Wrong,
    packets::Packet,
    socket::{PING_EVERY, PONG_WITHIN, Stage},
};
pub(crate) use self::{
    packets::Written,
    socket::{Arrived, Sent, Socket},
};

/// So often it is looked who is still there.
const SWEEP: Duration = Duration::from_secs(1);
/// So often it is looked which words are to go.
const LOOK_FOR_WORDS: Duration = Duration::from_millis(10);
/// Sockets that have not said who they are, beside those that have.
const MOST_UNKNOWN: usize = 1_000;
/// What of a handshake's headers is kept, to look again who somebody is.
const KEPT_BYTES: usize = 8 * 1024;

pub(crate) type Later<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Who listens to what sockets say.
pub(crate) trait Ears: Send + Sync {
    /// Somebody wants in; the error is what they are told.
    fn admit(self: Arc<Self>, socket: Arc<Socket>, auth: Json) -> Later<Result<(), String>>;
    /// Somebody was let in.
    fn begin(self: Arc<Self>, socket: Arc<Socket>, auth: Json) -> Later<()>;
    /// Somebody says something, and asks for an answer under a number.
    fn hear(self: Arc<Self>, socket: &Arc<Socket>, event: String, data: Json, ack: Option<u64>);
    /// A socket is gone.
    fn gone(&self, socket: &Socket);
}

/// What sockets are held to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) sockets: usize,
    pub(crate) packets: usize,
    pub(crate) message_bytes: usize,
}

/// All sockets, by the keys that they alone know.
pub(crate) struct Server {
    app: App,
    limits: Limits,
    /// The ears hold the server.
    ears: Weak<dyn Ears>,
    sockets: Mutex<HashMap<u128, Arc<Socket>>>,
    /// Sockets in which words wait for each other, with when they are to go.
    worded: Mutex<Vec<(Instant, Arc<Socket>)>>,
    is_worded: Notify,
}

/// What is wrong with a request, as Engine.IO numbers it.
#[derive(Debug, Clone, Copy)]
enum Refused {
    Transport = 0,
    Unknown = 1,
    Method = 2,
    Request = 3,
    Protocol = 5,
}

impl Refused {
    const fn message(self) -> &'static str {
        match self {
            Self::Transport => "Transport unknown",
            Self::Unknown => "Session ID unknown",
            Self::Method => "Bad handshake method",
            Self::Request => "Bad request",
            Self::Protocol => "Unsupported protocol version",
        }
    }
}

/// What a request says of itself.
#[derive(Default)]
struct Asked {
    protocol: String,
    transport: String,
    key: Option<String>,
}

impl Asked {
    fn of(query: &str) -> Self {
        let mut asked = Self::default();
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            match name {
                "EIO" => value.clone_into(&mut asked.protocol),
                "transport" => value.clone_into(&mut asked.transport),
                "sid" => asked.key = Some(value.to_owned()),
                _ => {}
            }
        }
        asked
    }
}

impl Server {
    pub(crate) fn new(app: App, limits: Limits, ears: Weak<dyn Ears>) -> Arc<Self> {
        Arc::new(Self {
            app,
            limits,
            ears,
            sockets: Mutex::default(),
            worded: Mutex::default(),
            is_worded: Notify::new(),
        })
    }

    /// What answers to `/socket.io`.
    pub(crate) fn router(self: &Arc<Self>) -> Router {
        ["/socket.io", "/socket.io/"].into_iter().fold(Router::new(), |router, path| {
            let server = Arc::clone(self);
            router.route(path, any(move |request| async move { server.answer(request).await }))
        })
    }

    fn table(&self) -> MutexGuard<'_, HashMap<u128, Arc<Socket>>> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(self: Arc<Self>, request: Request<Body>) -> Response<Body> {
        let asked = Asked::of(request.uri().query().unwrap_or_default());
        let answered = match (asked.protocol.as_str(), asked.transport.as_str()) {
            ("4", "polling") => self.polls(request, &asked).await,
            ("4", "websocket") => self.streams(request, &asked),
            ("4", _) => Err(Refused::Transport),
            _ => Err(Refused::Protocol),
        };
        answered.unwrap_or_else(|refused| {
            let body = json!({ "code": refused as u8, "message": refused.message() });
            said(StatusCode::BAD_REQUEST, "application/json", body.to_string())
        })
    }

    async fn polls(
        self: &Arc<Self>,
        request: Request<Body>,
        asked: &Asked,
    ) -> Result<Response<Body>, Refused> {
        let Some(key) = &asked.key else {
            if request.method() != Method::GET {
                return Err(Refused::Method);
            }
            return Ok(match self.open(&request)? {
                Some(socket) => said(StatusCode::OK, polling::TEXT, self.opening(&socket, true)),
                None => busy(),
            });
        };
        let socket = self.known(key)?;
        match *request.method() {
            Method::GET => self.fetched(&socket).await,
            Method::POST => self.posted(&socket, request.into_body()).await,
            _ => Err(Refused::Request),
        }
    }

    fn known(&self, key: &str) -> Result<Arc<Socket>, Refused> {
        let bytes = URL_SAFE_NO_PAD.decode(key).map_err(|_| Refused::Unknown)?;
        let key = u128::from_be_bytes(bytes.try_into().map_err(|_| Refused::Unknown)?);
        self.table().get(&key).cloned().ok_or(Refused::Unknown)
    }

    /// A new socket; none where there are as many as there may be.
    fn open<B>(&self, request: &Request<B>) -> Result<Option<Arc<Socket>>, Refused> {
        let arrived = arrived(request)?;
        let mut bytes = [0; 16];
        if getrandom::fill(&mut bytes).is_err() {
            tracing::error!("the system gives no random bytes");
            return Ok(None);
        }
        let key = u128::from_be_bytes(bytes);
        let mut table = self.table();
        if table.len() >= self.limits.sockets + MOST_UNKNOWN {
            return Ok(None);
        }
        let names = (self.app.ids.next(), key);
        let socket = Arc::new(Socket::new(names, arrived, self.limits.packets));
        table.insert(key, Arc::clone(&socket));
        Ok(Some(socket))
    }

    /// The first packet of a socket.
    fn opening(&self, socket: &Socket, may_upgrade: bool) -> String {
        let upgrades: &[&str] = if may_upgrade { &["websocket"] } else { &[] };
        let told = json!({
            "sid": URL_SAFE_NO_PAD.encode(socket.key.to_be_bytes()),
            "upgrades": upgrades,
            "pingInterval": PING_EVERY.as_millis(),
            "pingTimeout": PONG_WITHIN.as_millis(),
            "maxPayload": self.limits.message_bytes,
        });
        format!("0{told}")
    }

    /// Takes in what a socket sends; nothing where that is no packet.
    fn take(self: &Arc<Self>, socket: &Arc<Socket>, packet: Option<Packet>) {
        let Some(ears) = self.ears.upgrade() else { return self.end(socket) };
        match packet {
            Some(Packet::Pong) => socket.heard(),
            Some(Packet::Noop | Packet::Probe | Packet::Upgrade) => {}
            Some(Packet::ConnectElsewhere(place)) => {
                let told = json!({ "message": "Invalid namespace" });
                socket.send(&Written::text(&format!("44{place},{told}")));
            }
            Some(Packet::Binary) => {
                let why = "Bytes are not taken here. Send them as text.";
                let told = json!({ "code": "malformed", "status": 400, "detail": why });
                socket.emit("error", &told);
            }
            Some(Packet::Connect(auth)) if socket.advance(Stage::Opened, Stage::Asked) => {
                let (server, socket) = (Arc::clone(self), Arc::clone(socket));
                let tasks = self.app.tasks.clone();
                tasks.start("a socket that connects", async move {
                    server.let_in(ears, socket, auth).await;
                });
            }
            Some(Packet::Event { name, data, ack }) if socket.is_in() => {
                ears.hear(socket, name, data, ack);
            }
            // What is no packet, and what comes too early or twice, ends it, too.
            None
            | Some(
                Packet::Close | Packet::Disconnect | Packet::Connect(_) | Packet::Event { .. },
            ) => self.end(socket),
        }
    }

    async fn let_in(self: Arc<Self>, ears: Arc<dyn Ears>, socket: Arc<Socket>, auth: Json) {
        if let Err(why) = Arc::clone(&ears).admit(Arc::clone(&socket), auth.clone()).await {
            socket.send(&Written::text(&format!("44{}", json!({ "message": why }))));
            return;
        }
        if !socket.advance(Stage::Asked, Stage::Connected) || !socket.is_open() {
            return ears.gone(&socket);
        }
        socket.send(&Written::text(&format!("40{}", json!({ "sid": socket.id }))));
        ears.begin(socket, auth).await;
    }

    /// Ends a socket from this side, which it is told.
    pub(crate) fn disconnect(&self, socket: &Socket) {
        if socket.is_in() {
            socket.send(&Written::text("41"));
        }
        self.end(socket);
    }

    fn end(&self, socket: &Socket) {
        self.end_because(socket, None);
    }

    fn end_because(&self, socket: &Socket, why: Option<Wrong>) {
        if socket.close(why)
            && let Some(ears) = self.ears.upgrade()
        {
            ears.gone(socket);
        }
    }

    /// Says what passes by to a socket; says whether it could be taken.
    pub(crate) fn say(&self, socket: &Arc<Socket>, packet: &Written, now: Instant) -> Sent {
        let (sent, due) = socket.say(packet, now);
        if let Some(due) = due {
            let mut worded = self.worded.lock().unwrap_or_else(PoisonError::into_inner);
            worded.push((due, Arc::clone(socket)));
            if worded.len() == 1 {
                self.is_worded.notify_one();
            }
        }
        sent
    }

    /// Sends words that waited for each other, until the application stops.
    pub(crate) async fn send_words(&self) {
        loop {
            tokio::select! {
                () = self.is_worded.notified() => {}
                () = self.app.tasks.stopping() => return,
            }
            loop {
                tokio::time::sleep(LOOK_FOR_WORDS).await;
                let now = Instant::now();
                let mut worded = self.worded.lock().unwrap_or_else(PoisonError::into_inner);
                let (due, later) = worded.drain(..).partition(|(at, _)| *at <= now);
                *worded = later;
                let is_done = worded.is_empty();
                drop(worded);
                let due: Vec<(Instant, Arc<Socket>)> = due;
                for (_, socket) in due {
                    socket.flush_words(now);
                }
                if is_done {
                    break;
                }
            }
        }
    }

    /// Asks who is still there, until the application stops; then ends all.
    pub(crate) async fn watch(&self) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(SWEEP) => self.sweep(Instant::now()),
                () = self.app.tasks.stopping() => break,
            }
        }
        let all: Vec<_> = self.table().drain().map(|(_, socket)| socket).collect();
        for socket in all {
            self.end(&socket);
        }
    }

    fn sweep(&self, now: Instant) {
        let all: Vec<_> = self.table().values().cloned().collect();
        for socket in all {
            if !socket.beats(now) {
                self.end(&socket);
                self.table().remove(&socket.key);
            }
        }
    }
}

/// What is kept of a request. The values are copied: as they are, they hold all that was read with them.
fn arrived<B>(request: &Request<B>) -> Result<Arrived, Refused> {
    let is_kept = |name: &header::HeaderName| {
        !name.as_str().starts_with("sec-websocket")
            && !name.as_str().starts_with("accept")
            && ![header::CONNECTION, header::UPGRADE, header::CACHE_CONTROL, header::PRAGMA]
                .contains(name)
    };
    let kept = request.headers().iter().filter(|(name, _)| is_kept(name));
    let copied = kept.map(|(name, value)| {
        let mut copy = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| Refused::Request)?;
        copy.set_sensitive(value.is_sensitive());
        Ok((name.clone(), copy))
    });
    let headers: Box<[_]> = copied.collect::<Result<_, Refused>>()?;
    if headers.iter().map(|(_, value)| value.len()).sum::<usize>() > KEPT_BYTES {
        return Err(Refused::Request);
    }
    let address = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
    Ok(Arrived { headers, address })
}

impl Arrived {
    /// The headers, as a request has them.
    pub(crate) fn headers(&self) -> HeaderMap {
        let mut map = HeaderMap::with_capacity(self.headers.len());
        for (name, value) in &self.headers {
            map.append(name.clone(), value.clone());
        }
        map
    }
}

fn said(status: StatusCode, kind: &'static str, body: impl Into<Body>) -> Response<Body> {
    let mut answer = Response::new(body.into());
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

fn busy() -> Response<Body> {
    let mut answer = said(StatusCode::SERVICE_UNAVAILABLE, "text/plain", "Too many sockets.");
    answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    answer
}
