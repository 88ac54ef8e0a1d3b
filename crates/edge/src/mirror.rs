//! One environment as an upstream shows it: what is known, and how old that is.
//!
//! One task moves a mirror; anybody reads. What an upstream sends amends what there is as it would at a server, by
//! the same code, under the upstream's own epoch and numbers: so a client may go from a server to an edge and back, and
//! find everything where it left it.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use crate::signers::Signers;
use arc_swap::ArcSwap;
use usher_core::{
    model::{Document, DocumentId, EnvironmentKey, Steering, Timestamp, VenueKey},
    protocol::{Resume, Standing},
};
use usher_journal::{Actor, Change, Commit, State};
use usher_server::{
    convergence::Convergence,
    now,
    world::{Hub, Snapshot},
};

/// One environment, mirrored.
pub(crate) struct Mirror {
    begun: OnceLock<Begun>,
    heard: ArcSwap<Heard>,
    /// Where clients are to be served, as upstream said last.
    pub(crate) steering: ArcSwap<Vec<Steering>>,
    /// Whose signatures under contexts are good, as upstream said last.
    pub(crate) signers: Signers,
}

/// What is there once anything is.
pub(crate) struct Begun {
    pub(crate) environment: EnvironmentKey,
    /// What it is narrowed to; empty for all venues.
    pub(crate) venues: Vec<VenueKey>,
    pub(crate) hub: Hub,
}

/// What was heard last.
#[derive(Clone)]
struct Heard {
    /// As of when everything here was the newest.
    as_of: Timestamp,
    /// How old that was when it was heard.
    age: Duration,
    /// When it was heard; not in this process, without.
    at: Option<Instant>,
    /// The upstream's own: for so long it may be silent, twice.
    heartbeat: Duration,
    /// The upstream is itself an edge, and has lost its own.
    stale: bool,
    /// Why the upstream does not serve this edge, if it has said so.
    refused: Option<String>,
}

/// What was to be amended is not there.
#[derive(Debug)]
pub(crate) struct Lost;

impl Default for Mirror {
    fn default() -> Self {
        let heard = Heard {
            as_of: Timestamp::EPOCH,
            age: Duration::ZERO,
            at: None,
            heartbeat: Duration::from_secs(usher_core::protocol::HEARTBEAT_SECONDS.into()),
            stale: false,
            refused: None,
        };
        Self {
            begun: OnceLock::new(),
            heard: ArcSwap::from_pointee(heard),
            steering: ArcSwap::default(),
            signers: Signers::default(),
        }
    }
}

impl Mirror {
    /// What is there; none before anything is.
    pub(crate) fn begun(&self) -> Option<&Begun> {
        self.begun.get()
    }

    /// Begins with what there is on disk, as of when it was heard.
    pub(crate) fn begin(&self, begun: Begun, as_of: Timestamp) {
        // It is begun once only: by the disk, or by the first snapshot.
        drop(self.begun.set(begun));
        self.hear(|heard| heard.as_of = as_of);
    }

    /// Takes a whole state. Whoever is served here is led to it where anything leads there, and begins anew
    /// otherwise.
    pub(crate) fn replace(
        &self,
        environment: &EnvironmentKey,
        venues: &[VenueKey],
        place: Resume,
        at: Timestamp,
        documents: Vec<Document>,
        convergence: &Convergence,
    ) {
        let Some(begun) = self.begun.get() else {
            let snapshot = mirrored(environment, place, at, documents);
            let (environment, venues) = (environment.clone(), venues.to_vec());
            let hub = Hub::new(Arc::new(snapshot));
            drop(self.begun.set(Begun { environment, venues, hub }));
            return;
        };
        let before = begun.hub.snapshot();
        let changes = differences(&before.state, &documents);
        let same = before.epoch == place.epoch;
        if same && before.seq() == place.seq && changes.is_empty() {
            return;
        }
        if same && before.seq() < place.seq {
            begun.hub.amend(&commit(place, at, changes), convergence);
            return;
        }
        tracing::warn!(
            %environment, from = %before.seq(), to = %place.seq, another_journal = !same,
            "upstream has another journal, or less of it: all clients begin anew"
        );
        convergence.forget(environment);
        begun.hub.replace(Arc::new(mirrored(environment, place, at, documents)));
    }

    /// Takes what has changed.
    pub(crate) fn amend(
        &self,
        place: Resume,
        at: Timestamp,
        put: Vec<Document>,
        delete: Vec<DocumentId>,
        convergence: &Convergence,
    ) -> Result<(), Lost> {
        let begun = self.begun.get().ok_or(Lost)?;
        let changes = put.into_iter().map(Change::Put).chain(delete.into_iter().map(Change::Delete));
        begun.hub.amend(&commit(place, at, changes.collect()), convergence);
        Ok(())
    }

    /// The upstream has confirmed that what is here is its newest; it says how old that may be.
    pub(crate) fn confirm(&self, standing: Option<Standing>, heartbeat: Duration) {
        self.hear(|heard| {
            *heard = Heard {
                as_of: standing.map_or_else(now, |standing| standing.as_of),
                age: Duration::from_millis(standing.map_or(0, |standing| standing.age_ms)),
                at: Some(Instant::now()),
                heartbeat,
                stale: standing.is_some_and(|standing| standing.stale),
                refused: None,
            };
        });
    }

    /// The upstream refuses to serve this edge.
    pub(crate) fn refuse(&self, why: String) {
        self.hear(|heard| heard.refused = Some(why));
    }

    /// Why, if it does.
    pub(crate) fn refused(&self) -> Option<String> {
        self.heard.load().refused.clone()
    }

    fn hear(&self, change: impl FnOnce(&mut Heard)) {
        let mut heard = Heard::clone(&self.heard.load());
        change(&mut heard);
        self.heard.store(Arc::new(heard));
    }

    /// How old what is said from here may be.
    pub(crate) fn standing(&self) -> Standing {
        let heard = self.heard.load();
        let (age, silent) = match heard.at {
            // By a clock that nobody sets.
            Some(at) => (at.elapsed() + heard.age, at.elapsed() > heard.heartbeat * 2),
            // Heard by an earlier process. A clock that has gone back makes nothing younger than just heard.
            None => {
                let age = now().since(heard.as_of).max(0);
                (Duration::from_millis(u64::try_from(age).unwrap_or(0)), true)
            }
        };
        Standing {
            as_of: heard.as_of,
            age_ms: u64::try_from(age.as_millis()).unwrap_or(u64::MAX),
            stale: silent || heard.stale,
        }
    }
}

/// What is known of an environment where nothing was known before.
pub(crate) fn mirrored(
    environment: &EnvironmentKey,
    place: Resume,
    at: Timestamp,
    documents: Vec<Document>,
) -> Snapshot {
    Snapshot::mirrored(place.epoch, environment.clone(), State::of(place.seq, at, documents))
}

/// What upstream has told, as the commit that it leads up to. Who made it, and why, is not told to clients.
fn commit(place: Resume, at: Timestamp, changes: Vec<Change>) -> Commit {
    let actor = Actor::system("upstream");
    Commit { seq: place.seq, at, actor, message: String::new(), idempotency_key: None, changes }
}

/// What leads from a state to these documents.
fn differences(before: &State, after: &[Document]) -> Vec<Change> {
    let new: BTreeMap<&DocumentId, &Document> =
        after.iter().map(|document| (document.id(), document)).collect();
    let gone = before.entries().map(|entry| entry.document.id()).filter(|id| !new.contains_key(id));
    let gone: Vec<Change> = gone.cloned().map(Change::Delete).collect();
    let changed = after.iter().filter(|own| before.get(own.id()).is_none_or(|entry| entry.document != **own));
    changed.cloned().map(Change::Put).chain(gone).collect()
}
