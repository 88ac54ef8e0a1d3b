//! Reading the stream, a bounded piece at a time.

use std::sync::Arc;

use redis::{RedisResult, aio::MultiplexedConnection};
use usher_core::model::Seq;

use super::{
    keys::Keys,
    record::{Raw, Record},
    trouble::Trouble,
};
use crate::JournalError;

/// Commits that are read at a time.
pub(super) const PAGE: usize = 256;

/// The number after which Redis has no others.
const LAST: u64 = u64::MAX - 1;

/// Up to `limit` commits after `after`, as they stand there.
async fn raw(
    connection: &mut MultiplexedConnection,
    keys: &Keys,
    after: Seq,
    limit: usize,
) -> RedisResult<Vec<Raw>> {
    let from = format!("{}-0", after.0.min(LAST) + 1);
    redis::cmd("XRANGE")
        .arg(&keys.log)
        .arg(from)
        .arg("+")
        .arg("COUNT")
        .arg(limit)
        .query_async(connection)
        .await
}

/// Up to [`PAGE`] commits after `after`. Whether there are holes is for who reads them to see.
///
/// # Errors
/// No answer, or what is no commit.
pub(super) async fn page(
    connection: &mut MultiplexedConnection,
    keys: &Keys,
    after: Seq,
) -> Result<Vec<Arc<Record>>, Trouble> {
    Ok(parse(raw(connection, keys, after, PAGE).await?)?)
}

/// One commit.
///
/// # Errors
/// No answer, or what is no commit.
pub(super) async fn one(
    connection: &mut MultiplexedConnection,
    keys: &Keys,
    seq: Seq,
) -> Result<Option<Arc<Record>>, Trouble> {
    let Some(after) = seq.0.checked_sub(1) else { return Ok(None) };
    let found = parse(raw(connection, keys, Seq(after), 1).await?)?;
    Ok(found.into_iter().next().filter(|record| record.seq() == seq))
}

/// Entries as they came, as commits.
///
/// # Errors
/// What is no commit.
pub(super) fn parse(raw: Vec<Raw>) -> Result<Vec<Arc<Record>>, JournalError> {
    raw.into_iter().map(|entry| Record::read(entry).map(Arc::new)).collect()
}
