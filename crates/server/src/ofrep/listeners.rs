//! Who listens to change events: counted, limited, and found again when their credential is gone.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use dashmap::DashMap;
use tokio::sync::Notify;
use usher_core::model::Credential;

use crate::surface::Surface;

/// Streams that may be open at a time. Each costs a connection and about a kilobyte.
pub const EVENT_STREAMS: usize = 20_000;

/// All of them.
pub(super) struct Listeners {
    open: DashMap<u64, Open>,
    next: AtomicU64,
    limit: usize,
}

struct Open {
    credential: Arc<Credential>,
    closing: Arc<Notify>,
}

impl Listeners {
    pub(super) fn new(limit: usize) -> Self {
        Self { open: DashMap::new(), next: AtomicU64::new(0), limit }
    }

    /// Whether there may be any at all.
    pub(super) fn any_allowed(&self) -> bool {
        self.limit > 0
    }

    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// Ends the streams of a credential.
    pub(super) fn close_credential(&self, credential: &str) {
        for open in self.open.iter().filter(|open| *open.credential.key == *credential) {
            open.closing.notify_one();
        }
    }
}

/// An open stream, counted as long as this lives.
pub(super) struct Present {
    pub(super) app: Arc<Surface>,
    pub(super) id: u64,
    /// Told to end: the credential is gone.
    pub(super) closing: Arc<Notify>,
}

impl Present {
    /// `None` where there is no place.
    pub(super) fn new(app: &Arc<Surface>, credential: &Arc<Credential>) -> Option<Self> {
        let listeners = &app.ofrep.listeners;
        let id = listeners.next.fetch_add(1, Ordering::Relaxed);
        let closing = Arc::new(Notify::new());
        let open = Open { credential: Arc::clone(credential), closing: Arc::clone(&closing) };
        listeners.open.insert(id, open);
        app.metrics.event_streams.inc();
        let present = Self { app: Arc::clone(app), id, closing };
        // Counted first: of many that come at once, none slips in between.
        (listeners.len() <= listeners.limit).then_some(present)
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        self.app.ofrep.listeners.open.remove(&self.id);
        self.app.metrics.event_streams.dec();
    }
}
