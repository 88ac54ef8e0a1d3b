//! Saving never revives: what is killed stays killed, whatever else is written; nor does it move a release.

use actix_web::http::StatusCode;
use usher_core::model::{Document, Flag, Killed, Kind, Release};
use usher_journal::{Entry, Expected};

use crate::{problem::Problem, schedules};

/// `document` with all that is killed in what it replaces. An environment in which the flag is killed stays in
/// it too: else the kill would be forgotten, and whoever adds the environment again would revive the flag. A release
/// keeps its progress, a playbook its rehearsals, and a schedule what became of it.
///
/// # Errors
/// A flag that can't be written.
pub(crate) fn keep(document: Document, current: Option<&Entry>) -> Result<Document, Problem> {
    match document.kind() {
        Kind::Release => return super::releases::keep(document, current),
        Kind::Schedule => return schedules::keep(&document, current),
        Kind::Playbook => return super::playbooks::keep(&document, current.map(|entry| &entry.document)),
        _ => {}
    }
    let (Kind::Flag, Some(current)) = (document.kind(), current) else { return Ok(document) };
    let (mut flag, Ok(now)) = (document.parse::<Flag>()?, current.document.parse::<Flag>()) else {
        return Ok(document);
    };
    let mut changed = false;
    for (environment, config) in now.environments {
        if config.killed.is_empty() {
            continue;
        }
        match flag.environments.get_mut(&environment) {
            Some(saved) => changed |= add(&mut saved.killed, config.killed),
            None => {
                flag.environments.insert(environment, config);
                changed = true;
            }
        }
    }
    if changed { Ok(Document::from_model(&flag)?) } else { Ok(document) }
}

/// Refuses to delete a release that runs, and a flag that is killed: whoever makes it again would revive it, and until then its callers get
/// their defaults. Who expects another version is told of that first, by the journal.
///
/// # Errors
/// 409, with where it is killed.
pub(crate) fn let_go(current: Option<&Entry>, expected: Option<Expected>) -> Result<(), Problem> {
    let Some(entry) = current else { return Ok(()) };
    match expected {
        Some(Expected::Absent) => return Ok(()),
        Some(Expected::Version(version)) if version != entry.version => return Ok(()),
        _ => {}
    }
    if let Ok(release) = entry.document.parse::<Release>() {
        let key = entry.document.key();
        if release.progress.is_some_and(|progress| progress.is_watched()) {
            let detail = format!("The release {key} runs: take it back first.");
            return Err(Problem::new(StatusCode::CONFLICT, "running", detail));
        }
        if release.rehearsing.is_some() {
            let detail = format!("The release {key} is being rehearsed: wait until that is over.");
            return Err(Problem::new(StatusCode::CONFLICT, "rehearsing", detail));
        }
    }
    let Ok(flag) = entry.document.parse::<Flag>() else { return Ok(()) };
    let killed = flag.environments.iter().find(|(_, config)| !config.killed.is_empty());
    killed.map_or(Ok(()), |(environment, _)| {
        let key = entry.document.key();
        let detail =
            format!("The flag {key} is killed in {environment}: revive it first, or archive it instead.");
        Err(Problem::new(StatusCode::CONFLICT, "killed", detail))
    })
}

fn add(saved: &mut Killed, now: Killed) -> bool {
    let before = saved.clone();
    saved.all |= now.all;
    for venue in now.venues {
        if !saved.venues.contains(&venue) {
            saved.venues.push(venue);
        }
    }
    for cohort in now.cohorts {
        if !saved.cohorts.contains(&cohort) {
            saved.cohorts.push(cohort);
        }
    }
    *saved != before
}
