//! The world as this server sees it: the folded state, compiled, and the streams that carry its changes.
//!
//! One task follows the journal in order. For each commit it folds, compiles what changed, swaps the snapshot,
//! tells convergence whom to expect, and moves the streams, in this order: whoever is told of a commit can
//! already be counted, and finds it in the snapshot.

mod snapshot;
mod streams;

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::{broadcast, watch};
use usher_core::model::Seq;
use usher_journal::{Append, AppendError, Appended, Commit, Journal, JournalError, Point};

pub use snapshot::Snapshot;
pub(crate) use streams::frame as streams_frame;
pub use streams::{SharedDelta, StreamState, Streams};

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
    /// Those of the journal; then nothing was written.
    pub async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        let appended = self.journal.append(append).await?;
        let mut applied = self.applied.subscribe();
        // The sender lives as long as this; an error can't come.
        drop(applied.wait_for(|seq| *seq >= appended.seq).await);
        Ok(appended)
    }

    /// Follows the journal for ever.
    pub async fn follow(self: Arc<Self>, convergence: Arc<Convergence>) {
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
                        self.apply(commit, &convergence);
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
