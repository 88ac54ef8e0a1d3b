//! Plays, of playbooks and schedules: what they do to the workspace, all together.

use usher_core::model::{
    At, Document, DocumentId, EnvironmentKey, Flag, Key, Kind, Play, Playbook, Progress, Release,
    parse_strict,
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

/// What a commit is to be.
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

/// How plays are played.
#[derive(Clone, Copy, Default)]
pub(crate) struct How<'a> {
    /// Only what can be confined to an environment is played, and there.
    pub(crate) instead: Option<Instead<'a>>,
    /// A release that the same commit takes back anyway.
    pub(crate) taken_back: Option<&'a Key>,
}

/// A commit in the making: a state, and what plays have made of it so far.
pub(crate) struct Draft<'s> {
    before: &'s State,
    now: State,
    /// Documents that were changed, the first one first.
    touched: Vec<DocumentId>,
    notices: Vec<String>,
    left_out: Vec<String>,
}

impl<'s> Draft<'s> {
    /// Nothing is changed yet.
    pub(crate) fn new(before: &'s State) -> Self {
        let (now, touched) = (before.clone(), Vec::new());
        Self { before, now, touched, notices: Vec::new(), left_out: Vec::new() }
    }

    /// The state so far.
    pub(crate) fn state(&self) -> &State {
        &self.now
    }

    /// What people are told so far.
    pub(crate) fn notices(&self) -> &[String] {
        &self.notices
    }

    /// Changes more.
    pub(crate) fn add(&mut self, changes: &[Change]) {
        self.now = self.now.with(changes);
        for change in changes {
            if !self.touched.contains(change.id()) {
                self.touched.push(change.id().clone());
            }
        }
    }

    /// Plays all of them; `why` is what releases note that are taken back.
    ///
    /// # Errors
    /// A play that makes no sense now: a flag that is not configured there, say. Then nothing of it is done at all.
    pub(crate) async fn play(
        &mut self,
        app: &App,
        plays: &[Play],
        why: &str,
        how: How<'_>,
    ) -> Result<(), Problem> {
        let mut next = Self {
            before: self.before,
            now: self.now.clone(),
            touched: self.touched.clone(),
            notices: self.notices.clone(),
            left_out: self.left_out.clone(),
        };
        for (n, play) in plays.iter().enumerate() {
            next.one(app, play, &format!("plays[{n}]"), why, how).await?;
        }
        *self = next;
        Ok(())
    }

    async fn one(
        &mut self,
        app: &App,
        play: &Play,
        at: &str,
        why: &str,
        how: How<'_>,
    ) -> Result<(), Problem> {
        let instead = how.instead;
        let changes = match play {
            Play::Notice(notice) => {
                self.notices.push(notice.text.clone());
                return Ok(());
            }
            Play::Kill(own) => vec![flag(&self.now, own, Action::Kill, instead)?],
            Play::Revive(own) => vec![flag(&self.now, own, Action::Revive, instead)?],
            Play::On(own) => vec![flag(&self.now, own, Action::On, instead)?],
            Play::Off(own) => vec![flag(&self.now, own, Action::Off, instead)?],
            Play::Restore(_) | Play::RollBack(_) if instead.is_some() => {
                self.left_out.push(format!("{at} reaches other environments, so it was not rehearsed."));
                return Ok(());
            }
            Play::Restore(own) => {
                let then = app.world.journal().state_at(Point::Seq(own.to)).await?;
                let scope = RestoreScope::Document(DocumentId::new(Kind::Flag, &*own.flag));
                usher_journal::rollback(&scope, &then, &self.now)
            }
            Play::RollBack(own) if how.taken_back == Some(&own.release) => return Ok(()),
            Play::RollBack(own) => {
                let id = DocumentId::new(Kind::Release, &*own.release);
                let runs = self.now.get(&id).and_then(|entry| entry.document.parse::<Release>().ok());
                if !runs.and_then(|release| release.progress).as_ref().is_some_and(Progress::is_watched) {
                    self.left_out.push(format!("{at}: the release {} does not run.", own.release));
                    return Ok(());
                }
                let why = vec![why.to_owned()];
                releases::plan(&self.now, &own.release, &Move::RollBack, why, clock::now())?.changes
            }
        };
        self.add(&changes);
        Ok(())
    }

    /// The commit. Several plays may change one document: what it is in the end counts, if that is something else than
    /// it was.
    ///
    /// # Errors
    /// A document that can't be written so.
    pub(crate) fn finish(self) -> Result<Played, Problem> {
        let Self { before: state, now, touched, notices, left_out } = self;
        let mut played = Played { notices, left_out, ..Played::default() };
        for id in touched {
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
}

/// Plays all of them, from `state`; `why` as for [`Draft::play`].
///
/// # Errors
/// As for [`Draft::play`].
pub(crate) async fn play(
    app: &App,
    state: &State,
    plays: &[Play],
    why: &str,
    instead: Option<Instead<'_>>,
) -> Result<Played, Problem> {
    let mut draft = Draft::new(state);
    draft.play(app, plays, why, How { instead, taken_back: None }).await?;
    draft.finish()
}

/// The playbook with this key.
///
/// # Errors
/// There is none that could be read.
pub(crate) fn find(state: &State, key: &str) -> Result<Playbook, Problem> {
    let id = DocumentId::new(Kind::Playbook, key);
    Ok(state.get(&id).ok_or_else(|| Problem::not_found(&id))?.document.parse()?)
}

/// Tells browsers what people are told.
pub(crate) fn announce(app: &App, playbook: &Key, by: &str, text: &str) {
    app.live.tell(&serde_json::json!({"type": "notice", "playbook": playbook, "by": by, "text": text}));
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
