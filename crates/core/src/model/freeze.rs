//! Freezes: times in which nothing is changed at a venue.

use serde::{Deserialize, Serialize};

use super::{EnvironmentKey, Event, Key, Kind, Model, Span, Timestamp, VenueKey, document::check_text};
use crate::{
    limits::MAX_CONDITION_VALUES,
    problem::{Problem, Problems},
};

/// A time in which nothing is changed that reaches some venues. Kills go through it: what stops harm is never frozen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Freeze {
    /// Its key.
    pub key: Key,
    /// Why, as people are told.
    pub reason: String,
    /// Where; in all environments, without any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub environments: Vec<EnvironmentKey>,
    /// At which venues; at all, without any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub venues: Vec<VenueKey>,
    /// From then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// Until then, without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Instead, around each event at one of its venues, and there only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub around: Option<Span>,
}

/// That a change is not made now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// At which venue, the first where there are several; `None` when it is all of them.
    pub venue: Option<VenueKey>,
    /// Until when.
    pub until: Timestamp,
}

impl Freeze {
    /// Whether it forbids a change in `environment` that reaches `venues`, all of them when there are none. `events` may
    /// be of any venue. The one that holds longest is told.
    pub fn holds<'a>(
        &self,
        environment: &str,
        venues: &[VenueKey],
        events: impl IntoIterator<Item = &'a Event>,
        now: Timestamp,
    ) -> Option<Held> {
        if !self.environments.is_empty() && !self.environments.iter().any(|own| &**own == environment) {
            return None;
        }
        let reaches = |venue: &VenueKey| {
            (venues.is_empty() || venues.contains(venue))
                && (self.venues.is_empty() || self.venues.contains(venue))
        };
        if let Some((from, until)) = self.from.zip(self.until) {
            let named = if venues.is_empty() { &*self.venues } else { venues };
            let venue = named.iter().find(|venue| reaches(venue)).cloned();
            let reached = venues.is_empty() || venue.is_some();
            return (reached && from <= now && now < until).then_some(Held { venue, until });
        }
        let span = self.around?;
        let holding = events.into_iter().filter(|event| reaches(&event.venue) && span.holds(event, now));
        holding
            .map(|event| Held { venue: Some(event.venue.clone()), until: span.until.of(event) })
            .max_by_key(|held| held.until)
    }
}

impl Model for Freeze {
    const KIND: Kind = Kind::Freeze;

    fn key(&self) -> &str {
        &self.key
    }

    fn validate(&self) -> Problems {
        let mut problems = Problems::default();
        check_text(&mut problems, "reason", &self.reason, true);
        for (field, has) in [("venues", self.venues.len()), ("environments", self.environments.len())] {
            if has > MAX_CONDITION_VALUES {
                let mend = format!("Keep at most {MAX_CONDITION_VALUES}.");
                problems.push(Problem::new(field, has, "too many of them", mend));
            }
        }
        match (self.from, self.until, self.around) {
            (Some(from), Some(until), None) if from < until => {}
            (None, None, Some(span)) => span.validate("around", &mut problems),
            (Some(from), Some(_), None) => {
                problems.push(Problem::new(
                    "from",
                    from,
                    "it ends before it begins",
                    "Let `until` come after.",
                ));
            }
            _ => {
                let mend = "Give `from` and `until`, or `around` for a time about each event.";
                problems.push(Problem::new("from", "no time, or two", "when does it hold?", mend));
            }
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::parse_strict;

    fn freeze(json: &str) -> Freeze {
        parse_strict(&Kind::Freeze, json.as_bytes()).unwrap().parse().unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn until(
        own: &Freeze,
        environment: &str,
        venues: &[&str],
        events: &[Event],
        now: &str,
    ) -> Option<Timestamp> {
        let venues: Vec<VenueKey> = venues.iter().map(|venue| venue.parse().unwrap()).collect();
        own.holds(environment, &venues, events, at(now)).map(|held| held.until)
    }

    #[test]
    fn it_holds_in_its_time_at_its_venues_and_in_its_environments() {
        let own = freeze(
            r#"{"key":"f","reason":"Finals","environments":["production"],"venues":["dome"],
                "from":"2027-05-15T00:00:00Z","until":"2027-05-16T00:00:00Z"}"#,
        );
        let (now, end) = ("2027-05-15T12:00:00Z", at("2027-05-16T00:00:00Z"));
        assert_eq!(until(&own, "production", &["arena", "dome"], &[], now), Some(end));
        assert_eq!(until(&own, "production", &[], &[], now), Some(end), "what reaches all reaches the dome");
        assert_eq!(until(&own, "staging", &["dome"], &[], now), None);
        assert_eq!(until(&own, "production", &["arena"], &[], now), None);
        assert_eq!(until(&own, "production", &["dome"], &[], "2027-05-16T00:00:00Z"), None);
    }

    #[test]
    fn around_events_it_holds_where_they_are_and_follows_them() {
        let own = freeze(r#"{"key":"f","reason":"Doors","around":{"from":"doors-2h","until":"finalScan"}}"#);
        let mut event: Event = parse_strict(
            &Kind::Event,
            br#"{"key":"e","venue":"dome","doors":"2027-05-15T14:00:00Z","start":"2027-05-15T16:00:00Z",
                "finalScan":"2027-05-15T16:30:00Z"}"#,
        )
        .unwrap()
        .parse()
        .unwrap();
        let now = "2027-05-15T12:30:00Z";
        let of = |venues: &[&str], event: &Event| {
            until(&own, "production", venues, std::slice::from_ref(event), now)
        };
        assert_eq!(of(&["dome"], &event), Some(event.final_scan));
        assert_eq!(of(&[], &event), Some(event.final_scan));
        assert_eq!(of(&["arena"], &event), None);
        event.doors = at("2027-05-15T15:00:00Z");
        assert_eq!(of(&["dome"], &event), None, "an hour later");
    }

    #[test]
    fn one_that_holds_never_or_twice_is_refused() {
        for bad in [
            r#"{"key":"f","reason":"r"}"#,
            r#"{"key":"f","reason":"r","from":"2027-05-15T00:00:00Z"}"#,
            r#"{"key":"f","reason":"r","from":"2027-05-15T00:00:00Z","until":"2027-05-15T00:00:00Z"}"#,
            r#"{"key":"f","reason":"r","around":{"from":"doors","until":"doors-1h"}}"#,
            r#"{"key":"f","reason":"","around":{"from":"doors","until":"doors+1h"}}"#,
        ] {
            assert!(parse_strict(&Kind::Freeze, bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
