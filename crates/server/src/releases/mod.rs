//! Releases: watched, moved on and taken back by the server itself.
//!
//! Every node looks at every release and knows what its guards have seen; one of them, the first by name of those that
//! are heard, asks live endpoints and acts. Each step is one commit of the release and its flag, taken only where both
//! are still what the step was decided on: whoever else acts at the same time is refused, and a node that dies has done
//! a step whole or not at all. The next node then goes on with what it knows itself, and one that starts again with what
//! it has kept (`evidence`).

mod arrival;
mod asking;
mod evidence;
mod look;
mod past;
mod playing;
mod preflight;
mod rehearsal;
mod view;
mod watched;

use std::{
    collections::{BTreeMap, HashMap},
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures_util::FutureExt;
use tokio::{
    sync::Semaphore,
    time::{MissedTickBehavior, interval},
};
use usher_core::{
    Problem as Wrong, Problems,
    model::{
        Document, DocumentId, Flag, Kind, Model, Progress, Release, Seq, Status, Timestamp, parse_strict,
    },
};
use usher_journal::{Actor, Append, AppendError, Appended, Change, Entry, Expected, State};
use usher_release::Move;

pub use self::view::{GuardView, View};
use self::{arrival::Arrivals, asking::Asking, watched::Watched};
pub(crate) use self::{evidence::Evidence, preflight::preflight, rehearsal::rehearse};
use crate::{app::App, clock, playbooks, settings::Secret};

/// How often it is looked whether a release is due.
const TICK: Duration = Duration::from_millis(200);
/// Who takes the steps that nobody asked for by hand.
const ACTOR: &str = "Releases";
/// In every so many of those, what broken-off rehearsals left behind is looked for.
const MEND_EVERY: u64 = 25;

/// What this node knows of releases.
pub struct Releases {
    watched: Mutex<HashMap<Box<str>, Watched>>,
    led: rehearsal::Led,
    asking: Asking,
    preflights: Semaphore,
    /// When this server began to watch.
    began: Timestamp,
    /// A clock that never jumps.
    steady: Instant,
}

impl Releases {
    /// Nothing is known yet. Guards may send these secrets to live endpoints.
    #[must_use]
    pub fn new(secrets: BTreeMap<String, Secret>) -> Self {
        Self {
            watched: Mutex::default(),
            led: rehearsal::Led::default(),
            asking: Asking::new(secrets),
            preflights: Semaphore::new(preflight::AT_ONCE),
            began: clock::now(),
            steady: Instant::now(),
        }
    }

    /// When this server began to watch.
    pub(crate) fn began(&self) -> Timestamp {
        self.began
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, Watched>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a release is to be looked at: it is new here, has changed, or its time has come.
    fn is_due(&self, key: &str, version: Seq) -> bool {
        self.lock().get(key).is_none_or(|own| own.is_due(version))
    }

    /// Tells Prometheus how many there are.
    fn tell(&self, app: &App) {
        let all = self.lock();
        for (status, name) in [(Status::Running, "running"), (Status::Paused, "paused")] {
            let count = all
                .values()
                .filter(|own| own.view.as_ref().is_some_and(|view| view.status == status))
                .count();
            app.metrics.releases.with_label_values(&[name]).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    /// What was seen of a release at the last look. `None` for one that is not watched.
    #[must_use]
    pub fn view(&self, key: &str) -> Option<View> {
        let all = self.lock();
        let own = all.get(key)?;
        Some(View { past: own.past.looks(), ..own.view.clone()? })
    }
}

/// Watches releases, until the server stops.
pub(crate) async fn run(app: Arc<App>, mut evidence: Evidence) {
    let mut arrivals = Arrivals::default();
    // Those that are planned or over, of which there are many: they are not read again before they change.
    let mut at_rest: HashMap<Box<str>, Seq> = HashMap::new();
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for ticks in 0_u64.. {
        tick.tick().await;
        let state = Arc::clone(&app.world.snapshot().state);
        let watched: Vec<&Entry> = state.of_kind(&Kind::Release).collect();
        app.releases.lock().retain(|key, _| watched.iter().any(|entry| entry.document.key() == &**key));
        at_rest.retain(|key, _| watched.iter().any(|entry| entry.document.key() == &**key));
        for entry in watched {
            let key = entry.document.key();
            if at_rest.get(key) == Some(&entry.version) || !app.releases.is_due(key, entry.version) {
                continue;
            }
            // One that a newer version wrote is left to that.
            let Ok(release) = entry.document.parse::<Release>() else {
                app.releases.lock().remove(key);
                at_rest.insert(key.into(), entry.version);
                continue;
            };
            if release.rehearsing.is_some() {
                if ticks.is_multiple_of(MEND_EVERY) {
                    rehearsal::look(&app, &release).await;
                }
                continue;
            }
            // One release that makes the server stumble must not leave the others without anybody who watches.
            let turn = look::turn(&app, &state, entry.version, release, &mut evidence, &mut arrivals);
            if AssertUnwindSafe(turn).catch_unwind().await.is_err() {
                tracing::error!(release = key, "looking at a release ended in a panic");
            } else if !app.releases.lock().contains_key(key) {
                at_rest.insert(key.into(), entry.version);
            }
        }
        arrivals.look(&app).await;
        evidence.keep(&app).await;
        app.releases.tell(&app);
    }
}

/// Why a step was not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotTaken {
    /// The journal did not take it.
    #[error(transparent)]
    Journal(#[from] AppendError),
    /// It makes no sense.
    #[error("{0}")]
    Problems(Problems),
}

impl From<Wrong> for NotTaken {
    fn from(problem: Wrong) -> Self {
        Self::Problems(problem.into())
    }
}

impl From<Problems> for NotTaken {
    fn from(problems: Problems) -> Self {
        Self::Problems(problems)
    }
}

/// A step, planned from a state: both documents as they will be, and what they are expected to be until then.
pub(crate) struct Planned {
    pub(crate) message: String,
    pub(crate) changes: Vec<Change>,
    pub(crate) expected: Vec<(DocumentId, Expected)>,
}

/// Plans a step of the release `key` from `state`.
///
/// # Errors
/// There is no such release or flag, or the step makes no sense.
pub(crate) fn plan(
    state: &State,
    key: &str,
    step: &Move,
    reasons: Vec<String>,
    now: Timestamp,
) -> Result<Planned, NotTaken> {
    let id = DocumentId::new(Kind::Release, key);
    let (mut release, version) = find::<Release>(state, &id)?;
    let flag_id = DocumentId::new(Kind::Flag, &*release.flag);
    let (mut flag, flag_version) = find::<Flag>(state, &flag_id)?;
    if matches!(step, Move::Start(_)) {
        check_alone(state, &release)?;
    }
    let before = flag.clone();
    let message = step.take(&mut release, &mut flag, reasons, now)?;
    let mut changes = vec![Change::Put(checked(&release)?)];
    let mut expected = vec![(id, Expected::Version(version))];
    if flag != before {
        changes.push(Change::Put(checked(&flag)?));
        expected.push((flag_id, Expected::Version(flag_version)));
    }
    Ok(Planned { message, changes, expected })
}

/// Two releases of one flag would each take the other for the control.
fn check_alone(state: &State, release: &Release) -> Result<(), Wrong> {
    let others = state.of_kind(&Kind::Release).filter_map(|entry| entry.document.parse::<Release>().ok());
    let mut rivals = others.filter(|other| {
        other.key != release.key
            && (&other.flag, &other.environment) == (&release.flag, &release.environment)
            && other.progress.as_ref().is_some_and(Progress::is_watched)
    });
    rivals.next().map_or(Ok(()), |other| {
        let mend = format!("Take `{}` back first, or wait until it is complete.", other.key);
        Err(Wrong::new("flag", &*release.flag, "another release of this flag runs here", mend))
    })
}

fn find<M: Model>(state: &State, id: &DocumentId) -> Result<(M, Seq), NotTaken> {
    let entry = state.get(id).ok_or_else(|| {
        Wrong::new(id.kind.as_str(), &*id.key, "there is no such document", "Name one that is there.")
    })?;
    Ok((entry.document.parse()?, entry.version))
}

/// What is written is checked like any other: a rule too many, say.
fn checked<M: Model>(model: &M) -> Result<Document, Problems> {
    parse_strict(&M::KIND, Document::from_model(model)?.json().as_bytes())
}

/// Takes a step that the server itself has decided on, where the release is still what it was at `version`.
async fn step(
    app: &App,
    key: &str,
    version: Seq,
    step: &Move,
    reasons: Vec<String>,
) -> Result<Option<Appended>, NotTaken> {
    let _turn = Arc::clone(&app.writing).lock_owned().await;
    app.world.catch_up().await?;
    let state = Arc::clone(&app.world.snapshot().state);
    let now = clock::now();
    let (planned, notices) = match step {
        Move::Play { playbooks, kill } => {
            playing::plan_playing(app, &state, key, playbooks, *kill, reasons, now).await?
        }
        _ => (plan(&state, key, step, reasons, now)?, Vec::new()),
    };
    let decided_on = (DocumentId::new(Kind::Release, key), Expected::Version(version));
    if !planned.expected.contains(&decided_on) {
        // Somebody was faster: what was decided was about something else.
        return Ok(None);
    }
    let append = Append {
        expected: planned.expected,
        idempotency: None,
        actor: Actor::system(ACTOR),
        message: planned.message,
        changes: planned.changes,
        at: now,
    };
    match app.world.append(append).await {
        Ok(appended) => {
            for (playbook, text) in &notices {
                playbooks::announce(app, playbook, ACTOR, text);
            }
            Ok(Some(appended))
        }
        Err(AppendError::Conflict { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
