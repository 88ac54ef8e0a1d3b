//! When something is done: at an instant, at a local time, or at a moment of an event.
//!
//! Clocks that are put forward skip local times, and those that are put back repeat them. What stands at such a time is
//! taken as RFC 5545 does, and `jiff` calls `compatible`: a time that is skipped is later by as much as was skipped
//! (01:30 in London becomes 02:30), and of one that comes twice the first is meant.

use std::{fmt, str::FromStr};

use jiff::{
    civil::DateTime,
    tz::{AmbiguousOffset, TimeZone},
};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, Error as _, MapAccess, Visitor, value::MapAccessDeserializer},
};

use super::{DocumentId, Event, Key, Kind, Moment, Timestamp, Venue, VenueKey, venue::check_zone};
use crate::{
    problem::{Problem, Problems},
    references::Catalogue,
};

/// How a time is given, for whoever gave it otherwise.
const HOW: &str = "an RFC 3339 time, `local` with a `venue` or a `timeZone`, or an `event` with a `moment`";

/// When something is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum When {
    /// At this instant.
    Instant(Timestamp),
    /// When clocks there show this.
    Local {
        /// What they show.
        local: LocalTime,
        /// Where.
        #[serde(flatten)]
        clock: Clock,
    },
    /// At a moment of an event, wherever that is moved.
    Moment {
        /// The event.
        event: Key,
        /// The moment.
        moment: Moment,
    },
}

/// Whose clock a local time is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Clock {
    /// A venue's.
    Venue(VenueKey),
    /// Those of a time zone, by its IANA name.
    TimeZone(String),
}

/// A date and a time as a clock shows them, `2027-05-15T18:00:00`, without a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalTime(DateTime);

/// When that is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Due {
    /// The instant.
    pub at: Timestamp,
    /// The same as clocks there show it, with offset and zone; none where no place is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local: Option<String>,
    /// What is special about the local time that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turned: Option<Turned>,
}

/// What happens to clocks at a local time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Turned {
    /// They never show it, for they are put forward: it is taken as later by as much.
    Skipped,
    /// They show it twice, for they are put back: the first is meant.
    Repeated,
}

impl When {
    /// When that is, with the venues and events of `all`.
    ///
    /// # Errors
    /// No such venue or event, or a venue without a time zone; the field is named within this.
    pub fn due(&self, all: &impl Catalogue) -> Result<Due, Problem> {
        match self {
            Self::Instant(at) => Ok(Due { at: *at, local: None, turned: None }),
            Self::Local { local, clock } => {
                let (field, name) = match clock {
                    Clock::TimeZone(name) => ("timeZone", name.clone()),
                    Clock::Venue(key) => ("venue", zone_of(all, key)?.ok_or_else(|| no_zone("venue", key))?),
                };
                let zone = TimeZone::get(&name).map_err(|_| unknown_zone(field, &name))?;
                local.within(&zone)
            }
            Self::Moment { event: key, moment } => {
                let id = DocumentId::new(Kind::Event, &**key);
                let missing = || {
                    Problem::new("event", key, "there is no event with this key", "Create the event first.")
                };
                let document = all.find(&id).ok_or_else(missing)?;
                let event: Event = document.parse().map_err(|_| missing())?;
                let at = moment.of(&event);
                // Only for people to read: without a zone it goes by the instant all the same.
                let name = event.time_zone.or(zone_of(all, &event.venue).unwrap_or_default());
                let zone = name.and_then(|name| TimeZone::get(&name).ok());
                Ok(Due { at, local: zone.and_then(|zone| shown(at, zone)), turned: None })
            }
        }
    }

    /// What can be told without venues and events.
    pub(super) fn validate(&self, field: &str, problems: &mut Problems) {
        if let Self::Local { clock: Clock::TimeZone(name), .. } = self {
            check_zone(problems, &format!("{field}.timeZone"), Some(name));
        }
    }
}

/// What is wrong with a venue whose local time is asked for, and is not known.
pub(crate) fn no_zone(field: &str, venue: &str) -> Problem {
    let mend =
        "Give the venue a `timeZone` such as `Europe/London`, or name a `timeZone` here instead of it.";
    Problem::new(field, venue, "this venue has no time zone, so nobody knows its local time", mend)
}

fn unknown_zone(field: &str, name: &str) -> Problem {
    Problem::new(field, name, "this time zone is not known", "Use an IANA name such as `Europe/London`.")
}

fn zone_of(all: &impl Catalogue, key: &VenueKey) -> Result<Option<String>, Problem> {
    let id = DocumentId::new(Kind::Venue, &**key);
    let venue = all.find(&id).and_then(|document| document.parse::<Venue>().ok());
    venue.map(|venue| venue.time_zone).ok_or_else(|| {
        Problem::new("venue", key, "there is no venue with this key", "Create the venue first.")
    })
}

fn shown(at: Timestamp, zone: TimeZone) -> Option<String> {
    let instant = jiff::Timestamp::from_millisecond(at.millis()).ok()?;
    Some(instant.to_zoned_datetime(zone).to_string())
}

impl LocalTime {
    /// When clocks of `zone` show this.
    ///
    /// # Errors
    /// It is so far off that nobody can count it.
    pub fn within(self, zone: &TimeZone) -> Result<Due, Problem> {
        let ambiguous = zone.to_ambiguous_zoned_datetime(self.0);
        let turned = match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { .. } => None,
            AmbiguousOffset::Gap { .. } => Some(Turned::Skipped),
            AmbiguousOffset::Fold { .. } => Some(Turned::Repeated),
        };
        let zoned = ambiguous
            .compatible()
            .map_err(|error| Problem::new("local", self, error.to_string(), "Give a time of this age."))?;
        let at = Timestamp::from_millis(zoned.timestamp().as_millisecond());
        Ok(Due { at, local: Some(zoned.to_string()), turned })
    }
}

impl FromStr for LocalTime {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // To the second or the minute, and nothing behind it: an offset that is not minded would mislead.
        let read = |form| DateTime::strptime(form, text).ok();
        read("%Y-%m-%dT%H:%M:%S").or_else(|| read("%Y-%m-%dT%H:%M")).map(Self).ok_or_else(|| {
            "a local time is written `2027-05-15T18:00:00`, without `Z` or an offset".to_owned()
        })
    }
}

impl fmt::Display for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.0}", self.0)
    }
}

impl Serialize for LocalTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LocalTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// All that an object may say about when.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Fields {
    local: Option<LocalTime>,
    venue: Option<VenueKey>,
    time_zone: Option<String>,
    event: Option<Key>,
    moment: Option<Moment>,
}

impl<'de> Deserialize<'de> for When {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = When;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(HOW)
            }

            fn visit_i64<E: de::Error>(self, millis: i64) -> Result<When, E> {
                Ok(When::Instant(Timestamp::from_millis(millis)))
            }

            fn visit_u64<E: de::Error>(self, millis: u64) -> Result<When, E> {
                self.visit_i64(i64::try_from(millis).unwrap_or(i64::MAX))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<When, E> {
                text.parse().map(When::Instant).map_err(E::custom)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<When, A::Error> {
                let Fields { local, venue, time_zone, event, moment } =
                    Fields::deserialize(MapAccessDeserializer::new(map))?;
                match (local, venue, time_zone, event, moment) {
                    (Some(local), Some(venue), None, None, None) => {
                        Ok(When::Local { local, clock: Clock::Venue(venue) })
                    }
                    (Some(local), None, Some(zone), None, None) => {
                        Ok(When::Local { local, clock: Clock::TimeZone(zone) })
                    }
                    (None, None, None, Some(event), Some(moment)) => Ok(When::Moment { event, moment }),
                    _ => Err(A::Error::custom(format!("this is not one time: give {HOW}"))),
                }
            }
        }

        deserializer.deserialize_any(Reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(local: &str, zone: &str) -> (String, String, Option<Turned>) {
        let due = local.parse::<LocalTime>().unwrap().within(&TimeZone::get(zone).unwrap()).unwrap();
        (due.at.to_string(), due.local.unwrap(), due.turned)
    }

    #[test]
    fn a_time_that_clocks_skip_is_later_by_as_much_as_they_are_put_forward() {
        for (local, zone, at, shown) in [
            ("2027-03-28T01:30:00", "Europe/London", "2027-03-28T01:30:00.000Z", "02:30:00+01:00"),
            ("2027-03-14T02:30:00", "America/New_York", "2027-03-14T07:30:00.000Z", "03:30:00-04:00"),
            // Half an hour only: from 02:00 at +10:30 to 02:30 at +11.
            ("2027-10-03T02:15:00", "Australia/Lord_Howe", "2027-10-02T15:45:00.000Z", "02:45:00+11:00"),
        ] {
            let (found, text, turned) = due(local, zone);
            assert_eq!((found.as_str(), turned), (at, Some(Turned::Skipped)), "{local} {zone}");
            assert!(text.contains(shown) && text.contains(zone), "{text}");
        }
    }

    #[test]
    fn of_a_time_that_clocks_show_twice_the_first_is_meant() {
        for (local, zone, at, shown) in [
            ("2027-10-31T01:30:00", "Europe/London", "2027-10-31T00:30:00.000Z", "01:30:00+01:00"),
            ("2027-11-07T01:30:00", "America/New_York", "2027-11-07T05:30:00.000Z", "01:30:00-04:00"),
            // Half an hour only: from 02:00 at +11 back to 01:30 at +10:30.
            ("2027-04-04T01:45:00", "Australia/Lord_Howe", "2027-04-03T14:45:00.000Z", "01:45:00+11:00"),
        ] {
            let (found, text, turned) = due(local, zone);
            assert_eq!((found.as_str(), turned), (at, Some(Turned::Repeated)), "{local} {zone}");
            assert!(text.contains(shown), "{text}");
        }
    }

    #[test]
    fn beside_the_turn_of_clocks_a_local_time_is_what_it_says() {
        for (local, zone, at) in [
            ("2027-03-28T00:59:59", "Europe/London", "2027-03-28T00:59:59.000Z"),
            ("2027-03-28T02:00", "Europe/London", "2027-03-28T01:00:00.000Z"),
            ("2027-03-28T02:30:00", "Europe/London", "2027-03-28T01:30:00.000Z"),
            ("2027-10-31T02:00:00", "Europe/London", "2027-10-31T02:00:00.000Z"),
            ("2027-11-07T00:59:59", "America/New_York", "2027-11-07T04:59:59.000Z"),
            ("2027-04-04T02:00:00", "Australia/Lord_Howe", "2027-04-03T15:30:00.000Z"),
        ] {
            let (found, _, turned) = due(local, zone);
            assert_eq!((found.as_str(), turned), (at, None), "{local} {zone}");
        }
    }

    #[test]
    fn what_is_written_is_read_again_and_what_is_not_one_time_is_refused() {
        for text in [
            r#""2027-05-15T17:00:00.000Z""#,
            r#"{"local":"2027-03-28T02:30:00","venue":"wembley-stadium"}"#,
            r#"{"local":"2027-03-28T02:30:00","timeZone":"Europe/London"}"#,
            r#"{"event":"cup-final","moment":"doors-1h"}"#,
        ] {
            let when: When = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&when).unwrap(), text);
        }
        for bad in [
            r#""tomorrow""#,
            r#""2027-05-15T18:00:00""#,
            r#"{}"#,
            r#"{"local":"2027-03-28T02:30:00"}"#,
            r#"{"local":"2027-03-28T02:30:00","venue":"v","timeZone":"Europe/London"}"#,
            r#"{"local":"2027-03-28T02:30:00Z","venue":"v"}"#,
            r#"{"local":"2027-03-28T02:30:00+01:00","venue":"v"}"#,
            r#"{"local":"2027-03-28","venue":"v"}"#,
            r#"{"local":"2027-02-30T02:30:00","venue":"v"}"#,
            r#"{"event":"cup-final"}"#,
            r#"{"event":"cup-final","moment":"doors","venue":"v"}"#,
            r#"{"cron":"0 18 * * *"}"#,
            "true",
        ] {
            assert!(serde_json::from_str::<When>(bad).is_err(), "{bad}");
        }
    }
}
