//! What the servers here hold: the demo's flags and cohorts, at the largest of its venues.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

/// Real venues, and how many seats each has.
const VENUES: &str = include_str!("../../../cli/assets/venues.csv");
/// A ticketing app's flags, with their history.
const HISTORY: &str = include_str!("../../../cli/assets/demo.json");

/// The flag that is killed and revived: clients see it, and some of the others lean on it.
pub(super) const KILLED: &str = "express-checkout";

/// Documents of a workspace, and where people are in it.
pub struct Workspace {
    pub(super) changes: Vec<Value>,
    /// Keys of venues, each with the sum of seats up to and with it.
    venues: Vec<(String, u64)>,
}

impl Workspace {
    /// The demo's, at so many venues.
    ///
    /// # Errors
    /// Assets that can't be read.
    pub fn demo(venues: usize) -> Result<Self> {
        let environment = json!({"kind": "environment", "key": "training", "name": "Training"});
        let mut changes = vec![json!({"put": environment})];
        let mut largest = largest(venues)?;
        let mut seats = 0;
        for (venue, own) in &mut largest {
            seats += *own;
            *own = seats;
            changes.push(json!({"put": venue}));
        }
        let history: Vec<Value> = serde_json::from_str(HISTORY)?;
        let mut flags: Vec<Value> = Vec::new();
        for put in history.iter().filter_map(|past| past["put"].as_array()).flatten() {
            // The last word on a document counts.
            flags.retain(|flag| flag["key"] != put["key"]);
            flags.push(put.clone());
        }
        // Cohorts can name only venues that there are; here they are everywhere.
        for flag in &mut flags {
            flag.as_object_mut().context("a document is an object")?.remove("venues");
        }
        changes.extend(flags.into_iter().map(|flag| json!({"put": flag})));
        let key = |venue: &Value| venue["key"].as_str().unwrap_or_default().to_owned();
        let venues = largest.iter().map(|(venue, seats)| (key(venue), *seats)).collect();
        Ok(Self { changes, venues })
    }

    /// The venue of one of `clients`: people are spread over venues as seats are.
    pub(super) fn venue(&self, client: usize, clients: usize) -> &str {
        let seats = self.venues.last().map_or(0, |(_, seats)| *seats);
        // A step that has no factor in common with small numbers, so that each venue gets some of every habit.
        let place = (client as u64).wrapping_mul(7_919) % clients.max(1) as u64;
        let seat = place * seats / clients.max(1) as u64;
        let at = self.venues.partition_point(|(_, until)| *until <= seat);
        self.venues.get(at).map_or("", |(key, _)| key)
    }
}

fn largest(venues: usize) -> Result<Vec<(Value, u64)>> {
    let mut all = Vec::new();
    for line in VENUES.lines().skip(1) {
        // Names with commas are quoted; those few are left out rather than parsed.
        let fields: Vec<&str> = line.split(',').collect();
        let [key, name, city, country, capacity] = *fields.as_slice() else { continue };
        let Ok(seats) = capacity.parse::<u64>() else { continue };
        let venue = json!({"kind": "venue", "key": key, "name": name, "city": city, "country": country,
                           "capacity": seats});
        all.push((venue, seats));
    }
    all.sort_by_key(|(_, seats)| std::cmp::Reverse(*seats));
    all.truncate(venues);
    ensure!(!all.is_empty(), "there are no venues");
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_spread_over_all_venues_and_most_are_at_the_largest() {
        let workspace = Workspace::demo(50).unwrap();
        let mut counts = std::collections::HashMap::new();
        for client in 0..5_000 {
            *counts.entry(workspace.venue(client, 5_000).to_owned()).or_insert(0) += 1;
        }
        assert_eq!(counts.len(), 50);
        assert_eq!(counts.values().max(), counts.get(&workspace.venues[0].0));
    }
}
