//! What the parts of one node share.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use redis::{RedisResult, aio::MultiplexedConnection};
use tokio::sync::watch;

use super::{
    confirm,
    connect::{Connector, Session},
    held::Held,
    keys::Keys,
    trouble::Trouble,
};
use crate::{Durability, Health, plan::Hash};

/// What the parts of one node share.
pub(super) struct Shared {
    pub(super) keys: Keys,
    pub(super) connector: Connector,
    pub(super) held: Held,
    pub(super) health: watch::Sender<Health>,
    durability: Mutex<Durability>,
    /// Secrets that this node has used: put back, should Redis have lost them.
    pub(super) secrets: Mutex<BTreeMap<String, Hash>>,
    /// Held while Redis is compared with the own copy: one part of a node at a time is enough.
    pub(super) mending: tokio::sync::Mutex<()>,
    /// How often the Sentinels have named another master: a connection from before leads to the old one.
    masters: AtomicU64,
}

impl Shared {
    pub(super) fn new(keys: Keys, connector: Connector, held: Held, durability: Durability) -> Self {
        Self {
            keys,
            connector,
            held,
            health: watch::channel(Health::Well).0,
            durability: Mutex::new(durability),
            secrets: Mutex::default(),
            mending: tokio::sync::Mutex::default(),
            masters: AtomicU64::new(0),
        }
    }

    pub(super) fn durability(&self) -> Durability {
        self.durability.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps in mind what has happened, for whoever asks how safe commits are.
    pub(super) fn notice(&self, what: String) {
        self.durability.lock().unwrap_or_else(PoisonError::into_inner).notice = Some(what);
    }

    /// Gives replicas the time to have what the log has, before this node takes it: whether they have it now.
    ///
    /// # Errors
    /// See [`confirm::settle`].
    pub(super) async fn settle(&self, connection: &mut MultiplexedConnection) -> RedisResult<bool> {
        confirm::settle(connection, &self.keys, self.connector.replicas()).await
    }

    /// How often the Sentinels have named another master.
    pub(super) fn masters(&self) -> u64 {
        self.masters.load(Ordering::Acquire)
    }

    /// The Sentinels name another master than before.
    pub(super) fn leave_master(&self) {
        self.masters.fetch_add(1, Ordering::AcqRel);
    }

    /// A new connection to a server that keeps what it is given, and has all that this node has.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub(super) async fn session(&self) -> Result<Session, Trouble> {
        let mut session = self.connector.open().await?;
        {
            let mut durability = self.durability.lock().unwrap_or_else(PoisonError::into_inner);
            let notice = durability.notice.take();
            *durability = Durability { notice, ..session.durability.clone() };
        }
        self.agree(&mut session.connection).await?;
        Ok(session)
    }
}
