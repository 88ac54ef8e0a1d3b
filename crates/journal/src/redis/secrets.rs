//! Secrets that all nodes of a workspace share, kept beside the log: what one node has signed, another takes.

use redis::{RedisResult, aio::MultiplexedConnection};

use super::{keys::Keys, record::unhex};
use crate::plan::{Hash, hex};

/// The secret of this name: the one that is there, else `own`. None where what is there is no secret.
pub(super) async fn share(
    connection: &mut MultiplexedConnection,
    keys: &Keys,
    name: &str,
    own: Hash,
) -> RedisResult<Option<Hash>> {
    let mut both = redis::pipe();
    both.cmd("HSETNX").arg(&keys.secrets).arg(name).arg(hex(&own)).ignore();
    both.cmd("HGET").arg(&keys.secrets).arg(name);
    let (found,): (String,) = both.query_async(connection).await?;
    Ok(unhex(&found))
}
