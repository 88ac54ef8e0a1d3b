//! Slowing down who asks too often: a token bucket for each, kept as one number.
//!
//! The number is the time at which the bucket will be full again (the generic cell rate algorithm). A request moves
//! it on by what one token takes to grow back, and is refused when it would come to lie further ahead than a full
//! bucket allows.

use std::{
    borrow::Borrow,
    hash::Hash,
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

use dashmap::DashMap;
use xxhash_rust::xxh3::Xxh3DefaultBuilder;

/// How many seconds' worth of requests may come at once.
const BURST_SECONDS: u64 = 2;
/// How often it is looked for full buckets at most, in nanoseconds: that takes as long as there are many.
const SWEEP_EVERY: u64 = NANOS;

const NANOS: u64 = 1_000_000_000;

/// A bucket for each of many.
pub(crate) struct Buckets<K: Eq + Hash> {
    /// Nanoseconds that one request costs; none without a limit.
    cost: Option<u64>,
    /// Buckets that are remembered; past that those go that are full, as if nobody had ever asked.
    most: usize,
    started: Instant,
    /// When each bucket is full again, in nanoseconds since the start.
    full_at: DashMap<K, AtomicU64, Xxh3DefaultBuilder>,
    /// That of all who come when there is no room for one of their own.
    shared: AtomicU64,
    swept: AtomicU64,
}

impl<K: Eq + Hash> Buckets<K> {
    /// Full buckets; 0 for no limit.
    pub(crate) fn new(per_second: u32, most: usize) -> Self {
        Self {
            cost: (per_second > 0).then(|| NANOS / u64::from(per_second)),
            most,
            started: Instant::now(),
            full_at: DashMap::default(),
            shared: AtomicU64::new(0),
            swept: AtomicU64::new(0),
        }
    }

    /// Takes one token.
    ///
    /// # Errors
    /// Seconds to wait, when there is none.
    pub(crate) fn take<Q>(&self, key: &Q) -> Result<(), u32>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
    {
        self.take_at(key, self.now())
    }

    /// Whether there is one, which is not taken.
    ///
    /// # Errors
    /// Seconds to wait, when there is none.
    pub(crate) fn look<Q>(&self, key: &Q) -> Result<(), u32>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let (Some(cost), Some(full_at)) = (self.cost, self.full_at.get(key)) else { return Ok(()) };
        next(full_at.load(Ordering::Relaxed), self.now(), cost).map(drop)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn take_at<Q>(&self, key: &Q, now: u64) -> Result<(), u32>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
    {
        let Some(cost) = self.cost else { return Ok(()) };
        if let Some(full_at) = self.full_at.get(key) {
            return take(&full_at, now, cost);
        }
        if self.full_at.len() >= self.most {
            self.sweep(now);
            if self.full_at.len() >= self.most {
                return take(&self.shared, now, cost);
            }
        }
        take(&self.full_at.entry(key.to_owned()).or_default(), now, cost)
    }

    /// Forgets full buckets, unless somebody has just done so.
    fn sweep(&self, now: u64) {
        let due = |swept: u64| (swept == 0 || now - swept >= SWEEP_EVERY).then_some(now.max(1));
        if self.swept.try_update(Ordering::Relaxed, Ordering::Relaxed, due).is_ok() {
            self.full_at.retain(|_, full_at| *full_at.get_mut() > now);
        }
    }
}

fn take(full_at: &AtomicU64, now: u64, cost: u64) -> Result<(), u32> {
    let taken =
        full_at.try_update(Ordering::Relaxed, Ordering::Relaxed, |full_at| next(full_at, now, cost).ok());
    taken.map(drop).or_else(|full_at| next(full_at, now, cost).map(drop))
}

/// When a bucket is full again once a token is taken from it.
fn next(full_at: u64, now: u64, cost: u64) -> Result<u64, u32> {
    let (next, latest) = (full_at.max(now) + cost, now + BURST_SECONDS * NANOS);
    if next <= latest {
        return Ok(next);
    }
    Err(u32::try_from((next - latest).div_ceil(NANOS)).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(per_second: u32) -> Buckets<String> {
        Buckets::new(per_second, 1_000)
    }

    #[test]
    fn a_key_that_asks_too_often_waits_and_no_other() {
        let buckets = limit(2);
        for n in 0..4 {
            assert_eq!(buckets.take_at("a", n), Ok(()), "two seconds' worth at once");
        }
        assert_eq!(buckets.take_at("a", 4), Err(1));
        assert_eq!(buckets.take_at("b", 4), Ok(()));
        assert_eq!(buckets.take_at("a", NANOS / 2), Ok(()), "one has grown back");
        assert_eq!(buckets.take_at("a", NANOS / 2), Err(1));
        for _ in 0..4 {
            assert_eq!(buckets.take_at("a", 100 * NANOS), Ok(()), "no more than a full bucket");
        }
        assert_eq!(buckets.take_at("a", 100 * NANOS), Err(1));
    }

    #[test]
    fn who_is_refused_does_not_wait_longer_for_asking_again() {
        let buckets = limit(1);
        assert_eq!((buckets.take_at("a", 0), buckets.take_at("a", 0)), (Ok(()), Ok(())));
        for _ in 0..100 {
            assert_eq!(buckets.take_at("a", 0), Err(1));
        }
        assert_eq!(buckets.take_at("a", NANOS), Ok(()));
    }

    #[test]
    fn zero_is_no_limit() {
        let buckets = limit(0);
        assert!((0..100_000).all(|_| buckets.take_at("a", 0).is_ok()));
        assert!(buckets.full_at.is_empty());
    }

    #[test]
    fn keys_that_have_not_asked_for_long_are_forgotten() {
        let buckets = limit(1);
        for n in 0..1_000 {
            assert_eq!(buckets.take_at(&n.to_string(), 0), Ok(()));
        }
        assert_eq!(buckets.take_at("one more", 10 * NANOS), Ok(()));
        assert_eq!(buckets.full_at.len(), 1);
    }

    #[test]
    fn who_finds_no_room_shares_one_bucket_and_nobody_is_forgotten_for_that() {
        let buckets: Buckets<u64> = Buckets::new(1, 100);
        for n in 0..100 {
            assert_eq!((buckets.take_at(&n, 1), buckets.take_at(&n, 1)), (Ok(()), Ok(())));
        }
        let let_in = (100..1_000_u64).filter(|n| buckets.take_at(n, 1).is_ok()).count();
        assert_eq!((let_in, buckets.full_at.len()), (2, 100));
        assert_eq!(buckets.take_at(&7, 1), Err(1));
    }

    #[test]
    fn to_look_takes_nothing() {
        let buckets = limit(1);
        assert!((0..10).all(|_| buckets.look("a").is_ok()));
        let far = u64::MAX / 2;
        buckets.full_at.insert("a".into(), AtomicU64::new(far));
        assert!(buckets.look("a").is_err());
        assert_eq!(buckets.full_at.get("a").unwrap().load(Ordering::Relaxed), far);
    }
}
