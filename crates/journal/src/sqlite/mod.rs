//! The embedded engine: SQLite with a write-ahead log, synchronised to disk at every commit.
//!
//! One thread writes. It takes all appends that are waiting, puts them into one transaction, and answers them
//! once that is on disk: under load many commits share one fsync. Readers have a connection of their own.

mod copy;
mod schema;
mod source;
mod verify;
mod writer;

use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use rusqlite::{Connection, OptionalExtension};
use tokio::sync::{mpsc, oneshot, watch};
use usher_core::model::{Epoch, Seq, Timestamp};

use crate::{
    Append, AppendError, Appended, BoxFuture, Commit, History, Idempotency, Journal, JournalError, Point,
    State, Verification, running::Running,
};
pub(crate) use copy::Copy;
pub(crate) use source::{Raw, Source};
pub(crate) use verify::MAX_PROBLEMS;
use writer::{Request, Writer, replay};

/// Appends that may wait for the writer; more are refused, so that a stalled disk can't fill the memory.
const WAITING_APPENDS: usize = 1024;

/// The database's name in its folder.
const FILE: &str = "journal.db";
/// How long another process has to let go of a journal: one that is about to end, or a child that has the lock until it
/// becomes a program of its own.
const LETTING_GO: Duration = Duration::from_secs(1);
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A journal in a folder of its own.
pub struct SqliteJournal {
    epoch: Epoch,
    folder: PathBuf,
    /// None once it closes.
    requests: Option<mpsc::Sender<Request>>,
    writer: Option<JoinHandle<()>>,
    state: watch::Receiver<Arc<State>>,
    head: watch::Receiver<Seq>,
    running: Running,
    /// For what takes long: checks, copies, and looking back.
    reader: Arc<Mutex<Connection>>,
    /// For what nothing may hold up: following the commits, and answering again.
    follower: Arc<Mutex<Connection>>,
    /// Held for as long as the journal is open.
    _lock: File,
}

impl SqliteJournal {
    /// Opens the journal in `folder`, or makes one there.
    ///
    /// # Errors
    /// The folder can't be used, holds something else, or is in use by another process.
    pub fn open(folder: &Path) -> Result<Self, JournalError> {
        Self::open_as(folder, false)
    }

    /// The same, to show it to others from now on. A copy becomes a journal of its own by that, with another epoch: the
    /// original may have gone on, and whoever has seen more of it must not take what comes here for the same.
    ///
    /// # Errors
    /// As for [`SqliteJournal::open`].
    pub fn serve(folder: &Path) -> Result<Self, JournalError> {
        Self::open_as(folder, true)
    }

    fn open_as(folder: &Path, is_served: bool) -> Result<Self, JournalError> {
        std::fs::create_dir_all(folder).map_err(|error| storage(&error))?;
        let lock = File::create(folder.join("journal.lock")).map_err(|error| storage(&error))?;
        let until = Instant::now() + LETTING_GO;
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if Instant::now() < until => std::thread::sleep(LOOK_EVERY),
                Err(TryLockError::WouldBlock) => {
                    return Err(JournalError::InUse(folder.display().to_string()));
                }
                Err(TryLockError::Error(error)) => return Err(storage(&error)),
            }
        }
        let path = folder.join(FILE);
        let connection = schema::open(&path)?;
        if is_served && schema::is_copy(&connection)? {
            schema::renew(&connection)?;
        }
        let epoch = schema::epoch(&connection, &path)?;
        let (state, hash) = schema::load(&connection)?;
        let (head_sender, head) = watch::channel(state.seq());
        let (state_sender, state) = watch::channel(Arc::new(state));
        let (reader, follower) = (schema::open(&path)?, schema::open(&path)?);
        let (requests, incoming) = mpsc::channel(WAITING_APPENDS);
        let writer = Writer::new(connection, state_sender, head_sender, hash);
        let writer = std::thread::Builder::new()
            .name("usher-journal".to_owned())
            .spawn(move || writer.run(incoming))
            .map_err(|error| storage(&error))?;
        Ok(Self {
            epoch,
            folder: folder.to_owned(),
            requests: Some(requests),
            writer: Some(writer),
            state,
            head,
            running: Running::default(),
            reader: Arc::new(Mutex::new(reader)),
            follower: Arc::new(Mutex::new(follower)),
            _lock: lock,
        })
    }

    /// Copies the journal in one folder into another, a new one. It may be in use meanwhile, also by another
    /// process: the copy is of one moment. It has the same epoch until it is served ([`SqliteJournal::serve`]).
    ///
    /// # Errors
    /// There is no journal, or there is one where the copy shall be.
    pub fn copy(from: &Path, to: &Path) -> Result<(), JournalError> {
        let path = from.join(FILE);
        if !path.exists() {
            let reason = "it does not exist".to_owned();
            return Err(JournalError::Foreign { path: path.display().to_string(), reason });
        }
        copy(&schema::open(&path)?, to)
    }

    /// Makes a journal in a new folder of a copy in another. It has an epoch of its own: what will be appended to
    /// it is not what was appended to the original after the copy was made, though it has the same numbers.
    ///
    /// # Errors
    /// As for [`SqliteJournal::copy`].
    pub fn restore(from: &Path, to: &Path) -> Result<(), JournalError> {
        Self::copy(from, to)?;
        schema::renew(&schema::open(&to.join(FILE))?)
    }

    /// Where it is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Runs `work` on a reading connection, off the caller's thread.
    fn on<T: Send + 'static>(
        connection: &Arc<Mutex<Connection>>,
        work: impl FnOnce(&Connection) -> Result<T, JournalError> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, JournalError>> {
        let reader = Arc::clone(connection);
        Box::pin(async move {
            let task = tokio::task::spawn_blocking(move || {
                work(&reader.lock().unwrap_or_else(PoisonError::into_inner))
            });
            task.await.map_err(|error| storage(&error))?
        })
    }

    async fn send(&self, append: Append) -> Result<Appended, AppendError> {
        let (answer, answered) = oneshot::channel();
        let closed = || AppendError::Unavailable("it has been closed".to_owned());
        let requests = self.requests.as_ref().ok_or_else(closed)?;
        requests.try_send(Request { append, answer }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => AppendError::Unavailable(format!(
                "{WAITING_APPENDS} changes are waiting already; try again shortly"
            )),
            mpsc::error::TrySendError::Closed(_) => closed(),
        })?;
        answered.await.unwrap_or_else(|_| Err(closed()))
    }
}

impl Journal for SqliteJournal {
    fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn state(&self) -> Arc<State> {
        Arc::clone(&self.state.borrow())
    }

    fn watch(&self) -> watch::Receiver<Seq> {
        self.head.clone()
    }

    fn append(&self, append: Append) -> BoxFuture<'_, Result<Appended, AppendError>> {
        Box::pin(async move {
            let _running = match &append.idempotency {
                Some(idempotency) => {
                    Some(self.running.enter(&idempotency.key).ok_or(AppendError::InProgress)?)
                }
                None => None,
            };
            self.send(append).await
        })
    }

    fn answered(
        &self,
        idempotency: &Idempotency,
        at: Timestamp,
    ) -> BoxFuture<'_, Result<Option<Appended>, AppendError>> {
        let idempotency = idempotency.clone();
        let at = at.max(self.state().at());
        Box::pin(async move {
            if self.running.holds(&idempotency.key) {
                return Err(AppendError::InProgress);
            }
            let found = Self::on(&self.follower, move |connection| {
                replay(connection, &idempotency, at).map_err(sqlite)
            })
            .await;
            found.map_err(|error| AppendError::Unavailable(error.to_string()))?.transpose()
        })
    }

    fn read(&self, after: Seq, limit: usize) -> BoxFuture<'_, Result<Vec<Commit>, JournalError>> {
        Self::on(&self.follower, move |connection| {
            let sql = "SELECT body FROM commits WHERE seq > ?1 ORDER BY seq LIMIT ?2";
            commits(connection, sql, (as_integer(after), as_i64(limit)))
        })
    }

    fn history(&self, query: History) -> BoxFuture<'_, Result<Vec<Commit>, JournalError>> {
        Self::on(&self.reader, move |connection| {
            let before = query.before.map_or(i64::MAX, as_integer);
            let limit = as_i64(query.limit);
            match query.document {
                None => {
                    let sql = "SELECT body FROM commits WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2";
                    commits(connection, sql, (before, limit))
                }
                Some(id) => {
                    let sql = "SELECT body FROM commits JOIN touched USING (seq) \
                               WHERE kind = ?3 AND key = ?4 AND seq < ?1 ORDER BY seq DESC LIMIT ?2";
                    commits(connection, sql, (before, limit, id.kind.as_str(), &*id.key))
                }
            }
        })
    }

    fn state_at(&self, point: Point) -> BoxFuture<'_, Result<Arc<State>, JournalError>> {
        let newest = self.state();
        Box::pin(async move {
            if let Point::Seq(seq) = point {
                if seq > newest.seq() {
                    return Err(JournalError::NoSuchCommit(seq));
                }
                if seq == newest.seq() {
                    return Ok(newest);
                }
            }
            Self::on(&self.reader, move |connection| {
                let seq = match point {
                    Point::Seq(seq) => seq,
                    Point::Time(at) => {
                        let sql = "SELECT max(seq) FROM commits WHERE at <= ?1";
                        let found: Option<u64> =
                            connection.query_row(sql, [at.millis()], |row| row.get(0)).map_err(sqlite)?;
                        Seq(found.unwrap_or(0))
                    }
                };
                schema::state_at(connection, seq).map(Arc::new)
            })
            .await
        })
    }

    fn verify(&self) -> BoxFuture<'_, Result<Verification, JournalError>> {
        let epoch = self.epoch;
        Self::on(&self.reader, move |connection| verify::verify(connection, epoch))
    }

    fn backup<'a>(&'a self, to: &'a Path) -> BoxFuture<'a, Result<(), JournalError>> {
        let to = to.to_owned();
        Self::on(&self.reader, move |connection| copy(connection, &to))
    }
}

/// Copies what `connection` reads into a new folder.
fn copy(connection: &Connection, to: &Path) -> Result<(), JournalError> {
    std::fs::create_dir_all(to).map_err(|error| storage(&error))?;
    let path = to.join(FILE);
    if path.exists() {
        let reason = "there is a journal already: name a new folder for the copy".to_owned();
        return Err(JournalError::Foreign { path: path.display().to_string(), reason });
    }
    // Reading from one moment: without it, each commit in between would start the copy anew.
    let moment = connection.unchecked_transaction().map_err(sqlite)?;
    last(&moment)?;
    moment.backup("main", &path, None::<fn(rusqlite::backup::Progress)>).map_err(sqlite)?;
    schema::mark_copy(&schema::open(&path)?)
}

impl Drop for SqliteJournal {
    /// Lets the writer finish before the folder is unlocked. Whoever closes last, SQLite then moves all that is
    /// in the write-ahead log into the one file.
    fn drop(&mut self) {
        self.requests = None;
        if let Some(writer) = self.writer.take() {
            // It has said what went wrong, if anything did.
            drop(writer.join());
        }
    }
}

fn commits(
    connection: &Connection,
    sql: &str,
    parameters: impl rusqlite::Params,
) -> Result<Vec<Commit>, JournalError> {
    let mut statement = connection.prepare_cached(sql).map_err(sqlite)?;
    let bodies = statement.query_map(parameters, |row| row.get::<_, String>(0)).map_err(sqlite)?;
    bodies.map(|body| parse(&body.map_err(sqlite)?)).collect()
}

fn parse(body: &str) -> Result<Commit, JournalError> {
    serde_json::from_str(body)
        .map_err(|error| JournalError::Damaged(format!("a commit can't be read ({error})")))
}

/// SQLite's integers are signed; no journal reaches that far.
fn as_integer(seq: Seq) -> i64 {
    i64::try_from(seq.0).unwrap_or(i64::MAX)
}

fn as_i64(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

// By value, so that it fits `map_err`.
fn sqlite(error: rusqlite::Error) -> JournalError {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    match error.sqlite_error_code() {
        Some(DatabaseCorrupt | NotADatabase) => JournalError::Damaged(error.to_string()),
        _ => storage(&error),
    }
}

fn storage(error: &impl std::fmt::Display) -> JournalError {
    JournalError::Storage(error.to_string())
}

/// The seq and hash of the last commit; of none, zeros.
fn last(connection: &Connection) -> Result<(Seq, [u8; 32]), JournalError> {
    let sql = "SELECT seq, hash FROM commits ORDER BY seq DESC LIMIT 1";
    let row = connection
        .query_row(sql, [], |row| Ok((Seq(row.get(0)?), row.get(1)?)))
        .optional()
        .map_err(sqlite)?;
    Ok(row.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc::RecvTimeoutError, time::Duration};

    use super::*;

    /// A kill must not wait for somebody who checks the whole journal.
    #[tokio::test]
    async fn what_takes_long_to_read_holds_up_neither_followers_nor_answers() {
        let folder = tempfile::tempdir().unwrap();
        let journal = SqliteJournal::open(folder.path()).unwrap();
        let (finish, finished) = std::sync::mpsc::channel::<()>();
        let check = tokio::spawn(SqliteJournal::on(&journal.reader, move |_| {
            Ok(finished.recv_timeout(Duration::from_secs(5)))
        }));
        while journal.reader.try_lock().is_ok() {
            tokio::task::yield_now().await;
        }
        let idempotency = Idempotency { key: "k".to_owned(), fingerprint: [0; 32] };
        assert!(journal.read(Seq::ZERO, 1).await.unwrap().is_empty());
        assert!(journal.answered(&idempotency, Timestamp::EPOCH).await.unwrap().is_none());
        drop(finish);
        let ended = check.await.unwrap().unwrap();
        assert_eq!(ended, Err(RecvTimeoutError::Disconnected), "it was still being checked");
    }
}
