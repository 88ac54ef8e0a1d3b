//! What can be wrong with Redis while it is used.

use redis::{ErrorKind, RedisError};
use usher_core::model::{Epoch, Seq};

use crate::JournalError;

/// Why the journal can't be written.
#[derive(Clone, Debug)]
pub(super) enum Trouble {
    /// Not now: it is tried again, and may mend by itself.
    Down(String),
    /// Another commit than ours has this number. Ours may be dropped, where nobody was told that it is safe.
    Diverged(Seq),
    /// Two truths: only a person can tell which one holds.
    Fatal(String),
}

impl Trouble {
    /// Another commit than ours has this number, and ours may have been acknowledged.
    pub(super) fn two_truths(seq: Seq) -> Self {
        Self::Fatal(format!(
            "commit {seq} in Redis is another one than this node has, and both may have been acknowledged: Redis lost \
             commits, and others were written in their place before this node was back. This node keeps answering from \
             its own copy and takes no more commits. Save what only it has (GET /api/v1/export), see in the \
             history what Redis has instead, write again what is missing, and start this node anew"
        ))
    }

    /// It is another log.
    pub(super) fn other_log(own: Epoch, there: Epoch) -> Self {
        Self::Fatal(format!(
            "Redis holds another journal (epoch {there}) than this node has (epoch {own}): it was emptied and begun \
             anew, or restored. This node keeps answering from its own copy and takes no more commits. If the one in \
             Redis is right, start this node anew; if not, save this one's (GET /api/v1/export) first"
        ))
    }

    /// More is missing than this node can put back.
    pub(super) fn too_old(there: Seq, own: Seq) -> Self {
        Self::Down(format!(
            "Redis has lost commits: it ends at {there}, this node is at {own} and does not hold all that is missing. \
             Another node may; else restore Redis from its own file or a backup"
        ))
    }

    pub(super) fn reason(&self) -> &str {
        match self {
            Self::Down(reason) | Self::Fatal(reason) => reason,
            Self::Diverged(_) => "Redis has other commits than this node",
        }
    }
}

/// What went wrong, without what was answered: that may hold documents, or a secret.
pub(super) fn told(error: &RedisError) -> String {
    match error.kind() {
        ErrorKind::UnexpectedReturnType | ErrorKind::Parse => "its answer can't be read".to_owned(),
        _ => error.to_string(),
    }
}

impl From<RedisError> for Trouble {
    fn from(error: RedisError) -> Self {
        Self::Down(format!("Redis: {}", told(&error)))
    }
}

impl From<JournalError> for Trouble {
    fn from(error: JournalError) -> Self {
        Self::Down(error.to_string())
    }
}

/// Whether the server itself has said no, in whatever words: then it has done nothing.
pub(super) fn is_refusal(error: &redis::RedisError) -> bool {
    matches!(error.kind(), redis::ErrorKind::Server(_) | redis::ErrorKind::Extension)
}
