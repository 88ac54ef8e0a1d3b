//! The world as this server sees it: the folded state, compiled, and the streams that carry its changes.
//!
//! One task follows the journal in order. For each commit it folds, compiles what changed, swaps the snapshot,
//! tells convergence whom to expect, and moves the streams, in this order: whoever is told of a commit can
//! already be counted, and finds it in the snapshot.

mod answers;
mod snapshot;
mod streams;

use std::{panic::AssertUnwindSafe, sync::Arc};

use arc_swap::ArcSwap;
use futures_util::FutureExt;
use tokio::sync::{broadcast, watch};
use usher_core::model::Seq;
use usher_journal::{Append, AppendError, Appended, Commit, Journal, JournalError, Point};

pub use answers::{Asker, Sheet};
pub use snapshot::Snapshot;
pub(crate) use streams::frame as streams_frame;
pub use streams::{Place, SharedDelta, StreamState, Streams, Touched};

use crate::convergence::Convergence;

/// Commits read from the journal at a time.
const READ_AT_ONCE: usize = 256;
/// Commits that a slow listener of [`World::commits`] may lag behind before it loses some.
const WAITING_COMMITS: usize = 256;

/// The world as this server sees it.
pub struct World {
    journal: Arc<dyn Journal>,
    snapshot: ArcSwap<Snapshot>,
    applied: watch::Sender<Seq>,
    commits: broadcast::Sender<Arc<Commit>>,
    streams: Streams,
    /// Turns true when the journal is not followed any more.
    failed: watch::Sender<bool>,
}

impl World {
    /// Compiles what the journal holds. [`World::follow`] then keeps it up to date.
    #[must_use]
    pub fn open(journal: Arc<dyn Journal>) -> Arc<Self> {
        let snapshot = Arc::new(Snapshot::compile(journal.epoch(), journal.state()));
        let streams = Streams::new(&snapshot);
        Arc::new(Self {
            applied: watch::channel(snapshot.seq()).0,
            commits: broadcast::channel(WAITING_COMMITS).0,
            journal,
            snapshot: ArcSwap::new(snapshot),
            streams,
            failed: watch::channel(false).0,
        })
    }

    /// What is known now.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// What was known then.
    ///
    /// # Errors
    /// A point that has not come yet, or a journal that can't be read.
    pub async fn at(&self, point: Point) -> Result<Arc<Snapshot>, JournalError> {
        let state = self.journal.state_at(point).await?;
        let now = self.snapshot();
        if now.seq() == state.seq() {
            return Ok(now);
        }
        // Of a large workspace this takes long; streams are not to wait for it.
        let epoch = self.journal.epoch();
        let compiled = tokio::task::spawn_blocking(move || Snapshot::compile(epoch, state));
        compiled.await.map(Arc::new).map_err(|error| JournalError::Storage(error.to_string()))
    }

    /// The journal.
    #[must_use]
    pub fn journal(&self) -> &dyn Journal {
        &*self.journal
    }

    /// The streams that carry changes.
    #[must_use]
    pub fn streams(&self) -> &Streams {
        &self.streams
    }

    /// Every commit as it is applied.
    #[must_use]
    pub fn commits(&self) -> broadcast::Receiver<Arc<Commit>> {
        self.commits.subscribe()
    }

    /// Appends a commit and waits until it is applied here, so that who wrote it can read it.
    ///
    /// # Errors
    /// Those of the journal; then nothing was written. Or this server has failed, and nobody hears of the commit
    /// before it is started anew.
    pub async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        let appended = self.journal.append(append).await?;
        let (mut applied, mut failed) = (self.applied.subscribe(), self.failed.subscribe());
        // The senders live as long as this; an error can't come.
        tokio::select! {
            _ = applied.wait_for(|seq| *seq >= appended.seq) => Ok(appended),
            _ = failed.wait_for(|failed| *failed) => Err(AppendError::Unavailable(format!(
                "commit {} is written, but this server follows its journal no more: start it anew",
                appended.seq
            ))),
        }
    }

    /// Whether the journal is not followed any more: what this server says is old, and only a new start helps.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        *self.failed.borrow()
    }

    /// Follows the journal for ever. Should that end in a panic, the world says so instead of growing old in
    /// silence.
    pub async fn follow(self: Arc<Self>, convergence: Arc<Convergence>) {
        let following = AssertUnwindSafe(self.go_on_following(&convergence)).catch_unwind();
        if following.await.is_err() {
            tracing::error!(seq = %self.snapshot().seq(), "the journal is not followed any more: start this server anew");
            self.failed.send_replace(true);
        }
    }

    async fn go_on_following(&self, convergence: &Convergence) {
        let mut head = self.journal.watch();
        loop {
            let seq = self.snapshot.load().seq();
            match self.journal.read(seq, READ_AT_ONCE).await {
                Ok(commits) if commits.is_empty() => {
                    if head.changed().await.is_err() {
                        return;
                    }
                }
                Ok(commits) => {
                    for commit in commits {
                        self.apply(commit, convergence);
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "the journal can't be followed; trying again");
                    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                }
            }
        }
    }

    fn apply(&self, commit: Commit, convergence: &Convergence) {
        let before = self.snapshot.load_full();
        let after = Arc::new(before.after(&commit));
        self.snapshot.store(Arc::clone(&after));
        let preparation = self.streams.prepare(&before, &after, &commit);
        convergence.publish(&commit, preparation.views());
        self.streams.publish(&after, preparation);
        self.applied.send_replace(after.seq());
        // Nobody listening is fine.
        drop(self.commits.send(Arc::new(commit)));
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use usher_core::model::{Epoch, Timestamp};
    use usher_journal::{Actor, BoxFuture, Change, History, Idempotency, SqliteJournal, State, Verification};

    use super::*;
    use crate::connections::Connections;

    /// A journal that can be written, and makes whoever follows it panic.
    struct Poisonous(SqliteJournal);

    impl Journal for Poisonous {
        fn read(&self, _: Seq, _: usize) -> BoxFuture<'_, Result<Vec<Commit>, JournalError>> {
            Box::pin(async {
                if self.0.state().seq() > Seq(0) { panic!("on purpose") } else { Ok(Vec::new()) }
            })
        }

        fn epoch(&self) -> Epoch {
            self.0.epoch()
        }
        fn state(&self) -> Arc<State> {
            self.0.state()
        }
        fn watch(&self) -> watch::Receiver<Seq> {
            self.0.watch()
        }
        fn append(&self, append: Append) -> BoxFuture<'_, Result<Appended, AppendError>> {
            self.0.append(append)
        }
        fn answered(
            &self,
            idempotency: &Idempotency,
            at: Timestamp,
        ) -> BoxFuture<'_, Result<Option<Appended>, AppendError>> {
            self.0.answered(idempotency, at)
        }
        fn history(&self, query: History) -> BoxFuture<'_, Result<Vec<Commit>, JournalError>> {
            self.0.history(query)
        }
        fn state_at(&self, point: Point) -> BoxFuture<'_, Result<Arc<State>, JournalError>> {
            self.0.state_at(point)
        }
        fn verify(&self) -> BoxFuture<'_, Result<Verification, JournalError>> {
            self.0.verify()
        }
        fn backup<'a>(&'a self, to: &'a Path) -> BoxFuture<'a, Result<(), JournalError>> {
            self.0.backup(to)
        }
    }

    #[tokio::test]
    async fn a_world_that_stops_following_says_so_and_keeps_nobody_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let world = World::open(Arc::new(Poisonous(SqliteJournal::open(folder.path()).unwrap())));
        let convergence = Arc::new(Convergence::new(Arc::new(Connections::default())));
        let follower = tokio::spawn(Arc::clone(&world).follow(convergence));
        assert!(!world.has_failed());
        let append = Append {
            expected: Vec::new(),
            idempotency: None,
            actor: Actor::system("test"),
            message: "the last straw".to_owned(),
            at: Timestamp::EPOCH,
            changes: vec![Change::Put(crate::seed::environment("production", "Production", true).unwrap())],
        };
        let error = world.append(append).await.unwrap_err();
        assert!(error.to_string().contains("start it anew"), "{error}");
        assert!(world.has_failed());
        follower.await.unwrap();
    }
}
