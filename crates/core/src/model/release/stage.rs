//! Stages: whom a release reaches, and what has to hold before it goes on.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::super::{CohortKey, Duration, Percent, VenueKey, document::check_text};
use crate::problem::{Problem, Problems};

/// Venues and cohorts of one stage, and attributes of a split.
const MAX_PLACES: usize = 5_000;
const MAX_ATTRIBUTES: usize = 8;

/// One step of a release.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Stage {
    /// Its name, `canary`.
    pub name: String,
    /// The variant is evaluated and counted here, but not served: everybody still gets what they had.
    #[serde(default, skip_serializing_if = "is_false")]
    pub dark: bool,
    /// Only contexts at one of these venues; all, without any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub venues: Vec<VenueKey>,
    /// Only contexts in one of these cohorts; all, without any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cohorts: Vec<CohortKey>,
    /// Of these, how many. What a later stage adds never takes anybody out again.
    #[serde(default = "all", skip_serializing_if = "is_all")]
    pub percent: Percent,
    /// The attributes by which they are drawn; with `venue` whole venues are.
    #[serde(default = "by_person", skip_serializing_if = "is_by_person")]
    pub by: Vec<String>,
    /// How long it has to go well before the next stage.
    #[serde(default = "no_time", skip_serializing_if = "is_no_time")]
    pub bake: Duration,
    /// What else has to hold before the next stage.
    #[serde(default, skip_serializing_if = "Requirements::is_none")]
    pub requires: Requirements,
}

/// What has to hold before the next stage, besides time and guards.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Requirements {
    /// So many exposures of the variant within this stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exposures: Option<u64>,
    /// So many of the connected devices have the stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub converged: Option<Percent>,
    /// Somebody says that it may go on.
    #[serde(default, skip_serializing_if = "is_false")]
    pub approval: bool,
}

impl Requirements {
    fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)] // As serde asks.
fn is_false(value: &bool) -> bool {
    !value
}

fn all() -> Percent {
    Percent::from_steps(Percent::STEPS)
}

#[allow(clippy::trivially_copy_pass_by_ref)] // As serde asks.
fn is_all(percent: &Percent) -> bool {
    *percent == all()
}

fn by_person() -> Vec<String> {
    vec!["targetingKey".to_owned()]
}

fn is_by_person(by: &[String]) -> bool {
    by == ["targetingKey"]
}

fn no_time() -> Duration {
    Duration::from_seconds(0)
}

#[allow(clippy::trivially_copy_pass_by_ref)] // As serde asks.
fn is_no_time(time: &Duration) -> bool {
    *time == no_time()
}

pub(super) fn validate(stages: &[Stage], problems: &mut Problems) {
    let mut names = HashSet::new();
    for (n, stage) in stages.iter().enumerate() {
        let at = |field: &str| format!("stages[{n}].{field}");
        check_text(problems, &at("name"), &stage.name, true);
        if !names.insert(&stage.name) {
            let mend = "Give each stage a name of its own.";
            problems.push(Problem::new(at("name"), &stage.name, "two stages have this name", mend));
        }
        for (field, has) in [("venues", stage.venues.len()), ("cohorts", stage.cohorts.len())] {
            if has > MAX_PLACES {
                let mend = format!("Keep at most {MAX_PLACES}.");
                problems.push(Problem::new(at(field), has, "too many of them", mend));
            }
        }
        if stage.by.is_empty() || stage.by.len() > MAX_ATTRIBUTES || stage.by.iter().any(String::is_empty) {
            let mend = format!("Name 1 to {MAX_ATTRIBUTES} attributes, `targetingKey` for persons.");
            problems.push(Problem::new(at("by"), stage.by.join(", "), "nobody can be drawn by this", mend));
        }
        if n > 0 && stage.dark && !stages[n - 1].dark {
            let mend = "Put it before the stages that serve.";
            problems.push(Problem::new(at("dark"), true, "what was served can't be dark again", mend));
        }
    }
}
