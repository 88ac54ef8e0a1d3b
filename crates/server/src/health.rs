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

/// How a server stands: a word for it, why, and whether it is to be asked.
pub(crate) struct Standing {
    /// `ready`, `degraded` while nothing can be written, `draining` on its way out, `empty` before its first data,
    /// `failed` until somebody mends it.
    pub status: &'static str,
    pub reason: Option<String>,
    pub ready: bool,
}

/// How this server stands. One whose journal can't be written just now is ready all the same: it answers from what it
/// has. One that only a person can mend is not; but it lives, for a new start would throw away what only it may have.
pub(crate) fn standing(app: &App) -> Standing {
    let (status, reason, ready) = match app.world.journal().health() {
        _ if app.world.has_failed() => ("failed", None, false),
        Health::Failed(reason) => ("failed", Some(reason), false),
        _ if app.is_leaving() => ("draining", None, false),
        _ if app.world.snapshot().environments.is_empty() => ("empty", None, false),
        Health::Degraded(reason) => ("degraded", Some(reason), true),
        Health::Well => ("ready", None, true),
    };
    Standing { status, reason, ready }
}

/// `GET /readyz`: it has data, and is not about to stop.
pub(crate) async fn readyz(app: web::Data<App>) -> HttpResponse {
    let Standing { status, reason, ready } = standing(&app);
    let mut body = json!({"status": status, "seq": app.world.snapshot().seq()});
    if let Some(reason) = reason {
        body["reason"] = reason.into();
    }
    if ready { HttpResponse::Ok().json(body) } else { HttpResponse::ServiceUnavailable().json(body) }
}
