//! The decision: from a plan, what was seen and the time, whether to hold, promote, pause or take back.
//!
//! The order is what makes it safe: harm is looked at before anything else, then whether anything is known at all, and
//! only then whether it may go on. What is not known never counts as well.

use std::collections::BTreeSet;

use usher_core::model::{
    Duration, Key, Progress, Release, Stage, Status, Then, Timestamp, VenueKey, WhenUnknown,
};

use crate::{reading::Reading, window::Calendar};

/// How far the clock may be from what a steady clock says since the stage began, before nobody trusts it.
const CLOCK_TOLERANCE: Duration = Duration::from_seconds(30);

/// What is known at one look.
#[derive(Clone, Debug)]
pub struct Seen<'a> {
    /// What each guard of the plan says, in its order.
    pub guards: &'a [Reading],
    /// Why what is seen can't be trusted, besides what guards say: a split that is broken, a flag that was killed.
    pub doubts: Vec<String>,
    /// Exposures of the variant within this stage.
    pub exposures: u64,
    /// The share of connected devices that have this stage, 0 to 1; `None` while nobody is connected.
    pub converged: Option<f64>,
    /// Events and freezes.
    pub calendar: Calendar<'a>,
    /// For how much of the time that this stage has gone on nobody watched, in milliseconds.
    pub unwatched: i64,
    /// By how many milliseconds the clock went more than a steady clock did while this stage went on ([`Drift`]).
    ///
    /// [`Drift`]: crate::Drift
    pub clock_drift: i64,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// Nothing: it bakes, or waits for something. Why, in sentences.
    Hold(Vec<String>),
    /// The next stage begins.
    Promote(Vec<String>),
    /// The last stage went well.
    Complete(Vec<String>),
    /// It stops where it is until somebody says how to go on.
    Pause(Vec<String>),
    /// It is taken back: everywhere that its scope says, or at these venues.
    RollBack {
        /// Why, in sentences.
        reasons: Vec<String>,
        /// The venues that hurt; none when it is not known which.
        venues: Vec<VenueKey>,
    },
    /// The flag is killed.
    Kill(Vec<String>),
    /// Playbooks are run, and it is taken back everywhere.
    Play {
        /// Why, in sentences.
        reasons: Vec<String>,
        /// The playbooks, in the order of the plan's guards, each once.
        playbooks: Vec<Key>,
        /// Whether the flag is killed too, as another guard asks.
        kill: bool,
    },
}

/// Decides. A release that is not watched any more is held.
#[must_use]
pub fn decide(release: &Release, progress: &Progress, seen: &Seen<'_>, now: Timestamp) -> Decision {
    if !progress.is_watched() {
        return Decision::Hold(vec!["It is over.".to_owned()]);
    }
    let Some(stage) = release.stages.get(progress.stage) else {
        return Decision::Pause(vec![format!("The plan has no stage {}.", progress.stage + 1)]);
    };
    if let Some(harm) = harm(release, seen) {
        return harm;
    }
    let running = progress.status == Status::Running;
    let doubts = doubts(release, progress, seen, now);
    if !doubts.is_empty() {
        return if running { Decision::Pause(doubts) } else { Decision::Hold(doubts) };
    }
    if !running {
        return Decision::Hold(vec!["It is paused, until somebody resumes it.".to_owned()]);
    }
    let mut waits = waits(release, stage, progress, seen, now);
    let next = release.stages.get(progress.stage + 1);
    if let Some(next) = next {
        waits.extend(seen.calendar.hinders(release, next, now));
    }
    if !waits.is_empty() {
        return Decision::Hold(waits);
    }
    let reasons = reasons(stage, seen);
    if next.is_some() { Decision::Promote(reasons) } else { Decision::Complete(reasons) }
}

/// What guards say hurts, the severest answer first.
fn harm(release: &Release, seen: &Seen<'_>) -> Option<Decision> {
    let (mut paused, mut back, mut kill, mut playbooks) = (false, false, false, Vec::new());
    let (mut reasons, mut places, mut everywhere) = (Vec::new(), BTreeSet::new(), false);
    for (guard, reading) in release.guards.iter().zip(seen.guards) {
        let then = match reading {
            Reading::Breached { reason, venues } => {
                reasons.push(format!("{}: {reason}", guard.name));
                if guard.then != Then::Pause {
                    everywhere |= venues.is_empty();
                    places.extend(venues.iter().cloned());
                }
                &guard.then
            }
            Reading::Unknown { reason, millis }
                if guard.when_unknown == WhenUnknown::RollBack && *millis >= guard.unknown_after.millis() =>
            {
                reasons.push(format!("{}: {reason}", guard.name));
                everywhere = true;
                &Then::RollBack
            }
            _ => continue,
        };
        match then {
            Then::Pause => paused = true,
            Then::RollBack => back = true,
            Then::Kill => kill = true,
            Then::Playbook(key) if playbooks.contains(key) => {}
            Then::Playbook(key) => playbooks.push(key.clone()),
        }
    }
    if !playbooks.is_empty() {
        return Some(Decision::Play { reasons, playbooks, kill });
    }
    if kill {
        return Some(Decision::Kill(reasons));
    }
    if back {
        if everywhere {
            places.clear();
        }
        return Some(Decision::RollBack { reasons, venues: places.into_iter().collect() });
    }
    paused.then_some(Decision::Pause(reasons))
}

/// Why what is seen can't be trusted, or is not seen.
fn doubts(release: &Release, progress: &Progress, seen: &Seen<'_>, now: Timestamp) -> Vec<String> {
    let mut doubts = Vec::new();
    if seen.clock_drift.abs() > CLOCK_TOLERANCE.millis() || now < progress.since {
        doubts
            .push("The server's clock jumped, so nobody knows how long this stage has gone well.".to_owned());
    }
    doubts.extend(seen.doubts.iter().cloned());
    if release.guards.len() != seen.guards.len() {
        doubts.push("Not all guards of the plan were asked.".to_owned());
    }
    for (guard, reading) in release.guards.iter().zip(seen.guards) {
        if let Reading::Unknown { reason, millis } = reading
            && guard.when_unknown == WhenUnknown::Pause
            && *millis >= guard.unknown_after.millis()
        {
            doubts.push(format!("{}: {reason}", guard.name));
        }
    }
    doubts
}

/// What the next stage still waits for.
fn waits(
    release: &Release,
    stage: &Stage,
    progress: &Progress,
    seen: &Seen<'_>,
    now: Timestamp,
) -> Vec<String> {
    let mut waits = Vec::new();
    let watched = now.since(progress.since).saturating_sub(seen.unwatched);
    let left = stage.bake.millis().saturating_sub(watched);
    if left > 0 {
        let seconds =
            |millis: i64| Duration::from_seconds(u64::try_from(millis).unwrap_or_default().div_ceil(1_000));
        let gap = if seen.unwatched > 0 {
            format!(": nobody watched for {}", seconds(seen.unwatched))
        } else {
            String::new()
        };
        waits.push(format!("It bakes for {} more of {}{gap}.", seconds(left), stage.bake));
    }
    for (guard, reading) in release.guards.iter().zip(seen.guards) {
        match reading {
            Reading::Early(reason) => waits.push(format!("{}: {reason}", guard.name)),
            // Even a guard that may be ignored is first given its time.
            Reading::Unknown { reason, millis }
                if guard.when_unknown != WhenUnknown::Ignore || *millis < guard.unknown_after.millis() =>
            {
                waits.push(format!("{}: {reason}", guard.name));
            }
            _ => {}
        }
    }
    let requires = &stage.requires;
    if let Some(least) = requires.exposures.filter(|least| seen.exposures < *least) {
        waits.push(format!("{} of {least} exposures were seen in this stage.", seen.exposures));
    }
    if let Some(least) = requires.converged {
        let has = seen.converged.unwrap_or_default() * 100.0;
        if has < least.value() {
            waits.push(format!("{has:.1} % of {} % of the devices have this stage.", least.value()));
        }
    }
    if requires.approval && progress.approved_by.is_none() {
        waits.push("Somebody has to approve that it goes on.".to_owned());
    }
    waits
}

/// Why it may go on.
fn reasons(stage: &Stage, seen: &Seen<'_>) -> Vec<String> {
    let mut reasons = vec![format!("{} went well for {}.", stage.name, stage.bake)];
    reasons.extend(seen.guards.iter().filter_map(|reading| match reading {
        Reading::Well(reason) => Some(reason.clone()),
        _ => None,
    }));
    reasons
}
