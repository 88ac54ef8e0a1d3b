//! The world as this server sees it: the folded state, compiled, and the streams that carry its changes.
//!
//! One task follows the journal in order. For each commit it folds, compiles what changed, swaps the snapshot,
//! tells convergence whom to expect, and moves the streams, in this order: whoever is told of a commit can
//! already be counted, and finds it in the snapshot.

mod answers;
mod hub;
mod snapshot;
mod streams;

use std::{
    collections::VecDeque,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::FutureExt;
use tokio::sync::{broadcast, watch};
use usher_core::model::{Epoch, Seq, Timestamp};
use usher_journal::{
    Append, AppendError, Appended, Check, Commit, Idempotency, Journal, JournalError, Point, State,
};

pub(crate) use answers::in_schema;
pub use answers::{Asker, Sheet};
pub use hub::Hub;
pub use snapshot::Snapshot;
pub(crate) use streams::frame as streams_frame;
pub use streams::{Place, SharedDelta, StreamState, Streams, Touched};

use crate::convergence::Convergence;

/// Commits read from the journal at a time.
const READ_AT_ONCE: usize = 256;
/// Commits that a slow listener of [`World::commits`] may lag behind before it loses some.
const WAITING_COMMITS: usize = 256;
/// How long to wait before a journal that can't be read is asked again.
const AGAIN: Duration = Duration::from_secs(1);
/// Past states that are kept compiled: whoever looks at one asks for it part by part.
const PAST_STATES: usize = 4;

/// The world as this server sees it.
pub struct World {
    journal: Arc<dyn Journal>,
    hub: Hub,
    applied: watch::Sender<Seq>,
    commits: broadcast::Sender<Arc<Commit>>,
    /// Turns true when the journal is not followed any more.
    failed: watch::Sender<bool>,
    /// States that somebody has looked back at, the last of them first. Never held over an `await`.
    past: Mutex<VecDeque<Arc<Snapshot>>>,
}

impl World {
    /// Compiles what the journal holds. [`World::follow`] then keeps it up to date.
    #[must_use]
    pub fn open(journal: Arc<dyn Journal>) -> Arc<Self> {
        let (epoch, state) = journal.standing();
        let snapshot = Arc::new(Snapshot::compile(epoch, state));
        Arc::new(Self {
            applied: watch::channel(snapshot.seq()).0,
            commits: broadcast::channel(WAITING_COMMITS).0,
            journal,
            hub: Hub::new(snapshot),
            failed: watch::channel(false).0,
            past: Mutex::default(),
        })
    }

    /// What is known now.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.hub.snapshot()
    }

    /// The same, with the streams that carry its changes.
    #[must_use]
    pub fn hub(&self) -> &Hub {
        &self.hub
    }

    /// What was known then.
    ///
    /// # Errors
    /// A point that has not come yet, or a journal that can't be read.
    pub async fn at(&self, point: Point) -> Result<Arc<Snapshot>, JournalError> {
        if let Point::Seq(seq) = point
            && let Some(known) = self.known(seq)
        {
            return Ok(known);
        }
        let state = self.journal.state_at(point).await?;
        if let Some(known) = self.known(state.seq()) {
            return Ok(known);
        }
        let compiled = compile(self.snapshot().epoch, state).await?;
        let mut past = self.past.lock().unwrap_or_else(PoisonError::into_inner);
        past.push_front(Arc::clone(&compiled));
        past.truncate(PAST_STATES);
        Ok(compiled)
    }

    /// The state after a commit, when it is compiled: the present one, or one that was looked at not long ago.
    fn known(&self, seq: Seq) -> Option<Arc<Snapshot>> {
        let now = self.snapshot();
        if now.seq() == seq {
            return Some(now);
        }
        let mut past = self.past.lock().unwrap_or_else(PoisonError::into_inner);
        let place = past.iter().position(|snapshot| snapshot.seq() == seq)?;
        let found = past.remove(place)?;
        past.push_front(Arc::clone(&found));
        Some(found)
    }

    /// The journal.
    #[must_use]
    pub fn journal(&self) -> &dyn Journal {
        &*self.journal
    }

    /// The streams that carry changes.
    #[must_use]
    pub fn streams(&self) -> &Streams {
        self.hub.streams()
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
        self.settle(self.journal.append(append).await).await
    }

    /// The same, where `check` takes the state that the commit follows.
    ///
    /// # Errors
    /// As for [`World::append`], and [`AppendError::Outdated`].
    pub async fn append_checked(&self, append: Append, check: Check) -> Result<Appended, AppendError> {
        self.settle(self.journal.append_checked(append, check).await).await
    }

    /// Makes sure that all that was acknowledged before, at any server, can be read here.
    ///
    /// # Errors
    /// It can't be known now.
    pub async fn catch_up(&self) -> Result<(), AppendError> {
        let seq = self.journal.catch_up().await?;
        let (mut applied, mut failed) = (self.applied.subscribe(), self.failed.subscribe());
        // The senders live as long as this; an error can't come.
        tokio::select! {
            _ = applied.wait_for(|own| *own >= seq) => Ok(()),
            _ = failed.wait_for(|failed| *failed) => {
                Err(AppendError::Unavailable("this server follows its journal no more: start it anew".to_owned()))
            }
        }
    }

    /// The answer that was given to this idempotency key, at any server, once its commit can be read here.
    ///
    /// # Errors
    /// Those of [`Journal::answered`], or it can't be known now.
    pub async fn answered(
        &self,
        idempotency: &Idempotency,
        at: Timestamp,
    ) -> Result<Option<Appended>, AppendError> {
        let answered = self.journal.answered(idempotency, at).await?;
        if answered.is_some() {
            self.catch_up().await?;
        }
        Ok(answered)
    }

    /// Waits until what an answer is about is applied here: the commit, or what it was refused for. Who plans it
    /// anew must not do so from the same state.
    async fn settle(&self, result: Result<Appended, AppendError>) -> Result<Appended, AppendError> {
        let seq = match &result {
            Ok(appended) => appended.seq,
            Err(AppendError::Conflict { .. } | AppendError::Outdated) => self.journal.state().seq(),
            Err(_) => return result,
        };
        let (mut applied, mut failed) = (self.applied.subscribe(), self.failed.subscribe());
        // The senders live as long as this; an error can't come.
        tokio::select! {
            _ = applied.wait_for(|own| *own >= seq) => result,
            _ = failed.wait_for(|failed| *failed) => result.and_then(|appended| {
                Err(AppendError::Unavailable(format!(
                    "commit {} is written, but this server follows its journal no more: start it anew",
                    appended.seq
                )))
            }),
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
            let own = self.snapshot();
            let (epoch, state) = self.journal.standing();
            if epoch != own.epoch {
                if let Err(error) = self.begin_anew(epoch, state).await {
                    tracing::error!(%error, "the journal can't be followed; trying again");
                    tokio::time::sleep(AGAIN).await;
                }
                continue;
            }
            match self.journal.read(own.seq(), READ_AT_ONCE).await {
                // What was read may follow something else.
                Ok(_) if self.journal.standing().0 != epoch => {}
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
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    }

    /// The journal has dropped commits, here or at another server, that somebody may have been shown: all streams begin
    /// anew under another name.
    async fn begin_anew(&self, epoch: Epoch, state: Arc<State>) -> Result<(), JournalError> {
        tracing::warn!(seq = %state.seq(), "all streams begin anew: commits that they may have shown were dropped");
        let compiled = compile(epoch, state).await?;
        self.past.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let seq = compiled.seq();
        self.hub.replace(compiled);
        self.applied.send_replace(seq);
        Ok(())
    }

    fn apply(&self, commit: Commit, convergence: &Convergence) {
        self.hub.apply(&commit, convergence);
        self.applied.send_replace(commit.seq);
        // Nobody listening is fine.
        drop(self.commits.send(Arc::new(commit)));
    }
}

/// Compiles a state. Of a large workspace this takes long; streams are not to wait for it.
async fn compile(epoch: Epoch, state: Arc<State>) -> Result<Arc<Snapshot>, JournalError> {
    let compiled = tokio::task::spawn_blocking(move || Snapshot::compile(epoch, state));
    compiled.await.map(Arc::new).map_err(|error| JournalError::Storage(error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use usher_journal::{Actor, BoxFuture, Change, History, SqliteJournal, Verification};

    use super::*;
    use crate::connections::Connections;

    /// What a journal does that is not as it should be.
    enum Trick {
        /// It makes whoever follows it panic.
        Poisonous,
        /// Once this is sent, it is another one: what it had before is dropped.
        Turns(watch::Receiver<Option<Arc<SqliteJournal>>>),
        /// It has nothing of what others wrote before it is asked to catch up.
        Behind(watch::Sender<Seq>),
    }

    /// A journal that can be written, with a trick.
    struct Tricky(SqliteJournal, Trick);

    impl Tricky {
        fn turned(&self) -> Option<Arc<SqliteJournal>> {
            match &self.1 {
                Trick::Turns(other) => other.borrow().clone(),
                Trick::Poisonous | Trick::Behind(_) => None,
            }
        }

        fn is_behind(&self) -> bool {
            matches!(&self.1, Trick::Behind(head) if *head.borrow() == Seq::ZERO)
        }
    }

    impl Journal for Tricky {
        fn read(&self, after: Seq, limit: usize) -> BoxFuture<'_, Result<Vec<Commit>, JournalError>> {
            Box::pin(async move {
                match (&self.1, self.turned()) {
                    _ if self.is_behind() => Ok(Vec::new()),
                    (_, Some(other)) => other.read(after, limit).await,
                    (Trick::Poisonous, _) if self.0.state().seq() > Seq(0) => panic!("on purpose"),
                    _ => self.0.read(after, limit).await,
                }
            })
        }

        fn standing(&self) -> (Epoch, Arc<State>) {
            if self.is_behind() {
                return (self.0.epoch(), Arc::default());
            }
            self.turned().map_or_else(|| self.0.standing(), |other| other.standing())
        }
        fn catch_up(&self) -> BoxFuture<'_, Result<Seq, AppendError>> {
            if let Trick::Behind(head) = &self.1 {
                head.send_replace(self.0.state().seq());
            }
            let seq = self.state().seq();
            Box::pin(async move { Ok(seq) })
        }
        fn epoch(&self) -> Epoch {
            self.0.epoch()
        }
        fn state(&self) -> Arc<State> {
            self.standing().1
        }
        fn watch(&self) -> watch::Receiver<Seq> {
            match &self.1 {
                Trick::Behind(head) => head.subscribe(),
                _ => self.0.watch(),
            }
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

    fn environment(key: &str) -> Append {
        Append {
            expected: Vec::new(),
            idempotency: None,
            actor: Actor::system("test"),
            message: "one more".to_owned(),
            at: Timestamp::EPOCH,
            changes: vec![Change::Put(crate::seed::environment(key, "An environment", true).unwrap())],
        }
    }

    fn convergence() -> Arc<Convergence> {
        Arc::new(Convergence::new(Arc::new(Connections::default())))
    }

    #[tokio::test]
    async fn what_a_journal_drops_is_shown_no_more_and_streams_that_showed_it_end() {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let [own, other] = folders.each_ref().map(|folder| SqliteJournal::open(folder.path()).unwrap());
        for key in ["production", "dropped"] {
            own.append(environment(key)).await.unwrap();
        }
        for key in ["production", "staging", "holds"] {
            other.append(environment(key)).await.unwrap();
        }
        let other = Arc::new(other);
        let (turn, turns) = watch::channel(None);
        let world = World::open(Arc::new(Tricky(own, Trick::Turns(turns))));
        let follower = tokio::spawn(Arc::clone(&world).follow(convergence()));
        let has = |key: &str| world.snapshot().environments.keys().any(|own| own.as_str() == key);
        assert!(has("dropped"));
        let view = usher_core::protocol::View::new("production".parse().unwrap(), []);
        let mut stream = world.streams().subscribe(view);
        turn.send_replace(Some(Arc::clone(&other)));
        // Whatever comes next wakes it.
        world.append(environment("later")).await.unwrap();
        stream.wait_for(|_| false).await.unwrap_err();
        assert!(has("production") && has("holds") && !has("dropped") && !has("later"));
        assert_eq!((world.snapshot().epoch, world.snapshot().seq()), (other.epoch(), Seq(3)));
        follower.abort();
    }

    #[tokio::test]
    async fn an_answer_that_another_server_gave_is_given_again_with_its_commit() {
        let folder = tempfile::tempdir().unwrap();
        let journal = SqliteJournal::open(folder.path()).unwrap();
        let idempotency = Idempotency { key: "k".to_owned(), fingerprint: [1; 32] };
        let append = Append { idempotency: Some(idempotency.clone()), ..environment("production") };
        let first = journal.append(append).await.unwrap();
        let behind = Trick::Behind(watch::channel(Seq::ZERO).0);
        let world = World::open(Arc::new(Tricky(journal, behind)));
        let follower = tokio::spawn(Arc::clone(&world).follow(convergence()));
        let answered =
            async |idempotency: &Idempotency| world.answered(idempotency, Timestamp::EPOCH).await.unwrap();
        assert_eq!(answered(&Idempotency { key: "other".to_owned(), ..idempotency.clone() }).await, None);
        assert_eq!(world.snapshot().seq(), Seq::ZERO, "it is asked for nothing");
        assert_eq!(answered(&idempotency).await.map(|again| again.seq), Some(first.seq));
        assert_eq!(world.journal().read(Seq::ZERO, 1).await.unwrap().len(), 1);
        assert_eq!(world.snapshot().seq(), first.seq);
        follower.abort();
    }

    #[tokio::test]
    async fn a_world_that_stops_following_says_so_and_keeps_nobody_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let journal = SqliteJournal::open(folder.path()).unwrap();
        let world = World::open(Arc::new(Tricky(journal, Trick::Poisonous)));
        let follower = tokio::spawn(Arc::clone(&world).follow(convergence()));
        assert!(!world.has_failed());
        let error = world.append(environment("production")).await.unwrap_err();
        assert!(error.to_string().contains("start it anew"), "{error}");
        assert!(world.has_failed());
        follower.await.unwrap();
    }
}
