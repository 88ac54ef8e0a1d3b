//! Looking back: history, earlier states, and a check of everything.

use redis::aio::MultiplexedConnection;
use usher_core::model::{DocumentId, Seq, Timestamp};

use super::{
    keys::Keys,
    page::{one, page},
    record::{touched, touched_by},
    script, snapshots,
    trouble::Trouble,
};
use crate::{
    Commit, History, JournalError, State, Verification,
    plan::{chain, hex},
    sqlite::MAX_PROBLEMS,
};

/// What a page could not be read for.
fn unread(trouble: &Trouble) -> JournalError {
    JournalError::Storage(trouble.reason().to_owned())
}

/// Nothing says that there is one.
pub(super) fn no_journal(keys: &Keys) -> JournalError {
    JournalError::Foreign { path: format!("{} in Redis", keys.log), reason: "there is no journal".to_owned() }
}

/// Up to `limit` commits after `after`, oldest first, without holes.
pub(super) async fn read(
    connection: &mut MultiplexedConnection,
    keys: &Keys,
    after: Seq,
    limit: usize,
) -> Result<Vec<Commit>, JournalError> {
    let mut commits: Vec<Commit> = Vec::new();
    let mut last = after;
    while commits.len() < limit {
        let records = page(connection, keys, last).await.map_err(|trouble| unread(&trouble))?;
        if records.is_empty() {
            break;
        }
        for record in records.into_iter().take(limit - commits.len()) {
            if record.seq() != last.next() {
                return Err(JournalError::Damaged(format!("commit {} is missing", last.next())));
            }
            last = record.seq();
            commits.push(std::sync::Arc::unwrap_or_clone(record).commit);
        }
    }
    Ok(commits)
}

/// Commits, newest first.
pub(super) async fn history(
    connection: &mut MultiplexedConnection,
    keys: &Keys,
    query: &History,
) -> Result<Vec<Commit>, JournalError> {
    match &query.document {
        None => {
            let to = query.before.map_or_else(|| "+".to_owned(), |before| format!("({}-0", before.0.max(1)));
            if query.before.is_some_and(|before| before.0 <= 1) {
                return Ok(Vec::new());
            }
            let mut ask = redis::cmd("XREVRANGE");
            ask.arg(&keys.log).arg(to).arg("-").arg("COUNT").arg(query.limit.min(i64::MAX as usize));
            let raw = ask.query_async(connection).await.map_err(|error| unread(&error.into()))?;
            Ok(super::page::parse(raw)?
                .into_iter()
                .map(|record| std::sync::Arc::unwrap_or_clone(record).commit)
                .collect())
        }
        Some(id) => {
            let numbers = changes_of(connection, keys, id, query).await?;
            let mut commits = Vec::with_capacity(numbers.len());
            for seq in numbers {
                let found = one(connection, keys, seq).await.map_err(|trouble| unread(&trouble))?;
                let record =
                    found.ok_or_else(|| JournalError::Damaged(format!("commit {seq} is missing")))?;
                commits.push(std::sync::Arc::unwrap_or_clone(record).commit);
            }
            Ok(commits)
        }
    }
}

/// The commits that changed a document, newest first.
async fn changes_of(
    connection: &mut MultiplexedConnection,
    keys: &Keys,
    id: &DocumentId,
    query: &History,
) -> Result<Vec<Seq>, JournalError> {
    let before = query.before.unwrap_or(Seq(u64::MAX));
    let mut ask = redis::cmd("ZRANGE");
    ask.arg(&keys.touched).arg(format!("({}", touched(id, before))).arg(format!("[{}", touched_by(id)));
    ask.arg("BYLEX").arg("REV").arg("LIMIT").arg(0).arg(query.limit.min(i64::MAX as usize));
    let found: Vec<String> = ask.query_async(connection).await.map_err(|error| unread(&error.into()))?;
    let own = touched_by(id);
    Ok(found.iter().filter_map(|entry| entry.strip_prefix(&own)?.parse().ok()).map(Seq).collect())
}

/// The last commit up to a time. Times never go back, so it is found by halves.
pub(super) async fn at(
    connection: &mut MultiplexedConnection,
    keys: &Keys,
    time: Timestamp,
    newest: Seq,
) -> Result<Seq, JournalError> {
    let (mut before, mut after) = (0, newest.0 + 1);
    while after - before > 1 {
        let middle = Seq(before + (after - before) / 2);
        let found = one(connection, keys, middle).await.map_err(|trouble| unread(&trouble))?;
        let record = found.ok_or_else(|| JournalError::Damaged(format!("commit {middle} is missing")))?;
        if record.commit.at <= time { before = middle.0 } else { after = middle.0 }
    }
    Ok(Seq(before))
}

/// The state after a commit.
pub(super) async fn state_at(
    connection: &mut MultiplexedConnection,
    keys: &Keys,
    seq: Seq,
) -> Result<State, JournalError> {
    let snapshot = snapshots::newest(connection, keys, seq).await.map_err(|trouble| unread(&trouble))?;
    let mut state = snapshot.map(|snapshot| snapshot.state).unwrap_or_default();
    while state.seq() < seq {
        let missing = JournalError::Damaged(format!("commit {} is missing", state.seq().next()));
        let records = page(connection, keys, state.seq()).await.map_err(|trouble| unread(&trouble))?;
        if records.is_empty() {
            return Err(missing);
        }
        for record in records.iter().take_while(|record| record.seq() <= seq) {
            if record.seq() != state.seq().next() {
                return Err(JournalError::Damaged(format!("commit {} is missing", state.seq().next())));
            }
            state.fold(&record.commit);
        }
    }
    Ok(state)
}

/// Reads everything up to the commit that is the last one now: commits without holes, in order, unaltered, each
/// readable; folded states and the index of changed documents as the commits say.
pub(super) async fn verify(
    connection: &mut MultiplexedConnection,
    keys: &Keys,
) -> Result<Verification, JournalError> {
    let head = script::head(connection, keys).await.map_err(|error| unread(&error.into()))?;
    let head = head.ok_or_else(|| no_journal(keys))?;
    let kept = snapshots::kept(connection, keys).await.map_err(|trouble| unread(&trouble))?;
    let (mut state, mut hash, mut problems) = (State::default(), [0; 32], Vec::new());
    'all: while state.seq() < head.seq {
        let next = state.seq().next();
        let records = match page(connection, keys, state.seq()).await {
            Ok(records) => records,
            Err(trouble) => {
                problems.push(format!("commit {next} or one soon after it: {}", trouble.reason()));
                break;
            }
        };
        if records.is_empty() {
            problems.push(format!("commit {next} is missing"));
            break;
        }
        for record in records.iter().take_while(|record| record.seq() <= head.seq) {
            if problems.len() >= MAX_PROBLEMS {
                problems.push("and possibly more".to_owned());
                break 'all;
            }
            let (seq, next) = (record.seq(), state.seq().next());
            if seq != next {
                problems.push(format!("commit {next} is missing"));
                break 'all;
            }
            if chain(&hash, &record.body) != record.hash {
                problems.push(format!("commit {seq} is not what was written"));
            }
            if record.commit.at < state.at() && seq > Seq(1) {
                problems.push(format!("commit {seq} is out of order"));
            }
            hash = record.hash;
            state.fold(&record.commit);
            problems.extend(untouched(connection, keys, &record.commit).await?);
            if kept.contains(&seq.0) {
                let snapshot =
                    snapshots::of(connection, keys, seq).await.map_err(|trouble| unread(&trouble))?;
                if !snapshot.is_some_and(|own| own.state == state && own.hash == hash) {
                    problems.push(format!("the folded state of commit {seq} is not what its commits give"));
                }
            }
        }
    }
    if problems.is_empty() && hash != head.hash {
        problems.push(format!("commit {} is not the one that was last written", head.seq));
    }
    Ok(Verification {
        epoch: head.epoch,
        commits: state.seq().0,
        documents: state.len(),
        head: hex(&hash),
        problems,
    })
}

/// A document that a commit changed, and that the index does not know of.
async fn untouched(
    connection: &mut MultiplexedConnection,
    keys: &Keys,
    commit: &Commit,
) -> Result<Option<String>, JournalError> {
    let mut ask = redis::cmd("ZMSCORE");
    ask.arg(&keys.touched);
    for change in &commit.changes {
        ask.arg(touched(change.id(), commit.seq));
    }
    let scores: Vec<Option<f64>> =
        ask.query_async(connection).await.map_err(|error| unread(&error.into()))?;
    let missing = commit.changes.iter().zip(scores).find(|(_, score)| score.is_none());
    Ok(missing
        .map(|(change, _)| format!("commit {} is missing from the history of {}", commit.seq, change.id())))
}
