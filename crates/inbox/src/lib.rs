//! The inbox: channels, conversations, messages, who people are on which channel, what comes in and goes out.

pub mod channels;
mod chat;
pub mod conversations;
mod far;
pub mod handles;
mod intake;
mod live;
mod media;
pub mod messages;
mod outbound;
mod signatures;
pub mod templates;
mod wire;

use std::sync::Arc;

use kith_http::Routes;
use kith_kernel::{Condition, Id, Op, Result, Rule};
use kith_platform::{App, Settings, jobs::Registry, outgoing::Outgoing, storage::Storage};
use kith_records::{
    Object, Records,
    import::{Imports, object_route},
    object_routes,
};
use kith_store::Migration;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use chat::Lobby;
use far::Far;
use wire::mail::Trial;

pub use wire::mail::try_reading as try_reading_a_mail;

pub use live::{live_events, room as room_of_conversation, tell};

/// Every object of the inbox.
pub const OBJECTS: [&Object; 5] = [
    &channels::CHANNEL,
    &conversations::CONVERSATION,
    &messages::MESSAGE,
    &handles::HANDLE,
    &templates::TEMPLATE,
];

/// What the inbox works with.
pub struct Inbox {
    records: Arc<Records>,
    storage: Storage,
    far: Far,
    /// Visitors of web chats who wait.
    lobby: Arc<Lobby>,
    receiving: Arc<intake::Turns>,
    mails: Trial,
    /// Where the world meets this server, without a slash at the end.
    public_url: String,
}

impl Inbox {
    /// Over records, the storage of files, and what asks other servers; `frontend_url` is where people are met where the
    /// settings name no place for the world.
    ///
    /// # Errors
    /// `Invalid` where a setting makes no sense.
    pub fn new(
        records: &Arc<Records>,
        (storage, outgoing): (&Storage, &Outgoing),
        (settings, frontend_url): (&Settings, &str),
    ) -> Result<Arc<Self>> {
        let far = Far::new(outgoing, settings)?;
        let named = Some(far.options.public_url.as_str()).filter(|url| !url.is_empty());
        let public_url = named.unwrap_or(frontend_url).trim_end_matches('/').to_owned();
        Ok(Arc::new(Self {
            records: Arc::clone(records),
            storage: storage.clone(),
            far,
            lobby: Arc::default(),
            receiving: Arc::default(),
            mails: Trial::new(settings)?,
            public_url,
        }))
    }

    /// Tells visitors of web chats what is said, until the application stops.
    pub fn start(&self, app: &App) {
        let lobby = Arc::clone(&self.lobby);
        app.tasks.start("visitors of web chats", lobby.attend(app.clone()));
    }

    pub(crate) fn public_url(&self) -> &str {
        &self.public_url
    }
}

/// The kind of a channel as it is stored.
#[derive(Deserialize)]
pub(crate) struct ChannelType {
    #[serde(rename = "type")]
    pub(crate) kind: String,
}

/// What belongs to a conversation.
pub(crate) fn of_conversation(id: Id) -> Rule {
    let field = "conversationId".to_owned();
    Rule::Field(Condition { field, op: Op::Eq, value: json!(id) })
}

/// Every operation of the inbox.
pub fn routes(inbox: &Arc<Inbox>, imports: &Imports) -> Routes {
    let common = OBJECTS.iter().fold(Routes::new(), |routes, object| {
        routes.and(object_routes(&inbox.records, object)).and(object_route(imports, object))
    });
    common
        .and(channels::routes(inbox))
        .and(conversations::routes(inbox))
        .and(intake::routes(inbox))
        .and(chat::routes(inbox))
}

/// The named schemas of what is not a record.
pub fn schemas() -> Vec<(String, Json)> {
    channels::schemas().into_iter().chain(intake::schemas()).collect()
}

/// The tables of the inbox.
pub fn migrations() -> Vec<Migration> {
    let mut all = channels::migrations();
    all.extend([
        conversations::migration(),
        templates::migration(),
        messages::migration(),
        handles::migration(),
        intake::migration(),
    ]);
    all
}

/// Says what does the jobs of the inbox.
pub fn register(registry: Registry, inbox: &Arc<Inbox>) -> Registry {
    let registry = conversations::register(registry, &inbox.records);
    media::register(outbound::register(intake::register(registry, inbox), inbox), inbox)
}
