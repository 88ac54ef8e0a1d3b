//! The one thread that writes.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot, watch};
use usher_core::model::{Seq, Timestamp};

use super::schema::load;
use crate::{
    Append, AppendError, Appended, Commit, Idempotency, State,
    folded::{MAX_SNAPSHOTS, most_spare},
    plan::{self, Hash, IDEMPOTENCY_MILLIS, SNAPSHOT_EVERY},
};

/// Appends that share one transaction at most, so that the first does not wait for long.
const GROUP: usize = 256;
/// Folded states that go when one is added, at most: more than one, so that what older versions have kept goes too, and
/// few, so that nobody waits for it.
const THINNED_AT_ONCE: usize = 4;

/// One append and where its answer goes.
pub(super) struct Request {
    pub(super) append: Append,
    pub(super) answer: oneshot::Sender<Result<Appended, AppendError>>,
}

/// The writer's own view: what is on disk.
pub(super) struct Writer {
    connection: Connection,
    state: watch::Sender<Arc<State>>,
    head: watch::Sender<Seq>,
    hash: Hash,
}

/// What a transaction has done so far; thrown away when it fails.
struct Draft {
    state: State,
    hash: Hash,
}

impl Writer {
    pub(super) fn new(
        connection: Connection,
        state: watch::Sender<Arc<State>>,
        head: watch::Sender<Seq>,
        hash: Hash,
    ) -> Self {
        Self { connection, state, head, hash }
    }

    /// Writes until nobody can send any more.
    pub(super) fn run(mut self, mut incoming: mpsc::Receiver<Request>) {
        let mut group = Vec::with_capacity(GROUP);
        while incoming.blocking_recv_many(&mut group, GROUP) > 0 {
            let (appends, answers): (Vec<_>, Vec<_>) =
                group.drain(..).map(|request| (request.append, request.answer)).unzip();
            let results = self.write(appends);
            for (answer, result) in answers.into_iter().zip(results) {
                // Who asked may have gone; the commit stands all the same.
                drop(answer.send(result));
            }
        }
    }

    /// One transaction: either all that is acceptable in the group is on disk, or nothing.
    fn write(&mut self, appends: Vec<Append>) -> Vec<Result<Appended, AppendError>> {
        let count = appends.len();
        match self.transact(appends) {
            Ok(results) => results,
            Err(error) => {
                tracing::error!(%error, "the journal can't be written");
                // The disk decides what is true: a commit may have failed on either side of it.
                if let Ok((state, hash)) = load(&self.connection) {
                    self.publish(Draft { state, hash });
                }
                vec![Err(AppendError::Unavailable(error.to_string())); count]
            }
        }
    }

    fn transact(&mut self, appends: Vec<Append>) -> rusqlite::Result<Vec<Result<Appended, AppendError>>> {
        let mut draft = Draft { state: State::clone(&self.state.borrow()), hash: self.hash };
        let before = draft.state.seq();
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut results = Vec::with_capacity(appends.len());
        for append in appends {
            results.push(draft.append(&transaction, append)?);
        }
        if draft.state.seq().0 / SNAPSHOT_EVERY > before.0 / SNAPSHOT_EVERY {
            snapshot(&transaction, &draft.state)?;
        }
        transaction.commit()?;
        if draft.state.seq() > before {
            self.publish(draft);
        }
        Ok(results)
    }

    fn publish(&mut self, draft: Draft) {
        let seq = draft.state.seq();
        self.hash = draft.hash;
        self.state.send_replace(Arc::new(draft.state));
        self.head.send_replace(seq);
    }
}

impl Draft {
    fn append(
        &mut self,
        transaction: &Transaction<'_>,
        append: Append,
    ) -> rusqlite::Result<Result<Appended, AppendError>> {
        if let Some(idempotency) = &append.idempotency
            && let Some(answer) = replay(transaction, idempotency, plan::time(&append, &self.state))?
        {
            return Ok(answer);
        }
        let planned = match plan::plan(&append, &self.state, &self.hash) {
            Ok(planned) => planned,
            Err(refused) => return Ok(Err(refused)),
        };
        insert(transaction, &planned.commit, &planned.body, &planned.hash)?;
        if let Some(idempotency) = &append.idempotency {
            remember(transaction, idempotency, &planned.commit)?;
        }
        self.hash = planned.hash;
        self.state.fold(&planned.commit);
        Ok(Ok(Appended { seq: planned.commit.seq, at: planned.commit.at, replayed: false }))
    }
}

/// The answer that was given to an idempotency key, unless that is forgotten at `now`; an error when the key was
/// used for something else.
pub(super) fn replay(
    connection: &Connection,
    idempotency: &Idempotency,
    now: Timestamp,
) -> rusqlite::Result<Option<Result<Appended, AppendError>>> {
    let sql = "SELECT fingerprint, seq, at FROM idempotency WHERE key = ?1 AND at >= ?2";
    let row =
        |row: &rusqlite::Row<'_>| Ok((row.get::<_, [u8; 32]>(0)?, Seq(row.get(1)?), row.get::<_, i64>(2)?));
    let found = connection
        .prepare_cached(sql)?
        .query_row((&idempotency.key, now.millis() - IDEMPOTENCY_MILLIS), row)
        .optional()?;
    Ok(found.map(|(fingerprint, seq, at)| {
        if fingerprint == idempotency.fingerprint {
            Ok(Appended { seq, at: Timestamp::from_millis(at), replayed: true })
        } else {
            Err(AppendError::KeyReused(seq))
        }
    }))
}

pub(super) fn insert(
    connection: &Connection,
    commit: &Commit,
    body: &str,
    hash: &Hash,
) -> rusqlite::Result<()> {
    let sql = "INSERT INTO commits (seq, at, body, hash) VALUES (?1, ?2, ?3, ?4)";
    connection.prepare_cached(sql)?.execute((commit.seq.0, commit.at.millis(), body, hash))?;
    let mut touch = connection.prepare_cached("INSERT INTO touched (kind, key, seq) VALUES (?1, ?2, ?3)")?;
    for change in &commit.changes {
        touch.execute((change.id().kind.as_str(), &*change.id().key, commit.seq.0))?;
    }
    Ok(())
}

pub(super) fn remember(
    connection: &Connection,
    idempotency: &Idempotency,
    commit: &Commit,
) -> rusqlite::Result<()> {
    let old = commit.at.millis() - IDEMPOTENCY_MILLIS;
    connection.prepare_cached("DELETE FROM idempotency WHERE at < ?1")?.execute([old])?;
    let sql = "INSERT INTO idempotency (key, fingerprint, seq, at) VALUES (?1, ?2, ?3, ?4)";
    let row = (&idempotency.key, &idempotency.fingerprint, commit.seq.0, commit.at.millis());
    connection.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

/// Keeps a folded state, in place of those that are missed least.
pub(super) fn snapshot(connection: &Connection, state: &State) -> rusqlite::Result<()> {
    let text = serde_json::to_string(state)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    connection.execute("INSERT INTO snapshots (seq, state) VALUES (?1, ?2)", (state.seq().0, text))?;
    let mut kept = connection.prepare_cached("SELECT seq FROM snapshots ORDER BY seq")?;
    let mut kept: Vec<u64> = kept.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    for _ in 0..THINNED_AT_ONCE {
        if kept.len() > MAX_SNAPSHOTS {
            let spare = kept.remove(most_spare(&kept));
            connection.execute("DELETE FROM snapshots WHERE seq = ?1", [spare])?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use usher_core::model::{Document, Epoch};

    use super::*;
    use crate::{
        Actor, Change, Journal, Point,
        sqlite::{Copy, FILE, SqliteJournal, schema},
    };

    #[tokio::test]
    async fn folded_states_are_few_however_long_the_journal_is() {
        let folder = tempfile::tempdir().unwrap();
        let mut copy = Copy::begin(folder.path(), Epoch::from_bytes([1; 16])).unwrap();
        let (mut state, mut hash) = (State::default(), [0; 32]);
        let mut early = State::default();
        for n in 1..=20 * SNAPSHOT_EVERY {
            let document = serde_json::json!({"kind": "flag", "key": format!("f{}", n % 3), "number": n});
            let document: Document = serde_json::from_value(document).unwrap();
            let append = Append {
                expected: Vec::new(),
                idempotency: None,
                actor: Actor::system("test"),
                message: String::new(),
                at: Timestamp::from_millis(1_000),
                changes: vec![Change::Put(document)],
            };
            let planned = plan::plan(&append, &state, &hash).unwrap();
            copy.add(&planned.commit, &planned.body, &planned.hash, None).unwrap();
            state.fold(&planned.commit);
            hash = planned.hash;
            if n == 1 {
                early = state.clone();
            }
        }
        copy.finish().unwrap();
        let rows = || {
            let connection = schema::open(&folder.path().join(FILE)).unwrap();
            let sql = "SELECT count(*), max(seq) FROM snapshots";
            connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
        };
        let found: (usize, u64) = rows();
        assert_eq!(found, (MAX_SNAPSHOTS, 20 * SNAPSHOT_EVERY));
        let journal = SqliteJournal::open(folder.path()).unwrap();
        assert_eq!(*journal.state(), state);
        assert_eq!(*journal.state_at(Point::Seq(Seq(1))).await.unwrap(), early);
        assert_eq!(journal.verify().await.unwrap().problems, Vec::<String>::new());
    }
}
