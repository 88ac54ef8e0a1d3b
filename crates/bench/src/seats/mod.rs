//! `usher-bench seats`: a change on its way to every seat of every venue that Usher knows, and what happens when all
//! of them come back at once. A simulation, seeded: nothing here is measured, and it says what it takes as given.

mod chance;
mod costs;
mod kill;
mod storm;
mod tree;

use anyhow::{Result, bail};

pub use self::costs::Costs;
use crate::table::{Form, Table, figure};

/// Simulates, and prints tables.
#[allow(clippy::cast_precision_loss)] // Counts of devices and edges.
pub fn run(costs: &Costs, seed: u64, form: Form) -> Result<()> {
    if let Some(problem) = costs.problem() {
        bail!(problem);
    }
    let venues = tree::venues()?;
    let edges = tree::edges(&venues, costs);
    let Some(largest) = edges.iter().map(|edge| edge.devices).max() else { bail!("there is nobody to tell") };
    let devices: f64 = edges.iter().map(|edge| f64::from(edge.devices)).sum();

    let mut table = Table::new(["the tree", "figure"]);
    let mut row = |name: &str, value: String| table.row([name.to_owned(), value]);
    row("venues", figure(venues.len() as f64));
    row("devices", figure(devices));
    row("edges", figure(edges.len() as f64));
    row("devices of the largest edge", figure(largest.into()));
    row("its memory for them", format!("{} MiB", figure(f64::from(largest) * costs.device_kib / 1_024.0)));
    let all = devices * f64::from(costs.change_bytes) / 1e9;
    row("one change to all, from edges to devices", format!("{} GB", figure(all)));
    let up = edges.len() as f64 * f64::from(costs.change_bytes) / 1e6;
    row("the same from nodes to edges", format!("{} MB", figure(up)));
    let counts = edges.len() as f64 * f64::from(costs.census_bytes) * costs.censuses_per_second * 8.0 / 1e6;
    row("counts from edges, while it is under way", format!("{} Mbit/s", figure(counts)));
    table.print(form);

    let arrivals = kill::kill(&edges, costs, seed)?;
    let mut table = Table::new(["a kill", "p50", "p99", "p99.9", "last"]);
    for (name, times) in
        [("devices with a living connection", &arrivals.living), ("all devices", &arrivals.all)]
    {
        let at = |quantile| seconds(times.value_at_quantile(quantile) as f64 / 1e3);
        let cells = [at(0.5), at(0.99), at(0.999), seconds(times.max() as f64 / 1e3)];
        table.row([vec![name.to_owned()], cells.to_vec()].concat());
    }
    let dash = || "–".to_owned();
    table.row(["edges".to_owned(), dash(), dash(), dash(), seconds(arrivals.edges / 1e3)]);
    table.print(form);

    let mut table = Table::new([
        "all devices of an edge come back",
        "half",
        "last",
        "most attempts",
        "told to come later",
        "peak",
    ]);
    for (name, devices) in [("the largest edge", largest), ("a middling edge", middling(&edges))] {
        let storm = storm::storm(devices, costs, seed);
        table.row([
            format!("{name}: {}", figure(devices.into())),
            seconds(storm.half),
            storm.seconds.map_or_else(|| "never".to_owned(), seconds),
            storm.attempts.to_string(),
            figure(storm.refused as f64),
            format!("{} Mbit/s", figure(storm.peak_bytes * 8.0 / 1e6)),
        ]);
    }
    table.print(form);
    saturation(costs, edges.len()).print(form);
    Ok(())
}

/// Where each part can take no more.
#[allow(clippy::cast_precision_loss)] // A count of edges.
fn saturation(costs: &Costs, edges: usize) -> Table {
    let mut table = Table::new(["what gives way first", "at"]);
    let mut row = |name: &str, value: String| table.row([name.to_owned(), value]);
    let memory = costs.edge_gib * 1024.0 * 1024.0 / costs.device_kib;
    row("an edge's memory", format!("{} devices", figure(memory)));
    let second = 1.0 / costs.seconds_to_send(1.0, costs.change_bytes);
    row("a change within one second of an edge", format!("{} devices", figure(second)));
    let storm = costs.connects_per_second() * costs.jitter;
    row("everybody back within the longest jitter", format!("{} devices an edge", figure(storm)));
    let nodes = f64::from(costs.nodes);
    row("a change to all edges within one second", format!("{} edges", figure(second * nodes)));
    let snapshots = costs.bytes_per_second() * nodes * costs.jitter / f64::from(costs.snapshot_bytes);
    row("all edges back within the longest jitter", format!("{} edges", figure(snapshots)));
    let alone = edges as f64 * f64::from(costs.snapshot_bytes) / (costs.bytes_per_second() * nodes);
    row("seconds in which the nodes can feed all edges anew", figure(alone));
    table
}

fn middling(edges: &[tree::Edge]) -> u32 {
    let mut sizes: Vec<u32> = edges.iter().map(|edge| edge.devices).collect();
    sizes.sort_unstable();
    sizes.get(sizes.len() / 2).copied().unwrap_or_default()
}

fn seconds(seconds: f64) -> String {
    format!("{seconds:.2} s")
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Given {
        #[command(flatten)]
        costs: Costs,
    }

    pub fn costs() -> Costs {
        Given::parse_from(["seats"]).costs
    }

    #[test]
    fn impossible_costs_are_refused_by_name() {
        assert_eq!(costs().problem(), None);
        let wrong = Costs { cores: 0, ..costs() };
        assert_eq!(wrong.problem().as_deref(), Some("--cores is 0: give a number above 0"));
        let wrong = Costs { dead_share: 1.5, ..costs() };
        assert!(wrong.problem().unwrap().starts_with("--dead-share is 1.5"));
    }
}
