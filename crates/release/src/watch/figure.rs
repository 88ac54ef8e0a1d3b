//! What guards have seen, in numbers: for whoever draws it. What follows from it is what [`Watch::readings`] says.

use serde::Serialize;
use usher_core::model::{Check, Guard, Release, Timestamp};

use super::{Known, Watch, What};
use crate::stats::{Moments, Tally, burn};

/// What one guard has seen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Figure {
    /// What was seen of the variant: failures in percent, or a mean.
    pub variant: f64,
    /// The same of the control, where there is one beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control: Option<f64>,
    /// What is allowed at most, where that is a fixed number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bound: Option<f64>,
    /// Trials or values of the variant that it comes from.
    pub sample: u64,
}

impl Watch {
    /// What each guard has seen, in numbers; `None` where nothing was seen yet, or somebody outside gives an opinion.
    #[must_use]
    pub fn figures(&self, release: &Release, now: Timestamp) -> Vec<Option<Figure>> {
        release.guards.iter().zip(&self.guards).map(|(guard, known)| known.figure(guard, now)).collect()
    }
}

impl Known {
    fn figure(&self, guard: &Guard, now: Timestamp) -> Option<Figure> {
        match (&self.what, &guard.check) {
            (What::Failures(failures), _) => {
                let seen = failures.seen();
                Some(Figure { control: percent(seen.control), ..shares(seen.variant, None)? })
            }
            (What::Level(level), Check::Failures { at_most: Some(most), .. }) => {
                shares(level.seen(), Some(most.value()))
            }
            (What::Budget(minutes), Check::Budget { objective, .. }) => {
                let longest = minutes.within(burn::PAIRS[2].long, now);
                shares(longest, Some(100.0 - objective.value()))
            }
            (What::Means(places), _) => {
                let none = (Moments::default(), Moments::default());
                let sum = places.values().fold(none, |(a, b), (c, d)| (a.and(*c), b.and(*d)));
                let (variant, control) = sum;
                Some(Figure {
                    variant: variant.mean()?,
                    control: control.mean(),
                    bound: None,
                    sample: variant.count,
                })
            }
            _ => None,
        }
    }
}

fn shares(tally: Tally, bound: Option<f64>) -> Option<Figure> {
    Some(Figure { variant: percent(tally)?, control: None, bound, sample: tally.total })
}

fn percent(tally: Tally) -> Option<f64> {
    tally.rate().map(|rate| rate * 100.0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use usher_core::model::{Kind, parse_strict};

    use super::*;
    use crate::{Counted, Side};

    #[test]
    fn figures_are_what_was_counted_and_an_opinion_is_none() {
        let plan = json!({
            "key": "r", "flag": "f", "environment": "production", "variant": "on", "control": "off",
            "stages": [{"name": "all"}],
            "guards": [
                {"name": "compared", "check": {"failures": {"metric": "m"}}},
                {"name": "fixed", "check": {"failures": {"metric": "m", "atMost": 5}}},
                {"name": "budget", "check": {"budget": {"metric": "m", "objective": 99}}},
                {"name": "mean", "check": {"mean": {"metric": "m", "worse": "higher"}}},
                {"name": "asked", "check": {"webhook": {"url": "https://ops.example"}}},
                {"name": "silent", "check": {"failures": {"metric": "other"}}},
            ],
        });
        let release: Release =
            parse_strict(&Kind::Release, plan.to_string().as_bytes()).unwrap().parse().unwrap();
        let now = Timestamp::from_millis(1_000);
        let mut watch = Watch::new(&release, 0, now);
        let counted = |side, failed, sum: f64| Counted {
            metric: "m".to_owned(),
            side,
            venue: None,
            tally: Tally::new(failed, 50),
            moments: Moments { count: 50, sum, squares: sum },
        };
        watch.count(&release, &[counted(Side::Variant, 2, 100.0), counted(Side::Control, 1, 75.0)], now);
        let seen = |variant, control, bound| Some(Figure { variant, control, bound, sample: 50 });
        assert_eq!(
            watch.figures(&release, now),
            [
                seen(4.0, Some(2.0), None),
                seen(4.0, None, Some(5.0)),
                seen(4.0, None, Some(1.0)),
                seen(2.0, Some(1.5), None),
                None,
                None
            ]
        );
    }
}
