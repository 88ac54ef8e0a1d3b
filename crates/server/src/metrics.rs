//! What Prometheus is told. Labels are few and bounded.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, web};
use prometheus::{
    Encoder, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};
use usher_core::{Reason, protocol::Mode};

use crate::{app::App, auth, problem::Problem};

/// The server's own metrics.
pub struct Metrics {
    registry: Registry,
    evaluations: IntCounterVec,
    /// Frames sent on streams.
    pub frames: IntCounter,
    /// Streams that were closed because their client did not keep up or went silent.
    pub evictions: IntCounter,
    /// Clients that were told to come later.
    pub refused: IntCounter,
    /// Seconds from publication to acknowledgement.
    pub convergence: Histogram,
    connections: IntGaugeVec,
    seq: IntGauge,
}

impl Metrics {
    /// All at zero.
    ///
    /// # Errors
    /// Two metrics of one name.
    pub fn new() -> prometheus::Result<Self> {
        let registry = Registry::new();
        let metrics = Self {
            evaluations: IntCounterVec::new(
                Opts::new("usher_evaluations_total", "Evaluations over OFREP, by reason"),
                &["reason"],
            )?,
            frames: IntCounter::new("usher_stream_frames_total", "Frames sent on streams")?,
            evictions: IntCounter::new(
                "usher_stream_evictions_total",
                "Streams closed as silent or too slow",
            )?,
            refused: IntCounter::new("usher_stream_refused_total", "Clients told to come later")?,
            convergence: Histogram::with_opts(
                HistogramOpts::new(
                    "usher_convergence_seconds",
                    "From publication to a client's acknowledgement",
                )
                .buckets(vec![0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0]),
            )?,
            connections: IntGaugeVec::new(
                Opts::new("usher_connections", "Clients on streams, by mode"),
                &["mode"],
            )?,
            seq: IntGauge::new("usher_journal_seq", "The last commit that this server has applied")?,
            registry,
        };
        let registry = &metrics.registry;
        registry.register(Box::new(metrics.evaluations.clone()))?;
        registry.register(Box::new(metrics.frames.clone()))?;
        registry.register(Box::new(metrics.evictions.clone()))?;
        registry.register(Box::new(metrics.refused.clone()))?;
        registry.register(Box::new(metrics.convergence.clone()))?;
        registry.register(Box::new(metrics.connections.clone()))?;
        registry.register(Box::new(metrics.seq.clone()))?;
        Ok(metrics)
    }

    /// Counts evaluations over OFREP. Those of one answer are added up first: a label costs more to find than an
    /// evaluation.
    pub(crate) fn evaluated(&self, reasons: impl IntoIterator<Item = Reason>) {
        let mut counts = BTreeMap::new();
        for reason in reasons {
            *counts.entry(reason.as_str()).or_insert(0) += 1;
        }
        for (reason, count) in counts {
            self.evaluations.with_label_values(&[reason]).inc_by(count);
        }
    }
}

/// `GET /metrics`.
pub async fn metrics(request: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, Problem> {
    if !app.settings.metrics_open {
        auth::identify(&request, &app)?;
    }
    let metrics = &app.metrics;
    for count in app.connections.summary(None).by_mode {
        let mode = if count.mode == Mode::Ruleset { "ruleset" } else { "values" };
        metrics.connections.with_label_values(&[mode]).set(i64::try_from(count.count).unwrap_or(i64::MAX));
    }
    metrics.seq.set(i64::try_from(app.world.snapshot().seq().0).unwrap_or(i64::MAX));
    let mut text = Vec::new();
    TextEncoder::new().encode(&metrics.registry.gather(), &mut text).map_err(Problem::internal)?;
    Ok(HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(text))
}
