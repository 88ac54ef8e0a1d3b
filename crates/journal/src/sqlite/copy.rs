//! Making a journal of commits that are there already, in another engine.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use usher_core::model::Epoch;

use super::{FILE, schema, sqlite, storage, writer};
use crate::{
    Commit, Idempotency, JournalError, State,
    plan::{Hash, SNAPSHOT_EVERY, chain},
};

/// A journal that is being made. Unless it is finished, nothing of it stays.
pub(crate) struct Copy {
    connection: Option<Connection>,
    path: PathBuf,
    state: State,
    hash: Hash,
    finished: bool,
}

impl Copy {
    /// Begins one in a new folder.
    ///
    /// # Errors
    /// There is one already, or the folder can't be used.
    pub(crate) fn begin(folder: &Path, epoch: Epoch) -> Result<Self, JournalError> {
        std::fs::create_dir_all(folder).map_err(|error| storage(&error))?;
        let path = folder.join(FILE);
        if path.exists() {
            let reason = "there is a journal already: name a new folder for the copy".to_owned();
            return Err(JournalError::Foreign { path: path.display().to_string(), reason });
        }
        let connection = schema::open(&path)?;
        let copy = Self {
            connection: Some(connection),
            path,
            state: State::default(),
            hash: [0; 32],
            finished: false,
        };
        if let Some(connection) = &copy.connection {
            schema::name(connection, epoch)?;
            schema::mark_copy(connection)?;
            // One transaction: the copy is there as a whole, or not at all.
            connection.execute_batch("BEGIN IMMEDIATE").map_err(sqlite)?;
        }
        Ok(copy)
    }

    /// Adds the next commit, as it was.
    ///
    /// # Errors
    /// It does not follow the one before, or can't be written.
    pub(crate) fn add(
        &mut self,
        commit: &Commit,
        body: &str,
        hash: &Hash,
        idempotency: Option<&Idempotency>,
    ) -> Result<(), JournalError> {
        let Some(connection) = &self.connection else { return Ok(()) };
        let next = self.state.seq().next();
        if commit.seq != next {
            return Err(JournalError::Damaged(format!("commit {next} is missing")));
        }
        if chain(&self.hash, body) != *hash {
            return Err(JournalError::Damaged(format!("commit {next} is not what was written")));
        }
        writer::insert(connection, commit, body, hash).map_err(sqlite)?;
        if let Some(idempotency) = idempotency {
            writer::remember(connection, idempotency, commit).map_err(sqlite)?;
        }
        self.hash = *hash;
        self.state.fold(commit);
        if commit.seq.0.is_multiple_of(SNAPSHOT_EVERY) {
            writer::snapshot(connection, &self.state).map_err(sqlite)?;
        }
        Ok(())
    }

    /// Writes all of it to disk.
    ///
    /// # Errors
    /// It can't be written.
    pub(crate) fn finish(mut self) -> Result<(), JournalError> {
        if let Some(connection) = &self.connection {
            connection.execute_batch("COMMIT").map_err(sqlite)?;
        }
        self.finished = true;
        Ok(())
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        // Closed first: that moves all into the one file.
        self.connection = None;
        if !self.finished {
            for end in ["", "-wal", "-shm"] {
                // They may not be there.
                drop(std::fs::remove_file(format!("{}{end}", self.path.display())));
            }
        }
    }
}
