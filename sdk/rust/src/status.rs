//! How a client stands with its server. Always the truth: a client that has heard nothing for two heartbeats is
//! not live, whatever its socket says.

use usher_core::model::Timestamp;

/// How a client stands with its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It has not reached its server yet; what it answers comes from the disk, the bootstrap or the caller.
    Connecting,
    /// It has the server's newest data, and heard so less than two heartbeats ago: by a stream, or by polling
    /// where no stream comes through.
    Live,
    /// It had live data, and has lost the server since then, or is served by an edge that has; or it was asked for
    /// another context, and what it has is still for the one before.
    Stale {
        /// When the server last confirmed that the data was its newest.
        since: Timestamp,
    },
    /// It does not expect to get data: the server refuses its key, somebody else answers for it (a captive portal, a
    /// certificate that is not trusted here), the client was closed, or its runtime is gone. [`crate::Client::obstacle`]
    /// tells which. It goes on trying, unless it was closed.
    Offline,
}

/// Where answers come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// From the server, in this process.
    Server,
    /// From the disk, of an earlier process.
    Cache,
    /// From the bootstrap that the program brought along.
    Bootstrap,
    /// There is nothing yet: the caller's defaults.
    Nothing,
}

/// Why the server refuses a client. It goes on trying, seldom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Its key was revoked, has expired or may not do this; or the server speaks no schema that this version reads.
    Key(String),
    /// Its signed context is missing, has expired or is not taken: ask the backend for another.
    SignedContext(String),
}

impl Refusal {
    /// What the server said.
    #[must_use]
    pub fn message(&self) -> &str {
        match self {
            Self::Key(message) | Self::SignedContext(message) => message,
        }
    }
}
