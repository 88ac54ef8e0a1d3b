//! What nodes say to each other, on a channel of Redis: it is neither kept nor synchronised to disk. What they keep
//! together is in `notes`.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use redis::{PushInfo, PushKind, RedisResult, Value};
use tokio::sync::{broadcast, watch};

use super::{
    follow::{FIRST_WAIT, LONGEST_WAIT, somewhere_below},
    notes::Notes,
    shared::Shared,
};
use crate::{BoxFuture, Fleet, JournalError};

/// Words that a slow listener may lag behind before it loses some.
const WAITING_WORDS: usize = 64;

/// The newest word about each matter.
type Said = BTreeMap<&'static str, Arc<str>>;

/// This node among the others.
pub(super) struct RedisFleet {
    node: String,
    /// Only the newest about each matter: what it makes up for need not be said any more.
    said: watch::Sender<Said>,
    heard: broadcast::Sender<Arc<str>>,
    notes: Notes,
}

impl RedisFleet {
    pub(super) fn new(node: String, notes: Notes) -> Self {
        Self { node, said: watch::channel(Said::new()).0, heard: broadcast::channel(WAITING_WORDS).0, notes }
    }
}

impl Fleet for RedisFleet {
    fn node(&self) -> &str {
        &self.node
    }

    fn say(&self, about: &'static str, text: String) {
        self.said.send_modify(|said| drop(said.insert(about, text.into())));
    }

    fn listen(&self) -> broadcast::Receiver<Arc<str>> {
        self.heard.subscribe()
    }

    fn keep(&self, name: &str, text: String) -> BoxFuture<'_, Result<(), JournalError>> {
        self.notes.keep(name.to_owned(), text)
    }

    fn kept(&self, name: &str) -> BoxFuture<'_, Result<Option<String>, JournalError>> {
        self.notes.kept(name.to_owned())
    }

    fn shelf(&self, shelf: &str) -> BoxFuture<'_, Result<BTreeMap<String, String>, JournalError>> {
        self.notes.shelf(shelf)
    }

    fn on_shelf(&self, shelf: &str, name: &str) -> BoxFuture<'_, Result<Option<String>, JournalError>> {
        self.notes.on_shelf(shelf, name)
    }

    fn swap(
        &self,
        shelf: &str,
        name: &str,
        old: Option<&str>,
        new: Option<&str>,
    ) -> BoxFuture<'_, Result<bool, JournalError>> {
        self.notes.swap(shelf, name, old, new)
    }
}

/// Listens and speaks, for ever.
pub(super) async fn talk(shared: Arc<Shared>, fleet: Arc<RedisFleet>) {
    let mut longest = FIRST_WAIT;
    loop {
        let mut well = Duration::ZERO;
        if let Err(error) = converse(&shared, &fleet, &mut well).await {
            // The log's own connection tells people that Redis is gone.
            tracing::debug!(%error, "the other nodes are not heard");
        }
        if well > LONGEST_WAIT {
            longest = FIRST_WAIT;
        }
        tokio::time::sleep(somewhere_below(longest)).await;
        longest = (longest * 2).min(LONGEST_WAIT);
    }
}

/// Until the connection ends. A dead one is noticed by what is said on it: nobody answers.
async fn converse(shared: &Shared, fleet: &RedisFleet, well: &mut Duration) -> RedisResult<()> {
    let (heard, gone) = (fleet.heard.clone(), watch::channel(false).0);
    let mut is_gone = gone.subscribe();
    let listen = move |push: PushInfo| -> Result<(), ()> {
        match push.kind {
            PushKind::Disconnection => {
                gone.send_replace(true);
            }
            PushKind::Message => {
                if let Some(Value::BulkString(text)) = push.data.into_iter().nth(1)
                    && let Ok(text) = String::from_utf8(text)
                {
                    // Nobody listening is fine.
                    drop(heard.send(text.into()));
                }
            }
            _ => {}
        }
        Ok(())
    };
    let mut connection = shared.connector.connect_listening(listen).await?;
    let channel = &shared.keys.fleet;
    connection.subscribe(channel).await?;
    let since = tokio::time::Instant::now();
    let mut said = fleet.said.subscribe();
    said.mark_changed();
    let mut sent = Said::new();
    loop {
        tokio::select! {
            changed = said.changed() => if changed.is_err() { return Ok(()) },
            _ = is_gone.wait_for(|gone| *gone) => return Ok(()),
        }
        let new = said.borrow_and_update().clone();
        for (about, text) in new {
            if sent.get(about).is_some_and(|sent| Arc::ptr_eq(sent, &text)) {
                continue;
            }
            redis::cmd("PUBLISH").arg(channel).arg(&*text).query_async::<()>(&mut connection).await?;
            sent.insert(about, text);
            *well = since.elapsed();
        }
    }
}
