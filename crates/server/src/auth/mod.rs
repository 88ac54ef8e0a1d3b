//! Who asks, and what they may do.
//!
//! People have a session cookie, programs an API token or an SDK key. The administration API's rights stand in
//! one table, [`rights`], that is asked before any handler runs; a route without an entry is refused.

pub mod factor;
pub mod oidc;
pub mod origin;
pub mod password;
pub mod refusals;
pub mod rights;
pub mod secret;
pub mod session;
pub mod shelf;
pub mod throttle;

use std::sync::Arc;

use actix_web::{
    HttpRequest,
    http::{StatusCode, header},
};
use usher_core::{
    model::{Credential, CredentialType, Rights, User},
    protocol::KEY_SUBPROTOCOL_PREFIX,
};
use usher_journal::{Actor, ActorKind};

use self::{origin::check_same_origin, session::Access};
use crate::{
    app::App,
    clock,
    problem::Problem,
    source::{Asked, unknown_key},
    surface::Surface,
};

/// Whoever uses the administration API.
#[derive(Clone, Debug)]
pub enum Identity {
    /// A person who signed in.
    Person(Arc<User>),
    /// A program with an API token.
    Program(Arc<Credential>),
}

impl Identity {
    /// What they may do, and where.
    #[must_use]
    pub fn rights(&self) -> Rights {
        match self {
            Self::Person(user) => user.rights(),
            Self::Program(credential) => credential.rights(),
        }
    }

    /// How they stand in the journal.
    #[must_use]
    pub fn actor(&self) -> Actor {
        match self {
            Self::Person(user) => {
                Actor { kind: ActorKind::User, id: user.key.to_string(), name: user.name.clone() }
            }
            Self::Program(credential) => Actor {
                kind: ActorKind::Token,
                id: credential.key.to_string(),
                name: credential.name.clone(),
            },
        }
    }
}

/// Who sent a request, and by which access token, if it is a person.
#[derive(Clone, Debug)]
pub struct Known {
    /// Who.
    pub identity: Identity,
    /// Their access token.
    pub access: Option<Access>,
    /// Whether they have to set up a second factor before they may do anything else.
    pub owes_factor: bool,
}

/// Who sent this request to the administration API.
///
/// # Errors
/// Nobody known (401), or a browser that was sent by another site (403); or too many of these (429).
pub async fn identify(request: &HttpRequest, app: &App) -> Result<Known, Problem> {
    let known = known(request, app).await;
    known.map_err(|problem| app.rates.failed(request, problem))
}

async fn known(request: &HttpRequest, app: &App) -> Result<Known, Problem> {
    if let Some(token) = bearer(request) {
        let credential = live_credential(token, app)?;
        if credential.credential_type != CredentialType::Api {
            return Err(Problem::forbidden(
                "This is a key of programs; the administration API takes an API token (uat_…).",
            ));
        }
        return Ok(Known { identity: Identity::Program(credential), access: None, owes_factor: false });
    }
    let Some(cookie) = request.cookie(session::COOKIE) else {
        return Err(Problem::unauthorized("Sign in, or send an API token as `Authorization: Bearer uat_…`."));
    };
    check_same_origin(request)?;
    // Looked up again each time, so that a role that was taken away is gone at once.
    let (user, access) = app.sessions.read(cookie.value(), people(app), clock::now()).await?;
    let owes_factor = app.settings.require_second_factor_for_admins && factor::is_owed(&user);
    Ok(Known { identity: Identity::Person(user), access: Some(access), owes_factor })
}

impl Known {
    /// Refuses who has to set up a second factor first.
    ///
    /// # Errors
    /// 403 for an administrator without one, where they have to have one.
    pub fn check_factor(&self) -> Result<(), Problem> {
        if self.owes_factor {
            let detail = "Administrators need a second factor here: set it up first, as *Second factor* in the web UI, or by POST /api/v1/session/factor.";
            return Err(Problem::new(StatusCode::FORBIDDEN, "second_factor_required", detail));
        }
        Ok(())
    }

    /// Whether whoever sent this request would still be let in: with a session that goes on, whatever became of the
    /// token that it was opened with.
    pub async fn is_still(&self, request: &HttpRequest, app: &App) -> bool {
        match &self.access {
            Some(access) => app.sessions.still(access, people(app), clock::now()).await.is_ok(),
            None => identify(request, app).await.is_ok(),
        }
    }
}

/// Finds people by their key.
pub fn people(app: &App) -> impl Fn(&str) -> Option<Arc<User>> + use<> {
    let snapshot = app.world.snapshot();
    move |key| snapshot.users.values().find(|own| *own.key == *key).cloned()
}

/// The SDK key that a request carries: in `Authorization`, in `X-API-Key`, or, from a browser's WebSocket, as a
/// second subprotocol.
///
/// # Errors
/// No key, one that is unknown, expired or revoked (401), an API token (403), or too many requests (429).
pub async fn sdk_key(request: &HttpRequest, surface: &Surface) -> Result<Arc<Credential>, Problem> {
    let rates = &surface.rates;
    rates.client(request)?;
    let found = match carried(request, surface) {
        Ok(Asked::Now(found)) => found,
        // To ask somebody else is dear.
        Ok(later) => {
            rates.may_fail(request)?;
            later.answer().await
        }
        Err(problem) => Err(problem),
    };
    let found = found.and_then(for_sdks).inspect_err(|problem| refusals::note(request, rates, problem));
    found.map_err(|problem| rates.failed(request, problem))
}

/// The same once more for a request that was let through and has waited since: it counts once.
///
/// # Errors
/// As for [`sdk_key`], but for too many requests.
pub async fn sdk_key_again(request: &HttpRequest, surface: &Surface) -> Result<Arc<Credential>, Problem> {
    for_sdks(carried(request, surface)?.answer().await?)
}

/// The same for an edge that asks about the keys of its clients: many of theirs may be wrong, and it has to hear so.
///
/// # Errors
/// As for [`sdk_key`]; only requests of all kinds can be too many.
pub async fn sdk_key_of_others(request: &HttpRequest, surface: &Surface) -> Result<Arc<Credential>, Problem> {
    surface.rates.client(request)?;
    sdk_key_again(request, surface).await
}

fn carried<'a>(request: &'a HttpRequest, surface: &'a Surface) -> Result<Asked<'a>, Problem> {
    match sdk_secret(request) {
        Some(secret) => Ok(surface.source.credential(secret)),
        None => Err(Problem::unauthorized("Send an SDK key as `Authorization: Bearer usk_…` (or uck_…).")),
    }
}

fn for_sdks(credential: Arc<Credential>) -> Result<Arc<Credential>, Problem> {
    if credential.credential_type == CredentialType::Api {
        return Err(Problem::forbidden("This is an API token; here a server or client key is needed."));
    }
    if credential.credential_type == CredentialType::Context {
        let detail = "This is the secret of a context key, which signs contexts and opens nothing: it stays in your backend. Revoke it if a phone has it, and send a server or client key here.";
        return Err(Problem::forbidden(detail));
    }
    Ok(credential)
}

/// The secret that a request of a program carries.
#[must_use]
pub fn sdk_secret(request: &HttpRequest) -> Option<&str> {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let protocol = || {
        let offered = header("Sec-WebSocket-Protocol")?;
        offered.split(',').find_map(|one| one.trim().strip_prefix(KEY_SUBPROTOCOL_PREFIX))
    };
    bearer(request).or_else(|| header("X-API-Key")).or_else(protocol)
}

fn bearer(request: &HttpRequest) -> Option<&str> {
    let value = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

fn live_credential(secret: &str, app: &App) -> Result<Arc<Credential>, Problem> {
    // Found by its hash: an attacker who measures this learns about hashes, not about secrets.
    let found = app.world.snapshot().credentials.get(&secret::hash(secret)).cloned();
    found.filter(|credential| credential.is_live(clock::now())).ok_or_else(unknown_key)
}
