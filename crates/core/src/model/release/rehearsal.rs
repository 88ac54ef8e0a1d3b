//! Rehearsals of a release: its stages, one after the other, where nobody is served but devices in rehearsal.

use serde::{Deserialize, Serialize};

use super::{
    super::{EnvironmentKey, Seq, Timestamp},
    StepKind,
};

/// How a rehearsal of a release went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReleaseRehearsal {
    /// When it began.
    pub at: Timestamp,
    /// Who asked for it.
    pub by: String,
    /// In which environment.
    pub environment: EnvironmentKey,
    /// Of which plan and flag: a fingerprint of what they said.
    pub of: String,
    /// Its steps, in order.
    pub steps: Vec<RehearsedStep>,
    /// What was not rehearsed, in sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
}

/// One step of a rehearsal, and how it reached devices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RehearsedStep {
    /// What was done: started, promoted, rolled back.
    pub kind: StepKind,
    /// The stage that it was in afterwards.
    pub stage: String,
    /// Devices that were to have it.
    pub devices: u64,
    /// Devices that had it.
    pub converged: u64,
    /// When the last of them had it, in milliseconds after the commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_millis: Option<u64>,
}

/// A rehearsal that goes on: what the flag has to be again when it is over, or was broken off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rehearsing {
    /// In which environment.
    pub environment: EnvironmentKey,
    /// The commit after which the flag was there as it shall be again.
    pub restore: Seq,
    /// When it is over at the latest: after that, whoever led it is gone.
    pub until: Timestamp,
}
