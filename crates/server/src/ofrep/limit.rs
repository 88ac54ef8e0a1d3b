//! Slowing down a key that asks too often: a token bucket for each, kept as one number.
//!
//! The number is the time at which the bucket will be full again (the generic cell rate algorithm). A request moves
//! it on by what one token takes to grow back, and is refused when it would come to lie further ahead than a full
//! bucket allows.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use dashmap::DashMap;
use xxhash_rust::xxh3::Xxh3DefaultBuilder;

/// Requests that one key may make in a second, on average. All phones of an event share a key and ask at once when a
/// flag is killed: this is for programs that have gone wild, not for crowds.
pub const REQUESTS_PER_SECOND: u32 = 100_000;
/// How many seconds' worth of requests may come at once.
const BURST_SECONDS: u64 = 2;
/// Keys that are remembered; past that those go whose buckets are full, as if they had never asked.
const MAX_KEYS: usize = 10_000;

const NANOS: u64 = 1_000_000_000;

/// The buckets of all keys.
pub(super) struct Limit {
    /// Nanoseconds that one request costs; none without a limit.
    cost: Option<u64>,
    started: Instant,
    /// When each bucket is full again, in nanoseconds since the start.
    full_at: DashMap<Arc<str>, AtomicU64, Xxh3DefaultBuilder>,
}

impl Limit {
    /// Full buckets; 0 for no limit.
    pub(super) fn new(per_second: u32) -> Self {
        let cost = (per_second > 0).then(|| NANOS / u64::from(per_second));
        Self { cost, started: Instant::now(), full_at: DashMap::default() }
    }

    /// Takes one token of a key.
    ///
    /// # Errors
    /// Seconds to wait, when there is none.
    pub(super) fn take(&self, key: &str) -> Result<(), u32> {
        let now = u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.take_at(key, now)
    }

    fn take_at(&self, key: &str, now: u64) -> Result<(), u32> {
        let Some(cost) = self.cost else { return Ok(()) };
        if let Some(full_at) = self.full_at.get(key) {
            return take(&full_at, now, cost);
        }
        if self.full_at.len() >= MAX_KEYS {
            self.full_at.retain(|_, full_at| *full_at.get_mut() > now);
        }
        take(&self.full_at.entry(key.into()).or_default(), now, cost)
    }
}

fn take(full_at: &AtomicU64, now: u64, cost: u64) -> Result<(), u32> {
    let latest = now + BURST_SECONDS * NANOS;
    let taken = full_at.try_update(Ordering::Relaxed, Ordering::Relaxed, |full_at| {
        let next = full_at.max(now) + cost;
        (next <= latest).then_some(next)
    });
    taken.map(drop).map_err(|full_at| {
        let wait = (full_at.max(now) + cost).saturating_sub(latest);
        u32::try_from(wait.div_ceil(NANOS)).unwrap_or(u32::MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_asks_too_often_waits_and_no_other() {
        let limit = Limit::new(2);
        for n in 0..4 {
            assert_eq!(limit.take_at("a", n), Ok(()), "two seconds' worth at once");
        }
        assert_eq!(limit.take_at("a", 4), Err(1));
        assert_eq!(limit.take_at("b", 4), Ok(()));
        assert_eq!(limit.take_at("a", NANOS / 2), Ok(()), "one has grown back");
        assert_eq!(limit.take_at("a", NANOS / 2), Err(1));
        for _ in 0..4 {
            assert_eq!(limit.take_at("a", 100 * NANOS), Ok(()), "no more than a full bucket");
        }
        assert_eq!(limit.take_at("a", 100 * NANOS), Err(1));
    }

    #[test]
    fn who_is_refused_does_not_wait_longer_for_asking_again() {
        let limit = Limit::new(1);
        assert_eq!((limit.take_at("a", 0), limit.take_at("a", 0)), (Ok(()), Ok(())));
        for _ in 0..100 {
            assert_eq!(limit.take_at("a", 0), Err(1));
        }
        assert_eq!(limit.take_at("a", NANOS), Ok(()));
    }

    #[test]
    fn zero_is_no_limit() {
        let limit = Limit::new(0);
        assert!((0..100_000).all(|_| limit.take_at("a", 0).is_ok()));
        assert!(limit.full_at.is_empty());
    }

    #[test]
    fn keys_that_have_not_asked_for_long_are_forgotten() {
        let limit = Limit::new(1);
        for n in 0..MAX_KEYS {
            assert_eq!(limit.take_at(&n.to_string(), 0), Ok(()));
        }
        assert_eq!(limit.take_at("one more", 10 * NANOS), Ok(()));
        assert_eq!(limit.full_at.len(), 1);
    }
}
