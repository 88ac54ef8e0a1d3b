//! Events: when a venue's doors open, when it starts, when the last ticket is scanned.

use serde::{Deserialize, Serialize};

use super::{Key, Kind, Model, Timestamp, VenueKey, document::check_text, venue::check_zone};
use crate::problem::{Problem, Problems};

/// Longest event, in milliseconds: a festival takes days, a typing error years.
const LONGEST: i64 = 31 * 24 * 3_600 * 1_000;

/// One evening at one venue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Event {
    /// Its key, `cup-final`.
    pub key: Key,
    /// Its name, as people know it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Where.
    pub venue: VenueKey,
    /// When the doors open.
    pub doors: Timestamp,
    /// When it starts.
    pub start: Timestamp,
    /// When the last ticket has been scanned.
    pub final_scan: Timestamp,
    /// IANA name of the time zone that people there go by; the venue's own, without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
}

impl Model for Event {
    const KIND: Kind = Kind::Event;

    fn key(&self) -> &str {
        &self.key
    }

    fn validate(&self) -> Problems {
        let mut problems = Problems::default();
        check_text(&mut problems, "name", &self.name, false);
        check_zone(&mut problems, "timeZone", self.time_zone.as_deref());
        if self.start < self.doors {
            let mend = "Let it start when the doors are open.";
            problems.push(Problem::new("start", self.start, "it starts before the doors open", mend));
        }
        if self.final_scan <= self.doors {
            let mend = "Let it be after the doors open.";
            problems.push(Problem::new(
                "finalScan",
                self.final_scan,
                "the last scan is before the first",
                mend,
            ));
        }
        if self.final_scan.since(self.doors) > LONGEST {
            let mend = "Let it be within 31 days after the doors open.";
            problems.push(Problem::new("finalScan", self.final_scan, "this event does not end", mend));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::parse_strict;

    #[test]
    fn an_event_that_is_out_of_order_is_refused_field_by_field() {
        let parse = |doors: &str, start: &str, last: &str| {
            let text = format!(
                r#"{{"key":"e","venue":"v","doors":"{doors}","start":"{start}","finalScan":"{last}","timeZone":"Mars"}}"#
            );
            parse_strict(&Kind::Event, text.as_bytes()).unwrap_err().to_string()
        };
        let said = parse("2027-05-15T14:00:00Z", "2027-05-15T13:00:00Z", "2027-05-15T14:00:00Z");
        assert!(["timeZone", "start", "finalScan"].iter().all(|field| said.contains(field)), "{said}");
        assert!(
            parse("2027-05-15T14:00:00Z", "2027-05-15T15:00:00Z", "2028-05-15T14:00:00Z").contains("31 days")
        );
    }
}
