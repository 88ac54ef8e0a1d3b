//! What an operator of an edge can set.

use std::path::PathBuf;

use serde::Deserialize;
use usher_core::{model::VenueKey, protocol::HEARTBEAT_SECONDS};
use usher_server::{Secret, rates::Proxies};

/// Seconds after which a client's key is asked about again while it is in use, and for which one that was refused is
/// not asked about again.
pub const KEY_CHECK_SECONDS: u32 = 60;

/// Settings of one edge. Read from a TOML file, `USHER_*` variables and flags, in this order.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case", default, deny_unknown_fields)]
pub struct Settings {
    /// Address and port to listen on; port 0 takes a free one.
    pub listen: String,
    /// File of the certificate that is shown to clients, and of those that vouch for it, in PEM: with it, all that is
    /// listened for is TLS. It is read again when it changes.
    pub tls_certificate: Option<PathBuf>,
    /// File of its private key, in PEM.
    pub tls_key: Option<PathBuf>,
    /// Address of the server, or of another edge, `https://usher.example.org`.
    pub upstream: String,
    /// Server keys: one for each environment that is relayed.
    pub keys: Vec<Secret>,
    /// Only these venues are relayed, and nothing of others is held; all that the keys are for, without any.
    pub venues: Vec<VenueKey>,
    /// Folder of the copy on disk.
    pub data: PathBuf,
    /// What it is called upstream, where it is told who has not applied a change yet.
    pub name: String,
    /// Whether `/metrics` answers without one of the edge's own keys.
    pub metrics_open: bool,
    /// Seconds between pings on streams to clients.
    pub heartbeat_seconds: u32,
    /// Minutes after which a stream is made anew, a quarter more or less, so that clients spread over edges that were
    /// started meanwhile; 0 for never.
    pub max_connection_minutes: u32,
    /// Seconds over which streams are sent away before the edge stops.
    pub drain_seconds: u32,
    /// Another server or edge that is asked what clients ask here, to see whether it answers the same; nobody without
    /// one. It is sent contexts and keys of clients.
    pub shadow_url: Option<String>,
    /// How many of a hundred questions it is asked too.
    pub shadow_percent: f64,
    /// Worker threads; 0 for one per core.
    pub workers: usize,
    /// Seconds after which a client's key is asked about again.
    pub key_check_seconds: u32,
    /// Networks of proxies that are believed about who asks, by the end of `X-Forwarded-For`.
    pub trusted_proxies: Proxies,
    /// Requests that may come from one address (of IPv6: one network of 64 bits) in a second, on average, streams that are
    /// opened among them; 0 for any number.
    pub address_requests_per_second: u32,
    /// Requests without a good key likewise; those with one are never refused for them.
    pub address_refusals_per_second: u32,
    /// OFREP requests that one key may make in a second, on average; 0 for any number.
    pub ofrep_requests_per_second: u32,
    /// Streams of OFREP change events that may be open at a time; 0 for none, and then none is offered.
    pub ofrep_event_streams: usize,
    /// Seconds for which the address of such a stream opens it, at least; twice that at most.
    pub ofrep_token_seconds: u32,
}

impl Default for Settings {
    fn default() -> Self {
        let surface = usher_server::Settings::default();
        Self {
            listen: "127.0.0.1:7081".to_owned(),
            tls_certificate: None,
            tls_key: None,
            upstream: String::new(),
            keys: Vec::new(),
            venues: Vec::new(),
            data: PathBuf::from("usher-edge-data"),
            name: "edge".to_owned(),
            metrics_open: false,
            heartbeat_seconds: HEARTBEAT_SECONDS,
            max_connection_minutes: surface.max_connection_minutes,
            drain_seconds: surface.drain_seconds,
            shadow_url: None,
            shadow_percent: 100.0,
            workers: 0,
            key_check_seconds: KEY_CHECK_SECONDS,
            trusted_proxies: surface.trusted_proxies,
            address_requests_per_second: surface.address_requests_per_second,
            address_refusals_per_second: surface.address_refusals_per_second,
            ofrep_requests_per_second: surface.ofrep_requests_per_second,
            ofrep_event_streams: surface.ofrep_event_streams,
            ofrep_token_seconds: surface.ofrep_token_seconds,
        }
    }
}

impl Settings {
    /// Those of the client surface.
    #[must_use]
    pub fn surface(&self) -> usher_server::Settings {
        usher_server::Settings {
            listen: self.listen.clone(),
            tls_certificate: self.tls_certificate.clone(),
            tls_key: self.tls_key.clone(),
            data: self.data.clone(),
            metrics_open: self.metrics_open,
            heartbeat_seconds: self.heartbeat_seconds,
            max_connection_minutes: self.max_connection_minutes,
            drain_seconds: self.drain_seconds,
            workers: self.workers,
            trusted_proxies: self.trusted_proxies.clone(),
            address_requests_per_second: self.address_requests_per_second,
            address_refusals_per_second: self.address_refusals_per_second,
            ofrep_requests_per_second: self.ofrep_requests_per_second,
            ofrep_event_streams: self.ofrep_event_streams,
            ofrep_token_seconds: self.ofrep_token_seconds,
            ..usher_server::Settings::default()
        }
    }
}
