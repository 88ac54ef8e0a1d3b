//! A change of one document.

use serde::{Deserialize, Serialize};

use super::{Document, DocumentId};

/// A change of one document: whole, or away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

    /// What the document is afterwards.
    #[must_use]
    pub fn after(&self) -> Option<&Document> {
        match self {
            Self::Put(document) => Some(document),
            Self::Delete(_) => None,
        }
    }
}
