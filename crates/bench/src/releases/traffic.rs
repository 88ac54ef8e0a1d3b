//! Made-up evenings: how many people do something at a venue, and how many of them fail.

use rand_distr::{Binomial, Distribution, LogNormal, Poisson};
use rand_pcg::Pcg64Mcg;
use usher_release::stats::Tally;

/// Chance that comes out the same every time.
pub struct Chance(Pcg64Mcg);

impl Chance {
    /// The same seed and number, the same chance.
    pub fn new(seed: u64, number: u64) -> Self {
        Self(Pcg64Mcg::new(u128::from(seed) << 64 | u128::from(number) << 1 | 1))
    }

    /// How many come, around `mean`.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // A count.
    pub fn arrivals(&mut self, mean: f64) -> u64 {
        Poisson::new(mean).map_or(0, |law| law.sample(&mut self.0) as u64)
    }

    /// Of `total`, how many with a probability of `share` each.
    pub fn of(&mut self, total: u64, share: f64) -> u64 {
        Binomial::new(total, share.clamp(0.0, 1.0)).map_or(0, |law| law.sample(&mut self.0))
    }

    /// How many of `total` fail.
    pub fn failures(&mut self, total: u64, rate: f64) -> Tally {
        Tally::new(self.of(total, rate), total)
    }

    /// A factor around 1, some far above: how busy a venue is, or how bad its evening.
    pub fn factor(&mut self, scatter: f64) -> f64 {
        LogNormal::new(0.0, scatter).map_or(1.0, |law| law.sample(&mut self.0))
    }
}
