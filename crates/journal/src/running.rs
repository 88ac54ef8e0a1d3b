//! Idempotency keys whose first request has not been answered yet.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

/// All of them.
#[derive(Clone, Default)]
pub(crate) struct Running(Arc<Mutex<HashSet<String>>>);

impl Running {
    /// Marks a key until what this gives back is dropped; none where it is marked already.
    pub(crate) fn enter(&self, key: &str) -> Option<Mark> {
        let fresh = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned());
        fresh.then(|| Mark { running: self.clone(), key: key.to_owned() })
    }

    pub(crate) fn holds(&self, key: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(key)
    }
}

/// A key that is being worked on.
pub(crate) struct Mark {
    running: Running,
    key: String,
}

impl Drop for Mark {
    fn drop(&mut self) {
        self.running.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}
