//! Commits: one atomic, attributed change of one or more documents.

use serde::{Deserialize, Serialize};
pub use usher_core::model::{Actor, ActorKind, Change};
use usher_core::model::{Seq, Timestamp};

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
