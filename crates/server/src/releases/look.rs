//! One look at one release: what was counted since the last, what follows from it, and the step that it asks for.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use usher_core::model::{DocumentId, Event, Flag, Freeze, Kind, Progress, Release, Seq, Timestamp, VenueKey};
use usher_journal::{Entry, State};
use usher_release::{
    Calendar, Counted, Decision, Exposed, Move, Seen, Side, Watch, decide,
    stats::{Moments, Tally},
};

use super::{App, arrival::Arrivals, asking::Asking, past::Past, step, view::View};
use crate::{
    clock,
    sdk::events::{ExposedSum, MeasuredSum},
};

/// How long nodes take to tell each other all that they have counted of a flag that is newly measured.
const FLEET_SETTLES: Duration = Duration::from_secs(15);

/// What this node knows of one release.
pub(super) struct Watched {
    /// The commit that the rest is about.
    version: Seq,
    /// Without progress.
    plan: Release,
    /// When the run began that the rest is about: what was seen of an earlier one says nothing about this one.
    started: Timestamp,
    stage: usize,
    watch: Watch,
    measured: HashMap<(String, String, Option<String>), MeasuredSum>,
    exposed: HashMap<(String, Option<String>, bool), u64>,
    looked: Option<(Timestamp, Instant)>,
    /// Whether this node was the one to act at the last look.
    acting: bool,
    /// Whether questions are on their way.
    pub(super) asking: bool,
    pub(super) view: Option<View>,
    pub(super) past: Past,
}

impl Watched {
    pub(super) fn is_due(&self, version: Seq) -> bool {
        self.version != version || self.looked.is_none_or(|(_, at)| at.elapsed() >= every(&self.plan))
    }

    /// What answers are noted in, if plan and run are still those that asked.
    pub(super) fn watch_of(&mut self, plan: &Release, started: Timestamp) -> Option<&mut Watch> {
        (self.plan == *plan && self.started == started).then_some(&mut self.watch)
    }
}

/// Looks at a release if that is due, and takes the step that follows.
pub(super) async fn turn(
    app: &Arc<App>,
    asking: &Arc<Asking>,
    state: &State,
    entry: &Entry,
    arrivals: &mut Arrivals,
) {
    let key = entry.document.key();
    let Some((release, progress)) = watched(entry) else {
        app.releases.lock().remove(key);
        return;
    };
    let acts_here = app.peers.acts(app.world.journal().fleet().as_deref());
    let Some(decision) = look(app, state, entry.version, &release, &progress, acts_here) else { return };
    if !acts_here {
        return;
    }
    Asking::ask_all(asking, app, &release, progress.started);
    let Some((next, reasons)) = Move::of(decision, &release, &progress) else { return };
    match step(app, key, entry.version, &next, reasons).await {
        Ok(Some(appended)) => {
            tracing::info!(release = key, step = ?next, seq = %appended.seq, "a release took a step");
            app.metrics.release_steps.with_label_values(&[next.name()]).inc();
            if matches!(next, Move::RollBack | Move::StageBack | Move::Withdraw(_) | Move::Kill) {
                arrivals.follow(key, appended.seq);
            }
        }
        Ok(None) => {}
        // It is looked at again, and tried again, with the next look.
        Err(error) => tracing::error!(release = key, step = ?next, %error, "a step could not be taken"),
    }
}

/// The release and its progress, if guards are to be looked at. One that a newer version wrote is left to that.
fn watched(entry: &Entry) -> Option<(Release, Progress)> {
    let mut release: Release = entry.document.parse().ok()?;
    let progress = release.progress.take().filter(Progress::is_watched)?;
    Some((release, progress))
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
    let own = all.entry((*release.key).into()).or_insert_with(|| Watched {
        version,
        plan: release.clone(),
        started: progress.started,
        stage: progress.stage,
        watch: Watch::new(release, progress.stage, now),
        measured: HashMap::new(),
        exposed: HashMap::new(),
        looked: None,
        acting: acts_here,
        asking: false,
        view: None,
        past: Past::default(),
    });
    if own.version != version {
        own.version = version;
        if own.plan != *release || own.started != progress.started {
            (own.plan, own.started) = (release.clone(), progress.started);
            own.watch = Watch::new(release, progress.stage, now);
            own.past = Past::default();
        } else if own.stage != progress.stage {
            own.watch.enter(release, progress.stage, now);
        }
        own.stage = progress.stage;
    }
    if acts_here && !own.acting {
        // Whoever acted before asked outside; here nothing is known of that yet.
        own.watch.enter(release, progress.stage, now);
    }
    own.acting = acts_here;
    let first = own.looked.is_none();
    let clock_drift = own.looked.map_or(0, |(then, at)| {
        now.since(then) - i64::try_from(at.elapsed().as_millis()).unwrap_or(i64::MAX)
    });
    own.looked = Some((now, Instant::now()));
    let counted = own.counted(release, app.counts.measured(&release.environment, &release.flag));
    let exposed = own.exposed(release, app.counts.exposed(&release.environment, &release.flag));
    if first {
        // What was counted before this node looked for the first time belongs to no stage that it knows.
        return None;
    }
    own.watch.count(release, &counted, now);
    // When a release begins to measure its flag, other nodes tell what they gave out before: that is not its doing.
    let settled = now.since(progress.started) >= FLEET_SETTLES.as_millis().try_into().unwrap_or(i64::MAX);
    if settled || app.world.journal().fleet().is_none() {
        own.watch.expose(release, &exposed);
    }
    let readings = own.watch.readings(release, now);
    let (events, freezes) = (state.models::<Event>(), state.models::<Freeze>());
    let seen = Seen {
        guards: &readings,
        doubts: own.watch.mismatch().into_iter().chain(obstacle(state, release)).collect(),
        exposures: own.watch.exposures(),
        converged: converged(app, version),
        calendar: Calendar { events: &events, freezes: &freezes },
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

fn every(release: &Release) -> Duration {
    Duration::from_millis(u64::try_from(release.look_every.millis()).unwrap_or_default())
}

impl Watched {
    /// How much more was tracked than at the last look.
    fn counted(&mut self, release: &Release, sums: Vec<MeasuredSum>) -> Vec<Counted> {
        let mut counted = Vec::new();
        for sum in sums {
            let Some(side) = side(release, &sum.variant) else { continue };
            let key = (sum.metric.clone(), sum.variant.clone(), sum.venue.clone());
            let before = self.measured.insert(key, sum.clone());
            let (count, failed, total, squares) =
                before.map_or((0, 0, 0.0, 0.0), |old| (old.count, old.failed, old.sum, old.squares));
            let more = sum.count.saturating_sub(count);
            if more > 0 {
                counted.push(Counted {
                    metric: sum.metric,
                    side,
                    venue: venue(sum.venue),
                    tally: Tally::new(sum.failed.saturating_sub(failed), more),
                    moments: Moments { count: more, sum: sum.sum - total, squares: sum.squares - squares },
                });
            }
        }
        counted
    }

    /// How many more were given something than at the last look.
    fn exposed(&mut self, release: &Release, sums: Vec<ExposedSum>) -> Vec<Exposed> {
        let mut exposed = Vec::new();
        for sum in sums {
            let Some(side) = side(release, &sum.variant) else { continue };
            let before = self.exposed.insert((sum.variant, sum.venue.clone(), sum.dark), sum.count);
            let count = sum.count.saturating_sub(before.unwrap_or_default());
            if count > 0 {
                exposed.push(Exposed { side, venue: venue(sum.venue), count, dark: sum.dark });
            }
        }
        exposed
    }
}

fn side(release: &Release, variant: &str) -> Option<Side> {
    match variant {
        own if own == &*release.variant => Some(Side::Variant),
        own if own == &*release.control => Some(Side::Control),
        _ => None,
    }
}

/// A venue's name that no venue can have counts as none: programs may call a place what they like.
fn venue(name: Option<String>) -> Option<VenueKey> {
    name?.parse().ok()
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

/// The share of devices that have what was committed at `seq`. One that is not followed any more has long arrived.
#[allow(clippy::cast_precision_loss)] // Counts of devices.
fn converged(app: &App, seq: Seq) -> Option<f64> {
    let report = app.convergence.report(Some(seq)).or_else(|| app.convergence.report(None))?;
    let expected = report.total.expected.saturating_sub(report.total.left);
    (expected > 0).then(|| report.total.converged as f64 / expected as f64)
}
