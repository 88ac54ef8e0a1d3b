//! Convergence: who has applied which commit, where, and how long it took.
//!
//! When a commit is published, those connected whom it concerns are expected. Each one's acknowledgement moves
//! it to the converged, its disconnection to those who left. Pure but for the lock: time comes from outside.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use serde::Serialize;
use usher_core::{
    model::{Seq, Timestamp},
    protocol::View,
};
use usher_journal::Commit;
use utoipa::ToSchema;

use crate::connections::{ConnectionId, Connections};

/// Commits that are followed; older ones are taken as they stand.
const COMMITS: usize = 256;
/// Laggards that are listed.
const LAGGARDS: usize = 100;

/// How far one commit has come.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The commit.
    pub seq: u64,
    /// When it was made.
    #[schema(value_type = String)]
    pub at: Timestamp,
    /// Why.
    pub message: String,
    /// Devices connected now.
    pub connected: usize,
    /// The whole.
    #[serde(flatten)]
    pub total: Progress,
    /// Venue by venue; `venue` is empty for clients that belong to none.
    pub venues: Vec<VenueProgress>,
    /// Those that have not applied it yet.
    pub laggards: Vec<Laggard>,
}

/// How many have applied a commit, and how fast.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// Connected when it was published, and concerned by it.
    pub expected: usize,
    /// Of those, have applied it.
    pub converged: usize,
    /// Of those, disconnected before they did.
    pub left: usize,
    /// Half of the converged took no longer, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p50_ms: Option<f64>,
    /// 99 of 100 took no longer, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p99_ms: Option<f64>,
    /// The last one, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_ms: Option<f64>,
}

/// A venue's part.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VenueProgress {
    /// The venue's key.
    pub venue: String,
    /// Its progress.
    #[serde(flatten)]
    pub progress: Progress,
}

/// A client that has not applied a commit yet.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Laggard {
    /// What it calls itself.
    pub connection: String,
    /// Where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub venue: Option<String>,
    /// Its SDK.
    pub sdk: String,
    /// What it has applied.
    pub acked_seq: u64,
    /// Milliseconds since the commit that it waits for.
    pub age_ms: u64,
}

struct Followed {
    seq: Seq,
    at: Timestamp,
    message: String,
    published: Instant,
    pending: HashMap<ConnectionId, Option<Arc<str>>>,
    venues: BTreeMap<Option<Arc<str>>, Tally>,
}

impl Followed {
    /// Gives back the room of those who are no longer waited for: it would be held for each of the last commits.
    fn forget_room(&mut self) {
        if self.pending.is_empty() {
            self.pending.shrink_to_fit();
        }
    }
}

#[derive(Default)]
struct Tally {
    expected: usize,
    left: usize,
    /// Microseconds from publication to acknowledgement.
    took: Vec<u32>,
}

/// Follows the newest commits.
pub struct Convergence {
    connections: Arc<Connections>,
    commits: Mutex<VecDeque<Followed>>,
    changed: AtomicBool,
}

impl Convergence {
    /// Follows the clients of `connections`.
    #[must_use]
    pub fn new(connections: Arc<Connections>) -> Self {
        Self { connections, commits: Mutex::default(), changed: AtomicBool::new(false) }
    }

    /// A commit is about to reach the clients of `views`.
    pub fn publish<'v>(&self, commit: &Commit, views: impl Iterator<Item = &'v View>) {
        let views: Vec<&View> = views.collect();
        if views.is_empty() {
            return;
        }
        // Locked before it is asked who is there: whoever leaves after that is then found among the pending.
        let mut commits = self.lock();
        let pending: HashMap<_, _> = self.connections.on(&views).into_iter().collect();
        let mut venues: BTreeMap<_, Tally> = BTreeMap::new();
        for venue in pending.values() {
            venues.entry(venue.clone()).or_default().expected += 1;
        }
        if commits.len() == COMMITS {
            commits.pop_front();
        }
        let (seq, at, message) = (commit.seq, commit.at, commit.message.clone());
        commits.push_back(Followed { seq, at, message, published: Instant::now(), pending, venues });
        self.changed.store(true, Ordering::Release);
    }

    /// A client that had applied `before` has now applied everything up to `seq`. Tells how long each commit took
    /// to come to it.
    pub fn acked(&self, connection: ConnectionId, before: Seq, seq: Seq, told: impl Fn(Duration)) {
        let now = Instant::now();
        let mut commits = self.lock();
        for commit in commits.iter_mut().rev().skip_while(|commit| commit.seq > seq) {
            if commit.seq <= before {
                break;
            }
            if let Some(venue) = commit.pending.remove(&connection) {
                let took = now.duration_since(commit.published);
                let tally = commit.venues.entry(venue).or_default();
                tally.took.push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
                told(took);
                commit.forget_room();
            }
        }
        self.changed.store(true, Ordering::Release);
    }

    /// A client is gone.
    pub fn left(&self, connection: ConnectionId, acked: Seq) {
        let mut commits = self.lock();
        for commit in commits.iter_mut().rev().take_while(|commit| commit.seq > acked) {
            if let Some(venue) = commit.pending.remove(&connection) {
                commit.venues.entry(venue).or_default().left += 1;
                commit.forget_room();
            }
        }
        self.changed.store(true, Ordering::Release);
    }

    /// Whether anything happened since this was last asked.
    pub fn take_changed(&self) -> bool {
        self.changed.swap(false, Ordering::AcqRel)
    }

    /// How far a commit has come; without `seq`, the last one that concerned clients.
    #[must_use]
    pub fn report(&self, seq: Option<Seq>) -> Option<Report> {
        let commits = self.lock();
        let commit = match seq {
            None => commits.back(),
            Some(seq) => commits.iter().find(|commit| commit.seq == seq),
        }?;
        let mut all = Tally::default();
        let mut venues = Vec::with_capacity(commit.venues.len());
        for (venue, tally) in &commit.venues {
            all.expected += tally.expected;
            all.left += tally.left;
            all.took.extend(&tally.took);
            let venue = venue.as_deref().unwrap_or_default().to_owned();
            venues.push(VenueProgress { venue, progress: tally.progress() });
        }
        let age = u64::try_from(commit.published.elapsed().as_millis()).unwrap_or(u64::MAX);
        let laggards = commit.pending.keys().take(LAGGARDS).filter_map(|id| {
            let connection = self.connections.get(*id)?;
            Some(Laggard {
                connection: connection.instance.clone(),
                venue: connection.venue().map(|venue| venue.to_string()),
                sdk: connection.sdk.clone(),
                acked_seq: connection.acked().0,
                age_ms: age,
            })
        });
        Some(Report {
            seq: commit.seq.0,
            at: commit.at,
            message: commit.message.clone(),
            connected: self.connections.len(),
            total: all.progress(),
            venues,
            laggards: laggards.collect(),
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Followed>> {
        self.commits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tally {
    fn progress(&self) -> Progress {
        let mut took = self.took.clone();
        took.sort_unstable();
        Progress {
            expected: self.expected,
            converged: took.len(),
            left: self.left,
            p50_ms: quantile(&took, 50),
            p99_ms: quantile(&took, 99),
            max_ms: quantile(&took, 100),
        }
    }
}

/// The smallest value that `percent` of the sorted values do not exceed, from micro- to milliseconds.
fn quantile(sorted: &[u32], percent: usize) -> Option<f64> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).map(|micros| f64::from(*micros) / 1000.0)
}

#[cfg(test)]
mod tests {
    use usher_core::protocol::Mode;
    use usher_journal::Actor;

    use super::*;
    use crate::connections::Connection;

    fn commit(seq: u64) -> Commit {
        Commit {
            seq: Seq(seq),
            at: Timestamp::EPOCH,
            actor: Actor::system("test"),
            message: "kill".to_owned(),
            idempotency_key: None,
            changes: Vec::new(),
        }
    }

    fn view(environment: &str) -> View {
        View::new(environment.parse().unwrap(), [])
    }

    fn connect(connections: &Arc<Connections>, environment: &str, venue: &str) -> ConnectionId {
        let connection =
            Connection::new(view(environment), Mode::Ruleset, Some(venue.into()), "test/1", None, "i", "k");
        connections.add(connection).0
    }

    #[test]
    fn a_commit_converges_venue_by_venue_and_counts_leavers() {
        let connections = Arc::new(Connections::default());
        let convergence = Convergence::new(Arc::clone(&connections));
        let wembley =
            [connect(&connections, "production", "wembley"), connect(&connections, "production", "wembley")];
        let dome = connect(&connections, "production", "dome");
        let _elsewhere = connect(&connections, "staging", "dome");
        convergence.publish(&commit(7), [view("production")].iter());
        let at = |venue: &str| {
            let report = convergence.report(None).unwrap();
            report.venues.iter().find(|own| own.venue == venue).unwrap().progress.clone()
        };
        assert_eq!((at("wembley").expected, at("dome").expected), (2, 1));
        convergence.acked(wembley[0], Seq(6), Seq(7), |_| ());
        convergence.acked(wembley[0], Seq(6), Seq(7), |_| ());
        assert_eq!((at("wembley").converged, at("dome").converged), (1, 0));
        convergence.acked(wembley[1], Seq(0), Seq(9), |_| ());
        convergence.left(dome, Seq(6));
        let report = convergence.report(Some(Seq(7))).unwrap();
        assert_eq!((report.total.expected, report.total.converged, report.total.left), (3, 2, 1));
        assert!(report.total.p99_ms >= report.total.p50_ms && report.laggards.is_empty());
        assert!(convergence.report(Some(Seq(8))).is_none());
    }

    #[test]
    fn an_ack_counts_for_every_commit_up_to_it_and_for_none_after() {
        let connections = Arc::new(Connections::default());
        let convergence = Convergence::new(Arc::clone(&connections));
        let id = connect(&connections, "production", "dome");
        for seq in 1..=300 {
            convergence.publish(&commit(seq), [view("production")].iter());
        }
        convergence.acked(id, Seq(0), Seq(299), |_| ());
        assert_eq!(convergence.report(Some(Seq(299))).unwrap().total.converged, 1);
        assert_eq!(convergence.report(Some(Seq(300))).unwrap().total.converged, 0);
        assert_eq!(convergence.report(Some(Seq(300))).unwrap().laggards.len(), 1);
        assert!(convergence.report(Some(Seq(1))).is_none(), "too old to be followed");
    }

    #[test]
    fn quantiles_are_of_the_nearest_rank() {
        let values: Vec<u32> = (1..=200).map(|n| n * 1000).collect();
        assert_eq!(quantile(&values, 50), Some(100.0));
        assert_eq!(quantile(&values, 99), Some(198.0));
        assert_eq!(quantile(&values, 100), Some(200.0));
        assert_eq!(quantile(&[], 50), None);
    }
}
