//! How fast an error budget is used up, by several windows at once.
//!
//! A service that may fail 0.1 % of the time and fails 1.44 % of it burns its budget 14.4 times as fast as it may: a
//! month's in two days. A long window says that it matters, a short one that it still goes on. The pairs are those of
//! Google's *Site Reliability Workbook*, chapter 5, "Alerting on SLOs": 14.4 over an hour and 5 minutes, 6 over six
//! hours and 30 minutes, 1 over three days and six hours. No test: it keeps no promise about false alarms.

use usher_core::model::Duration;

use super::Tally;

/// A burn rate, and the two windows in which it must be exceeded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    /// How many times as fast as the budget allows.
    pub rate: f64,
    /// Says that it matters.
    pub long: Duration,
    /// Says that it still goes on.
    pub short: Duration,
}

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// The pairs of the workbook, the most pressing first.
pub const PAIRS: [Pair; 3] = [
    Pair { rate: 14.4, long: Duration::from_seconds(HOUR), short: Duration::from_seconds(5 * MINUTE) },
    Pair { rate: 6.0, long: Duration::from_seconds(6 * HOUR), short: Duration::from_seconds(30 * MINUTE) },
    Pair { rate: 1.0, long: Duration::from_seconds(72 * HOUR), short: Duration::from_seconds(6 * HOUR) },
];

/// How many times as fast as allowed the budget is used up. `None` without a trial.
#[must_use]
pub fn rate(tally: Tally, allowed: f64) -> Option<f64> {
    tally.rate().map(|rate| rate / allowed.max(f64::EPSILON))
}

/// The first pair that is exceeded in both of its windows, with the rate in the long one. `within` tells what was tried
/// and failed within a window that ends now; a window that reaches back to before anything was counted tells what there
/// is.
pub fn exceeded(allowed: f64, within: impl Fn(Duration) -> Tally) -> Option<(Pair, f64)> {
    PAIRS.into_iter().find_map(|pair| {
        let over = |window| rate(within(window), allowed).filter(|rate| *rate > pair.rate);
        over(pair.short).and(over(pair.long)).map(|rate| (pair, rate))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_windows_have_to_be_exceeded() {
        let bad = Tally::new(20, 1_000);
        let good = Tally::new(0, 1_000);
        let [fast, ..] = PAIRS;
        assert_eq!(exceeded(0.001, |_| bad).unwrap().0, fast);
        assert_eq!(exceeded(0.001, |_| good), None);
        assert_eq!(
            exceeded(0.001, |window| if window == fast.short { good } else { bad }).unwrap().0,
            PAIRS[1]
        );
        let over =
            exceeded(0.001, |window| if window < PAIRS[1].short { good } else { Tally::new(4, 1_000) });
        assert_eq!(over.unwrap().0, PAIRS[2], "slow, but it goes on");
        assert_eq!(exceeded(0.001, |_| Tally::default()), None, "nothing is known");
    }
}
