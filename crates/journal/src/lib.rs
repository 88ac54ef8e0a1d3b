//! The journal: an append-only log of commits, from which all state is folded.
//!
//! Nothing in it is ever rewritten; taking something back appends. A commit is atomic, attributed, on disk
//! before it is acknowledged, and idempotent when its sender wants it to be. Engines stand behind one trait,
//! [`Journal`], and are held to the same tests. Folding, undoing and rolling back are pure functions here;
//! engines only keep commits.

mod commit;
mod folded;
mod journal;
mod plan;
mod redis;
mod restore;
mod running;
mod sqlite;
mod state;

pub use self::redis::{REDIS_WORKSPACE, RedisJournal, RedisOptions};
pub use commit::{Actor, ActorKind, Change, Commit};
pub use journal::{
    Append, AppendError, Appended, BoxFuture, Check, Durability, Expected, Fleet, Health, History,
    Idempotency, Journal, JournalError, Point, Verification,
};
pub use restore::{Forced, RestoreScope, UndoConflict, rollback, undo};
pub use sqlite::SqliteJournal;
pub use state::{Entry, State};
