//! Cohorts: named, reusable sets of contexts.

use serde::{Deserialize, Serialize};

use super::{CohortKey, Condition, Kind, Model, VenueKey, document::check_text};
use crate::{
    limits::MAX_COHORT_KEYS,
    problem::{Problem, Problems},
    ruleset,
};

/// A named set of contexts: those whose key is listed, and those for which the condition holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cohort {
    /// Its key, `season-ticket-holders`.
    pub key: CohortKey,
    /// Its name, as people know it.
    pub name: String,
    /// Who is in it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Contexts for which this holds are in it.
    #[serde(rename = "if", default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
    /// The attribute that `keys` list; `targetingKey` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Contexts that are in it one by one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
    /// Whose word makes a phone a member. Where it does not say: of a context that is signed, only what is signed;
    /// of one that is not, anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claims: Option<Claims>,
    /// Where it exists at all; empty for everywhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub venues: Vec<VenueKey>,
}

/// Whose word makes a phone, which comes with a client key, a member of a cohort. Who has a server key is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Claims {
    /// Only that of a backend, in a signed context: staff.
    Signed,
    /// The phone's own too: those with a certain version of the app.
    Open,
}

impl Model for Cohort {
    const KIND: Kind = Kind::Cohort;

    fn key(&self) -> &str {
        &self.key
    }

    fn validate(&self) -> Problems {
        let mut problems = Problems::default();
        check_text(&mut problems, "name", &self.name, true);
        check_text(&mut problems, "description", &self.description, false);
        if self.keys.len() > MAX_COHORT_KEYS {
            let mend = format!("Keep at most {MAX_COHORT_KEYS}, or use a condition.");
            problems.push(Problem::new("keys", self.keys.len(), "too many keys", mend));
        }
        if let Some(condition) = &self.condition {
            problems.extend_within("if", ruleset::check_condition(condition));
            condition.each_prerequisite(&mut |prerequisite| {
                let mend = "Ask for the flag in the rule that uses the cohort.";
                let detail = "a cohort can't ask for what a flag gives";
                problems.push(Problem::new("if", &prerequisite.flag, detail, mend));
            });
        }
        problems
    }
}
