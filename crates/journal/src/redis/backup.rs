//! A copy of the log as an embedded journal.

use std::{path::Path, sync::Arc};

use redis::aio::MultiplexedConnection;
use usher_core::model::Seq;

use super::{keys::Keys, look::no_journal, page::page, record::Record, script, trouble::told};
use crate::{Idempotency, JournalError, sqlite::Copy};

/// Writes all commits up to the one that is the last one now into a new folder, each checked to follow the one before.
///
/// # Errors
/// Nobody answers, the log is damaged, or the folder can't be used; then there is no journal in it.
pub(super) async fn backup(
    connection: &mut MultiplexedConnection,
    keys: &Keys,
    to: &Path,
) -> Result<(), JournalError> {
    let storage = |error: &dyn std::fmt::Display| JournalError::Storage(error.to_string());
    let head = script::head(connection, keys).await.map_err(|error| storage(&told(&error)))?;
    let head = head.ok_or_else(|| no_journal(keys))?;
    let folder = to.to_owned();
    let mut copy = tokio::task::spawn_blocking(move || Copy::begin(&folder, head.epoch))
        .await
        .map_err(|error| storage(&error))??;
    let mut last = Seq::ZERO;
    while last < head.seq {
        let records = page(connection, keys, last).await.map_err(|trouble| storage(&trouble.reason()))?;
        let records: Vec<Arc<Record>> =
            records.into_iter().take_while(|record| record.seq() <= head.seq).collect();
        let Some(newest) = records.last().map(|record| record.seq()) else {
            return Err(JournalError::Damaged(format!("commit {} is missing", last.next())));
        };
        last = newest;
        copy = tokio::task::spawn_blocking(move || add(copy, &records))
            .await
            .map_err(|error| storage(&error))??;
    }
    tokio::task::spawn_blocking(move || copy.finish()).await.map_err(|error| storage(&error))?
}

fn add(mut copy: Copy, records: &[Arc<Record>]) -> Result<Copy, JournalError> {
    for record in records {
        let key = record.commit.idempotency_key.clone();
        let idempotency =
            key.zip(record.fingerprint).map(|(key, fingerprint)| Idempotency { key, fingerprint });
        copy.add(&record.commit, &record.body, &record.hash, idempotency.as_ref())?;
    }
    Ok(copy)
}
