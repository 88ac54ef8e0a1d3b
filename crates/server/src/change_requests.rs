//! Change requests: how they become commits, by hand or by the server itself when one is approved and due.
//!
//! The changes of a request and its own end are one commit, taken only where every document is what its author saw.

use std::sync::Arc;

use actix_web::ResponseError;
use usher_core::model::{
    Actor, ChangeRequest, Document, DocumentId, Ended, Kind, Outcome, RequestStatus, Seq, Timestamp, Turn,
};
use usher_journal::{Change, Expected, State};
use usher_release::approval::{self, Standing};

use crate::{
    api::{kills, write::checked},
    app::App,
    approvals, clock, freezes,
    problem::Problem,
    schedules::{Agenda, Step, check_times},
    scopes,
};

/// How late a request is made by itself at most, after it was due and approved: for a server that was down.
const LATEST: usher_core::model::Duration = usher_core::model::Duration::from_seconds(15 * 60);

/// The commit that makes a request.
pub(crate) struct Merging {
    pub(crate) changes: Vec<Change>,
    pub(crate) expected: Vec<(DocumentId, Expected)>,
    pub(crate) message: String,
}

/// Whether somebody could write the changes of a request themselves now.
fn may(state: &State, by: &Actor, request: &ChangeRequest, now: Timestamp) -> bool {
    scopes::rights_of(state, by, now)
        .is_some_and(|rights| scopes::check(&rights, request.role(), &request.changes, state).is_ok())
}

/// How far a request has come, as things are now.
pub(crate) fn standing(request: &ChangeRequest, state: &State, now: Timestamp) -> Standing {
    let needed = approvals::asked(&request.changes, state).map_or(0, |asked| asked.needed);
    approval::standing(request, needed, |by| may(state, by, request, now))
}

/// The commit that makes `request`, whose version is `version`. It is not looked at whether it may be made.
///
/// # Errors
/// A document that may not go, or can't be written any more.
pub(crate) fn merging(request: &ChangeRequest, version: Seq, state: &State) -> Result<Merging, Problem> {
    let mut expected = Vec::with_capacity(request.changes.len() + 1);
    let mut changes = Vec::with_capacity(request.changes.len() + 1);
    for change in &request.changes {
        let id = change.id();
        let seen = expectation(request, id);
        expected.push((id.clone(), seen));
        changes.push(match change {
            Change::Put(document) => Change::Put(kills::keep(document.clone(), state.get(id))?),
            Change::Delete(_) => {
                kills::let_go(state.get(id), Some(seen))?;
                change.clone()
            }
        });
    }
    let mut merged = request.clone();
    merged.status = RequestStatus::Merged;
    changes.push(Change::Put(Document::from_model(&merged)?));
    expected.push((DocumentId::new(Kind::ChangeRequest, &*request.key), Expected::Version(version)));
    let message = format!("{} (change request {})", request.title, request.key);
    Ok(Merging { changes, expected, message })
}

/// What its author saw of a document.
pub(crate) fn expectation(request: &ChangeRequest, id: &DocumentId) -> Expected {
    match request.expected.get(&id.to_string()).copied() {
        None | Some(Seq::ZERO) => Expected::Absent,
        Some(version) => Expected::Version(version),
    }
}

/// The first document that is not what its author saw any more, in a sentence.
fn moved(request: &ChangeRequest, state: &State) -> Option<String> {
    request.ids().find_map(|id| {
        let entry = state.get(id);
        let same = match expectation(request, id) {
            Expected::Absent => entry.is_none(),
            Expected::Present => entry.is_some(),
            Expected::Version(version) => entry.is_some_and(|entry| entry.version == version),
        };
        let who = entry.map_or_else(
            || "it is gone".to_owned(),
            |entry| format!("{} changed it in commit {}", entry.actor.name, entry.version),
        );
        (!same).then(|| format!("{id} is not what the author saw: {who}."))
    })
}

/// Makes requests that are approved and due, until the server stops.
pub(crate) async fn run(app: Arc<App>) {
    let agenda = Agenda::new(Kind::ChangeRequest, |document, state| {
        let request: ChangeRequest = document.parse().ok()?;
        let waits = request.status == RequestStatus::Open && request.outcome.is_none();
        request.apply_at.filter(|_| waits).map(|at| at.due(state))
    });
    agenda.follow(app, |app, key| async move { make(&app, &key).await }).await;
}

/// Makes the request `key`, if it is approved and due, or notes why it is not made.
async fn make(app: &App, key: &str) -> Result<(), Problem> {
    let id = DocumentId::new(Kind::ChangeRequest, key);
    let now = clock::now();
    // Most that are due and not made wait for somebody: nobody who writes is to wait for them.
    if !is_ready(&app.world.snapshot().state, &id, now) {
        return Ok(());
    }
    let turn = Arc::clone(&app.writing).lock_owned().await;
    app.world.catch_up().await?;
    let state = Arc::clone(&app.world.snapshot().state);
    if !is_ready(&state, &id, now) {
        return Ok(());
    }
    let Some(entry) = state.get(&id) else { return Ok(()) };
    let mut request: ChangeRequest = entry.document.parse()?;
    let Some(at) = &request.apply_at else { return Ok(()) };
    let due = at.due(&*state)?.at;
    let ready = request.approvals.iter().map(|own| own.at).fold(due, Timestamp::max);
    let planned = match Turn::of(request.outcome.is_some(), LATEST, ready, now) {
        Turn::Over | Turn::Wait => return Ok(()),
        Turn::Miss => {
            Err((Ended::Missed, format!("It was due at {due}, and no server could make it within {LATEST}.")))
        }
        Turn::Act => plan(&request, entry.version, &state, now)?,
    };
    let result = planned.as_ref().map_or_else(|(result, _)| *result, |_| Ended::Done);
    let (mut changes, expected, message, reasons) = match planned {
        Ok(Merging { mut changes, expected, message }) => {
            changes.pop();
            request.status = RequestStatus::Merged;
            (changes, expected, message, Vec::new())
        }
        Err((_, why)) => {
            let message = format!("Change request {key} was not made: {why}");
            (Vec::new(), vec![(id, Expected::Version(entry.version))], message, vec![why])
        }
    };
    let commit = (result == Ended::Done).then_some(state.seq().next());
    request.outcome = Some(Outcome { result, at: now, due, commit, reasons });
    changes.push(Change::Put(Document::from_model(&request)?));
    let notice = serde_json::json!({"type": "notice", "changeRequest": key, "by": request.author.name, "text": message});
    let step = Step { actor: Actor::system("Change requests"), message, changes, expected, at: now };
    if let Some(seq) = step.take(app, &state).await? {
        drop(turn);
        tracing::info!(request = key, ?result, %seq, "a change request was due");
        app.live.tell(&notice);
    }
    Ok(())
}

/// Whether nobody has to say anything any more: it is open, approved, and its author may still ask for it.
fn is_ready(state: &State, id: &DocumentId, now: Timestamp) -> bool {
    let request = state.get(id).and_then(|entry| entry.document.parse::<ChangeRequest>().ok());
    request.is_some_and(|request| {
        standing(&request, state, now).reasons.is_empty() && may(state, &request.author, &request, now)
    })
}

/// The commit that makes it now, or why it can't be made.
fn plan(
    request: &ChangeRequest,
    version: Seq,
    state: &State,
    now: Timestamp,
) -> Result<Result<Merging, (Ended, String)>, Problem> {
    if let Some(why) = moved(request, state) {
        return Ok(Err((Ended::Failed, why)));
    }
    let mut merging = match merging(request, version, state) {
        Err(problem) if problem.status_code().is_server_error() => return Err(problem),
        Err(problem) => return Ok(Err((Ended::Failed, problem.detail().to_owned()))),
        Ok(merging) => merging,
    };
    if let Some((id, why)) = freezes::forbids(&merging.changes, state, now) {
        return Ok(Err((Ended::Refused, format!("{id}: {why}"))));
    }
    let fit = checked(merging.changes, state).and_then(|changes| {
        check_times(&changes, state, now)?;
        Ok(changes)
    });
    match fit {
        Ok(changes) => merging.changes = changes,
        Err(problems) => return Ok(Err((Ended::Failed, problems.to_string()))),
    }
    Ok(Ok(merging))
}
