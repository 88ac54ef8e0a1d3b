//! What has been counted: exposures and metrics, kept in memory, summed up, bounded.
//!
//! Sums of one flag stand together, so that who decides about a flag looks at its own only. What other nodes of the
//! fleet have counted is kept beside what came here: totals are of both, and only the own part is told to others.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use super::{
    evaluated::{Evaluated, Evaluation},
    events::{Batch, Exposure, MAX_BATCH, Metric},
    remembered::{Kept, Remembered},
    sums::{Done, Held, OfEnvironment, OfFlag, Shown, Sum, Whose, exposure, metric, place},
};

/// How a metric went among those to whom a flag gave one variant, at one venue. Cumulative since this server started,
/// over the whole fleet.
#[derive(Clone, Debug, PartialEq)]
pub struct MeasuredSum {
    /// The metric.
    pub metric: String,
    /// The variant.
    pub variant: String,
    /// The venue; none for nowhere in particular.
    pub venue: Option<String>,
    /// How often it happened.
    pub count: u64,
    /// How many of these failed.
    pub failed: u64,
    /// The sum of their values.
    pub sum: f64,
    /// The sum of their values' squares.
    pub squares: f64,
}

/// How often one variant of a flag was shown at one venue; likewise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExposedSum {
    /// The variant.
    pub variant: String,
    /// The venue; none for nowhere in particular.
    pub venue: Option<String>,
    /// Whether it was not shown, but would have been by a dark rule.
    pub dark: bool,
    /// How often.
    pub count: u64,
}

#[derive(Default)]
struct Inner {
    environments: HashMap<String, OfEnvironment>,
    held: Held,
    /// Batches that were counted, here alone: other nodes tell sums, not of whom.
    batches: Remembered,
    dropped: u64,
    /// How often something was added to an own part.
    changes: u64,
}

impl Inner {
    /// Adds what can be added, and counts the rest as dropped.
    fn add(&mut self, environment: &str, exposures: Vec<Exposure>, metrics: Vec<Metric>, whose: Whose) {
        let Self { environments, held, dropped, changes, .. } = self;
        *changes += u64::from(whose == Whose::Own);
        let sums = environments.entry(environment.to_owned()).or_default();
        for Exposure { flag, variant, venue, dark, count, .. } in exposures {
            let added = sums.flag(flag, held.exposures).is_some_and(|flag| {
                flag.changed = if whose == Whose::Own { *changes } else { flag.changed };
                let sum = place(&mut flag.exposures, Shown { variant, venue, dark }, &mut held.exposures);
                let sum = sum.map(|both| both.part(whose));
                sum.map(|sum| *sum = sum.saturating_add(count)).is_some()
            });
            *dropped = dropped.saturating_add(if added { 0 } else { count });
        }
        for Metric { metric, venue, flag, variant, count, failed, sum, squares } in metrics {
            let sum = Sum { count, failed, sum, squares };
            let added = match (flag, variant) {
                (Some(flag), Some(variant)) => sums.flag(flag, held.metrics).is_some_and(|flag| {
                    flag.changed = if whose == Whose::Own { *changes } else { flag.changed };
                    place(&mut flag.metrics, Done { metric, variant, venue }, &mut held.metrics)
                        .is_some_and(|both| both.part(whose).add(&sum))
                }),
                _ => place(&mut sums.metrics, (metric, venue), &mut held.metrics)
                    .is_some_and(|own| own.add(&sum)),
            };
            *dropped = dropped.saturating_add(if added { 0 } else { count });
        }
    }

    fn flag(&self, environment: &str, flag: &str) -> Option<&OfFlag> {
        self.environments.get(environment)?.flags.get(flag)
    }
}

/// All sums since the server started.
#[derive(Default)]
pub struct Counts {
    sums: Mutex<Inner>,
    /// What waits to be counted by the hour.
    pub(crate) evaluated: Evaluated,
}

impl Counts {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.sums.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a batch of a sender, who names it. `false` when it was added before.
    pub fn add(&self, sender: &str, environment: &str, batch: Batch) -> bool {
        let mut inner = self.lock();
        if !inner.batches.add(&format!("{sender}:{}", batch.batch), Instant::now()) {
            return false;
        }
        for (of, count) in batch.evaluated() {
            self.evaluated.count(environment, of, count);
        }
        inner.add(environment, batch.exposures, batch.metrics, Whose::Own);
        true
    }

    /// The batches that would not be counted again, as far as they are to outlive a restart.
    #[must_use]
    pub(crate) fn remembered(&self) -> Kept {
        self.lock().batches.kept()
    }

    /// Batches that were counted before this server started. Before anything is counted.
    pub(crate) fn remember(&self, batches: Kept) {
        self.lock().batches.go_on(batches, Instant::now());
    }

    /// Adds what another node of the fleet has counted since it was heard last.
    pub(crate) fn hear(&self, environment: &str, exposures: Vec<Exposure>, metrics: Vec<Metric>) {
        self.lock().add(environment, exposures, metrics, Whose::Heard);
    }

    /// Takes sums of an environment away, as a batch of this name: for who passes them on. `None` when there are none.
    #[must_use]
    pub fn take(&self, environment: &str, name: String) -> Option<Batch> {
        let mut inner = self.lock();
        let Inner { environments, held, .. } = &mut *inner;
        let evaluations = self.evaluated.take(Some(environment), MAX_BATCH);
        let evaluations: Vec<Evaluation> = evaluations.into_iter().map(|(_, own)| own).collect();
        let sums = environments.entry(environment.to_owned()).or_default();
        let (mut exposures, mut metrics) = (Vec::new(), Vec::new());
        let room = MAX_BATCH - evaluations.len();
        sums.flags.retain(|flag, of| {
            let left = room - exposures.len() - metrics.len();
            exposures.extend(
                of.exposures.extract_if(|_, _| true).take(left).map(|(of, sum)| exposure(flag, of, sum.own)),
            );
            let left = room - exposures.len() - metrics.len();
            metrics.extend(
                of.metrics.extract_if(|_, _| true).take(left).map(|(of, sum)| metric(flag, of, sum.own)),
            );
            !(of.exposures.is_empty() && of.metrics.is_empty())
        });
        let left = room - exposures.len() - metrics.len();
        let plain = sums.metrics.extract_if(|_, _| true).take(left);
        metrics.extend(plain.map(|((metric, venue), sum)| {
            let Sum { count, failed, sum, squares } = sum;
            Metric { metric, venue, flag: None, variant: None, count, failed, sum, squares }
        }));
        held.exposures -= exposures.len();
        held.metrics -= metrics.len();
        let some = !(exposures.is_empty() && metrics.is_empty() && evaluations.is_empty());
        some.then_some(Batch {
            batch: name,
            exposures,
            metrics,
            evaluations: Some(evaluations),
            asked: Vec::new(),
        })
    }

    /// How metrics went by the variants of a flag: cumulative since this server started, over the whole fleet, and
    /// never less than before, but for the sums of values, of which some may be negative. In no order.
    #[must_use]
    pub fn measured(&self, environment: &str, flag: &str) -> Vec<MeasuredSum> {
        let inner = self.lock();
        let metrics = inner.flag(environment, flag).into_iter().flat_map(|of| &of.metrics);
        metrics
            .map(|(of, both)| {
                let Sum { count, failed, sum, squares } = both.total();
                let (metric, variant, venue) = (of.metric.clone(), of.variant.clone(), of.venue.clone());
                MeasuredSum { metric, variant, venue, count, failed, sum, squares }
            })
            .collect()
    }

    /// How often variants of a flag were shown, or, dark, would have been; likewise.
    #[must_use]
    pub fn exposed(&self, environment: &str, flag: &str) -> Vec<ExposedSum> {
        let inner = self.lock();
        let exposures = inner.flag(environment, flag).into_iter().flat_map(|of| &of.exposures);
        exposures
            .filter_map(|(of, both)| {
                let (variant, venue) = (of.variant.clone()?, of.venue.clone());
                Some(ExposedSum { variant, venue, dark: of.dark, count: both.total() })
            })
            .collect()
    }

    /// Metrics that were tracked in an environment since this server started, sorted.
    #[must_use]
    pub fn tracked(&self, environment: &str) -> Vec<String> {
        let inner = self.lock();
        let Some(sums) = inner.environments.get(environment) else { return Vec::new() };
        let joined = sums.flags.values().flat_map(|of| of.metrics.keys()).map(|of| &of.metric);
        let all: BTreeSet<&String> = sums.metrics.keys().map(|(metric, _)| metric).chain(joined).collect();
        all.into_iter().cloned().collect()
    }

    /// How often a variant of a flag was given out, anywhere.
    #[must_use]
    pub fn exposures(&self, flag: &str, variant: &str) -> u64 {
        let inner = self.lock();
        let flags = inner.environments.values().filter_map(|sums| sums.flags.get(flag));
        let shown = flags.flat_map(|of| &of.exposures);
        let mine = shown.filter(|(of, _)| of.variant.as_deref() == Some(variant) && !of.dark);
        mine.fold(0, |sum: u64, (_, both)| sum.saturating_add(both.total()))
    }

    /// How often something was added here.
    pub(crate) fn changes(&self) -> u64 {
        self.lock().changes
    }

    /// What came here for flags that changed after this number of changes, at most so many sums, environment by
    /// environment; `measured` says which flags others want to hear of.
    pub(crate) fn own_since(
        &self,
        changes: u64,
        limit: usize,
        measured: impl Fn(&str, &str) -> bool,
    ) -> Vec<(String, Vec<Exposure>, Vec<Metric>)> {
        let inner = self.lock();
        let mut left = limit;
        let environments = inner.environments.iter().map(|(environment, sums)| {
            let (mut exposures, mut metrics) = (Vec::new(), Vec::new());
            let flags = sums.flags.iter().filter(|(_, of)| of.changed > changes);
            for (flag, of) in flags.filter(|(flag, _)| measured(environment, flag)) {
                let own = of.exposures.iter().filter(|(_, both)| both.own > 0).take(left);
                let before = exposures.len() + metrics.len();
                exposures.extend(own.map(|(of, both)| exposure(flag, of.clone(), both.own)));
                left -= exposures.len() + metrics.len() - before;
                let own = of.metrics.iter().filter(|(_, both)| both.own.count > 0).take(left);
                let before = exposures.len() + metrics.len();
                metrics.extend(own.map(|(of, both)| metric(flag, of.clone(), both.own)));
                left -= exposures.len() + metrics.len() - before;
            }
            (environment.clone(), exposures, metrics)
        });
        environments.filter(|(_, exposures, metrics)| !(exposures.is_empty() && metrics.is_empty())).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{
        super::{evaluated::UNKNOWN, sums::MAX_SUMS},
        *,
    };

    fn batch(name: &str, exposures: &Value, metrics: &Value) -> Batch {
        serde_json::from_value(json!({"batch": name, "exposures": exposures, "metrics": metrics})).unwrap()
    }

    fn joined(flag: &str, variant: &str, count: u64, failed: u64) -> Value {
        json!({"metric": "checkout", "venue": "dome", "flag": flag, "variant": variant, "count": count,
            "failed": failed, "sum": 2.5, "squares": 6.25})
    }

    #[test]
    fn a_batch_sent_twice_counts_once() {
        let counts = Counts::default();
        let batch = || {
            let exposures = json!([{"flag": "f", "variant": "on", "count": 3}]);
            batch("b-1", &exposures, &json!([joined("f", "on", 3, 1)]))
        };
        assert!(counts.add("k", "production", batch()));
        assert!(!counts.add("k", "production", batch()));
        assert_eq!(counts.exposures("f", "on"), 3);
        assert_eq!(counts.measured("production", "f")[0].count, 3);
    }

    #[test]
    fn a_batch_that_was_counted_before_this_server_started_counts_no_more() {
        let (old, new) = (Counts::default(), Counts::default());
        let one = |name: &str| batch(name, &json!([{"flag": "f", "variant": "on", "count": 1}]), &json!([]));
        old.add("k", "production", one("b-1"));
        new.remember(old.remembered());
        assert!(!new.add("k", "production", one("b-1")));
        assert!(new.add("k", "production", one("b-2")), "and one that is not");
        assert!(new.add("other", "production", one("b-1")), "nor one of somebody else");
        assert_eq!(new.exposures("f", "on"), 2);
    }

    #[test]
    fn a_batch_counts_once_however_many_others_come_between() {
        let counts = Counts::default();
        let one = |name: &str| batch(name, &json!([{"flag": "f", "variant": "on", "count": 1}]), &json!([]));
        assert!(counts.add("k", "production", one("first")));
        for n in 0..20_000 {
            assert!(counts.add(&format!("k-{}", n % 7), "production", one(&format!("b-{n}"))));
        }
        assert!(!counts.add("k", "production", one("first")), "its answer was lost");
        assert_eq!(counts.exposures("f", "on"), 20_001);
    }

    #[test]
    fn sums_stand_apart_by_environment_flag_variant_venue_and_darkness() {
        let counts = Counts::default();
        let exposures = json!([{"flag": "f", "variant": "on", "count": 1}, {"flag": "g", "variant": "on", "count": 2},
            {"flag": "f", "variant": "on", "dark": true, "count": 4}, {"flag": "f", "variant": "on", "venue": "dome", "count": 8},
            {"flag": "f", "count": 16}]);
        let metrics = json!([joined("f", "on", 5, 2), joined("f", "off", 7, 0), joined("g", "on", 9, 9),
            {"metric": "checkout", "venue": "dome", "count": 12, "failed": 2}]);
        counts.add("k", "production", batch("b-1", &exposures, &metrics));
        counts.add("k", "staging", batch("b-2", &exposures, &metrics));
        let mut exposed = counts.exposed("production", "f");
        exposed.sort_by_key(|own| own.count);
        let of = |venue: Option<&str>, dark, count| ExposedSum {
            variant: "on".into(),
            venue: venue.map(Into::into),
            dark,
            count,
        };
        assert_eq!(exposed, [of(None, false, 1), of(None, true, 4), of(Some("dome"), false, 8)]);
        let mut measured = counts.measured("production", "f");
        measured.sort_by_key(|own| own.count);
        let on = MeasuredSum {
            metric: "checkout".into(),
            variant: "on".into(),
            venue: Some("dome".into()),
            count: 5,
            failed: 2,
            sum: 2.5,
            squares: 6.25,
        };
        assert_eq!(measured, [on.clone(), MeasuredSum { variant: "off".into(), count: 7, failed: 0, ..on }]);
        assert_eq!((counts.measured("nowhere", "f"), counts.exposed("production", "h")), (vec![], vec![]));
        assert_eq!(counts.exposures("f", "on"), 18, "both environments, and nothing dark");
    }

    #[test]
    fn what_is_taken_is_gone_and_whole_and_no_more_than_a_batch_holds() {
        let counts = Counts::default();
        let exposures: Vec<Value> = (0..800)
            .map(|n| json!({"flag": format!("f{n}"), "variant": "on", "dark": n % 2 == 0, "count": 1}))
            .collect();
        let metrics: Vec<Value> = (0..800).map(|n| joined(&format!("f{n}"), "on", 2, 1)).collect();
        let plain = json!([{"metric": "orders", "count": 3, "sum": 1.5}]);
        counts.add("k", "production", batch("b-1", &json!(exposures), &json!([])));
        counts.add("k", "production", batch("b-2", &json!([]), &json!(metrics)));
        counts.add("k", "production", batch("b-3", &json!([]), &plain));
        assert!(counts.take("staging", "t".into()).is_none());
        let mut taken = Vec::new();
        while let Some(batch) = counts.take("production", format!("t-{}", taken.len())) {
            taken.push(batch);
        }
        let evaluations = |batch: &Batch| batch.evaluations.as_ref().map_or(0, Vec::len);
        let sizes = taken.iter().map(|own| own.exposures.len() + own.metrics.len() + evaluations(own));
        assert_eq!(sizes.collect::<Vec<_>>(), [MAX_BATCH, MAX_BATCH, 1]);
        let other = Counts::default();
        // As JSON, which is how an edge passes it on.
        for batch in taken {
            let sent = serde_json::to_value(&batch).unwrap();
            other.add("edge", "production", serde_json::from_value(sent).unwrap());
        }
        let evaluated = other.evaluated.take(None, usize::MAX);
        assert_eq!(evaluated.len(), 400, "what is shown is evaluated, once, and what is dark is not");
        assert!(evaluated.iter().all(|(_, own)| own.count == 1 && own.reason == UNKNOWN));
        for n in 0..800 {
            let flag = format!("f{n}");
            let exposed = other.exposed("production", &flag);
            assert_eq!((exposed[0].dark, exposed[0].count), (n % 2 == 0, 1));
            let measured = &other.measured("production", &flag)[0];
            assert_eq!((measured.count, measured.failed, measured.sum, measured.squares), (2, 1, 2.5, 6.25));
        }
        let inner = counts.lock();
        assert_eq!((inner.held.exposures, inner.held.metrics), (0, 0));
    }

    #[test]
    fn what_finds_no_room_is_dropped_and_leaves_nothing_behind() {
        let counts = Counts::default();
        counts.lock().held = Held { exposures: MAX_SUMS - 1, metrics: MAX_SUMS - 1 };
        let exposures = json!([{"flag": "f", "variant": "on", "count": 1}, {"flag": "g", "variant": "on", "count": 2},
            {"flag": "f", "variant": "on", "count": 4}, {"flag": "f", "variant": "off", "count": 8}]);
        let metrics = json!([joined("f", "on", 1, 0), joined("g", "on", 2, 0), {"metric": "m", "count": 4}]);
        counts.add("k", "production", batch("b-1", &exposures, &metrics));
        assert_eq!(counts.exposures("f", "on"), 5, "a sum that is there goes on");
        let inner = counts.lock();
        assert_eq!((inner.dropped, inner.environments["production"].flags.len()), (2 + 8 + 2 + 4, 1));
    }

    #[test]
    fn a_sum_that_would_be_no_number_stays_what_it_was() {
        let counts = Counts::default();
        let huge = |name: &str| {
            let mut metric = joined("f", "on", 1, 1);
            metric["sum"] = json!(f64::MAX);
            batch(name, &json!([]), &json!([metric]))
        };
        counts.add("k", "production", huge("b-1"));
        counts.add("k", "production", huge("b-2"));
        let measured = &counts.measured("production", "f")[0];
        assert_eq!(
            (measured.count, measured.failed, measured.sum),
            (1, 1, f64::MAX),
            "nothing is half counted"
        );
    }

    #[test]
    fn only_what_came_here_is_told_and_only_what_is_wanted() {
        let counts = Counts::default();
        let exposures = |count: u64| json!([{"flag": "f", "variant": "on", "count": count}, {"flag": "g", "variant": "on", "count": count}]);
        counts.add("k", "production", batch("b-1", &exposures(1), &json!([joined("f", "on", 2, 1)])));
        let heard = batch("", &exposures(10), &json!([joined("f", "on", 20, 10), joined("f", "off", 5, 5)]));
        counts.hear("production", heard.exposures, heard.metrics);
        let before = counts.changes();
        let told = counts.own_since(0, 100, |environment, flag| environment == "production" && flag == "f");
        assert_eq!(told.len(), 1);
        assert_eq!((told[0].1.len(), told[0].1[0].count), (1, 1));
        assert_eq!((told[0].2.len(), told[0].2[0].count, told[0].2[0].failed), (1, 2, 1));
        assert!(counts.own_since(before, 100, |_, _| true).is_empty());
        counts.add(
            "k",
            "production",
            batch("b-2", &json!([{"flag": "g", "variant": "on", "count": 1}]), &json!([])),
        );
        let told = counts.own_since(before, 100, |_, _| true);
        assert_eq!((told[0].1.len(), told[0].1[0].flag.as_str(), told[0].1[0].count), (1, "g", 2));
        let some: usize = counts.own_since(0, 2, |_, _| true).iter().map(|(_, e, m)| e.len() + m.len()).sum();
        assert_eq!(some, 2);
        let total = counts.exposed("production", "f");
        assert_eq!(total[0].count, 11);
    }
}
