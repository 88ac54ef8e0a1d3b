//! What is known now, and the streams that carry its changes: of a journal that is followed here, or one that is
//! mirrored from afar. One task moves it on; anybody reads.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use arc_swap::ArcSwap;
use usher_core::model::Seq;
use usher_journal::Commit;

use super::{Snapshot, Streams};
use crate::convergence::Convergence;

/// What is known now.
pub struct Hub {
    snapshot: ArcSwap<Snapshot>,
    streams: Streams,
    /// Nothing up to this commit is missing, says who should know.
    known: AtomicU64,
}

impl Hub {
    /// Begins with a snapshot.
    #[must_use]
    pub fn new(snapshot: Arc<Snapshot>) -> Self {
        let streams = Streams::new(&snapshot);
        Self { snapshot: ArcSwap::new(snapshot), streams, known: AtomicU64::new(0) }
    }

    /// What is known now.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// The streams that carry changes.
    #[must_use]
    pub fn streams(&self) -> &Streams {
        &self.streams
    }

    /// The newest commit of which nothing is missing here. It may be later than what the snapshot contains: not all
    /// commits concern what is mirrored.
    #[must_use]
    pub fn known(&self) -> Seq {
        Seq(self.known.load(Ordering::Acquire)).max(self.snapshot.load().seq())
    }

    /// Nothing up to this commit is missing here.
    pub fn know(&self, seq: Seq) {
        self.known.fetch_max(seq.0, Ordering::AcqRel);
    }

    /// Moves on by the next commit.
    ///
    /// # Panics
    /// When it is not the next one.
    pub fn apply(&self, commit: &Commit, convergence: &Convergence) {
        let before = self.snapshot.load_full();
        let after = before.after(commit);
        self.move_on(&before, after, commit, convergence);
    }

    /// Moves on by what one or more commits up to this one have made.
    pub fn amend(&self, commit: &Commit, convergence: &Convergence) {
        let before = self.snapshot.load_full();
        let after = before.amended(commit);
        self.move_on(&before, after, commit, convergence);
    }

    /// Whoever is told of a commit can already be counted, and finds it in the snapshot.
    fn move_on(&self, before: &Snapshot, after: Snapshot, commit: &Commit, convergence: &Convergence) {
        let after = Arc::new(after);
        self.snapshot.store(Arc::clone(&after));
        let preparation = self.streams.prepare(before, &after, commit);
        convergence.publish(before.seq(), commit, preparation.views());
        self.streams.publish(&after, preparation);
    }

    /// Begins anew with another snapshot, to which nothing leads from what there was. All streams end; whoever was on
    /// them comes again, and finds that what it has is of no use.
    pub fn replace(&self, snapshot: Arc<Snapshot>) {
        self.known.store(0, Ordering::Release);
        self.snapshot.store(Arc::clone(&snapshot));
        self.streams.restart(&snapshot);
    }
}
