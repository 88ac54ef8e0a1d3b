//! Folded states, so that a node need not read all commits to start. They never replace the log.

use redis::aio::MultiplexedConnection;
use sha2::{Digest, Sha256};
use usher_core::model::Seq;

use super::{keys::Keys, record::unhex, script::Head, trouble::Trouble};
use crate::{
    State,
    folded::{MAX_SNAPSHOTS, most_spare},
    plan::{Hash, hex},
};

/// A folded state.
pub(super) struct Snapshot {
    /// The hash of its last commit.
    pub(super) hash: Hash,
    pub(super) state: State,
}

impl Snapshot {
    /// The text that is kept: hash of the last commit, hash of the state, the state.
    fn write(head: &Head, state: &State) -> Option<String> {
        let text = serde_json::to_string(state).ok()?;
        Some(format!("{} {} {text}", hex(&head.hash), hex(&Sha256::digest(&text))))
    }

    /// None for what was altered or can't be read.
    fn read(text: &str) -> Option<Self> {
        let (hash, rest) = text.split_once(' ')?;
        let (digest, text) = rest.split_once(' ')?;
        if unhex(digest)? != *Sha256::digest(text) {
            return None;
        }
        Some(Self { hash: unhex(hash)?, state: serde_json::from_str(text).ok()? })
    }
}

async fn numbers(connection: &mut MultiplexedConnection, keys: &Keys) -> Result<Vec<u64>, Trouble> {
    let names: Vec<String> = redis::cmd("HKEYS").arg(&keys.snapshots).query_async(connection).await?;
    let mut numbers: Vec<u64> = names.iter().filter_map(|name| name.parse().ok()).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// The newest folded state up to a commit. One that is damaged is passed over: the commits say the same.
pub(super) async fn newest(
    connection: &mut MultiplexedConnection,
    keys: &Keys,
    up_to: Seq,
) -> Result<Option<Snapshot>, Trouble> {
    for number in numbers(connection, keys).await?.into_iter().rev().filter(|number| *number <= up_to.0) {
        if let Some(snapshot) = of(connection, keys, Seq(number)).await? {
            return Ok(Some(snapshot));
        }
        tracing::warn!(number, "a folded state in Redis is damaged; reading commits instead");
    }
    Ok(None)
}

/// The folded state of a commit, if it is kept and good.
pub(super) async fn of(
    connection: &mut MultiplexedConnection,
    keys: &Keys,
    seq: Seq,
) -> Result<Option<Snapshot>, Trouble> {
    let text: Option<String> =
        redis::cmd("HGET").arg(&keys.snapshots).arg(seq.0).query_async(connection).await?;
    Ok(text.and_then(|text| Snapshot::read(&text)).filter(|snapshot| snapshot.state.seq() == seq))
}

/// Which commits have a folded state.
pub(super) async fn kept(connection: &mut MultiplexedConnection, keys: &Keys) -> Result<Vec<u64>, Trouble> {
    numbers(connection, keys).await
}

/// Keeps a folded state, unless there is one of this commit already.
pub(super) async fn keep(
    connection: &mut MultiplexedConnection,
    keys: &Keys,
    head: &Head,
    state: &State,
) -> Result<(), Trouble> {
    let Some(text) = Snapshot::write(head, state) else { return Ok(()) };
    let mut put = redis::cmd("HSETNX");
    put.arg(&keys.snapshots).arg(head.seq.0).arg(text).query_async::<u8>(connection).await?;
    let mut numbers = numbers(connection, keys).await?;
    while numbers.len() > MAX_SNAPSHOTS {
        let gone = numbers.remove(most_spare(&numbers));
        redis::cmd("HDEL").arg(&keys.snapshots).arg(gone).query_async::<u8>(connection).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_altered_folded_state_is_no_state() {
        let head = Head { epoch: usher_core::model::Epoch::from_bytes([1; 16]), seq: Seq(0), hash: [7; 32] };
        let text = Snapshot::write(&head, &State::default()).unwrap();
        assert_eq!(Snapshot::read(&text).unwrap().hash, [7; 32]);
        assert!(Snapshot::read(&text.replace("[]", "[ ]")).is_none());
        assert!(Snapshot::read("").is_none());
    }
}
