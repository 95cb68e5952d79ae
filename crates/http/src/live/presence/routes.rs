//! Presence by HTTP: who is there, and a word of those who have no socket.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use kith_kernel::{Result, Role};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::{By, HEARTBEAT, Live, Status, nobody, person, shown, status_of};
use crate::{Answer, Call, Operation, Routes, schema};

/// A heartbeat, as it is sent.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Heartbeat {
    status: Option<String>,
}

impl Live {
    /// Operations on who is there.
    pub fn routes(self: &Arc<Self>) -> Routes {
        let list =
            "Members who are there: by an open socket, or by a heartbeat of the last five minutes.";
        let list = Operation::get("/api/users/presence", "members", list)
            .scope("members", "read")
            .answers(200, "All of them, none of those who are offline.", schema::named("Presence"));
        let beat = "Says that the caller is there, for five minutes; for clients without a socket.";
        let body = schema::object(vec![("status", schema::one_of(&["online", "away"]))], &[]);
        let beat = Operation::post("/api/users/heartbeat", "members", beat)
            .role(Role::Viewer)
            .typed_body::<Heartbeat>(body)
            .answers(200, "How they are there now.", schema::named("Heartbeat"));
        let (listing, beating) = (Arc::clone(self), Arc::clone(self));
        Routes::new()
            .add(list, move |call| std::future::ready(listing.list_present(&call)))
            .add(beat, move |call| beating.clone().take_heartbeat(call))
    }

    fn list_present(&self, call: &Call) -> Result<Answer> {
        let present = self.presence.table().present(call.ctx.actor.tenant);
        Answer::json(&json!({ "data": present.iter().map(person).collect::<Vec<_>>() }))
    }

    async fn take_heartbeat(self: Arc<Self>, mut call: Call) -> Result<Answer> {
        let Heartbeat { status } = call.parse().await?;
        let status = status.as_deref().map_or(Ok(Status::Online), status_of)?;
        let who = shown(&call.ctx.actor).ok_or_else(nobody)?;
        let until = Some(Instant::now() + Duration::from_secs(HEARTBEAT.into()));
        self.presence.change(|table| table.arrive(who, By::Heartbeat, status, until));
        let expires_at = call.ctx.now().plus_seconds(HEARTBEAT.into());
        Answer::json(&json!({ "memberId": who.member, "status": status, "expiresAt": expires_at }))
    }
}

/// The schemas of these operations.
pub fn schemas() -> Vec<(String, Json)> {
    let status = |names: &[&str]| schema::one_of(names);
    let person = schema::object(
        vec![("memberId", schema::id()), ("status", status(&["online", "away"]))],
        &["memberId", "status"],
    );
    let all = schema::object(vec![("data", schema::list(person))], &["data"]);
    let beat = schema::object(
        vec![
            ("memberId", schema::id()),
            ("status", status(&["online", "away"])),
            ("expiresAt", schema::time()),
        ],
        &["memberId", "status", "expiresAt"],
    );
    vec![("Presence".to_owned(), all), ("Heartbeat".to_owned(), beat)]
}
