//! Whether this server lives, and whether it is ready.

use actix_web::{HttpResponse, web};
use serde_json::json;

use crate::app::App;

/// `GET /healthz`: the process lives, and needs no new start.
pub(crate) async fn healthz(app: web::Data<App>) -> HttpResponse {
    if app.world.has_failed() {
        return HttpResponse::InternalServerError().json(json!({"status": "failed"}));
    }
    HttpResponse::Ok().json(json!({"status": "ok"}))
}

/// `GET /readyz`: it has data, and is not about to stop.
pub(crate) async fn readyz(app: web::Data<App>) -> HttpResponse {
    let snapshot = app.world.snapshot();
    let draining = app.is_leaving();
    let failed = app.world.has_failed();
    let ready = !failed && !draining && !snapshot.environments.is_empty();
    let status = if failed {
        "failed"
    } else if draining {
        "draining"
    } else if ready {
        "ready"
    } else {
        "empty"
    };
    let body = json!({"status": status, "seq": snapshot.seq()});
    if ready { HttpResponse::Ok().json(body) } else { HttpResponse::ServiceUnavailable().json(body) }
}
