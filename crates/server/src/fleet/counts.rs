//! What nodes tell each other of their counts, so that those of a measured flag are the fleet's on every node.
//!
//! A node tells what came to itself, cumulatively since it started. Who hears it adds only what has grown since it heard
//! the same node last: so a word may be lost, and what a node has counted stays when the node is gone. Where a node is
//! heard for the first time, what it says is where its growth begins, unless it has only just started itself.

use std::{
    collections::HashMap,
    hash::Hash,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use super::MAX_NODES;
use crate::{
    app::App,
    sdk::{
        counts::Counts,
        events::{Exposure, Metric},
        sums::Sum,
    },
};

/// How often a node tells of its counts at most.
const EVERY: Duration = Duration::from_secs(1);
/// How often it tells of all, changed or not: whatever word was lost is made up for by then.
const ALL_EVERY: Duration = Duration::from_secs(10);
/// Sums in one word; what is over is not told. About two megabytes.
const MAX_TOLD: usize = 20_000;
/// Sums that are remembered of all other nodes together; of more, growth is not noticed.
const MAX_REMEMBERED: usize = 400_000;
/// After how much silence a node is forgotten: it starts under another name, so it won't come back.
const FORGOTTEN: Duration = Duration::from_secs(3_600);

/// What a node tells of its counts.
#[derive(Serialize, Deserialize)]
pub(super) struct Told {
    /// Which of its words it is, from 1.
    revision: u64,
    /// Whether it has all there is, or only what has changed.
    all: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    environments: Vec<Of>,
}

/// What was counted in one environment, since the node started.
#[derive(Serialize, Deserialize)]
struct Of {
    environment: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    exposures: Vec<Exposure>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    metrics: Vec<Metric>,
}

/// What this node has told.
#[derive(Default)]
pub(super) struct Own {
    revision: u64,
    /// How often something had been counted by then.
    changes: u64,
    at: Option<Instant>,
    all_at: Option<Instant>,
}

impl Own {
    /// Tells all with the next word.
    pub(super) fn tell_all(&mut self) {
        self.all_at = None;
    }

    /// What there is to be told now, if anything. The first word, right after the start, says that there is nothing
    /// yet: so everybody knows where this node's growth begins.
    pub(super) fn word(&mut self, app: &App) -> Option<Told> {
        // Who is about to go says at once what it still takes.
        if self.at.is_some_and(|at| at.elapsed() < EVERY) && !app.is_leaving() {
            return None;
        }
        let all = self.all_at.is_none_or(|at| at.elapsed() >= ALL_EVERY);
        // Read first: what is counted meanwhile is told the next time.
        let changes = app.counts.changes();
        if !all && changes == self.changes {
            return None;
        }
        let since = if all { 0 } else { self.changes };
        let snapshot = app.world.snapshot();
        let told = app.counts.own_since(since, MAX_TOLD, |environment, flag| {
            snapshot.ruleset(environment).is_some_and(|ruleset| ruleset.is_measured(flag))
        });
        self.changes = changes;
        if !all && told.is_empty() {
            return None;
        }
        let now = Instant::now();
        (self.at, self.revision) = (Some(now), self.revision + 1);
        self.all_at = if all { Some(now) } else { self.all_at };
        let environments = told
            .into_iter()
            .map(|(environment, exposures, metrics)| Of { environment, exposures, metrics })
            .collect();
        Some(Told { revision: self.revision, all, environments })
    }
}

/// What was heard of a node last.
struct Heard {
    at: Instant,
    exposures: HashMap<(String, ExposureOf), u64>,
    metrics: HashMap<(String, MetricOf), Sum>,
}

/// What an exposure is of: flag, variant, venue, dark.
type ExposureOf = (String, Option<String>, Option<String>, bool);
/// What a metric is of: metric, venue, flag, variant.
type MetricOf = (String, Option<String>, Option<String>, Option<String>);

/// What was heard of the others.
#[derive(Default)]
pub(super) struct Nodes(HashMap<String, Heard>);

impl Nodes {
    /// Adds what another node has counted since it was heard last. `true` when it is heard for the first time.
    pub(super) fn hear(&mut self, counts: &Counts, node: String, told: Told) -> bool {
        self.0.retain(|_, heard| heard.at.elapsed() < FORGOTTEN);
        let known = self.0.contains_key(&node);
        // Growth can't be told from what was there before by someone who has not heard all of it once.
        if !known && (!told.all || self.0.len() >= MAX_NODES) {
            return false;
        }
        let remembered = |heard: &Heard| heard.exposures.len() + heard.metrics.len();
        let mut room = MAX_REMEMBERED.saturating_sub(self.0.values().map(remembered).sum());
        let fresh = || Heard { at: Instant::now(), exposures: HashMap::new(), metrics: HashMap::new() };
        let heard = self.0.entry(node).or_insert_with(fresh);
        heard.at = Instant::now();
        let counted = known || told.revision == 1;
        for Of { environment, mut exposures, mut metrics } in told.environments {
            exposures.retain_mut(|own| {
                let of = (own.flag.clone(), own.variant.clone(), own.venue.clone(), own.dark);
                let before = learn(&mut heard.exposures, (environment.clone(), of), own.count, &mut room);
                // Less than before is another beginning.
                let growth = before.and_then(|before| own.count.checked_sub(before));
                own.count = growth.unwrap_or(0);
                counted && own.count > 0
            });
            metrics.retain_mut(|own| {
                let of = (own.metric.clone(), own.venue.clone(), own.flag.clone(), own.variant.clone());
                let before = learn(&mut heard.metrics, (environment.clone(), of), own.sum(), &mut room);
                let growth = before.and_then(|before| own.sum().since(&before));
                own.set_sum(growth.unwrap_or_default());
                counted && own.count > 0
            });
            if !(exposures.is_empty() && metrics.is_empty()) {
                counts.hear(&environment, exposures, metrics);
            }
        }
        !known
    }
}

/// Remembers a sum, and gives what it was before; nothing when there is no room to remember it.
fn learn<K: Eq + Hash, V: Copy + Default>(
    all: &mut HashMap<K, V>,
    of: K,
    now: V,
    room: &mut usize,
) -> Option<V> {
    if let Some(own) = all.get_mut(&of) {
        return Some(std::mem::replace(own, now));
    }
    *room = room.checked_sub(1)?;
    all.insert(of, now);
    Some(V::default())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A word with this many exposures of one variant, and half as many failures among as many checkouts.
    fn word(revision: u64, all: bool, flags: &[(&str, u64)]) -> Told {
        let exposures: Vec<Value> = flags
            .iter()
            .map(|(flag, count)| json!({"flag": flag, "variant": "on", "venue": "dome", "count": count}))
            .collect();
        let metrics: Vec<Value> = flags
            .iter()
            .map(|(flag, count)| {
                json!({"metric": "checkout", "flag": flag, "variant": "on", "count": count, "failed": count / 2,
                    "sum": -(*count as f64), "squares": count})
            })
            .collect();
        let environment = json!({"environment": "production", "exposures": exposures, "metrics": metrics});
        serde_json::from_value(json!({"revision": revision, "all": all, "environments": [environment]}))
            .unwrap()
    }

    /// How often a flag was exposed, which is how often it was measured.
    fn total(counts: &Counts, flag: &str) -> u64 {
        let exposed: u64 = counts.exposed("production", flag).iter().map(|own| own.count).sum();
        let measured = counts.measured("production", flag);
        assert_eq!(exposed, measured.iter().map(|own| own.count).sum::<u64>());
        if let [own] = &measured[..] {
            assert_eq!((own.sum, own.squares), (-(exposed as f64), exposed as f64));
        }
        exposed
    }

    #[test]
    fn growth_is_added_however_many_words_are_lost_or_come_twice() {
        let (counts, mut nodes) = (Counts::default(), Nodes::default());
        assert!(nodes.hear(&counts, "a".into(), word(1, true, &[("f", 4)])), "it is new");
        assert_eq!(total(&counts, "f"), 4, "it has just started, so all of it is growth");
        for _ in 0..2 {
            assert!(!nodes.hear(&counts, "a".into(), word(5, false, &[("f", 10), ("g", 2)])));
        }
        assert_eq!((total(&counts, "f"), total(&counts, "g")), (10, 2));
        nodes.hear(&counts, "b".into(), word(1, true, &[("f", 6)]));
        assert_eq!(total(&counts, "f"), 16);
    }

    #[test]
    fn what_a_node_had_counted_before_it_was_heard_is_where_its_growth_begins() {
        let (counts, mut nodes) = (Counts::default(), Nodes::default());
        assert!(
            !nodes.hear(&counts, "a".into(), word(8, false, &[("f", 90)])),
            "a part of it is no beginning"
        );
        assert!(nodes.hear(&counts, "a".into(), word(9, true, &[("f", 100)])));
        assert_eq!(total(&counts, "f"), 0);
        nodes.hear(&counts, "a".into(), word(10, false, &[("f", 102), ("new", 3)]));
        assert_eq!((total(&counts, "f"), total(&counts, "new")), (2, 3));
    }

    #[test]
    fn totals_never_go_back() {
        let (counts, mut nodes) = (Counts::default(), Nodes::default());
        nodes.hear(&counts, "a".into(), word(1, true, &[("f", 40)]));
        nodes.hear(&counts, "a".into(), word(2, true, &[("f", 10)]));
        assert_eq!(total(&counts, "f"), 40, "another beginning");
        nodes.hear(&counts, "a".into(), word(3, true, &[("f", 12)]));
        assert_eq!(total(&counts, "f"), 42);
        nodes.hear(&counts, "a".into(), word(4, true, &[]));
        assert_eq!(total(&counts, "f"), 42);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (counts, mut nodes) = (Counts::default(), Nodes::default());
        for n in 0..MAX_NODES + 5 {
            nodes.hear(&counts, format!("n{n}"), word(1, true, &[("f", 1)]));
        }
        assert_eq!((nodes.0.len(), total(&counts, "f")), (MAX_NODES, MAX_NODES as u64));
        let mut room = 1;
        let mut all = HashMap::new();
        assert_eq!(learn(&mut all, "a", 3_u64, &mut room), Some(0));
        assert_eq!(learn(&mut all, "b", 3, &mut room), None);
        assert_eq!(learn(&mut all, "a", 5, &mut room), Some(3));
    }
}
