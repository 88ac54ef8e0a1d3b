//! The other nodes of the fleet: each tells all others, beside the journal, of the clients that it and the edges below
//! it serve, so that convergence and connections are those of the whole fleet on every node; and of what it has counted
//! for measured flags (`counts`), so that whichever node decides about one knows all of it; of what was evaluated
//! (`evaluations`); and of how it stands (`roll`).
//!
//! What is said is cumulative and may be lost: the next word makes up for it. A node that says nothing for a while is
//! gone, and its clients with it; they come back elsewhere.

mod counts;
mod evaluations;
mod roll;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::{
    sync::broadcast::error::RecvError,
    time::{MissedTickBehavior, interval},
};
use usher_core::{
    model::Timestamp,
    protocol::{Census, Clients, Source},
};
use usher_journal::Fleet;

use crate::{app::App, clock, evaluations::Told};
pub use roll::NodeStatus;

/// How often a node speaks at most: convergence is told no later than this.
const EVERY: Duration = Duration::from_millis(200);
/// How often it speaks at least.
const AT_LEAST_EVERY: Duration = Duration::from_secs(2);
/// After how much silence a node is gone.
pub(crate) const SILENT: Duration = Duration::from_secs(7);
/// Nodes that are listened to; more are passed over.
const MAX_NODES: usize = 256;

/// The other nodes that are heard, and what they say of themselves.
#[derive(Default)]
pub struct Peers(Mutex<BTreeMap<String, Peer>>);

/// What another node says of itself; an older one says nothing.
#[derive(Default)]
struct Peer {
    status: Option<NodeStatus>,
    since: Option<Timestamp>,
}

impl Peers {
    /// Whether this node is the one to do what only one should: the first by name of those that are heard. Two may
    /// believe so for a moment, so it only keeps them from doing the same in vain.
    pub(crate) fn acts(&self, fleet: Option<&dyn Fleet>) -> bool {
        let first = self.lock().keys().next().cloned();
        fleet.zip(first).is_none_or(|(own, first)| own.node() < first.as_str())
    }

    /// How the others stand, by name.
    pub(crate) fn statuses(&self) -> Vec<NodeStatus> {
        self.lock().values().filter_map(|own| own.status.clone()).collect()
    }

    /// Since when one of the others has watched releases: the one that has done so for longest.
    pub(crate) fn watching_since(&self) -> Option<Timestamp> {
        self.lock().values().filter_map(|own| own.since).min()
    }

    /// One has said how it stands. One that is not among those that are heard is passed over.
    fn stands(&self, node: &str, status: NodeStatus) {
        if let Some(own) = self.lock().get_mut(node) {
            own.status = Some(status);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Peer>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Talks with the other nodes, until the server stops.
pub(crate) async fn talk(app: Arc<App>, fleet: Arc<dyn Fleet>) {
    let mut heard = fleet.listen();
    let mut nodes = Nodes::default();
    let mut own = Own::default();
    let (mut counted, mut told) = (counts::Nodes::default(), counts::Own::default());
    let mut standing = roll::Own::default();
    let mut evaluated = evaluations::Own::default();
    let mut tick = interval(EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            said = heard.recv() => match said {
                Ok(text) => match Word::read(&text, fleet.node()) {
                    Some(Word { node, census: Some(census), since, .. }) => {
                        nodes.hear(&app, node, since, census);
                    }
                    Some(Word { node, counts: Some(counts), .. }) => {
                        let is_new = counted.hear(&app.counts, node, counts);
                        // It begins with what it hears first, so it had better hear all of it soon.
                        if is_new {
                            told.tell_all();
                        }
                    }
                    Some(Word { node, evaluations: Some(told), .. }) => {
                        app.evaluations().hear(&node, &told, clock::now());
                    }
                    Some(Word { node, status: Some(status), .. }) => app.peers.stands(&node, status),
                    _ => {}
                },
                // The next word of each makes up for it.
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
            _ = tick.tick() => {
                nodes.forget_silent(&app);
                let word = || Word::of(fleet.node());
                if let Some(census) = own.word(&app) {
                    let since = Some(app.releases.began());
                    say(&*fleet, "census", &Word { since, census: Some(census), ..word() });
                }
                if let Some(counts) = told.word(&app) {
                    say(&*fleet, "counts", &Word { counts: Some(counts), ..word() });
                }
                if let Some(told) = evaluated.word(&app) {
                    say(&*fleet, "evaluations", &Word { evaluations: Some(told), ..word() });
                }
                if let Some(status) = standing.word(&app) {
                    say(&*fleet, "status", &Word { status: Some(status), ..word() });
                }
            }
        }
    }
}

/// What a node says: one of these, or something that only newer ones know.
#[derive(serde::Serialize, serde::Deserialize)]
struct Word {
    node: String,
    /// Since when it watches releases, with a census.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    census: Option<Census>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    counts: Option<counts::Told>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    evaluations: Option<Vec<Told>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<NodeStatus>,
}

impl Word {
    fn of(node: &str) -> Self {
        Self {
            node: node.to_owned(),
            since: None,
            census: None,
            counts: None,
            evaluations: None,
            status: None,
        }
    }

    /// What another node says.
    fn read(text: &str, own: &str) -> Option<Self> {
        match serde_json::from_str::<Self>(text) {
            Ok(word) => Some(word).filter(|word| word.node != own),
            Err(_) => {
                tracing::warn!("a node says what this one does not understand: is it newer?");
                None
            }
        }
    }
}

fn say(fleet: &dyn Fleet, about: &'static str, word: &Word) {
    if let Ok(text) = serde_json::to_string(word) {
        fleet.say(about, text);
    }
}

/// What this node has said.
#[derive(Default)]
struct Own {
    revision: u64,
    /// How much had happened by then, and when that was.
    said: Option<((u64, u64), Instant)>,
}

impl Own {
    fn word(&mut self, app: &App) -> Option<Census> {
        // Read first: what happens while it is being counted is told the next time.
        let happened = (app.connections.changes(), app.convergence.changes());
        if self.said.is_some_and(|(then, at)| then == happened && at.elapsed() < AT_LEAST_EVERY) {
            return None;
        }
        self.said = Some((happened, Instant::now()));
        self.revision += 1;
        let snapshot = app.world.snapshot();
        let groups = app.connections.groups_here(None).into_iter();
        let census = Census {
            revision: self.revision,
            epoch: snapshot.epoch,
            seq: snapshot.seq(),
            clients: groups.map(|(group, count)| Clients { group, count }).collect(),
            commits: app.convergence.counts(None),
        };
        Some(census.bounded())
    }
}

/// When each of the others was last heard.
#[derive(Default)]
struct Nodes(HashMap<String, Instant>);

impl Nodes {
    fn hear(&mut self, app: &App, node: String, since: Option<Timestamp>, census: Census) {
        if self.0.len() >= MAX_NODES && !self.0.contains_key(&node) {
            return;
        }
        self.0.insert(node.clone(), Instant::now());
        app.peers.lock().entry(node.clone()).or_default().since = since;
        let source = Source::Node(node);
        let same_journal = census.epoch == app.world.snapshot().epoch;
        // To hear the same counts again would move nothing, but every node would tell its browsers and edges.
        if app.connections.node_counted(source.clone(), census.clone()) && same_journal {
            app.convergence.counted(&source, None, &census);
        }
    }

    fn forget_silent(&mut self, app: &App) {
        let silent = self.0.extract_if(|_, heard| heard.elapsed() > SILENT);
        for (node, _) in silent {
            tracing::warn!(node, "a node is not heard any more: its clients count as gone");
            app.peers.lock().remove(&node);
            let source = Source::Node(node);
            app.connections.node_left(&source);
            app.convergence.source_left(&source);
        }
    }
}
