//! What all handlers share.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::{
    auth::{session::Sessions, throttle::Throttle},
    connections::Connections,
    convergence::Convergence,
    live::Live,
    metrics::Metrics,
    ofrep::Ofrep,
    sdk::events::Counts,
    settings::Settings,
    world::World,
};

/// Snapshots that are sent at a time; the rest is told when to come, so that a mass reconnect can't fill the
/// memory.
pub const SNAPSHOT_ADMISSIONS: usize = 64;

/// What all handlers share.
pub struct App {
    /// What an operator has set.
    pub settings: Settings,
    /// Flags and all the rest.
    pub world: Arc<World>,
    /// Sessions of people.
    pub sessions: Sessions,
    /// Failed sign-ins.
    pub throttle: Throttle,
    /// Who is connected.
    pub connections: Arc<Connections>,
    /// Who has applied what.
    pub convergence: Arc<Convergence>,
    /// What OFREP keeps between requests.
    pub ofrep: Ofrep,
    /// What browsers are told.
    pub live: Live,
    /// What Prometheus is told.
    pub metrics: Metrics,
    /// What SDKs have counted.
    pub counts: Counts,
    /// Places for clients that need a snapshot.
    pub admissions: Arc<Semaphore>,
    /// Held while a change is planned, checked and written, and until it can be read.
    pub writing: Arc<tokio::sync::Mutex<()>>,
    /// Turns true when the server is about to stop.
    pub draining: tokio::sync::watch::Sender<bool>,
}
