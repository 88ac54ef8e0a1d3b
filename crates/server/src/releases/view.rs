//! What people see of a release that is watched.

use serde::Serialize;
use usher_core::model::{Guard, Progress, Release, Status, Timestamp};
use usher_release::{Decision, Figure, Reading};
use utoipa::ToSchema;

use super::past::Looked;

/// A release at the last look.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct View {
    /// Its key.
    pub key: String,
    /// Whether it goes on: `running`, `paused`, `rolledBack`, `completed`.
    #[schema(value_type = String)]
    pub status: Status,
    /// The stage that it is in, the first being 1.
    pub stage: usize,
    /// That stage's name.
    pub stage_name: String,
    /// How many stages there are.
    pub stages: usize,
    /// Since when it is there without a break.
    #[schema(value_type = String)]
    pub since: Timestamp,
    /// When it was looked at.
    #[schema(value_type = String)]
    pub looked_at: Timestamp,
    /// What is to be done: `hold`, `promote`, `complete`, `pause`, `rollBack`, `kill`, `playbook`.
    pub decision: String,
    /// Why, in sentences.
    pub reasons: Vec<String>,
    /// Exposures of the variant within this stage.
    pub exposures: u64,
    /// The share of connected devices that have this stage, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub converged: Option<f64>,
    /// What each guard says.
    pub guards: Vec<GuardView>,
    /// Whether this server is the one that acts.
    pub acts_here: bool,
    /// What guards said at earlier looks, the oldest first: only where that is asked for, and only on this server.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub past: Vec<Looked>,
}

/// A guard at the last look.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GuardView {
    /// Its name.
    pub name: String,
    /// `well`, `early`, `breached` or `unknown`.
    pub state: String,
    /// What was seen, in a sentence.
    pub detail: String,
    /// What was seen, in numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<FigureSchema>)]
    pub figure: Option<Figure>,
}

/// What a guard has seen, in numbers.
#[derive(Serialize, ToSchema)]
#[schema(as = Figure)]
#[allow(dead_code)] // Only described.
pub(super) struct FigureSchema {
    /// What was seen of the variant: failures in percent, or a mean.
    variant: f64,
    /// The same of the control, where there is one beside it.
    control: Option<f64>,
    /// What is allowed at most, where that is a fixed number.
    bound: Option<f64>,
    /// Trials or values of the variant that it comes from.
    sample: u64,
}

impl View {
    /// Where it is now, with what was `seen` at the last look, if there was one.
    pub(crate) fn now(release: &Release, progress: &Progress, seen: Option<Self>) -> Self {
        let at_rest = Self::new(release, progress, &Decision::Hold(Vec::new()), &[]);
        let Some(seen) = seen else { return at_rest };
        let Self { status, stage, stage_name, since, .. } = at_rest;
        Self { status, stage, stage_name, since, ..seen }
    }

    pub(super) fn new(
        release: &Release,
        progress: &Progress,
        decision: &Decision,
        readings: &[Reading],
    ) -> Self {
        let (name, reasons) = match decision {
            Decision::Hold(reasons) => ("hold", reasons),
            Decision::Promote(reasons) => ("promote", reasons),
            Decision::Complete(reasons) => ("complete", reasons),
            Decision::Pause(reasons) => ("pause", reasons),
            Decision::RollBack { reasons, .. } => ("rollBack", reasons),
            Decision::Kill(reasons) => ("kill", reasons),
            Decision::Play { reasons, .. } => ("playbook", reasons),
        };
        Self {
            key: release.key.to_string(),
            status: progress.status,
            stage: progress.stage + 1,
            stage_name: release
                .stages
                .get(progress.stage)
                .map_or_else(String::new, |stage| stage.name.clone()),
            stages: release.stages.len(),
            since: progress.since,
            looked_at: Timestamp::EPOCH,
            decision: name.to_owned(),
            reasons: reasons.clone(),
            exposures: 0,
            converged: None,
            guards: release
                .guards
                .iter()
                .zip(readings)
                .map(|(guard, reading)| GuardView::new(guard, reading))
                .collect(),
            acts_here: false,
            past: Vec::new(),
        }
    }
}

impl GuardView {
    fn new(guard: &Guard, reading: &Reading) -> Self {
        let (state, detail) = match reading {
            Reading::Well(detail) => ("well", detail),
            Reading::Early(detail) => ("early", detail),
            Reading::Breached { reason, .. } => ("breached", reason),
            Reading::Unknown { reason, .. } => ("unknown", reason),
        };
        Self { name: guard.name.clone(), state: state.to_owned(), detail: detail.clone(), figure: None }
    }
}
