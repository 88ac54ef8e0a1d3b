//! Is the variant's mean higher (or lower) than the control's? For durations, amounts, queue lengths.
//!
//! The difference of means at each venue, weighted by how much it tells, with a mixture sequential probability ratio
//! test over a half-normal prior. Source: R. Johari, L. Pekelis, D. Walsh, "Always valid inference: continuous
//! monitoring of A/B tests", 2022, for the test; I. Waudby-Smith, D. Arbour, R. Sinha, E. H. Kennedy, A. Ramdas,
//! "Time-uniform central limit theory and asymptotic confidence sequences", 2024, for why estimated variances do: it
//! holds in the limit of many values, not exactly, which is why a minimum sample is needed here and not for failures.

use serde::{Deserialize, Serialize};

/// Sums of values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Moments {
    /// How many values.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// The sum of their squares.
    pub squares: f64,
}

#[allow(clippy::cast_precision_loss)] // Counts below 2⁵³.
impl Moments {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            count: self.count.saturating_add(other.count),
            sum: self.sum + other.sum,
            squares: self.squares + other.squares,
        }
    }

    /// The mean; `None` without a value.
    #[must_use]
    pub fn mean(self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }

    /// The unbiased variance; `None` with fewer than two values, or sums that overflowed.
    fn variance(self) -> Option<f64> {
        let n = self.count as f64;
        let variance = (self.squares - self.sum * self.sum / n) / (n - 1.0);
        (self.count > 1 && variance.is_finite()).then(|| variance.max(0.0))
    }
}

/// Both sides' values, venue by venue. Made anew at each look from all that was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Means {
    /// Σ wᵢ·δᵢ, Σ wᵢ and Σ wᵢ²·vᵢ over venues.
    difference: f64,
    weight: f64,
    variance: f64,
    control: Moments,
    variant: Moments,
}

#[allow(clippy::cast_precision_loss)] // Counts below 2⁵³.
impl Means {
    /// Adds all that was counted at one venue since the release began. One where either side has fewer than two values
    /// tells nothing.
    pub fn add(&mut self, variant: Moments, control: Moments) {
        let (Some(a), Some(b)) = (variant.variance(), control.variance()) else { return };
        let (Some(own), Some(other)) = (variant.mean(), control.mean()) else { return };
        let (n, m) = (variant.count as f64, control.count as f64);
        // Weights must not depend on the values, or a venue's luck would choose how much it counts.
        let weight = n * m / (n + m);
        self.difference += weight * (own - other);
        self.weight += weight;
        self.variance += weight * weight * (a / n + b / m);
        self.variant = self.variant.and(variant);
        self.control = self.control.and(control);
    }

    /// ln of the evidence that the variant's mean is above the control's by more than `tolerance` of the control's, 0.1
    /// being a tenth. For below, negate all values.
    #[must_use]
    pub fn ln_evidence(&self, tolerance: f64) -> f64 {
        let (Some(mean), Some(spread)) = (self.control.mean(), self.control.variance()) else { return 0.0 };
        let (difference, variance) = (self.difference / self.weight, self.variance / self.weight.powi(2));
        let excess = difference - tolerance.max(0.0) * mean.abs();
        // Looked for is what a fifth of the control's spread is: what such tests usually call a small effect.
        let prior = 0.04 * spread;
        if !(variance > 0.0 && prior > 0.0 && excess.is_finite()) {
            return 0.0;
        }
        let all = variance + prior;
        let z = excess * (prior / (variance * all)).sqrt();
        let below = libm::erfc(-z / std::f64::consts::SQRT_2) / 2.0;
        let ln_tail = if below > 0.0 { (2.0 * below).ln() } else { return f64::NEG_INFINITY };
        0.5 * (variance / all).ln() + z * z / 2.0 + ln_tail
    }

    /// The variant's values and the control's, where both were seen.
    #[must_use]
    pub fn seen(&self) -> (Moments, Moments) {
        (self.variant, self.control)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(values: impl Iterator<Item = f64>) -> Moments {
        values.fold(Moments::default(), |sum, value| {
            sum.and(Moments { count: 1, sum: value, squares: value * value })
        })
    }

    /// Values around `mean`, evenly.
    fn around(mean: f64, count: u32) -> Moments {
        moments((0..count).map(|n| mean + f64::from(n % 21) - 10.0))
    }

    fn evidence(variant: Moments, control: Moments, tolerance: f64) -> f64 {
        let mut means = Means::default();
        means.add(variant, control);
        means.ln_evidence(tolerance)
    }

    #[test]
    fn a_higher_mean_is_noticed_an_equal_or_a_lower_one_is_not() {
        let control = around(100.0, 21_000);
        assert!(evidence(around(102.0, 2_100), control, 0.0) > 100_f64.ln());
        assert!(evidence(around(102.0, 2_100), control, 0.05) < 0.0, "within what is tolerated");
        assert!(evidence(around(100.0, 2_100), control, 0.0) < 1.0);
        assert!(evidence(around(90.0, 2_100), control, 0.0) < 0.0);
    }

    #[test]
    fn a_venue_that_is_slow_for_all_proves_nothing() {
        let mut means = Means::default();
        // Most of the variant's values are at the slow venue, so that the means over all differ widely.
        means.add(around(500.0, 21_000), around(500.0, 210));
        means.add(around(100.0, 210), around(100.0, 21_000));
        assert!(means.ln_evidence(0.0) < 1.0, "{}", means.ln_evidence(0.0));
    }

    #[test]
    fn too_little_tells_nothing_and_nothing_breaks_it() {
        for (variant, control) in [
            (Moments::default(), Moments::default()),
            (around(9.0, 1), around(1.0, 100)),
            (Moments { count: 9, sum: f64::MAX, squares: f64::INFINITY }, around(1.0, 100)),
            (Moments { count: 9, sum: 9.0, squares: 9.0 }, Moments { count: 9, sum: 9.0, squares: 9.0 }),
        ] {
            assert!(!evidence(variant, control, 0.0).is_nan(), "{variant:?}");
            assert!(evidence(variant, control, 0.0) < 1.0, "{variant:?}");
        }
    }
}
