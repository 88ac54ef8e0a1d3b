//! Requests for another signed context: how often there were any, and whether one waits to be answered.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts, so that a request can be told from the one before it also by who has not seen that one answered.
#[derive(Debug, Default)]
pub(crate) struct Renewals {
    asked: AtomicU64,
    /// Of those, as many as had been made when the app last answered.
    answered: AtomicU64,
}

impl Renewals {
    /// Another one.
    pub(crate) fn ask(&self) {
        self.asked.fetch_add(1, Ordering::AcqRel);
    }

    /// The app has handed over what it has; whether that was waited for. Of several that do so at once, each answers for
    /// what was asked before it.
    pub(crate) fn answer(&self) -> bool {
        let asked = self.asked();
        self.answered.fetch_max(asked, Ordering::AcqRel) < asked
    }

    /// How many there were.
    pub(crate) fn asked(&self) -> u64 {
        self.asked.load(Ordering::Acquire)
    }

    /// Whether one waits.
    pub(crate) fn waits(&self) -> bool {
        self.answered.load(Ordering::Acquire) < self.asked()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_waits_until_it_is_answered_and_each_has_a_number() {
        let renewals = Renewals::default();
        assert!(!renewals.waits() && !renewals.answer());
        for number in 1..=3 {
            renewals.ask();
            assert!(renewals.waits());
            assert!(renewals.answer(), "it was waited for");
            assert!(!renewals.waits() && !renewals.answer(), "once");
            assert_eq!(renewals.asked(), number);
        }
        renewals.ask();
        renewals.ask();
        assert!(renewals.answer() && !renewals.waits(), "one answer is enough for both");
    }
}
