//! OFREP 0.3.0: OpenFeature's remote evaluation protocol.
//!
//! Facts from the published OpenAPI of open-feature/protocol and its ADR 8. [`evaluate`] answers, single and bulk;
//! [`events`] tells its [`listeners`] that it is time to ask again, opened with a [`token`] in the address; who was
//! [`told`] so is not answered with less. A key that asks too often is slowed down. Whatever is refused here has the
//! form of [`refusal`].

mod asker;
mod evaluate;
mod events;
mod listeners;
mod refusal;
mod token;
mod told;

use std::time::Duration;

use actix_service::fn_service;
use actix_web::{
    HttpRequest, HttpResponse,
    dev::{AppService, HttpServiceFactory, ResourceDef},
    guard,
    http::{
        Method, StatusCode,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
    middleware::DefaultHeaders,
    web,
};
use usher_core::ErrorCode;

pub(crate) use self::{evaluate::parameter, events::Position};
pub use self::{listeners::EVENT_STREAMS, token::TOKEN_SECONDS};
use self::{listeners::Listeners, refusal::Refusal, token::Tokens, told::Waiting};
use crate::{headers, rates::Buckets, settings::Settings};

/// Largest body of a request, in bytes. A context has 64 KiB at most; the rest is for what may stand around it.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// Requests that one key may make in a second, on average. All phones of an event share a key and ask at once when a
/// flag is killed: this is for programs that have gone wild, not for crowds.
pub const REQUESTS_PER_SECOND: u32 = 100_000;
/// Keys that are remembered.
const MAX_KEYS: usize = 10_000;

/// What is kept between requests.
pub struct Ofrep {
    limit: Buckets<String>,
    tokens: Tokens,
    listeners: Listeners,
    waiting: Waiting,
}

impl Ofrep {
    /// Nothing asked yet, nobody listening. `key` signs the addresses of event streams.
    #[must_use]
    pub fn new(settings: &Settings, key: &[u8]) -> Self {
        let window = Duration::from_secs(settings.ofrep_token_seconds.max(1).into());
        Self {
            limit: Buckets::new(settings.ofrep_requests_per_second, MAX_KEYS),
            tokens: Tokens::new(key, window),
            listeners: Listeners::new(settings.ofrep_event_streams),
            waiting: Waiting::default(),
        }
    }

    /// Ends the streams of a credential.
    pub fn close_credential(&self, credential: &str) {
        self.listeners.close_credential(credential);
    }

    /// How many streams of change events are open.
    #[must_use]
    pub fn event_streams(&self) -> usize {
        self.listeners.len()
    }
}

/// Under which flags are evaluated.
const FLAGS: &str = "/ofrep/v1/evaluate/flags";

/// All routes.
pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config.service(Evaluations);
    let unasked = web::scope(FLAGS).guard(guard::Options()).default_service(web::to(preflight));
    let events = web::resource("/events")
        .route(web::get().to(events::events))
        .route(web::method(Method::OPTIONS).to(preflight))
        .default_service(web::to(only_get));
    let rest = web::scope("/ofrep/v1")
        .service(events)
        .service(web::scope("/evaluate/flags").default_service(web::to(only_post)))
        .default_service(web::to(nothing_here));
    for scope in [unasked, rest] {
        config.service(scope.wrap(for_any_origin()));
    }
}

/// Evaluations, all that is asked with POST under [`FLAGS`]. What stands around other routes costs more than to
/// evaluate a flag: matching of patterns, extractors, and a middleware's future around a scope's around a handler's.
/// So [`evaluate::answer`] is called with the request as it is, and reads the flag's key from the path by hand.
struct Evaluations;

impl HttpServiceFactory for Evaluations {
    fn register(self, config: &mut AppService) {
        // `guard::Post` keeps a note with each request of what it was asked, which nobody reads here.
        let post = guard::fn_guard(|context| context.head().method == Method::POST);
        let asked = vec![Box::new(post) as Box<dyn guard::Guard>];
        config.register_service(ResourceDef::prefix(FLAGS), Some(asked), fn_service(evaluate::answer), None);
    }
}

/// What every answer carries. Keys are no cookies, so any origin may ask; and this is what its scripts may see.
const ON_EVERY_ANSWER: [(HeaderName, HeaderValue); 3] = [
    headers::NOSNIFF,
    (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
    (header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("ETag, Retry-After, Usher-As-Of")),
];

fn for_any_origin() -> DefaultHeaders {
    ON_EVERY_ANSWER.into_iter().fold(DefaultHeaders::new(), DefaultHeaders::add)
}

/// The answer to a browser's question before its request.
async fn preflight() -> HttpResponse {
    const ALLOWED: [(HeaderName, HeaderValue); 3] = [
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static(
                "Authorization, Content-Type, If-None-Match, X-API-Key, Last-Event-ID, Cache-Control",
            ),
        ),
        (header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST, GET, OPTIONS")),
        (header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400")),
    ];
    let mut response = HttpResponse::NoContent().finish();
    let headers: &mut HeaderMap = response.headers_mut();
    for (name, value) in ALLOWED {
        headers.insert(name, value);
    }
    response
}

async fn only_post(request: HttpRequest) -> HttpResponse {
    wrong_method(&request, "POST, OPTIONS")
}

async fn only_get(request: HttpRequest) -> HttpResponse {
    wrong_method(&request, "GET, OPTIONS")
}

fn wrong_method(request: &HttpRequest, allowed: &'static str) -> HttpResponse {
    let details =
        format!("{} can't be asked with {}; use one of {allowed}.", request.path(), request.method());
    let mut response = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::General, details).answer();
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
    response
}

async fn nothing_here(request: HttpRequest) -> HttpResponse {
    let details = format!("There is no {} {}.", request.method(), request.path());
    Refusal::new(StatusCode::NOT_FOUND, ErrorCode::General, details).answer()
}
