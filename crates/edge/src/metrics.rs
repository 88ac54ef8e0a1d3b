//! What Prometheus is told of an edge, beside what it is told of any surface.

use prometheus::{IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};

use crate::relay::Relay;

/// What can come of comparing an answer with the shadow's: one that did not answer has failed, and one for which there
/// was no time was dropped.
const OUTCOMES: [&str; 4] = ["same", "different", "failed", "dropped"];

/// An edge's own metrics.
#[derive(Clone)]
pub(crate) struct Metrics {
    checks: IntCounterVec,
    keys: IntGauge,
    live: IntGaugeVec,
    age: IntGaugeVec,
    shadowed: IntCounterVec,
}

impl Metrics {
    pub(crate) fn new() -> prometheus::Result<Self> {
        let shadowed = IntCounterVec::new(
            Opts::new("usher_edge_shadow_answers_total", "Answers that were compared with the shadow's"),
            &["outcome"],
        )?;
        for outcome in OUTCOMES {
            shadowed.with_label_values(&[outcome]).reset();
        }
        Ok(Self {
            shadowed,
            checks: IntCounterVec::new(
                Opts::new("usher_edge_key_checks_total", "Keys that upstream was asked about, by its answer"),
                &["answer"],
            )?,
            keys: IntGauge::new("usher_edge_keys", "Keys that are remembered, refused ones included")?,
            live: IntGaugeVec::new(
                Opts::new("usher_edge_live", "Whether an environment is the newest, as far as is known"),
                &["environment"],
            )?,
            age: IntGaugeVec::new(
                Opts::new("usher_edge_age_milliseconds", "Since an environment was last confirmed"),
                &["environment"],
            )?,
        })
    }

    pub(crate) fn register(&self, registry: &Registry) -> prometheus::Result<()> {
        registry.register(Box::new(self.checks.clone()))?;
        registry.register(Box::new(self.keys.clone()))?;
        registry.register(Box::new(self.live.clone()))?;
        registry.register(Box::new(self.shadowed.clone()))?;
        registry.register(Box::new(self.age.clone()))
    }

    pub(crate) fn checked(&self, answer: &str) {
        self.checks.with_label_values(&[answer]).inc();
    }

    /// One of [`OUTCOMES`].
    pub(crate) fn shadowed(&self, outcome: &str) {
        self.shadowed.with_label_values(&[outcome]).inc();
    }

    pub(crate) fn keys(&self, count: usize) {
        self.keys.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Notes how things stand now.
    pub(crate) fn look(&self, relay: &Relay) {
        for (begun, mirror) in relay.begun() {
            let (standing, labels) = (mirror.standing(), [begun.environment.as_str()]);
            self.live.with_label_values(&labels).set(i64::from(!standing.stale));
            self.age.with_label_values(&labels).set(i64::try_from(standing.age_ms).unwrap_or(i64::MAX));
        }
    }
}
