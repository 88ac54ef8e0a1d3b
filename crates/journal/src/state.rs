//! State: the fold of commits.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};
use usher_core::{
    model::{Document, DocumentId, Kind, Model, Seq, Timestamp},
    references::Catalogue,
};

use crate::{Actor, Change, Commit};

/// All documents as of one commit. Cloning shares the documents and copies only the tree of pointers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct State {
    seq: Seq,
    at: Timestamp,
    entries: BTreeMap<Arc<DocumentId>, Arc<Entry>>,
    /// Documents that are gone, with the commit that deleted them: a client that resumes must hear of it.
    tombstones: BTreeMap<Arc<DocumentId>, Seq>,
}

/// A document with what is known about its last change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The commit that last wrote it: its version.
    pub version: Seq,
    /// The commit that made it.
    pub created: Seq,
    /// When that was.
    pub at: Timestamp,
    /// Who did it.
    pub actor: Actor,
    /// The document.
    pub document: Document,
}

impl State {
    /// All documents as of a commit, where nothing else is known of how they came about.
    #[must_use]
    pub fn of(seq: Seq, at: Timestamp, documents: Vec<Document>) -> Self {
        let changes = documents.into_iter().map(Change::Put).collect();
        let actor = Actor::system("upstream");
        let mut state = Self::default();
        state.amend(&Commit { seq, at, actor, message: String::new(), idempotency_key: None, changes });
        state
    }

    /// The last commit that it contains.
    #[must_use]
    pub fn seq(&self) -> Seq {
        self.seq
    }

    /// The time of that commit.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// One document with its version.
    #[must_use]
    pub fn get(&self, id: &DocumentId) -> Option<&Entry> {
        self.entries.get(id).map(|entry| &**entry)
    }

    /// The commit that deleted a document that is not there.
    #[must_use]
    pub fn deleted_by(&self, id: &DocumentId) -> Option<Seq> {
        self.tombstones.get(id).copied()
    }

    /// All documents, by kind and key.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values().map(|entry| &**entry)
    }

    /// All documents of a kind that this version can read.
    #[must_use]
    pub fn models<M: Model>(&self) -> Vec<M> {
        self.of_kind(&M::KIND).filter_map(|entry| entry.document.parse().ok()).collect()
    }

    /// All documents of a kind, by key.
    pub fn of_kind(&self, kind: &Kind) -> impl Iterator<Item = &Entry> {
        let start = Arc::new(DocumentId::new(kind.clone(), ""));
        let kind = kind.clone();
        self.entries.range(start..).take_while(move |(id, _)| id.kind == kind).map(|(_, entry)| &**entry)
    }

    /// How many documents there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds a commit, which must be the next one.
    ///
    /// # Panics
    /// When it is not: going on from a hole would make a state that never was.
    pub fn fold(&mut self, commit: &Commit) {
        assert_eq!(commit.seq, self.seq.next(), "commits are folded in order, without holes");
        self.amend(commit);
    }

    /// Adds what one or more commits up to this one have made, where they are not to be had one by one: read from
    /// afar, and only in part.
    pub fn amend(&mut self, commit: &Commit) {
        self.seq = commit.seq;
        self.at = commit.at;
        for change in &commit.changes {
            match change {
                Change::Put(document) => {
                    let id = Arc::new(document.id().clone());
                    self.tombstones.remove(&id);
                    let created = self.entries.get(&id).map_or(commit.seq, |entry| entry.created);
                    let (version, at, actor) = (commit.seq, commit.at, commit.actor.clone());
                    let entry = Entry { version, created, at, actor, document: document.clone() };
                    self.entries.insert(id, Arc::new(entry));
                }
                Change::Delete(id) => {
                    if self.entries.remove(id).is_some() {
                        self.tombstones.insert(Arc::new(id.clone()), commit.seq);
                    }
                }
            }
        }
    }

    /// What changed after commit `seq`: documents as they are now, and documents that are gone.
    #[must_use]
    pub fn changed_since(&self, seq: Seq) -> (Vec<&Document>, Vec<&DocumentId>) {
        let put =
            self.entries.values().filter(|entry| entry.version > seq).map(|entry| &entry.document).collect();
        let gone =
            self.tombstones.iter().filter(|(_, deleted)| **deleted > seq).map(|(id, _)| &**id).collect();
        (put, gone)
    }

    /// The last commit that wrote or deleted one of the documents that are meant; zero without any.
    pub fn last_change(&self, meant: impl Fn(&DocumentId) -> bool) -> Seq {
        let written = self.entries.iter().map(|(id, entry)| (id, entry.version));
        let gone = self.tombstones.iter().map(|(id, deleted)| (id, *deleted));
        let seqs = written.chain(gone).filter(|(id, _)| meant(id)).map(|(_, seq)| seq);
        seqs.max().unwrap_or(Seq::ZERO)
    }

    /// The state as it would be after `changes`, without a version of its own: for checks before a commit.
    #[must_use]
    pub fn with(&self, changes: &[Change]) -> Self {
        let mut after = self.clone();
        after.fold(&Commit {
            seq: self.seq.next(),
            at: self.at,
            actor: Actor::system("preview"),
            message: String::new(),
            idempotency_key: None,
            changes: changes.to_vec(),
        });
        after
    }
}

impl Catalogue for State {
    fn find(&self, id: &DocumentId) -> Option<Document> {
        self.get(id).map(|entry| entry.document.clone())
    }

    fn all(&self, kind: &Kind) -> Vec<Document> {
        self.of_kind(kind).map(|entry| entry.document.clone()).collect()
    }
}

/// How a state is kept on disk.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    seq: Seq,
    at: Timestamp,
    entries: Vec<Entry>,
    tombstones: Vec<(DocumentId, Seq)>,
}

impl From<State> for Written {
    fn from(state: State) -> Self {
        Self {
            seq: state.seq,
            at: state.at,
            entries: state.entries.into_values().map(Arc::unwrap_or_clone).collect(),
            tombstones: state
                .tombstones
                .into_iter()
                .map(|(id, seq)| (Arc::unwrap_or_clone(id), seq))
                .collect(),
        }
    }
}

impl From<Written> for State {
    fn from(written: Written) -> Self {
        let entries = written.entries.into_iter();
        Self {
            seq: written.seq,
            at: written.at,
            entries: entries.map(|entry| (Arc::new(entry.document.id().clone()), Arc::new(entry))).collect(),
            tombstones: written.tombstones.into_iter().map(|(id, seq)| (Arc::new(id), seq)).collect(),
        }
    }
}
