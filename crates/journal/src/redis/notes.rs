//! Small texts that nodes keep for each other, in hashes beside the log.

use std::{collections::BTreeMap, sync::Arc};

use redis::{Cmd, FromRedisValue, aio::MultiplexedConnection};
use tokio::{runtime::Handle, sync::Mutex};

use super::shared::Shared;
use crate::{BoxFuture, JournalError};

/// Puts ARGV[3] in place of ARGV[2] under the name ARGV[1]; an empty text is none. What is there already was put there by
/// the same command, whose answer was lost.
const SWAP: &str = "
    local found = redis.call('HGET', KEYS[1], ARGV[1]) or ''
    if found == ARGV[3] then return 1 end
    if found ~= ARGV[2] then return 0 end
    if ARGV[3] == '' then redis.call('HDEL', KEYS[1], ARGV[1]) else redis.call('HSET', KEYS[1], ARGV[1], ARGV[3]) end
    return 1";

/// What is kept, on a connection of its own: whoever keeps something holds up no commit.
#[derive(Clone)]
pub(super) struct Notes {
    shared: Arc<Shared>,
    /// The engine's threads, to which the connection belongs.
    threads: Option<Handle>,
    /// With the master that it leads to, by how often there was another.
    connection: Arc<Mutex<Option<(u64, MultiplexedConnection)>>>,
}

impl Notes {
    pub(super) fn new(shared: Arc<Shared>, threads: Option<Handle>) -> Self {
        Self { shared, threads, connection: Arc::default() }
    }

    pub(super) fn keep(&self, name: String, text: String) -> BoxFuture<'static, Result<(), JournalError>> {
        let mut command = redis::cmd("HSET");
        command.arg(&self.shared.keys.notes).arg(name).arg(text);
        self.ask(command)
    }

    pub(super) fn kept(&self, name: String) -> BoxFuture<'static, Result<Option<String>, JournalError>> {
        let mut command = redis::cmd("HGET");
        command.arg(&self.shared.keys.notes).arg(name);
        self.ask(command)
    }

    pub(super) fn shelf(
        &self,
        shelf: &str,
    ) -> BoxFuture<'static, Result<BTreeMap<String, String>, JournalError>> {
        let mut command = redis::cmd("HGETALL");
        command.arg(self.shared.keys.shelf(shelf));
        self.ask(command)
    }

    pub(super) fn on_shelf(
        &self,
        shelf: &str,
        name: &str,
    ) -> BoxFuture<'static, Result<Option<String>, JournalError>> {
        let mut command = redis::cmd("HGET");
        command.arg(self.shared.keys.shelf(shelf)).arg(name);
        self.ask(command)
    }

    pub(super) fn swap(
        &self,
        shelf: &str,
        name: &str,
        old: Option<&str>,
        new: Option<&str>,
    ) -> BoxFuture<'static, Result<bool, JournalError>> {
        let mut command = redis::cmd("EVAL");
        command.arg(SWAP).arg(1).arg(self.shared.keys.shelf(shelf)).arg(name);
        command.arg(old.unwrap_or_default()).arg(new.unwrap_or_default());
        self.ask(command)
    }

    fn ask<T: FromRedisValue + Send + 'static>(
        &self,
        command: Cmd,
    ) -> BoxFuture<'static, Result<T, JournalError>> {
        let own = self.clone();
        Box::pin(async move {
            let Some(threads) = own.threads.clone() else {
                return Err(JournalError::Storage("it has been closed".to_owned()));
            };
            let task = threads.spawn(async move { own.run(command).await });
            task.await.map_err(|error| JournalError::Storage(error.to_string()))?
        })
    }

    async fn run<T: FromRedisValue>(&self, command: Cmd) -> Result<T, JournalError> {
        let mut held = self.connection.lock().await;
        let masters = self.shared.masters();
        // One from before Redis was away says so when it is used; all commands may be sent twice.
        if let Some((_, mut connection)) = held.take().filter(|(master, _)| *master == masters)
            && let Ok(answer) = command.query_async(&mut connection).await
        {
            *held = Some((masters, connection));
            return Ok(answer);
        }
        let unreachable = |error| self.shared.connector.unreachable(&error);
        let mut connection = self.shared.connector.connect().await.map_err(unreachable)?;
        let answer = command.query_async(&mut connection).await.map_err(unreachable)?;
        *held = Some((masters, connection));
        Ok(answer)
    }
}
