//! Moments relative to an event, so that what is planned follows an event that is rescheduled.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::{Duration, Event, Timestamp};
use crate::problem::{Problem, Problems};

/// A time before or after a point of an event: `doors-24h`, `start`, `finalScan+30m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Moment {
    anchor: Anchor,
    /// Milliseconds after it, or before it when negative.
    offset: i64,
}

/// A point of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Anchor {
    Doors,
    Start,
    FinalScan,
}

const ANCHORS: [(&str, Anchor); 3] =
    [("doors", Anchor::Doors), ("start", Anchor::Start), ("finalScan", Anchor::FinalScan)];

impl Moment {
    /// When that is for this event.
    #[must_use]
    pub fn of(self, event: &Event) -> Timestamp {
        let anchor = match self.anchor {
            Anchor::Doors => event.doors,
            Anchor::Start => event.start,
            Anchor::FinalScan => event.final_scan,
        };
        Timestamp::from_millis(anchor.millis().saturating_add(self.offset))
    }
}

impl FromStr for Moment {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            "a moment is `doors`, `start` or `finalScan`, with a duration before or after it: `doors-24h`"
                .to_owned()
        };
        let (_, anchor, rest) = ANCHORS
            .into_iter()
            .find_map(|(name, anchor)| Some((name, anchor, text.strip_prefix(name)?)))
            .ok_or_else(wrong)?;
        let span = |text: &str| text.parse().map(Duration::millis);
        let offset = match (rest.strip_prefix('+'), rest.strip_prefix('-')) {
            _ if rest.is_empty() => 0,
            (Some(after), _) => span(after)?,
            (_, Some(before)) => -span(before)?,
            _ => return Err(wrong()),
        };
        Ok(Self { anchor, offset })
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name =
            ANCHORS.into_iter().find(|(_, anchor)| *anchor == self.anchor).map_or("", |(name, _)| name);
        let span = Duration::from_seconds(self.offset.unsigned_abs() / 1_000);
        match self.offset {
            0 => f.write_str(name),
            1.. => write!(f, "{name}+{span}"),
            _ => write!(f, "{name}-{span}"),
        }
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// From one moment to another of the same event, the second without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Span {
    /// Its beginning.
    pub from: Moment,
    /// Its end.
    pub until: Moment,
}

impl Span {
    /// Whether `now` is within it for this event.
    #[must_use]
    pub fn holds(self, event: &Event, now: Timestamp) -> bool {
        self.from.of(event) <= now && now < self.until.of(event)
    }

    /// What can be told without an event: one point with itself has to be in order.
    pub(super) fn validate(self, field: &str, problems: &mut Problems) {
        if self.from.anchor == self.until.anchor && self.from.offset >= self.until.offset {
            let text = format!("{} to {}", self.from, self.until);
            let mend = "Let `until` come after `from`.";
            problems.push(Problem::new(field, text, "this window is empty", mend));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Event {
        let at = |text: &str| text.parse().unwrap();
        Event {
            key: "cup-final".parse().unwrap(),
            name: String::new(),
            venue: "wembley-stadium".parse().unwrap(),
            doors: at("2027-05-15T14:00:00Z"),
            start: at("2027-05-15T16:00:00Z"),
            final_scan: at("2027-05-15T16:30:00Z"),
            time_zone: None,
        }
    }

    #[test]
    fn moments_are_read_and_written_and_follow_their_event() {
        for (text, time) in [
            ("doors", "2027-05-15T14:00:00Z"),
            ("doors-1d", "2027-05-14T14:00:00Z"),
            ("start+90m", "2027-05-15T17:30:00Z"),
            ("finalScan+1h", "2027-05-15T17:30:00Z"),
        ] {
            let moment: Moment = text.parse().unwrap();
            assert_eq!((moment.to_string(), moment.of(&event())), (text.to_owned(), time.parse().unwrap()));
        }
        for bad in ["", "door", "doors24h", "doors-", "doors-24", "Doors", "doors--1h"] {
            assert!(bad.parse::<Moment>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_span_is_closed_at_its_beginning_and_open_at_its_end() {
        let span = Span { from: "doors".parse().unwrap(), until: "finalScan".parse().unwrap() };
        let at = |text: &str| span.holds(&event(), text.parse().unwrap());
        assert!(!at("2027-05-15T13:59:59.999Z") && at("2027-05-15T14:00:00Z"));
        assert!(at("2027-05-15T16:29:59.999Z") && !at("2027-05-15T16:30:00Z"));
    }
}
