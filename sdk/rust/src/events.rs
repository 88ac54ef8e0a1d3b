//! What the program counts: metrics, summed up here and sent in batches. Bounded; what finds no place is
//! counted as dropped.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use serde_json::{Value, json};

/// Sums that wait to be sent.
const MAX_SUMS: usize = 1_000;

#[derive(Default)]
struct Sums {
    metrics: HashMap<(String, Option<String>), (u64, f64)>,
    dropped: u64,
}

/// Sums that wait to be sent.
#[derive(Default)]
pub(crate) struct Events(Mutex<Sums>);

impl Events {
    /// Adds to a metric.
    pub(crate) fn track(&self, metric: &str, venue: Option<&str>, value: f64) {
        let mut sums = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (metric.to_owned(), venue.map(ToOwned::to_owned));
        if sums.metrics.len() >= MAX_SUMS && !sums.metrics.contains_key(&key) {
            sums.dropped += 1;
            return;
        }
        let sum = sums.metrics.entry(key).or_default();
        sum.0 += 1;
        sum.1 += value;
    }

    /// All sums as one batch named `name`, and from here on there are none.
    pub(crate) fn take(&self, name: &str) -> Option<Value> {
        let Sums { metrics, dropped } =
            std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if dropped > 0 {
            tracing::warn!(dropped, "metrics were dropped: there were too many different ones");
        }
        let metrics: Vec<Value> = metrics
            .into_iter()
            .map(|((metric, venue), (count, sum))| json!({"metric": metric, "venue": venue, "count": count, "sum": sum}))
            .collect();
        (!metrics.is_empty()).then(|| json!({"batch": name, "metrics": metrics}))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_summed_and_bounded() {
        let events = Events::default();
        events.track("checkout", Some("dome"), 1.0);
        events.track("checkout", Some("dome"), 2.5);
        let batch = events.take("b").unwrap();
        assert_eq!(
            batch["metrics"][0],
            json!({"metric": "checkout", "venue": "dome", "count": 2, "sum": 3.5})
        );
        assert_eq!(events.take("b"), None);
        for n in 0..2_000 {
            events.track(&format!("m{n}"), None, 0.0);
        }
        assert_eq!(events.take("b").unwrap()["metrics"].as_array().unwrap().len(), MAX_SUMS);
    }
}
