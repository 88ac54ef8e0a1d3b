//! Where the journal is, and what is asked of it.

use std::fmt;

use crate::JournalError;

/// The workspace's name in Redis, where none is given.
pub const REDIS_WORKSPACE: &str = "default";
/// Longest name of a workspace, in bytes.
const MAX_WORKSPACE_BYTES: usize = 64;

/// Where a journal in Redis is, and how safe it has to be.
#[derive(Clone)]
pub struct RedisOptions {
    /// One of:
    /// - `redis://[user:password@]host:port[/db]`, one server; `rediss://` over TLS;
    /// - `redis+sentinel://[user:password@]host:port,host:port/master-name[/db]`, whatever server the Sentinels call
    ///   the master; `rediss+sentinel://` over TLS. User and password are the server's;
    /// - `redis+cluster://[user:password@]host:port,host:port`, that node of a Cluster which has the workspace;
    ///   `rediss+cluster://` over TLS.
    pub url: String,
    /// What the names of its keys bear: several workspaces can share a Redis.
    pub workspace: String,
    /// Replicas that must have a commit before it is acknowledged: on disk where the server has `WAITAOF`
    /// (Redis 7.2), else in memory.
    pub replicas: u32,
    /// Whether a Redis is taken that would lose acknowledged commits, or does not tell whether it would.
    pub without_aof: bool,
}

impl RedisOptions {
    /// The default workspace at an address: on its disk before it is acknowledged, on no replica.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), workspace: REDIS_WORKSPACE.to_owned(), replicas: 0, without_aof: false }
    }
}

// Written by hand: an address may hold a password.
impl fmt::Debug for RedisOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, workspace, replicas, without_aof } = self;
        f.debug_struct("RedisOptions")
            .field("url", &shown(url))
            .field("workspace", workspace)
            .field("replicas", replicas)
            .field("without_aof", without_aof)
            .finish()
    }
}

/// An address without its user and password.
pub(super) fn shown(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return "an address without a scheme".to_owned() };
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    format!("{scheme}://{}", rest.split('?').next().unwrap_or_default())
}

/// What an address leads to. Each part is an address that the library reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// One server.
    Server(String),
    /// Whatever these Sentinels call the master of this name; `server` has all else that is needed to reach it.
    Sentinel { sentinels: Vec<String>, master: String, server: String },
    /// The one of these nodes, or of those that they know, that has our keys.
    Cluster(Vec<String>),
}

impl RedisOptions {
    /// # Errors
    /// An address or a name that can't be used, with what one looks like.
    pub(super) fn place(&self) -> Result<Place, JournalError> {
        let name = &self.workspace;
        let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if name.is_empty() || name.len() > MAX_WORKSPACE_BYTES || !name.bytes().all(is_fine) {
            let reason =
                format!("a workspace's name has 1 to {MAX_WORKSPACE_BYTES} letters, digits, `.`, `_`, `-`");
            return Err(JournalError::Foreign { path: format!("the workspace {name:?}"), reason });
        }
        self.parse().ok_or_else(|| JournalError::Foreign {
            path: shown(&self.url),
            reason: "it is no address of a Redis: use redis://host:port/db, rediss://…, \
                     redis+sentinel://host:port,host:port/master-name or redis+cluster://host:port,host:port"
                .to_owned(),
        })
    }

    fn parse(&self) -> Option<Place> {
        let (scheme, rest) = self.url.split_once("://")?;
        let (plain, kind) = scheme.split_once('+').unwrap_or((scheme, ""));
        if !matches!(plain, "redis" | "rediss") {
            return None;
        }
        let (credentials, rest) = match rest.rsplit_once('@') {
            Some((credentials, rest)) => (format!("{credentials}@"), rest),
            None => (String::new(), rest),
        };
        let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
        let hosts: Vec<&str> = hosts.split(',').collect();
        if hosts.iter().any(|host| host.is_empty()) {
            return None;
        }
        match kind {
            "" if hosts.len() == 1 => Some(Place::Server(self.url.clone())),
            "sentinel" => {
                let (master, db) = path.split_once('/').unwrap_or((path, "0"));
                db.parse::<u32>().ok().filter(|_| !master.is_empty())?;
                let sentinels = hosts.iter().map(|host| format!("{plain}://{host}")).collect();
                // The host is replaced by the master's.
                let server = format!("{plain}://{credentials}{}/{db}", hosts.first()?);
                Some(Place::Sentinel { sentinels, master: master.to_owned(), server })
            }
            "cluster" if path.is_empty() => Some(Place::Cluster(
                hosts.iter().map(|host| format!("{plain}://{credentials}{host}")).collect(),
            )),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Option<Place> {
        RedisOptions::new(url).place().ok()
    }

    #[test]
    fn each_form_of_address_is_understood() {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let one = "redis://user:secret@db.example:6379/2";
        assert_eq!(parse(one), Some(Place::Server(one.to_owned())));
        assert_eq!(
            parse("rediss+sentinel://u:p@s1:26379,s2:26379/main/3"),
            Some(Place::Sentinel {
                sentinels: texts(&["rediss://s1:26379", "rediss://s2:26379"]),
                master: "main".to_owned(),
                server: "rediss://u:p@s1:26379/3".to_owned(),
            })
        );
        let nodes = texts(&["redis://:p@a:7000", "redis://:p@b:7000"]);
        assert_eq!(parse("redis+cluster://:p@a:7000,b:7000"), Some(Place::Cluster(nodes)));
    }

    #[test]
    fn what_is_no_address_is_refused_without_telling_its_password() {
        for bad in [
            "localhost:6379",
            "http://:hunter2@a",
            "redis://:hunter2@a:1,b:2",
            "redis+sentinel://:hunter2@a:1",
            "redis+sentinel://:hunter2@a:1/main/x",
            "redis+cluster://:hunter2@a:1/1",
            "redis+cluster://:hunter2@",
            "redis+magic://:hunter2@a",
        ] {
            let error = RedisOptions::new(bad).place().unwrap_err().to_string();
            assert!(error.contains("redis+sentinel://") && !error.contains("hunter2"), "{error}");
        }
        assert!(!format!("{:?}", RedisOptions::new("redis://:hunter2@a")).contains("hunter2"));
        let bad = RedisOptions { workspace: "a}b".to_owned(), ..RedisOptions::new("redis://a") };
        assert!(bad.place().is_err());
    }
}
