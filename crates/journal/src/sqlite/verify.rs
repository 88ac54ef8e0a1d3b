//! Checking a journal from its first commit to its last.

use rusqlite::Connection;
use usher_core::model::{Epoch, Timestamp};

use super::{parse, sqlite};
use crate::{
    JournalError, State, Verification,
    plan::{chain, hex},
};

/// Problems that are listed; past that the rest is most likely the same one over again.
pub(crate) const MAX_PROBLEMS: usize = 20;

/// Reads everything: commits without holes, in order, unaltered, each readable; folded states and the index of
/// touched documents as the commits say; and SQLite's own check of the file.
pub(super) fn verify(connection: &Connection, epoch: Epoch) -> Result<Verification, JournalError> {
    let mut problems = Vec::new();
    let integrity: String =
        connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).map_err(sqlite)?;
    if integrity != "ok" {
        problems.push(format!("the file: {integrity}"));
    }
    let mut state = State::default();
    let mut hash = [0; 32];
    let mut commits = 0;
    let mut at = Timestamp::from_millis(i64::MIN);
    let mut statement =
        connection.prepare("SELECT seq, body, hash, at FROM commits ORDER BY seq").map_err(sqlite)?;
    let mut rows = statement.query([]).map_err(sqlite)?;
    while let Some(row) = rows.next().map_err(sqlite)? {
        if problems.len() >= MAX_PROBLEMS {
            problems.push("and possibly more".to_owned());
            break;
        }
        let read = (|| {
            Ok((
                row.get::<_, u64>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, [u8; 32]>(2)?,
                row.get::<_, i64>(3)?,
            ))
        })();
        let (seq, body, stored, stored_at) = read.map_err(sqlite)?;
        commits += 1;
        if seq != commits {
            problems.push(format!("commit {commits} is missing"));
            break;
        }
        if chain(&hash, &body) != stored {
            problems.push(format!("commit {seq} is not what was written"));
        }
        hash = stored;
        match parse(&body) {
            Ok(commit) if commit.seq.0 == seq && commit.at.millis() == stored_at && commit.at >= at => {
                at = commit.at;
                state.fold(&commit);
                problems.extend(untouched(connection, &commit)?);
            }
            Ok(_) => {
                problems.push(format!("commit {seq} is out of order"));
                break;
            }
            Err(error) => {
                problems.push(format!("commit {seq}: {error}"));
                break;
            }
        }
        problems.extend(snapshot_differs(connection, &state)?);
    }
    Ok(Verification { epoch, commits, documents: state.len(), head: hex(&hash), problems })
}

/// A document that a commit changed, and that the index does not know of.
fn untouched(connection: &Connection, commit: &crate::Commit) -> Result<Option<String>, JournalError> {
    let sql = "SELECT count(*) FROM touched WHERE kind = ?1 AND key = ?2 AND seq = ?3";
    let mut statement = connection.prepare_cached(sql).map_err(sqlite)?;
    for change in &commit.changes {
        let id = change.id();
        let row = (id.kind.as_str(), &*id.key, commit.seq.0);
        let count: i64 = statement.query_row(row, |row| row.get(0)).map_err(sqlite)?;
        if count != 1 {
            return Ok(Some(format!("commit {} is missing from the history of {id}", commit.seq)));
        }
    }
    Ok(None)
}

fn snapshot_differs(connection: &Connection, state: &State) -> Result<Option<String>, JournalError> {
    use rusqlite::OptionalExtension;
    let sql = "SELECT state FROM snapshots WHERE seq = ?1";
    let mut statement = connection.prepare_cached(sql).map_err(sqlite)?;
    let text: Option<String> =
        statement.query_row([state.seq().0], |row| row.get(0)).optional().map_err(sqlite)?;
    let Some(text) = text else { return Ok(None) };
    let same = serde_json::from_str::<State>(&text).is_ok_and(|snapshot| snapshot == *state);
    Ok((!same).then(|| format!("the folded state of commit {} is not what its commits give", state.seq())))
}
