//! The handshake: who connects, where they listen, and from where on.

use std::{
    net::SocketAddr,
    sync::{Arc, PoisonError},
};

use axum::{
    extract::ConnectInfo,
    http::{HeaderName, HeaderValue, Method, Request, header, request::Parts},
};
use kith_kernel::{Actor, Error, Id, Kind, Result, unauthenticated};
use kith_platform::events::order;
use serde::Deserialize;
use serde_json::{Value as Json, json};
use socketioxide::{
    SocketIo,
    extract::{AckSender, Event, SocketRef, TryData},
    handler::ConnectHandler,
};

use super::{
    Live,
    client::{Client, Word},
    feed::Feed,
};

/// Whoever missed more is told so, and reads what there is instead.
const MOST_REPLAYED: i64 = 50_000;
/// Rooms that a handshake may name.
const MOST_NAMED: usize = 100;
/// The longest token or name that is looked at.
const LONGEST: usize = 4_096;

/// What a client says of itself when it connects.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Auth {
    token: Option<String>,
    #[serde(alias = "tenant_id", alias = "workspaceId")]
    tenant_id: Option<String>,
    offset: Option<i64>,
    /// Lists of what it wants to listen to, by the names that slices gave them.
    #[serde(flatten)]
    more: serde_json::Map<String, Json>,
}

/// Lets clients in.
pub(super) fn open(live: &Arc<Live>, io: &SocketIo) {
    // The library holds what it is given for as long as it is held by the sockets: they must not hold each other.
    let (door, inside) = (Arc::downgrade(live), Arc::downgrade(live));
    let admit = move |socket: SocketRef, TryData(auth): TryData<Auth>| {
        let live = door.upgrade();
        async move {
            let live = live.ok_or_else(|| "unavailable: The server stops.".to_owned())?;
            live.admit(&socket, auth.unwrap_or_default()).await.map_err(|error| {
                tracing::debug!(?error, "a socket was refused");
                format!("{}: {}", error.code(), shown(&error))
            })
        }
    };
    let begin = move |socket: SocketRef, TryData(auth): TryData<Auth>| {
        let live = inside.upgrade();
        async move {
            let Some(live) = live else { return };
            let Some(client) = live.client(socket.id) else { return };
            if let Err(error) = live.begin(&client, auth.unwrap_or_default()).await {
                tracing::error!(?error, "a socket could not begin to listen");
                live.hang_up(&client).await;
            }
        }
    };
    io.ns("/", begin.with(admit));
}

/// What of an error is for strangers.
fn shown(error: &Error) -> &str {
    match error.kind() {
        Kind::Internal => "Something went wrong on our side.",
        _ => error.message(),
    }
}

/// The request by which it came, with what the handshake says instead of headers. A handshake acts like a request that
/// changes something: a page of somebody else, which sends our cookie along, is refused.
pub(super) fn head(parts: &Parts, token: Option<&str>, tenant: Option<&str>) -> Result<Parts> {
    let malformed = || unauthenticated("This token cannot be one of ours.");
    let request = Request::builder().method(Method::POST).uri(parts.uri.clone()).body(());
    let mut head = request.map_err(|_| malformed())?.into_parts().0;
    head.headers = parts.headers.clone();
    if let Some(token) = token {
        let bearer = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| malformed())?;
        head.headers.insert(header::AUTHORIZATION, bearer);
    }
    if let Some(tenant) = tenant {
        let name = HeaderValue::from_str(tenant).map_err(|_| malformed())?;
        head.headers.insert(HeaderName::from_static("x-tenant-id"), name);
    }
    Ok(head)
}

impl Live {
    /// Finds out who connects.
    async fn admit(self: &Arc<Self>, socket: &SocketRef, auth: Auth) -> Result<()> {
        let given = |text: Option<String>| text.filter(|text| text.len() <= LONGEST);
        let (token, wanted) = (given(auth.token), given(auth.tenant_id));
        let parts = socket.req_parts();
        let token = token.as_deref().map(|token| token.strip_prefix("Bearer ").unwrap_or(token));
        let actor = (self.authenticate)(&head(parts, token, wanted.as_deref())?).await?;
        if actor.tenant == Id::NIL {
            let why = "You belong to no tenant: make one, or accept an invite.";
            return Err(unauthenticated(why).coded("no_tenant"));
        }
        let whose = actor.member.or(actor.user).unwrap_or(actor.tenant);
        let place = self.places.take(whose)?;
        let address = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
        let actor = Actor { address, ..actor };
        let kept = (token.map(Into::into), wanted.map(String::into_boxed_str));
        let client = Arc::new(Client::new(socket.clone(), actor, kept, place));
        self.add(client)?;
        self.attend(socket);
        Ok(())
    }

    fn add(&self, client: Arc<Client>) -> Result<()> {
        let mut clients = self.clients.write().unwrap_or_else(PoisonError::into_inner);
        if clients.len() >= self.options.sockets {
            let why = "The server has as many sockets as it takes. Try again in a moment.";
            return Err(Error::new(Kind::Unavailable, "busy", why).retry_after(5));
        }
        clients.insert(client.socket.id, client);
        Ok(())
    }

    /// Hears what a socket says, in order, and when it goes.
    fn attend(self: &Arc<Self>, socket: &SocketRef) {
        let live = Arc::downgrade(self);
        socket.on_fallback(
            move |socket: SocketRef,
                  Event(event): Event,
                  TryData(data): TryData<Json>,
                  ack: AckSender| {
                // Not in the future: futures of one socket may overtake one another.
                if let Some(live) = live.upgrade() {
                    live.hear(socket.id, Word { event, data: data.unwrap_or_default(), ack });
                }
                std::future::ready(())
            },
        );
        let live = Arc::downgrade(self);
        socket.on_disconnect(move |socket: SocketRef| {
            if let Some(live) = live.upgrade() {
                live.forget(socket.id);
            }
            std::future::ready(())
        });
    }

    /// Has a socket listen from the place that it names, or from now on.
    async fn begin(self: &Arc<Self>, client: &Arc<Client>, auth: Auth) -> Result<()> {
        let feed = self.enter(client);
        let begun = feed.begun.get_or_try_init(async || {
            let ctx = self.app.as_system(feed.tenant);
            feed.begin(ctx.read(async |db| order::latest(db).await).await?);
            Ok::<(), Error>(())
        });
        begun.await?;
        // What was sealed while it began woke nobody.
        self.advance(&feed).await?;
        let (from, latest) = self.place(&feed, auth.offset).await?;
        let ready = json!({
            "offset": from.unwrap_or(latest), "latest": latest, "memberId": client.member, "tenantId": client.tenant,
        });
        client.emit("ready", &ready);
        if from.is_none() {
            client.emit("resync", &json!({ "offset": latest }));
        }
        self.join_named(client, &auth.more).await;
        feed.listen(client.socket.id, from.unwrap_or(latest));
        self.catch_up(&feed, client).await;
        Ok(())
    }

    fn enter(&self, client: &Arc<Client>) -> Arc<Feed> {
        let mut feeds = self.feeds();
        let feed = feeds.entry(client.tenant).or_insert_with(|| Arc::new(Feed::new(client.tenant)));
        let clients = self.clients.read().unwrap_or_else(PoisonError::into_inner);
        // One who is gone already is let go by nobody any more.
        if clients.contains_key(&client.socket.id) {
            feed.enter(Arc::clone(client));
        }
        Arc::clone(feed)
    }

    /// From where a socket that names an offset listens, none where that cannot be; and the present end of the order.
    pub(super) async fn place(
        &self,
        feed: &Feed,
        offset: Option<i64>,
    ) -> Result<(Option<i64>, i64)> {
        let mut latest = feed.head();
        let Some(offset) = offset else { return Ok((Some(latest), latest)) };
        if offset > latest {
            // Another node may have told it of what this one does not know yet.
            let ctx = self.app.as_system(feed.tenant);
            latest = ctx.read(async |db| order::latest(db).await).await?;
        }
        let is_there = (0..=latest).contains(&offset) && latest - offset <= MOST_REPLAYED;
        Ok((is_there.then_some(offset), latest))
    }

    /// Joins what the handshake names, so that what was missed there comes in full.
    async fn join_named(
        self: &Arc<Self>,
        client: &Arc<Client>,
        more: &serde_json::Map<String, Json>,
    ) {
        for (key, event) in self.parts.events.first() {
            let Some(Json::Array(named)) = more.get(*key) else { continue };
            for one in named.iter().take(MOST_NAMED) {
                if let Err(error) = self.answer(client, event, one.clone()).await {
                    self.complain(client, event, &error);
                }
            }
        }
    }
}
