//! Reading the commits of a journal as they stand in its file.

use std::path::Path;

use rusqlite::Connection;
use usher_core::model::Seq;

use super::{FILE, as_i64, as_integer, parse, schema, sqlite};
use crate::{Commit, JournalError, plan::Hash};

/// A commit with all that is kept of it.
pub(crate) struct Raw {
    pub(crate) commit: Commit,
    /// The commit's text as it was hashed.
    pub(crate) body: String,
    pub(crate) hash: Hash,
    /// The fingerprint of its idempotency key, as long as that is remembered.
    pub(crate) fingerprint: Option<Hash>,
}

/// A journal that is only read.
pub(crate) struct Source(std::sync::Mutex<Connection>);

impl Source {
    /// # Errors
    /// There is no journal.
    pub(crate) fn open(folder: &Path) -> Result<Self, JournalError> {
        let path = folder.join(FILE);
        if !path.exists() {
            let reason = "it does not exist".to_owned();
            return Err(JournalError::Foreign { path: path.display().to_string(), reason });
        }
        schema::open(&path).map(|connection| Self(std::sync::Mutex::new(connection)))
    }

    /// Up to `limit` commits after `after`.
    ///
    /// # Errors
    /// They can't be read.
    pub(crate) fn after(&self, after: Seq, limit: usize) -> Result<Vec<Raw>, JournalError> {
        let connection = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let sql = "SELECT body, hash, fingerprint FROM commits LEFT JOIN idempotency USING (seq) \
                   WHERE seq > ?1 ORDER BY seq LIMIT ?2";
        let mut statement = connection.prepare_cached(sql).map_err(sqlite)?;
        let rows = statement.query_map((as_integer(after), as_i64(limit)), |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, Hash>(1)?, row.get::<_, Option<Hash>>(2)?))
        });
        let raw = rows.map_err(sqlite)?.map(|row| {
            let (body, hash, fingerprint) = row.map_err(sqlite)?;
            Ok(Raw { commit: parse(&body)?, body, hash, fingerprint })
        });
        raw.collect()
    }
}
