//! The part of a commit's convergence that is counted elsewhere: by an edge, or by another node.
//!
//! What a source has counted is taken as it stands, and replaces what it said before; when a device converged is not
//! told, so it counts from when its source said so, which is no earlier. Until a source has said anything about a
//! commit, the devices that it had are expected.

use std::{collections::BTreeMap, sync::Arc};

use usher_core::protocol::{Census, CommitCount, Count};

use super::report::Tally;

/// A venue, or none.
pub(super) type Venue = Option<Arc<str>>;

/// What one source has counted of one commit.
#[derive(Default)]
pub(super) struct Below {
    /// Whether the source has said anything about the commit.
    told: bool,
    pub(super) venues: BTreeMap<Venue, Tally>,
}

impl Below {
    /// What is to be expected of a source that has not heard of the commit yet.
    pub(super) fn expected(census: &Census, environment: &str) -> Self {
        let mut venues: BTreeMap<Venue, Tally> = BTreeMap::new();
        for clients in census.clients.iter().filter(|own| *own.group.environment == *environment) {
            let venue = clients.group.venue.as_deref().map(Arc::from);
            venues.entry(venue).or_default().expected += whole(clients.count);
        }
        Self { told: false, venues }
    }

    /// Adds what is to be expected of another view of the same source.
    pub(super) fn join(&mut self, other: Self) {
        for (venue, tally) in other.venues {
            self.venues.entry(venue).or_default().add(&tally);
        }
    }

    /// Takes what the source says now, `took` microseconds after the commit was published here.
    pub(super) fn take(&mut self, counts: &CommitCount, took: u32) {
        self.told = true;
        let mut before = std::mem::take(&mut self.venues);
        for venue in &counts.venues {
            let key: Venue = venue.venue.as_deref().map(Arc::from);
            let Count { expected, converged, left } = venue.count;
            let mut tally = before.remove(&key).unwrap_or_default();
            tally.took.resize(whole(converged), took);
            (tally.expected, tally.left) = (whole(expected), whole(left));
            self.venues.insert(key, tally);
        }
    }

    /// The source is past the commit and does not speak of it: it concerned none of its clients, or has been told of
    /// before.
    pub(super) fn pass(&mut self) {
        if !self.told {
            self.told = true;
            self.venues.clear();
        }
    }

    /// The source is gone.
    pub(super) fn leave(&mut self) {
        for tally in self.venues.values_mut() {
            tally.left = tally.expected.saturating_sub(tally.took.len());
        }
    }

    /// Those of whom nothing is known yet.
    pub(super) fn pending(&self) -> u64 {
        self.venues.values().map(|tally| tally.count().pending()).sum()
    }
}

/// Bounded, because a source can say anything: nobody has more devices.
fn whole(count: u64) -> usize {
    const MOST: u64 = 10_000_000;
    usize::try_from(count.min(MOST)).unwrap_or(usize::MAX)
}
