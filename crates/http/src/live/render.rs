//! From events to what goes out: written once, however many sockets there are.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use kith_kernel::{Actor, Id, Result, internal};
use kith_platform::events::{Stored, order};
use kith_store::Read;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::{Happening, Live, Piece, ScopeOf, To};
use crate::socketio::Written;

/// Events that are read at once.
pub(super) const CHUNK: usize = 500;

/// All that is told of one event.
pub(super) struct Rendered {
    pub(super) sequence: i64,
    /// What a key must be allowed to read.
    scope: &'static str,
    pub(super) pieces: Vec<Spoken>,
    pub(super) bytes: usize,
}

/// A piece, as it goes out.
pub(super) struct Spoken {
    to: To,
    full: Written,
    lean: Option<Written>,
}

impl Rendered {
    /// Whether somebody may know of it at all.
    pub(super) fn is_for(&self, actor: &Actor) -> bool {
        actor.scopes.allow(self.scope, "read")
    }
}

impl Spoken {
    /// What of it goes to a member who is in some rooms.
    pub(super) fn for_whom(&self, member: Option<Id>, rooms: &[Box<str>]) -> Option<&Written> {
        match &self.to {
            To::All => Some(&self.full),
            To::Member(one) => (member == Some(*one)).then_some(&self.full),
            To::Room(room) if rooms.iter().any(|there| **there == **room) => Some(&self.full),
            To::Room(_) => self.lean.as_ref(),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Changes {
    before: Map<String, Json>,
    after: Map<String, Json>,
}

impl Live {
    /// The next events of a tenant behind a place, as they go out.
    pub(super) async fn read_behind(
        &self,
        tenant: Id,
        sequence: i64,
    ) -> Result<Vec<Arc<Rendered>>> {
        let ctx = self.app.as_system(tenant);
        ctx.read(async |db| {
            let mut scopes = Scopes { of: &self.parts.scope_of, known: HashMap::new() };
            let mut all = Vec::new();
            for placed in order::after(db, sequence, CHUNK).await? {
                let scope = match &placed.event {
                    Some(event) if event.record_id.is_some() => scopes.of(db, event).await?,
                    Some(_) | None => None,
                };
                let rendered = match (scope, &placed.event) {
                    (Some(scope), Some(event)) => self.render(placed.sequence, scope, event)?,
                    _ => Rendered::nothing(placed.sequence),
                };
                all.push(Arc::new(rendered));
            }
            Ok(all)
        })
        .await
    }

    fn render(&self, sequence: i64, scope: &'static str, event: &Stored) -> Result<Rendered> {
        let Some(record) = event.record_id else { return Ok(Rendered::nothing(sequence)) };
        let changes = event.changes.as_deref().and_then(|text| serde_json::from_str(text).ok());
        let known = changes.is_some();
        let Changes { before, after } = changes.unwrap_or_default();
        let happening = Happening { event, record, before: &before, after: &after };
        let mut pieces = Vec::new();
        if known {
            // What was erased is told by nobody any more.
            pieces.extend(self.parts.tells.iter().flat_map(|tell| tell(&happening)));
        }
        // The last one: whoever has it has all that is told of the event.
        pieces.push(changed(&happening));
        let pieces: Vec<Spoken> =
            pieces.into_iter().map(|piece| write(piece, sequence)).collect::<Result<_>>()?;
        let size = |one: &Spoken| one.full.size() + one.lean.as_ref().map_or(0, Written::size);
        Ok(Rendered { sequence, scope, bytes: pieces.iter().map(size).sum(), pieces })
    }
}

impl Rendered {
    fn nothing(sequence: i64) -> Self {
        Self { sequence, scope: "", pieces: Vec::new(), bytes: 0 }
    }
}

/// What objects ask of keys, each looked up once.
struct Scopes<'a> {
    of: &'a ScopeOf,
    known: HashMap<String, Option<&'static str>>,
}

impl Scopes<'_> {
    async fn of(&mut self, db: &Read, event: &Stored) -> Result<Option<&'static str>> {
        match self.known.entry(event.object.clone()) {
            Entry::Occupied(known) => Ok(*known.get()),
            Entry::Vacant(place) => Ok(*place.insert((self.of)(db, &event.object).await?)),
        }
    }
}

/// That a record was changed, and not how: whoever needs it reads it.
fn changed(happening: &Happening<'_>) -> Piece {
    let Happening { event, record, before, after } = happening;
    let what = event.name.rsplit_once('.').map_or("", |(_, what)| what);
    let version = after.get("version").and_then(Json::as_i64);
    let version =
        version.or_else(|| before.get("version").and_then(Json::as_i64).map(|was| was + 1));
    let payload = [
        ("object", json!(event.object)),
        ("id", json!(record)),
        ("what", json!(what)),
        ("version", json!(version)),
    ];
    let payload = payload.map(|(key, value)| (key.to_owned(), value)).into_iter().collect();
    Piece { name: "record:changed", to: To::All, payload, lean: None }
}

fn write(piece: Piece, sequence: i64) -> Result<Spoken> {
    let Piece { name, to, payload, lean } = piece;
    let packet = |mut payload: Map<String, Json>| {
        payload.insert("offset".to_owned(), json!(sequence));
        Written::event(name, &payload)
            .map_err(|error| internal("what is told cannot be written").caused_by(error))
    };
    Ok(Spoken { to, full: packet(payload)?, lean: lean.map(packet).transpose()? })
}
