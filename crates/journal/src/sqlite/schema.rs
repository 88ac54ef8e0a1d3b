//! The tables, and reading state out of them.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension};
use usher_core::model::{Epoch, Seq};

use super::{last, parse, sqlite};
use crate::{JournalError, State};

/// Version of the tables. A newer one is refused: an old program must not write to it.
const VERSION: i64 = 1;

const TABLES: &str = "
    CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
    -- `hash` chains each commit to the one before; see `chain`.
    CREATE TABLE commits (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, body TEXT NOT NULL, hash BLOB NOT NULL) STRICT;
    CREATE INDEX commits_at ON commits (at);
    CREATE TABLE touched (kind TEXT NOT NULL, key TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (kind, key, seq)) STRICT, WITHOUT ROWID;
    CREATE TABLE idempotency (key TEXT PRIMARY KEY, fingerprint BLOB NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL) STRICT;
    CREATE INDEX idempotency_at ON idempotency (at);
    CREATE TABLE snapshots (seq INTEGER PRIMARY KEY, state TEXT NOT NULL) STRICT;
";

/// Opens the file and brings it to the newest tables.
pub(super) fn open(path: &Path) -> Result<Connection, JournalError> {
    let foreign = |reason: String| JournalError::Foreign { path: path.display().to_string(), reason };
    let refused = |error: rusqlite::Error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase) => foreign(error.to_string()),
        _ => sqlite(error),
    };
    let connection = Connection::open(path).map_err(refused)?;
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(refused);
    let version = number("PRAGMA user_version")?;
    // Asked before anything is changed: somebody else's file stays as it is.
    let is_new = version == 0 && number("SELECT count(*) FROM sqlite_master")? == 0;
    match version {
        VERSION => {}
        0 if is_new => {}
        0 => return Err(foreign("it is the database of another program".to_owned())),
        other => {
            return Err(foreign(format!(
                "it has version {other}, this program knows {VERSION}: use a newer program"
            )));
        }
    }
    let pragma = |name: &str, value: &str| connection.pragma_update(None, name, value);
    // FULL: a commit is on disk before it is acknowledged, also in WAL mode.
    pragma("journal_mode", "WAL")
        .and_then(|()| pragma("synchronous", "FULL"))
        .and_then(|()| pragma("busy_timeout", "5000"))
        .map_err(refused)?;
    if is_new {
        create(&connection).map_err(refused)?;
    }
    Ok(connection)
}

fn create(connection: &Connection) -> rusqlite::Result<()> {
    let epoch = new_epoch()?;
    connection.execute_batch(&format!(
        "BEGIN IMMEDIATE; {TABLES} INSERT INTO meta VALUES ('epoch', '{epoch}'); PRAGMA user_version = {VERSION}; COMMIT;"
    ))
}

fn new_epoch() -> rusqlite::Result<Epoch> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    Ok(Epoch::from_bytes(bytes))
}

/// Makes it another journal, with the same commits.
pub(super) fn renew(connection: &Connection) -> Result<(), JournalError> {
    let epoch = new_epoch().map_err(sqlite)?;
    let both = connection.unchecked_transaction().map_err(sqlite)?;
    name(&both, epoch)?;
    both.execute("DELETE FROM meta WHERE name = 'copy'", []).map_err(sqlite)?;
    both.commit().map_err(sqlite)
}

/// Notes that it is a copy of another journal, which may have gone on since.
pub(super) fn mark_copy(connection: &Connection) -> Result<(), JournalError> {
    let sql = "INSERT OR REPLACE INTO meta VALUES ('copy', 'yes')";
    connection.execute(sql, []).map(drop).map_err(sqlite)
}

/// Whether it is a copy that nobody has served yet.
pub(super) fn is_copy(connection: &Connection) -> Result<bool, JournalError> {
    let sql = "SELECT count(*) FROM meta WHERE name = 'copy'";
    connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map(|count| count > 0).map_err(sqlite)
}

/// Makes it the journal of this epoch.
pub(super) fn name(connection: &Connection, epoch: Epoch) -> Result<(), JournalError> {
    let sql = "UPDATE meta SET value = ?1 WHERE name = 'epoch'";
    connection.execute(sql, [epoch.to_string()]).map(drop).map_err(sqlite)
}

/// Which journal it is.
pub(super) fn epoch(connection: &Connection, path: &Path) -> Result<Epoch, JournalError> {
    let found: Option<String> = connection
        .query_row("SELECT value FROM meta WHERE name = 'epoch'", [], |row| row.get(0))
        .optional()
        .map_err(sqlite)?;
    found.and_then(|text| text.parse().ok()).ok_or_else(|| JournalError::Foreign {
        path: path.display().to_string(),
        reason: "it has no epoch".to_owned(),
    })
}

/// The newest state, and the hash of its last commit.
pub(super) fn load(connection: &Connection) -> Result<(State, [u8; 32]), JournalError> {
    let (seq, hash) = last(connection)?;
    Ok((state_at(connection, seq)?, hash))
}

/// The state after commit `seq`: the last folded one before it, and the commits since.
pub(super) fn state_at(connection: &Connection, seq: Seq) -> Result<State, JournalError> {
    let sql = "SELECT state FROM snapshots WHERE seq <= ?1 ORDER BY seq DESC LIMIT 1";
    let snapshot: Option<String> =
        connection.query_row(sql, [seq.0], |row| row.get(0)).optional().map_err(sqlite)?;
    let mut state = match snapshot {
        Some(text) => serde_json::from_str(&text)
            .map_err(|error| JournalError::Damaged(format!("a folded state can't be read ({error})")))?,
        None => State::default(),
    };
    let sql = "SELECT body FROM commits WHERE seq > ?1 AND seq <= ?2 ORDER BY seq";
    let mut statement = connection.prepare_cached(sql).map_err(sqlite)?;
    let mut rows = statement.query((state.seq().0, seq.0)).map_err(sqlite)?;
    while let Some(row) = rows.next().map_err(sqlite)? {
        let commit = parse(&row.get::<_, String>(0).map_err(sqlite)?)?;
        if commit.seq != state.seq().next() {
            return Err(JournalError::Damaged(format!("commit {} is missing", state.seq().next())));
        }
        state.fold(&commit);
    }
    if state.seq() != seq {
        return Err(JournalError::Damaged(format!("commit {} is missing", state.seq().next())));
    }
    Ok(state)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The writer's connection and the reader's both come from [`open`]. A test that cuts the power would be
    /// needed to see a weaker setting fail: a killed process leaves its pages to the system.
    #[test]
    fn every_commit_is_synchronised_to_disk_on_a_new_journal_and_an_old_one() {
        const FULL: i64 = 2;
        let folder = tempfile::tempdir().unwrap();
        for _ in 0..2 {
            let connection = open(&folder.path().join("journal.db")).unwrap();
            let pragma = |name: &str| format!("PRAGMA {name}");
            let synchronous: i64 =
                connection.query_row(&pragma("synchronous"), [], |row| row.get(0)).unwrap();
            let mode: String = connection.query_row(&pragma("journal_mode"), [], |row| row.get(0)).unwrap();
            assert_eq!((synchronous, mode.as_str()), (FULL, "wal"));
        }
    }
}
