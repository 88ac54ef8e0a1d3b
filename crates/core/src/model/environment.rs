//! Environments: `production`, `staging`, and whatever else a team works in.

use serde::{Deserialize, Serialize};

use super::{EnvironmentKey, Kind, Model, Steering, document::check_text};
use crate::problem::Problems;

/// Where flags are configured and evaluated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Environment {
    /// Its key, `production`.
    pub key: EnvironmentKey,
    /// Its name, as people know it.
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Whether the public is in it: tools then ask twice.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub critical: bool,
    /// Whether it is there for rehearsals only: what is served here is written over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rehearsal: bool,
    /// Shares of clients that are served elsewhere; the first that has one counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steering: Vec<Steering>,
}

impl Model for Environment {
    const KIND: Kind = Kind::Environment;

    fn key(&self) -> &str {
        &self.key
    }

    fn validate(&self) -> Problems {
        let mut problems = Problems::default();
        check_text(&mut problems, "name", &self.name, true);
        check_text(&mut problems, "description", &self.description, false);
        Steering::validate(&self.steering, &mut problems);
        problems
    }
}
