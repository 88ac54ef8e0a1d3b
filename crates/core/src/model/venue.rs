//! Venues: the places that flags, rules, credentials and statistics are about.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Kind, Model, VenueKey, document::check_text};
use crate::{
    limits::MAX_TAGS,
    problem::{Problem, Problems},
};

/// A place: its fields can be used in conditions as `venue.country`, `venue.tags`, `venue.<attribute>`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Venue {
    /// Its key, what contexts carry as `venue`.
    pub key: VenueKey,
    /// Its name, as people know it.
    pub name: String,
    /// The city it is in.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub city: String,
    /// The country it is in.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub country: String,
    /// State, province or sales region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Seats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u32>,
    /// IANA name of its time zone, `Europe/London`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// Free labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Free attributes: text, numbers or booleans.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub attributes: IndexMap<String, Value>,
}

impl Model for Venue {
    const KIND: Kind = Kind::Venue;

    fn key(&self) -> &str {
        &self.key
    }

    fn validate(&self) -> Problems {
        let mut problems = Problems::default();
        check_text(&mut problems, "name", &self.name, true);
        if self.tags.len() > MAX_TAGS {
            problems.push(Problem::new(
                "tags",
                self.tags.len(),
                "too many tags",
                format!("Keep at most {MAX_TAGS}."),
            ));
        }
        check_zone(&mut problems, "timeZone", self.time_zone.as_deref());
        for (name, value) in &self.attributes {
            if matches!(value, Value::Object(_) | Value::Array(_) | Value::Null) {
                let field = format!("attributes.{name}");
                let mend = "Give a text, a number or a boolean.";
                problems.push(Problem::new(field, value, "a venue's attribute is a single value", mend));
            }
        }
        problems
    }
}

/// Notes a time zone that nobody knows.
pub(super) fn check_zone(problems: &mut Problems, field: &str, zone: Option<&str>) {
    if let Some(zone) = zone
        && jiff::tz::TimeZone::get(zone).is_err()
    {
        let mend = "Use an IANA name such as `Europe/London`.";
        problems.push(Problem::new(field, zone, "this time zone is not known", mend));
    }
}
