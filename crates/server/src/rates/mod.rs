//! How much may be asked from one address, so that none takes the server down for others.
//!
//! Phones of a whole venue come from one address, so what their programs ask is bounded far above what they need: this
//! is for programs that have gone wild. People ask less. Whoever shows no key, or a wrong one, is slowed down much
//! earlier, and slows down nobody else: who shows a good one is never refused for others who don't.

mod address;
mod buckets;

use std::net::IpAddr;

use actix_web::{HttpRequest, http::StatusCode};
use prometheus::{IntCounter, IntCounterVec};

pub use self::address::Proxies;
pub(crate) use self::buckets::Buckets;
use crate::{problem::Problem, settings::Settings};

/// Requests of programs (OFREP, `/sdk/v1`, streams that are opened) from one address in a second, on average, unless it is
/// set otherwise.
pub const REQUESTS_PER_SECOND: u32 = 20_000;
/// Requests to the administration API likewise.
pub const API_REQUESTS_PER_SECOND: u32 = 1_000;
/// Requests that are refused for their key likewise.
pub const REFUSALS_PER_SECOND: u32 = 10;
/// Addresses that are remembered.
const MAX_ADDRESSES: usize = 100_000;

/// What is refused: `usher_address_limited_total`.
pub(crate) const KINDS: [&str; 3] = ["client", "api", "refusal"];

/// What one address may ask.
pub struct Rates {
    proxies: Proxies,
    clients: Limit,
    api: Limit,
    refusals: Limit,
}

struct Limit {
    buckets: Buckets<u64>,
    limited: IntCounter,
}

impl Rates {
    /// Nobody has asked yet.
    #[must_use]
    pub fn new(settings: &Settings, limited: &IntCounterVec) -> Self {
        let limit = |kind, per_second| Limit {
            buckets: Buckets::new(per_second, MAX_ADDRESSES),
            limited: limited.with_label_values(&[kind]),
        };
        let [clients, api, refusals] = KINDS;
        Self {
            proxies: settings.trusted_proxies.clone(),
            clients: limit(clients, settings.address_requests_per_second),
            api: limit(api, settings.address_api_requests_per_second),
            refusals: limit(refusals, settings.address_refusals_per_second),
        }
    }

    /// The address that a request comes from.
    #[must_use]
    pub fn address(&self, request: &HttpRequest) -> IpAddr {
        self.proxies.client(request.peer_addr(), request.headers())
    }

    /// What counts as one client, as a text.
    #[must_use]
    pub fn network(&self, request: &HttpRequest) -> String {
        address::network_text(self.address(request))
    }

    /// Counts a request of a program.
    ///
    /// # Errors
    /// There were too many from its address (429).
    pub fn client(&self, request: &HttpRequest) -> Result<(), Problem> {
        self.clients.take(self.key(request))
    }

    /// Counts a request to the administration API.
    ///
    /// # Errors
    /// There were too many from its address (429).
    pub fn api(&self, request: &HttpRequest) -> Result<(), Problem> {
        self.api.take(self.key(request))
    }

    /// Whether it is worth the trouble to find out whether a key is good.
    ///
    /// # Errors
    /// Too many from its address were not (429).
    pub fn may_fail(&self, request: &HttpRequest) -> Result<(), Problem> {
        self.refusals.look(self.key(request))
    }

    /// Counts what is refused for its key, or for having none: what is to be answered.
    #[must_use]
    pub fn failed(&self, request: &HttpRequest, problem: Problem) -> Problem {
        if problem.is(StatusCode::UNAUTHORIZED) {
            self.refused(request).err().unwrap_or(problem)
        } else {
            problem
        }
    }

    /// Counts something that is refused for who sent it.
    ///
    /// # Errors
    /// Too much from its address was (429).
    pub fn refused(&self, request: &HttpRequest) -> Result<(), Problem> {
        self.refusals.take(self.key(request))
    }

    fn key(&self, request: &HttpRequest) -> u64 {
        address::network(self.address(request))
    }
}

impl Limit {
    fn take(&self, key: u64) -> Result<(), Problem> {
        self.buckets.take(&key).map_err(|seconds| self.refused(seconds))
    }

    fn look(&self, key: u64) -> Result<(), Problem> {
        self.buckets.look(&key).map_err(|seconds| self.refused(seconds))
    }

    fn refused(&self, seconds: u32) -> Problem {
        self.limited.inc();
        let detail = format!("Too much is asked from this address: ask again in {seconds} s.");
        Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", detail).retry_after(seconds)
    }
}
