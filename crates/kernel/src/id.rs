//! Ids: UUIDv7, made in order of time, by one maker that tests can fix.

use std::{
    fmt,
    str::FromStr,
    sync::{Arc, Mutex, PoisonError},
};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, Visitor},
};
use uuid::Uuid;

use crate::{Clock, Error, Time, malformed};

/// The id of a record, tenant, user, job or event: a UUID, version 7 when it is one of ours.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Id(Uuid);

impl Id {
    /// The installation itself, where a tenant is asked for and none is meant.
    pub const NIL: Self = Self(Uuid::nil());

    /// What is said of a text that is none, behind the name of the place where it stood.
    pub const EXPECTED: &str =
        "must be an id: a UUID of 36 characters, such as 0197a1b2-0000-7000-8000-000000000000";

    /// The sixteen bytes, most significant first.
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// An id of sixteen bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }

    /// An id of a slice, when it has sixteen bytes.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        Uuid::from_slice(bytes).ok().map(Self)
    }

    /// The smallest id that can be made at an instant.
    pub fn first_at(time: Time) -> Self {
        let mut bytes = [0; 16];
        bytes[..6].copy_from_slice(&time.milliseconds().max(0).to_be_bytes()[2..]);
        Self::from_bytes(bytes)
    }

    /// The same as a `uuid::Uuid`.
    pub fn uuid(self) -> Uuid {
        self.0
    }

    /// The 36 characters, written into a buffer on the stack.
    pub fn encode(self, buffer: &mut [u8; 36]) -> &str {
        self.0.hyphenated().encode_lower(buffer)
    }

    /// The 32 hexadecimal digits without hyphens.
    pub fn simple(self) -> String {
        self.0.simple().to_string()
    }
}

impl From<Uuid> for Id {
    fn from(uuid: Uuid) -> Self {
        Self(uuid)
    }
}

impl FromStr for Id {
    type Err = Error;

    /// Reads the hyphenated form alone, so that an id has one spelling.
    fn from_str(text: &str) -> Result<Self, Error> {
        if text.len() == 36
            && let Ok(uuid) = Uuid::try_parse(text)
        {
            return Ok(Self(uuid));
        }
        Err(malformed(format!("This {}.", Self::EXPECTED)))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            deserializer.deserialize_any(Spelled)
        } else {
            Uuid::deserialize(deserializer).map(Self)
        }
    }
}

/// Reads an id out of text, in its one spelling.
struct Spelled;

impl<'de> Visitor<'de> for Spelled {
    type Value = Id;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id, a UUID of 36 characters")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Id, E> {
        text.parse().map_err(|_| E::custom(Id::EXPECTED))
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Id, E> {
        Err(E::custom(Id::EXPECTED))
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Id, E> {
        Err(E::custom(Id::EXPECTED))
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Id, E> {
        Err(E::custom(Id::EXPECTED))
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Id, E> {
        Err(E::custom(Id::EXPECTED))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Id, E> {
        Err(E::custom(Id::EXPECTED))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, _: A) -> Result<Id, A::Error> {
        Err(de::Error::custom(Id::EXPECTED))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, _: A) -> Result<Id, A::Error> {
        Err(de::Error::custom(Id::EXPECTED))
    }
}

/// Makes ids: each one larger than the one before, also within a millisecond.
#[derive(Clone)]
pub struct Ids {
    clock: Clock,
    last: Arc<Mutex<Last>>,
}

struct Last {
    milliseconds: i64,
    counter: u64,
    random: Random,
    /// Tests ask for ids that are the same in each run.
    predictable: bool,
}

/// Random bytes, asked of the system for many ids at once.
struct Random {
    bytes: [u8; 16 * 64],
    used: usize,
}

impl Random {
    fn next(&mut self) -> [u8; 16] {
        if self.used + 16 > self.bytes.len() {
            getrandom::fill(&mut self.bytes).expect("the system gives random bytes");
            self.used = 0;
        }
        let (from, mut next) = (self.used, [0; 16]);
        self.used += 16;
        next.copy_from_slice(&self.bytes[from..self.used]);
        next
    }
}

/// Bits of the counter behind the milliseconds: 12 in `rand_a`, 20 at the head of `rand_b`.
const COUNTER_BITS: u32 = 32;

impl Ids {
    /// Ids with random tails, as a server makes them.
    pub fn new(clock: Clock) -> Self {
        Self::with(clock, false)
    }

    /// Ids that are the same in each run, for tests.
    pub fn predictable(clock: Clock) -> Self {
        Self::with(clock, true)
    }

    fn with(clock: Clock, predictable: bool) -> Self {
        let bytes = [0; 16 * 64];
        let random = Random { used: bytes.len(), bytes };
        let last = Last { milliseconds: 0, counter: 0, random, predictable };
        Self { clock, last: Arc::new(Mutex::new(last)) }
    }

    /// The next id.
    pub fn next(&self) -> Id {
        let now = self.clock.now().milliseconds();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let random = if last.predictable { [0; 16] } else { last.random.next() };
        if now > last.milliseconds {
            last.milliseconds = now;
            // The top bit stays clear, so that two thousand million ids fit into a millisecond.
            let seed = u32::from_be_bytes([random[0], random[1], random[2], random[3]]) >> 1;
            last.counter = u64::from(seed);
        } else {
            last.counter += 1;
            if last.counter >> COUNTER_BITS != 0 {
                last.milliseconds += 1;
                last.counter = 0;
            }
        }
        compose(last.milliseconds, last.counter, random)
    }
}

fn compose(milliseconds: i64, counter: u64, tail: [u8; 16]) -> Id {
    let mut bytes = tail;
    bytes[..6].copy_from_slice(&milliseconds.to_be_bytes()[2..]);
    let counter = counter.to_be_bytes();
    // The 32 bits of the counter: 4 + 8 behind the version, 6 + 8 + 6 behind the variant.
    bytes[6] = 0x70 | (counter[4] >> 4);
    bytes[7] = (counter[4] << 4) | (counter[5] >> 4);
    bytes[8] = 0x80 | ((counter[5] & 0x0f) << 2) | (counter[6] >> 6);
    bytes[9] = (counter[6] << 2) | (counter[7] >> 6);
    bytes[10] = (counter[7] << 2) | (bytes[10] & 0x03);
    Id::from_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_ascend_also_within_a_millisecond() {
        let ids = Ids::new(Clock::fixed(Time::from_milliseconds(1_700_000_000_000)));
        let made: Vec<Id> = (0..10_000).map(|_| ids.next()).collect();
        assert!(made.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(made[0].uuid().get_version_num(), 7);
    }

    #[test]
    fn ids_of_an_instant_stand_behind_its_first() {
        let at = Time::from_milliseconds(1_700_000_000_000);
        let made = Ids::new(Clock::fixed(at)).next();
        assert!(Id::first_at(at) <= made && made < Id::first_at(at.plus_milliseconds(1)));
    }

    #[test]
    fn an_id_has_one_spelling() {
        let id = Ids::new(Clock::system()).next();
        assert_eq!(id.to_string().parse::<Id>().unwrap(), id);
        assert!(id.simple().parse::<Id>().is_err());
        assert!("urn:uuid:0190".parse::<Id>().is_err());
    }
}
