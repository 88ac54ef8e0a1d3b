//! Who comes in when many come at once.
//!
//! What a client gets to begin with is large, so that only so many get it at a time. The others are told when to come
//! again: each a little later than the one before, at the pace at which places become free. A client that takes what
//! it gets slowly loses its place, not its connection: what it still lacks is bytes that are shared anyway.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

/// How long a place can be held.
pub const PLACE_WITHIN: Duration = Duration::from_secs(5);
/// The soonest that a client is told to come again.
const SOONEST: Duration = Duration::from_millis(500);
/// The latest.
const LATEST: Duration = Duration::from_secs(30);
/// How long a place is believed to be held before any was.
const FIRST_GUESS: Duration = Duration::from_millis(100);
/// No less is believed, or a crowd would be told to come all at once.
const LEAST: Duration = Duration::from_millis(10);

/// Places, and the line before them.
pub struct Admissions {
    places: Arc<Semaphore>,
    line: Arc<Mutex<Line>>,
}

/// When the next one of those who were sent away is to come.
struct Line {
    places: u32,
    next: Instant,
    /// How long a place is held, on average.
    held: Duration,
}

impl Line {
    /// How long to wait, for the next in line. `spread` tells clients apart, once the line is as long as it gets.
    fn later(&mut self, now: Instant, spread: u64) -> Duration {
        self.next = self.next.max(now + SOONEST) + self.held / self.places;
        let wait = self.next - now;
        if wait <= LATEST {
            return wait;
        }
        self.next = now + LATEST;
        let thousandths = u32::try_from(spread % 500).unwrap_or_default();
        LATEST * (500 + thousandths) / 1_000
    }

    /// A place was held for so long.
    fn note(&mut self, held: Duration) {
        self.held = (self.held * 7 + held.clamp(LEAST, PLACE_WITHIN)) / 8;
    }
}

/// A place, until it is dropped.
pub struct Place {
    _permit: OwnedSemaphorePermit,
    line: Arc<Mutex<Line>>,
    since: Instant,
}

impl Admissions {
    /// So many places; at least one.
    #[must_use]
    pub fn new(places: u32) -> Self {
        let places = places.max(1);
        let line = Line { places, next: Instant::now(), held: FIRST_GUESS };
        // Far fewer than a semaphore can have.
        let permits = usize::try_from(places).unwrap_or(1);
        Self { places: Arc::new(Semaphore::new(permits)), line: Arc::new(Mutex::new(line)) }
    }

    /// A place, or how long to wait before asking again.
    ///
    /// # Errors
    /// There is none now.
    pub fn enter(&self, spread: u64) -> Result<Place, Duration> {
        let now = Instant::now();
        match Arc::clone(&self.places).try_acquire_owned() {
            Ok(permit) => Ok(Place { _permit: permit, line: Arc::clone(&self.line), since: now }),
            Err(_) => Err(self.line.lock().unwrap_or_else(PoisonError::into_inner).later(now, spread)),
        }
    }
}

impl Place {
    /// When it has to be given up.
    #[must_use]
    pub fn until(&self) -> Instant {
        self.since + PLACE_WITHIN
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.line.lock().unwrap_or_else(PoisonError::into_inner).note(self.since.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn those_who_find_no_place_are_told_to_come_one_after_the_other() {
        let admissions = Admissions::new(2);
        let places = [admissions.enter(0), admissions.enter(0)];
        assert!(places.iter().all(Result::is_ok));
        let waits: Vec<Duration> = (0..2_000).filter_map(|n| admissions.enter(n).err()).collect();
        assert_eq!(waits.len(), 2_000);
        // 50 ms each, since two places are held for 100 ms as far as anybody knows.
        let (first, second) = (waits[0], waits[1]);
        assert!(first >= SOONEST && second > first && second < first + Duration::from_millis(60));
        let last = &waits[1_000..];
        assert!(last.iter().all(|wait| (LATEST / 2..=LATEST).contains(wait)), "bounded");
        assert!(last.iter().collect::<std::collections::HashSet<_>>().len() > 100, "and spread");
        drop(places);
        assert!(admissions.enter(0).is_ok());
    }

    #[test]
    fn the_line_moves_at_the_pace_at_which_places_become_free() {
        let now = Instant::now();
        let mut line = Line { places: 10, next: now, held: FIRST_GUESS };
        for _ in 0..100 {
            line.note(Duration::from_secs(1));
        }
        let (first, second) = (line.later(now, 0), line.later(now, 0));
        assert!((90..=100).contains(&(second - first).as_millis()), "{:?}", second - first);
        for _ in 0..100 {
            line.note(Duration::from_secs(60));
        }
        assert!(line.held <= PLACE_WITHIN, "slow readers hold no place for longer");
    }
}
