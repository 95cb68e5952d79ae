//! What slices tell of a change: names and payloads for those whom they concern.

use kith_kernel::Id;
use kith_platform::events::Stored;
use serde_json::{Map, Value as Json};

/// A change of a record, as those see it who tell of it.
pub struct Happening<'a> {
    /// The event.
    pub event: &'a Stored,
    /// The record.
    pub record: Id,
    /// The changed fields as they were.
    pub before: &'a Map<String, Json>,
    /// The changed fields as they are; all of them where the record is new.
    pub after: &'a Map<String, Json>,
}

/// Whom something concerns, of those who may read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum To {
    /// The whole tenant.
    All,
    /// Those in a room.
    Room(String),
    /// One member.
    Member(Id),
}

/// Something that is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Piece {
    /// The name by which sockets know it.
    pub name: &'static str,
    /// To whom.
    pub to: To,
    /// What; the place of the change is added as `offset`.
    pub payload: Map<String, Json>,
    /// What is told to the rest of the tenant instead, where it is for a room.
    pub lean: Option<Map<String, Json>>,
}

/// Says what is told of a change besides `record:changed`.
pub type Tell = fn(&Happening<'_>) -> Vec<Piece>;
