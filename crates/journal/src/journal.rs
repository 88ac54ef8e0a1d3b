//! What every engine promises.

use std::{collections::BTreeMap, future::Future, path::Path, pin::Pin, sync::Arc};

use serde::Serialize;
use tokio::sync::{broadcast, watch};
use usher_core::model::{DocumentId, Epoch, Seq, Timestamp};

use crate::{Actor, Change, Commit, State};

/// A future that a trait object can give back.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// An append-only log of commits.
pub trait Journal: Send + Sync + 'static {
    /// Which journal this is.
    fn epoch(&self) -> Epoch;

    /// The fold of all commits that are on disk.
    fn state(&self) -> Arc<State>;

    /// The state, with what a stream of it is called: the journal's epoch, and another one once commits were dropped that
    /// somebody may have been shown. Who followed under another name has what never was, and begins anew from here.
    fn standing(&self) -> (Epoch, Arc<State>) {
        (self.epoch(), self.state())
    }

    /// Tells when there are more commits: holds the last one's number.
    fn watch(&self) -> watch::Receiver<Seq>;

    /// Appends one commit: atomically, on disk before the answer, at most once for one idempotency key.
    fn append(&self, append: Append) -> BoxFuture<'_, Result<Appended, AppendError>>;

    /// The same, for what was planned from a state that may have changed since, on another node: appends only where
    /// `check` takes the very state that the commit follows.
    ///
    /// An engine whose only writers are in this process need not ask: those take turns.
    ///
    /// # Errors
    /// [`AppendError::Outdated`] where the check fails; then it is to be planned anew.
    fn append_checked(&self, append: Append, check: Check) -> BoxFuture<'_, Result<Appended, AppendError>> {
        drop(check);
        self.append(append)
    }

    /// Makes sure that all that was acknowledged before, on any node, is in the state: for whoever plans from it, or
    /// finds that there is nothing to do. Gives back the last commit.
    ///
    /// An engine whose only writers are in this process has nothing to ask for.
    ///
    /// # Errors
    /// It can't be known now.
    fn catch_up(&self) -> BoxFuture<'_, Result<Seq, AppendError>> {
        let seq = self.state().seq();
        Box::pin(async move { Ok(seq) })
    }

    /// The answer that was given to this idempotency key, if it was used within a day before `at`: for whoever must
    /// know before deciding what to append.
    fn answered(
        &self,
        idempotency: &Idempotency,
        at: Timestamp,
    ) -> BoxFuture<'_, Result<Option<Appended>, AppendError>>;

    /// Up to `limit` commits after `after`, oldest first, without holes.
    fn read(&self, after: Seq, limit: usize) -> BoxFuture<'_, Result<Vec<Commit>, JournalError>>;

    /// Commits, newest first.
    fn history(&self, query: History) -> BoxFuture<'_, Result<Vec<Commit>, JournalError>>;

    /// The state as it was.
    fn state_at(&self, point: Point) -> BoxFuture<'_, Result<Arc<State>, JournalError>>;

    /// Reads everything there is and checks it.
    fn verify(&self) -> BoxFuture<'_, Result<Verification, JournalError>>;

    /// How the nodes that share this journal talk with each other; none where it has one node only.
    fn fleet(&self) -> Option<Arc<dyn Fleet>> {
        None
    }

    /// Writes a copy into a new folder, as an embedded journal of the same epoch; once it is served, it has its own
    /// ([`crate::SqliteJournal::serve`]).
    fn backup<'a>(&'a self, to: &'a Path) -> BoxFuture<'a, Result<(), JournalError>>;

    /// Whether it can be written just now.
    fn health(&self) -> Health {
        Health::Well
    }

    /// How safe an acknowledged commit is.
    fn durability(&self) -> Durability {
        Durability::embedded()
    }
}

/// Whether a commit still makes sense in the state that it would follow. It may take a while and is asked rarely.
pub type Check = Arc<dyn Fn(&State) -> bool + Send + Sync>;

/// Whether a journal can be written. It can always be read, as far as it was known when it was last well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// It can.
    Well,
    /// Not now; it is being tried again. With the reason.
    Degraded(String),
    /// Not before somebody has done something. With the reason, and what to do.
    Failed(String),
}

/// How safe an acknowledged commit is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Durability {
    /// What keeps it, with its version.
    pub engine: String,
    /// When it is synchronised to disk: `always` is before it is acknowledged.
    pub sync: String,
    /// Replicas that have it before it is acknowledged.
    pub replicas_needed: u32,
    /// Replicas that there were when it was last looked at.
    pub replicas: u32,
    /// Why an acknowledged commit can be lost all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weakness: Option<String>,
    /// What has happened to it since this program started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notice: Option<String>,
}

impl Durability {
    /// A disk of our own.
    #[must_use]
    pub fn embedded() -> Self {
        Self {
            engine: "SQLite".to_owned(),
            sync: "always".to_owned(),
            replicas_needed: 0,
            replicas: 0,
            weakness: None,
            notice: None,
        }
    }
}

/// How the nodes of one journal talk with each other beside it, and what they keep there together. What is said is
/// neither kept nor promised to arrive.
pub trait Fleet: Send + Sync + 'static {
    /// This node's name among them: random, and another one after each start.
    fn node(&self) -> &str;

    /// Says something to all who listen, and to itself. Of what is said about the same, only the newest is sent when
    /// it can't be sent at once: it makes up for what it replaces.
    fn say(&self, about: &'static str, text: String);

    /// What is said from now on.
    fn listen(&self) -> broadcast::Receiver<Arc<str>>;

    /// Keeps a small text under a name, for all nodes and across their starts, in place of what was kept there. It can
    /// be lost when the engine loses what it has not told its replicas yet.
    ///
    /// # Errors
    /// It can't be kept now.
    fn keep(&self, name: &str, text: String) -> BoxFuture<'_, Result<(), JournalError>>;

    /// What is kept under a name.
    ///
    /// # Errors
    /// It can't be read now.
    fn kept(&self, name: &str) -> BoxFuture<'_, Result<Option<String>, JournalError>>;

    /// All texts of a shelf, which is a small map that all nodes share, each text changed on its own. They are kept as
    /// [`Fleet::keep`] keeps them.
    ///
    /// # Errors
    /// They can't be read now.
    fn shelf(&self, shelf: &str) -> BoxFuture<'_, Result<BTreeMap<String, String>, JournalError>>;

    /// One text of a shelf.
    ///
    /// # Errors
    /// It can't be read now.
    fn on_shelf(&self, shelf: &str, name: &str) -> BoxFuture<'_, Result<Option<String>, JournalError>>;

    /// Puts a text on a shelf in place of the one that is there; none is an empty place. False, and nothing is changed,
    /// where something else is there.
    ///
    /// # Errors
    /// It is not known whether it was changed.
    fn swap(
        &self,
        shelf: &str,
        name: &str,
        old: Option<&str>,
        new: Option<&str>,
    ) -> BoxFuture<'_, Result<bool, JournalError>>;
}

/// A point in a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// After this commit.
    Seq(Seq),
    /// After the last commit up to this time.
    Time(Timestamp),
}

impl std::str::FromStr for Point {
    type Err = String;

    /// A small number is a commit; a time is RFC 3339 or milliseconds since 1970.
    fn from_str(text: &str) -> Result<Self, String> {
        /// No journal has this many commits, and no commit was made in the year 1970.
        const FIRST_TIME: u64 = 100_000_000_000;
        match text.parse::<u64>() {
            Ok(seq) if seq < FIRST_TIME => Ok(Self::Seq(Seq(seq))),
            _ => text.parse().map(Self::Time),
        }
    }
}

/// Which commits to show.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Only commits before this one.
    pub before: Option<Seq>,
    /// Only commits that changed this document.
    pub document: Option<DocumentId>,
    /// At most so many.
    pub limit: usize,
}

/// A commit to be.
#[derive(Clone, Debug)]
pub struct Append {
    /// What its sender believes about documents; anything else is a conflict.
    pub expected: Vec<(DocumentId, Expected)>,
    /// What its sender calls it.
    pub idempotency: Option<Idempotency>,
    /// Who makes it.
    pub actor: Actor,
    /// Why.
    pub message: String,
    /// When; a clock that has gone back counts as the time of the commit before.
    pub at: Timestamp,
    /// What it changes; at least one document, each at most once.
    pub changes: Vec<Change>,
}

/// What a sender believes about a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// It is not there.
    Absent,
    /// It is there, whatever its version.
    Present,
    /// It has this version.
    Version(Seq),
}

/// What a sender calls a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// The name, unique to the sender.
    pub key: String,
    /// A hash of all that was sent, to notice the same name on another request.
    pub fingerprint: [u8; 32],
}

/// A commit that is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Its number.
    pub seq: Seq,
    /// Its time.
    pub at: Timestamp,
    /// Whether this is the answer to an earlier sending, given again.
    pub replayed: bool,
}

/// Why a commit was not appended. Nothing was written, unless the error says otherwise.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AppendError {
    /// Somebody was faster.
    #[error("{document} is not as expected: {}", match found { Some(by) => format!("{} changed it in commit {}", by.1.name, by.0), None => "it does not exist".to_owned() })]
    Conflict {
        /// The document.
        document: DocumentId,
        /// Its version and who wrote it; none when it is not there.
        found: Option<(Seq, Actor, Timestamp)>,
    },
    /// The idempotency key was used for something else.
    #[error("this idempotency key was used for another request, commit {0}: use a new key")]
    KeyReused(Seq),
    /// The first request with this idempotency key has not been answered yet.
    #[error("the first request with this idempotency key is still running: wait for it")]
    InProgress,
    /// What it was planned from has changed.
    #[error("what this change was planned from has changed meanwhile: try again")]
    Outdated,
    /// There is nothing in it.
    #[error("a commit changes at least one document, and each at most once")]
    Malformed,
    /// It can't be written now; or it was written, and is not known to be safe. Sending it again with the same
    /// idempotency key gives the first answer, or writes it.
    #[error("the journal can't be written: {0}")]
    Unavailable(String),
}

/// Why a journal can't be opened or read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Another process has it open.
    #[error("{0} is in use by another process: stop that one first, or ask it over its API")]
    InUse(String),
    /// It is not a journal, or of another version.
    #[error("{path} is not a journal that this version can read: {reason}")]
    Foreign {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It could lose what it has acknowledged.
    #[error(
        "Redis at {place} could lose acknowledged commits: {weakness}; or accept that (`redis_without_aof`)"
    )]
    NotDurable {
        /// Its address.
        place: String,
        /// How, and what to do about it.
        weakness: String,
    },
    /// It is damaged.
    #[error("the journal is damaged: {0}. Restore a backup; `usher journal verify` tells more")]
    Damaged(String),
    /// There is no such commit yet.
    #[error("there is no commit {0} yet")]
    NoSuchCommit(Seq),
    /// The disk failed.
    #[error("the journal can't be read or written: {0}")]
    Storage(String),
}

/// What a check of everything found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verification {
    /// Which journal.
    pub epoch: Epoch,
    /// How many commits there are.
    pub commits: u64,
    /// How many documents they fold to.
    pub documents: usize,
    /// Hash over all commits, in hexadecimal: equal journals have equal hashes.
    pub head: String,
    /// What is wrong; empty when all is well.
    pub problems: Vec<String>,
}
