//! A kill on its way to every device.

use anyhow::Result;
use hdrhistogram::Histogram;

use super::{chance::Chance, costs::Costs, tree::Edge};

/// Longest time that is told apart, in milliseconds: ten minutes.
const LONGEST: u64 = 600_000;

/// How long a change took to come to devices, in milliseconds.
pub struct Arrivals {
    /// To those whose connections live.
    pub living: Histogram<u64>,
    /// To all: dead connections are noticed after two heartbeats, and come back after a jitter.
    pub all: Histogram<u64>,
    /// Until the last edge has it.
    pub edges: f64,
}

/// Sends a change down the tree. Nodes send to their edges one after another, edges to their devices.
#[allow(clippy::cast_precision_loss)] // Counts of devices and edges.
pub fn kill(edges: &[Edge], costs: &Costs, seed: u64) -> Result<Arrivals> {
    let mut chance = Chance::new(seed);
    let mut living = Histogram::new_with_bounds(1, LONGEST, 3)?;
    let mut all = living.clone();
    let mut last_edge = 0.0_f64;
    let per_node = edges.len().div_ceil(costs.nodes as usize).max(1);
    for (n, edge) in edges.iter().enumerate() {
        let turn = costs.seconds_to_send((n % per_node) as f64, costs.change_bytes) * 1e3;
        let reached = turn + chance.time(costs.edge_millis, costs.scatter);
        last_edge = last_edge.max(reached);
        let each = costs.seconds_to_send(1.0, costs.change_bytes) * 1e3;
        for device in 0..edge.devices {
            let sent = reached + f64::from(device) * each;
            let arrived = sent + chance.time(costs.device_millis, costs.scatter);
            if chance.share() < costs.dead_share {
                // It died at any moment since the last heartbeat.
                let noticed = (1.0 + chance.share()) * costs.heartbeat;
                let back = arrived + (noticed + chance.share() * costs.jitter) * 1e3;
                all.saturating_record(millis(back));
            } else {
                living.saturating_record(millis(arrived));
                all.saturating_record(millis(arrived));
            }
        }
    }
    Ok(Arrivals { living, all, edges: last_edge })
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // A time, far from the bounds of its type.
fn millis(time: f64) -> u64 {
    (time.round() as u64).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seats::tests::costs;

    fn edges(count: usize, devices: u32) -> Vec<Edge> {
        vec![Edge { devices }; count]
    }

    #[test]
    fn every_device_is_told_once_and_the_same_seed_tells_the_same_story() {
        let (tree, costs) = (edges(20, 500), costs());
        let [first, again, other] = [1, 1, 2].map(|seed| kill(&tree, &costs, seed).unwrap());
        assert_eq!((first.all.len(), first.all.max()), (10_000, again.all.max()));
        assert!(first.living == again.living && first.living != other.living);
        let dead = first.all.len() - first.living.len();
        assert!((50..200).contains(&dead), "one in a hundred: {dead}");
        assert!(first.all.max() <= (3.0 * costs.heartbeat + costs.jitter) as u64 * 1_000 + 10_000);
    }

    #[test]
    fn a_crowded_edge_is_the_last_and_a_slow_line_holds_everybody_up() {
        let costs = costs();
        let p99 = |tree: &[Edge], costs: &Costs| kill(tree, costs, 7).unwrap().living.value_at_quantile(0.99);
        let crowded = p99(&edges(1, 200_000), &costs);
        assert!(crowded > p99(&edges(20, 10_000), &costs), "{crowded}");
        let slow = Costs { gigabits: 0.01, ..costs };
        assert!(p99(&edges(20, 10_000), &slow) > 5 * p99(&edges(20, 10_000), &costs));
    }
}
