//! What is hashed, byte by byte, so that anybody can recompute the chain of a tenant.
//!
//! `digest` = SHA-256 of `kith event 1`, then of each part: the salt, the tenant, and the columns of the event in the
//! order of the code. A part without a value is the byte 0; one with a value is the byte 1, its length in bytes as eight
//! bytes (the most significant first), and its bytes. Ids are their sixteen bytes, times eight bytes of milliseconds.
//!
//! `hash` = SHA-256 of the previous entry's hash (32 zeros before the first), the sequence as eight bytes, the event's
//! id, and the digest.

use kith_kernel::Id;
use sha2::{Digest, Sha256};

use super::Stored;

/// The hash that the first entry follows.
pub(super) const START: [u8; 32] = [0; 32];

/// Bytes of a salt: what was erased cannot be guessed from its digest.
pub(super) const SALT: usize = 16;

struct Parts(Sha256);

impl Parts {
    fn add(mut self, part: Option<&[u8]>) -> Self {
        match part {
            None => self.0.update([0]),
            Some(bytes) => {
                self.0.update([1]);
                self.0.update((bytes.len() as u64).to_be_bytes());
                self.0.update(bytes);
            }
        }
        self
    }

    fn text(self, part: Option<&str>) -> Self {
        self.add(part.map(str::as_bytes))
    }

    fn id(self, part: Option<Id>) -> Self {
        self.add(part.as_ref().map(|id| &id.as_bytes()[..]))
    }
}

/// The digest of an event and its salt.
pub(super) fn of_event(tenant: Id, salt: &[u8], event: &Stored) -> [u8; 32] {
    // Taken apart by name, so that a new column cannot be forgotten here.
    let Stored {
        id,
        name,
        object,
        record_id,
        member_id,
        user_id,
        credential_id,
        via,
        address,
        request_id,
        batch_id,
        at,
        changes,
    } = event;
    Parts(Sha256::new_with_prefix(b"kith event 1"))
        .add(Some(salt))
        .id(Some(tenant))
        .id(Some(*id))
        .text(Some(name))
        .text(Some(object))
        .id(*record_id)
        .id(*member_id)
        .id(*user_id)
        .id(*credential_id)
        .text(Some(via))
        .text(address.as_deref())
        .id(*request_id)
        .id(*batch_id)
        .add(Some(&at.milliseconds().to_be_bytes()))
        .text(changes.as_deref())
        .0
        .finalize()
        .into()
}

/// The hash of an entry of the order.
pub(super) fn of_entry(previous: &[u8], sequence: i64, event: Id, digest: &[u8]) -> [u8; 32] {
    Sha256::new_with_prefix(previous)
        .chain_update(sequence.to_be_bytes())
        .chain_update(event.as_bytes())
        .chain_update(digest)
        .finalize()
        .into()
}

/// The digest that stands for an event which was gone before it was sealed; no event has it.
pub(super) fn of_nothing() -> [u8; 32] {
    Sha256::digest(b"kith event missing").into()
}

/// In hexadecimal digits.
pub(super) fn hex(hash: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = hash.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

#[cfg(test)]
mod tests {
    use kith_kernel::Time;

    use super::*;

    fn event() -> Stored {
        Stored {
            id: Id::from_bytes([1; 16]),
            name: "deal.updated".to_owned(),
            object: "deal".to_owned(),
            record_id: Some(Id::from_bytes([2; 16])),
            member_id: None,
            user_id: None,
            credential_id: None,
            via: "system".to_owned(),
            address: None,
            request_id: None,
            batch_id: None,
            at: Time::from_milliseconds(1),
            changes: Some("{}".to_owned()),
        }
    }

    #[test]
    fn the_encoding_never_changes() {
        // Computed apart from this program, by Python's hashlib from the words at the head of this file.
        let digest = of_event(Id::from_bytes([3; 16]), &[4; SALT], &event());
        let hash = of_entry(&START, 1, event().id, &digest);
        assert_eq!(
            hex(&digest),
            "b91675332970ce4fc258f891bf616b0bc45353a4ba4a8d7e4aa5fa36a31528db"
        );
        assert_eq!(hex(&hash), "d728f441b36e2d018d7e2a8c0f5fb574cf14fb9f03faa984062c3cf06f6aa093");
    }

    #[test]
    fn a_value_that_moves_to_the_next_column_changes_the_digest() {
        let moved = Stored { record_id: None, member_id: event().record_id, ..event() };
        let digest = |event| of_event(Id::NIL, &[0; SALT], &event);
        assert_ne!(digest(event()), digest(moved));
        let longer =
            Stored { name: "deal.updatedd".to_owned(), object: "eal".to_owned(), ..event() };
        assert_ne!(digest(event()), digest(longer));
        let empty = Stored { changes: Some(String::new()), ..event() };
        assert_ne!(digest(empty), digest(Stored { changes: None, ..event() }));
    }
}
