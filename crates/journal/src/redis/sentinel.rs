//! Asking Sentinels for the master.
//!
//! The library would ask them too, but takes the first server that calls itself a master. One that was dead and is back
//! does so for some seconds, while the Sentinels put another in its place: what it is given then is lost.

use std::collections::HashMap;

use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, ErrorKind, IntoConnectionInfo, RedisError,
    RedisResult, aio::MultiplexedConnection,
};

/// A master, as a Sentinel sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    host: String,
    port: u16,
    flags: String,
}

impl Named {
    /// Reads what `SENTINEL MASTER` answers; none for what says no address.
    fn read(mut fields: HashMap<String, String>) -> Option<Self> {
        let host = fields.remove("ip")?;
        let port = fields.remove("port")?.parse().ok()?;
        Some(Self { host, port, flags: fields.remove("flags").unwrap_or_default() })
    }

    /// Whether another is about to take its place: Sentinels have agreed that it is gone, also if it is back by now.
    pub(super) fn is_being_replaced(&self) -> bool {
        self.flags.split(',').any(|flag| matches!(flag, "o_down" | "failover_in_progress"))
    }

    /// Whether it is where that other one is.
    pub(super) fn is_at_the_place_of(&self, other: &Self) -> bool {
        (&self.host, self.port) == (&other.host, other.port)
    }

    /// Its address, with all else that is needed to reach it as in `like`.
    fn reached(&self, like: ConnectionInfo) -> ConnectionInfo {
        let host = self.host.clone();
        let address = match like.addr() {
            ConnectionAddr::TcpTls { insecure, tls_params, .. } => ConnectionAddr::TcpTls {
                host,
                port: self.port,
                insecure: *insecure,
                tls_params: tls_params.clone(),
            },
            _ => ConnectionAddr::Tcp(host, self.port),
        };
        like.set_addr(address)
    }
}

/// What one Sentinel says of a master.
///
/// # Errors
/// It does not answer, or knows no such master.
async fn ask(sentinel: &str, master: &str, config: &AsyncConnectionConfig) -> RedisResult<Named> {
    let client = Client::open(sentinel.into_connection_info()?)?;
    let mut connection = client.get_multiplexed_async_connection_with_config(config).await?;
    let fields = redis::cmd("SENTINEL").arg("MASTER").arg(master).query_async(&mut connection).await?;
    Named::read(fields).ok_or_else(|| problem("a Sentinel does not say where the master is"))
}

/// What the first Sentinel says that answers.
///
/// # Errors
/// None does.
pub(super) async fn name(
    sentinels: &[String],
    master: &str,
    config: &AsyncConnectionConfig,
) -> RedisResult<Named> {
    let mut last = problem("there is no Sentinel");
    for sentinel in sentinels {
        match ask(sentinel, master, config).await {
            Ok(named) => return Ok(named),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// A connection to the master that the first Sentinel names whose word holds: it is a master, and stays one. `like` has
/// all that is needed to reach it but its address.
///
/// # Errors
/// There is none.
pub(super) async fn connect(
    sentinels: &[String],
    master: &str,
    like: &ConnectionInfo,
    (asking, config): (&AsyncConnectionConfig, &AsyncConnectionConfig),
) -> RedisResult<MultiplexedConnection> {
    let mut last = problem("there is no Sentinel");
    for sentinel in sentinels {
        let tried = async {
            let named = ask(sentinel, master, asking).await?;
            if named.is_being_replaced() {
                return Err(problem(
                    "the Sentinels put another master in the place of the one that there was",
                ));
            }
            let client = Client::open(named.reached(like.clone()))?;
            let mut connection = client.get_multiplexed_async_connection_with_config(config).await?;
            let role: Vec<redis::Value> = redis::cmd("ROLE").query_async(&mut connection).await?;
            let role: Option<String> = role.into_iter().next().map(redis::from_redis_value).transpose()?;
            match role.as_deref() {
                Some("master") => Ok(connection),
                _ => Err(problem("what a Sentinel calls the master is none")),
            }
        };
        match tried.await {
            Ok(connection) => return Ok(connection),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn problem(what: &'static str) -> RedisError {
    RedisError::from((ErrorKind::Io, what))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(port: &str, flags: &str) -> Option<Named> {
        let fields = [("name", "main"), ("ip", "10.0.0.7"), ("port", port), ("flags", flags)];
        Named::read(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn a_master_that_is_being_replaced_is_none_whatever_it_calls_itself() {
        let of = |flags| named("6379", flags).unwrap().is_being_replaced();
        assert!(of("master,o_down,failover_in_progress") && of("master,s_down,o_down"));
        // One Sentinel alone that does not reach it replaces nothing.
        assert!(!of("master") && !of("master,s_down") && !of(""));
        assert_eq!(named("none", "master"), None);
    }

    #[test]
    fn a_master_is_reached_with_all_that_its_address_does_not_say() {
        let plain = "redis://user:secret@s1:26379/3".into_connection_info().unwrap();
        let there = named("6379", "master").unwrap().reached(plain);
        assert_eq!(there.addr().to_string(), "10.0.0.7:6379");
        assert_eq!((there.redis_settings().db(), there.redis_settings().username()), (3, Some("user")));
        let tls = "rediss://s1:26379".into_connection_info().unwrap();
        let there = named("6379", "master").unwrap().reached(tls);
        assert!(matches!(there.addr(), ConnectionAddr::TcpTls { insecure: false, .. }));
    }
}
