//! What SDKs have counted: exposures and metrics. Kept in memory, summed up, bounded.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Mutex, PoisonError},
};

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use serde::{Deserialize, Serialize};
use serde_json::json;
use usher_core::limits::MAX_FLAG_KEY_BYTES;

use crate::{auth, body::Body, problem::Problem, surface::Surface};

/// Exposures and metrics in one batch.
const MAX_BATCH: usize = 1_000;
/// Sums that are kept; what would need more is counted as dropped.
const MAX_SUMS: usize = 100_000;
/// Batches that are remembered, so that one sent twice counts once.
const REMEMBERED_BATCHES: usize = 10_000;

/// What an SDK sends, or an edge for its clients.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Batch {
    /// Its random name: sending it again changes nothing.
    pub batch: String,
    #[serde(default)]
    exposures: Vec<Exposure>,
    #[serde(default)]
    metrics: Vec<Metric>,
}

impl Batch {
    /// Everything in it that is kept.
    fn texts(&self) -> impl Iterator<Item = &str> {
        let exposures = self.exposures.iter().flat_map(|own| {
            [Some(&own.flag), own.variant.as_ref(), own.venue.as_ref()].into_iter().flatten()
        });
        let metrics =
            self.metrics.iter().flat_map(|own| [Some(&own.metric), own.venue.as_ref()].into_iter().flatten());
        [&self.batch].into_iter().chain(exposures).chain(metrics).map(String::as_str)
    }
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Exposure {
    flag: String,
    #[serde(default)]
    variant: Option<String>,
    #[serde(default)]
    venue: Option<String>,
    count: u64,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Metric {
    metric: String,
    #[serde(default)]
    venue: Option<String>,
    count: u64,
    #[serde(default)]
    sum: f64,
}

/// What a sum is of.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Of {
    environment: String,
    /// A flag, or a metric.
    name: String,
    variant: Option<String>,
    venue: Option<String>,
}

#[derive(Default)]
struct Inner {
    exposures: HashMap<Of, u64>,
    metrics: HashMap<Of, (u64, f64)>,
    seen: HashSet<String>,
    order: VecDeque<String>,
    dropped: u64,
}

/// All sums since the server started.
#[derive(Default)]
pub struct Counts(Mutex<Inner>);

impl Counts {
    /// Adds a batch of a sender, who names it. `false` when it was added before.
    pub fn add(&self, sender: &str, environment: &str, batch: Batch) -> bool {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let name = format!("{sender}:{}", batch.batch);
        if !inner.seen.insert(name.clone()) {
            return false;
        }
        inner.order.push_back(name);
        if inner.order.len() > REMEMBERED_BATCHES
            && let Some(oldest) = inner.order.pop_front()
        {
            inner.seen.remove(&oldest);
        }
        let of = |name, variant, venue| Of { environment: environment.to_owned(), name, variant, venue };
        for exposure in batch.exposures {
            let key = of(exposure.flag, exposure.variant, exposure.venue);
            if inner.exposures.len() < MAX_SUMS || inner.exposures.contains_key(&key) {
                let sum = inner.exposures.entry(key).or_default();
                *sum = sum.saturating_add(exposure.count);
            } else {
                inner.dropped = inner.dropped.saturating_add(exposure.count);
            }
        }
        for metric in batch.metrics {
            let key = of(metric.metric, None, metric.venue);
            if inner.metrics.len() < MAX_SUMS || inner.metrics.contains_key(&key) {
                let sum = inner.metrics.entry(key).or_default();
                sum.0 = sum.0.saturating_add(metric.count);
                sum.1 += metric.sum;
            } else {
                inner.dropped = inner.dropped.saturating_add(metric.count);
            }
        }
        true
    }

    /// Takes sums of an environment away, as a batch of this name: for who passes them on. `None` when there are none.
    #[must_use]
    pub fn take(&self, environment: &str, name: String) -> Option<Batch> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut left = MAX_BATCH;
        let mut chosen = |of: &Of| {
            let chosen = left > 0 && of.environment == environment;
            left -= usize::from(chosen);
            chosen
        };
        let exposures = inner.exposures.extract_if(|of, _| chosen(of)).map(|(of, count)| Exposure {
            flag: of.name,
            variant: of.variant,
            venue: of.venue,
            count,
        });
        let exposures: Vec<Exposure> = exposures.collect();
        let metrics = inner.metrics.extract_if(|of, _| chosen(of)).map(|(of, (count, sum))| Metric {
            metric: of.name,
            venue: of.venue,
            count,
            sum,
        });
        let metrics: Vec<Metric> = metrics.collect();
        let some = !(exposures.is_empty() && metrics.is_empty());
        some.then_some(Batch { batch: name, exposures, metrics })
    }

    /// How often a variant of a flag was given out, anywhere.
    #[must_use]
    pub fn exposures(&self, flag: &str, variant: &str) -> u64 {
        let inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mine = inner
            .exposures
            .iter()
            .filter(|(of, _)| of.name == flag && of.variant.as_deref() == Some(variant));
        mine.fold(0, |sum: u64, (_, count)| sum.saturating_add(*count))
    }
}

/// `POST /sdk/v1/events`.
pub async fn events(
    request: HttpRequest,
    app: web::Data<Surface>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let credential = auth::sdk_key(&request, &app).await?;
    let environment = credential.environment.as_deref().unwrap_or_default().to_owned();
    let batch: Batch = usher_core::problem::from_json(&body)?;
    if batch.exposures.len() + batch.metrics.len() > MAX_BATCH {
        let detail = format!("A batch holds at most {MAX_BATCH} sums; send several.");
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail));
    }
    if batch.texts().any(|text| text.len() > MAX_FLAG_KEY_BYTES) {
        let mend = format!("Keep names within {MAX_FLAG_KEY_BYTES} bytes.");
        return Err(Problem::bad_value("", "…", "a name in this batch is too long", &mend));
    }
    let fresh = app.counts.add(&credential.key, &environment, batch);
    Ok(HttpResponse::Accepted().json(json!({"accepted": true, "replayed": !fresh})))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_sent_twice_counts_once() {
        let counts = Counts::default();
        let batch = || {
            serde_json::from_value(
                json!({"batch": "b-1", "exposures": [{"flag": "f", "variant": "on", "count": 3}]}),
            )
            .unwrap()
        };
        assert!(counts.add("k", "production", batch()));
        assert!(!counts.add("k", "production", batch()));
        assert_eq!(counts.exposures("f", "on"), 3);
    }
}
