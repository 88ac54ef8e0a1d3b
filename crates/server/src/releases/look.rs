//! One look at one release: what was counted since the last, what follows from it, and the step that it asks for.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use usher_core::{
    model::{DocumentId, Event, Flag, Freeze, Kind, Progress, Release, Seq},
    protocol,
};
use usher_journal::State;
use usher_release::{Calendar, Decision, Move, Seen, decide};

use super::{App, arrival::Arrivals, asking::Asking, evidence::Evidence, step, view::View, watched::Watched};
use crate::clock;

/// How long nodes take to tell each other all that they have counted of a flag that is newly measured.
const FLEET_SETTLES: Duration = Duration::from_secs(15);

/// Looks at a release if that is due, and takes the step that follows.
pub(super) async fn turn(
    app: &Arc<App>,
    state: &State,
    version: Seq,
    mut release: Release,
    evidence: &mut Evidence,
    arrivals: &mut Arrivals,
) {
    let key = &*release.key.clone();
    // What is left is the plan.
    release.rehearsals.clear();
    let Some(progress) = release.progress.take().filter(Progress::is_watched) else {
        app.releases.lock().remove(key);
        return;
    };
    let acts_here = app.peers.acts(app.world.journal().fleet().as_deref());
    app.releases.lock().entry(key.into()).or_insert_with(|| {
        let kept = evidence.take(&release, progress.started);
        Watched::new(app, version, &release, &progress, acts_here, kept)
    });
    let Some(decision) = look(app, state, version, &release, &progress, acts_here) else { return };
    if !acts_here {
        return;
    }
    Asking::ask_all(app, &release, progress.started);
    let Some((next, reasons)) = Move::of(decision, &release, &progress) else { return };
    match step(app, key, version, &next, reasons).await {
        Ok(Some(appended)) => {
            tracing::info!(release = key, step = ?next, seq = %appended.seq, "a release took a step");
            app.metrics.release_steps.with_label_values(&[next.name()]).inc();
            if matches!(
                next,
                Move::RollBack | Move::StageBack | Move::Withdraw(_) | Move::Kill | Move::Play { .. }
            ) {
                arrivals.follow(key, appended.seq);
            }
        }
        Ok(None) => {}
        // It is looked at again, and tried again, with the next look.
        Err(error) => tracing::error!(release = key, step = ?next, %error, "a step could not be taken"),
    }
}

/// What follows from all that is known now. `None` when everything is only just beginning.
fn look(
    app: &App,
    state: &State,
    version: Seq,
    release: &Release,
    progress: &Progress,
    acts_here: bool,
) -> Option<Decision> {
    let now = clock::now();
    let mut all = app.releases.lock();
    let own = all.get_mut(&*release.key)?;
    let anew = own.follow(version, release, progress, acts_here, now);
    if let Some(since) = app.peers.watching_since() {
        own.watch.vouch(since);
    }
    let before = own.looked.replace((now, Instant::now()));
    let clock_drift = own.drift.read(progress, now, app.releases.steady.elapsed());
    let counted = own.counted(release, app.counts.measured(&release.environment, &release.flag));
    let exposed = own.exposed(release, app.counts.exposed(&release.environment, &release.flag));
    // What was counted before this node looked for the first time belongs to no stage that it knows.
    let (then, _) = before?;
    let in_fleet = app.world.journal().fleet().is_some();
    let settles = FLEET_SETTLES.as_millis().try_into().unwrap_or(i64::MAX);
    if in_fleet && own.goes_on_since.is_some_and(|since| now.since(since) < settles) {
        // Other nodes tell all that they have counted, and some of that is in what was kept.
        own.watch.miss(then, now);
    } else {
        // What came in before a step that answers it is answered too.
        if !anew {
            own.watch.count(release, &counted, now);
        }
        // When a release begins to measure its flag, other nodes tell what they gave out before: that is not its doing.
        if !in_fleet || now.since(progress.started) >= settles {
            own.watch.expose(release, &exposed, now);
        }
    }
    let readings = own.watch.readings(release, now);
    let (events, freezes) = (state.models::<Event>(), state.models::<Freeze>());
    let seen = Seen {
        guards: &readings,
        doubts: own.watch.mismatch().into_iter().chain(obstacle(state, release)).collect(),
        exposures: own.watch.exposures(),
        converged: converged(app, state, release),
        calendar: Calendar { events: &events, freezes: &freezes },
        unwatched: own.watch.unwatched(progress.since),
        clock_drift,
    };
    let decision = decide(release, progress, &seen, now);
    let mut view = View {
        looked_at: now,
        exposures: seen.exposures,
        converged: seen.converged,
        acts_here,
        ..View::new(release, progress, &decision, &readings)
    };
    for (guard, figure) in view.guards.iter_mut().zip(own.watch.figures(release, now)) {
        guard.figure = figure;
    }
    own.past.note(&view);
    let is_news =
        own.view.as_ref().is_none_or(|old| View { looked_at: old.looked_at, ..view.clone() } != *old);
    if is_news {
        app.live.tell(&serde_json::json!({"type": "release", "release": view}));
    }
    own.view = Some(view);
    Some(decision)
}

/// Why the flag does not serve what the release says, if it does not.
fn obstacle(state: &State, release: &Release) -> Option<String> {
    let entry = state.get(&DocumentId::new(Kind::Flag, &*release.flag));
    let Some(flag) = entry.and_then(|entry| entry.document.parse::<Flag>().ok()) else {
        return Some(format!("There is no flag `{}` that could be read.", release.flag));
    };
    let config = flag.environments.get(&release.environment)?;
    if config.killed.all {
        return Some(format!("The flag `{}` is killed.", release.flag));
    }
    (!config.enabled).then(|| format!("The flag `{}` is off.", release.flag))
}

/// The share of devices that have the stage: what was committed when its flag last changed. Not the release's own last
/// commit, for no device is told of a pause or an approval; nor the newest of all, which may be somebody else's. Every
/// node knows it, also one that has only just started.
fn converged(app: &App, state: &State, release: &Release) -> Option<f64> {
    let flag = state.get(&DocumentId::new(Kind::Flag, &*release.flag))?;
    let streams = app.world.streams();
    let head = |view: &protocol::View| streams.subscribe(view.clone()).borrow().head;
    app.convergence.share(&release.environment, flag.version, head)
}
