//! Signing in through an OpenID provider. A browser is sent there and comes back, so what goes wrong on the way is told
//! as a page of ours with one word behind `#`, for which the web UI has the text: nothing that others send is shown.

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse,
    cookie::{Cookie, SameSite, time::Duration},
    http::header,
    web,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use usher_core::model::{Document, DocumentId, Key, Kind, OpenId, Timestamp, User};
use usher_journal::{Actor, ActorKind, Append, AppendError, Change, Expected, State};
use utoipa::{IntoParams, ToSchema};

use super::{people, session};
use crate::{
    app::App,
    auth::{
        oidc::{Allowed, COOKIE, FIRST_PAGE, Failed, LASTS_SECONDS, Oidc, PATH, Person, Ticket, allowed},
        secret,
        session::Means,
    },
    clock,
    problem::Problem,
};

/// How often an account is brought in step anew, when somebody else was faster.
const TRIES: usize = 4;
/// Characters of the hash of who somebody is that make an account's key.
const KEY_CHARACTERS: usize = 16;

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

/// The account of somebody, as their groups have it: made, or brought in step, where it has to be.
async fn account(app: &App, oidc: &Oidc, person: &Person) -> Result<Arc<User>, Refused> {
    for _ in 0..TRIES {
        let _turn = app.writing.lock().await;
        app.world.catch_up().await?;
        let state = Arc::clone(&app.world.snapshot().state);
        let exists = |kind, key: &str| state.get(&DocumentId::new(kind, key)).is_some();
        let rights = allowed(&person.groups, &oidc.groups, exists);
        let now = clock::now();
        let (expected, user) = match own(&state, &oidc.open_id(person)) {
            Some((user, expected)) => {
                let Allowed { role, bindings } = rights.clone().unwrap_or_else(Allowed::least);
                let name = if person.name.is_empty() { user.name.clone() } else { person.name.clone() };
                let next = User { name, role, bindings, ..user.clone() };
                if next == user {
                    return in_a_group(app, rights.as_ref(), user, now).await;
                }
                (expected, next)
            }
            None => (Expected::Absent, newcomer(&state, oidc, person, rights.clone(), now)?),
        };
        let message = match expected {
            Expected::Absent => format!("{} signs in through {} for the first time", user.name, oidc.name),
            _ => format!("Bring the account of {} in step with {}", user.name, oidc.name),
        };
        let document = people::checked(&user)?;
        let append = Append {
            expected: vec![(document.id().clone(), expected)],
            idempotency: None,
            actor: Actor { kind: ActorKind::User, id: user.key.to_string(), name: user.name.clone() },
            message,
            at: now,
            changes: vec![Change::Put(document)],
        };
        let seq = state.seq();
        let unchanged = Arc::new(move |state: &State| state.seq() == seq);
        match app.world.append_checked(append, unchanged).await {
            Err(AppendError::Conflict { .. } | AppendError::Outdated) => {}
            Err(error) => return Err(error.into()),
            Ok(_) => return in_a_group(app, rights.as_ref(), user, now).await,
        }
    }
    Err(Refused::Here(Problem::internal("an account is changed all the time")))
}

/// Refuses who is in no group any more; what they have open ends.
async fn in_a_group(
    app: &App,
    rights: Option<&Allowed>,
    user: User,
    now: Timestamp,
) -> Result<Arc<User>, Refused> {
    if rights.is_none() {
        app.sessions.end_all(&user, &user.key, now).await?;
        return Err(Refused::NoGroup);
    }
    Ok(Arc::new(user))
}

/// The account that is tied to somebody.
fn own(state: &State, open_id: &OpenId) -> Option<(User, Expected)> {
    state.of_kind(&Kind::User).find_map(|entry| {
        let user = entry.document.parse::<User>().ok()?;
        (user.open_id.as_ref() == Some(open_id)).then_some((user, Expected::Version(entry.version)))
    })
}

/// The account of somebody who was never here. An address alone ties nobody to an account that there is: whoever decides
/// about addresses at the provider would decide who is who here.
fn newcomer(
    state: &State,
    oidc: &Oidc,
    person: &Person,
    rights: Option<Allowed>,
    now: Timestamp,
) -> Result<User, Refused> {
    let Allowed { role, bindings } = rights.ok_or(Refused::NoGroup)?;
    let email = person.email.clone().ok_or(Refused::NoEmail)?;
    let open_id = oidc.open_id(person);
    let key = key_of(&open_id)?;
    let removed = |key: &Key| state.deleted_by(&DocumentId::new(Kind::User, &**key)).is_some();
    if removed(&key) || removed(&people::key_of(&email)?) {
        return Err(Refused::Removed);
    }
    let of_address = |document: &Document| document.parse::<User>().is_ok_and(|user| user.email == email);
    if state.of_kind(&Kind::User).any(|entry| of_address(&entry.document)) {
        return Err(Refused::EmailTaken);
    }
    let name = person.name.clone();
    let (password_hash, open_id) = (String::new(), Some(open_id));
    Ok(User {
        key,
        email,
        name,
        password_hash,
        role,
        bindings,
        second_factor: None,
        invitation: None,
        open_id,
        created_at: now,
    })
}

/// One person of one provider, one account.
fn key_of(open_id: &OpenId) -> Result<Key, Problem> {
    let OpenId { issuer, subject } = open_id;
    let hash = Sha256::new().chain_update(issuer).chain_update("\n").chain_update(subject).finalize();
    secret::hex(&hash)[..KEY_CHARACTERS].parse().map_err(Problem::internal)
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
