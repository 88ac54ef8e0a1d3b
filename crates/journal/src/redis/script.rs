//! The step that Redis takes as one: see `append.lua`.

use std::sync::{Arc, LazyLock};

use redis::{RedisResult, Script, aio::MultiplexedConnection};
use usher_core::model::{Epoch, Seq, Timestamp};

use super::{
    keys::Keys,
    record::{Record, touched, unhex},
};
use crate::{
    Appended, Idempotency,
    plan::{Hash, IDEMPOTENCY_MILLIS, chain, hex},
};

/// Read once, for its name is a hash of it.
static APPEND: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("append.lua")));

/// The last commit of a log, and which log it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) epoch: Epoch,
    pub(super) seq: Seq,
    pub(super) hash: Hash,
}

/// What was answered to an idempotency key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) at: Timestamp,
    pub(super) seq: Seq,
    fingerprint: Hash,
}

impl Answer {
    /// Reads what the script keeps: time, number and fingerprint.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        Some(Self {
            at: Timestamp::from_millis(words.next()?.parse().ok()?),
            seq: Seq(words.next()?.parse().ok()?),
            fingerprint: unhex(words.next()?)?,
        })
    }

    /// The answer to whoever asks again.
    pub(super) fn to(self, idempotency: &Idempotency) -> Result<Appended, crate::AppendError> {
        if self.fingerprint == idempotency.fingerprint {
            Ok(Appended { seq: self.seq, at: self.at, replayed: true })
        } else {
            Err(crate::AppendError::KeyReused(self.seq))
        }
    }
}

/// The oldest time of an answer that counts at `now`.
pub(super) fn remembered_since(now: Timestamp) -> i64 {
    now.millis().saturating_sub(IDEMPOTENCY_MILLIS)
}

/// What came of an attempt to append.
#[derive(Debug)]
pub(super) enum Outcome {
    /// All of it is there.
    Written,
    /// The log ends somewhere else; nothing was written.
    Moved,
    /// These idempotency keys were answered before; nothing was written.
    Known(Vec<(String, Answer)>),
}

/// An attempt to append.
pub(super) struct Attempt<'a> {
    /// Where the log has to end.
    pub(super) head: Head,
    /// Idempotency keys that must not have been answered since a time.
    pub(super) asked: Vec<(&'a str, i64)>,
    /// What to append; nothing only asks whether the log still ends there.
    pub(super) records: &'a [Arc<Record>],
}

/// Appends; the outcome is certain unless there is an error.
pub(super) async fn append(
    connection: &mut MultiplexedConnection,
    keys: &Keys,
    attempt: &Attempt<'_>,
) -> RedisResult<Outcome> {
    let mut call = APPEND.prepare_invoke();
    for key in [&keys.log, &keys.meta, &keys.answers, &keys.answered, &keys.touched] {
        call.key(key);
    }
    let Head { epoch, seq, hash } = attempt.head;
    let now = attempt.records.last().map_or(i64::MIN, |last| remembered_since(last.commit.at));
    call.arg(epoch.to_string()).arg(seq.0).arg(hex(&hash)).arg(now).arg(attempt.asked.len());
    for (key, since) in &attempt.asked {
        call.arg(key).arg(since);
    }
    for record in attempt.records {
        let commit = &record.commit;
        call.arg(commit.seq.0)
            .arg(commit.at.millis())
            .arg(&record.body)
            .arg(hex(&record.hash))
            .arg(&record.by);
        match (&commit.idempotency_key, &record.fingerprint) {
            (Some(key), Some(fingerprint)) => call.arg(key).arg(hex(fingerprint)),
            _ => call.arg("").arg(""),
        };
        call.arg(commit.changes.len());
        for change in &commit.changes {
            call.arg(touched(change.id(), commit.seq));
        }
    }
    let answer: Vec<String> = call.invoke_async(connection).await?;
    let mut words = answer.into_iter();
    match words.next().as_deref() {
        Some("written") => Ok(Outcome::Written),
        Some("moved") => Ok(Outcome::Moved),
        _ => {
            let mut known = Vec::new();
            while let (Some(key), Some(answer)) = (words.next(), words.next()) {
                known.extend(Answer::read(&answer).map(|answer| (key, answer)));
            }
            Ok(Outcome::Known(known))
        }
    }
}

/// Notes that a commit was dropped by a node that had taken it: by the first digits of its hash (ARGV[1]), before those
/// that were dropped earlier. Folded states after the last commit that holds (ARGV[2]) may be of what was dropped.
const DROP: &str = "
    local dropped = redis.call('HGET', KEYS[1], 'dropped') or ''
    if not string.find(dropped, ARGV[1], 1, true) then
      dropped = string.sub(ARGV[1] .. ' ' .. dropped, 1, 1024)
      redis.call('HSET', KEYS[1], 'dropped', dropped)
    end
    for _, seq in ipairs(redis.call('HKEYS', KEYS[2])) do
      if tonumber(seq) > tonumber(ARGV[2]) then redis.call('HDEL', KEYS[2], seq) end
    end
    return dropped";

/// Notes that the commit of this hash, the first after `to`, was dropped. Gives back all that were; whoever drops the same
/// one adds nothing.
pub(super) async fn mark_dropped(
    connection: &mut MultiplexedConnection,
    keys: &Keys,
    hash: &Hash,
    to: Seq,
) -> RedisResult<String> {
    let script = Script::new(DROP);
    let mut call = script.key(&keys.meta);
    call.key(&keys.snapshots).arg(hex(hash).get(..DIGITS)).arg(to.0);
    call.invoke_async(connection).await
}

/// Digits of a hash by which one of a few commits is told from the others.
const DIGITS: usize = 16;

/// Which commits were dropped, as [`mark_dropped`] gives it.
pub(super) async fn dropped(connection: &mut MultiplexedConnection, keys: &Keys) -> RedisResult<String> {
    let mut ask = redis::cmd("HGET");
    let found: Option<String> = ask.arg(&keys.meta).arg("dropped").query_async(connection).await?;
    Ok(found.unwrap_or_default())
}

/// Puts back what was dropped, where Redis does not know of it.
pub(super) async fn put_dropped_back(
    connection: &mut MultiplexedConnection,
    keys: &Keys,
    dropped: &str,
) -> RedisResult<()> {
    let mut put = redis::cmd("HSETNX");
    put.arg(&keys.meta).arg("dropped").arg(dropped).query_async::<u8>(connection).await.map(drop)
}

/// What streams of a journal are called: another name after something that they may have shown was dropped.
pub(super) fn stream_epoch(epoch: Epoch, dropped: &str) -> Epoch {
    if dropped.is_empty() {
        return epoch;
    }
    let [name @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] =
        chain(&[0; 32], &format!("{epoch} {dropped}"));
    Epoch::from_bytes(name)
}

/// Where the log ends; none where there is none.
pub(super) async fn head(connection: &mut MultiplexedConnection, keys: &Keys) -> RedisResult<Option<Head>> {
    let mut ask = redis::cmd("HMGET");
    ask.arg(&keys.meta).arg("epoch").arg("seq").arg("hash");
    let (epoch, seq, hash): (Option<String>, Option<u64>, Option<String>) =
        ask.query_async(connection).await?;
    let (Some(epoch), Some(seq), Some(hash)) = (epoch, seq, hash) else { return Ok(None) };
    let (Ok(epoch), Some(hash)) = (epoch.parse(), unhex(&hash)) else { return Ok(None) };
    Ok(Some(Head { epoch, seq: Seq(seq), hash }))
}
