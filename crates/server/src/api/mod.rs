//! The administration API, `/api/v1`.
//!
//! Rights are checked before any handler runs, by [`guard`]. Everything that writes goes through
//! [`write::Write`], which knows about messages, versions, idempotency and references; handlers only say what
//! changes.

pub mod actions;
pub mod board;
pub mod change_requests;
pub mod code_references;
pub mod commits;
pub mod documents;
pub mod evaluate;
pub mod evaluations;
pub mod export;
pub mod factor;
pub mod flags;
pub mod import;
pub mod invitations;
pub mod keys;
pub(crate) mod kills;
pub mod labels;
pub mod oidc;
pub mod people;
pub mod playbooks;
pub mod reach;
pub mod releases;
pub mod restore;
pub mod schedules;
pub mod schemas;
pub mod session;
pub mod sessions;
pub mod stale;
pub mod status;
pub mod write;

use std::sync::Arc;

use actix_web::{
    Error, HttpMessage, HttpRequest, ResponseError,
    body::{EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        StatusCode,
        header::{CACHE_CONTROL, HeaderValue},
    },
    middleware::Next,
    web,
};
use serde::Deserialize;
use usher_journal::Point;

use crate::{
    app::App,
    auth::{
        self, Identity, Known, refusals,
        rights::{self, Needs},
    },
    body::Limit,
    problem::Problem,
    scopes,
    world::Snapshot,
};

/// Largest body of a commit of many documents, in bytes; every other body holds one document.
const MAX_COMMIT_BYTES: usize = 64 * 1024 * 1024;

/// Largest body of what was found in a repository, in bytes: a few hundred for each place.
const MAX_REPORT_BYTES: usize = 16 * 1024 * 1024;

/// What administrators see is for them, and some of it is a secret: no cache keeps any of it.
const NOT_KEPT: HeaderValue = HeaderValue::from_static("no-store");

/// Lets through who has the right to the route; sets the identity for the handler.
///
/// # Errors
/// Those of the handler; a refusal is an answer, so that it gets the headers that every answer carries.
pub async fn guard<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    if let Err(problem) = admit(&request).await {
        note(request.request(), &problem);
        let mut refusal = request.into_response(problem.error_response());
        refusal.headers_mut().insert(CACHE_CONTROL, NOT_KEPT);
        return Ok(refusal.map_into_right_body());
    }
    let mut response = next.call(request).await?;
    if let Some(problem) = response.response().error().and_then(Error::as_error::<Problem>) {
        note(response.request(), problem);
    }
    response.headers_mut().insert(CACHE_CONTROL, NOT_KEPT);
    Ok(response.map_into_left_body())
}

fn note(request: &HttpRequest, problem: &Problem) {
    if let Some(app) = request.app_data::<web::Data<App>>() {
        refusals::note(request, &app.rates, problem);
    }
}

/// Checks the right to the route.
async fn admit(request: &ServiceRequest) -> Result<(), Problem> {
    let app = request.app_data::<web::Data<App>>();
    let app = app.ok_or_else(|| Problem::internal("the application is not there"))?;
    app.rates.api(request.request())?;
    let Some(pattern) = request.match_pattern() else {
        // Nobody learns which routes there are without saying who they are.
        return auth::identify(request.request(), app).await.map(drop);
    };
    let needs = match rights::needs(request.method().as_str(), &pattern) {
        Some(Needs::Nobody) => return Ok(()),
        Some(needs) => needs,
        // Without an entry in the table nobody has the right, whatever the handler would do.
        None => {
            auth::identify(request.request(), app).await?;
            let detail = format!("{pattern} can't be asked with {}.", request.method());
            return Err(Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail));
        }
    };
    let known = auth::identify(request.request(), app).await?;
    if !rights::is_of_session(&pattern) {
        known.check_factor()?;
    }
    let rights = known.identity.rights();
    let refused = match needs {
        Needs::Nobody => Ok(()),
        Needs::Role(role) if rights.highest() < role => rights.may(role, None, &[]),
        Needs::Role(_) => Ok(()),
        Needs::Everywhere(role) => rights.may(role, None, &[]),
    };
    refused.map_err(|out| scopes::refusal(&rights, "This", &out))?;
    request.extensions_mut().insert(known);
    Ok(())
}

/// Who sent the request; [`guard`] has put it there.
///
/// # Errors
/// 401 where nobody has.
pub fn identity(request: &HttpRequest) -> Result<Identity, Problem> {
    Ok(known(request)?.identity)
}

/// The same, with the token by which they are known.
///
/// # Errors
/// 401 where nobody has.
pub fn known(request: &HttpRequest) -> Result<Known, Problem> {
    request.extensions().get::<Known>().cloned().ok_or_else(|| Problem::unauthorized("Sign in first."))
}

/// `?at=`: a commit or a time.
#[derive(Debug, Default, Deserialize)]
pub struct AtQuery {
    at: Option<String>,
}

/// The world now, or as it was `at`.
///
/// # Errors
/// A point that is none, or has not come yet.
pub async fn world_at(app: &App, at: Option<&str>) -> Result<Arc<Snapshot>, Problem> {
    match at {
        None => Ok(app.world.snapshot()),
        Some(text) => {
            let point: Point = text.parse().map_err(|detail: String| {
                Problem::bad_value("at", text, &detail, "Give a commit's number or a time.")
            })?;
            Ok(app.world.at(point).await?)
        }
    }
}

/// All routes.
pub fn configure(config: &mut web::ServiceConfig) {
    config
        .route("/session", web::post().to(session::sign_in))
        .route("/session", web::get().to(session::who))
        .route("/session", web::delete().to(session::sign_out))
        .route("/session/refresh", web::post().to(session::refresh))
        .route("/session/means", web::get().to(oidc::means))
        .route("/session/oidc", web::get().to(oidc::begin))
        .route("/session/oidc/callback", web::get().to(oidc::finish))
        .route("/session/factor", web::post().to(factor::begin))
        .route("/session/factor/confirm", web::post().to(factor::confirm))
        .route("/session/factor/remove", web::post().to(factor::remove))
        .route("/sessions", web::get().to(sessions::list))
        .route("/sessions", web::delete().to(sessions::end_all))
        .route("/sessions/{id}", web::delete().to(sessions::end))
        .route("/session-key/rotate", web::post().to(sessions::rotate_key))
        .route("/workspace", web::get().to(status::workspace))
        .route("/openapi.json", web::get().to(crate::openapi::document))
        .route("/convergence", web::get().to(status::convergence))
        .route("/connections", web::get().to(status::connections))
        .route("/fleet", web::get().to(status::fleet))
        .route("/verify", web::get().to(status::verify))
        .route("/environments", web::get().to(documents::environments::list))
        .route("/environments/{key}", web::get().to(documents::environments::get))
        .route("/environments/{key}", web::put().to(documents::environments::put))
        .route("/environments/{key}", web::delete().to(documents::environments::delete))
        .route("/venues", web::get().to(documents::venues::list))
        .route("/venues/{key}", web::get().to(documents::venues::get))
        .route("/venues/{key}", web::put().to(documents::venues::put))
        .route("/venues/{key}", web::delete().to(documents::venues::delete))
        .route("/cohorts", web::get().to(documents::cohorts::list))
        .route("/cohorts/{key}", web::get().to(documents::cohorts::get))
        .route("/cohorts/{key}", web::put().to(documents::cohorts::put))
        .route("/cohorts/{key}", web::delete().to(documents::cohorts::delete))
        .route("/flags", web::get().to(documents::flags::list))
        .route("/flags/{key}", web::get().to(documents::flags::get))
        .route("/flags/{key}", web::put().to(documents::flags::put))
        .route("/flags/{key}", web::delete().to(documents::flags::delete))
        .route("/events", web::get().to(documents::events::list))
        .route("/events/{key}", web::get().to(documents::events::get))
        .route("/events/{key}", web::put().to(documents::events::put))
        .route("/events/{key}", web::delete().to(documents::events::delete))
        .route("/freezes", web::get().to(documents::freezes::list))
        .route("/freezes/{key}", web::get().to(documents::freezes::get))
        .route("/freezes/{key}", web::put().to(documents::freezes::put))
        .route("/freezes/{key}", web::delete().to(documents::freezes::delete))
        .route("/playbooks", web::get().to(documents::playbooks::list))
        .route("/playbooks/{key}", web::get().to(documents::playbooks::get))
        .route("/playbooks/{key}", web::put().to(documents::playbooks::put))
        .route("/playbooks/{key}", web::delete().to(documents::playbooks::delete))
        .route("/playbooks/{key}/run", web::post().to(playbooks::run))
        .route("/playbooks/{key}/rehearse", web::post().to(playbooks::rehearse))
        .route("/schedules", web::get().to(documents::schedules::list))
        .route("/schedules/{key}", web::get().to(documents::schedules::get))
        .route("/schedules/{key}", web::put().to(documents::schedules::put))
        .route("/schedules/{key}", web::delete().to(documents::schedules::delete))
        .route("/schedules/{key}/due", web::get().to(schedules::due))
        .service(
            web::resource("/change-requests")
                .route(web::get().to(change_requests::list))
                .route(web::post().to(change_requests::open)),
        )
        .route("/change-requests/{key}", web::get().to(change_requests::view::get))
        .route("/change-requests/{key}", web::put().to(change_requests::edit))
        .route("/change-requests/{key}/comments", web::post().to(change_requests::comment))
        .route("/change-requests/{key}/approve", web::post().to(change_requests::approve))
        .route("/change-requests/{key}/close", web::post().to(change_requests::close))
        .route("/change-requests/{key}/merge", web::post().to(change_requests::merge))
        .route("/releases", web::get().to(documents::releases::list))
        .route("/releases/{key}", web::get().to(documents::releases::get))
        .route("/releases/{key}", web::put().to(documents::releases::put))
        .route("/releases/{key}", web::delete().to(documents::releases::delete))
        .route("/releases/{key}/preflight", web::get().to(releases::preflight))
        .route("/releases/{key}/status", web::get().to(releases::status))
        .route("/releases/{key}/rehearse", web::post().to(releases::rehearse))
        .route("/releases/{key}/start", web::post().to(releases::start))
        .route("/releases/{key}/promote", web::post().to(releases::promote))
        .route("/releases/{key}/approve", web::post().to(releases::approve))
        .route("/releases/{key}/pause", web::post().to(releases::pause))
        .route("/releases/{key}/resume", web::post().to(releases::resume))
        .route("/releases/{key}/rollback", web::post().to(releases::roll_back))
        .route("/flag-labels", web::get().to(labels::labels))
        .route("/stale-flags", web::get().to(stale::list))
        .route("/flags/{key}/references", web::get().to(code_references::of_flag))
        .route("/code-references", web::get().to(code_references::list))
        .service(
            web::resource("/code-references/{repository}")
                .app_data(Limit(MAX_REPORT_BYTES))
                .route(web::put().to(code_references::put))
                .route(web::delete().to(code_references::delete)),
        )
        .route("/flags/{key}/evaluations", web::get().to(evaluations::evaluations))
        .route("/flags/{key}/archive", web::post().to(flags::archive))
        .route("/flags/{key}/environments/{environment}/{action}", web::post().to(flags::act))
        .route("/actions/{action}", web::post().to(actions::act))
        .route("/keys", web::get().to(keys::list))
        .route("/keys", web::post().to(keys::create))
        .route("/keys/{key}/rotate", web::post().to(keys::rotate))
        .route("/keys/{key}/revoke", web::post().to(keys::revoke))
        .route("/keys/{key}/signed-contexts", web::post().to(keys::signed_contexts))
        .route("/users", web::get().to(people::list))
        .route("/users", web::post().to(people::create))
        .route("/users/{key}", web::put().to(people::change))
        .route("/users/{key}", web::delete().to(people::delete))
        .route("/invitations", web::post().to(invitations::create))
        .route("/invitations/accept", web::post().to(invitations::accept))
        .route("/users/{key}/invitation", web::post().to(invitations::renew))
        .route("/users/{key}/factor", web::delete().to(factor::reset))
        .route("/users/{key}/sessions", web::get().to(sessions::list_of))
        .route("/users/{key}/sessions", web::delete().to(sessions::end_all_of))
        .service(
            web::resource("/commits")
                .app_data(Limit(MAX_COMMIT_BYTES))
                .route(web::post().to(commits::create))
                .route(web::get().to(commits::list)),
        )
        .route("/commits/{seq}", web::get().to(commits::get))
        .route("/commits/{seq}/undo", web::post().to(restore::undo))
        .route("/rollback", web::post().to(restore::rollback))
        .route("/rollback/preview", web::post().to(restore::preview))
        .service(
            web::resource("/reach")
                .app_data(Limit(reach::MAX_DRAFT_BYTES))
                .route(web::post().to(reach::reach)),
        )
        .service(
            web::resource("/import/{format}")
                .app_data(Limit(MAX_COMMIT_BYTES))
                .route(web::post().to(import::import)),
        )
        .route("/evaluate", web::post().to(evaluate::evaluate))
        .route("/board", web::get().to(board::board))
        .route("/export", web::get().to(export::export));
}
