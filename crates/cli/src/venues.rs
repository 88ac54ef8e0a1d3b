//! Venues out of CSV.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

/// Venues out of CSV with the columns key, name, city, country, capacity.
pub fn read_csv(file: &Path) -> Result<Vec<Value>> {
    let bytes = std::fs::read(file).with_context(|| format!("{} can't be read", file.display()))?;
    parse_csv(&bytes).with_context(|| format!("{} is not a list of venues", file.display()))
}

/// See [`read_csv`].
pub fn parse_csv(bytes: &[u8]) -> Result<Vec<Value>> {
    #[derive(serde::Deserialize)]
    struct Row {
        key: String,
        name: String,
        city: String,
        country: String,
        capacity: Option<u32>,
    }
    let rows = csv::Reader::from_reader(bytes).into_deserialize::<Row>();
    rows.map(|row| {
        let Row { key, name, city, country, capacity } = row?;
        let mut venue = json!({"kind": "venue", "key": key, "name": name, "city": city, "country": country});
        if let Some(capacity) = capacity {
            venue["capacity"] = capacity.into();
        }
        Ok(venue)
    })
    .collect()
}
