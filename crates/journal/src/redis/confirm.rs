//! Waiting until replicas have what was written.

use std::time::Duration;

use redis::{RedisResult, aio::MultiplexedConnection};

use super::{
    connect::Session,
    keys::Keys,
    trouble::{is_refusal, told},
};

/// How long replicas have for it.
const REPLICA_TIME: Duration = Duration::from_secs(2);

/// How long replicas have before what is in the log is taken without them: where they are gone, a kill gets through all
/// the same.
const SETTLE_TIME: Duration = Duration::from_secs(1);

/// Gives replicas the time to have what was written to the log, or read from it, before anybody is shown it: whether
/// they have it now. What only the master has is lost with it, and others are written in its place: a node that took it
/// has what never was, and has to drop it.
///
/// # Errors
/// The server went away: what was read may be lost.
pub(super) async fn settle(
    connection: &mut MultiplexedConnection,
    keys: &Keys,
    replicas: u32,
) -> RedisResult<bool> {
    if replicas == 0 {
        return Ok(true);
    }
    let millis = u64::try_from(SETTLE_TIME.as_millis()).unwrap_or(u64::MAX);
    // Waiting is for what the same connection has sent on to replicas; a message that nobody hears is the least of it,
    // and touches no disk. (In a Cluster messages take another way, and nothing is waited for.)
    let mut both = redis::pipe();
    both.cmd("PUBLISH").arg(&keys.settled).arg("").cmd("WAIT").arg(replicas).arg(millis);
    match both.query_async::<(u32, u32)>(connection).await {
        Ok((_, have)) => Ok(have >= replicas),
        Err(error) if !is_refusal(&error) => Err(error),
        // Whoever may not ask goes on without.
        Err(_) => Ok(false),
    }
}

/// Waits until `replicas` have all that this connection has written: on disk where the server can tell, else in
/// memory. What another connection wrote counts once this one has written something after it: that is `after`.
///
/// # Errors
/// They did not have it in time.
pub(super) async fn confirm(
    session: &mut Session,
    keys: &Keys,
    replicas: u32,
    after: Option<usher_core::model::Seq>,
) -> Result<(), String> {
    let connection = &mut session.connection;
    if let Some(seq) = after {
        let mut write = redis::cmd("HSET");
        write.arg(&keys.meta).arg("confirmed").arg(seq.0);
        write.query_async::<u8>(connection).await.map_err(|error| told(&error))?;
    }
    let millis = u64::try_from(REPLICA_TIME.as_millis()).unwrap_or(u64::MAX);
    let have = if session.tells_disk {
        let mut wait = redis::cmd("WAITAOF");
        wait.arg(u8::from(session.durability.weakness.is_none())).arg(replicas).arg(millis);
        wait.query_async::<(u32, u32)>(connection).await.map(|(_, replicas)| replicas)
    } else {
        redis::cmd("WAIT").arg(replicas).arg(millis).query_async::<u32>(connection).await
    };
    match have {
        Ok(have) if have >= replicas => Ok(()),
        Ok(have) => Err(format!("only {have} of {replicas} replicas have it")),
        Err(error) => Err(told(&error)),
    }
}
