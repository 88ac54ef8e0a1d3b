//! What is known now, and the streams that carry its changes: of a journal that is followed here, or one that is
//! mirrored from afar. One task moves it on; anybody reads.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::watch;
use usher_core::model::{Epoch, Seq};
use usher_journal::Commit;

use super::{Snapshot, Streams};
use crate::convergence::Convergence;

/// What is known now.
pub struct Hub {
    snapshot: ArcSwap<Snapshot>,
    streams: Streams,
    /// Nothing up to this commit is missing: it is here, or so says who should know.
    known: watch::Sender<Seq>,
}

impl Hub {
    /// Begins with a snapshot.
    #[must_use]
    pub fn new(snapshot: Arc<Snapshot>) -> Self {
        let streams = Streams::new(&snapshot);
        let known = watch::channel(snapshot.seq()).0;
        Self { snapshot: ArcSwap::new(snapshot), streams, known }
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
        (*self.known.borrow()).max(self.snapshot.load().seq())
    }

    /// Nothing up to this commit is missing here.
    pub fn know(&self, seq: Seq) {
        self.known.send_if_modified(|known| {
            let more = seq > *known;
            *known = seq.max(*known);
            more
        });
    }

    /// Waits until nothing up to a commit of a journal is missing here, or another journal is shown.
    pub async fn reached(&self, epoch: Epoch, seq: Seq) {
        let mut known = self.known.subscribe();
        // The sender lives as long as this; an error can't come.
        drop(known.wait_for(|known| *known >= seq || self.snapshot.load().epoch != epoch).await);
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
        self.know(after.seq());
    }

    /// Begins anew with another snapshot, to which nothing leads from what there was. All streams end; whoever was on
    /// them comes again, and finds that what it has is of no use.
    pub fn replace(&self, snapshot: Arc<Snapshot>) {
        // First: what was known of another journal says nothing about this one.
        self.known.send_replace(Seq::ZERO);
        self.snapshot.store(Arc::clone(&snapshot));
        self.streams.restart(&snapshot);
        self.known.send_replace(snapshot.seq());
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use usher_journal::State;

    use super::*;

    fn epoch(last: char) -> Epoch {
        format!("{last:0>32}").parse().unwrap()
    }

    #[test]
    fn who_waits_for_a_commit_waits_for_no_less_and_for_no_other_journal() {
        let snapshot = |epoch| Arc::new(Snapshot::compile(epoch, Arc::new(State::default())));
        let hub = Hub::new(snapshot(epoch('1')));
        let is_reached = |seq| hub.reached(epoch('1'), Seq(seq)).now_or_never().is_some();
        assert!(is_reached(0) && !is_reached(1));
        hub.know(Seq(7));
        hub.know(Seq(3));
        assert!(is_reached(7) && !is_reached(8));
        assert_eq!(hub.known(), Seq(7));
        hub.replace(snapshot(epoch('2')));
        assert!(is_reached(8), "it will never come");
        assert_eq!(hub.known(), Seq::ZERO);
    }
}
