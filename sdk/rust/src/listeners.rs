//! Who wants to hear of changes. Nobody is called while a lock is held, and one who panics is reported and
//! stops nothing.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

/// Flags whose answers may have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Their keys, sorted.
    pub flags: Vec<String>,
}

/// Another signed context is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenewalNeeded {
    /// For how long the server still takes the one that there is; it takes it no more, without.
    pub expires_in: Option<Duration>,
    /// Why.
    pub message: String,
}

type Callback<T> = Arc<dyn Fn(&T) + Send + Sync>;

type List<T> = Mutex<Vec<(u64, Callback<T>)>>;

/// Callbacks by the order in which they came.
pub(crate) struct Listeners<T>(Arc<List<T>>);

impl<T> Default for Listeners<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

/// Ends when it is dropped: the callback is not called any more.
#[must_use = "dropping it ends the subscription"]
pub struct Subscription(Option<Box<dyn FnOnce() + Send + Sync>>);

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Some(end) = self.0.take() {
            end();
        }
    }
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Subscription")
    }
}

impl<T: 'static> Listeners<T> {
    pub(crate) fn add(&self, callback: impl Fn(&T) + Send + Sync + 'static) -> Subscription {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let id = all.last().map_or(0, |(id, _)| id + 1);
        all.push((id, Arc::new(callback)));
        let list: Weak<List<T>> = Arc::downgrade(&self.0);
        Subscription(Some(Box::new(move || {
            let Some(list) = list.upgrade() else { return };
            let mut all = list.lock().unwrap_or_else(PoisonError::into_inner);
            let own = all.iter().position(|(own, _)| *own == id).map(|at| all.remove(at));
            // Dropped after the lock: a callback may hold a subscription, or a client, of its own.
            drop(all);
            drop(own);
        })))
    }

    pub(crate) fn tell(&self, news: &T) {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for (_, callback) in all {
            if catch_unwind(AssertUnwindSafe(|| callback(news))).is_err() {
                tracing::error!("a listener of the flags client panicked; it stays subscribed");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn one_who_panics_stops_nobody_and_one_who_left_is_not_called() {
        let listeners = Listeners::<u32>::default();
        let count = Arc::new(AtomicU32::new(0));
        let add = || {
            let count = Arc::clone(&count);
            listeners.add(move |news| {
                count.fetch_add(*news, Ordering::Relaxed);
            })
        };
        let first = add();
        let _bad = listeners.add(|_| panic!("on purpose"));
        let _last = add();
        listeners.tell(&1);
        assert_eq!(count.load(Ordering::Relaxed), 2);
        drop(first);
        listeners.tell(&1);
        assert_eq!(count.load(Ordering::Relaxed), 3);
    }

    #[test]
    fn one_who_holds_another_can_leave_with_it() {
        let listeners = Listeners::<u32>::default();
        let inner = listeners.add(|_| ());
        drop(listeners.add(move |_| drop(format!("{inner:?}"))));
        assert!(listeners.0.lock().unwrap().is_empty());
    }
}
