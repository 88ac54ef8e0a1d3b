//! The second person: which changes somebody else has to look at, and whether a change request may be made.
//!
//! An environment asks for approvals of what its clients notice, as freezes do ([`frozen`]), and of plans that act there
//! later: releases, schedules and playbooks. What is planned is looked at when it is written, so that it can then be
//! carried out, by hand in an emergency or by the server, without anybody being asked again. Kills and what takes back
//! pass: what stops harm is never held up.

use usher_core::model::{
    Actor, ActorKind, ChangeRequest, Document, Environment, EnvironmentKey, Kind, Play, Playbook, Release,
    RequestStatus, Schedule, When,
};

use crate::{Move, frozen};

/// The environments that ask for approvals of a change from `before` to `after`.
#[must_use]
pub fn asking<'e>(
    before: Option<&Document>,
    after: Option<&Document>,
    environments: &'e [Environment],
) -> Vec<&'e Environment> {
    let everywhere = |all: &mut dyn Iterator<Item = Option<EnvironmentKey>>| {
        let reached: Vec<Option<EnvironmentKey>> = all.collect();
        let asks = |own: &&Environment| {
            own.approvals > 0 && reached.iter().any(|key| key.as_ref().is_none_or(|key| *key == own.key))
        };
        environments.iter().filter(asks).collect()
    };
    match after.map(Document::kind) {
        Some(Kind::Release | Kind::Schedule | Kind::Playbook) => {
            let plan = |document: Option<&Document>| document.and_then(planned);
            let (before, after) = (plan(before), plan(after));
            if before == after {
                return Vec::new();
            }
            everywhere(&mut after.into_iter().flat_map(|(_, where_to)| where_to))
        }
        _ => everywhere(&mut frozen::reached(before, after).into_iter().map(|own| own.environment)),
    }
}

/// What a plan does and when, and in which environments; `None` for all of them.
type Plan = ((Option<When>, Vec<Play>, Option<Box<Release>>), Vec<Option<EnvironmentKey>>);

fn planned(document: &Document) -> Option<Plan> {
    let of_plays = |plays: &[Play]| plays.iter().filter_map(reach).collect::<Vec<_>>();
    match document.kind() {
        Kind::Release => {
            let mut release: Release = document.parse().ok()?;
            release.progress = None;
            let environment = release.environment.clone();
            Some(((None, Vec::new(), Some(Box::new(release))), vec![Some(environment)]))
        }
        Kind::Schedule => {
            let schedule: Schedule = document.parse().ok()?;
            let where_to = of_plays(&schedule.plays);
            Some(((Some(schedule.at), schedule.plays, None), where_to))
        }
        Kind::Playbook => {
            let playbook: Playbook = document.parse().ok()?;
            let where_to = of_plays(&playbook.plays);
            Some(((None, playbook.plays, None), where_to))
        }
        _ => None,
    }
}

/// Where a play is noticed; nowhere, when it stops harm or only says something.
fn reach(play: &Play) -> Option<Option<EnvironmentKey>> {
    match play {
        Play::Revive(own) | Play::On(own) | Play::Off(own) => Some(Some(own.environment.clone())),
        Play::Restore(_) => Some(None),
        Play::Kill(_) | Play::RollBack(_) | Play::Notice(_) => None,
    }
}

/// How far a request has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// How many have to approve.
    pub needed: u32,
    /// Those whose approval counts.
    pub approved_by: Vec<String>,
    /// Why it may not be made, in sentences; nothing when it may.
    pub reasons: Vec<String>,
}

/// Whether a request may be made, where its changes need `needed` approvals. `may` tells who has the rights that they
/// need now: who has lost them since counts no more.
#[must_use]
pub fn standing(request: &ChangeRequest, needed: u32, may: impl Fn(&Actor) -> bool) -> Standing {
    let counts = |by: &&Actor| may(by) && may_approve(request, by).is_ok();
    let approved: Vec<&Actor> = request.approvals.iter().map(|own| &own.by).filter(counts).collect();
    let mut reasons = Vec::new();
    match request.status {
        RequestStatus::Open => {}
        RequestStatus::Merged => reasons.push("It was merged already.".to_owned()),
        RequestStatus::Closed => reasons.push("It was closed: open another one.".to_owned()),
    }
    let has = u32::try_from(approved.len()).unwrap_or(u32::MAX);
    if has < needed {
        let people = if needed == 1 { "somebody else".to_owned() } else { format!("{needed} other people") };
        reasons.push(format!("It has to be approved by {people}; {has} did."));
    }
    let approved_by = approved.into_iter().map(|by| by.name.clone()).collect();
    Standing { needed, approved_by, reasons }
}

/// Whether somebody is a second person for a request.
///
/// # Errors
/// Why not, in a sentence.
pub fn may_approve(request: &ChangeRequest, by: &Actor) -> Result<(), String> {
    if by.kind != ActorKind::User {
        return Err("A program is nobody's second person: sign in to approve.".to_owned());
    }
    if by.is(&request.author) {
        return Err("Nobody approves what they ask for themselves: somebody else has to.".to_owned());
    }
    Ok(())
}

/// Whether somebody may take a step of a release by hand, where its environment asks for approvals: who has begun it
/// does not say themselves that it may go on.
///
/// # Errors
/// Why not, in a sentence.
pub fn may_let_go_on(release: &Release, step: &Move, by: &Actor) -> Result<(), String> {
    let Some(progress) = &release.progress else { return Ok(()) };
    let asks = release.stages.get(progress.stage).is_some_and(|stage| stage.requires.approval);
    let lets_go_on = match step {
        Move::Approve(_) => true,
        // To pass over an approval is to give it.
        Move::Promote => asks && progress.approved_by.is_none(),
        _ => false,
    };
    if !lets_go_on {
        return Ok(());
    }
    if by.kind != ActorKind::User {
        return Err("A program is nobody's second person: sign in to approve.".to_owned());
    }
    if progress.started_by.as_deref() == Some(&*by.id) {
        return Err(format!(
            "Whoever has begun a release does not approve it in {} themselves: somebody else has to.",
            release.environment
        ));
    }
    Ok(())
}
