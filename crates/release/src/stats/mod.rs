//! Verdicts that stay true however often somebody looks.
//!
//! A release is looked at every few seconds for days. A test made for one look would, looked at so often, sooner or
//! later accuse any variant. What is here are *test martingales*: numbers that start at 1, that a harmless variant moves
//! up and down without a tendency, and that a harmful one drives up. Such a number ever reaches 1/α with a probability
//! of at most α, whenever one looks and however one decides when to stop (Ville's inequality, 1939). So a guard may
//! look at every count that arrives.
//!
//! - [`Comparison`]: a variant's rate of failures against the control's at the same venue and time.
//! - [`Level`]: a rate of failures against a fixed one.
//! - [`Means`]: a variant's mean against the control's, for durations and amounts.
//! - [`Shares`]: whether variants are given out in the shares that were asked for.
//! - [`burn`]: how fast an error budget is used up. No test, but what on-call people know.

pub mod burn;
mod comparison;
mod level;
mod means;
mod mixture;
mod shares;

use serde::{Deserialize, Serialize};

pub use self::{
    comparison::{Comparison, Table},
    level::Level,
    means::{Means, Moments},
    shares::Shares,
};

/// What was tried, and how much of it failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// All that was tried.
    pub total: u64,
    /// How much of it failed: never more than `total`.
    pub failed: u64,
}

impl Tally {
    /// `failed` of `total`; more failures than trials count as that many trials.
    #[must_use]
    pub fn new(failed: u64, total: u64) -> Self {
        Self { total: total.max(failed), failed }
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            total: self.total.saturating_add(other.total),
            failed: self.failed.saturating_add(other.failed),
        }
    }

    /// Failures in a trial, 0 to 1. `None` without a trial.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // A rate needs no more than 53 bits.
    pub fn rate(self) -> Option<f64> {
        (self.total > 0).then(|| self.failed as f64 / self.total as f64)
    }
}

/// ln Σ exp(xᵢ), without overflow.
pub(crate) fn ln_sum_exp(terms: impl Iterator<Item = f64> + Clone) -> f64 {
    let most = terms.clone().fold(f64::NEG_INFINITY, f64::max);
    if most.is_finite() { most + terms.map(|term| (term - most).exp()).sum::<f64>().ln() } else { most }
}
