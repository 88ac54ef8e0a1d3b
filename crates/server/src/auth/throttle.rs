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
/// Names that are remembered; past that those go that could try once more anyway.
const MAX_NAMES: usize = 10_000;

/// Counts failed sign-ins by address and by account.
#[derive(Default)]
pub struct Throttle(Mutex<HashMap<String, (Timestamp, u32)>>);

impl Throttle {
    /// Notes a try of all `names`, before it is known how it ends: else many at once would all be let through.
    ///
    /// # Errors
    /// Seconds to wait, when one of them has failed too often; then nothing is noted.
    pub fn enter(&self, names: &[String], now: Timestamp) -> Result<(), u32> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = names.iter().filter_map(|name| {
            let (since, failures) = all.get(name)?;
            let left = WINDOW_MILLIS - now.since(*since);
            (*failures >= FREE_FAILURES && left > 0).then(|| u32::try_from((left + 999) / 1000).unwrap_or(1))
        });
        if let Some(seconds) = wait.max() {
            return Err(seconds);
        }
        if all.len() >= MAX_NAMES {
            all.retain(|_, (since, _)| now.since(*since) < WINDOW_MILLIS);
            // Nobody gets more tries at an account by failing at many others.
            if all.len() >= MAX_NAMES {
                all.retain(|_, (_, failures)| *failures >= FREE_FAILURES);
            }
            if all.len() >= MAX_NAMES {
                all.clear();
            }
        }
        for name in names {
            let entry = all.entry(name.clone()).or_insert((now, 0));
            if now.since(entry.0) >= WINDOW_MILLIS {
                *entry = (now, 0);
            }
            entry.1 += 1;
        }
        Ok(())
    }

    /// A try that was noted has ended well.
    pub fn forgive(&self, names: &[String]) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for name in names {
            if let Some((_, failures)) = all.get_mut(name) {
                *failures = failures.saturating_sub(1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guessing_is_slowed_down_and_forgiven_after_a_while() {
        let throttle = Throttle::default();
        let at = Timestamp::from_millis;
        let (ana, ben) = (["ana".to_owned()], ["ben".to_owned()]);
        for n in 0..5 {
            assert_eq!(throttle.enter(&ana, at(n)), Ok(()));
        }
        assert_eq!(throttle.enter(&ana, at(5)), Err(60));
        assert_eq!(throttle.enter(&ben, at(5)), Ok(()));
        assert_eq!(throttle.enter(&ana, at(60_001)), Ok(()));
    }

    #[test]
    fn many_other_names_make_nobody_forget_who_failed_too_often() {
        let throttle = Throttle::default();
        let at = Timestamp::from_millis;
        let ana = ["ana".to_owned()];
        for n in 0..5 {
            assert_eq!(throttle.enter(&ana, at(n)), Ok(()));
        }
        for n in 0..3 * MAX_NAMES {
            assert_eq!(throttle.enter(&[format!("other {n}")], at(10)), Ok(()));
        }
        assert_eq!(throttle.enter(&ana, at(20)), Err(60));
        assert!(throttle.0.lock().unwrap().len() <= MAX_NAMES);
    }

    #[test]
    fn who_gets_it_right_is_never_slowed_down() {
        let throttle = Throttle::default();
        let ana = ["ana".to_owned()];
        for n in 0..100 {
            assert_eq!(throttle.enter(&ana, Timestamp::from_millis(n)), Ok(()));
            throttle.forgive(&ana);
        }
    }
}
