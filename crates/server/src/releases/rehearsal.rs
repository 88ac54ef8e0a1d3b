//! Rehearsing a release: its stages one after the other, without baking, and then the rollback, on a copy of its flag
//! in an environment that serves nobody; how long each took to reach all devices there is measured.
//!
//! The first commit notes in the release what the flag was there (`rehearsing`), and the last one makes it that again,
//! together with the record. So one that was broken off is put right by whoever finds the note: this server when it
//! starts again, the next rehearsal, or, where servers share the journal, the one that acts, once its time is over.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use actix_web::http::StatusCode;
use tokio::time::Instant;
use usher_core::model::{
    DocumentId, EnvironmentKey, Flag, FlagConfig, Kind, Model, Progress, RehearsedStep, Rehearsing, Release,
    ReleaseRehearsal, Seq, Timestamp,
};
use usher_journal::{Actor, Append, AppendError, Appended, Change, Expected, Point, State};
use usher_release::rehearsal::{Rehearsed, fingerprint};

use super::{ACTOR, checked, find};
use crate::{
    app::App,
    clock,
    problem::Problem,
    rehearsals::{Arrived, arrived, check_ground},
};

/// After this no further stage is begun: devices that never answer must not keep a flag in rehearsal for ever.
const STAGES_WITHIN: Duration = Duration::from_secs(120);
/// After this it is over, wherever it was led. More than stages, rollback and patience together take.
const OVER_WITHIN_MILLIS: i64 = 300_000;
/// How often a commit is tried anew when somebody else changed the flag meanwhile.
const TRIES: usize = 32;

/// Rehearsals that this server leads.
#[derive(Default)]
pub(super) struct Led(Mutex<HashSet<Box<str>>>);

impl Led {
    fn change<T>(&self, change: impl FnOnce(&mut HashSet<Box<str>>) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// One of them, until it is dropped.
struct Leading<'a>(&'a App, Box<str>);

impl<'a> Leading<'a> {
    fn of(app: &'a App, key: &str) -> Option<Self> {
        app.releases.led.change(|led| led.insert(key.into())).then(|| Self(app, key.into()))
    }
}

impl Drop for Leading<'_> {
    fn drop(&mut self) {
        self.0.releases.led.change(|led| led.remove(&self.1));
    }
}

/// Rehearses the release `key`. Gives back the commit that ended it, and what was noted.
///
/// # Errors
/// It can't be rehearsed there or now; then nothing was changed. Or the journal can't be written; then whatever was
/// changed is put right as soon as it can.
pub(crate) async fn rehearse(
    app: Arc<App>,
    key: String,
    environment: EnvironmentKey,
    actor: Actor,
) -> Result<(Seq, ReleaseRehearsal), Problem> {
    let Some(_leading) = Leading::of(&app, &key) else { return Err(goes_on(&key)) };
    put_right(&app, &key).await?;
    let began = (clock::now(), Instant::now());
    let id = DocumentId::new(Kind::Release, &*key);
    let mut stage = None;
    let started = commit(&app, &actor, &format!("Rehearsal of {key}: begins in {environment}"), |state| {
        let (mut release, flag) = both(state, &id)?;
        check(state, &release, &environment)?;
        let own = Rehearsed::start(&release, &flag, &environment, began.0)?;
        let of = fingerprint(&release, &flag);
        let before = flag.environments.get(&environment).cloned();
        let until = Timestamp::from_millis(clock::now().millis() + OVER_WITHIN_MILLIS);
        release.rehearsing =
            Some(Rehearsing { environment: environment.clone(), restore: state.seq(), until });
        let changes = vec![put(&release)?, with(flag, &environment, own.config().cloned())?];
        stage = Some((own, of, before));
        Ok(changes)
    })
    .await?;
    let (Some(started), Some((mut own, of, before))) = (started, stage) else {
        return Err(Problem::internal("a rehearsal began without a commit"));
    };
    let (at, by) = (began.0, actor.name.clone());
    let mut record = ReleaseRehearsal {
        at,
        by,
        environment: environment.clone(),
        of,
        steps: Vec::new(),
        left_out: Vec::new(),
    };
    record.steps.extend(step(&own, arrived(&app, started.seq).await));
    if let Err(problem) = stages(&app, &actor, &id, &mut own, &mut record, began.1).await {
        record.left_out.push(format!("It was broken off: {}", problem.detail()));
    }
    let message = format!("Rehearsal of {key}: {}", told(&record));
    let over = commit(&app, &actor, &message, |state| {
        let (mut release, flag) = both(state, &id)?;
        release.rehearsed(record.clone());
        Ok(vec![put(&release)?, with(flag, &environment, before.clone())?])
    })
    .await?;
    let seq = over.map_or(started.seq, |appended| appended.seq);
    Ok((seq, record))
}

/// All stages after the first one, and the rollback.
async fn stages(
    app: &App,
    actor: &Actor,
    id: &DocumentId,
    own: &mut Rehearsed,
    record: &mut ReleaseRehearsal,
    began: Instant,
) -> Result<(), Problem> {
    loop {
        if app.is_leaving() {
            return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "draining", "the server stops."));
        }
        let late = began.elapsed() > STAGES_WITHIN;
        let more = !late && own.promote(clock::now())?;
        if late {
            let stage = own.last().map_or_else(String::new, |(_, stage)| stage.to_owned());
            let within = STAGES_WITHIN.as_secs();
            record.left_out.push(format!("No stage after {stage} was begun: {within} s had passed."));
        }
        if !more {
            own.roll_back(clock::now())?;
        }
        let what = own.last().map_or_else(String::new, |(_, stage)| {
            if more { format!("goes on with {stage}") } else { "is taken back".to_owned() }
        });
        let message = format!("Rehearsal of {}: {what}", id.key);
        let written = commit(app, actor, &message, |state| {
            let (_, flag) = both(state, id)?;
            Ok(vec![with(flag, &record.environment, own.config().cloned())?])
        });
        match written.await? {
            Some(appended) => record.steps.extend(step(own, arrived(app, appended.seq).await)),
            None => {
                record.left_out.push(format!("It {what}: that changes nothing, so nothing was measured."));
            }
        }
        if !more {
            return Ok(());
        }
    }
}

fn step(own: &Rehearsed, arrived: Arrived) -> Option<RehearsedStep> {
    let (kind, stage) = own.last()?;
    let Arrived { devices, converged, last_millis } = arrived;
    Some(RehearsedStep { kind, stage: stage.to_owned(), devices, converged, last_millis })
}

/// What the history says of it.
fn told(record: &ReleaseRehearsal) -> String {
    let last = record.steps.iter().filter_map(|step| step.last_millis).max();
    let last = last.map_or_else(String::new, |last| format!(", the last device after {last} ms"));
    format!("{} steps{last}", record.steps.len())
}

fn goes_on(key: &str) -> Problem {
    let detail = format!("The release {key} is being rehearsed: wait until that is over.");
    Problem::new(StatusCode::CONFLICT, "rehearsing", detail)
}

/// Whether it can be rehearsed there now.
fn check(state: &State, release: &Release, environment: &EnvironmentKey) -> Result<(), Problem> {
    check_ground(state, &release.environment, environment)?;
    if release.progress.as_ref().is_some_and(Progress::is_watched) {
        let detail = format!("The release {} runs: rehearse it before it begins.", release.key);
        return Err(Problem::new(StatusCode::CONFLICT, "running", detail));
    }
    if release.rehearsing.is_some() {
        return Err(goes_on(&release.key));
    }
    // What one does to the flag there the other would take for what it was.
    let others = state.models::<Release>();
    let other = others.iter().find(|other| {
        other.flag == release.flag
            && other.rehearsing.as_ref().is_some_and(|own| own.environment == *environment)
    });
    other.map_or(Ok(()), |other| Err(goes_on(&other.key)))
}

/// Puts right what a rehearsal left behind that was broken off, if there is such a thing. Only while this server leads
/// none of this release.
///
/// # Errors
/// The journal can't be read or written. Or another server leads one.
pub(super) async fn put_right(app: &App, key: &str) -> Result<(), Problem> {
    let id = DocumentId::new(Kind::Release, key);
    let state = Arc::clone(&app.world.snapshot().state);
    let Some(left) = state.get(&id).and_then(|entry| entry.document.parse::<Release>().ok()?.rehearsing)
    else {
        return Ok(());
    };
    if !is_over(app, &left) {
        return Err(goes_on(key));
    }
    let then = app.world.journal().state_at(Point::Seq(left.restore)).await?;
    let message = format!("Rehearsal of {key}: it was broken off, and {} is as it was", left.environment);
    let done = commit(app, &Actor::system(ACTOR), &message, |state| {
        let (mut release, _) = find::<Release>(state, &id)?;
        if release.rehearsing.as_ref() != Some(&left) {
            return Ok(Vec::new());
        }
        release.rehearsing = None;
        let mut changes = vec![put(&release)?];
        let flag_id = DocumentId::new(Kind::Flag, &*release.flag);
        // One that is gone since has nothing left of it.
        if let Some(flag) = state.get(&flag_id).and_then(|entry| entry.document.parse::<Flag>().ok()) {
            let was = then.get(&flag_id).and_then(|entry| entry.document.parse::<Flag>().ok());
            let before = was.and_then(|was| was.environments.get(&left.environment).cloned());
            changes.push(with(flag, &left.environment, before)?);
        }
        Ok(changes)
    })
    .await?;
    if let Some(Appended { seq, .. }) = done {
        tracing::warn!(release = key, %seq, "a rehearsal that was broken off was put right");
    }
    Ok(())
}

/// Whether nobody leads it any more. A server alone knows that of all that it does not lead itself.
fn is_over(app: &App, left: &Rehearsing) -> bool {
    app.world.journal().fleet().is_none() || clock::now() > left.until
}

/// Puts right what is left of a rehearsal that nobody leads: the turn of whoever acts.
pub(super) async fn look(app: &App, release: &Release) {
    let acts_here = app.peers.acts(app.world.journal().fleet().as_deref());
    if !acts_here || !release.rehearsing.as_ref().is_some_and(|left| is_over(app, left)) {
        return;
    }
    let Some(_leading) = Leading::of(app, &release.key) else { return };
    if let Err(problem) = put_right(app, &release.key).await {
        tracing::error!(release = %release.key, %problem, "a rehearsal that was broken off could not be put right");
    }
}

fn both(state: &State, id: &DocumentId) -> Result<(Release, Flag), Problem> {
    state.get(id).ok_or_else(|| Problem::not_found(id))?;
    let (release, _) = find::<Release>(state, id)?;
    let (flag, _) = find::<Flag>(state, &DocumentId::new(Kind::Flag, &*release.flag))?;
    Ok((release, flag))
}

fn put<M: Model>(model: &M) -> Result<Change, Problem> {
    Ok(Change::Put(checked(model)?))
}

/// The flag, being `config` in this environment, or not there at all.
fn with(mut flag: Flag, environment: &EnvironmentKey, config: Option<FlagConfig>) -> Result<Change, Problem> {
    match config {
        Some(config) => flag.environments.insert(environment.clone(), config),
        None => flag.environments.shift_remove(environment),
    };
    put(&flag)
}

/// Commits what differs from what is there. `None` where nothing does. Planned anew where somebody was faster: whoever
/// works on the flag elsewhere goes on doing so. Freezes do not matter where nobody is served.
async fn commit(
    app: &App,
    actor: &Actor,
    message: &str,
    mut make: impl FnMut(&State) -> Result<Vec<Change>, Problem>,
) -> Result<Option<Appended>, Problem> {
    let mut tries = 0;
    loop {
        tries += 1;
        let _turn = Arc::clone(&app.writing).lock_owned().await;
        app.world.catch_up().await?;
        let state = Arc::clone(&app.world.snapshot().state);
        let mut changes = make(&state)?;
        changes.retain(|change| match (change, state.get(change.id())) {
            (Change::Put(document), Some(entry)) => *document != entry.document,
            _ => true,
        });
        if changes.is_empty() {
            return Ok(None);
        }
        let expected = changes.iter().map(|change| {
            let own =
                state.get(change.id()).map_or(Expected::Absent, |entry| Expected::Version(entry.version));
            (change.id().clone(), own)
        });
        let append = Append {
            expected: expected.collect(),
            idempotency: None,
            actor: actor.clone(),
            message: message.to_owned(),
            changes: changes.clone(),
            at: clock::now(),
        };
        match app.world.append(append).await {
            Ok(appended) => return Ok(Some(appended)),
            Err(AppendError::Conflict { .. }) if tries < TRIES => {}
            Err(error) => return Err(error.into()),
        }
    }
}
