//! Waiting until replicas have what was written.

use std::time::Duration;

use super::{connect::Session, keys::Keys, trouble::told};

/// How long replicas have for it.
const REPLICA_TIME: Duration = Duration::from_secs(2);

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
