//! Who does something.

use serde::{Deserialize, Serialize};

/// Who made a commit, or anything else that is kept under a name.
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

    /// Whether both are the same, whatever they are called now.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        (self.kind, &self.id) == (other.kind, &other.id)
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
