//! Saving never revives: what is killed stays killed, whatever else is written.

use usher_core::model::{Document, Flag, Killed, Kind};
use usher_journal::Entry;

use crate::problem::Problem;

/// `document` with all that is killed in what it replaces. An environment in which the flag is killed stays in
/// it too: else the kill would be forgotten, and whoever adds the environment again would revive the flag.
///
/// # Errors
/// A flag that can't be written.
pub(super) fn keep(document: Document, current: Option<&Entry>) -> Result<Document, Problem> {
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
