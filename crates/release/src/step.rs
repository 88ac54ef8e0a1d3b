//! What a step does: to the release, and to its flag. One function for what the server decides and for what people ask,
//! so that both leave the same record.

use usher_core::{
    Problem,
    model::{Flag, Key, Progress, Release, Scope, Status, Step, StepKind, Timestamp, VenueKey},
};

use crate::{decide::Decision, effect};

/// A step of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Move {
    /// Its first stage begins; with the key of whoever begins it.
    Start(String),
    /// The next stage begins.
    Promote,
    /// It stops where it is.
    Pause,
    /// It goes on, and the stage's time begins anew.
    Resume,
    /// The next stage may begin, says somebody.
    Approve(String),
    /// It is taken back at these venues, and stops.
    Withdraw(Vec<VenueKey>),
    /// The stage is taken back, and it stops at the one before.
    StageBack,
    /// It is taken back everywhere.
    RollBack,
    /// The flag is killed, and the release taken back.
    Kill,
    /// It is taken back everywhere, with playbooks that are run in the same commit by whoever takes the step.
    Play {
        /// The playbooks.
        playbooks: Vec<Key>,
        /// Whether the flag is killed too.
        kill: bool,
    },
    /// The last stage went well.
    Complete,
    /// How long it took until every device had what was taken back.
    Arrived,
}

/// Whether none of `venues` has the variant in the stage that a release is in. Nobody knows, without any.
fn is_out(release: &Release, progress: &Progress, venues: &[VenueKey]) -> bool {
    let out = |venue| effect::share(release, progress.stage, Some(venue)) == Some(0.0);
    !venues.is_empty() && venues.iter().all(out)
}

impl Move {
    /// What a decision asks for, with its reasons. Nothing, when it is to be held.
    #[must_use]
    pub fn of(decision: Decision, release: &Release, progress: &Progress) -> Option<(Self, Vec<String>)> {
        Some(match decision {
            Decision::Hold(_) => return None,
            Decision::Promote(reasons) => (Self::Promote, reasons),
            Decision::Complete(reasons) => (Self::Complete, reasons),
            // One that is paused already is not paused again, whatever else hurts.
            Decision::Pause(_) if progress.status == Status::Paused => return None,
            Decision::Pause(reasons) => (Self::Pause, reasons),
            Decision::Kill(reasons) => (Self::Kill, reasons),
            Decision::Play { reasons, playbooks, kill } => (Self::Play { playbooks, kill }, reasons),
            Decision::RollBack { reasons, venues } => {
                let left: Vec<VenueKey> =
                    venues.iter().filter(|venue| !progress.withdrawn.contains(venue)).cloned().collect();
                let step = match release.rollback {
                    // Where all that hurts is taken back already and it still hurts, the venue is not what is wrong.
                    Scope::Venue if !left.is_empty() => Self::Withdraw(left),
                    // What was counted before it was taken back there still hurts, and nobody there has it any more.
                    Scope::Stage if is_out(release, progress, &venues) => {
                        if progress.status == Status::Paused {
                            return None;
                        }
                        Self::Pause
                    }
                    Scope::Stage if progress.stage > 0 => Self::StageBack,
                    _ => Self::RollBack,
                };
                (step, reasons)
            }
        })
    }

    /// Takes the step. Gives back what the commit is called.
    ///
    /// # Errors
    /// It makes no sense now, or with this flag; then nothing was changed.
    pub fn take(
        &self,
        release: &mut Release,
        flag: &mut Flag,
        reasons: Vec<String>,
        now: Timestamp,
    ) -> Result<String, Problem> {
        let mut progress = self.progress(release, now)?;
        let kind = match self {
            Self::Start(_) => {
                may_start(release, flag)?;
                effect::serve(release, flag, 0, &[])?;
                progress.measured = effect::measure(release, flag)?;
                StepKind::Started
            }
            Self::Promote => {
                if progress.stage + 1 >= release.stages.len() {
                    return Err(refused(release, "it is in its last stage", "Wait until it is complete."));
                }
                (progress.stage, progress.since, progress.approved_by) = (progress.stage + 1, now, None);
                progress.status = Status::Running;
                effect::serve(release, flag, progress.stage, &progress.withdrawn)?;
                StepKind::Promoted
            }
            Self::Pause => {
                progress.status = Status::Paused;
                StepKind::Paused
            }
            Self::Resume => {
                (progress.status, progress.since) = (Status::Running, now);
                StepKind::Resumed
            }
            Self::Approve(by) => {
                progress.approved_by = Some(by.clone());
                StepKind::Approved
            }
            Self::Withdraw(venues) => {
                progress.withdrawn.extend(venues.iter().cloned());
                progress.status = Status::Paused;
                effect::serve(release, flag, progress.stage, &progress.withdrawn)?;
                StepKind::Withdrawn
            }
            Self::StageBack => {
                progress.stage = progress.stage.saturating_sub(1);
                (progress.status, progress.since, progress.approved_by) = (Status::Paused, now, None);
                effect::serve(release, flag, progress.stage, &progress.withdrawn)?;
                StepKind::RolledBack
            }
            Self::RollBack | Self::Kill | Self::Play { .. } => {
                progress.status = Status::RolledBack;
                effect::take_back(release, flag, &progress.measured)?;
                if matches!(self, Self::Kill | Self::Play { kill: true, .. })
                    && let Some(config) = flag.environments.get_mut(&release.environment)
                {
                    config.killed.all = true;
                    StepKind::Killed
                } else {
                    StepKind::RolledBack
                }
            }
            Self::Complete => {
                progress.status = Status::Completed;
                StepKind::Completed
            }
            Self::Arrived => StepKind::Arrived,
        };
        let stage = release.stages.get(progress.stage).map_or("", |stage| &stage.name).to_owned();
        let message = format!("Release {}: {}", release.key, self.title(&stage));
        let playbooks = match self {
            Self::Play { playbooks, .. } => playbooks.clone(),
            _ => Vec::new(),
        };
        progress.note(Step { at: now, kind, stage, reasons, playbooks });
        release.progress = Some(progress);
        Ok(message)
    }

    /// The progress to go on from, if the step can follow it.
    fn progress(&self, release: &Release, now: Timestamp) -> Result<Progress, Problem> {
        let progress = release.progress.clone();
        let watched = progress.as_ref().is_some_and(Progress::is_watched);
        let paused = progress.as_ref().is_some_and(|own| own.status == Status::Paused);
        match (self, progress) {
            (Self::Start(_), _) if watched => {
                Err(refused(release, "it is running", "Wait, or take it back first."))
            }
            (Self::Start(by), earlier) => Ok(Progress {
                status: Status::Running,
                started: now,
                started_by: Some(by.clone()),
                stage: 0,
                since: now,
                approved_by: None,
                withdrawn: Vec::new(),
                measured: Vec::new(),
                steps: earlier.map(|own| own.steps).unwrap_or_default(),
            }),
            (Self::Resume, _) if !paused => {
                Err(refused(release, "it is not paused", "There is nothing to resume."))
            }
            (Self::Pause, _) if paused => {
                Err(refused(release, "it is paused", "Resume it, or take it back."))
            }
            // A complete release can still be taken back, and it is told of one that is over how far that has come.
            (Self::RollBack | Self::Kill, Some(own)) if own.status == Status::Completed => Ok(own),
            (Self::Arrived, Some(own)) => Ok(own),
            (_, Some(own)) if watched => Ok(own),
            _ => Err(refused(release, "it is not running", "Start it first.")),
        }
    }

    /// Its name, for statistics.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Start(_) => "start",
            Self::Promote => "promote",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Approve(_) => "approve",
            Self::Withdraw(_) => "withdraw",
            Self::StageBack => "stage_back",
            // For whoever counts, a playbook is one more thing that was done.
            Self::RollBack | Self::Play { kill: false, .. } => "roll_back",
            Self::Kill | Self::Play { kill: true, .. } => "kill",
            Self::Complete => "complete",
            Self::Arrived => "arrived",
        }
    }

    fn title(&self, stage: &str) -> String {
        match self {
            Self::Start(_) => format!("begins with {stage}"),
            Self::Promote => format!("goes on with {stage}"),
            Self::Pause => format!("stops in {stage}"),
            Self::Resume => format!("resumes {stage}"),
            Self::Approve(by) => format!("{by} lets it go on after {stage}"),
            Self::Withdraw(venues) => {
                let names: Vec<&str> = venues.iter().map(|venue| venue.as_str()).collect();
                format!("is taken back at {}", names.join(", "))
            }
            Self::StageBack => format!("is taken back to {stage}"),
            Self::RollBack => "is taken back".to_owned(),
            Self::Kill => "is taken back, and the flag killed".to_owned(),
            Self::Play { playbooks, kill } => {
                let flag = if *kill { ", the flag killed" } else { "" };
                let names: Vec<&str> = playbooks.iter().map(|key| &**key).collect();
                format!("is taken back{flag}, with playbook {}", names.join(", "))
            }
            Self::Complete => "is complete".to_owned(),
            Self::Arrived => "what was taken back has arrived".to_owned(),
        }
    }
}

/// Whether the flag can be released as the plan says.
pub(crate) fn may_start(release: &Release, flag: &Flag) -> Result<(), Problem> {
    if release.rehearsing.is_some() {
        return Err(refused(release, "it is being rehearsed", "Wait until that is over."));
    }
    for (field, variant) in [("variant", &release.variant), ("control", &release.control)] {
        if !flag.variants.contains_key(variant) {
            let mend = format!(
                "Use one of {}.",
                flag.variants.keys().map(|key| &**key).collect::<Vec<_>>().join(", ")
            );
            return Err(Problem::new(field, &**variant, "the flag has no such variant", mend));
        }
    }
    let Some(config) = flag.environments.get(&release.environment) else { return Ok(()) };
    if config.killed.all {
        let mend = format!("Revive `{}` first.", flag.key);
        return Err(Problem::new("flag", &*flag.key, "the flag is killed, so nothing would be served", mend));
    }
    if !config.enabled {
        let mend = format!(
            "Turn `{}` on in {} first: it goes on giving `{}`.",
            flag.key, release.environment, release.control
        );
        return Err(Problem::new("flag", &*flag.key, "the flag is off, so nothing would be served", mend));
    }
    Ok(())
}

fn refused(release: &Release, what: &str, mend: &str) -> Problem {
    Problem::new("progress", &*release.key, what, mend)
}
