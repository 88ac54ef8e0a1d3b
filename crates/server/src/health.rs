//! Whether this server lives, and whether it is ready.

use actix_web::{HttpResponse, web};
use serde_json::json;
use usher_journal::Health;

use crate::app::App;

/// `GET /healthz`: the process lives, and needs no new start.
pub(crate) async fn healthz(app: web::Data<App>) -> HttpResponse {
    if app.world.has_failed() {
        return HttpResponse::InternalServerError().json(json!({"status": "failed"}));
    }
    HttpResponse::Ok().json(json!({"status": "ok"}))
}

/// `GET /readyz`: it has data, and is not about to stop. One whose journal can't be written just now is ready all the
/// same: it answers from what it has, and says `degraded`. One that only a person can mend is not; but it lives, for a
/// new start would throw away what only it may have.
pub(crate) async fn readyz(app: web::Data<App>) -> HttpResponse {
    let snapshot = app.world.snapshot();
    let (status, reason, ready) = match app.world.journal().health() {
        _ if app.world.has_failed() => ("failed", None, false),
        Health::Failed(reason) => ("failed", Some(reason), false),
        _ if app.is_leaving() => ("draining", None, false),
        _ if snapshot.environments.is_empty() => ("empty", None, false),
        Health::Degraded(reason) => ("degraded", Some(reason), true),
        Health::Well => ("ready", None, true),
    };
    let mut body = json!({"status": status, "seq": snapshot.seq()});
    if let Some(reason) = reason {
        body["reason"] = reason.into();
    }
    if ready { HttpResponse::Ok().json(body) } else { HttpResponse::ServiceUnavailable().json(body) }
}
