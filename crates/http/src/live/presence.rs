//! Presence: who is there, and who looks at what. It is kept in memory alone, told as it changes to those who ask for
//! it, and said to the other nodes, which believe it for a while.

mod routes;
mod table;

pub use routes::schemas;

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use kith_kernel::{Actor, Id, Result, Role, Via, forbidden, invalid};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use tokio::sync::Notify;

use self::table::{By, Settled, State, Status, Table, Who};
use super::{Live, LiveEvents, Said, client::Client, room_of};

/// The room of those who want to know who is there.
const ROOM: &str = "presence";
/// Changes that follow one another are told together.
const TOGETHER: Duration = Duration::from_millis(200);
/// Who is gone counts as there for so long yet: a page that is loaded anew does not flicker.
const LINGER: Duration = Duration::from_secs(5);
/// A word by HTTP counts for so many seconds.
const HEARTBEAT: u32 = 300;
/// Nodes tell one another all of theirs so often, and are believed for three times as long.
const BEAT: Duration = Duration::from_secs(25);
const BELIEVED: Duration = Duration::from_secs(75);
/// People in one message.
const MOST_TOGETHER: usize = 200;

/// Who is there.
pub(super) struct Presence {
    node: Id,
    table: Mutex<Table>,
    is_changed: Notify,
    /// Another node wants to know all.
    is_asked: Notify,
}

/// What a node says to the others of who is there.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Announced {
    node: Id,
    people: Vec<(Id, Id, State)>,
    /// The node ends.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    ends: bool,
}

impl Presence {
    pub(super) fn new(node: Id) -> Self {
        Self { node, table: Mutex::default(), is_changed: Notify::new(), is_asked: Notify::new() }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what is known, and has it told.
    fn change<T>(&self, change: impl FnOnce(&mut Table) -> T) -> T {
        let changed = change(&mut self.table());
        self.is_changed.notify_one();
        changed
    }

    /// A socket is there.
    pub(super) fn arrive(&self, client: &Client) {
        if let Some(who) = shown(&client.actor()) {
            let by = By::Socket(client.socket.id);
            self.change(|table| table.arrive(who, by, Status::Online, None));
        }
    }

    /// A socket is gone.
    pub(super) fn leave(&self, client: &Client) {
        if let Some(who) = shown(&client.actor()) {
            let by = By::Socket(client.socket.id);
            self.change(|table| table.leave(who, by, Instant::now() + LINGER));
        }
    }

    /// A socket shows itself in a room, or no more.
    pub(super) fn look(&self, client: &Client, (room, is_seen): (&str, bool)) {
        if let Some(who) = shown(&client.actor()) {
            let by = By::Socket(client.socket.id);
            self.change(|table| table.look(who, by, (room, is_seen)));
        }
    }

    /// Another node says who is there.
    pub(super) fn hear(&self, told: Announced) {
        let Announced { node, people, ends } = told;
        let now = Instant::now();
        if ends {
            return self.change(|table| table.part_from(node, now + LINGER));
        }
        let until = now + BELIEVED;
        let is_new = self.change(|table| {
            for (tenant, member, state) in people {
                table.hear(Who { tenant, member }, node, state, until);
            }
            table.meet(node, until)
        });
        if is_new {
            self.is_asked.notify_one();
        }
    }
}

/// Whose presence an actor is: members who signed in; a key is nobody's.
fn shown(actor: &Actor) -> Option<Who> {
    let member = actor.member.filter(|_| actor.via == Via::Session)?;
    Some(Who { tenant: actor.tenant, member })
}

/// Somebody, as the API shows them.
fn person((member, status): &(Id, Status)) -> Json {
    json!({ "memberId": member, "status": status })
}

/// Who looks at the record that a room is named after.
fn viewers(room: &str, members: &[Id]) -> Option<Json> {
    let (object, id) = room.split_once(':')?;
    Some(json!({ "object": object, "id": id, "memberIds": members }))
}

impl Live {
    /// Tells who comes, goes and looks at what, until the application stops; then the other nodes that this one ends.
    pub(super) async fn keep_presence(&self) {
        let presence = &self.presence;
        let mut beats = tokio::time::interval(BEAT);
        loop {
            let end = presence.table().next_end().map(tokio::time::Instant::from_std);
            let over = async {
                match end {
                    Some(end) => tokio::time::sleep_until(end).await,
                    None => std::future::pending().await,
                }
            };
            let mut is_whole = false;
            tokio::select! {
                () = self.app.tasks.stopping() => break,
                () = presence.is_changed.notified() => {}
                () = presence.is_asked.notified() => is_whole = true,
                _ = beats.tick(), if self.parts.broadcast.is_on() => is_whole = true,
                () = over => {}
            }
            tokio::time::sleep(TOGETHER).await;
            self.tell_presence(is_whole);
        }
        let farewell = Announced { node: presence.node, people: Vec::new(), ends: true };
        self.take_leave(&farewell).await;
    }

    fn tell_presence(&self, is_whole: bool) {
        let now = Instant::now();
        let mut table = self.presence.table();
        let settled = if is_whole { table.settle_whole(now) } else { table.settle(now) };
        drop(table);
        let Settled { statuses, viewers, own } = settled;
        for (tenant, people) in statuses {
            let room = room_of(tenant, ROOM);
            for some in people.chunks(MOST_TOGETHER) {
                let told: Vec<Json> = some.iter().map(person).collect();
                self.say_here(&room, ("presence_changed", &json!({ "members": told })), None);
            }
        }
        for (tenant, room, members) in viewers {
            if let Some(told) = self::viewers(&room, &members) {
                self.say_here(&room_of(tenant, &room), ("record:viewers", &told), None);
            }
        }
        let node = self.presence.node;
        let all = own.into_iter().map(|(who, state)| (who.tenant, who.member, state));
        let people: Vec<_> = all.collect();
        if is_whole && people.is_empty() {
            self.announce(&Announced { node, people: Vec::new(), ends: false });
        }
        for some in people.chunks(MOST_TOGETHER) {
            self.announce(&Announced { node, people: some.to_vec(), ends: false });
        }
    }
}

impl Said {
    /// Has its sender shown as one who looks at the record that a room is named after (`object:id`), or stay unseen;
    /// tells them who does.
    pub fn look_at(&self, room: &str, is_seen: bool) {
        let presence = &self.live.presence;
        presence.look(&self.client, (room, is_seen));
        let members = presence.table().viewers(self.client.tenant, room);
        if let Some(told) = viewers(room, &members) {
            self.reply("record:viewers", &told);
        }
    }
}

/// What sockets may say of who is there.
pub(super) fn events() -> LiveEvents {
    LiveEvents::new()
        .on("watch_presence", |said| std::future::ready(watch(&said)))
        .on("unwatch_presence", |said| {
            said.leave(ROOM);
            std::future::ready(Ok(json!({})))
        })
        .on("set_presence", |said| std::future::ready(set(&said)))
}

fn watch(said: &Said) -> Result<Json> {
    said.require(Role::Viewer, ("members", "read"))?;
    said.join(ROOM)?;
    let present = said.live.presence.table().present(said.client.tenant);
    Ok(json!({ "members": present.iter().map(person).collect::<Vec<_>>() }))
}

/// How much a client says that its owner is there.
#[derive(Deserialize)]
struct Set {
    status: String,
}

fn status_of(name: &str) -> Result<Status> {
    match name {
        "online" => Ok(Status::Online),
        "away" => Ok(Status::Away),
        _ => Err(invalid("status", "is none of online, away")),
    }
}

fn nobody() -> kith_kernel::Error {
    forbidden("This is for members who signed in: a key is nobody's presence.")
}

fn set(said: &Said) -> Result<Json> {
    let status = status_of(&said.parse::<Set>()?.status)?;
    let who = shown(&said.ctx.actor).ok_or_else(nobody)?;
    let by = By::Socket(said.client.socket.id);
    said.live.presence.change(|table| table.set_status(who, by, status));
    Ok(json!({ "status": status }))
}
