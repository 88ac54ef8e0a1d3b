//! What an edge answers beside the client surface: how it is, and where to go for the rest.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};
use subtle::ConstantTimeEq;
use usher_server::{Secret, auth::sdk_secret, metrics::shown, problem::Problem, surface::Surface};

use crate::{metrics::Metrics, relay::Relay, shadow::Shadow};

/// What these handlers share.
pub(crate) struct Edge {
    pub(crate) name: String,
    pub(crate) upstream: String,
    pub(crate) keys: Vec<Secret>,
    pub(crate) relay: Arc<Relay>,
    pub(crate) metrics: Metrics,
    pub(crate) surface: Arc<Surface>,
    pub(crate) shadow: Option<Arc<Shadow>>,
}

impl Edge {
    fn is_asked_by_its_own(&self, request: &HttpRequest) -> bool {
        let own = |secret: &str| {
            self.keys.iter().any(|key| bool::from(key.expose().as_bytes().ct_eq(secret.as_bytes())))
        };
        sdk_secret(request).is_some_and(own)
    }
}

pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config
        .route("/healthz", web::get().to(healthz))
        .route("/readyz", web::get().to(readyz))
        .route("/metrics", web::get().to(metrics))
        .route("/shadow", web::get().to(shadow))
        .default_service(web::to(upstreams));
}

/// `GET /healthz`: the process lives.
async fn healthz() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "ok"}))
}

/// `GET /readyz`: it has data, and is not about to stop. One that has lost its upstream is still ready, and says since
/// when it has.
async fn readyz(edge: web::Data<Edge>) -> HttpResponse {
    let draining = edge.surface.is_leaving();
    let ready = !draining && edge.relay.is_ready();
    let mut stale = false;
    let of = |(begun, mirror): (&crate::mirror::Begun, &crate::mirror::Mirror)| {
        let standing = mirror.standing();
        stale |= standing.stale;
        let snapshot = begun.hub.snapshot();
        json!({
            "environment": begun.environment, "venues": begun.venues, "epoch": snapshot.epoch,
            "seq": snapshot.seq(), "asOf": standing.as_of, "ageMs": standing.age_ms, "stale": standing.stale,
        })
    };
    let environments: Vec<Value> = edge.relay.begun().map(of).collect();
    let refused: Vec<String> = edge.relay.mirrors().iter().filter_map(|mirror| mirror.refused()).collect();
    let status = match (ready, draining) {
        (_, true) => "draining",
        (false, _) => "empty",
        (true, _) if stale => "stale",
        (true, _) => "ready",
    };
    let body = json!({
        "status": status, "edge": edge.name, "upstream": edge.upstream, "environments": environments,
        "refused": refused, "connections": edge.surface.connections.len(),
    });
    if ready { HttpResponse::Ok().json(body) } else { HttpResponse::ServiceUnavailable().json(body) }
}

/// `GET /metrics`: for whoever has one of the edge's own keys, or anybody where that is set.
async fn metrics(request: HttpRequest, edge: web::Data<Edge>) -> Result<HttpResponse, Problem> {
    if !edge.surface.settings.metrics_open && !edge.is_asked_by_its_own(&request) {
        let detail = "Send one of this edge's own keys, or start it with metrics_open.";
        return Err(Problem::unauthorized(detail));
    }
    let seq = edge.relay.begun().map(|(begun, _)| begun.hub.snapshot().seq().0).max().unwrap_or_default();
    edge.surface.metrics.seq.set(i64::try_from(seq).unwrap_or(i64::MAX));
    edge.metrics.look(&edge.relay);
    shown(&edge.surface)
}

/// `GET /shadow`: in what the shadow differs, for whoever has one of the edge's own keys.
async fn shadow(request: HttpRequest, edge: web::Data<Edge>) -> Result<HttpResponse, Problem> {
    if !edge.is_asked_by_its_own(&request) {
        return Err(Problem::unauthorized("Send one of this edge's own keys."));
    }
    let Some(shadow) = &edge.shadow else {
        return Err(Problem::not_found("shadow: `shadow_url` names one"));
    };
    let body = json!({"shadow": shadow.url(), "differences": shadow.latest()});
    Ok(HttpResponse::Ok().insert_header(("Cache-Control", "no-store")).json(body))
}

/// Everything else is the upstream's.
async fn upstreams(request: HttpRequest, edge: web::Data<Edge>) -> Result<HttpResponse, Problem> {
    let what = format!("{} {}", request.method(), request.path());
    let detail = format!("There is no {what} at an edge, which serves flags only: ask {}.", edge.upstream);
    Err(Problem::new(actix_web::http::StatusCode::NOT_FOUND, "not_found", detail))
}
