//! The step of a guard that runs playbooks: their plays and the release's own step, in one commit.
//!
//! A guard's word is never without effect: a playbook that is not there or makes no sense now is left out, and the
//! release's record says why; the release is taken back all the same.

use usher_core::{
    Problem as Wrong,
    limits::MAX_TEXT_BYTES,
    model::{DocumentId, Key, Timestamp},
    references,
};
use usher_journal::{Change, State};
use usher_release::Move;

use super::{ACTOR, NotTaken, Planned, plan};
use crate::{
    app::App,
    playbooks::{self, Draft, How, Played},
    problem::Problem,
};

/// What people are told, by which playbook.
pub(super) type Notices = Vec<(Key, String)>;

/// Plans running `playbooks` and taking the release `key` back, from `state`.
///
/// # Errors
/// Not even the release alone can be taken back.
pub(super) async fn plan_playing(
    app: &App,
    state: &State,
    key: &str,
    playbooks: &[Key],
    kill: bool,
    mut reasons: Vec<String>,
    now: Timestamp,
) -> Result<(Planned, Notices), NotTaken> {
    let taken_back = key.parse::<Key>().ok();
    let how = How { instead: None, taken_back: taken_back.as_ref() };
    let mut draft = Draft::new(state);
    let (mut played, mut notices) = (Vec::new(), Vec::new());
    for own in playbooks {
        let told = draft.notices().len();
        let done = match playbooks::find(state, own) {
            Ok(playbook) => {
                let why = format!("{ACTOR}: playbook {}", playbook.key);
                draft.play(app, &playbook.plays, &why, how).await
            }
            Err(problem) => Err(problem),
        };
        match done {
            Ok(()) => {
                played.push(own.clone());
                notices.extend(draft.notices()[told..].iter().map(|text| (own.clone(), text.clone())));
            }
            Err(problem) => reasons.push(not_run(own, &problem)),
        }
    }
    let alone = if kill { Move::Kill } else { Move::RollBack };
    if played.is_empty() {
        return Ok((plan(state, key, &alone, reasons, now)?, Vec::new()));
    }
    let step = Move::Play { playbooks: played.clone(), kill };
    match with_plays(draft, key, &step, reasons.clone(), now) {
        Ok(planned) => Ok((planned, notices)),
        Err(problem) => {
            reasons.extend(played.iter().map(|own| not_run(own, &problem)));
            Ok((plan(state, key, &alone, reasons, now)?, Vec::new()))
        }
    }
}

fn not_run(playbook: &Key, problem: &Problem) -> String {
    format!("The playbook {playbook} was not run: {}", problem.detail())
}

/// The release's own step after the plays, if all of it makes sense together.
fn with_plays(
    mut draft: Draft<'_>,
    key: &str,
    step: &Move,
    reasons: Vec<String>,
    now: Timestamp,
) -> Result<Planned, Problem> {
    let own = plan(draft.state(), key, step, reasons, now)?;
    draft.add(&own.changes);
    let after = draft.state().clone();
    let Played { changes, expected, notices, .. } = draft.finish()?;
    let ids: Vec<DocumentId> = changes.iter().map(Change::id).cloned().collect();
    if let Some((id, problem)) = references::check(&after, &ids).into_iter().next() {
        let problem: Wrong = problem.within(&id.to_string());
        return Err(problem.into());
    }
    let mut message = std::iter::once(own.message).chain(notices).collect::<Vec<_>>().join(" · ");
    message.truncate(message.floor_char_boundary(MAX_TEXT_BYTES));
    Ok(Planned { message, changes, expected })
}
