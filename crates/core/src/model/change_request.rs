//! Change requests: changes that were thought through, and that others look at before they are made.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    Actor, Change, DocumentId, Key, Kind, Model, Outcome, Role, Seq, Timestamp, When, document::check_text,
};
use crate::problem::{Problem, Problems};

/// Documents of one request.
const MAX_CHANGES: usize = 100;
/// Comments of one request.
pub const MAX_COMMENTS: usize = 500;

/// A commit that is not made yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeRequest {
    /// Its key.
    pub key: Key,
    /// What it is about, in a line.
    pub title: String,
    /// Why.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// What changes.
    pub changes: Vec<Change>,
    /// The versions that its author saw, by `kind/key`; 0 for a document that was not there.
    pub expected: BTreeMap<String, Seq>,
    /// Who asks for it.
    pub author: Actor,
    /// When they did.
    pub opened: Timestamp,
    /// Who approves what it is now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<Approval>,
    /// What was said about it, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub comments: Vec<Comment>,
    /// Whether it is still to be decided.
    pub status: RequestStatus,
    /// When it is made by itself, once it is approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apply_at: Option<When>,
    /// What became of that. The server's alone to write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
}

/// Whether a request is still to be decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RequestStatus {
    /// It is.
    Open,
    /// It was made.
    Merged,
    /// It was dropped.
    Closed,
}

/// That somebody approves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Approval {
    /// Who.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
}

/// Something that somebody says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Comment {
    /// Who.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// What.
    pub text: String,
}

impl ChangeRequest {
    /// The documents that it changes.
    pub fn ids(&self) -> impl Iterator<Item = &DocumentId> {
        self.changes.iter().map(Change::id)
    }

    /// What whoever makes, approves or asks for these changes must be allowed to do.
    #[must_use]
    pub fn role(&self) -> Role {
        let admin = |id: &DocumentId| matches!(id.kind, Kind::Environment | Kind::Freeze);
        if self.ids().any(admin) { Role::Admin } else { Role::Editor }
    }
}

impl Model for ChangeRequest {
    const KIND: Kind = Kind::ChangeRequest;

    fn key(&self) -> &str {
        &self.key
    }

    fn validate(&self) -> Problems {
        let mut problems = Problems::default();
        check_text(&mut problems, "title", &self.title, true);
        check_text(&mut problems, "message", &self.message, false);
        if self.changes.is_empty() || self.changes.len() > MAX_CHANGES {
            let mend = format!("Give 1 to {MAX_CHANGES} changes.");
            problems.push(Problem::new(
                "changes",
                self.changes.len(),
                "nothing would change, or too much",
                mend,
            ));
        }
        for (n, change) in self.changes.iter().enumerate() {
            let id = change.id();
            if self.ids().take(n).any(|other| other == id) {
                let mend = "Change each document once.";
                problems.push(Problem::new(format!("changes[{n}]"), id, "this document comes twice", mend));
            }
        }
        if self.comments.len() > MAX_COMMENTS {
            let mend = "Open another change request.";
            problems.push(Problem::new("comments", self.comments.len(), "there are too many comments", mend));
        }
        for (n, comment) in self.comments.iter().enumerate() {
            check_text(&mut problems, &format!("comments[{n}].text"), &comment.text, true);
        }
        if let Some(at) = &self.apply_at {
            at.validate("applyAt", &mut problems);
        }
        problems
    }
}
