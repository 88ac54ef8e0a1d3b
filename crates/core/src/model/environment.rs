//! Environments: `production`, `staging`, and whatever else a team works in.

use serde::{Deserialize, Serialize};

use super::{EnvironmentKey, Kind, Model, Steering, document::check_text};
use crate::problem::{Problem, Problems};

/// Approvals that an environment may ask for.
const MAX_APPROVALS: u32 = 10;

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
    /// How many other people have to look at a change that its clients notice, before it is made.
    #[serde(default, skip_serializing_if = "is_none")]
    pub approvals: u32,
    /// Shares of clients that are served elsewhere; the first that has one counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steering: Vec<Steering>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // As serde asks.
fn is_none(approvals: &u32) -> bool {
    *approvals == 0
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
        if self.approvals > MAX_APPROVALS {
            let mend = format!("Ask for {MAX_APPROVALS} at most.");
            problems.push(Problem::new("approvals", self.approvals, "nothing would ever be changed", mend));
        }
        Steering::validate(&self.steering, &mut problems);
        problems
    }
}
