//! Batches that were counted, so that one that is sent again counts once.
//!
//! Who does not hear that a batch was taken sends it again, in the order of ten seconds later, under the name that it
//! had. Names come from outside and may be long, so of each a fingerprint is kept: eight bytes, by a hash with a key that
//! nobody outside knows, so that nobody finds a name that is taken for another. Fingerprints stand in spans of time; a
//! span is forgotten as a whole.

use std::{
    collections::{HashSet, VecDeque},
    hash::{BuildHasher, RandomState},
    time::{Duration, Instant},
};

use sha2::{Digest, Sha256};
use xxhash_rust::xxh3::xxh3_64;

/// How long a batch is known again.
const REMEMBERED_FOR: Duration = Duration::from_secs(600);
/// Batches that are remembered at most, and then those of less than ten minutes: of eight, where 20,000 devices send one
/// every ten seconds. They take some 12 MB.
const MAX_REMEMBERED: usize = 1_000_000;
/// A span holds the batches of so long,
const SPAN: Duration = Duration::from_secs(30);
/// and at most so many.
const MAX_SPAN: usize = MAX_REMEMBERED / 20;
/// Batches that outlive a restart: the newest. The file that they are in is written every few seconds.
const MAX_KEPT: usize = 2 * MAX_SPAN;

/// What fingerprints are made with.
pub(crate) type Key = [u8; 16];

/// What outlives a restart.
#[derive(Debug)]
pub(crate) struct Kept {
    /// What the fingerprints are made with; those of older versions are made without a key.
    pub(crate) key: Option<Key>,
    /// Oldest first, by spans.
    pub(crate) fingerprints: Vec<u64>,
}

/// The names of batches that were counted.
pub(super) struct Remembered {
    key: Key,
    /// Oldest first.
    spans: VecDeque<Span>,
    /// What a version before this one has kept.
    keyless: Option<Span>,
}

struct Span {
    begun: Instant,
    fingerprints: HashSet<u64>,
}

impl Span {
    fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.begun) >= REMEMBERED_FOR + SPAN
    }
}

impl Default for Remembered {
    fn default() -> Self {
        // The standard library's keys are the system's randomness.
        let random = RandomState::new();
        let key = (u128::from(random.hash_one(0_u8)) << 64) | u128::from(random.hash_one(1_u8));
        Self { key: key.to_le_bytes(), spans: VecDeque::new(), keyless: None }
    }
}

impl Remembered {
    /// Remembers a batch; `false` when it was already.
    pub(super) fn add(&mut self, name: &str, now: Instant) -> bool {
        self.forget(now);
        let fingerprint = fingerprint(self.key, name);
        let keyless = self.keyless.as_ref();
        if self.spans.iter().any(|span| span.fingerprints.contains(&fingerprint))
            || keyless.is_some_and(|span| span.fingerprints.contains(&xxh3_64(name.as_bytes())))
        {
            return false;
        }
        let newest = self.spans.back_mut().filter(|span| {
            span.fingerprints.len() < MAX_SPAN && now.saturating_duration_since(span.begun) < SPAN
        });
        match newest {
            Some(span) => {
                span.fingerprints.insert(fingerprint);
            }
            None => self.spans.push_back(Span { begun: now, fingerprints: HashSet::from([fingerprint]) }),
        }
        true
    }

    /// Forgets what is too old, and makes room for one more.
    fn forget(&mut self, now: Instant) {
        self.keyless.take_if(|span| span.is_over(now));
        let mut count: usize = self.spans.iter().map(|span| span.fingerprints.len()).sum();
        while let Some(oldest) = self.spans.pop_front_if(|span| count >= MAX_REMEMBERED || span.is_over(now))
        {
            count -= oldest.fingerprints.len();
        }
    }

    /// What is to outlive a restart: whole spans, as many as there is room for.
    pub(super) fn kept(&self) -> Kept {
        let mut room = MAX_KEPT;
        let mut spans: Vec<&Span> = Vec::new();
        for span in self.spans.iter().rev() {
            let Some(left) = room.checked_sub(span.fingerprints.len()) else { break };
            room = left;
            spans.push(span);
        }
        let fingerprints = spans.iter().rev().flat_map(|span| &span.fingerprints).copied().collect();
        Kept { key: Some(self.key), fingerprints }
    }

    /// Goes on with what was kept. Before anything is counted: the key changes.
    pub(super) fn go_on(&mut self, kept: Kept, now: Instant) {
        let Kept { key, fingerprints } = kept;
        let newest = &fingerprints[fingerprints.len().saturating_sub(MAX_KEPT)..];
        let span = |own: &[u64]| Span { begun: now, fingerprints: own.iter().copied().collect() };
        match key {
            Some(key) => {
                self.key = key;
                self.spans = newest.chunks(MAX_SPAN).map(span).collect();
            }
            None => self.keyless = Some(span(newest)),
        }
    }
}

/// Enough of a name to know it again: that two of a million are alike is not to be expected.
fn fingerprint(key: Key, name: &str) -> u64 {
    let digest: [u8; 32] = Sha256::new().chain_update(key).chain_update(name).finalize().into();
    let [a, b, c, d, e, f, g, h, ..] = digest;
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_name_is_known_again_for_ten_minutes() {
        let (mut names, start) = (Remembered::default(), Instant::now());
        assert!(names.add("a", start));
        assert!(names.add("b", start + seconds(29)));
        assert!(names.add("c", start + seconds(60)));
        for name in ["a", "b", "c"] {
            assert!(!names.add(name, start + seconds(29) + REMEMBERED_FOR), "{name}");
        }
        assert!(names.add("a", start + REMEMBERED_FOR + SPAN));
        assert!(!names.add("c", start + REMEMBERED_FOR + SPAN));
        assert!(names.add("d", start + seconds(100_000)));
        assert_eq!(names.spans.len(), 1, "what is over takes no room");
    }

    #[test]
    fn so_many_are_remembered_and_no_more() {
        let (mut names, now) = (Remembered::default(), Instant::now());
        // As if that many had come, without hashing them all.
        let full = |n: usize| Span {
            begun: now,
            fingerprints: (n * MAX_SPAN..(n + 1) * MAX_SPAN).map(|n| n as u64).collect(),
        };
        names.spans = (0..20).map(full).collect();
        assert!(names.add("a", now));
        let count = |names: &Remembered| names.spans.iter().map(|own| own.fingerprints.len()).sum::<usize>();
        assert_eq!(count(&names), MAX_REMEMBERED - MAX_SPAN + 1, "the oldest made room");
        assert!(names.spans[0].fingerprints.contains(&(MAX_SPAN as u64)));
        assert!(!names.add("a", now));
    }

    #[test]
    fn the_newest_outlive_a_restart() {
        let (mut old, now) = (Remembered::default(), Instant::now());
        for n in 0..2 * MAX_SPAN + 1 {
            assert!(old.add(&format!("b-{n}"), now));
        }
        let kept = old.kept();
        assert_eq!(kept.fingerprints.len(), MAX_SPAN + 1, "whole spans");
        let mut new = Remembered::default();
        new.go_on(kept, now);
        assert!(!new.add(&format!("b-{}", 2 * MAX_SPAN), now), "the newest");
        assert!(!new.add(&format!("b-{MAX_SPAN}"), now), "the oldest that is kept");
        assert!(new.add("c", now));
        let again = new.kept();
        assert!(again.fingerprints.contains(&fingerprint(new.key, "c")));
        assert_eq!(again.fingerprints.len(), MAX_SPAN + 2, "and they outlive the next one");
    }

    #[test]
    fn what_an_older_version_kept_counts_no_more_either() {
        let (mut names, now) = (Remembered::default(), Instant::now());
        names.go_on(Kept { key: None, fingerprints: vec![xxh3_64(b"k:b-1")] }, now);
        assert!(!names.add("k:b-1", now));
        assert!(names.add("k:b-2", now));
        assert!(names.add("k:b-1", now + REMEMBERED_FOR + SPAN));
    }

    #[test]
    fn nobody_knows_what_a_fingerprint_will_be() {
        let (one, other) = (Remembered::default(), Remembered::default());
        assert_ne!(fingerprint(one.key, "a"), fingerprint(other.key, "a"));
        assert_eq!(fingerprint(one.key, "a"), fingerprint(one.key, "a"));
    }
}
