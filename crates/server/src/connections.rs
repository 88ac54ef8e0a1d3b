//! Who is connected to this server's streams.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use dashmap::DashMap;
use serde::Serialize;
use tokio::sync::Notify;
use usher_core::{
    model::Seq,
    protocol::{Mode, SCHEMA, View},
};
use utoipa::ToSchema;

/// Identity of a connection within this process.
pub type ConnectionId = u64;

/// One connected client.
pub struct Connection {
    /// What it is sent.
    pub view: View,
    /// How.
    pub mode: Mode,
    /// Where it is: a phone goes from venue to venue.
    venue: Mutex<Option<Arc<str>>>,
    /// Its SDK.
    pub sdk: String,
    /// Version of the program that uses it.
    pub version: Option<String>,
    /// What it calls itself.
    pub instance: String,
    /// The credential that it came with.
    pub credential: String,
    acked: AtomicU64,
    /// Told to close: the credential is gone, or the server is about to be.
    pub closing: Notify,
}

impl Connection {
    /// A client that has applied nothing yet.
    #[must_use]
    pub fn new(
        view: View,
        mode: Mode,
        venue: Option<Arc<str>>,
        sdk: &str,
        version: Option<String>,
        instance: &str,
        credential: &str,
    ) -> Self {
        Self {
            view,
            mode,
            venue: Mutex::new(venue),
            sdk: sdk.to_owned(),
            version,
            instance: instance.to_owned(),
            credential: credential.to_owned(),
            acked: AtomicU64::new(0),
            closing: Notify::new(),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn venue(&self) -> Option<Arc<str>> {
        self.venue.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What it has applied.
    #[must_use]
    pub fn acked(&self) -> Seq {
        Seq(self.acked.load(Ordering::Relaxed))
    }

    /// Notes what it has applied, and gives back what it had before. Never goes back.
    pub fn ack(&self, seq: Seq) -> Seq {
        Seq(self.acked.fetch_max(seq.0, Ordering::Relaxed))
    }
}

/// All of them.
#[derive(Default)]
pub struct Connections {
    all: DashMap<ConnectionId, Arc<Connection>>,
    next: AtomicU64,
    changed: AtomicBool,
}

/// Connected clients, summed up.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// How many.
    pub total: usize,
    /// By venue; those of no venue are not listed.
    pub by_venue: Vec<VenueCount>,
    /// By SDK and version.
    pub by_sdk: Vec<SdkCount>,
    /// By mode.
    pub by_mode: Vec<ModeCount>,
}

/// Clients at a venue.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct VenueCount {
    /// The venue.
    pub venue: String,
    /// How many.
    pub count: usize,
}

/// Clients of one SDK.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SdkCount {
    /// Name and version of the SDK.
    pub sdk: String,
    /// Version of the program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Payload schema.
    pub schema: u32,
    /// How many.
    pub count: usize,
}

/// Clients of one mode.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ModeCount {
    /// The mode.
    #[schema(value_type = String)]
    pub mode: Mode,
    /// How many.
    pub count: usize,
}

impl Connections {
    /// A client has come.
    pub fn add(&self, connection: Connection) -> (ConnectionId, Arc<Connection>) {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let connection = Arc::new(connection);
        self.all.insert(id, Arc::clone(&connection));
        self.changed.store(true, Ordering::Release);
        (id, connection)
    }

    /// A client has gone.
    pub fn remove(&self, id: ConnectionId) -> Option<Arc<Connection>> {
        self.changed.store(true, Ordering::Release);
        self.all.remove(&id).map(|(_, connection)| connection)
    }

    /// A client is somewhere else now.
    pub fn moved(&self, connection: &Connection, venue: Option<Arc<str>>) {
        *connection.venue.lock().unwrap_or_else(PoisonError::into_inner) = venue;
        self.changed.store(true, Ordering::Release);
    }

    /// One client.
    #[must_use]
    pub fn get(&self, id: ConnectionId) -> Option<Arc<Connection>> {
        self.all.get(&id).map(|connection| Arc::clone(&connection))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Whether anybody came or went since this was last asked.
    pub fn take_changed(&self) -> bool {
        self.changed.swap(false, Ordering::AcqRel)
    }

    /// The clients of these views, and where they are.
    #[must_use]
    pub fn on(&self, views: &[&View]) -> Vec<(ConnectionId, Option<Arc<str>>)> {
        let on = self.all.iter().filter(|connection| views.contains(&&connection.view));
        on.map(|connection| (*connection.key(), connection.venue())).collect()
    }

    /// All there are now.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Connection>> {
        self.all.iter().map(|connection| Arc::clone(&connection)).collect()
    }

    /// Tells every client of a credential to close.
    pub fn close_credential(&self, credential: &str) {
        for connection in self.all.iter().filter(|connection| connection.credential == credential) {
            connection.closing.notify_one();
        }
    }

    /// How many clients there are at each venue of an environment; of all, without one.
    #[must_use]
    pub fn by_venue(&self, environment: Option<&str>) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for connection in self.all.iter() {
            let here = environment.is_none_or(|own| **connection.view.environment() == *own);
            if let (true, Some(venue)) = (here, connection.venue()) {
                *counts.entry(venue.to_string()).or_insert(0) += 1;
            }
        }
        counts
    }

    /// All of an environment, summed up; of all, without one.
    #[must_use]
    pub fn summary(&self, environment: Option<&str>) -> Summary {
        let mut by_sdk: BTreeMap<(String, Option<String>), usize> = BTreeMap::new();
        let (mut total, mut ruleset) = (0, 0);
        for connection in self.all.iter() {
            if environment.is_none_or(|own| **connection.view.environment() == *own) {
                total += 1;
                ruleset += usize::from(connection.mode == Mode::Ruleset);
                *by_sdk.entry((connection.sdk.clone(), connection.version.clone())).or_default() += 1;
            }
        }
        let by_sdk = by_sdk.into_iter().map(|((sdk, version), count)| SdkCount {
            sdk,
            version,
            schema: SCHEMA,
            count,
        });
        let by_venue =
            self.by_venue(environment).into_iter().map(|(venue, count)| VenueCount { venue, count });
        Summary {
            total,
            by_venue: by_venue.collect(),
            by_sdk: by_sdk.collect(),
            by_mode: vec![
                ModeCount { mode: Mode::Ruleset, count: ruleset },
                ModeCount { mode: Mode::Values, count: total - ruleset },
            ],
        }
    }
}
