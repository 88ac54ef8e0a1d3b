//! How much worse a variant might be, before anything is known: what the tests for failures are on the look-out for.

/// Odds of failing, relative to what is allowed, and how much is staked on each. A stake of w finds what it is made for
/// about ln(1/w) later than one that knew the answer; so most lies where harm is hard to see, and little where it shows
/// at once. Sums to 1.
pub(super) const STAKES: [(f64, f64); 12] = [
    (1.15, 0.02),
    (1.3, 0.08),
    (1.5, 0.24),
    (1.75, 0.16),
    (2.0, 0.20),
    (2.5, 0.10),
    (3.5, 0.06),
    (5.0, 0.04),
    (8.0, 0.04),
    (15.0, 0.03),
    (40.0, 0.02),
    (200.0, 0.01),
];

/// The logarithm of the mixture of what each stake has become.
pub(super) fn ln_mix(logs: &[f64; STAKES.len()]) -> f64 {
    super::ln_sum_exp(STAKES.iter().zip(logs).map(|((_, stake), log)| stake.ln() + log))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stakes_are_one_whole_and_only_on_harm() {
        let whole: f64 = STAKES.iter().map(|(_, stake)| stake).sum();
        assert!((whole - 1.0).abs() < 1e-12, "{whole}");
        assert!(STAKES.is_sorted_by(|a, b| a.0 < b.0) && STAKES[0].0 > 1.0);
        assert!(ln_mix(&[0.0; STAKES.len()]).abs() < 1e-12, "nothing seen is nothing known");
    }
}
