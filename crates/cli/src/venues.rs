//! Venues out of CSV.

use std::collections::HashMap;

use csv::{Position, StringRecord};
use serde_json::{Value, json};

/// What a file has to have. Columns of other names are left out.
const COLUMNS: [&str; 5] = ["key", "name", "city", "country", "capacity"];

/// What is wrong with a file: where, what, and the mend.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {detail}")]
pub struct NoVenues {
    place: String,
    detail: String,
}

/// Venues out of CSV with the columns key, name, city, country, capacity.
///
/// # Errors
/// A file that is no such list, by line and column. All lines are read before anything is made of them.
pub fn parse_csv(bytes: &[u8]) -> Result<Vec<Value>, NoVenues> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes);
    let heading = reader.headers().map_err(unreadable)?.clone();
    let mut columns = [0; COLUMNS.len()];
    for (column, name) in columns.iter_mut().zip(COLUMNS) {
        let found = heading.iter().position(|own| own == name);
        *column = found.ok_or_else(|| {
            let mend = format!("begin the file with {}", COLUMNS.join(","));
            problem(1, name, &format!("this column is missing: {mend}"))
        })?;
    }
    let mut venues = Vec::new();
    let mut lines = HashMap::new();
    for record in reader.records() {
        let record = record.map_err(unreadable)?;
        let line = record.position().map_or(0, Position::line);
        let venue = venue(&record, columns, line)?;
        let key = venue["key"].as_str().unwrap_or_default().to_owned();
        if let Some(first) = lines.insert(key.clone(), line) {
            let detail = format!("`{key}` stands on line {first} already: keep one of the two");
            return Err(problem(line, "key", &detail));
        }
        venues.push(venue);
    }
    if venues.is_empty() {
        return Err(NoVenues { place: "line 2".to_owned(), detail: "there are no venues in it".to_owned() });
    }
    Ok(venues)
}

fn venue(record: &StringRecord, columns: [usize; COLUMNS.len()], line: u64) -> Result<Value, NoVenues> {
    let [key, name, city, country, capacity] = columns.map(|column| record.get(column).unwrap_or_default());
    if key.is_empty() {
        return Err(problem(line, "key", "it is empty: give one, such as `wembley-stadium`"));
    }
    let mut venue = json!({"kind": "venue", "key": key, "name": name, "city": city, "country": country});
    if !capacity.is_empty() {
        let seats: u32 = capacity.parse().map_err(|_| {
            let detail = format!("`{capacity}` is not a number of seats: write digits only, or nothing");
            problem(line, "capacity", &detail)
        })?;
        venue["capacity"] = seats.into();
    }
    Ok(venue)
}

fn problem(line: u64, column: &str, detail: &str) -> NoVenues {
    NoVenues { place: format!("line {line}, column {column}"), detail: detail.to_owned() }
}

fn unreadable(error: csv::Error) -> NoVenues {
    let line = error.position().map_or(1, Position::line);
    let detail = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("it has {len} columns where the first line has {expected_len}: quote texts with commas")
        }
        csv::ErrorKind::Utf8 { .. } => "it is not UTF-8: save the file as UTF-8".to_owned(),
        _ => error.to_string(),
    };
    NoVenues { place: format!("line {line}"), detail }
}
