//! Playbooks: what is done in an emergency, thought through beforehand.

use serde::{Deserialize, Serialize};

use super::{
    CohortKey, EnvironmentKey, FlagKey, Key, Kind, Model, Seq, Timestamp, VariantKey, VenueKey,
    document::check_text,
};
use crate::problem::{Problem, Problems};

/// Plays of one playbook, or of one schedule.
const MAX_PLAYS: usize = 50;
/// Rehearsals that are kept, the newest last.
const MAX_REHEARSALS: usize = 20;
/// Venues and cohorts of one play.
const MAX_PLACES: usize = 5_000;

/// Actions that are carried out together, in one commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Playbook {
    /// Its key.
    pub key: Key,
    /// Its name, as people know it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// When to run it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// What is done, in order.
    pub plays: Vec<Play>,
    /// When it was rehearsed, and how that went. The server's alone to write.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rehearsals: Vec<Rehearsal>,
}

/// One action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Play {
    /// Kills a flag.
    Kill(At),
    /// Takes a kill back.
    Revive(At),
    /// Turns a flag on, or gives venues a variant.
    On(At),
    /// Turns a flag off, or gives venues its off variant.
    Off(At),
    /// Brings a flag back to what it was after a commit.
    Restore(Restore),
    /// Takes a release back, if it runs.
    RollBack(Of),
    /// Tells people: shown in the web UI, and in the history.
    Notice(Notice),
}

/// A flag, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct At {
    /// The flag.
    pub flag: FlagKey,
    /// The environment.
    pub environment: EnvironmentKey,
    /// At these venues only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub venues: Vec<VenueKey>,
    /// For these cohorts only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cohorts: Vec<CohortKey>,
    /// Which variant venues get.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<VariantKey>,
}

/// A flag, and a point.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Restore {
    /// The flag.
    pub flag: FlagKey,
    /// The commit after which it was as it shall be.
    pub to: Seq,
}

/// A release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Of {
    /// The release.
    pub release: Key,
}

/// Something to tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Notice {
    /// What.
    pub text: String,
}

/// How a rehearsal went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rehearsal {
    /// When.
    pub at: Timestamp,
    /// Who ran it.
    pub by: String,
    /// In which environment.
    pub environment: EnvironmentKey,
    /// Devices that were to have it, and those that had.
    pub devices: u64,
    /// Devices that had it.
    pub converged: u64,
    /// When the last of them had it, in milliseconds after the commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_millis: Option<u64>,
}

impl Playbook {
    /// Notes how a rehearsal went.
    pub fn note(&mut self, rehearsal: Rehearsal) {
        if self.rehearsals.len() >= MAX_REHEARSALS {
            self.rehearsals.remove(0);
        }
        self.rehearsals.push(rehearsal);
    }
}

impl Model for Playbook {
    const KIND: Kind = Kind::Playbook;

    fn key(&self) -> &str {
        &self.key
    }

    fn validate(&self) -> Problems {
        let mut problems = Problems::default();
        check_text(&mut problems, "name", &self.name, false);
        check_text(&mut problems, "description", &self.description, false);
        check_plays(&mut problems, &self.plays);
        problems
    }
}

/// Notes what is wrong with plays that are carried out together.
pub(super) fn check_plays(problems: &mut Problems, plays: &[Play]) {
    if plays.is_empty() || plays.len() > MAX_PLAYS {
        let mend = format!("Give 1 to {MAX_PLAYS} plays.");
        problems.push(Problem::new("plays", plays.len(), "nothing would be done, or too much", mend));
    }
    for (n, play) in plays.iter().enumerate() {
        play.validate(&format!("plays[{n}]"), problems);
    }
}

impl Play {
    fn validate(&self, at: &str, problems: &mut Problems) {
        match self {
            Self::Notice(notice) => check_text(problems, &format!("{at}.notice.text"), &notice.text, true),
            Self::Kill(own) | Self::Revive(own) | Self::On(own) | Self::Off(own) => {
                for (field, has) in [("venues", own.venues.len()), ("cohorts", own.cohorts.len())] {
                    if has > MAX_PLACES {
                        let mend = format!("Keep at most {MAX_PLACES}.");
                        problems.push(Problem::new(format!("{at}.{field}"), has, "too many of them", mend));
                    }
                }
                let by_cohort = matches!(self, Self::Kill(_) | Self::Revive(_));
                if !by_cohort && !own.cohorts.is_empty() {
                    let mend = "Use a rule for cohorts; only kill and revive take them.";
                    let field = format!("{at}.cohorts");
                    problems.push(Problem::new(
                        field,
                        own.cohorts.len(),
                        "this can't be done for a cohort",
                        mend,
                    ));
                }
                if own.variant.is_some() && !matches!(self, Self::On(_)) {
                    let mend = "Only `on` takes a variant.";
                    problems.push(Problem::new(
                        format!("{at}.variant"),
                        "given",
                        "it would not be given",
                        mend,
                    ));
                }
            }
            Self::Restore(_) | Self::RollBack(_) => {}
        }
    }
}
