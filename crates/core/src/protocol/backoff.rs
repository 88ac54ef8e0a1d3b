//! When to try again: full jitter, so that a fleet that lost its server does not come back all at once
//! (M. Brooker, "Exponential Backoff And Jitter", 2015).

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(500);
/// With the time that connecting takes, everybody is back within two heartbeats of a server that is there again.
const LONGEST: Duration = Duration::from_secs(25);
/// After the server has refused the key: a person has to do something first.
const REFUSED: Duration = Duration::from_secs(60);

/// Counts failures.
#[derive(Debug)]
pub struct Backoff {
    failures: u32,
    longest: Duration,
}

impl Default for Backoff {
    /// For devices, of which there are millions.
    fn default() -> Self {
        Self::up_to(LONGEST)
    }
}

impl Backoff {
    /// With waits that grow up to `longest`.
    #[must_use]
    pub fn up_to(longest: Duration) -> Self {
        Self { failures: 0, longest }
    }

    /// It worked.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// How often it has failed in a row.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// It failed: how long to wait. `draw` is between 0 and 1.
    pub fn next(&mut self, draw: f64) -> Duration {
        let longest = FIRST.saturating_mul(1 << self.failures.min(16)).min(self.longest);
        self.failures = self.failures.saturating_add(1);
        longest.mul_f64(draw.clamp(0.0, 1.0))
    }

    /// The key was refused: how long to wait.
    pub fn refused(&mut self, draw: f64) -> Duration {
        self.failures = self.failures.saturating_add(1);
        REFUSED.mul_f64(0.5 + draw.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_limit_and_spread_from_zero() {
        let mut backoff = Backoff::default();
        let longest: Vec<u128> = (0..9).map(|_| backoff.next(1.0).as_millis()).collect();
        assert_eq!(longest, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 25_000, 25_000, 25_000]);
        assert_eq!(backoff.next(0.0), Duration::ZERO);
        backoff.reset();
        assert_eq!(backoff.next(0.5).as_millis(), 250);
        let mut short = Backoff::up_to(Duration::from_secs(4));
        assert_eq!((0..9).map(|_| short.next(1.0)).max(), Some(Duration::from_secs(4)));
    }

    #[test]
    fn a_refused_key_does_not_hammer() {
        let mut backoff = Backoff::default();
        assert!(backoff.refused(0.0) >= Duration::from_secs(30));
    }
}
