//! What a key sees of the workspace: documents specialised to one environment, and to its venues.

use std::{collections::BTreeSet, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::Value;
use xxhash_rust::xxh3::Xxh3;

use crate::{
    model::{Document, DocumentId, EnvironmentKey, Kind, VenueKey},
    schema::{Form, documents::written},
};

/// The part of a workspace that a stream carries.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct View {
    environment: EnvironmentKey,
    /// Empty: all venues.
    venues: BTreeSet<VenueKey>,
}

impl View {
    /// Everything in `environment`, for `venues` only if there are any.
    #[must_use]
    pub fn new(environment: EnvironmentKey, venues: impl IntoIterator<Item = VenueKey>) -> Self {
        Self { environment, venues: venues.into_iter().collect() }
    }

    /// The environment.
    #[must_use]
    pub fn environment(&self) -> &EnvironmentKey {
        &self.environment
    }

    /// The venues that it is narrowed to; none for all.
    #[must_use]
    pub fn venues(&self) -> &BTreeSet<VenueKey> {
        &self.venues
    }

    /// Tells it from other views, in few bytes.
    #[must_use]
    pub fn tag(&self) -> ViewTag {
        let mut hash = Xxh3::new();
        hash.update(self.environment.as_bytes());
        for venue in &self.venues {
            hash.update(b"\x1F");
            hash.update(venue.as_bytes());
        }
        ViewTag(hash.digest())
    }

    /// What is seen of `document`; `None` for one that does not belong on a stream at all. A flag loses its
    /// other environments, and what it holds about venues outside the view; a cohort loses such venues too.
    #[must_use]
    pub fn of(&self, document: &Document) -> Option<Document> {
        match document.kind() {
            Kind::Flag => self.flag(document),
            Kind::Cohort => self.cohort(document),
            Kind::Venue => self.sees(document.key()).then(|| document.clone()),
            _ => None,
        }
    }

    /// What is seen of `document`, as it is written in a form.
    #[must_use]
    pub fn written(&self, document: &Document, form: Form) -> Option<Document> {
        self.of(document).map(|seen| written(&seen, form))
    }

    /// Whether a document of this name may ever have been seen: the names of other venues are not told, even when
    /// they go.
    #[must_use]
    pub fn may_name(&self, id: &DocumentId) -> bool {
        match id.kind {
            Kind::Flag | Kind::Cohort => true,
            Kind::Venue => self.sees(&id.key),
            _ => false,
        }
    }

    fn sees(&self, venue: &str) -> bool {
        self.venues.is_empty() || self.venues.contains(venue)
    }

    fn flag(&self, document: &Document) -> Option<Document> {
        let mut value = document.value();
        if let Some(environments) = value.get_mut("environments").and_then(Value::as_object_mut) {
            environments.retain(|key, _| *key == *self.environment);
            if let Some(config) =
                environments.get_mut(self.environment.as_str()).filter(|_| !self.venues.is_empty())
            {
                if let Some(overrides) = config.get_mut("venues").and_then(Value::as_object_mut) {
                    overrides.retain(|venue, _| self.sees(venue));
                }
                self.retain(config.pointer_mut("/killed/venues"));
                // What is left of other venues' doings is nothing, and is not told: nobody hears of a kill elsewhere.
                if let Some(config) = config.as_object_mut() {
                    config.retain(|name, value| match name.as_str() {
                        "venues" => value.as_object().is_none_or(|overrides| !overrides.is_empty()),
                        "killed" => !is_no_kill(value),
                        _ => true,
                    });
                }
            }
        }
        serde_json::from_value(value).ok()
    }

    fn cohort(&self, document: &Document) -> Option<Document> {
        if self.venues.is_empty() {
            return Some(document.clone());
        }
        let mut value = document.value();
        let bound = value.get("venues").and_then(Value::as_array).is_some_and(|venues| !venues.is_empty());
        self.retain(value.get_mut("venues"));
        // An empty list would bind the cohort nowhere and so open it everywhere: it is left out instead.
        let gone = value.get("venues").and_then(Value::as_array).is_none_or(Vec::is_empty);
        if bound && gone { None } else { serde_json::from_value(value).ok() }
    }

    fn retain(&self, venues: Option<&mut Value>) {
        if let Some(Value::Array(venues)) = venues {
            venues.retain(|venue| venue.as_str().is_some_and(|venue| self.sees(venue)));
        }
    }
}

/// Whether nothing and nobody is killed.
fn is_no_kill(killed: &Value) -> bool {
    let Some(fields) = killed.as_object() else { return false };
    fields.iter().all(|(name, value)| match name.as_str() {
        "all" => *value == Value::Bool(false),
        "venues" | "cohorts" => value.as_array().is_some_and(Vec::is_empty),
        // A newer version may kill by other things.
        _ => false,
    })
}

/// Which view it is, in few bytes: 16 hexadecimal digits in text. Equal views have equal tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ViewTag(u64);

impl fmt::Display for ViewTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for ViewTag {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        u64::from_str_radix(text, 16).map(Self).map_err(|error| error.to_string())
    }
}

impl Serialize for ViewTag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ViewTag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(json: &str) -> Document {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_flag_is_seen_without_other_environments_and_venues() {
        let flag = document(
            r#"{"kind":"flag","key":"f","environments":{
                "production":{"venues":{"a":"on","b":"on"},"killed":{"all":false,"venues":["b"],"cohorts":[]}},
                "staging":{"secret":1}}}"#,
        );
        let all = View::new("production".parse().unwrap(), []).of(&flag).unwrap();
        assert!(!all.json().contains("staging") && all.json().contains(r#""b":"on""#));
        let one = View::new("production".parse().unwrap(), ["a".parse().unwrap()]).of(&flag).unwrap();
        assert!(one.json().contains(r#""a":"on""#) && !one.json().contains(r#""b""#), "{}", one.json());
    }

    #[test]
    fn what_is_done_elsewhere_leaves_no_trace() {
        let view = View::new("production".parse().unwrap(), ["a".parse().unwrap()]);
        let seen = |config: &str| {
            let flag =
                document(&format!(r#"{{"kind":"flag","key":"f","environments":{{"production":{config}}}}}"#));
            view.of(&flag).unwrap()
        };
        let untouched = seen(r#"{"enabled":true}"#);
        let elsewhere =
            r#"{"enabled":true,"venues":{"b":"on"},"killed":{"all":false,"venues":["b"],"cohorts":[]}}"#;
        assert_eq!(seen(elsewhere), untouched);
        for here in [
            r#"{"enabled":true,"venues":{"a":"on"}}"#,
            r#"{"enabled":true,"killed":{"all":true,"venues":["b"],"cohorts":[]}}"#,
            r#"{"enabled":true,"killed":{"all":false,"venues":["a"],"cohorts":[]}}"#,
            r#"{"enabled":true,"killed":{"all":false,"venues":[],"cohorts":["c"]}}"#,
            r#"{"enabled":true,"killed":{"all":false,"moons":["b"]}}"#,
        ] {
            assert_ne!(seen(here), untouched, "{here}");
        }
    }

    #[test]
    fn credentials_and_people_are_never_seen() {
        let view = View::new("production".parse().unwrap(), []);
        for kind in ["key", "user", "environment", "release"] {
            assert_eq!(view.of(&document(&format!(r#"{{"kind":"{kind}","key":"x","hash":"h"}}"#))), None);
        }
    }

    #[test]
    fn what_is_gone_is_named_only_to_who_may_have_seen_it() {
        let view = View::new("production".parse().unwrap(), ["a".parse().unwrap()]);
        let may_name = |kind: &str, key: &str| view.may_name(&DocumentId::new(kind.into(), key));
        assert!(may_name("venue", "a") && may_name("flag", "f") && may_name("cohort", "c"));
        assert!(!may_name("venue", "b") && !may_name("key", "k") && !may_name("user", "u"));
    }

    #[test]
    fn a_tag_tells_views_apart_and_goes_through_text() {
        let view = |venues: &[&str]| {
            View::new("production".parse().unwrap(), venues.iter().map(|venue| venue.parse().unwrap()))
        };
        assert_eq!(view(&["a", "b"]).tag(), view(&["b", "a"]).tag());
        let tags = [view(&[]).tag(), view(&["a"]).tag(), view(&["b"]).tag(), view(&["a", "b"]).tag()];
        assert!((1..4).all(|n| !tags[..n].contains(&tags[n])));
        assert_eq!(tags[0].to_string().parse(), Ok(tags[0]));
    }

    #[test]
    fn a_cohort_bound_elsewhere_does_not_become_unbound() {
        let cohort = document(r#"{"kind":"cohort","key":"c","name":"C","keys":["x"],"venues":["b"]}"#);
        assert_eq!(View::new("production".parse().unwrap(), ["a".parse().unwrap()]).of(&cohort), None);
    }
}
