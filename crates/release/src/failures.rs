//! What a guard over failures knows: all venues together, and each for itself.
//!
//! Harm that is small everywhere shows only in all venues together, harm at one venue of many shows there first. Four
//! fifths of the stake are on all together, the rest on the venues, each newly seen one getting less than the one before
//! (1/2, 1/6, 1/12, …: together no more than 1), so that the promise about false alarms holds for all of them together.

use serde::{Deserialize, Serialize};
use usher_core::model::VenueKey;

use crate::{
    reading::Reading,
    stats::{Comparison, Table, Tally, ln_sum_exp},
};

/// The stake on all venues together.
const TOGETHER: f64 = 0.8;
/// Venues that are looked at for themselves too: those after them have next to no stake.
const MAX_VENUES: usize = 64;

/// The variant's failures against the control's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failures {
    all: Comparison,
    venues: Vec<(VenueKey, Comparison)>,
    tolerance: f64,
}

impl Failures {
    /// Nothing seen yet. The variant's odds of failing may be `1 + tolerance` times the control's.
    #[must_use]
    pub fn new(tolerance: f64) -> Self {
        Self { all: Comparison::new(tolerance), venues: Vec::new(), tolerance }
    }

    /// Adds what came in since the last look at one venue, or where no venue was told.
    pub fn add(&mut self, venue: Option<&VenueKey>, table: Table) {
        self.all.add(table);
        let Some(venue) = venue else { return };
        if let Some((_, own)) = self.venues.iter_mut().find(|(key, _)| key == venue) {
            own.add(table);
        } else if self.venues.len() < MAX_VENUES {
            let mut own = Comparison::new(self.tolerance);
            own.add(table);
            self.venues.push((venue.clone(), own));
        }
    }

    /// All that was counted, at all venues together.
    #[must_use]
    pub fn seen(&self) -> Table {
        self.all.seen()
    }

    /// ln of the evidence that it hurts somewhere, or everywhere a little.
    #[must_use]
    pub fn ln_evidence(&self) -> f64 {
        let all = self.all.ln_evidence();
        if self.venues.is_empty() {
            return all;
        }
        let apart = self.venues.iter().enumerate().map(|(n, (_, own))| stake(n).ln() + own.ln_evidence());
        // What is staked on venues that were not seen yet still lies there untouched.
        let left = (1.0 - (0..self.venues.len()).map(stake).sum::<f64>()).ln();
        let apart = apart.chain([left]).map(|own| (1.0 - TOGETHER).ln() + own);
        ln_sum_exp(apart.chain([TOGETHER.ln() + all]))
    }

    /// What the guard says. `alpha` is the probability with which it may be wrong, ever.
    #[must_use]
    pub fn read(&self, metric: &str, minimum_sample: u64, alpha: f64) -> Reading {
        let Table { variant, control } = self.all.seen();
        let bound = -alpha.ln();
        if self.ln_evidence() >= bound {
            let hurts = |(n, (_, own)): &(usize, &(VenueKey, Comparison))| {
                (1.0 - TOGETHER).ln() + stake(*n).ln() + own.ln_evidence() >= bound
            };
            let venues: Vec<VenueKey> =
                self.venues.iter().enumerate().filter(hurts).map(|(_, (venue, _))| venue.clone()).collect();
            let worst = self.venues.iter().map(|(_, own)| own).chain([&self.all]);
            let times = worst.map(|own| own.at_least(alpha)).fold(1.0, f64::max);
            let reason = format!(
                "`{metric}` failed {} with the variant and {} with the control{}, {}.",
                share(variant),
                share(control),
                if times > 1.0 { format!(", at least {times:.2} times as often") } else { String::new() },
                certainty(alpha),
            );
            return Reading::Breached { reason, venues };
        }
        let seen = format!(
            "`{metric}` failed {} with the variant, {} with the control.",
            share(variant),
            share(control)
        );
        let (has, needs) = (self.all.compared(), minimum_sample.max(1));
        if has < needs {
            let alone =
                if has < variant.total { " with the control beside them, at the same venue" } else { "" };
            return Reading::Early(format!(
                "{seen} That is {has} of {needs} needed from the variant{alone}."
            ));
        }
        Reading::Well(seen)
    }
}

fn stake(n: usize) -> f64 {
    #[allow(clippy::cast_precision_loss)] // At most MAX_VENUES.
    let n = n as f64;
    1.0 / ((n + 1.0) * (n + 2.0))
}

pub(crate) fn share(tally: Tally) -> String {
    tally.rate().map_or_else(
        || "not once".to_owned(),
        |rate| format!("{:.2} % of {} times", rate * 100.0, tally.total),
    )
}

fn certainty(alpha: f64) -> String {
    format!("as at most {} in 1,000 harmless ones ever would", (alpha * 1_000.0).ceil())
}
