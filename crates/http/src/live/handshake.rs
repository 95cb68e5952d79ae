//! The handshake: who connects, where they listen, and from where on.

use std::sync::{Arc, PoisonError};

use axum::http::{HeaderName, HeaderValue, Method, Request, header, request::Parts};
use kith_kernel::{Actor, Error, Id, Kind, Result, unauthenticated};
use kith_platform::events::order;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::{
    Live,
    client::{Client, Word},
    feed::Feed,
};
use crate::socketio::{Arrived, Ears, Later, Socket};

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

impl Ears for Live {
    fn admit(
        self: Arc<Self>,
        socket: Arc<Socket>,
        auth: Json,
    ) -> Later<std::result::Result<(), String>> {
        Box::pin(async move {
            self.take_in(&socket, said_of_itself(auth)).await.map_err(|error| {
                tracing::debug!(?error, "a socket was refused");
                format!("{}: {}", error.code(), shown(&error))
            })
        })
    }

    fn begin(self: Arc<Self>, socket: Arc<Socket>, auth: Json) -> Later<()> {
        Box::pin(async move {
            let Some(client) = self.client(socket.id) else { return };
            if let Err(error) = self.begin_to_listen(&client, said_of_itself(auth)).await {
                tracing::error!(?error, "a socket could not begin to listen");
                self.hang_up(&client);
            }
        })
    }

    fn hear(self: Arc<Self>, socket: &Arc<Socket>, event: String, data: Json, ack: Option<u64>) {
        self.listen_to(socket.id, Word { event, data, ack });
    }

    fn gone(&self, socket: &Socket) {
        self.forget(socket.id);
    }
}

/// What cannot be read is as if nothing had been said.
fn said_of_itself(auth: Json) -> Auth {
    serde_json::from_value(auth).unwrap_or_default()
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
pub(super) fn head(arrived: &Arrived, token: Option<&str>, tenant: Option<&str>) -> Result<Parts> {
    let malformed = || unauthenticated("This token cannot be one of ours.");
    let request = Request::builder().method(Method::POST).uri("/socket.io/").body(());
    let mut head = request.map_err(|_| malformed())?.into_parts().0;
    head.headers = arrived.headers();
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
    async fn take_in(&self, socket: &Arc<Socket>, auth: Auth) -> Result<()> {
        let given = |text: Option<String>| text.filter(|text| text.len() <= LONGEST);
        let (token, wanted) = (given(auth.token), given(auth.tenant_id));
        let token = token.as_deref().map(|token| token.strip_prefix("Bearer ").unwrap_or(token));
        let actor = (self.authenticate)(&head(&socket.arrived, token, wanted.as_deref())?).await?;
        if actor.tenant == Id::NIL {
            let why = "You belong to no tenant: make one, or accept an invite.";
            return Err(unauthenticated(why).coded("no_tenant"));
        }
        let whose = actor.member.or(actor.user).unwrap_or(actor.tenant);
        let place = self.places.take(whose)?;
        let actor = Actor { address: socket.arrived.address, ..actor };
        let kept = (token.map(Into::into), wanted.map(String::into_boxed_str));
        self.add(Arc::new(Client::new(Arc::clone(socket), actor, kept, place)))
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

    /// Has a socket listen from the place that it names, or from now on.
    async fn begin_to_listen(self: &Arc<Self>, client: &Arc<Client>, auth: Auth) -> Result<()> {
        let feed = self.feed_of(client);
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

    fn feed_of(&self, client: &Arc<Client>) -> Arc<Feed> {
        let mut feeds = self.feeds();
        let feed = feeds.entry(client.tenant).or_insert_with(|| Arc::new(Feed::new(client.tenant)));
        let clients = self.clients.read().unwrap_or_else(PoisonError::into_inner);
        // One who is gone already is let go by nobody any more.
        if clients.contains_key(&client.socket.id) {
            feed.enter(Arc::clone(client));
            self.presence.arrive(client);
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
