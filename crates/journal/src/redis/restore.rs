//! Filling an empty workspace with the commits of an embedded journal: a backup, or one that grows to many servers.

use std::{path::Path, sync::Arc};

use redis::aio::MultiplexedConnection;
use usher_core::model::{Epoch, Seq};

use super::{
    keys::Keys,
    mend::{FORMAT, begin},
    record::Record,
    script::{self, Attempt, Head, Outcome},
    trouble::told,
};
use crate::{
    JournalError,
    plan::chain,
    sqlite::{Raw, Source},
};

/// Commits that are written in one step.
const STEP: usize = 64;
/// What a log is called that is not whole yet: nobody opens it.
const UNFINISHED: &str = "unfinished";

/// Writes all commits of the journal in a folder, as another journal: what comes after them is not what came after
/// them there.
///
/// # Errors
/// There is a journal already, nobody answers, or the one in the folder can't be read.
pub(super) async fn restore(
    connection: &mut MultiplexedConnection,
    keys: &Keys,
    from: &Path,
    epoch: Epoch,
) -> Result<(), JournalError> {
    let storage = |error: &redis::RedisError| JournalError::Storage(format!("Redis: {}", told(error)));
    let source = Source::open(from)?;
    begin(connection, keys, UNFINISHED, epoch).await.map_err(|error| storage(&error))?;
    let mut head = Head { epoch, seq: Seq::ZERO, hash: [0; 32] };
    loop {
        let raw = source.after(head.seq, STEP)?;
        let records = follow(head, raw)?;
        let attempt = Attempt { head, asked: Vec::new(), records: &records };
        match script::append(connection, keys, &attempt).await.map_err(|error| storage(&error))? {
            Outcome::Written => {}
            Outcome::Moved | Outcome::Known(_) => {
                let path = format!("{} in Redis", keys.log);
                let reason = "there is a journal already: name another workspace".to_owned();
                return Err(JournalError::Foreign { path, reason });
            }
        }
        let Some(last) = records.last() else { break };
        head = Head { seq: last.seq(), hash: last.hash, ..head };
    }
    let mut finish = redis::cmd("HSET");
    finish.arg(&keys.meta).arg("format").arg(FORMAT);
    finish.query_async::<u8>(connection).await.map_err(|error| storage(&error))?;
    Ok(())
}

/// Commits as they stand in a file, if they follow.
fn follow(head: Head, raw: Vec<Raw>) -> Result<Vec<Arc<Record>>, JournalError> {
    let (mut seq, mut hash) = (head.seq, head.hash);
    let records = raw.into_iter().map(|Raw { commit, body, hash: own, fingerprint }| {
        seq = seq.next();
        if commit.seq != seq || chain(&hash, &body) != own {
            return Err(JournalError::Damaged(format!("commit {seq} is not what was written")));
        }
        hash = own;
        Ok(Arc::new(Record { commit, body, hash: own, by: "restored".to_owned(), fingerprint }))
    });
    records.collect()
}
