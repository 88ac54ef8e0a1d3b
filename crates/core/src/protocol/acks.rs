//! When what has been applied is acknowledged.
//!
//! A server with few clients is told at once. Where thousands have the same change within a tenth of a second, the
//! acknowledgements of those who had it first would hold up the last ones, on the server and on the network; so each
//! waits for a while, which the server names, and says how long it has waited, so that no figure grows by it. What
//! comes meanwhile is acknowledged with it.

use std::time::{Duration, Instant};

use super::Ack;
use crate::model::Seq;

/// The longest that a server can have a client wait.
const MAX_WITHIN: Duration = Duration::from_secs(1);

/// What a client still has to acknowledge.
#[derive(Debug, Default)]
pub struct Acks {
    within: Duration,
    held: Option<Held>,
}

#[derive(Debug)]
struct Held {
    seq: Seq,
    applied: Instant,
    due: Instant,
}

impl Acks {
    /// The connection is new, and so is what it was told.
    pub fn connected(&mut self) {
        *self = Self::default();
    }

    /// The server has said how long to wait at most, in milliseconds; a second at most is taken.
    pub fn set_within(&mut self, millis: u32) {
        self.within = Duration::from_millis(millis.into()).min(MAX_WITHIN);
    }

    /// Everything up to `seq` has been applied `now`. Gives back what is to be said at once, if anything; `draw`, between
    /// 0 and 1, tells how long that has time otherwise: for half of what the server allows, or longer.
    pub fn applied(&mut self, seq: Seq, now: Instant, draw: f64) -> Option<Ack> {
        if self.within.is_zero() {
            self.held = None;
            return Some(Ack { seq, held_ms: 0 });
        }
        let due = self
            .held
            .as_ref()
            .map_or_else(|| now + self.within.mul_f64(draw.clamp(0.0, 1.0).midpoint(1.0)), |held| held.due);
        self.held = Some(Held { seq, applied: now, due });
        None
    }

    /// When something is to be said.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        self.held.as_ref().map(|held| held.due)
    }

    /// What is to be said `now`.
    pub fn take(&mut self, now: Instant) -> Option<Ack> {
        let held = self.held.take()?;
        let millis = now.saturating_duration_since(held.applied).as_millis();
        Some(Ack { seq: held.seq, held_ms: u32::try_from(millis).unwrap_or(u32::MAX) })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn to_a_server_that_asks_for_nothing_it_is_said_at_once() {
        let mut acks = Acks::default();
        let now = Instant::now();
        assert_eq!(acks.applied(Seq(5), now, 0.9), Some(Ack { seq: Seq(5), held_ms: 0 }));
        assert_eq!((acks.due(), acks.take(now)), (None, None));
    }

    #[test]
    fn what_comes_meanwhile_is_acknowledged_with_it_and_never_later() {
        let (mut acks, now) = (Acks::default(), Instant::now());
        let after = |millis| now + Duration::from_millis(millis);
        acks.set_within(200);
        assert_eq!(acks.applied(Seq(5), now, 0.5), None);
        assert_eq!(acks.due(), Some(after(150)));
        assert_eq!(acks.applied(Seq(7), after(100), 0.9), None);
        assert_eq!(acks.due(), Some(after(150)), "the first is not kept waiting by the next");
        assert_eq!(acks.take(after(160)), Some(Ack { seq: Seq(7), held_ms: 60 }));
        assert_eq!((acks.due(), acks.take(after(170))), (None, None));
        acks.set_within(0);
        assert!(acks.applied(Seq(8), after(180), 0.5).is_some(), "the fleet has become small");
    }

    #[test]
    fn a_new_connection_owes_nothing_and_waits_for_nothing() {
        let (mut acks, now) = (Acks::default(), Instant::now());
        acks.set_within(200);
        assert_eq!(acks.applied(Seq(5), now, 0.5), None);
        acks.connected();
        assert_eq!(acks.due(), None);
        assert!(acks.applied(Seq(6), now, 0.5).is_some());
    }

    proptest! {
        #[test]
        fn no_server_has_a_client_wait_for_more_than_a_second(millis: u32, draw in -1.0..2.0) {
            let (mut acks, now) = (Acks::default(), Instant::now());
            acks.set_within(millis);
            let said = acks.applied(Seq(1), now, draw);
            prop_assert_eq!(said.is_some(), millis == 0);
            prop_assert!(acks.due().is_none_or(|due| due <= now + MAX_WITHIN));
        }
    }
}
