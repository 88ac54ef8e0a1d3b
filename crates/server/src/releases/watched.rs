//! What this node knows of one release that is watched, and how it is led on: by what was counted since the last look.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use usher_core::model::{Progress, Release, Seq, Timestamp, VenueKey};
use usher_release::{
    Counted, Drift, Exposed, Side, Watch,
    stats::{Moments, Tally},
};

use super::{App, evidence::Kept, past::Past, view::View};
use crate::{
    clock,
    sdk::events::{ExposedSum, MeasuredSum},
};

/// What this node knows of one release.
pub(super) struct Watched {
    /// The commit that the rest is about.
    version: Seq,
    /// Without progress.
    plan: Release,
    /// When the run began that the rest is about: what was seen of an earlier one says nothing about this one.
    started: Timestamp,
    pub(super) watch: Watch,
    measured: HashMap<(String, String, Option<String>), MeasuredSum>,
    exposed: HashMap<(String, Option<String>, bool), u64>,
    pub(super) looked: Option<(Timestamp, Instant)>,
    pub(super) drift: Drift,
    /// Since when it goes on with what was kept before this node started.
    pub(super) goes_on_since: Option<Timestamp>,
    /// Whether this node was the one to act at the last look.
    acting: bool,
    /// Whether questions are on their way.
    pub(super) asking: bool,
    pub(super) view: Option<View>,
    /// What guards said at earlier looks.
    pub(super) past: Past,
}

impl Watched {
    /// One that this node has not looked at yet, with what it `kept` of it before it started.
    pub(super) fn new(
        app: &App,
        version: Seq,
        plan: &Release,
        progress: &Progress,
        acting: bool,
        kept: Option<Kept>,
    ) -> Self {
        let now = clock::now();
        let goes_on_since = kept.as_ref().map(|_| now);
        let mut watch = match kept {
            Some(Kept { at, mut watch, .. }) => {
                watch.resume(at, now);
                watch
            }
            None => {
                let mut watch = Watch::new(plan, progress.stage, now);
                if progress.since < app.releases.began {
                    // It ran before this server did, and another node may have watched it, or none.
                    watch.doubt(progress.since, now);
                }
                watch
            }
        };
        // Steps may have been taken since that was kept.
        watch.follow(plan, progress, now);
        Self {
            version,
            plan: plan.clone(),
            started: progress.started,
            watch,
            measured: HashMap::new(),
            exposed: HashMap::new(),
            looked: None,
            drift: Drift::default(),
            goes_on_since,
            acting,
            asking: false,
            view: None,
            past: Past::default(),
        }
    }

    pub(super) fn is_due(&self, version: Seq) -> bool {
        self.version != version || self.looked.is_none_or(|(_, at)| at.elapsed() >= every(&self.plan))
    }

    /// What answers are noted in, if plan and run are still those that asked.
    pub(super) fn watch_of(&mut self, plan: &Release, started: Timestamp) -> Option<&mut Watch> {
        (self.plan == *plan && self.started == started).then_some(&mut self.watch)
    }

    /// What is worth keeping of it, once it was looked at.
    pub(super) fn kept(&self) -> Option<Kept> {
        let (at, _) = self.looked?;
        let (plan, watch) = (self.plan.clone(), self.watch.clone());
        Some(Kept { plan, started: self.started, at, watch })
    }

    /// Goes on with the release as it is now. Gives back whether guards begin anew.
    pub(super) fn follow(
        &mut self,
        version: Seq,
        plan: &Release,
        progress: &Progress,
        acts_here: bool,
        now: Timestamp,
    ) -> bool {
        let mut anew = false;
        if self.version != version {
            self.version = version;
            if self.plan != *plan || self.started != progress.started {
                (self.plan, self.started) = (plan.clone(), progress.started);
                self.watch = Watch::new(plan, progress.stage, now);
                self.past = Past::default();
            }
            anew = self.watch.follow(plan, progress, now);
        }
        if acts_here && !self.acting {
            // Whoever acted before asked outside; here nothing is known of that yet.
            self.watch.enter(plan, progress.stage, now);
        }
        self.acting = acts_here;
        anew
    }

    /// How much more was tracked than at the last look.
    pub(super) fn counted(&mut self, release: &Release, sums: Vec<MeasuredSum>) -> Vec<Counted> {
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
    pub(super) fn exposed(&mut self, release: &Release, sums: Vec<ExposedSum>) -> Vec<Exposed> {
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

fn every(release: &Release) -> Duration {
    Duration::from_millis(u64::try_from(release.look_every.millis()).unwrap_or_default())
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
