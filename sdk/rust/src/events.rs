//! What the program counts: exposures and metrics, summed up here and sent in batches.
//!
//! Bounded: what finds no place is counted as dropped, and said. Nothing is lost by a server that is away: a
//! batch is kept until it is taken, under a name by which the server knows one that it has taken already.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::Serialize;
use serde_json::{Value, json};
use usher_core::{Reason, limits::MAX_FLAG_KEY_BYTES};

use crate::outcome::Outcome;

/// Sums in one batch, and sums that wait for the next one: what a server takes at once.
const MAX_SUMS: usize = 1_000;

/// What an exposure is of.
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
struct Exposure {
    flag: String,
    variant: String,
    venue: Option<String>,
    /// Why it was shown, in OpenFeature's words; none for what is dark.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// Not shown, only counted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    dark: bool,
}

/// What a metric's sum is of: all that happened at a venue, or what happened to those whom a flag gave a variant.
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
struct Metric {
    metric: String,
    venue: Option<String>,
    #[serde(flatten)]
    by: Option<By>,
}

/// A flag, and the variant that it gave.
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
struct By {
    flag: String,
    variant: String,
}

/// What happened, summed up.
#[derive(Clone, Copy, Default, Serialize)]
struct Sum {
    count: u64,
    /// How many of them failed.
    #[serde(skip_serializing_if = "is_zero")]
    failed: u64,
    sum: f64,
    /// The sum of the values' squares, from which their variance is told.
    #[serde(skip_serializing_if = "is_none")]
    squares: f64,
}

// Serde hands references to these.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_none(sum: &f64) -> bool {
    *sum == 0.0
}

impl Sum {
    /// With one more. `None` when that would be no number.
    fn plus(self, outcome: Outcome) -> Option<Self> {
        let (failed, value) = match outcome {
            Outcome::Ok => (0, 0.0),
            Outcome::Error => (1, 0.0),
            Outcome::Value(value) => (0, value),
        };
        let (sum, squares) = (self.sum + value, value.mul_add(value, self.squares));
        let next = Self { count: self.count + 1, failed: self.failed + failed, sum, squares };
        (sum.is_finite() && squares.is_finite()).then_some(next)
    }
}

/// A sum, as it is sent.
#[derive(Serialize)]
struct Entry<O, S> {
    #[serde(flatten)]
    of: O,
    #[serde(flatten)]
    sum: S,
}

/// How often.
#[derive(Serialize)]
struct Count {
    count: u64,
}

#[derive(Default)]
struct Sums {
    exposures: HashMap<Exposure, u64>,
    metrics: HashMap<Metric, Sum>,
    /// Flags that the program has read.
    asked: BTreeSet<String>,
    dropped: u64,
    /// The batch that is on its way, until it has arrived.
    sending: Option<Arc<Value>>,
    batches: u64,
}

impl Sums {
    fn len(&self) -> usize {
        self.exposures.len() + self.metrics.len() + self.asked.len()
    }

    fn has_room(&self) -> bool {
        self.len() < MAX_SUMS
    }
}

/// Sums that wait to be sent.
#[derive(Default)]
pub(crate) struct Events(Mutex<Sums>);

impl Events {
    fn lock(&self) -> MutexGuard<'_, Sums> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts that a variant was shown, and why; without a reason, that it would have been, in the dark.
    pub(crate) fn expose(&self, flag: &str, variant: &str, venue: Option<&str>, reason: Option<Reason>) {
        let (reason, dark) = (reason.map(Reason::as_str), reason.is_none());
        let mut sums = self.lock();
        let (flag, variant, venue) = (flag.to_owned(), variant.to_owned(), venue.map(ToOwned::to_owned));
        let fits = is_short([Some(&flag), Some(&variant), venue.as_ref()]);
        let of = Exposure { flag, variant, venue, reason, dark };
        if fits && (sums.has_room() || sums.exposures.contains_key(&of)) {
            *sums.exposures.entry(of).or_default() += 1;
        } else {
            sums.dropped += 1;
        }
    }

    /// Adds to a metric, or to that part of it that belongs to a flag's variant. What is no number, or makes a sum
    /// none, would make a batch that no server can read.
    pub(crate) fn track(
        &self,
        metric: &str,
        venue: Option<&str>,
        by: Option<(&str, &str)>,
        outcome: Outcome,
    ) {
        let mut sums = self.lock();
        let (metric, venue) = (metric.to_owned(), venue.map(ToOwned::to_owned));
        let by = by.map(|(flag, variant)| By { flag: flag.to_owned(), variant: variant.to_owned() });
        let fits = is_short([
            Some(&metric),
            venue.as_ref(),
            by.as_ref().map(|by| &by.flag),
            by.as_ref().map(|by| &by.variant),
        ]);
        let of = Metric { metric, venue, by };
        let before = sums.metrics.get(&of).copied();
        let next = before.unwrap_or_default().plus(outcome).filter(|_| fits);
        match next {
            Some(next) if before.is_some() || sums.has_room() => drop(sums.metrics.insert(of, next)),
            _ => sums.dropped += 1,
        }
    }

    /// Adds flags that the program has read, as far as there is room: what is left out is told another time.
    pub(crate) fn ask(&self, flags: Vec<String>) {
        let mut sums = self.lock();
        let room = MAX_SUMS.saturating_sub(sums.len());
        sums.asked.extend(flags.into_iter().take(room));
    }

    /// The batch to be sent: the one that did not arrive, else all sums there are.
    pub(crate) fn batch(&self, instance: &str) -> Option<Arc<Value>> {
        let mut sums = self.lock();
        if sums.sending.is_none() && sums.len() > 0 {
            sums.batches += 1;
            let exposures: Vec<_> = std::mem::take(&mut sums.exposures)
                .into_iter()
                .map(|(of, count)| Entry { of, sum: Count { count } })
                .collect();
            let metrics: Vec<_> =
                std::mem::take(&mut sums.metrics).into_iter().map(|(of, sum)| Entry { of, sum }).collect();
            let name = format!("{instance}-{}", sums.batches);
            let mut batch = json!({"batch": name, "exposures": exposures, "metrics": metrics});
            if !sums.asked.is_empty() {
                batch["asked"] = json!(std::mem::take(&mut sums.asked));
            }
            sums.sending = Some(Arc::new(batch));
        }
        sums.sending.clone()
    }

    /// The batch has arrived, or will never be taken.
    pub(crate) fn done(&self) {
        self.lock().sending = None;
    }

    /// Whether there is nothing to be sent.
    pub(crate) fn is_empty(&self) -> bool {
        let sums = self.lock();
        sums.sending.is_none() && sums.len() == 0
    }

    /// How many counts found no place since this was last asked.
    pub(crate) fn dropped(&self) -> u64 {
        std::mem::take(&mut self.lock().dropped)
    }
}

/// Whether a server takes these names: one that is too long would cost a whole batch.
fn is_short<const N: usize>(names: [Option<&String>; N]) -> bool {
    names.into_iter().flatten().all(|name| name.len() <= MAX_FLAG_KEY_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(events: &Events, metric: &str, venue: Option<&str>, value: f64) {
        events.track(metric, venue, None, Outcome::Value(value));
    }

    #[test]
    fn counts_are_summed_and_a_batch_stays_until_it_has_arrived() {
        let events = Events::default();
        value(&events, "checkout", Some("dome"), 1.0);
        value(&events, "checkout", Some("dome"), 2.5);
        events.expose("guard", "on", Some("dome"), Some(Reason::Split));
        events.expose("guard", "on", Some("dome"), Some(Reason::Split));
        let batch = events.batch("i").unwrap();
        assert_eq!(
            *batch,
            json!({"batch": "i-1",
                "exposures": [{"flag": "guard", "variant": "on", "venue": "dome", "reason": "SPLIT", "count": 2}],
                "metrics": [{"metric": "checkout", "venue": "dome", "count": 2, "sum": 3.5, "squares": 7.25}]})
        );
        value(&events, "checkout", None, 1.0);
        assert_eq!(events.batch("i"), Some(batch), "the same again");
        events.done();
        assert_eq!(events.batch("i").unwrap()["batch"], "i-2");
        events.done();
        assert_eq!(events.batch("i"), None);
    }

    #[test]
    fn what_failed_and_what_is_dark_is_summed_apart() {
        let events = Events::default();
        for outcome in [Outcome::Ok, Outcome::Error, Outcome::Ok] {
            events.track("checkout", None, Some(("guard", "on")), outcome);
        }
        events.track("checkout", None, Some(("guard", "off")), Outcome::Ok);
        events.expose("guard", "on", None, None);
        events.expose("guard", "on", None, Some(Reason::Static));
        events.expose("guard", "on", None, Some(Reason::Cached));
        let batch = events.batch("i").unwrap();
        let has = |list: &str, entry: Value| batch[list].as_array().unwrap().contains(&entry);
        let of =
            |variant: &str| json!({"metric": "checkout", "venue": null, "flag": "guard", "variant": variant});
        let with = |mut entry: Value, more: Value| {
            entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            entry
        };
        assert!(has("metrics", with(of("on"), json!({"count": 3, "failed": 1, "sum": 0.0}))), "{batch}");
        assert!(has("metrics", with(of("off"), json!({"count": 1, "sum": 0.0}))), "{batch}");
        let shown = json!({"flag": "guard", "variant": "on", "venue": null, "count": 1});
        assert!(has("exposures", with(shown.clone(), json!({"reason": "STATIC"}))), "{batch}");
        assert!(has("exposures", with(shown.clone(), json!({"reason": "CACHED"}))), "{batch}");
        assert!(has("exposures", with(shown, json!({"dark": true}))), "{batch}");
    }

    #[test]
    fn what_was_read_is_told_beside_and_within_the_same_bound() {
        let events = Events::default();
        events.ask(vec!["guard".to_owned(), "limit".to_owned(), "guard".to_owned()]);
        assert!(!events.is_empty());
        let batch = events.batch("i").unwrap();
        assert_eq!(
            *batch,
            json!({"batch": "i-1", "exposures": [], "metrics": [], "asked": ["guard", "limit"]})
        );
        events.done();
        assert!(events.is_empty());
        events.expose("guard", "on", None, None);
        events.ask((0..2_000).map(|n| format!("f{n}")).collect());
        assert_eq!(events.batch("i").unwrap()["asked"].as_array().unwrap().len(), MAX_SUMS - 1);
    }

    #[test]
    fn what_would_spoil_a_batch_is_dropped_and_counted() {
        let events = Events::default();
        value(&events, "m", None, f64::NAN);
        value(&events, "m", None, f64::INFINITY);
        value(&events, "m", None, f64::MAX);
        value(&events, &"m".repeat(257), None, 1.0);
        events.expose("f", &"v".repeat(257), None, Some(Reason::Static));
        events.track("m", None, Some(("f", &"v".repeat(257))), Outcome::Ok);
        assert_eq!((events.batch("i"), events.dropped(), events.dropped()), (None, 6, 0));
        // The square of each is a number, their sum is none.
        value(&events, "m", None, 1.2e154);
        value(&events, "m", None, 1.2e154);
        assert_eq!(events.batch("i").unwrap()["metrics"][0]["count"], 1);
        for n in 0..2_000 {
            value(&events, &format!("m{n}"), None, 0.0);
            events.track("joined", None, Some((&format!("f{n}"), "on")), Outcome::Ok);
            events.expose(&format!("f{n}"), "on", None, (n % 2 == 0).then_some(Reason::Static));
        }
        events.done();
        let batch = events.batch("i").unwrap();
        let length = |name: &str| batch[name].as_array().unwrap().len();
        assert_eq!(length("metrics") + length("exposures"), MAX_SUMS);
        assert_eq!(events.dropped(), 5_001);
    }
}
