//! Schedules: what is done when.

use serde::{Deserialize, Serialize};

use super::{
    Duration, Key, Kind, Model, Play, Seq, Timestamp, When, document::check_text, playbook::check_plays,
};
use crate::problem::{Problem, Problems};

/// How late it may be done at most, where the schedule does not say.
const LATEST: Duration = Duration::from_seconds(15 * 60);
/// How late anything may be done at all: what was to be done a week ago is not what is wanted now.
const MAX_LATEST: Duration = Duration::from_seconds(7 * 24 * 3_600);

/// Actions that the server carries out by itself at a time, together, in one commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Schedule {
    /// Its key.
    pub key: Key,
    /// Its name, as people know it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// When.
    pub at: When,
    /// How late it may be done, if no server could do it in time.
    #[serde(default = "latest")]
    pub latest: Duration,
    /// What is done, in order.
    pub plays: Vec<Play>,
    /// What became of it. The server's alone to write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
}

fn latest() -> Duration {
    LATEST
}

/// What became of a schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Outcome {
    /// What.
    pub result: Ended,
    /// When that was.
    pub at: Timestamp,
    /// When it was due.
    pub due: Timestamp,
    /// The commit in which it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<Seq>,
    /// Why, or what was left out, in sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
}

/// How a schedule ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Ended {
    /// It was done.
    Done,
    /// Nobody could do it in time.
    Missed,
    /// A freeze forbade it.
    Refused,
    /// It made no sense any more.
    Failed,
}

/// What is to be done about something that has its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Nothing: it is over.
    Over,
    /// Nothing yet.
    Wait,
    /// It is carried out.
    Act,
    /// It is too late for it.
    Miss,
}

impl Schedule {
    /// What is to be done about it `now`, when it was due at `due`.
    #[must_use]
    pub fn turn(&self, due: Timestamp, now: Timestamp) -> Turn {
        Turn::of(self.outcome.is_some(), self.latest, due, now)
    }

    /// Takes over what became of it before it was edited. For another time it is planned anew.
    pub fn follow(&mut self, before: Option<&Self>) {
        self.outcome = before.filter(|before| before.at == self.at).and_then(|before| before.outcome.clone());
    }
}

impl Turn {
    /// What is to be done `now` about what was due at `due`, and may be `latest` late.
    #[must_use]
    pub fn of(is_over: bool, latest: Duration, due: Timestamp, now: Timestamp) -> Self {
        match now.since(due) {
            _ if is_over => Self::Over,
            ..0 => Self::Wait,
            late if late < latest.millis() => Self::Act,
            _ => Self::Miss,
        }
    }
}

impl Model for Schedule {
    const KIND: Kind = Kind::Schedule;

    fn key(&self) -> &str {
        &self.key
    }

    fn validate(&self) -> Problems {
        let mut problems = Problems::default();
        check_text(&mut problems, "name", &self.name, false);
        check_text(&mut problems, "description", &self.description, false);
        self.at.validate("at", &mut problems);
        if self.latest > MAX_LATEST || self.latest.millis() == 0 {
            let mend = format!("Give 1s to {MAX_LATEST}; without it, it is {LATEST}.");
            problems.push(Problem::new(
                "latest",
                self.latest,
                "it would never be done, or far too late",
                mend,
            ));
        }
        check_plays(&mut problems, &self.plays);
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::parse_strict;

    fn schedule(more: &str) -> Result<Schedule, Problems> {
        let text = format!(r#"{{"key":"s","plays":[{{"notice":{{"text":"Doors"}}}}],{more}}}"#);
        parse_strict(&Kind::Schedule, text.as_bytes())?.parse()
    }

    fn done(mut schedule: Schedule, due: Timestamp) -> Schedule {
        let outcome =
            Outcome { result: Ended::Done, at: due, due, commit: Some(Seq(7)), reasons: Vec::new() };
        schedule.outcome = Some(outcome);
        schedule
    }

    #[test]
    fn it_waits_for_its_time_and_is_missed_only_when_it_is_too_late() {
        let own = schedule(r#""at":"2027-05-15T17:00:00Z""#).unwrap();
        let due: Timestamp = "2027-05-15T17:00:00Z".parse().unwrap();
        let turn = |text: &str| own.turn(due, text.parse().unwrap());
        assert_eq!(turn("2027-05-15T16:59:59.999Z"), Turn::Wait);
        assert_eq!(turn("2027-05-15T17:00:00Z"), Turn::Act);
        assert_eq!(turn("2027-05-15T17:14:59.999Z"), Turn::Act);
        assert_eq!(turn("2027-05-15T17:15:00Z"), Turn::Miss);
        let patient = schedule(r#""at":"2027-05-15T17:00:00Z","latest":"1h""#).unwrap();
        assert_eq!(patient.turn(due, "2027-05-15T17:15:00Z".parse().unwrap()), Turn::Act);
        assert_eq!(done(own, due).turn(due, "2027-05-15T17:00:01Z".parse().unwrap()), Turn::Over);
    }

    #[test]
    fn what_became_of_it_stays_with_its_time_whatever_its_author_writes() {
        let due: Timestamp = "2027-05-15T17:00:00Z".parse().unwrap();
        let before = done(schedule(r#""at":"2027-05-15T17:00:00Z""#).unwrap(), due);
        let mut renamed = schedule(r#""at":"2027-05-15T17:00:00Z","name":"Doors""#).unwrap();
        renamed.follow(Some(&before));
        assert_eq!(renamed.outcome, before.outcome);
        let mut later = schedule(r#""at":"2027-05-16T17:00:00Z""#).unwrap();
        later.outcome.clone_from(&before.outcome);
        later.follow(Some(&before));
        assert_eq!(later.outcome, None);
        let mut forged = before.clone();
        forged.follow(None);
        assert_eq!(forged.outcome, None);
    }

    #[test]
    fn one_that_says_nothing_or_is_never_done_is_refused() {
        for bad in [
            r#""at":{"local":"2027-05-15T18:00","timeZone":"Mars"}"#,
            r#""at":"2027-05-15T17:00:00Z","latest":"0s""#,
            r#""at":"2027-05-15T17:00:00Z","latest":"8d""#,
            r#""at":"2027-05-15T17:00:00Z","every":"1d""#,
        ] {
            assert!(schedule(bad).is_err(), "{bad}");
        }
        let empty = br#"{"key":"s","at":"2027-05-15T17:00:00Z","plays":[]}"#;
        assert!(parse_strict(&Kind::Schedule, empty).unwrap_err().to_string().contains("plays"));
    }
}
