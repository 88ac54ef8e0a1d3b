//! What an operator can set.

use std::{collections::BTreeMap, fmt, path::PathBuf};

use serde::Deserialize;
use usher_core::{model::RoleBinding, protocol::HEARTBEAT_SECONDS};
use usher_journal::{REDIS_WORKSPACE, RedisOptions};

use crate::{
    auth::{
        oidc::{GROUPS_CLAIM, NAME, SCOPES},
        session::ACCESS_SECONDS,
    },
    ofrep::{EVENT_STREAMS, REQUESTS_PER_SECOND, TOKEN_SECONDS},
    rates::{self, Proxies},
    webhooks::WebhookSettings,
};

/// A stream is made anew after four hours, more or less, unless it is set otherwise.
const MAX_CONNECTION_MINUTES: u32 = 240;
/// Streams are sent away over so many seconds, unless it is set otherwise. Well within the time that service managers
/// leave a process before they kill it.
const DRAIN_SECONDS: u32 = 5;

/// Settings of one server. Read from a TOML file, `USHER_*` variables and flags, in this order.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case", default, deny_unknown_fields)]
pub struct Settings {
    /// Address and port to listen on; port 0 takes a free one.
    pub listen: String,
    /// File of the certificate that is shown to who connects, and of those that vouch for it, in PEM: with it, all that is
    /// listened for is TLS. It is read again when it changes.
    pub tls_certificate: Option<PathBuf>,
    /// File of its private key, in PEM.
    pub tls_key: Option<PathBuf>,
    /// Folder of the embedded journal, of the server's own secrets, and of what guards of releases have seen. With
    /// `redis`, of the last only, and not made where it is not there.
    pub data: PathBuf,
    /// Address of a Redis that keeps the journal for any number of servers; see [`usher_journal::RedisOptions`].
    pub redis: Option<Secret>,
    /// Which workspace of that Redis is served: what the names of its keys bear.
    pub redis_workspace: String,
    /// Replicas that must have a commit before it is acknowledged.
    pub redis_replicas: u32,
    /// Whether to take a Redis that could lose acknowledged commits, or does not tell whether it could.
    pub redis_without_aof: bool,
    /// At a first start: makes an administrator's API token of it. 24 characters or more.
    pub admin_token: Option<Secret>,
    /// Whether browsers may send the session cookie over TLS only. On behind a proxy that terminates TLS; where
    /// this server does, it is so anyway.
    pub secure_cookies: bool,
    /// Whether administrators, of some places too, can do nothing before they have set up a second factor. Tokens need
    /// none, and who signs in through a provider is asked for one there.
    pub require_second_factor_for_admins: bool,
    /// Seconds after which a browser has to renew the token of its session, which it does by itself. One that was
    /// copied opens nothing for longer, wherever sessions can't be looked up.
    pub session_access_seconds: u32,
    /// Whether people can sign in with a password. Off only where they can through a provider.
    pub password_sign_in: bool,
    /// The OpenID provider that people can sign in through, `https://id.example.org`; none without.
    pub oidc_issuer: Option<String>,
    /// As whom this server is known there.
    pub oidc_client_id: String,
    /// What shows that it is; none where the provider takes PKCE alone.
    pub oidc_client_secret: Option<Secret>,
    /// What the provider is called on the button.
    pub oidc_name: String,
    /// The address under which browsers know this server, `https://usher.example.org`; without it, whatever they call it
    /// by. The provider has to know `…/api/v1/session/oidc/callback` behind it.
    pub oidc_public_url: Option<String>,
    /// What the provider is asked for besides `openid`, with spaces between.
    pub oidc_scopes: String,
    /// The claim that has somebody's groups.
    pub oidc_groups_claim: String,
    /// What a group may do. Who is in none of these does not get in.
    pub oidc_groups: BTreeMap<String, Vec<RoleBinding>>,
    /// Whether `/metrics` answers without a token.
    pub metrics_open: bool,
    /// Seconds between pings on streams.
    pub heartbeat_seconds: u32,
    /// Minutes after which a stream is made anew, a quarter more or less, so that clients spread over nodes that were
    /// started meanwhile; 0 for never.
    pub max_connection_minutes: u32,
    /// Seconds over which streams are sent away before the server stops.
    pub drain_seconds: u32,
    /// Worker threads; 0 for one per core.
    pub workers: usize,
    /// Networks of proxies that are believed about who asks, by the end of `X-Forwarded-For`.
    pub trusted_proxies: Proxies,
    /// Requests of programs, streams that are opened among them, that may come from one address (of IPv6: one network of
    /// 64 bits) in a second, on average; 0 for any number.
    pub address_requests_per_second: u32,
    /// Requests to the administration API likewise.
    pub address_api_requests_per_second: u32,
    /// Requests without a good key likewise; those with one are never refused for them.
    pub address_refusals_per_second: u32,
    /// OFREP requests that one key may make in a second, on average; 0 for any number.
    pub ofrep_requests_per_second: u32,
    /// Streams of OFREP change events that may be open at a time; 0 for none, and then none is offered.
    pub ofrep_event_streams: usize,
    /// Seconds for which the address of such a stream opens it, at least; twice that at most.
    pub ofrep_token_seconds: u32,
    /// What guards of releases may send to live endpoints, by name: `{secret:NAME}` in a probe's header.
    pub secrets: BTreeMap<String, Secret>,
    /// Who is told of what happens. The same at all servers of a fleet.
    pub webhooks: Vec<WebhookSettings>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:7080".to_owned(),
            tls_certificate: None,
            tls_key: None,
            data: PathBuf::from("usher-data"),
            redis: None,
            redis_workspace: REDIS_WORKSPACE.to_owned(),
            redis_replicas: 0,
            redis_without_aof: false,
            admin_token: None,
            secure_cookies: false,
            require_second_factor_for_admins: false,
            session_access_seconds: ACCESS_SECONDS,
            password_sign_in: true,
            oidc_issuer: None,
            oidc_client_id: String::new(),
            oidc_client_secret: None,
            oidc_name: NAME.to_owned(),
            oidc_public_url: None,
            oidc_scopes: SCOPES.to_owned(),
            oidc_groups_claim: GROUPS_CLAIM.to_owned(),
            oidc_groups: BTreeMap::new(),
            metrics_open: false,
            heartbeat_seconds: HEARTBEAT_SECONDS,
            max_connection_minutes: MAX_CONNECTION_MINUTES,
            drain_seconds: DRAIN_SECONDS,
            workers: 0,
            trusted_proxies: Proxies::default(),
            address_requests_per_second: rates::REQUESTS_PER_SECOND,
            address_api_requests_per_second: rates::API_REQUESTS_PER_SECOND,
            address_refusals_per_second: rates::REFUSALS_PER_SECOND,
            ofrep_requests_per_second: REQUESTS_PER_SECOND,
            ofrep_event_streams: EVENT_STREAMS,
            ofrep_token_seconds: TOKEN_SECONDS,
            secrets: BTreeMap::new(),
            webhooks: Vec::new(),
        }
    }
}

impl Settings {
    /// Whether this server ends TLS itself.
    #[must_use]
    pub fn ends_tls(&self) -> bool {
        self.tls_certificate.is_some()
    }

    /// Whether browsers come over TLS, which ends here or before.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.secure_cookies || self.ends_tls()
    }

    /// Where the journal is in Redis, if it is there.
    #[must_use]
    pub fn redis(&self) -> Option<RedisOptions> {
        self.redis.as_ref().map(|url| RedisOptions {
            url: url.expose().to_owned(),
            workspace: self.redis_workspace.clone(),
            replicas: self.redis_replicas,
            without_aof: self.redis_without_aof,
        })
    }
}

/// A text that never shows in a log.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The text itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
