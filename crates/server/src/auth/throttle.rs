//! Slowing down who guesses passwords.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use usher_core::model::Timestamp;

/// Failures within a window that are let through.
const FREE_FAILURES: u32 = 5;
/// The window, in milliseconds.
const WINDOW_MILLIS: i64 = 60_000;
/// Names that are remembered; past that the oldest windows go.
const MAX_NAMES: usize = 10_000;

/// Counts failed sign-ins by address and by account.
#[derive(Default)]
pub struct Throttle(Mutex<HashMap<String, (Timestamp, u32)>>);

impl Throttle {
    /// Seconds to wait before `name` may try again, if it has failed too often.
    #[must_use]
    pub fn wait(&self, name: &str, now: Timestamp) -> Option<u32> {
        let names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, failures) = names.get(name)?;
        let left = WINDOW_MILLIS - now.since(*since);
        (*failures >= FREE_FAILURES && left > 0).then(|| u32::try_from(left / 1000 + 1).unwrap_or(1))
    }

    /// Notes a failure.
    pub fn failed(&self, name: &str, now: Timestamp) {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if names.len() >= MAX_NAMES {
            names.retain(|_, (since, _)| now.since(*since) < WINDOW_MILLIS);
            if names.len() >= MAX_NAMES {
                names.clear();
            }
        }
        let entry = names.entry(name.to_owned()).or_insert((now, 0));
        if now.since(entry.0) >= WINDOW_MILLIS {
            *entry = (now, 0);
        }
        entry.1 += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guessing_is_slowed_down_and_forgiven_after_a_while() {
        let throttle = Throttle::default();
        let at = Timestamp::from_millis;
        for n in 0..5 {
            assert_eq!(throttle.wait("ana", at(n)), None);
            throttle.failed("ana", at(n));
        }
        assert_eq!(throttle.wait("ana", at(5)), Some(60));
        assert_eq!(throttle.wait("ben", at(5)), None);
        assert_eq!(throttle.wait("ana", at(60_001)), None);
    }
}
