//! What the program counts: exposures and metrics, summed up here and sent in batches.
//!
//! Bounded: what finds no place is counted as dropped, and said. Nothing is lost by a server that is away: a
//! batch is kept until it is taken, under a name by which the server knows one that it has taken already.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::{Value, json};
use usher_core::limits::MAX_FLAG_KEY_BYTES;

/// Sums in one batch, and sums that wait for the next one: what a server takes at once.
const MAX_SUMS: usize = 1_000;

/// A flag, a variant and a venue.
type Exposure = (String, String, Option<String>);
/// A metric and a venue.
type Metric = (String, Option<String>);

#[derive(Default)]
struct Sums {
    exposures: HashMap<Exposure, u64>,
    metrics: HashMap<Metric, (u64, f64)>,
    dropped: u64,
    /// The batch that is on its way, until it has arrived.
    sending: Option<Arc<Value>>,
    batches: u64,
}

impl Sums {
    fn has_room(&self) -> bool {
        self.exposures.len() + self.metrics.len() < MAX_SUMS
    }
}

/// Sums that wait to be sent.
#[derive(Default)]
pub(crate) struct Events(Mutex<Sums>);

impl Events {
    fn lock(&self) -> MutexGuard<'_, Sums> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts that a variant was shown.
    pub(crate) fn expose(&self, flag: &str, variant: &str, venue: Option<&str>) {
        let mut sums = self.lock();
        let key = (flag.to_owned(), variant.to_owned(), venue.map(ToOwned::to_owned));
        let fits = is_short([Some(flag), Some(variant), venue]);
        if fits && (sums.has_room() || sums.exposures.contains_key(&key)) {
            *sums.exposures.entry(key).or_default() += 1;
        } else {
            sums.dropped += 1;
        }
    }

    /// Adds to a metric. What is no number, or makes the sum none, would make a batch that no server can read.
    pub(crate) fn track(&self, metric: &str, venue: Option<&str>, value: f64) {
        let mut sums = self.lock();
        let key = (metric.to_owned(), venue.map(ToOwned::to_owned));
        let (count, sum) = sums.metrics.get(&key).copied().unwrap_or_default();
        let fits = is_short([Some(metric), venue, None]) && (sum + value).is_finite();
        if fits && (count > 0 || sums.has_room()) {
            sums.metrics.insert(key, (count + 1, sum + value));
        } else {
            sums.dropped += 1;
        }
    }

    /// The batch to be sent: the one that did not arrive, else all sums there are.
    pub(crate) fn batch(&self, instance: &str) -> Option<Arc<Value>> {
        let mut sums = self.lock();
        if sums.sending.is_none() && !(sums.exposures.is_empty() && sums.metrics.is_empty()) {
            sums.batches += 1;
            let exposures: Vec<Value> = std::mem::take(&mut sums.exposures)
                .into_iter()
                .map(|((flag, variant, venue), count)| {
                    json!({"flag": flag, "variant": variant, "venue": venue, "count": count})
                })
                .collect();
            let metrics: Vec<Value> = std::mem::take(&mut sums.metrics)
                .into_iter()
                .map(|((metric, venue), (count, sum))| {
                    json!({"metric": metric, "venue": venue, "count": count, "sum": sum})
                })
                .collect();
            let name = format!("{instance}-{}", sums.batches);
            sums.sending = Some(Arc::new(json!({"batch": name, "exposures": exposures, "metrics": metrics})));
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
        sums.sending.is_none() && sums.exposures.is_empty() && sums.metrics.is_empty()
    }

    /// How many counts found no place since this was last asked.
    pub(crate) fn dropped(&self) -> u64 {
        std::mem::take(&mut self.lock().dropped)
    }
}

/// Whether a server takes these names: one that is too long would cost a whole batch.
fn is_short(names: [Option<&str>; 3]) -> bool {
    names.into_iter().flatten().all(|name| name.len() <= MAX_FLAG_KEY_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_summed_and_a_batch_stays_until_it_has_arrived() {
        let events = Events::default();
        events.track("checkout", Some("dome"), 1.0);
        events.track("checkout", Some("dome"), 2.5);
        events.expose("guard", "on", Some("dome"));
        events.expose("guard", "on", Some("dome"));
        let batch = events.batch("i").unwrap();
        assert_eq!(
            *batch,
            json!({"batch": "i-1",
                "exposures": [{"flag": "guard", "variant": "on", "venue": "dome", "count": 2}],
                "metrics": [{"metric": "checkout", "venue": "dome", "count": 2, "sum": 3.5}]})
        );
        events.track("checkout", None, 1.0);
        assert_eq!(events.batch("i"), Some(batch), "the same again");
        events.done();
        assert_eq!(events.batch("i").unwrap()["batch"], "i-2");
        events.done();
        assert_eq!(events.batch("i"), None);
    }

    #[test]
    fn what_would_spoil_a_batch_is_dropped_and_counted() {
        let events = Events::default();
        events.track("m", None, f64::NAN);
        events.track("m", None, f64::INFINITY);
        events.track(&"m".repeat(257), None, 1.0);
        events.expose("f", &"v".repeat(257), None);
        assert_eq!((events.batch("i"), events.dropped(), events.dropped()), (None, 4, 0));
        events.track("m", None, f64::MAX);
        events.track("m", None, f64::MAX);
        assert_eq!(events.batch("i").unwrap()["metrics"][0]["count"], 1);
        for n in 0..2_000 {
            events.track(&format!("m{n}"), None, 0.0);
            events.expose(&format!("f{n}"), "on", None);
        }
        events.done();
        let batch = events.batch("i").unwrap();
        let length = |name: &str| batch[name].as_array().unwrap().len();
        assert_eq!(length("metrics") + length("exposures"), MAX_SUMS);
        assert_eq!(events.dropped(), 3_001);
    }
}
