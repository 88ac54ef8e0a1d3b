//! What all handlers share.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use crate::{
    auth::{session::Sessions, throttle::Throttle},
    connections::Connections,
    convergence::Convergence,
    live::Live,
    metrics::Metrics,
    ofrep::Ofrep,
    sdk::events::Counts,
    settings::Settings,
    stream::admission::Admissions,
    world::World,
};

/// Clients that get what they begin with at a time; the rest is told when to come, so that a mass reconnect can't
/// fill the memory.
pub const SNAPSHOT_ADMISSIONS: u32 = 64;

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
    /// Places for clients that begin.
    pub admissions: Admissions,
    /// Held while a change is planned, checked and written, and until it can be read.
    pub writing: Arc<tokio::sync::Mutex<()>>,
    /// Turns true when the server stops.
    pub draining: tokio::sync::watch::Sender<bool>,
    /// True once the server is about to stop: it is not ready any more, and sends its streams away one by one.
    pub retiring: AtomicBool,
}

impl App {
    /// Whether new streams are sent away, because the server stops or is about to.
    #[must_use]
    pub fn is_leaving(&self) -> bool {
        self.retiring.load(Ordering::Acquire) || *self.draining.borrow()
    }
}
