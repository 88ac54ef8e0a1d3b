//! Are variants given out in the shares that were asked for? If not, the split is broken (a crash before the count, a
//! cache that serves one variant only), and no comparison of the variants means anything: a *sample ratio mismatch*.
//!
//! The Bayes factor of a Dirichlet prior around the asked shares against exactly these, a test martingale. Source:
//! M. Lindon, A. Malek 2022, "Anytime-valid inference for multinomial count data". Each time shares are asked anew, by
//! the next stage, a new one begins and is multiplied on.

use serde::{Deserialize, Serialize};

/// How firmly the prior lies around the asked shares, in counts. Larger finds smaller deviations, later.
const FIRMNESS: f64 = 100.0;

/// The variant's and the control's exposures against the share that was asked.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shares {
    /// Of the variant, 0 to 1.
    asked: f64,
    variant: u64,
    control: u64,
    /// ln of the evidence of the shares that were asked before.
    before: f64,
}

impl Shares {
    /// Nothing seen yet; the variant should have the share `asked`, 0 to 1.
    #[must_use]
    pub fn new(asked: f64) -> Self {
        Self { asked, variant: 0, control: 0, before: 0.0 }
    }

    /// From now on the variant should have another share.
    pub fn ask(&mut self, asked: f64) {
        *self = Self { asked, variant: 0, control: 0, before: self.ln_evidence() };
    }

    /// Adds exposures since the last look. An exposure is somebody who was given one or the other, not each reading.
    pub fn add(&mut self, variant: u64, control: u64) {
        self.variant = self.variant.saturating_add(variant);
        self.control = self.control.saturating_add(control);
    }

    /// ln of the evidence that the shares are not those that were asked.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // Counts below 2⁵³.
    pub fn ln_evidence(&self) -> f64 {
        // With nothing or everything asked for there is no split that could be broken.
        if !(self.asked > 0.0 && self.asked < 1.0) {
            return self.before;
        }
        let (n, m) = (self.variant as f64, self.control as f64);
        let (a, b) = (FIRMNESS * self.asked, FIRMNESS * (1.0 - self.asked));
        let factor = ln_beta(a + n, b + m) - ln_beta(a, b) - n * self.asked.ln() - m * (-self.asked).ln_1p();
        self.before + factor
    }

    /// The variant's share as it was seen since it was last asked, and as it was asked. `None` before anybody was seen.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // Counts below 2⁵³.
    pub fn seen(&self) -> Option<(f64, f64)> {
        let all = self.variant.saturating_add(self.control);
        (all > 0).then(|| (self.variant as f64 / all as f64, self.asked))
    }
}

/// ln B(a, b).
fn ln_beta(a: f64, b: f64) -> f64 {
    libm::lgamma(a) + libm::lgamma(b) - libm::lgamma(a + b)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn one_more_at_the_asked_share_moves_it_nowhere_on_average(
            asked in 0.01..0.99_f64, variant in 0_u64..2_000, control in 0_u64..2_000,
        ) {
            let after = |n, m| {
                let mut shares = Shares::new(asked);
                shares.add(variant + n, control + m);
                shares.ln_evidence()
            };
            let now = after(0, 0);
            let mean = (after(1, 0) - now).exp() * asked + (after(0, 1) - now).exp() * (1.0 - asked);
            prop_assert!((mean - 1.0).abs() < 1e-8, "{mean}");
        }
    }

    #[test]
    fn a_split_that_is_broken_is_noticed() {
        let mut shares = Shares::new(0.5);
        shares.add(100, 200);
        assert!(shares.ln_evidence() > 1_000_f64.ln(), "{}", shares.ln_evidence());
        assert_eq!(shares.seen(), Some((1.0 / 3.0, 0.5)));
    }

    #[test]
    fn a_split_that_is_as_asked_is_not_and_stages_add_up() {
        let mut shares = Shares::new(0.1);
        shares.add(1_003, 8_997);
        assert!(shares.ln_evidence() < 0.0);
        let before = shares.ln_evidence();
        shares.ask(0.5);
        assert!((shares.ln_evidence() - before).abs() < 1e-12);
        shares.add(500, 500);
        assert!(shares.ln_evidence() < before);
        shares.ask(1.0);
        shares.add(500, 0);
        assert!(shares.ln_evidence() < before, "all is no split");
    }
}
