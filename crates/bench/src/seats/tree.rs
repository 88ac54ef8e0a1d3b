//! The tree that a change runs down: server nodes, edges, devices.

use anyhow::{Context as _, Result};
use serde::Deserialize;

use super::costs::Costs;

/// The venues that Usher ships with.
const VENUES: &str = include_str!("../../../cli/assets/venues.csv");

/// A venue, as far as it counts here.
#[derive(Deserialize)]
pub struct Venue {
    /// Its seats.
    pub capacity: u32,
}

/// One edge: the devices that it has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edge {
    /// How many.
    pub devices: u32,
}

/// All venues.
pub fn venues() -> Result<Vec<Venue>> {
    let mut reader = csv::Reader::from_reader(VENUES.as_bytes());
    reader.deserialize().collect::<Result<_, _>>().context("the venues can't be read")
}

/// Enough edges for each venue, each with an equal part of its devices. No edge serves two venues: what it holds is
/// its venue's alone, and it stands there.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // At most the seats of a venue, times a few.
pub fn edges(venues: &[Venue], costs: &Costs) -> Vec<Edge> {
    let mut edges = Vec::new();
    for venue in venues {
        let devices = (f64::from(venue.capacity) * costs.devices_per_seat).round() as u32;
        let count = devices.div_ceil(costs.devices_per_edge);
        for n in 0..count {
            edges.push(Edge { devices: devices / count + u32::from(n < devices % count) });
        }
    }
    edges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seat_has_its_place_on_an_edge_and_no_edge_has_too_many() {
        let (venues, costs) = (venues().unwrap(), crate::seats::tests::costs());
        let edges = edges(&venues, &costs);
        let seats: u64 = venues.iter().map(|venue| u64::from(venue.capacity)).sum();
        assert_eq!(edges.iter().map(|edge| u64::from(edge.devices)).sum::<u64>(), seats);
        assert!(seats > 48_000_000 && edges.len() >= venues.len());
        assert!(edges.iter().all(|edge| (1..=costs.devices_per_edge).contains(&edge.devices)));
    }
}
