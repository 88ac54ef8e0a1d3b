//! Clients counted from afar: what an edge tells its upstream of those it serves, or one node another.
//!
//! A census is cumulative and replaces the one before it from the same source, so that it may be lost, sent again or
//! overtaken, and the sums are right once the newest has come. What several sources count is added up.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Mode;
use crate::{
    model::{EnvironmentKey, Epoch, Seq},
    schema::OLDEST,
};

/// Groups of clients in one census; who has more leaves out the SDK's version, so that fewer are left.
pub const MAX_GROUPS: usize = 4_096;
/// Counts of venues in one census, over all its commits: about half of the largest frame.
pub const MAX_COUNTS: usize = 6_000;

/// Who counts clients.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Source {
    /// An edge, by the random identity of its process: it stays the same when the edge connects anew.
    Edge(String),
    /// Another node of the same fleet, likewise.
    Node(String),
}

/// What a source counts now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Census {
    /// Which of its source's it is: a later one has a higher number.
    pub revision: u64,
    /// The journal that the commits are of.
    pub epoch: Epoch,
    /// The newest commit that the source has published to its clients.
    pub seq: Seq,
    /// Connected clients.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clients: Vec<Clients>,
    /// How far recent commits have come, newest first. What is left out stays as it was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commits: Vec<CommitCount>,
}

/// Clients that are alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clients {
    /// What they have in common.
    #[serde(flatten)]
    pub group: Group,
    /// How many.
    pub count: u64,
}

/// What clients have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// The environment of their keys.
    pub environment: EnvironmentKey,
    /// Where they are; none for nowhere in particular.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub venue: Option<String>,
    /// Name and version of their SDK.
    pub sdk: String,
    /// Version of the program that uses it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What they are sent.
    pub mode: Mode,
    /// In which payload schema; 1 by those who do not know of others.
    #[serde(default = "oldest", skip_serializing_if = "is_oldest")]
    pub schema: u32,
}

fn oldest() -> u32 {
    OLDEST
}

#[allow(clippy::trivially_copy_pass_by_ref)] // As serde asks.
fn is_oldest(schema: &u32) -> bool {
    *schema == OLDEST
}

/// How far a commit has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommitCount {
    /// The commit.
    pub seq: Seq,
    /// What its clients had before: it may have come to them with others, as one.
    pub from: Seq,
    /// Venue by venue.
    pub venues: Vec<VenueCount>,
}

/// A venue's part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VenueCount {
    /// The venue; none for clients that belong to none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub venue: Option<String>,
    /// How far it has come there.
    #[serde(flatten)]
    pub count: Count,
}

/// How many have applied a commit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Count {
    /// Connected when it was published, and concerned by it.
    pub expected: u64,
    /// Of those, have applied it.
    pub converged: u64,
    /// Of those, disconnected before they did.
    pub left: u64,
}

impl Count {
    /// Those of whom nothing is known yet.
    #[must_use]
    pub fn pending(self) -> u64 {
        self.expected.saturating_sub(self.converged).saturating_sub(self.left)
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            expected: self.expected.saturating_add(other.expected),
            converged: self.converged.saturating_add(other.converged),
            left: self.left.saturating_add(other.left),
        }
    }

    /// Their source is gone: whoever had not applied it by then counts as left.
    #[must_use]
    pub fn gone(self) -> Self {
        Self { left: self.left.saturating_add(self.pending()), ..self }
    }
}

impl CommitCount {
    /// All venues together.
    #[must_use]
    pub fn total(&self) -> Count {
        self.venues.iter().fold(Count::default(), |sum, venue| sum.plus(venue.count))
    }

    /// Whether a commit came to these clients with this one, or is it.
    #[must_use]
    pub fn covers(&self, seq: Seq) -> bool {
        self.from < seq && seq <= self.seq
    }
}

/// The newest census of each source.
#[derive(Clone, Debug, PartialEq)]
pub struct Censuses<S> {
    by_source: BTreeMap<S, Census>,
}

impl<S: Ord> Default for Censuses<S> {
    fn default() -> Self {
        Self { by_source: BTreeMap::new() }
    }
}

impl<S: Ord> Censuses<S> {
    /// Takes what a source counts now. `false` for one that is no newer than what is there: it changes nothing.
    pub fn put(&mut self, source: S, census: Census) -> bool {
        match self.by_source.get(&source) {
            Some(own) if own.revision >= census.revision => false,
            _ => {
                self.by_source.insert(source, census);
                true
            }
        }
    }

    /// Takes what others have heard. The order does not matter.
    pub fn merge(&mut self, other: Self) {
        for (source, census) in other.by_source {
            self.put(source, census);
        }
    }

    /// A source is gone, and with it whom it counted.
    pub fn remove(&mut self, source: &S) -> Option<Census> {
        self.by_source.remove(source)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&S, &Census)> {
        self.by_source.iter()
    }

    /// What a source counts.
    #[must_use]
    pub fn get(&self, source: &S) -> Option<&Census> {
        self.by_source.get(source)
    }

    /// All connected clients, added up.
    #[must_use]
    pub fn clients(&self) -> BTreeMap<&Group, u64> {
        let mut sums: BTreeMap<&Group, u64> = BTreeMap::new();
        for clients in self.by_source.values().flat_map(|census| &census.clients) {
            let sum = sums.entry(&clients.group).or_default();
            *sum = sum.saturating_add(clients.count);
        }
        sums
    }

    /// How far a commit has come by what the newest censuses say, venue by venue.
    #[must_use]
    pub fn commit(&self, epoch: Epoch, seq: Seq) -> BTreeMap<Option<&str>, Count> {
        let mut sums: BTreeMap<Option<&str>, Count> = BTreeMap::new();
        let of = self.by_source.values().filter(|census| census.epoch == epoch);
        let counts = of.flat_map(|census| &census.commits).filter(|commit| commit.seq == seq);
        for venue in counts.flat_map(|commit| &commit.venues) {
            let sum = sums.entry(venue.venue.as_deref()).or_default();
            *sum = sum.plus(venue.count);
        }
        sums
    }
}

impl Census {
    /// How many clients it counts.
    #[must_use]
    pub fn devices(&self) -> u64 {
        self.clients.iter().fold(0, |sum, clients| sum.saturating_add(clients.count))
    }

    /// Brings it within its bounds: what is oldest, or finest, goes first.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        if self.clients.len() > MAX_GROUPS {
            let mut coarse: BTreeMap<Group, u64> = BTreeMap::new();
            for Clients { group, count } in self.clients {
                let sum = coarse.entry(Group { version: None, sdk: String::new(), ..group }).or_default();
                *sum = sum.saturating_add(count);
            }
            self.clients = coarse.into_iter().map(|(group, count)| Clients { group, count }).collect();
            self.clients.truncate(MAX_GROUPS);
        }
        let mut counts = 0;
        self.commits.retain(|commit| {
            counts += commit.venues.len();
            counts <= MAX_COUNTS
        });
        self
    }
}
