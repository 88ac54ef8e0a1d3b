//! Sessions that are open: one's own, and for an administrator anybody's.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use usher_core::model::{Role, Timestamp, User};
use utoipa::{IntoParams, ToSchema};

use super::{known, people};
use crate::{
    app::App,
    auth::{
        Identity, Known,
        session::{Means, Session},
    },
    clock,
    problem::Problem,
};

/// An open session.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OpenSession {
    /// Its identity, by which it is ended.
    id: String,
    /// Whether it is the one that asks.
    is_this: bool,
    /// When it was opened.
    #[schema(value_type = String)]
    made_at: Timestamp,
    /// When it was last renewed, which it is every few minutes while it is used.
    #[schema(value_type = String)]
    last_used_at: Timestamp,
    /// When it ends, unless it is used before.
    #[schema(value_type = String)]
    ends_at: Timestamp,
    /// How its person signed in: `password`, `passwordAndCode`, `passwordAndRecoveryCode`, `invitation`
    /// or `oidc`.
    #[schema(value_type = String)]
    with: Means,
    /// The address that it was opened from, as the server saw it.
    address: String,
    /// What the browser said it was.
    agent: String,
}

/// All open sessions of somebody.
#[derive(Serialize, ToSchema)]
pub struct SessionList {
    /// The one used last first.
    items: Vec<OpenSession>,
}

/// Which sessions are ended.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EndQuery {
    /// Whether the one that asks goes on.
    #[serde(default)]
    keep_this: bool,
}

/// Lists one's own open sessions; an API token has none.
#[utoipa::path(get, path = "/api/v1/sessions", tag = "session", operation_id = "list_sessions",
    responses((status = 200, description = "Open sessions", body = SessionList), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn list(request: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, Problem> {
    let known = known(&request)?;
    match &known.identity {
        Identity::Person(user) => shown(&app, user, &known).await,
        Identity::Program(_) => Ok(HttpResponse::Ok().json(SessionList { items: Vec::new() })),
    }
}

/// Ends one's own sessions: all of them, or all but the one that asks.
#[utoipa::path(delete, path = "/api/v1/sessions", tag = "session", operation_id = "end_sessions", params(EndQuery),
    responses((status = 204, description = "Ended"), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn end_all(
    request: HttpRequest,
    app: web::Data<App>,
    query: web::Query<EndQuery>,
) -> Result<HttpResponse, Problem> {
    let known = known(&request)?;
    if let Identity::Person(user) = &known.identity {
        let kept = known.access.as_ref().filter(|_| query.keep_this).map(|access| access.session.as_str());
        end_those(&app, user, kept, &known).await?;
    }
    Ok(HttpResponse::NoContent().finish())
}

/// Ends one session: one's own, or, for an administrator, anybody's.
#[utoipa::path(delete, path = "/api/v1/sessions/{id}", tag = "session", operation_id = "end_session",
    params(("id" = String, Path, description = "The session")),
    responses((status = 204, description = "Ended"), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn end(
    request: HttpRequest,
    app: web::Data<App>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let known = known(&request)?;
    let found = app.sessions.find(&id).await?;
    let is_own = |session: &Session| matches!(&known.identity, Identity::Person(user) if user.key == session.opened.user);
    let may = |session: &Session| is_own(session) || known.identity.rights().everywhere() >= Role::Admin;
    // Whoever may not end it does not learn that it is there.
    let session = found.filter(may).ok_or_else(|| Problem::not_found(format!("session {id}")))?;
    app.sessions.end(&session.id, &known.identity.actor().id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Lists the open sessions of an account.
#[utoipa::path(get, path = "/api/v1/users/{key}/sessions", tag = "people", operation_id = "list_sessions_of",
    params(("key" = String, Path, description = "The account")),
    responses((status = 200, description = "Open sessions", body = SessionList), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn list_of(
    request: HttpRequest,
    app: web::Data<App>,
    key: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    shown(&app, &people::find(&app, &key)?.0, &known(&request)?).await
}

/// Ends all sessions of an account.
#[utoipa::path(delete, path = "/api/v1/users/{key}/sessions", tag = "people", operation_id = "end_sessions_of",
    params(("key" = String, Path, description = "The account")),
    responses((status = 204, description = "Ended"), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn end_all_of(
    request: HttpRequest,
    app: web::Data<App>,
    key: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    end_those(&app, &people::find(&app, &key)?.0, None, &known(&request)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Makes a new key that signs sessions. What the old one signed is taken until it expires, which is a matter of minutes:
/// nobody has to sign in again.
#[utoipa::path(post, path = "/api/v1/session-key/rotate", tag = "session", operation_id = "rotate_session_key",
    responses((status = 204, description = "Rotated"), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn rotate_key(app: web::Data<App>) -> Result<HttpResponse, Problem> {
    app.sessions.keys.rotate(clock::now()).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn shown(app: &App, user: &User, known: &Known) -> Result<HttpResponse, Problem> {
    let this = known.access.as_ref().map(|access| access.session.as_str());
    let open = |session: Session| OpenSession {
        is_this: this == Some(&session.id),
        ends_at: session.ends_at(),
        id: session.id,
        made_at: session.made_at,
        last_used_at: session.last_used_at,
        with: session.opened.with,
        address: session.opened.address,
        agent: session.opened.agent,
    };
    let items = app.sessions.of(user, clock::now()).await?.into_iter().map(open).collect();
    Ok(HttpResponse::Ok().json(SessionList { items }))
}

async fn end_those(app: &App, user: &User, kept: Option<&str>, known: &Known) -> Result<(), Problem> {
    let by = known.identity.actor().id;
    for session in app.sessions.of(user, clock::now()).await? {
        if kept != Some(&session.id) {
            app.sessions.end(&session.id, &by).await?;
        }
    }
    Ok(())
}
