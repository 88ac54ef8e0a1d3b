//! What can be asked about a flag's evaluations, and the answer: a line for each variant, venue or reason.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use usher_core::model::Timestamp;
use utoipa::ToSchema;

use super::{DAY_MILLIS, HOUR_MILLIS, day::Day, place};
use crate::sdk::evaluated::OTHER;

/// Lines of an answer; what is over is one line together.
const MAX_SERIES: usize = 50;

/// What lines are drawn for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EvaluationsBy)]
pub enum By {
    /// What was given.
    #[default]
    Variant,
    /// Where.
    Venue,
    /// Why.
    Reason,
}

/// How long each count is of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EvaluationsStep)]
pub enum Step {
    /// An hour.
    #[default]
    Hour,
    /// A day, in UTC.
    Day,
}

impl Step {
    fn millis(self) -> i64 {
        match self {
            Self::Hour => HOUR_MILLIS,
            Self::Day => DAY_MILLIS,
        }
    }
}

/// What is asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) environment: String,
    pub(crate) flag: String,
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
    pub(crate) by: By,
    pub(crate) step: Step,
}

/// A flag's evaluations over time.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Evaluations)]
pub struct Answer {
    /// From when on evaluations are known with no day missing.
    #[schema(value_type = String)]
    pub since: Timestamp,
    /// When it was last evaluated, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub last: Option<Timestamp>,
    /// When each count begins; the last one is not over.
    #[schema(value_type = Vec<String>)]
    pub times: Vec<Timestamp>,
    /// The lines, the largest first.
    pub series: Vec<Series>,
    /// Whether venues of some of this time were given up for room, and stand as one.
    pub is_folded: bool,
}

/// One line.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EvaluationSeries)]
pub struct Series {
    /// The variant, venue or reason; none for the caller's default, or nowhere in particular.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether it stands for all that there is no room for.
    pub is_rest: bool,
    /// How often, in all of this time.
    pub total: u64,
    /// How often, in the order of `times`.
    pub counts: Vec<u64>,
}

/// Answers from the days that are kept. Times are widened to whole steps.
pub(super) fn answer(days: &BTreeMap<i64, Day>, asked: &Asked, since: Timestamp) -> Answer {
    let step = asked.step.millis();
    let begin = asked.from.millis().div_euclid(step) * step;
    let times: Vec<i64> = (begin..=asked.to.millis()).step_by(usize::try_from(step).unwrap_or(1)).collect();
    let mut lines: HashMap<Option<String>, Vec<u64>> = HashMap::new();
    let (mut last, mut is_folded) = (None, false);
    let (first, _) = place(Timestamp::from_millis(begin));
    for day in days.values() {
        let own = day
            .last()
            .filter(|(environment, flag, _)| *environment == asked.environment && *flag == asked.flag);
        last = last.max(own.map(|(_, _, at)| at).max());
    }
    for (number, day) in days.range(first..) {
        let numbers = (day.number(&asked.environment), day.number(&asked.flag));
        let (Some(environment), Some(flag)) = numbers else { continue };
        for (hour, rows) in &day.hours {
            let at = number * DAY_MILLIS + i64::from(*hour) * HOUR_MILLIS;
            let Ok(n) = usize::try_from((at - begin).div_euclid(step)) else { continue };
            if n >= times.len() {
                continue;
            }
            for (row, count) in
                rows.iter().filter(|(own, _)| own.environment == environment && own.flag == flag)
            {
                is_folded |= day.is_folded;
                let name = day.name(match asked.by {
                    By::Variant => row.variant,
                    By::Venue => row.venue,
                    By::Reason => row.reason,
                });
                let line = lines.entry(name.map(ToOwned::to_owned)).or_insert_with(|| vec![0; times.len()]);
                line[n] = line[n].saturating_add(*count);
            }
        }
    }
    let times = times.into_iter().map(Timestamp::from_millis).collect();
    Answer { since, last, times, series: series(lines), is_folded }
}

/// The largest first; what is over is one line, together with what was counted as that already.
fn series(lines: HashMap<Option<String>, Vec<u64>>) -> Vec<Series> {
    let (other, lines): (Vec<_>, Vec<_>) =
        lines.into_iter().partition(|(name, _)| name.as_deref() == Some(OTHER));
    let sum = |counts: &[u64]| counts.iter().fold(0, |sum: u64, count| sum.saturating_add(*count));
    let mut all: Vec<Series> = lines
        .into_iter()
        .map(|(name, counts)| Series { name, is_rest: false, total: sum(&counts), counts })
        .collect();
    all.sort_by(|a, b| b.total.cmp(&a.total).then_with(|| a.name.cmp(&b.name)));
    let rest: Vec<Vec<u64>> = all
        .split_off(all.len().min(MAX_SERIES))
        .into_iter()
        .map(|own| own.counts)
        .chain(other.into_iter().map(|(_, counts)| counts))
        .collect();
    if let Some(first) = rest.first() {
        let counts: Vec<u64> = (0..first.len())
            .map(|n| rest.iter().fold(0, |sum: u64, counts| sum.saturating_add(counts[n])))
            .collect();
        all.push(Series { name: None, is_rest: true, total: sum(&counts), counts });
    }
    all
}
