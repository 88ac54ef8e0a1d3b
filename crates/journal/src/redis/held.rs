//! What this node holds of the log: all of it folded, and its newest commits whole.
//!
//! Every commit gets in here by one way, [`Held::apply`], whoever wrote it, and only as the next one of the chain.
//! So this copy is always a part of one true log, and what Redis says can be judged by it.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;
use usher_core::model::{Epoch, Seq};

use super::{
    record::Record,
    script::{self, Head},
    trouble::Trouble,
};
use crate::{
    Commit, State,
    plan::{Hash, chain},
};

/// Commits that are held whole, at most: that many can be put back where Redis has lost them.
const MAX_RECORDS: usize = 4096;
/// Bytes that these take, at most, about. One commit is always held.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// The copy.
pub(super) struct Held {
    epoch: Epoch,
    recent: Mutex<Recent>,
    state: watch::Sender<Arc<State>>,
    head: watch::Sender<Seq>,
}

/// The newest commits, oldest first, without holes.
struct Recent {
    records: VecDeque<Arc<Record>>,
    bytes: usize,
    /// Where they begin: the commit before the first of them.
    before: (Seq, Hash),
    /// The first of those that no replica is known to have, though replicas are asked for: none of them was
    /// acknowledged here, and they may be dropped.
    alone: Option<Seq>,
    /// The commits that were dropped, in Redis' words: see [`script::mark_dropped`].
    dropped: String,
}

impl Recent {
    fn head(&self) -> (Seq, Hash) {
        self.records.back().map_or(self.before, |last| (last.seq(), last.hash))
    }

    fn push(&mut self, record: Arc<Record>) {
        self.bytes += record.bytes();
        self.records.push_back(record);
        while self.records.len() > MAX_RECORDS || (self.bytes > MAX_BYTES && self.records.len() > 1) {
            if let Some(first) = self.records.pop_front() {
                self.bytes -= first.bytes();
                self.before = (first.seq(), first.hash);
            }
        }
    }

    /// Replicas have this commit, and so all before it.
    fn is_safe(&mut self, up_to: Seq) {
        let newest = self.head().0;
        self.alone = self.alone.map(|alone| alone.max(up_to.next())).filter(|alone| *alone <= newest);
    }

    /// The hash of a commit, if it is held or just before those.
    fn hash_of(&self, seq: Seq) -> Option<Hash> {
        if seq == self.before.0 {
            return Some(self.before.1);
        }
        let index = seq.0.checked_sub(self.before.0.next().0)?;
        self.records.get(usize::try_from(index).ok()?).map(|record| record.hash)
    }

    /// Up to `limit` records after `seq`; none where the first of them is not held.
    fn after(&self, seq: Seq, limit: usize) -> Option<Vec<Arc<Record>>> {
        let skip = usize::try_from(seq.0.checked_sub(self.before.0.0)?).ok()?;
        Some(self.records.iter().skip(skip).take(limit).cloned().collect())
    }
}

impl Held {
    /// A copy that begins after a commit, whose hash is known; `state` is that commit's, or a later one's.
    pub(super) fn new(epoch: Epoch, before: (Seq, Hash), state: State) -> Self {
        Self {
            epoch,
            recent: Mutex::new(Recent {
                records: VecDeque::new(),
                bytes: 0,
                before,
                alone: None,
                dropped: String::new(),
            }),
            head: watch::channel(state.seq()).0,
            state: watch::channel(Arc::new(state)).0,
        }
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn epoch(&self) -> Epoch {
        self.epoch
    }

    pub(super) fn state(&self) -> Arc<State> {
        Arc::clone(&self.state.borrow())
    }

    pub(super) fn watch(&self) -> watch::Receiver<Seq> {
        self.head.subscribe()
    }

    /// The last commit, with the state after it.
    pub(super) fn head(&self) -> (Head, Arc<State>) {
        let recent = self.recent();
        let (seq, hash) = recent.head();
        (Head { epoch: self.epoch, seq, hash }, self.state())
    }

    /// The hash of a commit, where it is known.
    pub(super) fn hash_of(&self, seq: Seq) -> Option<Hash> {
        self.recent().hash_of(seq)
    }

    /// Up to `limit` records after `seq`; none where the first of them is not held any more.
    pub(super) fn after(&self, seq: Seq, limit: usize) -> Option<Vec<Arc<Record>>> {
        self.recent().after(seq, limit)
    }

    /// Up to `limit` commits after `seq`; none where the first of them is not held any more.
    pub(super) fn commits(&self, seq: Seq, limit: usize) -> Option<Vec<Commit>> {
        Some(self.after(seq, limit)?.iter().map(|record| record.commit.clone()).collect())
    }

    /// The state, and what streams of it are called: see [`crate::Journal::standing`].
    pub(super) fn standing(&self) -> (Epoch, Arc<State>) {
        let recent = self.recent();
        (script::stream_epoch(self.epoch, &recent.dropped), self.state())
    }

    /// What was dropped, in Redis' words.
    pub(super) fn dropped(&self) -> String {
        self.recent().dropped.clone()
    }

    /// Others have dropped commits: what streams are called changes with it.
    pub(super) fn name_streams(&self, dropped: String) {
        let mut recent = self.recent();
        if recent.dropped != dropped {
            recent.dropped = dropped;
            // Whoever waits for commits looks at the name too.
            self.head.send_replace(self.state().seq());
        }
    }

    /// The first commit that no replica is known to have.
    pub(super) fn alone(&self) -> Option<Seq> {
        self.recent().alone
    }

    /// Replicas have all up to this commit.
    pub(super) fn is_safe(&self, up_to: Seq) {
        self.recent().is_safe(up_to);
    }

    /// Drops what comes after a commit, whose state is given. Gives back how many commits it were.
    pub(super) fn rewind(&self, to: Seq, state: State, dropped: String) -> usize {
        let mut recent = self.recent();
        let mut gone = 0;
        while let Some(record) = recent.records.pop_back_if(|record| record.seq() > to) {
            recent.bytes -= record.bytes();
            gone += 1;
        }
        recent.alone = None;
        recent.dropped = dropped;
        self.state.send_replace(Arc::new(state));
        self.head.send_replace(to);
        gone
    }

    /// Adds commits that follow one another. Those that are there already are passed over. Whether replicas have them,
    /// if any must, is for the caller to know.
    ///
    /// # Errors
    /// One that does not follow what is here, with all before it added.
    pub(super) fn apply(
        &self,
        records: impl IntoIterator<Item = Arc<Record>>,
        is_safe: bool,
    ) -> Result<(), Trouble> {
        let mut recent = self.recent();
        let before = recent.head().0;
        let mut last = before;
        let mut state: Option<State> = None;
        let mut result = Ok(());
        for record in records {
            let (seq, hash) = recent.head();
            last = record.seq();
            if record.seq() <= seq {
                if recent.hash_of(record.seq()).is_some_and(|own| own != record.hash) {
                    result = Err(Trouble::Diverged(record.seq()));
                    break;
                }
                continue;
            }
            if record.seq() != seq.next() {
                result = Err(Trouble::Down(format!("Redis does not have commit {} any more", seq.next())));
                break;
            }
            if chain(&hash, &record.body) != record.hash {
                result = Err(Trouble::Diverged(record.seq()));
                break;
            }
            let state = state.get_or_insert_with(|| State::clone(&self.state.borrow()));
            // At the start the folded state can be ahead of the commits that are held with it.
            if record.seq() == state.seq().next() {
                state.fold(&record.commit);
            }
            recent.push(record);
        }
        if !is_safe && recent.head().0 > before {
            recent.alone.get_or_insert(before.next());
        } else if is_safe && result.is_ok() {
            recent.is_safe(last);
        }
        if let Some(state) = state.filter(|state| state.seq() == recent.head().0) {
            let seq = state.seq();
            self.state.send_replace(Arc::new(state));
            self.head.send_replace(seq);
        }
        result
    }
}
