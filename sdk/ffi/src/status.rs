//! How a client stands with its server, for a screen or a log.

use usher_sdk::{Client, Refusal, Source, Status};

use crate::renewals::Renewals;

/// How a client stands with its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum ConnectionState {
    /// It has not reached its server yet.
    Connecting,
    /// It has the server's newest values.
    Live,
    /// It had them, and has lost the server since, or rests in the background.
    Stale,
    /// It does not expect to get any: see the obstacle. It goes on trying.
    Offline,
    /// It was shut down.
    Closed,
}

/// What keeps a client from its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Obstacle {
    /// Nobody answers: no network, no name, no connection.
    Unreachable,
    /// Somebody else answers: a captive portal that wants a sign-in first, or a proxy.
    Portal,
    /// A certificate that is not trusted here: TLS is intercepted.
    Intercepted,
    /// A certificate that is not valid at the time that this device shows.
    Clock,
    /// The server answers, but not as it should.
    Unwell,
    /// The server refuses this key or this context.
    Refused,
}

/// Where answers come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum FlagSource {
    /// From the server, in this process.
    Server,
    /// From the disk, of an earlier process.
    Cache,
    /// From what the app brought along.
    Bootstrap,
    /// There is nothing yet: the caller's defaults.
    Nothing,
}

/// How a client stands with its server.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct StatusReport {
    /// In a word.
    pub state: ConnectionState,
    /// While stale: since when, in milliseconds since 1970 by this device's clock.
    pub since_ms: Option<i64>,
    /// What is in the way, as far as it is known.
    pub obstacle: Option<Obstacle>,
    /// Where answers come from.
    pub source: FlagSource,
    /// Another signed context is needed: the one that there is ends within minutes, or is not taken. To be asked of the
    /// app's backend, and handed to `set_signed_context`; until then values stay what they are.
    pub wants_signed_context: bool,
    /// How often another signed context was asked for: the same need, asked for again, is another status.
    #[uniffi(default = 0)]
    pub renewals: u64,
    /// The server refuses the key itself, or this version of the library: nothing that the app could say helps. The client
    /// goes on trying, in case somebody takes that back.
    #[uniffi(default = false)]
    pub refuses_key: bool,
}

impl From<Source> for FlagSource {
    fn from(source: Source) -> Self {
        match source {
            Source::Server => Self::Server,
            Source::Cache => Self::Cache,
            Source::Bootstrap => Self::Bootstrap,
            Source::Nothing => Self::Nothing,
        }
    }
}

impl From<usher_sdk::Obstacle> for Obstacle {
    fn from(obstacle: usher_sdk::Obstacle) -> Self {
        use usher_sdk::Obstacle as Sdk;
        match obstacle {
            Sdk::Unreachable => Self::Unreachable,
            Sdk::Portal => Self::Portal,
            Sdk::Intercepted => Self::Intercepted,
            Sdk::Clock => Self::Clock,
            Sdk::Unwell => Self::Unwell,
            Sdk::Refused => Self::Refused,
        }
    }
}

impl StatusReport {
    pub(crate) fn of(client: &Client, renewals: &Renewals) -> Self {
        let status = client.status();
        let (state, since_ms) = match status {
            _ if client.is_closed() => (ConnectionState::Closed, None),
            Status::Connecting => (ConnectionState::Connecting, None),
            Status::Live => (ConnectionState::Live, None),
            Status::Stale { since } => (ConnectionState::Stale, Some(since.millis())),
            Status::Offline => (ConnectionState::Offline, None),
        };
        let settled = matches!(state, ConnectionState::Live | ConnectionState::Closed);
        let obstacle = if settled { None } else { client.obstacle().map(Into::into) };
        let (wants_signed_context, renewals) = (renewals.waits(), renewals.asked());
        let refuses_key = obstacle.is_some() && matches!(client.refusal(), Some(Refusal::Key(_)));
        let source = client.source().into();
        Self { state, since_ms, obstacle, source, wants_signed_context, renewals, refuses_key }
    }
}
