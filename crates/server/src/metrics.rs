//! What Prometheus is told. Labels are few and bounded.

use std::cell::Cell;

use actix_web::{HttpRequest, HttpResponse, web};
use prometheus::{
    Encoder, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};
use usher_core::{Reason, protocol::Mode};
use usher_journal::Health;

use crate::{app::App, auth, problem::Problem, surface::Surface, webhooks};

/// What a server's evaluations are counted by.
const REASONS: [Reason; 6] =
    [Reason::Static, Reason::Default, Reason::TargetingMatch, Reason::Split, Reason::Disabled, Reason::Error];

/// Evaluations of one answer, by reason: added up before they are told to anybody.
#[derive(Default)]
pub(crate) struct Evaluated([Cell<u64>; REASONS.len()]);

impl Evaluated {
    /// One more.
    pub(crate) fn count(&self, reason: Reason) {
        // Reasons that only an SDK gives have no place here.
        if let Some(n) = REASONS.iter().position(|own| *own == reason) {
            self.0[n].set(self.0[n].get() + 1);
        }
    }
}

/// The server's own metrics.
pub struct Metrics {
    registry: Registry,
    /// One counter for each of [`REASONS`], found once: a label costs more to find than an evaluation.
    evaluations: [IntCounter; REASONS.len()],
    /// Open streams of OFREP change events.
    pub event_streams: IntGauge,
    /// Change events sent on them.
    pub events: IntCounter,
    /// Those that found no place.
    pub event_streams_refused: IntCounter,
    /// OFREP requests of keys that ask too often.
    pub limited: IntCounter,
    /// Requests that were too many from their address, by what they asked.
    pub address_limited: IntCounterVec,
    /// Frames sent on streams.
    pub frames: IntCounter,
    /// Streams that were closed because their client did not keep up or went silent.
    pub evictions: IntCounter,
    /// Clients that were told to come later.
    pub refused: IntCounter,
    /// Seconds from publication to acknowledgement.
    pub convergence: Histogram,
    /// Steps that releases have taken here, by kind.
    pub release_steps: IntCounterVec,
    /// Releases that are watched, by whether they go on.
    pub releases: IntGaugeVec,
    /// Messages to webhooks, by what became of them.
    pub webhook_deliveries: IntCounterVec,
    /// Commits that the slowest webhook has not been told of yet.
    webhook_lag: IntGauge,
    connections: IntGaugeVec,
    /// The last commit that is applied here.
    pub seq: IntGauge,
    /// Without a value where there is no journal: at an edge.
    writable: IntGaugeVec,
}

impl Metrics {
    /// All at zero.
    ///
    /// # Errors
    /// Two metrics of one name.
    pub fn new() -> prometheus::Result<Self> {
        let registry = Registry::new();
        let evaluations = IntCounterVec::new(
            Opts::new("usher_evaluations_total", "Evaluations over OFREP, by reason"),
            &["reason"],
        )?;
        registry.register(Box::new(evaluations.clone()))?;
        let metrics = Self {
            evaluations: REASONS.map(|reason| evaluations.with_label_values(&[reason.as_str()])),
            event_streams: IntGauge::new("usher_ofrep_event_streams", "Open streams of OFREP change events")?,
            events: IntCounter::new("usher_ofrep_events_total", "OFREP change events sent")?,
            event_streams_refused: IntCounter::new(
                "usher_ofrep_event_streams_refused_total",
                "Streams of OFREP change events that found no place",
            )?,
            limited: IntCounter::new(
                "usher_ofrep_limited_total",
                "OFREP requests refused because their key asks too often",
            )?,
            address_limited: IntCounterVec::new(
                Opts::new(
                    "usher_address_limited_total",
                    "Requests refused because too many come from their address: of clients, to the API, or without a good key",
                ),
                &["kind"],
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
            release_steps: IntCounterVec::new(
                Opts::new(
                    "usher_release_steps_total",
                    "Steps of releases that this server decided on, by kind",
                ),
                &["kind"],
            )?,
            releases: IntGaugeVec::new(
                Opts::new("usher_releases", "Releases that are watched, by status"),
                &["status"],
            )?,
            webhook_deliveries: IntCounterVec::new(
                Opts::new("usher_webhook_deliveries_total", "Messages to webhooks, by what became of them"),
                &["outcome"],
            )?,
            webhook_lag: IntGauge::new(
                "usher_webhook_lag_commits",
                "Commits that the slowest webhook has not been told of yet; 0 at servers that do not deliver",
            )?,
            connections: IntGaugeVec::new(
                Opts::new("usher_connections", "Clients on streams, by mode"),
                &["mode"],
            )?,
            seq: IntGauge::new("usher_journal_seq", "The last commit that this server has applied")?,
            writable: IntGaugeVec::new(
                Opts::new("usher_journal_writable", "1 as long as changes can be written, else 0"),
                &[],
            )?,
            registry,
        };
        let registry = &metrics.registry;
        registry.register(Box::new(metrics.event_streams.clone()))?;
        registry.register(Box::new(metrics.events.clone()))?;
        registry.register(Box::new(metrics.event_streams_refused.clone()))?;
        registry.register(Box::new(metrics.limited.clone()))?;
        registry.register(Box::new(metrics.address_limited.clone()))?;
        registry.register(Box::new(metrics.frames.clone()))?;
        registry.register(Box::new(metrics.evictions.clone()))?;
        registry.register(Box::new(metrics.refused.clone()))?;
        registry.register(Box::new(metrics.convergence.clone()))?;
        // What has not happened yet is told as none: an alert can't tell that from a server that is not asked.
        for kind in ["promote", "complete", "pause", "withdraw", "stage_back", "roll_back", "kill", "arrived"]
        {
            metrics.release_steps.with_label_values(&[kind]).inc_by(0);
        }
        for status in ["running", "paused"] {
            metrics.releases.with_label_values(&[status]).set(0);
        }
        for outcome in webhooks::OUTCOMES {
            metrics.webhook_deliveries.with_label_values(&[outcome]).inc_by(0);
        }
        registry.register(Box::new(metrics.webhook_deliveries.clone()))?;
        registry.register(Box::new(metrics.webhook_lag.clone()))?;
        registry.register(Box::new(metrics.release_steps.clone()))?;
        registry.register(Box::new(metrics.releases.clone()))?;
        registry.register(Box::new(metrics.connections.clone()))?;
        registry.register(Box::new(metrics.seq.clone()))?;
        registry.register(Box::new(metrics.writable.clone()))?;
        Ok(metrics)
    }

    /// Where more can be registered.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Counts the evaluations of an answer over OFREP.
    pub(crate) fn evaluated(&self, evaluated: &Evaluated) {
        for (counter, count) in self.evaluations.iter().zip(&evaluated.0) {
            if count.get() > 0 {
                counter.inc_by(count.get());
            }
        }
    }
}

/// `GET /metrics` of a server.
pub async fn metrics(request: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, Problem> {
    if !app.settings.metrics_open {
        auth::identify(&request, &app).await?.check_factor()?;
    }
    let writable = app.world.journal().health() == Health::Well;
    app.metrics.writable.with_label_values::<&str>(&[]).set(writable.into());
    let seq = app.world.snapshot().seq().0;
    app.metrics.seq.set(i64::try_from(seq).unwrap_or(i64::MAX));
    app.metrics.webhook_lag.set(i64::try_from(app.webhooks.lag(seq)).unwrap_or(i64::MAX));
    shown(&app)
}

/// The metrics of a surface, with those of its moment.
///
/// # Errors
/// They can't be written.
pub fn shown(surface: &Surface) -> Result<HttpResponse, Problem> {
    let metrics = &surface.metrics;
    // Other nodes show their own.
    let groups = surface.connections.groups_here(None);
    for (mode, name) in [(Mode::Ruleset, "ruleset"), (Mode::Values, "values")] {
        let count: u64 = groups.iter().filter(|(group, _)| group.mode == mode).map(|(_, count)| *count).sum();
        metrics.connections.with_label_values(&[name]).set(i64::try_from(count).unwrap_or(i64::MAX));
    }
    let mut text = Vec::new();
    TextEncoder::new().encode(&metrics.registry.gather(), &mut text).map_err(Problem::internal)?;
    Ok(HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(text))
}
