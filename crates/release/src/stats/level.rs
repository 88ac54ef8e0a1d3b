//! Does something fail more often than a fixed rate allows? For where there is no control to compare with.
//!
//! The ratio of the binomial probabilities at a higher rate and at the allowed one, mixed over higher rates: Wald's
//! sequential probability ratio (1945) with Robbins' mixture. It is monotone, so it holds for every rate below too.
//! Unlike a comparison it can't tell a bad variant from a bad evening.

use serde::{Deserialize, Serialize};

use super::{Tally, ln_sum_exp, mixture::STAKES};

/// Failures against a rate that is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Level {
    allowed: f64,
    seen: Tally,
}

impl Level {
    /// Nothing seen yet; a share of `allowed` may fail, more than 0 and less than 1.
    #[must_use]
    pub fn new(allowed: f64) -> Self {
        Self { allowed: allowed.clamp(f64::EPSILON, 1.0 - f64::EPSILON), seen: Tally::default() }
    }

    /// Adds what came in since the last look.
    pub fn add(&mut self, tally: Tally) {
        self.seen = self.seen.and(tally);
    }

    /// ln of the evidence that more fails than is allowed; to be read like [`super::Comparison::ln_evidence`].
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // Counts below 2⁵³.
    pub fn ln_evidence(&self) -> f64 {
        let (failed, went_well) = (self.seen.failed as f64, (self.seen.total - self.seen.failed) as f64);
        ln_sum_exp(STAKES.iter().map(|(odds, stake)| {
            // p' = ωp / (1 − p + ωp), so p'/p = ω / d and (1 − p') / (1 − p) = 1 / d.
            let ln_d = (self.allowed * (odds - 1.0)).ln_1p();
            stake.ln() + failed * (odds.ln() - ln_d) - went_well * ln_d
        }))
    }

    /// All trials and failures.
    #[must_use]
    pub fn seen(&self) -> Tally {
        self.seen
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Over both ways that a trial at exactly the allowed rate can end, evidence does not move on average.
        #[test]
        fn a_trial_at_the_allowed_rate_moves_it_nowhere_on_average(
            allowed in 0.001..0.9_f64, failed in 0_u64..50, more in 0_u64..500,
        ) {
            let after = |own: Tally| {
                let mut level = Level::new(allowed);
                level.add(Tally::new(failed, failed + more));
                level.add(own);
                level.ln_evidence()
            };
            let now = after(Tally::default());
            let mean = (after(Tally::new(1, 1)) - now).exp() * allowed
                + (after(Tally::new(0, 1)) - now).exp() * (1.0 - allowed);
            prop_assert!((mean - 1.0).abs() < 1e-9, "{mean}");
        }
    }

    #[test]
    fn more_than_is_allowed_is_noticed_and_less_is_not() {
        let evidence = |failed, total| {
            let mut level = Level::new(0.02);
            level.add(Tally::new(failed, total));
            level.ln_evidence()
        };
        assert!(evidence(60, 1_000) > 100_f64.ln());
        assert!(evidence(20, 1_000) < 1.0 && evidence(2, 1_000) < 0.0);
        assert!(evidence(u64::MAX / 2, u64::MAX).is_finite());
    }
}
