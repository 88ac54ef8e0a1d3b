//! Asking the provider. What it says of itself is asked for when somebody first signs in, kept for an hour, and asked for
//! again where it signs with a key that is not known. The crate `openidconnect` checks signature, algorithm, issuer,
//! audience, expiry and nonce.

use std::{
    collections::HashMap,
    error::Error,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use openidconnect::{
    AdditionalClaims, AuthorizationCode, ClaimsVerificationError, Client, ClientId, ClientSecret, CsrfToken,
    EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse,
    IdTokenClaims, IdTokenFields, IssuerUrl, Nonce, OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, RequestTokenError, Scope, SignatureVerificationError, StandardErrorResponse,
    StandardTokenResponse, TokenResponse, UserInfoClaims, UserInfoError,
    core::{
        CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreErrorResponseType, CoreGenderClaim,
        CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreProviderMetadata,
        CoreRevocableToken, CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
    },
    http,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::Mutex;

use super::{NotUsable, Person, Ticket, groups::names};
use crate::{problem::plain, settings::Settings};

/// A connection that is not there by then will not come.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);
/// Longest time that one question may take: somebody waits for it.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Most of an answer that is read, in bytes.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;
/// How long what the provider says of itself is good.
const KEPT: Duration = Duration::from_secs(60 * 60);
/// How old it is at least before it is asked for again because of a key that is not known.
const ASKED_AGAIN: Duration = Duration::from_secs(1);
/// How long a provider is left alone that could not be asked.
const LEFT_ALONE: Duration = Duration::from_secs(2);
/// What tokens may be signed with. Never our own secret, and never nothing, whatever the provider offers.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// Why the provider did not tell who somebody is. The text is for the log.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// It can't be asked now.
    #[error("the provider can't be asked: {0}")]
    Unreachable(String),
    /// It refuses, or what it says can't be believed.
    #[error("what the provider says can't be believed: {0}")]
    NotBelieved(String),
}

/// All that a token says besides what OpenID Connect names.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct More(HashMap<String, Value>);

impl AdditionalClaims for More {}

type Tokens = StandardTokenResponse<
    IdTokenFields<
        More,
        EmptyExtraTokenFields,
        CoreGenderClaim,
        CoreJweContentEncryptionAlgorithm,
        CoreJwsSigningAlgorithm,
    >,
    CoreTokenType,
>;

/// The crate's client, with claims of any name.
type Asked = Client<
    More,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    Tokens,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

type Claims = IdTokenClaims<More, CoreGenderClaim>;

/// What the provider says of itself, and when it said so.
#[derive(Clone)]
struct Known(Arc<CoreProviderMetadata>, Instant);

/// A provider, and who we are there.
pub(super) struct Provider {
    issuer: IssuerUrl,
    client_id: ClientId,
    client_secret: Option<ClientSecret>,
    scopes: Vec<Scope>,
    groups_claim: String,
    http: reqwest::Client,
    known: RwLock<Option<Known>>,
    /// Held while it is asked, with when it last could not be.
    asking: Mutex<Option<Instant>>,
}

impl Provider {
    pub(super) fn new(issuer: &str, settings: &Settings) -> Result<Self, NotUsable> {
        let wrong = |why: String| NotUsable::Setting("oidc_issuer", why);
        let url = IssuerUrl::new(issuer.to_owned()).map_err(|error| wrong(format!("`{issuer}`: {error}")))?;
        if url.url().scheme() != "https" && !is_here(&url) {
            return Err(wrong(format!("`{issuer}` has to begin with https://")));
        }
        if settings.oidc_client_id.is_empty() {
            let why = "say as whom this server is known there".to_owned();
            return Err(NotUsable::Setting("oidc_client_id", why));
        }
        // A redirect would lead where nobody who set the address has looked.
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_WITHIN)
            .timeout(ANSWER_WITHIN);
        let secret = settings.oidc_client_secret.as_ref();
        Ok(Self {
            issuer: url,
            client_id: ClientId::new(settings.oidc_client_id.clone()),
            client_secret: secret.map(|secret| ClientSecret::new(secret.expose().to_owned())),
            scopes: settings
                .oidc_scopes
                .split_whitespace()
                .map(|scope| Scope::new(scope.to_owned()))
                .collect(),
            groups_claim: settings.oidc_groups_claim.clone(),
            http: http.build()?,
            known: RwLock::default(),
            asking: Mutex::default(),
        })
    }

    /// Where somebody goes to sign in, and what is remembered of that; they go on at `to`.
    pub(super) async fn begin(&self, back: RedirectUrl, to: &str) -> Result<(String, Ticket), Failed> {
        let client = self.client(&*self.known(KEPT).await?).set_redirect_uri(back);
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (url, state, nonce) = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                CsrfToken::new_random,
                Nonce::new_random,
            )
            .add_scopes(self.scopes.iter().cloned())
            .set_pkce_challenge(challenge)
            .url();
        let ticket = Ticket {
            state: state.into_secret(),
            nonce: nonce.secret().clone(),
            verifier: verifier.into_secret(),
            to: to.to_owned(),
        };
        Ok((url.to_string(), ticket))
    }

    /// Who came back with this code.
    pub(super) async fn finish(
        &self,
        back: RedirectUrl,
        code: String,
        ticket: &Ticket,
    ) -> Result<Person, Failed> {
        let client = self.client(&*self.known(KEPT).await?).set_redirect_uri(back);
        let (send, nonce) = (|request| self.send(request), Nonce::new(ticket.nonce.clone()));
        let asked = client.exchange_code(AuthorizationCode::new(code)).map_err(not_believed)?;
        let asked = asked.set_pkce_verifier(PkceCodeVerifier::new(ticket.verifier.clone()));
        let tokens: Tokens = asked.request_async(&send).await.map_err(|error| match error {
            RequestTokenError::Request(error) => Failed::Unreachable(plain(&error)),
            other => not_believed(other),
        })?;
        let token = tokens.id_token();
        let token = token.ok_or_else(|| Failed::NotBelieved("there is no ID token".to_owned()))?;
        let read = |client: &Asked| {
            let verifier = client.id_token_verifier().set_allowed_algs(ALGORITHMS);
            token.claims(&verifier, &nonce).cloned()
        };
        let claims = match read(&client) {
            Err(ClaimsVerificationError::SignatureVerification(
                SignatureVerificationError::NoMatchingKey,
            )) => read(&self.client(&*self.known(ASKED_AGAIN).await?)),
            read => read,
        };
        let claims = claims.map_err(not_believed)?;
        let groups = |more: &More| more.0.get(&self.groups_claim).and_then(names);
        let mut told = groups(claims.additional_claims());
        let mut more = None;
        // Some tell groups, or addresses, only where they are asked for them.
        if told.is_none() || claims.email().is_none() {
            more = self.user_info(&client, &tokens, &claims).await?;
            told = told.or_else(|| groups(more.as_ref()?.additional_claims()));
        }
        Ok(person(&claims, more.as_ref(), told.unwrap_or_default()))
    }

    /// What the provider tells of somebody besides, where it does.
    async fn user_info(
        &self,
        client: &Asked,
        tokens: &Tokens,
        claims: &Claims,
    ) -> Result<Option<UserInfoClaims<More, CoreGenderClaim>>, Failed> {
        let subject = Some(claims.subject().clone());
        let Ok(asked) = client.user_info(tokens.access_token().clone(), subject) else { return Ok(None) };
        let send = |request| self.send(request);
        let told = asked.request_async(&send).await.map_err(|error| match error {
            UserInfoError::Request(error) => Failed::Unreachable(plain(&error)),
            other => not_believed(other),
        })?;
        Ok(Some(told))
    }

    fn client(&self, known: &CoreProviderMetadata) -> Asked {
        Asked::from_provider_metadata(known.clone(), self.client_id.clone(), self.client_secret.clone())
    }

    /// What the provider says of itself: what is known, if it is younger than that. Where it can't be asked, what is
    /// known goes on to hold.
    async fn known(&self, younger: Duration) -> Result<Arc<CoreProviderMetadata>, Failed> {
        let read = || self.known.read().unwrap_or_else(PoisonError::into_inner).clone();
        let young =
            |known: Option<Known>| known.filter(|known| known.1.elapsed() < younger).map(|known| known.0);
        if let Some(known) = young(read()) {
            return Ok(known);
        }
        let mut failed = self.asking.lock().await;
        if let Some(known) = young(read()) {
            return Ok(known);
        }
        let lately = failed.is_some_and(|at| at.elapsed() < LEFT_ALONE);
        let asked = if lately {
            Err("it could not be a moment ago".to_owned())
        } else {
            let send = |request| self.send(request);
            let asked = CoreProviderMetadata::discover_async(self.issuer.clone(), &send).await;
            asked.map_err(|error| plain(&error))
        };
        match asked {
            Ok(found) => {
                let found = Arc::new(found);
                let known = Known(Arc::clone(&found), Instant::now());
                *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some(known);
                Ok(found)
            }
            Err(why) => {
                if !lately {
                    *failed = Some(Instant::now());
                }
                let Some(Known(known, _)) = read() else { return Err(Failed::Unreachable(why)) };
                tracing::warn!(why, "what is known of the OpenID provider is old, and it can't be asked");
                Ok(known)
            }
        }
    }

    /// Sends one request of the crate's.
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, NotSent> {
        let to = request.uri().scheme_str();
        if to != Some("https") && to != Some(self.issuer.url().scheme()) {
            return Err(NotSent::Plain);
        }
        let mut answer = self.http.execute(request.try_into()?).await?;
        let mut response = http::Response::new(Vec::new());
        *response.status_mut() = answer.status();
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        while let Some(chunk) = answer.chunk().await? {
            if response.body().len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err(NotSent::Long);
            }
            response.body_mut().extend_from_slice(&chunk);
        }
        Ok(response)
    }
}

/// Why a provider was not asked, or its answer not taken.
#[derive(Debug, thiserror::Error)]
enum NotSent {
    #[error(transparent)]
    Client(#[from] reqwest::Error),
    #[error("it names an address without TLS")]
    Plain,
    #[error("its answer is too long")]
    Long,
}

/// Whether a provider is on this machine, where nobody can listen in.
fn is_here(issuer: &IssuerUrl) -> bool {
    let host = issuer.url().host_str().unwrap_or_default();
    let ip = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    issuer.url().scheme() == "http" && (host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback()))
}

/// What the provider told, in the token or besides.
fn person(
    claims: &Claims,
    more: Option<&UserInfoClaims<More, CoreGenderClaim>>,
    groups: Vec<String>,
) -> Person {
    let text = |text: &str| text.trim().to_owned();
    // Who says that it has not looked does not know whose address it is.
    let looked = claims.email_verified().or_else(|| more?.email_verified()) != Some(false);
    let email = claims.email().or_else(|| more?.email()).filter(|_| looked);
    let email = email.map(|email| text(email).to_lowercase()).filter(|email| !email.is_empty());
    let full = |name: Option<&openidconnect::LocalizedClaim<openidconnect::EndUserName>>| {
        name.and_then(|names| names.get(None)).map(|name| text(name))
    };
    let login = || claims.preferred_username().or_else(|| more?.preferred_username());
    let name = full(claims.name()).or_else(|| full(more?.name())).or_else(|| login().map(|name| text(name)));
    let name = name.filter(|name| !name.is_empty()).or_else(|| email.clone()).unwrap_or_default();
    Person { subject: claims.subject().to_string(), email, name, groups }
}

fn not_believed(error: impl Error) -> Failed {
    Failed::NotBelieved(plain(&error))
}
