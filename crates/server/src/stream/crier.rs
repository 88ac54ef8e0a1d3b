//! Waking those who follow a stream: each worker hears of a change once, and tells its own.
//!
//! Woken from another thread, a connection stands behind all that the worker's own sockets bring; with a kill, those are
//! the acknowledgements of whoever had it first, and the last one waits for all of them. So one task a worker and
//! stream is woken from there. It wakes the others on their own thread, all at once, and they send before anything is
//! read.

use std::{
    cell::RefCell,
    collections::HashMap,
    rc::{Rc, Weak},
    sync::Arc,
};

use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
};
use usher_core::protocol::View;

use crate::world::StreamState;

thread_local! {
    /// The worker's own, by what they tell of.
    static CRIERS: RefCell<HashMap<View, Weak<Crier>>> = RefCell::default();
}

/// Tells the connections of one worker that there is something new on a stream, as long as anybody holds it.
pub(super) struct Crier {
    stream: watch::Receiver<Arc<StreamState>>,
    /// Wakes all who wait.
    pub(super) news: Rc<Notify>,
    task: JoinHandle<()>,
}

impl Crier {
    /// This worker's crier of a stream. Whoever waits for its news has to look at the stream once before: what came
    /// earlier is not told again.
    pub(super) fn of(stream: &watch::Receiver<Arc<StreamState>>) -> Rc<Self> {
        let view = stream.borrow().view().clone();
        let known = CRIERS.with_borrow(|criers| criers.get(&view).and_then(Weak::upgrade));
        // After a restart, another stream shows the same view.
        if let Some(crier) = known.filter(|crier| crier.stream.same_channel(stream)) {
            return crier;
        }
        let crier = Rc::new(Self::start(stream.clone()));
        CRIERS.with_borrow_mut(|criers| criers.insert(view, Rc::downgrade(&crier)));
        crier
    }

    fn start(stream: watch::Receiver<Arc<StreamState>>) -> Self {
        let news = Rc::<Notify>::default();
        let task = actix_web::rt::spawn({
            let (mut stream, news) = (stream.clone(), Rc::clone(&news));
            async move {
                while stream.changed().await.is_ok() {
                    news.notify_waiters();
                }
                // The stream is at its end, and they have to see that.
                news.notify_waiters();
            }
        });
        Self { stream, news, task }
    }
}

impl Drop for Crier {
    fn drop(&mut self) {
        self.task.abort();
        let view = self.stream.borrow().view().clone();
        // A worker that ends has forgotten them already.
        let _ = CRIERS.try_with(|criers| {
            let mut criers = criers.borrow_mut();
            if criers.get(&view).is_some_and(|crier| crier.strong_count() == 0) {
                criers.remove(&view);
            }
        });
    }
}
