//! Signing in through an OpenID provider. A browser is sent there and comes back, so what goes wrong on the way is told
//! as a page of ours with one word behind `#`, for which the web UI has the text: nothing that others send is shown.

mod account;

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse,
    cookie::{Cookie, SameSite, time::Duration},
    http::header,
    web,
};
use serde::{Deserialize, Serialize};
use usher_core::model::User;
use usher_journal::AppendError;
use utoipa::{IntoParams, ToSchema};

use self::account::account;
use super::session;
use crate::{
    app::App,
    auth::{
        oidc::{COOKIE, FIRST_PAGE, Failed, LASTS_SECONDS, Oidc, PATH, Ticket},
        session::Means,
    },
    clock,
    problem::Problem,
};

/// How one can sign in.
#[derive(Serialize, ToSchema)]
pub struct SignInMeans {
    /// With a password.
    password: bool,
    /// Through this provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<String>,
}

/// Where to go on afterwards.
#[derive(Deserialize, IntoParams)]
pub struct Begin {
    /// A page of the web UI.
    #[serde(default)]
    to: String,
}

/// What the provider sends somebody back with.
#[derive(Deserialize, IntoParams)]
pub struct Back {
    /// What it was sent.
    #[serde(default)]
    state: String,
    /// What is to be exchanged for who it is.
    code: Option<String>,
    /// Why there is none.
    error: Option<String>,
}

/// Why somebody does not get in.
#[derive(Debug)]
enum Refused {
    /// It took too long, or was begun in another browser, or was ended before.
    Expired,
    /// They declined, or the provider does not want to.
    Declined,
    /// The provider can't be asked now.
    Unreachable,
    /// What it says can't be believed.
    NotBelieved,
    /// They are in no group that may do anything.
    NoGroup,
    /// The provider does not vouch for an e-mail address.
    NoEmail,
    /// Another account has their e-mail address.
    EmailTaken,
    /// Their account was removed.
    Removed,
    /// Something is wrong here.
    Here(Problem),
}

impl Refused {
    /// The word that the web UI knows.
    fn word(&self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Declined => "declined",
            Self::Unreachable => "unreachable",
            Self::NotBelieved => "not_believed",
            Self::NoGroup => "no_group",
            Self::NoEmail => "no_email",
            Self::EmailTaken => "email_taken",
            Self::Removed => "removed",
            Self::Here(_) => "failed",
        }
    }
}

impl From<Failed> for Refused {
    fn from(failed: Failed) -> Self {
        tracing::warn!(%failed, "the OpenID provider signs nobody in");
        match failed {
            Failed::Unreachable(_) => Self::Unreachable,
            Failed::NotBelieved(_) => Self::NotBelieved,
        }
    }
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self::Here(problem)
    }
}

impl From<AppendError> for Refused {
    fn from(error: AppendError) -> Self {
        Self::Here(error.into())
    }
}

/// Tells how one can sign in here.
#[utoipa::path(get, path = "/api/v1/session/means", tag = "session", operation_id = "sign_in_means",
    responses((status = 200, description = "How one can sign in", body = SignInMeans)))]
pub async fn means(app: web::Data<App>) -> HttpResponse {
    let provider = app.oidc.as_ref().map(|oidc| oidc.name.clone());
    HttpResponse::Ok().json(SignInMeans { password: app.settings.password_sign_in, provider })
}

/// Sends a browser to the provider.
#[utoipa::path(get, path = "/api/v1/session/oidc", tag = "session", operation_id = "begin_oidc", params(Begin),
    responses((status = 303, description = "To the provider, or back with what is wrong"), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn begin(
    request: HttpRequest,
    app: web::Data<App>,
    query: web::Query<Begin>,
) -> Result<HttpResponse, Problem> {
    let oidc = configured(&app)?;
    match oidc.begin(host(&request), &query.to).await {
        Ok((provider, ticket)) => {
            let written = oidc.written(&app.sessions.keys, &ticket, clock::now())?;
            let cookie = cookie(&app, written, Duration::seconds(LASTS_SECONDS));
            Ok(HttpResponse::SeeOther().cookie(cookie).insert_header((header::LOCATION, provider)).finish())
        }
        Err(failed) => Ok(back(&request, &app, FIRST_PAGE, &failed.into())),
    }
}

/// Takes a browser back that comes from the provider, and signs its person in.
#[utoipa::path(get, path = "/api/v1/session/oidc/callback", tag = "session", operation_id = "finish_oidc", params(Back),
    responses((status = 303, description = "Signed in, or back with what is wrong"), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub async fn finish(
    request: HttpRequest,
    app: web::Data<App>,
    query: web::Query<Back>,
) -> Result<HttpResponse, Problem> {
    let oidc = configured(&app)?;
    let ticket = match request.cookie(COOKIE) {
        Some(cookie) => oidc.read(&app.sessions.keys, cookie.value(), clock::now()).await,
        None => None,
    };
    // Before anything else that came is looked at.
    let Some(ticket) = ticket.filter(|ticket| ticket.state == query.state) else {
        return Ok(back(&request, &app, FIRST_PAGE, &Refused::Expired));
    };
    // To ask the provider is dear, for both.
    app.rates.may_fail(&request)?;
    let user = match who(&request, &app, oidc, query.into_inner(), &ticket).await {
        Ok(user) => user,
        Err(Refused::NotBelieved) => {
            app.rates.refused(&request)?;
            return Ok(back(&request, &app, &ticket.to, &Refused::NotBelieved));
        }
        Err(refused) => return Ok(back(&request, &app, &ticket.to, &refused)),
    };
    let granted = session::grant(&request, &app, user, Means::Oidc, false).await?;
    let mut response = HttpResponse::SeeOther();
    response.insert_header((header::LOCATION, ticket.to)).cookie(no_cookie(&app));
    for cookie in granted.cookies {
        response.cookie(cookie);
    }
    Ok(response.finish())
}

async fn who(
    request: &HttpRequest,
    app: &App,
    oidc: &Oidc,
    came: Back,
    ticket: &Ticket,
) -> Result<Arc<User>, Refused> {
    let (Some(code), None) = (came.code, &came.error) else { return Err(Refused::Declined) };
    let person = oidc.finish(host(request), code, ticket).await?;
    let account = account(app, oidc, &person).await;
    if let Err(refused) = &account {
        // Whoever ties an account to them has to know what the provider calls them.
        let (issuer, subject, why) = (&oidc.issuer, &person.subject, refused.word());
        tracing::warn!(target: "usher::audit", issuer, subject, why, "somebody known to the provider was refused");
    }
    account
}

fn configured(app: &App) -> Result<&Oidc, Problem> {
    app.oidc.as_ref().ok_or_else(|| Problem::not_found("provider to sign in through"))
}

/// How the browser calls us.
fn host(request: &HttpRequest) -> &str {
    request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default()
}

/// Back to the sign-in, which says why.
fn back(request: &HttpRequest, app: &App, to: &str, why: &Refused) -> HttpResponse {
    let (word, address) = (why.word(), app.rates.address(request).to_string());
    tracing::warn!(target: "usher::audit", account = "none", address, why = word, "a sign-in through the provider failed");
    if let Refused::Here(problem) = why {
        tracing::error!(%problem, "a sign-in through the provider could not be ended");
    }
    let to = format!("{to}#sign-in={word}");
    HttpResponse::SeeOther().cookie(no_cookie(app)).insert_header((header::LOCATION, to)).finish()
}

fn cookie(app: &App, value: String, lasts: Duration) -> Cookie<'static> {
    let cookie = Cookie::build(COOKIE, value).path(PATH).http_only(true).secure(app.settings.is_secure());
    cookie.same_site(SameSite::Lax).max_age(lasts).finish()
}

fn no_cookie(app: &App) -> Cookie<'static> {
    cookie(app, String::new(), Duration::ZERO)
}
