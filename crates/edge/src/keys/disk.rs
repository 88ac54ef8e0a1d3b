//! The live keys on disk: hashes, never secrets, so that they go on after a restart without the upstream.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use usher_core::protocol::KeyBody;
use usher_sdk::parts::Missing;
use usher_server::now;

use super::{Entry, Keys, MAX_KEYS, question::here};
use crate::relay::Relay;

/// What changes within this time is written at once.
const GATHER: Duration = Duration::from_millis(250);

/// A live key on disk.
#[derive(Serialize, Deserialize)]
struct Kept {
    hash: String,
    told: KeyBody,
}

impl Keys {
    /// What is on disk: hashes, never secrets.
    pub(crate) fn read(&self, relay: &Relay) {
        match self.cache.read::<Vec<Kept>>() {
            Ok((kept, _)) => {
                for Kept { hash, told } in kept.into_iter().take(MAX_KEYS) {
                    // Of an environment that was relayed, and is not any more, nothing is known.
                    if let Ok(credential) = here(relay, &told, &hash) {
                        self.put(&hash, self.live(told, &credential, None, None));
                    }
                }
            }
            Err(Missing::None) => {}
            Err(Missing::Damaged(report)) => tracing::error!(%report, "the known keys on disk are no good"),
        }
    }

    /// Writes what is known whenever that has changed, for ever.
    pub(crate) async fn keep_writing(self: Arc<Self>) {
        loop {
            self.changed.notified().await;
            tokio::time::sleep(GATHER).await;
            self.write().await;
        }
    }

    pub(crate) async fn write(self: &Arc<Self>) {
        let own = Arc::clone(self);
        let written = tokio::task::spawn_blocking(move || {
            let kept = own.all.iter().filter_map(|entry| match &*entry {
                Entry::Live(live) => Some(Kept { hash: entry.key().clone(), told: live.told.clone() }),
                Entry::Refused { .. } => None,
            });
            own.cache.write(&kept.collect::<Vec<_>>(), now())
        });
        if let Err(error) = written.await.map_err(std::io::Error::other).and_then(|written| written) {
            tracing::error!(%error, "the known keys can't be written to disk");
        }
    }
}
