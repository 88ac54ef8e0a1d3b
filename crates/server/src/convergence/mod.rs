//! Convergence: who has applied which commit, where, and how long it took.
//!
//! When a commit is published, those connected whom it concerns are expected. Each one's acknowledgement moves
//! it to the converged, its disconnection to those who left. Devices behind edges are counted there, and added here
//! as the edges tell. Pure but for the lock and the clock.

mod below;
mod followed;
mod report;

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use usher_core::{
    model::{EnvironmentKey, Seq},
    protocol::{Census, CommitCount, Count, Source, VenueCount, View},
};
use usher_journal::Commit;

use self::{below::Below, followed::Followed, report::Tally};
use crate::connections::{ConnectionId, Connections};
pub use report::{Laggard, Progress, Report, VenueProgress};

/// Commits that are followed; older ones are taken as they stand.
const COMMITS: usize = 256;
/// Laggards that are listed.
const LAGGARDS: usize = 100;
/// Commits that upstream is told of.
const TOLD: usize = 16;
/// Follows the newest commits.
pub struct Convergence {
    connections: Arc<Connections>,
    commits: Mutex<VecDeque<Followed>>,
    changed: AtomicBool,
    changes: AtomicU64,
}

impl Convergence {
    /// Follows the clients of `connections`.
    #[must_use]
    pub fn new(connections: Arc<Connections>) -> Self {
        Self {
            connections,
            commits: Mutex::default(),
            changed: AtomicBool::new(false),
            changes: AtomicU64::new(0),
        }
    }

    /// A commit is about to reach the clients of `views`, who have everything up to `from`.
    pub fn publish<'v>(&self, from: Seq, commit: &Commit, views: impl Iterator<Item = &'v View>) {
        let views: Vec<&View> = views.collect();
        if views.is_empty() {
            return;
        }
        let mut environments: Vec<EnvironmentKey> = Vec::new();
        for view in &views {
            if !environments.contains(view.environment()) {
                environments.push(view.environment().clone());
            }
        }
        // Locked before it is asked who is there: whoever leaves after that is then found among the pending.
        let mut commits = self.lock();
        let pending: HashMap<_, _> = self.connections.on(&views).into_iter().collect();
        let mut venues: BTreeMap<_, Tally> = BTreeMap::new();
        for venue in pending.values() {
            venues.entry(venue.clone()).or_default().expected += 1;
        }
        let expected =
            self.connections.sources_on(&views, |census, view| Below::expected(census, view.environment()));
        let mut below: BTreeMap<Source, Below> = BTreeMap::new();
        for (source, more) in expected {
            below.entry(source).or_default().join(more);
        }
        if commits.len() == COMMITS {
            commits.pop_front();
        }
        let (seq, at, message) = (commit.seq, commit.at, commit.message.clone());
        let published = Instant::now();
        commits.push_back(Followed {
            seq,
            from,
            at,
            message,
            published,
            environments,
            pending,
            venues,
            below,
            settled: None,
        });
        self.touch();
    }

    /// A client that had applied `before` has applied everything up to `seq`, and says so now, having `held` that back.
    /// Tells how long each commit took to come to it.
    pub fn acked(
        &self,
        connection: ConnectionId,
        before: Seq,
        seq: Seq,
        held: Duration,
        told: impl Fn(Duration),
    ) {
        let now = Instant::now();
        let mut commits = self.lock();
        // Not in order where several journals' parts are mirrored.
        for commit in commits.iter_mut().filter(|commit| before < commit.seq && commit.seq <= seq) {
            if let Some(venue) = commit.pending.remove(&connection) {
                let took = now.duration_since(commit.published).saturating_sub(held);
                let tally = commit.venues.entry(venue).or_default();
                tally.took.push(micros(took));
                told(took);
                commit.forget_room();
            }
        }
        drop(commits);
        self.touch();
    }

    /// A client is gone.
    pub fn left(&self, connection: ConnectionId, acked: Seq) {
        let mut commits = self.lock();
        for commit in commits.iter_mut().filter(|commit| commit.seq > acked) {
            if let Some(venue) = commit.pending.remove(&connection) {
                commit.venues.entry(venue).or_default().left += 1;
                commit.forget_room();
            }
        }
        drop(commits);
        self.touch();
    }

    /// What a source has counted of its own clients: of this environment, or of all.
    pub fn counted(&self, source: &Source, environment: Option<&str>, census: &Census) {
        let now = Instant::now();
        let mut commits = self.lock();
        for commit in commits.iter_mut().filter(|commit| commit.concerns(environment)) {
            let exact = census.commits.iter().find(|own| own.seq == commit.seq);
            let covering = || census.commits.iter().find(|own| own.covers(commit.seq));
            if let Some(counts) = exact {
                let took = micros(now.duration_since(commit.published));
                commit.below.entry(source.clone()).or_default().take(counts, took);
            } else if let Some(below) = commit.below.get_mut(source) {
                match covering() {
                    // It came to them as one with a later commit.
                    Some(counts) => below.take(counts, micros(now.duration_since(commit.published))),
                    None if commit.seq <= census.seq => below.pass(),
                    None => {}
                }
            }
        }
        drop(commits);
        self.touch_by(source);
    }

    /// A source is gone, and with it its clients.
    pub fn source_left(&self, source: &Source) {
        let mut commits = self.lock();
        for commit in commits.iter_mut() {
            if let Some(below) = commit.below.get_mut(source) {
                below.leave();
            }
        }
        drop(commits);
        self.touch_by(source);
    }

    /// The journal of an environment is another now: its commits are none of these.
    pub fn forget(&self, environment: &str) {
        self.lock().retain(|commit| !commit.concerns(Some(environment)));
        self.touch();
    }

    /// How far the last commits of an environment, or of all, have come here and below, newest first: those that
    /// somebody is still missing of, or was until just now. Other nodes tell of their own clients themselves.
    #[must_use]
    pub fn counts(&self, environment: Option<&str>) -> Vec<CommitCount> {
        let now = Instant::now();
        let mut commits = self.lock();
        let of = commits.iter_mut().rev().filter(|commit| commit.concerns(environment));
        let told = of.take(TOLD).filter_map(|commit| commit.is_told(now).then_some(&*commit));
        told.map(|commit| CommitCount {
            seq: commit.seq,
            from: commit.from,
            venues: commit
                .sums(|source| !matches!(source, Source::Node(_)))
                .into_iter()
                .map(|(venue, tally)| VenueCount {
                    venue: venue.as_deref().map(Into::into),
                    count: tally.count(),
                })
                .collect(),
        })
        .collect()
    }

    /// Whether anything happened since this was last asked.
    pub fn take_changed(&self) -> bool {
        self.changed.swap(false, Ordering::AcqRel)
    }

    /// How often anything has happened.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// Other nodes hear from each other what they count; to tell them again would go on for ever.
    fn touch_by(&self, source: &Source) {
        match source {
            Source::Node(_) => self.changed.store(true, Ordering::Release),
            Source::Edge(_) => self.touch(),
        }
    }

    fn touch(&self) {
        self.changes.fetch_add(1, Ordering::AcqRel);
        self.changed.store(true, Ordering::Release);
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
        for (venue, tally) in commit.sums(|_| true) {
            all.add(&tally);
            let venue = venue.as_deref().unwrap_or_default().to_owned();
            venues.push(VenueProgress { venue, progress: tally.progress() });
        }
        let age = u64::try_from(commit.published.elapsed().as_millis()).unwrap_or(u64::MAX);
        let edges = commit.below.iter().filter_map(|(source, below)| {
            let devices = below.pending();
            let (connection, sdk, acked_seq) = match source {
                Source::Node(name) => (format!("node {name}"), String::new(), 0),
                Source::Edge(_) => {
                    let edge = self.connections.edge(source)?;
                    (edge.edge.clone().unwrap_or_default(), edge.sdk.clone(), edge.acked().0)
                }
            };
            (devices > 0).then_some(Laggard { connection, venue: None, sdk, acked_seq, age_ms: age, devices })
        });
        let devices = commit.pending.keys().filter_map(|id| {
            let connection = self.connections.get(*id)?;
            Some(Laggard {
                connection: connection.instance.clone(),
                venue: connection.venue().map(|venue| venue.to_string()),
                sdk: connection.sdk.clone(),
                acked_seq: connection.acked().0,
                age_ms: age,
                devices: 1,
            })
        });
        let laggards = edges.chain(devices).take(LAGGARDS).collect();
        Some(Report {
            seq: commit.seq.0,
            at: commit.at,
            message: commit.message.clone(),
            connected: self.connections.len(),
            total: all.progress(),
            venues,
            laggards,
        })
    }

    /// The share of an environment's devices that have what was committed at `seq`, 0 to 1: of those that were connected
    /// when it was. Where it is not followed any more or never was, or all of them have gone, of those that are connected
    /// now. `head` is the last commit that concerns a view. `None` while nobody is connected.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // Counts of devices.
    pub fn share(&self, environment: &str, seq: Seq, head: impl Fn(&View) -> Seq) -> Option<f64> {
        let followed =
            self.lock().iter().find(|own| own.seq == seq && own.concerns(Some(environment))).map(|commit| {
                let sums = commit.sums(|_| true).into_values().map(|tally| tally.count());
                sums.fold(Count::default(), Count::plus)
            });
        let (has, all) = match followed {
            Some(own) if own.expected > own.left => (own.converged, own.expected - own.left),
            _ => self.connections.having(environment, seq, head),
        };
        (all > 0).then(|| has as f64 / all as f64)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Followed>> {
        self.commits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn micros(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use usher_core::{
        model::{Epoch, Timestamp},
        protocol::{Clients, Group, Mode},
    };
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
        let connection = Connection::new(
            view(environment),
            Mode::Ruleset,
            1,
            Some(venue.into()),
            "test/1",
            None,
            "i",
            "k",
            None,
        );
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
        convergence.publish(Seq(6), &commit(7), [view("production")].iter());
        let at = |venue: &str| {
            let report = convergence.report(None).unwrap();
            report.venues.iter().find(|own| own.venue == venue).unwrap().progress.clone()
        };
        assert_eq!((at("wembley").expected, at("dome").expected), (2, 1));
        convergence.acked(wembley[0], Seq(6), Seq(7), Duration::ZERO, |_| ());
        convergence.acked(wembley[0], Seq(6), Seq(7), Duration::ZERO, |_| ());
        assert_eq!((at("wembley").converged, at("dome").converged), (1, 0));
        convergence.acked(wembley[1], Seq(0), Seq(9), Duration::ZERO, |_| ());
        convergence.left(dome, Seq(6));
        let report = convergence.report(Some(Seq(7))).unwrap();
        assert_eq!((report.total.expected, report.total.converged, report.total.left), (3, 2, 1));
        assert!(report.total.p99_ms >= report.total.p50_ms && report.laggards.is_empty());
        assert!(convergence.report(Some(Seq(8))).is_none());
    }

    #[test]
    fn what_a_client_held_back_is_not_counted() {
        let connections = Arc::new(Connections::default());
        let convergence = Convergence::new(Arc::clone(&connections));
        let (prompt, patient) =
            (connect(&connections, "production", "dome"), connect(&connections, "production", "dome"));
        convergence.publish(Seq(6), &commit(7), [view("production")].iter());
        std::thread::sleep(Duration::from_millis(30));
        let took = std::cell::Cell::new(Duration::MAX);
        convergence.acked(patient, Seq(6), Seq(7), Duration::from_secs(3_600), |own| took.set(own));
        assert_eq!(took.get(), Duration::ZERO, "never less than none");
        convergence.acked(prompt, Seq(6), Seq(7), Duration::from_millis(10), |own| took.set(own));
        assert!(took.get() >= Duration::from_millis(20));
    }

    fn counted(revision: u64, seq: u64, clients: u64, commits: &[(u64, [u64; 3])]) -> Census {
        let group = |count| Clients {
            group: Group {
                environment: "production".parse().unwrap(),
                venue: Some("dome".to_owned()),
                sdk: "test/1".to_owned(),
                version: None,
                mode: Mode::Values,
                schema: 1,
            },
            count,
        };
        let commit = |(seq, [expected, converged, left]): &(u64, [u64; 3])| CommitCount {
            seq: Seq(*seq),
            from: Seq(seq - 1),
            venues: vec![VenueCount {
                venue: Some("dome".to_owned()),
                count: Count { expected: *expected, converged: *converged, left: *left },
            }],
        };
        Census {
            revision,
            epoch: Epoch::from_bytes([1; 16]),
            seq: Seq(seq),
            clients: vec![group(clients)],
            commits: commits.iter().map(commit).collect(),
        }
    }

    #[test]
    fn devices_behind_an_edge_are_expected_at_once_and_counted_as_it_tells() {
        let connections = Arc::new(Connections::default());
        let convergence = Convergence::new(Arc::clone(&connections));
        let edge = Connection::new(
            view("production"),
            Mode::Ruleset,
            1,
            None,
            "usher-edge/1",
            None,
            "i",
            "k",
            Some("edge-north".to_owned()),
        );
        let (id, _) = connections.add(edge);
        let own = connect(&connections, "production", "dome");
        let tell = |census: Census| {
            let source = connections.counted(id, census.clone()).unwrap();
            convergence.counted(&source, Some("production"), &census);
            source
        };
        let total = |seq| {
            let report = convergence.report(Some(Seq(seq))).unwrap();
            (report.total.expected, report.total.converged, report.total.left, report.laggards)
        };
        tell(counted(1, 6, 40, &[]));
        assert_eq!(
            (connections.len(), connections.by_venue(None)["dome"]),
            (41, 41),
            "the edge is no device"
        );
        convergence.publish(Seq(6), &commit(7), [view("production")].iter());
        convergence.publish(Seq(7), &commit(8), [view("production")].iter());
        let (expected, converged, left, laggards) = total(7);
        assert_eq!((expected, converged, left, laggards.len()), (41, 0, 0, 2));
        assert!(laggards.iter().any(|own| own.connection == "edge-north" && own.devices == 40));
        convergence.acked(own, Seq(0), Seq(8), Duration::ZERO, |_| ());
        // One has gone before the commit came to the edge; the next one concerned nobody there.
        tell(counted(2, 8, 39, &[(7, [39, 30, 1])]));
        assert_eq!(total(7).3[0].devices, 8);
        assert_eq!((total(7).0, total(7).1, total(7).2, total(8).0), (40, 31, 1, 1));
        let source = tell(counted(3, 8, 38, &[(7, [39, 38, 1])]));
        assert_eq!((total(7).0, total(7).1, total(7).2, total(7).3.len()), (40, 39, 1, 0));
        // What it does not speak of any more stays; who was not there yet when it goes has left.
        tell(counted(4, 9, 38, &[]));
        assert_eq!((total(7).0, total(7).1), (40, 39));
        tell(counted(5, 9, 38, &[(8, [38, 5, 0])]));
        assert_eq!(connections.remove(id).unwrap().1, Some(source.clone()));
        convergence.source_left(&source);
        assert_eq!((total(8).0, total(8).1, total(8).2, connections.len()), (39, 6, 33, 1));
    }

    #[test]
    fn other_nodes_are_added_up_but_are_not_told_again_what_they_said() {
        let connections = Arc::new(Connections::default());
        let convergence = Convergence::new(Arc::clone(&connections));
        let node = Source::Node("b".to_owned());
        let hear = |census: Census| {
            assert!(connections.node_counted(node.clone(), census.clone()));
            convergence.counted(&node, None, &census);
        };
        let own = connect(&connections, "production", "dome");
        hear(counted(1, 6, 40, &[]));
        assert_eq!((connections.len(), connections.by_venue(None)["dome"]), (41, 41));
        assert_eq!(connections.groups_here(None).values().sum::<u64>(), 1);
        // Two views of one environment: the node's clients are expected once.
        let views = [view("production"), View::new("production".parse().unwrap(), ["dome".parse().unwrap()])];
        convergence.publish(Seq(6), &commit(7), views.iter());
        let total = || convergence.report(Some(Seq(7))).unwrap().total;
        assert_eq!((total().expected, total().converged), (41, 0));
        assert_eq!(convergence.report(Some(Seq(7))).unwrap().laggards.len(), 2);
        let changes = || (connections.changes(), convergence.changes());
        let before = changes();
        hear(counted(2, 7, 40, &[(7, [40, 39, 0])]));
        assert_eq!(changes(), before, "or two nodes would talk for ever");
        assert!(!connections.node_counted(node.clone(), counted(2, 7, 99, &[])), "no news");
        convergence.acked(own, Seq(0), Seq(7), Duration::ZERO, |_| ());
        assert_eq!((total().expected, total().converged), (41, 40));
        let told = convergence.counts(None);
        assert_eq!(told[0].total(), Count { expected: 1, converged: 1, left: 0 }, "its own, and no more");
        connections.node_left(&node);
        convergence.source_left(&node);
        assert_eq!((total().left, connections.len()), (1, 1));
    }

    #[test]
    fn a_share_is_of_the_commit_that_is_asked_for_or_of_who_is_there_now() {
        let connections = Arc::new(Connections::default());
        let convergence = Convergence::new(Arc::clone(&connections));
        let share = |seq: u64, head: u64| convergence.share("production", Seq(seq), |_| Seq(head));
        assert_eq!(share(7, 9), None, "nobody is there");
        let first = connect(&connections, "production", "dome");
        let second = connect(&connections, "production", "dome");
        let elsewhere = connect(&connections, "staging", "dome");
        let say = |id: ConnectionId, seq: u64| {
            let before = connections.get(id).unwrap().ack(Seq(seq));
            convergence.acked(id, before, Seq(seq), Duration::ZERO, |_| ());
        };
        convergence.publish(Seq(6), &commit(7), [view("production")].iter());
        convergence.publish(Seq(7), &commit(8), [view("staging")].iter());
        say(first, 7);
        say(elsewhere, 8);
        assert_eq!(share(7, 7), Some(0.5));
        assert_eq!(share(8, 7), Some(0.5), "that one is not about production, where 7 is the last");
        // A commit that nobody was there to be told of: who has come since has it, or not.
        assert_eq!((share(5, 7), share(9, 9)), (Some(0.5), Some(0.0)));
        connections.get(second).unwrap().came_with(Seq(7));
        assert_eq!((share(5, 7), share(7, 7)), (Some(1.0), Some(0.5)), "it has said so itself");
        // Of devices that others count it is believed what those tell.
        let node = Source::Node("b".to_owned());
        let hear = |census: Census| assert!(connections.node_counted(node.clone(), census));
        hear(counted(1, 4, 8, &[]));
        assert_eq!(share(5, 7), Some(0.2), "the node itself lacks it");
        hear(counted(2, 7, 8, &[(5, [8, 5, 0]), (7, [8, 1, 0])]));
        assert_eq!(share(5, 7), Some(0.7));
        hear(counted(3, 7, 8, &[(7, [8, 1, 0])]));
        assert_eq!(share(5, 7), Some(1.0));
        // All whom it concerned have gone.
        for id in [first, second] {
            let (gone, _) = connections.remove(id).unwrap();
            convergence.left(id, gone.acked());
        }
        assert_eq!(share(7, 7), Some(1.0), "one had it before it went");
        assert_eq!(share(9, 9), Some(0.0));
    }

    #[test]
    fn an_ack_counts_for_every_commit_up_to_it_and_for_none_after() {
        let connections = Arc::new(Connections::default());
        let convergence = Convergence::new(Arc::clone(&connections));
        let id = connect(&connections, "production", "dome");
        for seq in 1..=300 {
            convergence.publish(Seq(seq - 1), &commit(seq), [view("production")].iter());
        }
        convergence.acked(id, Seq(0), Seq(299), Duration::ZERO, |_| ());
        assert_eq!(convergence.report(Some(Seq(299))).unwrap().total.converged, 1);
        assert_eq!(convergence.report(Some(Seq(300))).unwrap().total.converged, 0);
        assert_eq!(convergence.report(Some(Seq(300))).unwrap().laggards.len(), 1);
        assert!(convergence.report(Some(Seq(1))).is_none(), "too old to be followed");
    }
}
