//! How far a release has come, and how it came there.

use serde::{Deserialize, Serialize};

use super::super::{Key, Timestamp, VenueKey};

/// Steps that are kept in the document; the journal has them all.
const MAX_STEPS: usize = 200;

/// Where a release is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Progress {
    /// Whether it goes on.
    pub status: Status,
    /// When it began; a release that is started again begins anew.
    pub started: Timestamp,
    /// Whose key began it, by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_by: Option<String>,
    /// The stage that it is in, the first being 0.
    pub stage: usize,
    /// Since when it is there without a break: its stage began, or it was resumed.
    pub since: Timestamp,
    /// Who said that the next stage may begin, where the stage asks for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<String>,
    /// Venues that were taken back while the others stayed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub withdrawn: Vec<VenueKey>,
    /// Metrics that the flag measures for its sake only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub measured: Vec<String>,
    /// What happened, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
}

/// Whether a release goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Status {
    /// It is watched, and goes on by itself.
    Running,
    /// It is watched, and stays where it is until somebody says how to go on.
    Paused,
    /// It was taken back.
    RolledBack,
    /// All stages went well.
    Completed,
}

/// Something that happened to a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Step {
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: StepKind,
    /// The name of the stage that it was in afterwards.
    pub stage: String,
    /// Why, in sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// The playbooks that were run with it, in the same commit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub playbooks: Vec<Key>,
}

/// What happened to a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StepKind {
    /// It began.
    Started,
    /// The next stage began.
    Promoted,
    /// It stopped where it was.
    Paused,
    /// It goes on, and the stage's time begins anew.
    Resumed,
    /// Somebody said that the next stage may begin.
    Approved,
    /// Some venues were taken back.
    Withdrawn,
    /// It was taken back.
    RolledBack,
    /// The flag was killed.
    Killed,
    /// All stages went well.
    Completed,
    /// Every device had what was taken back.
    Arrived,
}

impl Progress {
    /// Whether guards are still looked at.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        matches!(self.status, Status::Running | Status::Paused)
    }

    /// Notes what happened.
    pub fn note(&mut self, step: Step) {
        if self.steps.len() >= MAX_STEPS {
            self.steps.remove(0);
        }
        self.steps.push(step);
    }
}
