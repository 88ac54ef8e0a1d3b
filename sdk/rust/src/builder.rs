//! Building a client.

use std::{path::PathBuf, sync::Arc, time::Duration};

use usher_core::{Context, protocol::Mode};

use crate::{
    beginning::Beginning,
    bootstrap::Bootstrap,
    cache::CacheFolder,
    client::Client,
    connection::Connection,
    sender::{SEND_AT_MOST_EVERY, SEND_EVERY},
    shared::{Config, Shared},
};

/// How often is asked for news in the background. What phones let programs do unseen, they let them do about as often.
const REST_FOR: Duration = Duration::from_secs(15 * 60);
/// How often at most, whatever a program asks for.
const REST_AT_LEAST: Duration = Duration::from_secs(1);

/// Why a client can't be built. What comes later is never an error, but a status.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Not an address of a server.
    #[error("`{0}` is not the address of a server: give one such as https://flags.example.org")]
    Url(String),
    /// The bootstrap can't be read, or is not of the sort that the client's mode needs.
    #[error("the bootstrap can't be used: {0}")]
    Bootstrap(String),
    /// No thread for the connection.
    #[error("the background thread can't be started: {0}")]
    Thread(#[from] std::io::Error),
    /// No randomness.
    #[error("the system has no randomness to give: {0}")]
    Randomness(getrandom::Error),
}

/// Builds a [`Client`].
pub struct Builder {
    url: String,
    key: String,
    mode: Option<Mode>,
    venue: Option<String>,
    context: Context,
    signed: Option<String>,
    cache_dir: Option<PathBuf>,
    bootstrap: Option<Bootstrap>,
    app_version: Option<String>,
    runtime: Option<tokio::runtime::Handle>,
    send_every: Duration,
    rest_for: Duration,
    rests: bool,
}

impl Builder {
    pub(crate) fn new(url: &str, key: &str) -> Self {
        Self {
            url: url.trim_end_matches('/').to_owned(),
            key: key.to_owned(),
            mode: None,
            venue: None,
            context: Context::anonymous(),
            signed: None,
            cache_dir: None,
            bootstrap: None,
            app_version: None,
            runtime: None,
            send_every: SEND_EVERY,
            rest_for: REST_FOR,
            rests: false,
        }
    }

    /// Where this program runs: it is counted there, and in values mode asked for there. In ruleset mode it gets only
    /// what this venue needs: for other venues it knows no overrides and no kills. A program that serves several
    /// venues leaves it out.
    #[must_use]
    pub fn venue(mut self, venue: &str) -> Self {
        self.venue = Some(venue.to_owned());
        self
    }

    /// Rules to evaluate here (server keys), or values that the server evaluates (any key). Without it the
    /// key's own prefix decides.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = Some(mode);
        self
    }

    /// Values mode: who is asked for. The context that a call passes is then not looked at; see
    /// [`Client::set_context`].
    #[must_use]
    pub fn context(mut self, context: Context) -> Self {
        self.context = context;
        self
    }

    /// Values mode: what a backend has signed of whoever is asked for (`usher_sdk::signed_context`), passed on as it is.
    /// What is signed can't be said otherwise by [`context`](Self::context); flags on disk are kept for the signed
    /// targeting key. See [`Client::on_renewal_needed`].
    #[must_use]
    pub fn signed_context(mut self, token: impl Into<String>) -> Self {
        self.signed = Some(token.into());
        self
    }

    /// A folder in which flags survive the process. Several programs may share it.
    #[must_use]
    pub fn cache_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.cache_dir = Some(folder.into());
        self
    }

    /// Flags to begin with where there is neither a server nor a cache. Nobody knows how old they are, so a
    /// flag's `whenStale` takes them for older than any span.
    #[must_use]
    pub fn bootstrap(mut self, bootstrap: Bootstrap) -> Self {
        self.bootstrap = Some(bootstrap);
        self
    }

    /// The version of the program, for statistics.
    #[must_use]
    pub fn app_version(mut self, version: &str) -> Self {
        self.app_version = Some(version.to_owned());
        self
    }

    /// How often what was counted is sent, give or take a quarter; every 10 s without it, and once a second at most. A
    /// release that is watched by what this program counts is taken back no sooner than it hears of it.
    #[must_use]
    pub fn send_every(mut self, every: Duration) -> Self {
        self.send_every = every.max(SEND_AT_MOST_EVERY);
        self
    }

    /// How often is asked for news in the background, give or take a quarter: every 15 minutes without it, and once a
    /// second at most. See [`Client::background`].
    #[must_use]
    pub fn poll_in_background_every(mut self, every: Duration) -> Self {
        self.rest_for = every.max(REST_AT_LEAST);
        self
    }

    /// Begins in the background, as a program does that was woken by a message. See [`Client::background`].
    #[must_use]
    pub fn in_background(mut self) -> Self {
        self.rests = true;
        self
    }

    /// Runs the connection on this runtime, instead of a thread of its own.
    #[must_use]
    pub fn runtime(mut self, runtime: tokio::runtime::Handle) -> Self {
        self.runtime = Some(runtime);
        self
    }

    /// Builds the client. Returns at once: what is on disk has been read, the network is another's business.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn build(self) -> Result<Client, BuildError> {
        if !(self.url.starts_with("http://") || self.url.starts_with("https://")) {
            return Err(BuildError::Url(self.url));
        }
        // One TLS implementation for all; an error only says that there is one already.
        drop(rustls::crypto::ring::default_provider().install_default());
        let mode =
            self.mode.unwrap_or(if self.key.starts_with("uck_") { Mode::Values } else { Mode::Ruleset });
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(BuildError::Randomness)?;
        let bootstrap = self.bootstrap.map(|bootstrap| bootstrap.for_mode(mode)).transpose()?;
        let venue = self.venue.as_deref();
        let cache = self.cache_dir.map(|folder| CacheFolder::new(&folder, &self.url, &self.key, mode, venue));
        let config = Config {
            url: self.url,
            key: self.key,
            mode,
            venue: self.venue,
            app_version: self.app_version,
            instance: format!("{:016x}", u64::from_le_bytes(random)),
            cache,
            bootstrap,
            send_every: self.send_every,
            rest_for: self.rest_for,
        };
        let shared = Arc::new(Shared::new(config, &self.context, self.signed.as_deref(), self.rests));
        let beginning = Beginning::find(&shared.config, shared.asked.borrow().person.as_deref());
        let connection = Connection::new(Arc::clone(&shared), beginning);
        match self.runtime {
            Some(runtime) => drop(runtime.spawn(connection.run())),
            None => {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                std::thread::Builder::new().name("usher-sdk".to_owned()).spawn(move || {
                    runtime.block_on(connection.run());
                    // A name look-up that hangs must not keep the thread.
                    runtime.shutdown_background();
                })?;
            }
        }
        Ok(Client::new(shared))
    }
}
