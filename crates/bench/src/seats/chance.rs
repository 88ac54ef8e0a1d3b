//! Chance that comes out the same every time.

/// A generator of numbers (SplitMix64; Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
pub struct Chance(u64);

impl Chance {
    /// The same seed, the same numbers.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Anything from 0 to below 1, all as likely.
    #[allow(clippy::cast_precision_loss)] // 53 bits are what a float holds.
    pub fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A time that scatters around its median as times on networks do: most near it, few far above (log-normal, by
    /// Box and Muller's transform).
    pub fn time(&mut self, median: f64, scatter: f64) -> f64 {
        // From above 0, for the logarithm.
        let radius = (-2.0 * (1.0 - self.share()).ln()).sqrt();
        let normal = radius * (std::f64::consts::TAU * self.share()).cos();
        median * (scatter * normal).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_times_and_half_are_below_the_median() {
        let draw = |seed| {
            let mut chance = Chance::new(seed);
            (0..10_000).map(|_| chance.time(60.0, 0.8)).collect::<Vec<_>>()
        };
        let times = draw(1);
        assert_eq!(times, draw(1));
        assert_ne!(times, draw(2));
        let below = times.iter().filter(|time| **time < 60.0).count();
        assert!((4_800..5_200).contains(&below), "{below}");
        assert!(times.iter().all(|time| time.is_finite() && *time > 0.0));
    }
}
