//! Plays, of playbooks and schedules: what they do to the workspace, all together.

use usher_core::model::{
    At, Document, DocumentId, EnvironmentKey, Flag, Kind, Play, Progress, Release, parse_strict,
};
use usher_journal::{Change, Expected, Point, RestoreScope, State};
use usher_release::Move;

use crate::{
    api::flags::{Action, Target, apply},
    app::App,
    clock,
    problem::Problem,
    releases,
};

/// What plays ask for, from one state.
#[derive(Debug, Default)]
pub(crate) struct Played {
    /// All that changes.
    pub(crate) changes: Vec<Change>,
    /// What each changed document is until then.
    pub(crate) expected: Vec<(DocumentId, Expected)>,
    /// What people are told.
    pub(crate) notices: Vec<String>,
    /// What was left out, in sentences.
    pub(crate) left_out: Vec<String>,
}

/// In which environment plays are played instead of another.
#[derive(Clone, Copy)]
pub(crate) struct Instead<'a> {
    pub(crate) of: &'a EnvironmentKey,
    pub(crate) play_in: &'a EnvironmentKey,
}

/// Plays all of them, from `state`; `why` is what releases note that are taken back. With `instead`, only what can be confined to that environment is played.
///
/// # Errors
/// A play that makes no sense now: a flag that is not configured there, say. Then nothing is done at all.
pub(crate) async fn play(
    app: &App,
    state: &State,
    plays: &[Play],
    why: &str,
    instead: Option<Instead<'_>>,
) -> Result<Played, Problem> {
    let mut played = Played::default();
    let mut now = state.with(&[]);
    for (n, play) in plays.iter().enumerate() {
        let at = format!("plays[{n}]");
        let changes = match play {
            Play::Notice(notice) => {
                played.notices.push(notice.text.clone());
                Vec::new()
            }
            Play::Kill(own) => vec![flag(&now, own, Action::Kill, instead)?],
            Play::Revive(own) => vec![flag(&now, own, Action::Revive, instead)?],
            Play::On(own) => vec![flag(&now, own, Action::On, instead)?],
            Play::Off(own) => vec![flag(&now, own, Action::Off, instead)?],
            Play::Restore(_) | Play::RollBack(_) if instead.is_some() => {
                played.left_out.push(format!("{at} reaches other environments, so it was not rehearsed."));
                Vec::new()
            }
            Play::Restore(own) => {
                let then = app.world.journal().state_at(Point::Seq(own.to)).await?;
                let scope = RestoreScope::Document(DocumentId::new(Kind::Flag, &*own.flag));
                usher_journal::rollback(&scope, &then, &now)
            }
            Play::RollBack(own) => {
                let id = DocumentId::new(Kind::Release, &*own.release);
                let runs = now.get(&id).and_then(|entry| entry.document.parse::<Release>().ok());
                if runs.and_then(|release| release.progress).as_ref().is_some_and(Progress::is_watched) {
                    let why = vec![why.to_owned()];
                    releases::plan(&now, &own.release, &Move::RollBack, why, clock::now())?.changes
                } else {
                    played.left_out.push(format!("{at}: the release {} does not run.", own.release));
                    Vec::new()
                }
            }
        };
        now = now.with(&changes);
        played.changes.extend(changes);
    }
    // Several plays may change one document: what it is in the end counts, if that is something else than it was.
    let mut ids: Vec<DocumentId> = Vec::new();
    for change in played.changes.drain(..) {
        if !ids.contains(change.id()) {
            ids.push(change.id().clone());
        }
    }
    for id in ids {
        let (before, after) = (state.get(&id), now.get(&id));
        if before.map(|entry| &entry.document) == after.map(|entry| &entry.document) {
            continue;
        }
        let version = before.map_or(Expected::Absent, |entry| Expected::Version(entry.version));
        played.expected.push((id.clone(), version));
        played.changes.push(match after {
            Some(entry) => Change::Put(parse_strict(&id.kind, entry.document.json().as_bytes())?),
            None => Change::Delete(id),
        });
    }
    Ok(played)
}

fn flag(state: &State, at: &At, action: Action, instead: Option<Instead<'_>>) -> Result<Change, Problem> {
    let id = DocumentId::new(Kind::Flag, &*at.flag);
    let mut flag: Flag = state.get(&id).ok_or_else(|| Problem::not_found(&id))?.document.parse()?;
    let environment = match instead {
        Some(Instead { of, play_in }) if *of == at.environment => play_in,
        _ => &at.environment,
    };
    let target = Target {
        venues: at.venues.clone(),
        cohorts: at.cohorts.clone(),
        variant: at.variant.clone(),
        message: None,
    };
    apply(&mut flag, environment, action, &target)?;
    Ok(Change::Put(Document::from_model(&flag)?))
}
