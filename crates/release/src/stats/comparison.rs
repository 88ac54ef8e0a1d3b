//! Does the variant fail more often than the control, at the same venue and at the same time?
//!
//! Each look brings one 2×2 table per venue: trials and failures since the last look, of the variant and of the control.
//! If both fail alike, then given the table's margins the failures of the variant are those of a hypergeometric draw,
//! whatever the rate of failures is then and there. So a bad evening at one venue, a slow bank, a rate that rises with
//! the crowd, all of which hit both alike, prove nothing against the variant: the test is exact for every size, and
//! asks for no normal approximation, which ten failures do not allow.
//!
//! If the variant's odds are ω times the control's, the draw is Fisher's noncentral hypergeometric. The product over all
//! tables of the ratio of these two probabilities is a test martingale, and so is its mixture over ω > 1
//! (`mixture::STAKES`). Sources: R. A. Fisher 1935 for the conditional distribution; H. Robbins 1970, "Statistical
//! methods related to the law of the iterated logarithm", for mixtures; R. J. Turner, A. Ly, P. D. Grünwald 2024,
//! "Generic E-variables for exact sequential k-sample tests that allow for optional stopping", for tables over time.
//!
//! With a tolerance, the null hypothesis is odds of at most `1 + tolerance` times: the ratio is monotone in ω, so that
//! what is below is accused even less often.

use serde::{Deserialize, Serialize};

use super::{Tally, mixture};

/// What came in since the last look, at one venue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// The variant's.
    pub variant: Tally,
    /// The control's.
    pub control: Tally,
}

/// All that was seen so far: a few numbers, however long it goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// ln(ω₀), the odds that are still allowed.
    ln_allowed: f64,
    /// For each stake the sum over tables of k·ln ω − ln E₀[ω^K].
    logs: [f64; mixture::STAKES.len()],
    /// The same for what is allowed.
    allowed: f64,
    seen: Table,
    /// Trials of the variant that had the control beside them.
    compared: u64,
}

impl Comparison {
    /// Nothing seen yet. The variant's odds of failing may be `1 + tolerance` times the control's; a tolerance of 0.1
    /// allows it to fail a tenth more often.
    #[must_use]
    pub fn new(tolerance: f64) -> Self {
        Self {
            ln_allowed: tolerance.max(0.0).ln_1p(),
            logs: [0.0; mixture::STAKES.len()],
            allowed: 0.0,
            seen: Table::default(),
            compared: 0,
        }
    }

    /// Adds what came in since the last look at one venue. Each trial must be told once, and one venue's trials in one
    /// table: tables must not be chosen by what is in them.
    pub fn add(&mut self, table: Table) {
        let Table { variant, control } = table;
        self.seen =
            Table { variant: self.seen.variant.and(variant), control: self.seen.control.and(control) };
        if control.total > 0 {
            self.compared = self.compared.saturating_add(variant.total);
        }
        let Some(draw) = Draw::of(table) else { return };
        for (log, (odds, _)) in self.logs.iter_mut().zip(mixture::STAKES) {
            *log += draw.ln_ratio((odds.ln() + self.ln_allowed).max(0.0));
        }
        self.allowed += draw.ln_ratio(self.ln_allowed);
    }

    /// ln of the evidence that the variant fails more often than is allowed: 0 says nothing, ln 100 = 4.6 is reached by
    /// one harmless variant in a hundred at most, ever.
    #[must_use]
    pub fn ln_evidence(&self) -> f64 {
        mixture::ln_mix(&self.logs) - self.allowed
    }

    /// How many times the control's odds the variant's are at least, by all that was seen; 1 when that is not shown.
    /// Wrong with a probability of `alpha` at most, at all times together. One of the stakes, so a coarse figure.
    #[must_use]
    pub fn at_least(&self, alpha: f64) -> f64 {
        let evidence = mixture::ln_mix(&self.logs);
        let excluded = |log: f64| evidence - log >= -alpha.ln();
        if !excluded(self.allowed) {
            return 1.0;
        }
        // From below up to the first that could still be: far above, odds are excluded for being too high.
        let shown = mixture::STAKES.iter().zip(&self.logs).take_while(|(_, log)| excluded(**log)).last();
        self.ln_allowed.exp() * shown.map_or(1.0, |((odds, _), _)| *odds)
    }

    /// Trials of the variant that had the control beside them, at the same venue and between the same two looks: only
    /// these can tell anything.
    #[must_use]
    pub fn compared(&self) -> u64 {
        self.compared
    }

    /// All trials and failures.
    #[must_use]
    pub fn seen(&self) -> Table {
        self.seen
    }
}

/// A hypergeometric draw: of `variant + control` trials `failed` fail, and some of these are the variant's.
struct Draw {
    variant: f64,
    control: f64,
    failed: f64,
    own: f64,
    least: f64,
    most: f64,
    /// ln C(variant + control, failed).
    ln_ways: f64,
}

#[allow(clippy::cast_precision_loss)] // Counts of one look.
impl Draw {
    /// `None` when the table can tell nothing: one side is empty, or nothing failed, or everything.
    fn of(Table { variant, control }: Table) -> Option<Self> {
        let (failed, total) = (variant.failed + control.failed, variant.total + control.total);
        if variant.total == 0 || control.total == 0 || failed == 0 || failed == total {
            return None;
        }
        let (n, m, e) = (variant.total as f64, control.total as f64, failed as f64);
        Some(Self {
            variant: n,
            control: m,
            failed: e,
            own: variant.failed as f64,
            least: (e - m).max(0.0),
            most: n.min(e),
            ln_ways: ln_choose(n + m, e),
        })
    }

    /// ln of how much more probable the draw is at odds of exp(`ln_odds`) than at even odds.
    fn ln_ratio(&self, ln_odds: f64) -> f64 {
        if ln_odds == 0.0 { 0.0 } else { self.own * ln_odds - self.ln_mean(ln_odds) }
    }

    /// ln E[ω^K] at even odds: the sum over all k of C(n, k)·C(m, e−k)·ω^k, by the ratio of neighbours from the largest
    /// term on, until terms no longer count.
    fn ln_mean(&self, ln_odds: f64) -> f64 {
        let odds = ln_odds.exp();
        let ratio = |k: f64| {
            (self.variant - k) * (self.failed - k) / ((k + 1.0) * (self.control - self.failed + k + 1.0))
                * odds
        };
        // The ratio falls with k, so the largest term is where it passes 1.
        let (mut low, mut high) = (self.least, self.most);
        while low < high {
            let middle = ((low + high) / 2.0).floor();
            if ratio(middle) > 1.0 { low = middle + 1.0 } else { high = middle }
        }
        let mut sum = 1.0;
        let (mut term, mut k) = (1.0, low);
        while k < self.most && term > NEGLIGIBLE {
            term *= ratio(k);
            k += 1.0;
            sum += term;
        }
        (term, k) = (1.0, low);
        while k > self.least && term > NEGLIGIBLE {
            k -= 1.0;
            term /= ratio(k);
            sum += term;
        }
        let largest =
            ln_choose(self.variant, low) + ln_choose(self.control, self.failed - low) + low * ln_odds;
        largest + sum.ln() - self.ln_ways
    }
}

/// Terms below this share of the largest change nothing.
const NEGLIGIBLE: f64 = 1e-18;

/// ln C(n, k).
fn ln_choose(n: f64, k: f64) -> f64 {
    libm::lgamma(n + 1.0) - libm::lgamma(k + 1.0) - libm::lgamma(n - k + 1.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn table(variant: (u64, u64), control: (u64, u64)) -> Table {
        Table { variant: Tally::new(variant.0, variant.1), control: Tally::new(control.0, control.1) }
    }

    fn choose(n: u64, k: u64) -> f64 {
        (0..k).fold(1.0, |ways, i| ways * (n - i) as f64 / (i + 1) as f64)
    }

    /// By the definition, term by term.
    fn probability(n: u64, m: u64, e: u64, k: u64, odds: f64) -> f64 {
        let weight = |k: u64| choose(n, k) * choose(m, e - k) * odds.powi(i32::try_from(k).unwrap());
        weight(k) / (e.saturating_sub(m)..=n.min(e)).map(weight).sum::<f64>()
    }

    proptest! {
        #[test]
        fn it_is_the_ratio_of_two_probabilities(
            n in 1_u64..30, m in 1_u64..60, e in 1_u64..20, at in 0.0..1.0_f64, odds in 1.0..300.0_f64,
        ) {
            let e = e.min(n + m - 1);
            let (least, most) = (e.saturating_sub(m), n.min(e));
            let k = least + ((most - least) as f64 * at).round() as u64;
            let draw = Draw::of(table((k, n), (e - k, m))).unwrap();
            let want = (probability(n, m, e, k, odds) / probability(n, m, e, k, 1.0)).ln();
            prop_assert!((draw.ln_ratio(odds.ln()) - want).abs() < 1e-8, "{} {want}", draw.ln_ratio(odds.ln()));
        }

        /// What makes it a martingale: over all draws that are possible, evidence neither grows nor shrinks.
        #[test]
        fn a_harmless_look_moves_it_nowhere_on_average(
            n in 1_u64..25, m in 1_u64..50, e in 1_u64..15, tolerance in prop_oneof![Just(0.0), 0.0..0.5_f64],
        ) {
            let e = e.min(n + m - 1);
            let mean: f64 = (e.saturating_sub(m)..=n.min(e)).map(|k| {
                let mut comparison = Comparison::new(tolerance);
                comparison.add(table((k, n), (e - k, m)));
                comparison.ln_evidence().exp() * probability(n, m, e, k, 1.0 + tolerance)
            }).sum();
            prop_assert!((mean - 1.0).abs() < 1e-8, "{mean}");
        }

        #[test]
        fn no_table_breaks_it(a in any::<u32>(), b in any::<u32>(), c in any::<u32>(), d in any::<u32>()) {
            let (a, b, c, d) = (a / 2_000, b / 2_000, c / 2_000, d / 2_000);
            let mut comparison = Comparison::new(0.0);
            comparison.add(table((a.into(), b.into()), (c.into(), d.into())));
            prop_assert!(comparison.ln_evidence().is_finite());
            prop_assert!(comparison.at_least(0.01) >= 1.0);
        }
    }

    #[test]
    fn a_table_that_can_tell_nothing_tells_nothing() {
        for nothing in [
            table((0, 0), (3, 50)),
            table((3, 50), (0, 0)),
            table((0, 50), (0, 50)),
            table((50, 50), (50, 50)),
            table((0, 0), (0, 0)),
        ] {
            let mut comparison = Comparison::new(0.0);
            comparison.add(nothing);
            assert!(comparison.ln_evidence().abs() < 1e-9, "{nothing:?}");
            assert_eq!(comparison.seen(), nothing);
        }
    }

    #[test]
    fn what_hits_both_alike_proves_nothing() {
        let mut comparison = Comparison::new(0.0);
        for _ in 0..50 {
            comparison.add(table((2, 10), (20, 100)));
            comparison.add(table((9, 10), (90, 100)));
        }
        assert!(comparison.ln_evidence() < 0.0, "{}", comparison.ln_evidence());
        assert!((comparison.at_least(0.01) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn harm_is_shown_and_its_least_size_too() {
        let mut comparison = Comparison::new(0.0);
        for _ in 0..50 {
            comparison.add(table((6, 100), (20, 1_000)));
        }
        assert!(comparison.ln_evidence() > 100_f64.ln(), "{}", comparison.ln_evidence());
        let least = comparison.at_least(0.01);
        assert!((1.5..=3.2).contains(&least), "{least}");
    }

    #[test]
    fn what_is_tolerated_is_not_held_against_it() {
        let evidence = |tolerance| {
            let mut comparison = Comparison::new(tolerance);
            for _ in 0..400 {
                comparison.add(table((22, 1_000), (20, 1_000)));
            }
            comparison.ln_evidence()
        };
        assert!(evidence(0.0) > evidence(0.1) && evidence(0.1) < 4.6, "{} {}", evidence(0.0), evidence(0.1));
    }
}
