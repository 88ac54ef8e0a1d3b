//! One commit on its way to its clients.

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

use usher_core::{
    model::{EnvironmentKey, Seq, Timestamp},
    protocol::Source,
};

use super::{
    below::{Below, Venue},
    report::Tally,
};
use crate::connections::ConnectionId;

/// For how long upstream is told of a commit that everybody is accounted for.
const TOLD_FOR: Duration = Duration::from_secs(5);

/// One commit on its way to its clients.
pub(super) struct Followed {
    pub(super) seq: Seq,
    /// What its receivers had before.
    pub(super) from: Seq,
    pub(super) at: Timestamp,
    pub(super) message: String,
    pub(super) published: Instant,
    /// Whose clients it concerned.
    pub(super) environments: Vec<EnvironmentKey>,
    pub(super) pending: HashMap<ConnectionId, Venue>,
    pub(super) venues: BTreeMap<Venue, Tally>,
    pub(super) below: BTreeMap<Source, Below>,
    /// Since when everybody is accounted for.
    pub(super) settled: Option<Instant>,
}

impl Followed {
    /// Whether it concerns clients of an environment, or of any.
    pub(super) fn concerns(&self, environment: Option<&str>) -> bool {
        environment.is_none_or(|wanted| self.environments.iter().any(|own| **own == *wanted))
    }

    /// Venue by venue, whoever of these has counted, besides this node itself.
    pub(super) fn sums(&self, whose: impl Fn(&Source) -> bool) -> BTreeMap<Venue, Tally> {
        let mut sums = self.venues.clone();
        let below = self.below.iter().filter(|(source, _)| whose(source));
        for (venue, tally) in below.flat_map(|(_, below)| &below.venues) {
            sums.entry(venue.clone()).or_default().add(tally);
        }
        sums
    }

    /// Gives back the room of those who are no longer waited for: it would be held for each of the last commits.
    pub(super) fn forget_room(&mut self) {
        if self.pending.is_empty() {
            self.pending.shrink_to_fit();
        }
    }

    pub(super) fn is_told(&mut self, now: Instant) -> bool {
        let settled = self.pending.is_empty()
            && self
                .below
                .iter()
                .all(|(source, below)| matches!(source, Source::Node(_)) || below.pending() == 0);
        if !settled {
            self.settled = None;
            return true;
        }
        now.duration_since(*self.settled.get_or_insert(now)) < TOLD_FOR
    }
}
