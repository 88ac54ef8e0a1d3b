//! Reaching the server, and finding out whether it keeps what it is given.

use std::{collections::HashMap, time::Duration};

use redis::{
    AsyncConnectionConfig, Client, ErrorKind, IntoConnectionInfo, ProtocolVersion, RedisError, RedisResult,
    aio::{AsyncPushSender, MultiplexedConnection},
};

use super::{
    options::{Place, RedisOptions, shown},
    sentinel::{self, Named},
    trouble::told,
};
use crate::{Durability, JournalError};

/// How long a server may take to be there.
pub(super) const CONNECT_TIME: Duration = Duration::from_secs(2);
/// How long a server may take for an answer. A large import is one command, and has to get to its disk.
pub(super) const ANSWER_TIME: Duration = Duration::from_secs(10);
/// Nodes of a Cluster that are asked for the one that has our keys, one after the other.
const MAX_REDIRECTIONS: usize = 8;
/// The oldest server that has all that is needed.
const OLDEST: (u32, u32) = (7, 0);
/// From here on a server tells when a commit is on its disk and those of its replicas.
const WAITAOF: (u32, u32) = (7, 2);

/// A connection, and what is known about the server at its other end.
#[derive(Clone)]
pub(super) struct Session {
    pub(super) connection: MultiplexedConnection,
    pub(super) durability: Durability,
    /// Whether it has `WAITAOF`.
    pub(super) tells_disk: bool,
}

/// Opens connections.
pub(super) struct Connector {
    place: Place,
    /// A key of the workspace, by which a Cluster finds its node.
    key: String,
    options: RedisOptions,
}

impl Connector {
    pub(super) fn new(options: &RedisOptions, key: &str) -> Result<Self, JournalError> {
        Ok(Self { place: options.place()?, key: key.to_owned(), options: options.clone() })
    }

    /// The address, without what is secret in it.
    pub(super) fn shown(&self) -> String {
        shown(&self.options.url)
    }

    pub(super) fn replicas(&self) -> u32 {
        self.options.replicas
    }

    /// A new connection to the server that takes writes.
    pub(super) async fn connect(&self) -> RedisResult<MultiplexedConnection> {
        self.connect_with(config(), ProtocolVersion::RESP2).await
    }

    /// The same, on which what is said on channels arrives too.
    pub(super) async fn connect_listening(
        &self,
        heard: impl AsyncPushSender,
    ) -> RedisResult<MultiplexedConnection> {
        self.connect_with(config().set_push_sender(heard), ProtocolVersion::RESP3).await
    }

    async fn connect_with(
        &self,
        config: AsyncConnectionConfig,
        protocol: ProtocolVersion,
    ) -> RedisResult<MultiplexedConnection> {
        let spoken = |info: &redis::ConnectionInfo| info.redis_settings().clone().set_protocol(protocol);
        match &self.place {
            Place::Server(url) => {
                let info = url.as_str().into_connection_info()?;
                let settings = spoken(&info);
                let client = Client::open(info.set_redis_settings(settings))?;
                client.get_multiplexed_async_connection_with_config(&config).await
            }
            Place::Sentinel { sentinels, master, server } => {
                let info = server.as_str().into_connection_info()?;
                let settings = spoken(&info);
                let like = info.set_redis_settings(settings);
                let asking = asking();
                let connecting = sentinel::connect(sentinels, master, &like, (&asking, &config));
                // Each of them is asked in turn, and one may be gone.
                let limit = CONNECT_TIME * u32::try_from(sentinels.len() + 1).unwrap_or(u32::MAX);
                tokio::time::timeout(limit, connecting).await.map_err(|_| late())?
            }
            Place::Cluster(nodes) => self.find_in_cluster(nodes, &config, protocol).await,
        }
    }

    /// Whom the Sentinels call the master now; none where there are none, or none of them answers.
    pub(super) async fn named(&self) -> Option<Named> {
        match &self.place {
            Place::Sentinel { sentinels, master, .. } => {
                sentinel::name(sentinels, master, &asking()).await.ok()
            }
            Place::Server(_) | Place::Cluster(_) => None,
        }
    }

    /// The node of a Cluster that has our keys. All of them are in one slot, so that a plain connection to it is
    /// all that is needed: it repeats nothing by itself, and what waits for replicas waits for the right ones.
    async fn find_in_cluster(
        &self,
        nodes: &[String],
        config: &AsyncConnectionConfig,
        protocol: ProtocolVersion,
    ) -> RedisResult<MultiplexedConnection> {
        let mut last = late();
        for node in nodes {
            let info = node.as_str().into_connection_info()?;
            let settings = info.redis_settings().clone().set_protocol(protocol);
            let mut info = info.set_redis_settings(settings);
            for _ in 0..MAX_REDIRECTIONS {
                let client = Client::open(info.clone())?;
                let mut connection = match client.get_multiplexed_async_connection_with_config(config).await {
                    Ok(connection) => connection,
                    Err(error) => {
                        last = error;
                        break;
                    }
                };
                let asked = redis::cmd("EXISTS").arg(&self.key).query_async::<u8>(&mut connection).await;
                let error = match asked {
                    Ok(_) => return Ok(connection),
                    Err(error) => error,
                };
                let there = error.redirect_node().map(|(address, _)| address.to_owned());
                last = error;
                // The credentials are those of the node that was named.
                let Some((host, port)) = there.as_deref().and_then(|there| there.rsplit_once(':')) else {
                    break;
                };
                let plain = if node.starts_with("rediss") { "rediss" } else { "redis" };
                let next = format!("{plain}://{host}:{port}").into_connection_info()?;
                info = next.set_redis_settings(info.redis_settings().clone());
            }
        }
        Err(last)
    }

    /// A new connection to a server that has been looked at.
    pub(super) async fn open(&self) -> Result<Session, JournalError> {
        let mut connection = self.connect().await.map_err(|error| self.unreachable(&error))?;
        let (durability, tells_disk) = self.look(&mut connection).await?;
        Ok(Session { connection, durability, tells_disk })
    }

    pub(super) fn unreachable(&self, error: &RedisError) -> JournalError {
        JournalError::Storage(format!("Redis at {}: {}", self.shown(), told(error)))
    }

    /// Asks a server how it keeps what it is given.
    ///
    /// # Errors
    /// It would lose acknowledged commits, is too old, or does not answer.
    async fn look(&self, connection: &mut MultiplexedConnection) -> Result<(Durability, bool), JournalError> {
        let info: String =
            redis::cmd("INFO").query_async(connection).await.map_err(|error| self.unreachable(&error))?;
        let info: HashMap<&str, &str> = info.lines().filter_map(|line| line.split_once(':')).collect();
        let field = |name: &str| info.get(name).copied().unwrap_or_default();
        // Valkey tells the Redis that it is compatible with, which is 7.2.
        let version = field("redis_version");
        let mut numbers = version.split('.').map(|part| part.parse().unwrap_or(0));
        let number = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        if number < OLDEST {
            let reason = format!("it is Redis {version}, and 7.0 or later is needed");
            return Err(JournalError::Foreign { path: self.shown(), reason });
        }
        if field("role") != "master" {
            return Err(JournalError::Storage(format!(
                "Redis at {} is a replica, which takes no writes: name the master, or the Sentinels",
                self.shown()
            )));
        }
        let server = if info.contains_key("valkey_version") { "Valkey" } else { "Redis" };
        let version = info.get("valkey_version").copied().unwrap_or(version);
        let asked: RedisResult<HashMap<String, String>> = redis::cmd("CONFIG")
            .arg("GET")
            .arg(["appendonly", "appendfsync", "no-appendfsync-on-rewrite", "maxmemory-policy"].as_slice())
            .query_async(connection)
            .await;
        let (sync, weakness) = match asked {
            Ok(config) => {
                let is = |name: &str| config.get(name).map_or("", String::as_str).to_owned();
                weakness(&is)
            }
            // A dropped connection is no answer; a refusal is.
            Err(error) if error.is_io_error() => return Err(self.unreachable(&error)),
            Err(error) => (
                "unknown".to_owned(),
                Some(format!("it does not let itself be asked for its configuration ({})", told(&error))),
            ),
        };
        if let Some(weakness) = weakness.as_ref().filter(|_| !self.options.without_aof) {
            return Err(JournalError::NotDurable { place: self.shown(), weakness: weakness.clone() });
        }
        let durability = Durability {
            engine: format!("{server} {version}"),
            sync,
            replicas_needed: self.options.replicas,
            replicas: field("connected_slaves").parse().unwrap_or(0),
            weakness,
            notice: None,
        };
        Ok((durability, number >= WAITAOF))
    }
}

/// How a server synchronises, and what is wrong with that.
fn weakness(is: &impl Fn(&str) -> String) -> (String, Option<String>) {
    let mend = "run it with `appendonly yes` and `appendfsync always`";
    let sync = is("appendfsync");
    if is("appendonly") != "yes" {
        return ("never".to_owned(), Some(format!("it keeps no append-only file: {mend}")));
    }
    if sync != "always" {
        return (
            sync.clone(),
            Some(format!("it answers before a commit is on disk (`appendfsync {sync}`): {mend}")),
        );
    }
    if is("no-appendfsync-on-rewrite") == "yes" {
        let what = "it does not synchronise while it rewrites its file: set `no-appendfsync-on-rewrite no`";
        return ("not always".to_owned(), Some(what.to_owned()));
    }
    if is("maxmemory-policy").starts_with("allkeys-") {
        let what = "it throws keys away when its memory is full: set `maxmemory-policy noeviction`";
        return ("always".to_owned(), Some(what.to_owned()));
    }
    ("always".to_owned(), None)
}

fn config() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_TIME))
        .set_response_timeout(Some(ANSWER_TIME))
}

/// For a Sentinel, which has all that it tells in its memory.
fn asking() -> AsyncConnectionConfig {
    config().set_response_timeout(Some(CONNECT_TIME))
}

fn late() -> RedisError {
    RedisError::from((ErrorKind::Io, "nobody there answered in time"))
}
