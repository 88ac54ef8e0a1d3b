//! Commits: one atomic, attributed change of one or more documents.

use serde::{Deserialize, Serialize};
use usher_core::model::{Document, DocumentId, Seq, Timestamp};

/// One atomic change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Commit {
    /// Its place in the journal.
    pub seq: Seq,
    /// When it was appended; never before the commit that precedes it.
    pub at: Timestamp,
    /// Who made it.
    pub actor: Actor,
    /// Why, in their words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// What its sender calls it, so that sending it again changes nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// What it changes. Whole documents, so that any earlier state is exact.
    pub changes: Vec<Change>,
}

/// One document, changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Change {
    /// It is new, or now looks like this.
    Put(Document),
    /// It is gone.
    Delete(DocumentId),
}

impl Change {
    /// Which document.
    #[must_use]
    pub fn id(&self) -> &DocumentId {
        match self {
            Self::Put(document) => document.id(),
            Self::Delete(id) => id,
        }
    }
}

/// Who made a commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Actor {
    /// A person, a program, or Usher itself.
    pub kind: ActorKind,
    /// Their key.
    pub id: String,
    /// How they are shown.
    pub name: String,
}

impl Actor {
    /// Usher itself, doing `name`.
    #[must_use]
    pub fn system(name: &str) -> Self {
        Self { kind: ActorKind::System, id: "usher".to_owned(), name: name.to_owned() }
    }
}

/// What kind of actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ActorKind {
    /// A person who signed in.
    User,
    /// A program with an API token.
    Token,
    /// Usher itself.
    System,
}
