//! Who wants to hear of changes, in another language.
//!
//! News wait in a box, and a thread of the client's own, which begins with the first listener, hands them out. So a
//! listener may take its time, read flags, add and remove listeners and shut the client down, and the thread that draws
//! or keeps the connection never runs somebody else's code. Changes that wait are put together, which bounds the box:
//! it holds each flag's key once, and the newest statuses.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::{error::ListenerError, guard, status::StatusReport};

/// Statuses that wait at most; older ones are of no use any more.
const MAX_STATUSES: usize = 16;
/// Failures of listeners that are kept to be told.
const MAX_FAILURES: usize = 20;

/// Hears of changes, on a thread of the client's own. What it throws is told in the client's diagnostics.
#[uniffi::export(foreign)]
pub trait FlagsListener: Send + Sync {
    /// The values of these flags have changed, or those of several changes at once.
    ///
    /// # Errors
    /// Whatever it likes to throw.
    fn on_change(&self, flags: Vec<String>) -> Result<(), ListenerError>;

    /// The client stands otherwise with its server.
    ///
    /// # Errors
    /// Whatever it likes to throw.
    fn on_status(&self, status: StatusReport) -> Result<(), ListenerError>;
}

#[derive(Default)]
struct Inner {
    listeners: Vec<(u64, Arc<dyn FlagsListener>)>,
    next: u64,
    flags: BTreeSet<String>,
    statuses: VecDeque<StatusReport>,
    failures: VecDeque<String>,
    runs: bool,
    closed: bool,
}

/// The box, and who is to be told.
#[derive(Default)]
pub(crate) struct Notifier {
    inner: Mutex<Inner>,
    news: Condvar,
}

impl Notifier {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a listener; its number is for [`Notifier::remove`].
    pub(crate) fn add(self: &Arc<Self>, listener: Arc<dyn FlagsListener>) -> std::io::Result<u64> {
        let mut inner = self.lock();
        if !inner.runs && !inner.closed {
            let own = Arc::clone(self);
            std::thread::Builder::new().name("usher-listeners".to_owned()).spawn(move || own.run())?;
            inner.runs = true;
        }
        inner.next += 1;
        let number = inner.next;
        inner.listeners.push((number, listener));
        Ok(number)
    }

    /// Removes a listener: no call of it begins any more.
    pub(crate) fn remove(&self, number: u64) {
        let mut inner = self.lock();
        let own =
            inner.listeners.iter().position(|(own, _)| *own == number).map(|at| inner.listeners.remove(at));
        // Dropped after the lock: that calls into another language.
        drop(inner);
        drop(own);
    }

    pub(crate) fn changed(&self, flags: &[String]) {
        let mut inner = self.lock();
        if !inner.listeners.is_empty() && !inner.closed {
            inner.flags.extend(flags.iter().cloned());
            self.news.notify_all();
        }
    }

    pub(crate) fn status(&self, report: StatusReport) {
        let mut inner = self.lock();
        if !inner.listeners.is_empty() && !inner.closed {
            if inner.statuses.len() == MAX_STATUSES {
                inner.statuses.pop_front();
            }
            inner.statuses.push_back(report);
            self.news.notify_all();
        }
    }

    /// No call begins any more; the thread ends.
    pub(crate) fn close(&self) {
        let mut inner = self.lock();
        inner.closed = true;
        let gone = std::mem::take(&mut inner.listeners);
        self.news.notify_all();
        drop(inner);
        drop(gone);
    }

    /// Waits until no listener is being called and none will be, for so long at most. For programs that end.
    pub(crate) fn wait_until_closed(&self, longest: Duration) -> bool {
        let end = Instant::now() + longest;
        let mut inner = self.lock();
        while inner.runs {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            inner = self.news.wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        inner.closed
    }

    /// What listeners have thrown, the newest last.
    pub(crate) fn failures(&self) -> Vec<String> {
        self.lock().failures.iter().cloned().collect()
    }

    fn run(&self) {
        let mut inner = self.lock();
        while !inner.closed {
            if inner.flags.is_empty() && inner.statuses.is_empty() {
                inner = self.news.wait(inner).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let flags: Vec<String> = std::mem::take(&mut inner.flags).into_iter().collect();
            let statuses = std::mem::take(&mut inner.statuses);
            let listeners = inner.listeners.clone();
            drop(inner);
            self.tell(listeners, &flags, &statuses);
            inner = self.lock();
        }
        inner.runs = false;
        self.news.notify_all();
    }

    fn tell(
        &self,
        listeners: Vec<(u64, Arc<dyn FlagsListener>)>,
        flags: &[String],
        statuses: &VecDeque<StatusReport>,
    ) {
        for (number, listener) in listeners {
            for status in statuses {
                self.call(number, || listener.on_status(status.clone()));
            }
            if !flags.is_empty() {
                self.call(number, || listener.on_change(flags.to_vec()));
            }
        }
    }

    /// One call, unless its listener has left meanwhile.
    fn call(&self, number: u64, call: impl FnOnce() -> Result<(), ListenerError>) {
        if !self.lock().listeners.iter().any(|(own, _)| *own == number) {
            return;
        }
        let panicked = || Err(ListenerError::Failed { reason: "it panicked".to_owned() });
        if let Err(error) = guard::or(panicked(), call) {
            tracing::warn!(%error, "a listener failed");
            let mut inner = self.lock();
            if inner.failures.len() == MAX_FAILURES {
                inner.failures.pop_front();
            }
            inner.failures.push_back(format!("a listener failed: {error}"));
        }
    }
}
