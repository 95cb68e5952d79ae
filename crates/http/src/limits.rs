//! Rate limits: so many requests a minute, evenly refilled (the generic cell rate algorithm).

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hash, RandomState},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How many keys are kept before those that are full again are dropped.
const KEYS_BEFORE_SWEEP: usize = 10_000;
const SHARDS: usize = 16;

/// Counts requests by key, in this process.
pub struct Limiter {
    start: Instant,
    hasher: RandomState,
    shards: [Mutex<Shard>; SHARDS],
}

#[derive(Default)]
struct Shard {
    /// When each key will be full again, in microseconds since the start.
    full_at: HashMap<u64, u64>,
}

/// What a key may still do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Requests a minute.
    pub limit: u32,
    /// Requests left at once.
    pub remaining: u32,
    /// Seconds until all are there again.
    pub reset_seconds: u64,
    /// Seconds to wait, when this request is one too many.
    pub wait_seconds: Option<u64>,
}

impl Default for Limiter {
    fn default() -> Self {
        Self {
            start: Instant::now(),
            hasher: RandomState::new(),
            shards: std::array::from_fn(|_| Mutex::default()),
        }
    }
}

const MINUTE: u64 = 60_000_000;

impl Limiter {
    /// Counts one request of `key` against `per_minute`, which must be at least one.
    pub fn count(&self, key: impl Hash, per_minute: u32) -> Allowance {
        let key = self.hasher.hash_one(key);
        let now = u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX);
        let shard = usize::try_from(key % 16).unwrap_or(0);
        let mut shard = self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner);
        if shard.full_at.len() > KEYS_BEFORE_SWEEP / SHARDS {
            shard.full_at.retain(|_, full_at| *full_at > now);
        }
        let interval = MINUTE / u64::from(per_minute.max(1));
        let full_at = shard.full_at.get(&key).copied().unwrap_or(0).max(now);
        let after = full_at + interval;
        let refused = after > now + MINUTE;
        let full_at = if refused { full_at } else { after };
        shard.full_at.insert(key, full_at);
        let used = (full_at - now).div_ceil(interval);
        Allowance {
            limit: per_minute,
            remaining: per_minute.saturating_sub(u32::try_from(used).unwrap_or(u32::MAX)),
            reset_seconds: seconds(full_at - now),
            wait_seconds: refused.then(|| seconds(after - now - MINUTE)),
        }
    }
}

fn seconds(microseconds: u64) -> u64 {
    Duration::from_micros(microseconds).as_secs() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_gets_so_many_requests_and_others_are_not_touched() {
        let limiter = Limiter::default();
        let counted: Vec<Allowance> = (0..6).map(|_| limiter.count("ana", 5)).collect();
        assert!(counted[..5].iter().all(|one| one.wait_seconds.is_none()));
        assert_eq!(counted[0].remaining, 4);
        let wait = counted[5].wait_seconds.unwrap();
        assert!((1..=13).contains(&wait), "{wait}");
        assert_eq!(limiter.count("bruno", 5).remaining, 4);
    }
}
