//! What became of a schedule is the server's alone to write, and stays, whatever is written or brought back.

use usher_core::{
    Problems,
    model::{Document, Ended, Kind, Outcome, Schedule, Timestamp},
};
use usher_journal::{Change, Entry, State};

use crate::problem::Problem;

/// `document` with what became of it so far; of a schedule that is put to another time, nothing.
///
/// # Errors
/// It is none.
pub(crate) fn keep(document: &Document, current: Option<&Entry>) -> Result<Document, Problem> {
    let mut schedule: Schedule = document.parse()?;
    schedule.follow(current.and_then(|entry| entry.document.parse().ok()).as_ref());
    Ok(Document::from_model(&schedule)?)
}

/// Refuses schedules whose time is new and has come already.
///
/// # Errors
/// The time, or why nobody knows it.
pub(crate) fn check_times(changes: &[Change], state: &State, now: Timestamp) -> Result<(), Problems> {
    let put = changes.iter().filter_map(|change| match change {
        Change::Put(document) if *document.kind() == Kind::Schedule => Some(document),
        _ => None,
    });
    let mut put = put.peekable();
    if put.peek().is_none() {
        return Ok(());
    }
    let after = state.with(changes);
    let mut problems = Problems::default();
    for document in put {
        let schedule: Schedule = document.parse()?;
        let before = state.get(document.id()).and_then(|entry| entry.document.parse::<Schedule>().ok());
        if schedule.outcome.is_some() || before.is_some_and(|before| before.at == schedule.at) {
            continue;
        }
        let late =
            schedule.at.due(&after).map_err(|problem| problem.within("at")).map(|due| due.at).and_then(
                |due| {
                    let mend = format!("Give a time that is to come: it is {now}.");
                    if due > now {
                        Ok(())
                    } else {
                        Err(usher_core::Problem::new("at", due, "this time is over", mend))
                    }
                },
            );
        if let Err(problem) = late {
            let many = changes.len() > 1;
            problems.push(if many { problem.within(&document.id().to_string()) } else { problem });
        }
    }
    problems.or(())
}

/// A schedule that is brought back from earlier: what was done is not done again, and what was to be done by then is
/// not done now. `now` is the state that it comes into, `after` the one with all that is brought back.
///
/// # Errors
/// A schedule that can't be written.
pub(crate) fn settle(
    document: Document,
    now: &State,
    after: &State,
    at: Timestamp,
) -> Result<Document, Problem> {
    let (Kind::Schedule, Ok(mut schedule)) = (document.kind(), document.parse::<Schedule>()) else {
        return Ok(document);
    };
    if schedule.outcome.is_some() {
        return Ok(document);
    }
    let current = now.get(document.id()).and_then(|entry| entry.document.parse::<Schedule>().ok());
    schedule.follow(current.as_ref());
    if schedule.outcome.is_none()
        && let Ok(due) = schedule.at.due(after)
        && due.at <= at
    {
        let reasons = vec!["An earlier state was brought back.".to_owned()];
        schedule.outcome = Some(Outcome { result: Ended::Missed, at, due: due.at, commit: None, reasons });
    }
    Ok(Document::from_model(&schedule)?)
}
