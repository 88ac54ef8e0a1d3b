//! When an evaluation takes place.

use std::cell::Cell;

use crate::model::Timestamp;

/// When an evaluation takes place: at a time that is known, or at one that a clock is asked for, and only when
/// something leans on it. To read a clock costs as much as to evaluate most flags, and few of them compare dates.
#[derive(Clone, Copy, Debug)]
pub enum Now {
    /// At this time.
    At(Timestamp),
    /// At the time that this gives. It is asked at most once in an evaluation.
    Asked(fn() -> Timestamp),
}

impl From<Timestamp> for Now {
    fn from(at: Timestamp) -> Self {
        Self::At(at)
    }
}

impl From<fn() -> Timestamp> for Now {
    fn from(clock: fn() -> Timestamp) -> Self {
        Self::Asked(clock)
    }
}

/// The time of one evaluation: all its parts are told the same.
pub(crate) struct Clock(Cell<Now>);

impl Clock {
    #[inline]
    pub(crate) fn new(now: impl Into<Now>) -> Self {
        Self(Cell::new(now.into()))
    }

    /// The time.
    pub(crate) fn now(&self) -> Timestamp {
        match self.0.get() {
            Now::At(at) => at,
            Now::Asked(clock) => {
                let at = clock();
                self.0.set(Now::At(at));
                at
            }
        }
    }

    /// What is known of the time so far, for a part with a clock of its own.
    pub(crate) fn lend(&self) -> Self {
        Self(self.0.clone())
    }

    /// Takes over what such a part has learnt.
    pub(crate) fn learn(&self, from: &Self) {
        self.0.set(from.0.get());
    }
}
