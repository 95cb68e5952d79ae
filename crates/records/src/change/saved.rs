//! A record as a write left it; what is answered of it is made when somebody asks.

use std::sync::Arc;

use kith_kernel::Id;

use crate::{catalog::Shape, custom::CustomField, describe::Record, encode};

/// A record as a write left it.
pub(crate) struct Saved {
    pub(crate) id: Id,
    pub(super) shape: Arc<Shape>,
    pub(super) record: Record,
    pub(super) custom: Vec<CustomField>,
    /// Custom values by the ids of their fields.
    pub(super) values: Record,
}

impl Saved {
    /// Every field, groups as objects.
    pub(crate) fn answer(&self) -> Record {
        encode::answer(&self.shape, self.id, &self.record, (&self.custom, &self.values))
    }

    /// The same, written out.
    pub(crate) fn json(&self) -> Vec<u8> {
        let json =
            encode::written(&self.shape, self.id, &self.record, (&self.custom, &self.values));
        debug_assert_eq!(
            serde_json::from_slice(&json).ok(),
            Some(self.answer()),
            "a record is written as it is answered"
        );
        json
    }
}
