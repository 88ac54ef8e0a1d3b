//! Releases: how one flag reaches the public, stage by stage, watched by guards.
//!
//! The document is the plan and, in `progress`, how far it has come. Only the server writes progress, together with what
//! the step does to the flag, in one commit: so a step is done whole or not at all.

mod guard;
mod progress;
mod rehearsal;
mod stage;

use serde::{Deserialize, Serialize};

pub use self::{
    guard::{Check, Expectation, Guard, Probe, Then, WhenUnknown, Worse},
    progress::{Progress, Status, Step, StepKind},
    rehearsal::{RehearsedStep, Rehearsing, ReleaseRehearsal},
    stage::{Requirements, Stage},
};
use super::{
    Duration, EnvironmentKey, FlagKey, Key, Kind, Model, Moment, Percent, Span, VariantKey,
    document::check_text,
};
use crate::problem::{Problem, Problems};

/// Stages of one release.
const MAX_STAGES: usize = 50;
/// Guards of one release: they share what it may be wrong in.
const MAX_GUARDS: usize = 20;
/// Windows, and events that a release follows.
const MAX_WINDOWS: usize = 20;
const MAX_EVENTS: usize = 100;
/// How often guards are looked at, at most and at least, in seconds.
const LOOKS: std::ops::RangeInclusive<i64> = 1..=3_600;
/// Rehearsals that are kept, the newest last.
const MAX_REHEARSALS: usize = 20;

/// A staged rollout of one variant of one flag in one environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Release {
    /// Its key.
    pub key: Key,
    /// Its name, as people know it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The flag.
    pub flag: FlagKey,
    /// Where.
    pub environment: EnvironmentKey,
    /// What is released.
    pub variant: VariantKey,
    /// What those get who are not reached yet: what guards compare with, and what a rollback serves where it can't
    /// serve what was there before.
    pub control: VariantKey,
    /// How far, step by step, in order.
    pub stages: Vec<Stage>,
    /// What is watched all the while.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guards: Vec<Guard>,
    /// How much a guard that is breached takes back.
    #[serde(default, skip_serializing_if = "Scope::is_default")]
    pub rollback: Scope,
    /// How often guards are looked at.
    #[serde(default = "look_every", skip_serializing_if = "is_usual_look")]
    pub look_every: Duration,
    /// Of a hundred harmless releases, how many may be taken back at most. All guards share it.
    #[serde(default = "false_alarms", skip_serializing_if = "is_usual_alarm")]
    pub false_alarms: Percent,
    /// Events that windows are relative to; those at the venues of the stage, without any. A stage for all venues then
    /// keeps out of `never` of every event, and `not_before` holds it for none: which one is meant, nobody has said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<Key>,
    /// A stage that reaches more people never begins before this moment of an event that is to come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Moment>,
    /// Nor in these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub never: Vec<Span>,
    /// How far it has come. The server's alone to write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// When it was rehearsed, and how that went. The server's alone to write.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rehearsals: Vec<ReleaseRehearsal>,
    /// A rehearsal that goes on. The server's alone to write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rehearsing: Option<Rehearsing>,
}

impl Release {
    /// Notes how a rehearsal went, which is over.
    pub fn rehearsed(&mut self, rehearsal: ReleaseRehearsal) {
        if self.rehearsals.len() >= MAX_REHEARSALS {
            self.rehearsals.remove(0);
        }
        self.rehearsals.push(rehearsal);
        self.rehearsing = None;
    }
}

/// How much is taken back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Scope {
    /// The venues where a guard is breached; all, when it does not say where.
    Venue,
    /// The stage: what the stages before it reached stays.
    Stage,
    /// Everything.
    #[default]
    All,
}

impl Scope {
    #[allow(clippy::trivially_copy_pass_by_ref)] // As serde asks.
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

fn look_every() -> Duration {
    Duration::from_seconds(15)
}

#[allow(clippy::trivially_copy_pass_by_ref)] // As serde asks.
fn is_usual_look(every: &Duration) -> bool {
    *every == look_every()
}

fn false_alarms() -> Percent {
    Percent::from_steps(Percent::STEPS / 100)
}

#[allow(clippy::trivially_copy_pass_by_ref)] // As serde asks.
fn is_usual_alarm(percent: &Percent) -> bool {
    *percent == false_alarms()
}

impl Model for Release {
    const KIND: Kind = Kind::Release;

    fn key(&self) -> &str {
        &self.key
    }

    fn validate(&self) -> Problems {
        let mut problems = Problems::default();
        check_text(&mut problems, "name", &self.name, false);
        check_text(&mut problems, "description", &self.description, false);
        if self.variant == self.control {
            let mend = "Name what those get who are not reached yet.";
            problems.push(Problem::new("control", &*self.control, "this is what is released", mend));
        }
        if self.stages.is_empty() {
            let mend = "Give it one stage at least, such as {\"name\": \"all\"}.";
            problems.push(Problem::new("stages", "nothing", "a release without stages goes nowhere", mend));
        }
        let bounds = [
            ("stages", self.stages.len(), MAX_STAGES),
            ("guards", self.guards.len(), MAX_GUARDS),
            ("never", self.never.len(), MAX_WINDOWS),
            ("events", self.events.len(), MAX_EVENTS),
        ];
        for (field, has, most) in bounds.into_iter().filter(|(_, has, most)| has > most) {
            problems.push(Problem::new(field, has, "too many of them", format!("Keep at most {most}.")));
        }
        let every = self.look_every.millis() / 1_000;
        if !LOOKS.contains(&every) {
            let mend = "Look every 1s at most and every 1h at least.";
            problems.push(Problem::new("lookEvery", self.look_every, "guards can't be looked at so", mend));
        }
        if self.false_alarms.is_zero() || self.false_alarms.value() > 50.0 {
            let mend = "Give more than 0 and at most 50; 1 is usual.";
            problems.push(Problem::new(
                "falseAlarms",
                self.false_alarms.value(),
                "no test can be that",
                mend,
            ));
        }
        stage::validate(&self.stages, &mut problems);
        guard::validate(&self.guards, &mut problems);
        for (n, span) in self.never.iter().enumerate() {
            span.validate(&format!("never[{n}]"), &mut problems);
        }
        problems
    }
}
