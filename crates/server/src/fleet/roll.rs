//! Who is there: every node of the fleet says how it stands, and which edges have their streams there.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{app::App, connections::EdgeStatus, health::standing};

/// Edges that a node tells of; there is no fleet with more on one node.
const MAX_EDGES: usize = 1_024;
/// How often a node says how it stands, where nothing has changed.
const EVERY: Duration = Duration::from_secs(2);
/// How often it is looked at whether anything has.
const AT_MOST_EVERY: Duration = Duration::from_secs(1);

/// A server of the fleet, as it last told of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeStatus {
    /// Its name in the fleet; none for a server that is alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its version.
    pub version: String,
    /// The last commit that it has.
    pub seq: u64,
    /// `ready`, `degraded` while it can't write, `draining`, `empty` or `failed`, as its `/readyz` says.
    pub status: String,
    /// Why it is not ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Streams that end there, those of edges included.
    pub streams: usize,
    /// Edges whose streams end there.
    pub edges: Vec<EdgeStatus>,
}

impl NodeStatus {
    /// How this server stands now.
    #[must_use]
    pub fn of(app: &App) -> Self {
        let now = standing(app);
        let streams = app.world.streams();
        let mut edges = app.connections.edges(|view| streams.subscribe(view.clone()).borrow().head);
        edges.truncate(MAX_EDGES);
        Self {
            name: app.world.journal().fleet().map(|fleet| fleet.node().to_owned()),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            seq: app.world.snapshot().seq().0,
            status: now.status.to_owned(),
            reason: now.reason,
            streams: app.connections.here(),
            edges,
        }
    }
}

/// What this node has said of itself.
#[derive(Default)]
pub(super) struct Own {
    looked: Option<Instant>,
    said: Option<(NodeStatus, Instant)>,
}

impl Own {
    /// What is to be said now, if anything.
    pub(super) fn word(&mut self, app: &App) -> Option<NodeStatus> {
        if self.looked.is_some_and(|at| at.elapsed() < AT_MOST_EVERY) {
            return None;
        }
        self.looked = Some(Instant::now());
        let status = NodeStatus::of(app);
        if self.said.as_ref().is_some_and(|(then, at)| *then == status && at.elapsed() < EVERY) {
            return None;
        }
        self.said = Some((status.clone(), Instant::now()));
        Some(status)
    }
}
