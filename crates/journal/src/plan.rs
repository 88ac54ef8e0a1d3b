//! What a commit is to be, decided from the state before it. Pure; engines write what comes out.

use std::collections::HashSet;

use sha2::{Digest, Sha256};
use usher_core::model::{DocumentId, Timestamp};

use crate::{Append, AppendError, Commit, Expected, State};

/// How long an idempotency key is remembered, in milliseconds.
pub(crate) const IDEMPOTENCY_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// Commits between two folded states that are kept, so that opening need not read them all.
pub(crate) const SNAPSHOT_EVERY: u64 = 1024;

/// A hash over a commit and all before it; of none, zeros.
pub(crate) type Hash = [u8; 32];

/// A commit with the text that is kept of it, and its hash.
#[derive(Clone, Debug)]
pub(crate) struct Planned {
    pub(crate) commit: Commit,
    pub(crate) body: String,
    pub(crate) hash: Hash,
}

/// The time of a commit: a clock that has gone back counts as the time of the commit before.
pub(crate) fn time(append: &Append, state: &State) -> Timestamp {
    append.at.max(state.at())
}

/// The commit that follows `state`, whose hash is `previous`.
///
/// # Errors
/// Nothing in it, or not what its sender believes.
pub(crate) fn plan(append: &Append, state: &State, previous: &Hash) -> Result<Planned, AppendError> {
    let mut ids = HashSet::new();
    if append.changes.is_empty() || !append.changes.iter().all(|change| ids.insert(change.id())) {
        return Err(AppendError::Malformed);
    }
    if let Some(conflict) = append.expected.iter().find_map(|(id, expected)| conflict(state, id, *expected)) {
        return Err(conflict);
    }
    let commit = Commit {
        seq: state.seq().next(),
        at: time(append, state),
        actor: append.actor.clone(),
        message: append.message.clone(),
        idempotency_key: append.idempotency.as_ref().map(|idempotency| idempotency.key.clone()),
        changes: append.changes.clone(),
    };
    let body = serde_json::to_string(&commit).map_err(|_| AppendError::Malformed)?;
    let hash = chain(previous, &body);
    Ok(Planned { commit, body, hash })
}

fn conflict(state: &State, id: &DocumentId, expected: Expected) -> Option<AppendError> {
    let entry = state.get(id);
    let fits = match expected {
        Expected::Absent => entry.is_none(),
        Expected::Present => entry.is_some(),
        Expected::Version(version) => entry.is_some_and(|entry| entry.version == version),
    };
    let found = entry.map(|entry| (entry.version, entry.actor.clone(), entry.at));
    (!fits).then(|| AppendError::Conflict { document: id.clone(), found })
}

/// The hash of a commit: SHA-256 over the hash of the one before and its own text. Whoever knows the last
/// hash can tell whether any commit was altered, taken out or moved.
pub(crate) fn chain(previous: &Hash, body: &str) -> Hash {
    let mut hash = Sha256::new();
    hash.update(previous);
    hash.update(body.as_bytes());
    hash.finalize().into()
}

/// A hash as text.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
