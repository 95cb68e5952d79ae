//! What passes by, between nodes: said in a room here, heard by those who are in it elsewhere.

use std::{borrow::Cow, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, value::RawValue};

use super::{Live, presence::Announced};

/// What is said to the other nodes.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Word<'a> {
    Said { room: &'a str, event: &'a str, payload: &'a Json },
    Present(&'a Announced),
}

/// The same, as it is heard.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum Heard<'a> {
    Said {
        #[serde(borrow)]
        room: Cow<'a, str>,
        #[serde(borrow)]
        event: Cow<'a, str>,
        #[serde(borrow)]
        payload: &'a RawValue,
    },
    Present(Announced),
}

impl Live {
    pub(super) fn say_elsewhere(&self, room: &str, (event, payload): (&str, &Json)) {
        self.tell_others(&Word::Said { room, event, payload });
    }

    pub(super) fn announce(&self, announced: &Announced) {
        self.tell_others(&Word::Present(announced));
    }

    /// Says that this node ends, and waits until that is out.
    pub(super) async fn take_leave(&self, announced: &Announced) {
        if let Ok(word) = serde_json::to_string(&Word::Present(announced)) {
            self.parts.broadcast.say_and_wait(&word).await;
        }
    }

    fn tell_others(&self, word: &Word<'_>) {
        let broadcast = &self.parts.broadcast;
        if broadcast.is_on()
            && let Ok(word) = serde_json::to_string(word)
        {
            broadcast.say(&word);
        }
    }

    /// Passes on what is said at other nodes, for as long as anything runs.
    pub(super) async fn listen_to_others(self: &Arc<Self>) {
        let heard = |word: &str| match serde_json::from_str::<Heard<'_>>(word) {
            Ok(Heard::Said { room, event, payload }) => {
                self.say_here(&room, (&event, payload), None);
            }
            Ok(Heard::Present(told)) => self.presence.hear(told),
            Err(error) => tracing::warn!(%error, "another node says what is not understood"),
        };
        self.parts.broadcast.converse(&heard).await;
    }
}
