//! Web chat: a script that others put on their pages, and what it asks of the server in the name of a visitor.

mod listen;
mod lobby;
mod page;
mod talk;
mod visitor;

use std::sync::Arc;

use kith_http::{Access, LimitClass, Operation, Routes, Streams, schema};

pub(crate) use self::lobby::Lobby;
use crate::Inbox;

const TAG: &str = "web chat";
/// What a visitor says at once, in characters.
const LONGEST: usize = 8_000;
/// Streams of one visitor at once: several windows of a browser.
const MOST_STREAMS: usize = 6;

/// Anybody may ask, on behalf of a visitor whom a token of the channel names.
fn asked(operation: Operation) -> Operation {
    operation
        .access(Access::Public)
        .limit(LimitClass::Api)
        .refuses(403, "Pages of this origin may not use the channel.")
        .refuses(404, "There is no web chat of this id that is switched on.")
}

fn by_visitor(operation: Operation) -> Operation {
    asked(operation).refuses(401, "The token is of no visitor of this channel.")
}

fn look() -> Vec<(&'static str, schema::Schema)> {
    let text = || schema::nullable(schema::string());
    vec![("title", text()), ("greeting", text()), ("color", text())]
}

#[expect(clippy::too_many_lines, reason = "a list of declarations")]
pub(crate) fn routes(inbox: &Arc<Inbox>) -> Routes {
    let path = "/api/chat/{channelId}";
    let shown = Operation::get(path, TAG, "How the chat of a channel looks");
    let shown = asked(shown).answers(
        200,
        "Its title, greeting and color, where they are set.",
        schema::object(look(), &["title", "greeting", "color"]),
    );
    let visitors = Operation::post(format!("{path}/visitors"), TAG, "Become a visitor");
    let visitors = asked(visitors).answers(
        201,
        "A token by which the visitor is known from now on; nothing is kept of it here.",
        schema::object(vec![("token", schema::string())], &["token"]),
    );
    let say = Operation::post(format!("{path}/messages"), TAG, "Say something as a visitor");
    let say = by_visitor(say).typed_body::<talk::Said>(talk::body()).answers(
        202,
        "It is kept; it appears in the conversation behind this answer.",
        talk::taken(),
    );
    let read = Operation::get(
        format!("{path}/messages"),
        TAG,
        "What was said in a visitor's conversation",
    );
    let read = by_visitor(read)
        .query("after", schema::integer(), "Only what comes behind this place.")
        .answers(200, "The oldest hundred, and how the conversation stands.", talk::heard());
    let seen = Operation::post(format!("{path}/read"), TAG, "Say that a visitor has read it all");
    let seen = by_visitor(seen).answers_nothing(204, "It is noted at the messages.");
    let listen = Operation::get(format!("{path}/stream"), TAG, "Hear what is said, as it is said");
    let listen = by_visitor(listen)
        .query("after", schema::integer(), "Only what comes behind this place.")
        .answers_text(200, "Events `message` and `state`.", "text/event-stream");
    let streams = Streams::new(MOST_STREAMS, "Close a window of the chat.");
    let (one, two, three) = (Arc::clone(inbox), Arc::clone(inbox), Arc::clone(inbox));
    let (four, five, six) = (Arc::clone(inbox), Arc::clone(inbox), Arc::clone(inbox));
    Routes::new()
        .add(shown, move |call| talk::shown(Arc::clone(&one), call))
        .add(visitors, move |call| talk::begin(Arc::clone(&two), call))
        .add(say, move |call| talk::say(Arc::clone(&three), call))
        .add(read, move |call| talk::read(Arc::clone(&four), call))
        .add(seen, move |call| talk::seen(Arc::clone(&five), call))
        .add(listen, move |call| listen::listen((Arc::clone(&six), Arc::clone(&streams)), call))
        .and(page::routes())
}
