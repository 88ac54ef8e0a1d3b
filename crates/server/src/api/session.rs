//! Signing in, going on, and signing out.

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use serde::{Deserialize, Serialize};
use usher_core::model::{Rights, Role, RoleBinding, Timestamp, User};
use utoipa::ToSchema;

use super::{known, schemas::RoleBindingSchema};
use crate::{
    app::App,
    auth::{
        self, Identity,
        factor::{self, Passed},
        origin::check_same_origin,
        password,
        session::{Granted, Means, REFRESH_COOKIE, agent},
    },
    body::Body,
    clock,
    problem::Problem,
};

/// Longest address that is tried, in bytes (RFC 5321 allows 254): failures are remembered by address.
const MAX_EMAIL_BYTES: usize = 254;

/// Who signs in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// E-mail.
    email: String,
    /// Password.
    password: String,
    /// A code of their second factor, or a recovery code, if they have one.
    #[serde(default)]
    code: Option<String>,
    /// For programs: a session that is over after some minutes, and can't be renewed.
    #[serde(default)]
    brief: bool,
}

/// Who is signed in.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    user: Person,
    /// When the session has to be renewed; none for API tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    expires_at: Option<Timestamp>,
    /// Whether they have to set up a second factor before they may do anything else.
    owes_factor: bool,
}

/// A person, or a program, as the UI shows them.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Person {
    id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    email: String,
    name: String,
    /// What they may do everywhere.
    #[schema(value_type = String)]
    role: Role,
    /// What more they may do in some places.
    #[schema(value_type = Vec<RoleBindingSchema>)]
    bindings: Vec<RoleBinding>,
    /// Whether they have a second factor.
    second_factor: bool,
    /// Whether they sign in through a provider, and so have no password here.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    through_provider: bool,
}

impl Person {
    fn new(id: &str, email: &str, name: &str, rights: &Rights) -> Self {
        let (role, bindings) = (rights.everywhere(), rights.bindings().to_vec());
        let (id, email, name) = (id.to_owned(), email.to_owned(), name.to_owned());
        Self { id, email, name, role, bindings, second_factor: false, through_provider: false }
    }
}

impl From<&Identity> for Person {
    fn from(identity: &Identity) -> Self {
        let rights = identity.rights();
        match identity {
            Identity::Person(user) => Self {
                second_factor: user.second_factor.is_some(),
                through_provider: user.open_id.is_some(),
                ..Self::new(&user.key, &user.email, &user.name, &rights)
            },
            Identity::Program(credential) => Self::new(&credential.key, "", &credential.name, &rights),
        }
    }
}

/// Signs in; sets the session's cookie.
#[utoipa::path(post, path = "/api/v1/session", tag = "session", operation_id = "sign_in", request_body = SignIn,
    responses((status = 200, description = "Signed in", body = Session), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn sign_in(request: HttpRequest, app: web::Data<App>, body: Body) -> Result<HttpResponse, Problem> {
    if request.headers().contains_key("Origin") {
        check_same_origin(&request)?;
    }
    check_passwords(&app)?;
    // Nothing of the body: it holds a password.
    let refused =
        || Problem::bad_value("", "…", "this is not a sign-in", "Send {\"email\": …, \"password\": …}.");
    let SignIn { email, password, code, brief } =
        usher_core::problem::from_json(&body).map_err(|_| refused())?;
    let email = email.trim().to_lowercase();
    if email.len() > MAX_EMAIL_BYTES {
        return Err(refused());
    }
    let now = clock::now();
    let address = app.rates.address(&request).to_string();
    let names = slow_down(&request, &app, &email)?;
    let user = app.world.snapshot().users.get(&email).cloned();
    // Who was invited has no password yet, and is told apart from nobody as little.
    let hash = user.as_ref().map(|user| user.password_hash.clone()).filter(|hash| !hash.is_empty());
    let hash = hash.unwrap_or_else(|| password::NOBODY.clone());
    let may = user.as_ref().is_some_and(|user| !user.password_hash.is_empty());
    let good = web::block(move || password::verify(&password, &hash)).await.map_err(Problem::internal)?;
    // Not what was typed as an address: people type passwords there.
    let account = user.as_ref().map_or("none", |user| &*user.key).to_owned();
    let Some(user) = user.filter(|_| good && may) else {
        tracing::warn!(target: "usher::audit", account, address, "a sign-in failed");
        return Err(Problem::unauthorized("E-mail or password is wrong."));
    };
    let means = match (&user.second_factor, code) {
        (None, _) => Means::Password,
        (Some(_), None) => {
            app.throttle.forgive(&names);
            let detail = "Give a code of your second factor too, or a recovery code.";
            return Err(Problem::new(StatusCode::UNAUTHORIZED, "second_factor_needed", detail));
        }
        (Some(factor), Some(code)) => match app.factors.pass(factor, &code, now).await? {
            Some(Passed::Code) => Means::PasswordAndCode,
            Some(Passed::RecoveryCode) => Means::PasswordAndRecoveryCode,
            None => {
                tracing::warn!(target: "usher::audit", account, address, "a second factor was wrong");
                let detail = "This code is wrong, or was used before: wait for the next one.";
                return Err(Problem::new(StatusCode::UNAUTHORIZED, "wrong_code", detail));
            }
        },
    };
    app.throttle.forgive(&names);
    open(&request, &app, user, means, brief).await
}

/// Refuses passwords where people sign in through a provider only.
pub(super) fn check_passwords(app: &App) -> Result<(), Problem> {
    if app.settings.password_sign_in {
        return Ok(());
    }
    let name = app.oidc.as_ref().map_or("the provider", |oidc| &oidc.name);
    let detail = format!("Nobody signs in with a password here: use {name}.");
    Err(Problem::new(StatusCode::FORBIDDEN, "no_passwords", detail))
}

/// Opens a session, and sends the browser what it needs for that.
pub(super) async fn open(
    request: &HttpRequest,
    app: &App,
    user: Arc<User>,
    means: Means,
    brief: bool,
) -> Result<HttpResponse, Problem> {
    Ok(answer(app, grant(request, app, user, means, brief).await?))
}

/// Opens a session.
pub(super) async fn grant(
    request: &HttpRequest,
    app: &App,
    user: Arc<User>,
    means: Means,
    brief: bool,
) -> Result<Granted, Problem> {
    let from = (means, app.rates.address(request).to_string(), agent_of(request));
    app.sessions.open(user, from, brief, clock::now()).await
}

/// Notes a try of somebody before it is known how it ends; the names to forgive it by when it ends well.
pub(super) fn slow_down(request: &HttpRequest, app: &App, email: &str) -> Result<[String; 2], Problem> {
    enter(request, app, [format!("account {email}"), network(request, app)])
}

/// The same where nobody says who they are: anybody could stop everybody else by a name that all of them share.
pub(super) fn slow_down_address(request: &HttpRequest, app: &App) -> Result<[String; 1], Problem> {
    enter(request, app, [network(request, app)])
}

fn network(request: &HttpRequest, app: &App) -> String {
    format!("address {}", app.rates.network(request))
}

fn enter<const N: usize>(
    request: &HttpRequest,
    app: &App,
    names: [String; N],
) -> Result<[String; N], Problem> {
    app.throttle.enter(&names, clock::now()).map_err(|seconds| {
        let address = app.rates.address(request);
        tracing::warn!(target: "usher::audit", %address, "a sign-in was refused unread");
        let detail = format!("Too many failed sign-ins; wait {seconds} s.");
        Problem::new(StatusCode::TOO_MANY_REQUESTS, "throttled", detail).retry_after(seconds)
    })?;
    Ok(names)
}

/// What a browser is sent whose session was opened or renewed.
fn answer(app: &App, granted: Granted) -> HttpResponse {
    let Granted { cookies, expires_at, user } = granted;
    let mut response = HttpResponse::Ok();
    for cookie in cookies {
        response.cookie(cookie);
    }
    let owes_factor = app.settings.require_second_factor_for_admins && factor::is_owed(&user);
    let user = Person::from(&Identity::Person(user));
    response.json(Session { user, expires_at: Some(expires_at), owes_factor })
}

fn agent_of(request: &HttpRequest) -> String {
    let header = request.headers().get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    agent(header.unwrap_or_default())
}

/// Renews the session of a browser: exchanges its refresh token, which is good once, and gives it a new access token.
#[utoipa::path(post, path = "/api/v1/session/refresh", tag = "session", operation_id = "refresh",
    responses((status = 200, description = "Renewed", body = Session), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn refresh(request: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, Problem> {
    let cookie = request.cookie(REFRESH_COOKIE).ok_or_else(|| Problem::unauthorized("Sign in first."))?;
    check_same_origin(&request)?;
    let address = app.rates.address(&request).to_string();
    let granted = app.sessions.refresh(cookie.value(), &address, auth::people(&app), clock::now()).await?;
    Ok(answer(&app, granted))
}

/// Tells who is signed in, and what they may do where.
#[utoipa::path(get, path = "/api/v1/session", tag = "session", operation_id = "who_am_i",
    responses((status = 200, description = "Who is signed in", body = Session), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn who(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let known = known(&request)?;
    let expires_at = known.access.map(|access| access.expires_at);
    let (user, owes_factor) = (Person::from(&known.identity), known.owes_factor);
    Ok(HttpResponse::Ok().json(Session { user, expires_at, owes_factor }))
}

/// Signs out: the session ends.
#[utoipa::path(delete, path = "/api/v1/session", tag = "session", operation_id = "sign_out",
    responses((status = 204, description = "Signed out"), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn sign_out(request: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, Problem> {
    let known = known(&request)?;
    if let Some(access) = &known.access {
        app.sessions.end(&access.session, &known.identity.actor().id).await?;
    }
    let mut response = HttpResponse::NoContent();
    for cookie in app.sessions.no_cookies() {
        response.cookie(cookie);
    }
    Ok(response.finish())
}
