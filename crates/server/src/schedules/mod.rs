//! Schedules: carried out by the server itself when they are due.
//!
//! One node of the fleet acts, the first by name of those that are heard. What a schedule does and what became of it are
//! one commit, taken only where nothing at all has changed since it was planned: so it is never done twice, never half,
//! and never past a freeze that came in between. A node that dies has done it or has not; whoever acts next sees which.

mod agenda;
mod outcome;

use std::sync::Arc;

use actix_web::ResponseError;
use serde_json::json;
use usher_core::model::{Document, DocumentId, Ended, Kind, Outcome, Schedule, Seq, Timestamp, Turn};
use usher_journal::{Actor, Append, AppendError, Change, Expected, State};

pub(crate) use self::{
    agenda::Agenda,
    outcome::{check_times, keep, settle},
};
use crate::{
    api::write::checked,
    app::App,
    clock, freezes,
    playbooks::{Played, play},
    problem::Problem,
};

/// Carries out schedules, until the server stops.
pub(crate) async fn run(app: Arc<App>) {
    // One that a newer version wrote is left to that.
    let agenda = Agenda::new(Kind::Schedule, |document, state| {
        let schedule = document.parse::<Schedule>().ok().filter(|own| own.outcome.is_none())?;
        Some(schedule.at.due(state))
    });
    agenda.follow(app, |app, key| async move { carry_out(&app, &key).await }).await;
}

/// A commit that the server makes by itself.
pub(crate) struct Step {
    pub(crate) actor: Actor,
    pub(crate) message: String,
    pub(crate) changes: Vec<Change>,
    pub(crate) expected: Vec<(DocumentId, Expected)>,
    pub(crate) at: Timestamp,
}

impl Step {
    /// Takes it, if it follows the very state that it was planned from; its number is then the next one. `None` when
    /// somebody was faster, perhaps with the same: it is to be looked at anew.
    ///
    /// # Errors
    /// The journal can't be written now.
    pub(crate) async fn take(self, app: &App, state: &State) -> Result<Option<Seq>, Problem> {
        let Self { actor, message, changes, expected, at } = self;
        let append = Append { expected, idempotency: None, actor, message, changes, at };
        let planned_at = state.seq();
        let unchanged = Arc::new(move |state: &State| state.seq() == planned_at);
        match app.world.append_checked(append, unchanged).await {
            Err(AppendError::Conflict { .. } | AppendError::Outdated) => Ok(None),
            appended => Ok(Some(appended?.seq)),
        }
    }
}

/// What is done about a schedule: all changes but its own, and what people are told.
struct Planned {
    result: Ended,
    changes: Vec<Change>,
    expected: Vec<(DocumentId, Expected)>,
    notices: Vec<String>,
    reasons: Vec<String>,
}

/// Carries out the schedule `key`, if it is still due, or notes why it is not done.
///
/// # Errors
/// The journal can't be read or written now; then nothing was.
async fn carry_out(app: &App, key: &str) -> Result<(), Problem> {
    let turn = Arc::clone(&app.writing).lock_owned().await;
    app.world.catch_up().await?;
    let state = Arc::clone(&app.world.snapshot().state);
    let id = DocumentId::new(Kind::Schedule, key);
    let now = clock::now();
    let Some(entry) = state.get(&id) else { return Ok(()) };
    let Ok(mut schedule) = entry.document.parse::<Schedule>() else { return Ok(()) };
    let due = schedule.at.due(&*state)?.at;
    let by = &entry.actor.name;
    let planned = match schedule.turn(due, now) {
        Turn::Over | Turn::Wait => return Ok(()),
        Turn::Act => plan(app, &state, &schedule, by, now).await?,
        Turn::Miss => not_done(
            Ended::Missed,
            format!("It was due at {due}, and no server could do it within {}.", schedule.latest),
        ),
    };
    let Planned { result, mut changes, mut expected, notices, reasons } = planned;
    let commit = state.seq().next();
    let message = called(&schedule, result, &notices, &reasons);
    let done = (result == Ended::Done).then_some(commit);
    schedule.outcome = Some(Outcome { result, at: now, due, commit: done, reasons });
    changes.push(Change::Put(Document::from_model(&schedule)?));
    expected.push((id, Expected::Version(entry.version)));
    let step =
        Step { actor: Actor::system("Schedules"), message: message.clone(), changes, expected, at: now };
    let Some(seq) = step.take(app, &state).await? else { return Ok(()) };
    drop(turn);
    tracing::info!(schedule = key, ?result, %seq, "a schedule was due");
    let told = if result == Ended::Done { notices } else { vec![message] };
    for text in told {
        app.live.tell(&json!({"type": "notice", "schedule": key, "by": by, "text": text}));
    }
    Ok(())
}

/// What the schedule does now, or why it can't.
///
/// # Errors
/// The journal can't be read now.
async fn plan(
    app: &App,
    state: &State,
    schedule: &Schedule,
    by: &str,
    now: Timestamp,
) -> Result<Planned, Problem> {
    let why = format!("{by}: schedule {}", schedule.key);
    let Played { changes, expected, notices, left_out } =
        match play(app, state, &schedule.plays, &why, None).await {
            Ok(played) => played,
            Err(problem) if problem.status_code().is_server_error() => return Err(problem),
            Err(problem) => return Ok(not_done(Ended::Failed, problem.detail().to_owned())),
        };
    if let Some((id, why)) = freezes::forbids(&changes, state, now) {
        return Ok(not_done(Ended::Refused, format!("{id}: {why}")));
    }
    Ok(match checked(changes, state) {
        Ok(changes) => Planned { result: Ended::Done, changes, expected, notices, reasons: left_out },
        Err(problems) => not_done(Ended::Failed, problems.to_string()),
    })
}

fn not_done(result: Ended, why: String) -> Planned {
    Planned { result, changes: Vec::new(), expected: Vec::new(), notices: Vec::new(), reasons: vec![why] }
}

/// What the commit is called, and people are told where it was not done.
fn called(schedule: &Schedule, result: Ended, notices: &[String], reasons: &[String]) -> String {
    let name = if schedule.name.is_empty() { &*schedule.key } else { &schedule.name };
    let (verb, more) = match result {
        Ended::Done => ("was done", notices),
        Ended::Missed => ("was missed", reasons),
        Ended::Refused => ("was refused", reasons),
        Ended::Failed => ("could not be done", reasons),
    };
    let more = more.join(" · ");
    let colon = if more.is_empty() { "" } else { ": " };
    format!("Schedule {name} {verb}{colon}{more}")
}
