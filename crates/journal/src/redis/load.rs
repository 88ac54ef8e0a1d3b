//! Starting: a folded state, and the commits since.

use usher_core::model::{Epoch, Seq};

use super::{
    connect::{Connector, Session},
    held::Held,
    keys::Keys,
    mend::{FORMAT, begin},
    options::RedisOptions,
    page::{one, page},
    script::{self, Head},
    shared::Shared,
    snapshots::{self, Snapshot},
    trouble::{Trouble, told},
};
use crate::{JournalError, State, plan::SNAPSHOT_EVERY};

/// Commits before the newest that are held from the start, to put back what Redis may lose.
const HELD_FROM_THE_START: u64 = 2048;

/// Opens the journal at an address, or begins one there.
///
/// # Errors
/// Nobody answers, or what is there can't be used.
pub(super) async fn open(options: &RedisOptions) -> Result<(Shared, Session), JournalError> {
    let keys = Keys::new(&options.workspace);
    let connector = Connector::new(options, &keys.log)?;
    let mut session = connector.open().await?;
    let foreign = |reason: String| JournalError::Foreign {
        path: format!("{} in Redis at {}", keys.log, connector.shown()),
        reason,
    };
    let begun = begin(&mut session.connection, &keys, FORMAT, new_epoch()?).await;
    let format = begun.map_err(|error| match error.is_io_error() {
        true => connector.unreachable(&error),
        false => foreign(told(&error)),
    })?;
    if format.as_deref() != Some(FORMAT) {
        let found = format.unwrap_or_else(|| "none".to_owned());
        let reason = format!("it has version {found}, this program knows {FORMAT}: use a newer program");
        return Err(foreign(reason));
    }
    let head = script::head(&mut session.connection, &keys).await;
    let head = head
        .map_err(|error| connector.unreachable(&error))?
        .ok_or_else(|| foreign("it does not say where it ends".to_owned()))?;
    let held = hold(&mut session, &keys, head).await?;
    let dropped = script::dropped(&mut session.connection, &keys).await;
    held.name_streams(dropped.map_err(|error| connector.unreachable(&error))?);
    let durability = session.durability.clone();
    Ok((Shared::new(keys, connector, held, durability), session))
}

/// A name for a new journal.
pub(super) fn new_epoch() -> Result<Epoch, JournalError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| JournalError::Storage(error.to_string()))?;
    Ok(Epoch::from_bytes(bytes))
}

async fn hold(session: &mut Session, keys: &Keys, head: Head) -> Result<Held, JournalError> {
    let connection = &mut session.connection;
    let snapshot = snapshots::newest(connection, keys, head.seq).await.map_err(damaged)?;
    if let Some(Snapshot { hash, state }) = snapshot {
        let seq = state.seq();
        let held = fold(session, keys, head, state).await?;
        if held.hash_of(seq) == Some(hash) {
            return Ok(held);
        }
        tracing::warn!(%seq, "a folded state in Redis is of another log; reading all commits instead");
    }
    fold(session, keys, head, State::default()).await
}

/// All commits after a folded state, and some before it, each checked to follow the one before.
async fn fold(session: &mut Session, keys: &Keys, head: Head, state: State) -> Result<Held, JournalError> {
    let connection = &mut session.connection;
    let start = Seq(state.seq().0.min(head.seq.0.saturating_sub(HELD_FROM_THE_START)));
    let missing = |seq: Seq| JournalError::Damaged(format!("commit {seq} is missing"));
    let hash = match start {
        Seq::ZERO => [0; 32],
        _ => one(connection, keys, start).await.map_err(damaged)?.ok_or_else(|| missing(start))?.hash,
    };
    let held = Held::new(head.epoch, (start, hash), state);
    loop {
        let (own, _) = held.head();
        if own.seq >= head.seq {
            break;
        }
        let records = page(connection, keys, own.seq).await.map_err(damaged)?;
        if records.first().is_none_or(|first| first.seq() != own.seq.next()) {
            return Err(missing(own.seq.next()));
        }
        held.apply(records, true).map_err(|trouble| {
            let next = held.head().0.seq.next();
            match trouble {
                Trouble::Diverged(_) | Trouble::Fatal(_) => {
                    JournalError::Damaged(format!("commit {next} is not what was written"))
                }
                Trouble::Down(_) => missing(next),
            }
        })?;
    }
    if held.hash_of(head.seq).is_some_and(|hash| hash != head.hash) {
        return Err(JournalError::Damaged(format!(
            "commit {} is not the one that was last written",
            head.seq
        )));
    }
    Ok(held)
}

/// What page by page is only known to be trouble, is damage where a whole journal is read.
fn damaged(trouble: Trouble) -> JournalError {
    match trouble {
        Trouble::Down(reason) => JournalError::Storage(reason),
        trouble => JournalError::Damaged(trouble.reason().to_owned()),
    }
}

/// Whether a folded state is due between two commits.
pub(super) fn is_due(before: Seq, after: Seq) -> bool {
    after.0 / SNAPSHOT_EVERY > before.0 / SNAPSHOT_EVERY
}
