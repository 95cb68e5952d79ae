//! What passes by, between nodes: said in a room here, heard by those who are in it elsewhere.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, value::RawValue};

use super::Live;

#[derive(Serialize)]
struct Word<'a> {
    room: &'a str,
    event: &'a str,
    payload: &'a Json,
}

#[derive(Deserialize)]
struct Heard<'a> {
    #[serde(borrow)]
    room: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    event: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    payload: &'a RawValue,
}

impl Live {
    pub(super) fn say_elsewhere(&self, room: &str, (event, payload): (&str, &Json)) {
        let broadcast = &self.parts.broadcast;
        if broadcast.is_on()
            && let Ok(word) = serde_json::to_string(&Word { room, event, payload })
        {
            broadcast.say(&word);
        }
    }

    /// Passes on what is said at other nodes, for as long as anything runs.
    pub(super) async fn listen_to_others(self: &Arc<Self>) {
        let heard = |word: &str| match serde_json::from_str::<Heard<'_>>(word) {
            Ok(Heard { room, event, payload }) => self.say_here(&room, (&event, payload), None),
            Err(error) => tracing::warn!(%error, "another node says what is not understood"),
        };
        self.parts.broadcast.converse(&heard).await;
    }
}
