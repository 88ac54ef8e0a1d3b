//! What the upstream is told of the clients here: who is connected, and how far changes have come among them.

use std::time::Duration;

use usher_core::{
    model::{EnvironmentKey, Epoch, Seq},
    protocol::{Census, Clients},
};
use usher_server::surface::Surface;

/// How often it is told at most.
pub(crate) const EVERY: Duration = Duration::from_millis(200);

/// Makes censuses, each with a higher number than the one before, also over several connections.
#[derive(Default)]
pub(crate) struct Counting {
    revision: u64,
    /// How much had happened when the last one was made.
    seen: Option<(u64, u64)>,
}

impl Counting {
    /// The connection is new: the upstream has to be told all of it.
    pub(crate) fn connected(&mut self) {
        self.seen = None;
    }

    /// What there is to be told, if anything has happened since. `seq` is the newest commit that was published here.
    pub(crate) fn census(
        &mut self,
        surface: &Surface,
        environment: &EnvironmentKey,
        epoch: Epoch,
        seq: Seq,
    ) -> Option<Census> {
        // Read first: what happens while it is being counted is told the next time.
        let happened = (surface.connections.changes(), surface.convergence.changes());
        if self.seen == Some(happened) {
            return None;
        }
        self.seen = Some(happened);
        self.revision += 1;
        let groups = surface.connections.groups_here(Some(environment));
        let census = Census {
            revision: self.revision,
            epoch,
            seq,
            clients: groups.into_iter().map(|(group, count)| Clients { group, count }).collect(),
            commits: surface.convergence.counts(Some(environment)),
        };
        Some(census.bounded())
    }
}
