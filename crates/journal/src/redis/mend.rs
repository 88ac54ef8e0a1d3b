//! Comparing Redis with the own copy, and putting back what Redis has lost.
//!
//! A failover can lose commits that were acknowledged, and a server can come back with an older file, or none. Every
//! node has a copy that can be checked, so what is missing is put back exactly as it was: the same numbers, times,
//! texts, hashes and idempotency keys. It is appended by the same step as everything else, only where the log ends
//! just where it has to; so any number of nodes may do it at once.

use std::sync::PoisonError;

use redis::{Script, aio::MultiplexedConnection};
use usher_core::model::{Epoch, Seq};

use super::{
    look,
    page::{self, page},
    script::{self, Attempt, Head, Outcome},
    secrets,
    shared::Shared,
    trouble::Trouble,
};
use crate::plan::hex;

/// Commits that are put back in one step.
const STEP: usize = 64;
/// Bytes of such a step, about; one commit is always put back.
const STEP_BYTES: usize = 8 * 1024 * 1024;
/// How the log is kept; another is refused.
pub(super) const FORMAT: &str = "1";

/// Begins a log, if there is none. A stream without what belongs to it is somebody else's, or a ruin.
const BEGIN: &str = "
    if redis.call('EXISTS', KEYS[2]) == 0 then
      if redis.call('EXISTS', KEYS[1]) == 1 then
        return redis.error_reply('ERR there is a stream, but nothing that says which journal it is')
      end
      redis.call('HSET', KEYS[2], 'format', ARGV[1], 'epoch', ARGV[2], 'seq', '0', 'hash', ARGV[3])
    end
    return redis.call('HGET', KEYS[2], 'format')";

/// Begins a log, if there is none. Gives back how the one is kept that is there now.
pub(super) async fn begin(
    connection: &mut MultiplexedConnection,
    keys: &super::keys::Keys,
    format: &str,
    epoch: Epoch,
) -> redis::RedisResult<Option<String>> {
    let script = Script::new(BEGIN);
    let mut call = script.key(&keys.log);
    call.key(&keys.meta).arg(format).arg(epoch.to_string()).arg(hex(&[0; 32]));
    call.invoke_async(connection).await
}

impl Shared {
    /// Brings the own copy up to date with Redis, or Redis with the own copy.
    ///
    /// # Errors
    /// They can't be brought together, or there is no answer.
    pub(super) async fn agree(&self, connection: &mut MultiplexedConnection) -> Result<(), Trouble> {
        let _alone = self.mending.lock().await;
        let mut lost = Lost::default();
        self.agree_on_dropped(connection).await?;
        'agreeing: loop {
            // Before Redis is asked: what is appended meanwhile must not look lost.
            let (own, _) = self.held.head();
            let Some(there) = script::head(connection, &self.keys).await? else {
                self.begin_again(connection, own.seq).await?;
                continue;
            };
            if there.epoch != own.epoch {
                return Err(Trouble::other_log(own.epoch, there.epoch));
            }
            if there.seq <= own.seq && self.held.hash_of(there.seq).is_some_and(|hash| hash != there.hash) {
                self.drop_own(connection, there).await?;
                continue;
            }
            if there.seq < own.seq {
                let put_back = self.put_back(connection, there, own.seq).await?;
                lost.count(there.seq, put_back);
                continue;
            }
            while self.held.head().0.seq < there.seq {
                let last = self.held.head().0.seq;
                let records = page(connection, &self.keys, last).await?;
                if records.is_empty() {
                    let next = last.next();
                    return Err(Trouble::Down(format!("Redis does not have commit {next} any more")));
                }
                let is_safe = self.settle(connection).await?;
                match self.held.apply(records, is_safe) {
                    Err(Trouble::Diverged(_)) => {
                        self.drop_own(connection, there).await?;
                        continue 'agreeing;
                    }
                    other => other?,
                }
            }
            // As far as it was when it was asked: whoever runs after the newest may never get there.
            if let Some(told) = lost.told() {
                tracing::error!("{told}");
                self.notice(told);
            }
            return Ok(());
        }
    }

    /// Calls streams what all nodes call them.
    pub(super) async fn agree_on_dropped(
        &self,
        connection: &mut MultiplexedConnection,
    ) -> Result<(), Trouble> {
        let (there, own) = (script::dropped(connection, &self.keys).await?, self.held.dropped());
        if there.is_empty() && !own.is_empty() {
            // Redis has lost it with the rest.
            return Ok(script::put_dropped_back(connection, &self.keys, &own).await?);
        }
        self.held.name_streams(there);
        Ok(())
    }

    /// Redis has other commits than this node: drops what only this node has, if nobody was told that it is safe. It was
    /// taken though no replica had it, and its server was replaced. Streams are called anew, for they have shown it.
    ///
    /// # Errors
    /// Some of it may have been acknowledged; or Redis can't be read.
    async fn drop_own(&self, connection: &mut MultiplexedConnection, there: Head) -> Result<(), Trouble> {
        let (own, _) = self.held.head();
        let mut common = own.seq.min(there.seq);
        let first = loop {
            let ours = self.held.hash_of(common).ok_or(Trouble::two_truths(common))?;
            let theirs = match common {
                Seq::ZERO => Some(ours),
                seq if seq == there.seq => Some(there.hash),
                seq => page::one(connection, &self.keys, seq).await?.map(|record| record.hash),
            };
            if theirs == Some(ours) {
                break common.next();
            }
            if self.held.alone().is_none_or(|alone| common < alone) {
                return Err(Trouble::two_truths(common));
            }
            common = Seq(common.0 - 1);
        };
        let hash = self.held.hash_of(first).ok_or(Trouble::two_truths(first))?;
        let dropped = script::mark_dropped(connection, &self.keys, &hash, common).await?;
        let state = look::state_at(connection, &self.keys, common).await?;
        let gone = self.held.rewind(common, state, dropped);
        let told = format!(
            "this node dropped {gone} of its commits, from {first} on: no replica had them when their server was \
             replaced, and nobody was told that they are safe. Whoever was shown them begins anew"
        );
        tracing::error!("{told}");
        self.notice(told);
        Ok(())
    }

    /// Redis is empty: the same journal begins there again.
    async fn begin_again(&self, connection: &mut MultiplexedConnection, own: Seq) -> Result<(), Trouble> {
        if self.held.after(Seq::ZERO, 1).is_none() {
            return Err(Trouble::too_old(Seq::ZERO, own));
        }
        tracing::error!(%own, "Redis has lost the whole journal: putting it back from this node's copy");
        begin(connection, &self.keys, FORMAT, self.held.epoch()).await?;
        let secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for (name, secret) in secrets {
            secrets::share(connection, &self.keys, &name, secret).await?;
        }
        self.agree_on_dropped(connection).await
    }

    /// Appends the first of the commits that are missing after `there`. Gives back how many it were; none where
    /// somebody else was faster.
    async fn put_back(
        &self,
        connection: &mut MultiplexedConnection,
        there: Head,
        own: Seq,
    ) -> Result<usize, Trouble> {
        match self.held.hash_of(there.seq) {
            Some(hash) if hash == there.hash => {}
            Some(_) => return Err(Trouble::Diverged(there.seq)),
            None => return Err(Trouble::too_old(there.seq, own)),
        }
        let mut records = self.held.after(there.seq, STEP).ok_or_else(|| Trouble::too_old(there.seq, own))?;
        let sizes = records.iter().scan(0, |sum, record| {
            *sum += record.body.len();
            Some(*sum)
        });
        let many = sizes.take_while(|sum| *sum <= STEP_BYTES).count().max(1);
        records.truncate(many);
        tracing::error!(from = %there.seq.next(), commits = records.len(), "Redis has lost commits: putting them back");
        let attempt = Attempt { head: there, asked: Vec::new(), records: &records };
        match script::append(connection, &self.keys, &attempt).await? {
            Outcome::Written => Ok(records.len()),
            Outcome::Moved | Outcome::Known(_) => Ok(0),
        }
    }
}

/// What was found missing.
#[derive(Default)]
struct Lost {
    after: Option<Seq>,
    put_back: usize,
}

impl Lost {
    fn count(&mut self, after: Seq, put_back: usize) {
        self.after.get_or_insert(after);
        self.put_back += put_back;
    }

    /// What is to be told of it.
    fn told(&self) -> Option<String> {
        self.after.map(|after| {
            format!(
                "Redis had lost the commits after {after}, though they were acknowledged; this node has put back {} of \
                 them, and all are there again. See why it lost them: its disk, or a failover without enough replicas",
                self.put_back
            )
        })
    }
}
