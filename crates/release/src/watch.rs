//! What is known about one release: what its guards have seen, look by look.
//!
//! It is told what was counted since the last look and what was answered from outside, and says what each guard makes of
//! it. A few numbers a guard and venue, however long the release goes on.
//!
//! It can be kept and read again, by whoever watches from then on ([`Watch::resume`]). What happened in between is not
//! known: it never counts as time that went well, nor do guards say that all is well on old evidence alone. What they
//! have seen of harm stays, until a step has answered it ([`Watch::follow`]).

mod answered;
mod figure;
mod gaps;
mod minutes;
mod pairs;
mod settles;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use usher_core::model::{Check, Guard, Release, Then, Timestamp, VenueKey, Worse};

use self::{answered::Answered, gaps::Gaps, minutes::Minutes, settles::settles};
pub use self::{figure::Figure, settles::SETTLES};
use crate::{
    effect,
    failures::{self, Failures},
    reading::Reading,
    stats::{Level, Means, Moments, Shares, Table, Tally, burn},
};

/// What a mismatch of shares may be wrong in: it only pauses, but should not do that for nothing.
const MISMATCH_ALPHA: f64 = 0.001;
/// Venues that are told apart by one guard over means, and by shares.
const MAX_VENUES: usize = 5_000;

/// Whose counts they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// Of the variant that is released.
    Variant,
    /// Of the control.
    Control,
}

/// What was counted since the last look.
#[derive(Clone, Debug, PartialEq)]
pub struct Counted {
    /// What programs track.
    pub metric: String,
    /// With which variant.
    pub side: Side,
    /// Where, if that was told.
    pub venue: Option<VenueKey>,
    /// How much was tracked and failed.
    pub tally: Tally,
    /// The values that were tracked.
    pub moments: Moments,
}

/// Who was given what since the last look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposed {
    /// With which variant.
    pub side: Side,
    /// Where, if that was told.
    pub venue: Option<VenueKey>,
    /// How many.
    pub count: u64,
    /// Whether it was only evaluated, not served.
    pub dark: bool,
}

/// What somebody outside answered: a Prometheus, a live endpoint, a webhook.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    /// All is well. What was seen, in a sentence.
    Well(String),
    /// It is not as it should be.
    Bad(String),
    /// There was no answer, or none that makes sense.
    None(String),
}

/// What is known about one release.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Watch {
    guards: Vec<Known>,
    /// Place by place: venues differ in their shares, and a split may be broken at one of them.
    #[serde(with = "pairs")]
    shares: BTreeMap<Option<VenueKey>, Shares>,
    stage: usize,
    /// When shares were last begun, or asked anew.
    #[serde(default)]
    entered: Option<Timestamp>,
    /// Venues that were taken back.
    #[serde(default)]
    withdrawn: BTreeSet<VenueKey>,
    #[serde(default)]
    answered: Answered,
    exposures: u64,
    alpha: f64,
    gaps: Gaps,
    /// Time before this began in which nobody is known to have watched.
    #[serde(default)]
    doubted: Option<(Timestamp, Timestamp)>,
}

/// What one guard knows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Known {
    what: What,
    /// When something was last seen, of the variant and of the control, or an answer came.
    seen: [Timestamp; 2],
    /// Since when it is watched again after a gap, as long as nothing was seen since.
    resumed: Option<Timestamp>,
    /// Whether it takes the release back when it is breached.
    #[serde(default)]
    takes_back: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum What {
    Failures(Failures),
    Level(Level),
    #[serde(with = "pairs")]
    Means(BTreeMap<Option<VenueKey>, (Moments, Moments)>),
    Budget(Minutes),
    Outside {
        last: Option<Answer>,
        bad_in_a_row: u32,
        bad_since: Option<Timestamp>,
    },
}

impl Watch {
    /// Nothing seen yet. Guards have until `now` plus their patience to have something to say.
    #[must_use]
    pub fn new(release: &Release, stage: usize, now: Timestamp) -> Self {
        let statistical = release.guards.iter().filter(|guard| guard.check.metric().is_some()).count();
        #[allow(clippy::cast_precision_loss)] // A few guards.
        let alpha = release.false_alarms.value() / 100.0 / statistical.max(1) as f64;
        Self {
            guards: release.guards.iter().map(|guard| Known::new(guard, now)).collect(),
            shares: BTreeMap::new(),
            stage,
            entered: Some(now),
            withdrawn: BTreeSet::new(),
            answered: Answered::default(),
            exposures: 0,
            alpha,
            gaps: Gaps::default(),
            doubted: None,
        }
    }

    /// Goes on `now` with what was known at `until`. Nobody watched in between.
    pub fn resume(&mut self, until: Timestamp, now: Timestamp) {
        self.miss(until, now);
        for known in &mut self.guards {
            known.resumed = Some(now);
            if let What::Outside { last, .. } = &mut known.what {
                *last = None;
            }
        }
    }

    /// Nobody watched from `from` until `until`.
    pub fn miss(&mut self, from: Timestamp, until: Timestamp) {
        self.gaps.add(from, until);
    }

    /// The stage that it was in when it was last told.
    #[must_use]
    pub fn stage(&self) -> usize {
        self.stage
    }

    /// Another stage has begun: exposures are counted from here, and guards have their patience anew.
    pub fn enter(&mut self, release: &Release, stage: usize, now: Timestamp) {
        self.stage = stage;
        self.entered = Some(now);
        self.exposures = 0;
        for (venue, shares) in &mut self.shares {
            shares.ask(effect::share(release, stage, venue.as_ref()).unwrap_or_default());
        }
        for known in &mut self.guards {
            known.seen = known.seen.map(|seen| seen.max(now));
        }
    }

    /// Adds what was counted since the last look.
    pub fn count(&mut self, release: &Release, counted: &[Counted], now: Timestamp) {
        let dark = release.stages.get(self.stage).is_some_and(|stage| stage.dark);
        let (withdrawn, answered) = (&self.withdrawn, self.answered);
        // Nobody at such a venue has it any more: what still comes was seen before.
        let stands = |own: &Counted| own.venue.as_ref().is_none_or(|venue| !withdrawn.contains(venue));
        let counted: Vec<&Counted> =
            counted.iter().filter(|own| own.tally.total > 0 && stands(own)).collect();
        for (guard, known) in release.guards.iter().zip(&mut self.guards) {
            let Some(metric) = guard.check.metric() else { continue };
            let mut tables: BTreeMap<Option<&VenueKey>, Table> = BTreeMap::new();
            for own in counted.iter().filter(|own| own.metric == metric) {
                let variant = own.side == Side::Variant;
                known.seen[usize::from(!variant)] = now;
                if variant || dark {
                    known.resumed = None;
                }
                if known.is_late(answered, own.venue.as_ref(), now) {
                    continue;
                }
                let table = tables.entry(own.venue.as_ref()).or_default();
                let side = if variant { &mut table.variant } else { &mut table.control };
                *side = side.and(own.tally);
                if let What::Means(places) = &mut known.what
                    && (places.len() < MAX_VENUES || places.contains_key(&own.venue))
                {
                    let (a, b) = places.entry(own.venue.clone()).or_default();
                    let side = if variant { a } else { b };
                    *side = side.and(own.moments);
                }
            }
            for (venue, table) in tables {
                match &mut known.what {
                    What::Failures(failures) => failures.add(venue, table),
                    What::Level(level) => level.add(table.variant),
                    What::Budget(minutes) => minutes.add(table.variant, now),
                    What::Means(_) | What::Outside { .. } => {}
                }
            }
        }
    }

    /// Adds who was given what since the last look.
    pub fn expose(&mut self, release: &Release, exposed: &[Exposed], now: Timestamp) {
        let dark_stage = release.stages.get(self.stage).is_some_and(|stage| stage.dark);
        // What was shown at the share that was asked before says nothing about this one.
        let late = settles(self.entered, now);
        for own in exposed {
            if own.venue.as_ref().is_some_and(|venue| self.withdrawn.contains(venue)) {
                continue;
            }
            if own.side == Side::Variant && own.dark == dark_stage {
                self.exposures = self.exposures.saturating_add(own.count);
            }
            let full = self.shares.len() >= MAX_VENUES && !self.shares.contains_key(&own.venue);
            if own.dark || late || full {
                continue;
            }
            let asked = || effect::share(release, self.stage, own.venue.as_ref()).unwrap_or_default();
            let shares = self.shares.entry(own.venue.clone()).or_insert_with(|| Shares::new(asked()));
            match own.side {
                Side::Variant => shares.add(own.count, 0),
                Side::Control => shares.add(0, own.count),
            }
        }
    }

    /// Notes what the guard at this place of the plan was answered from outside.
    pub fn answer(&mut self, guard: usize, answer: Answer, now: Timestamp) {
        let Some(known) = self.guards.get_mut(guard) else { return };
        let late = known.is_late(self.answered, None, now);
        let What::Outside { last, bad_in_a_row, bad_since } = &mut known.what else { return };
        match &answer {
            Answer::Well(_) => (*bad_in_a_row, *bad_since) = (0, None),
            Answer::Bad(_) if late => {}
            Answer::Bad(_) => {
                *bad_in_a_row = bad_in_a_row.saturating_add(1);
                bad_since.get_or_insert(now);
            }
            Answer::None(_) => {}
        }
        if !matches!(answer, Answer::None(_)) {
            (known.seen, known.resumed) = ([now; 2], None);
        }
        *last = Some(answer);
    }

    /// Exposures of the variant within this stage.
    #[must_use]
    pub fn exposures(&self) -> u64 {
        self.exposures
    }

    /// Why the split can't be trusted, if it can't: the place where that shows most.
    #[must_use]
    pub fn mismatch(&self) -> Option<String> {
        // All places share what may be wrong.
        #[allow(clippy::cast_precision_loss)]
        let bound = (self.shares.len().max(1) as f64 / MISMATCH_ALPHA).ln();
        let (venue, worst) =
            self.shares.iter().max_by(|(_, a), (_, b)| a.ln_evidence().total_cmp(&b.ln_evidence()))?;
        if worst.ln_evidence() < bound {
            return None;
        }
        let (seen, asked) = worst.seen()?;
        let place = venue.as_ref().map(|venue| format!(" at {venue}")).unwrap_or_default();
        Some(format!(
            "The split is broken{place}: {:.1} % were given the variant instead of {:.1} %, so comparing means nothing.",
            seen * 100.0,
            asked * 100.0
        ))
    }

    /// What each guard says.
    #[must_use]
    pub fn readings(&self, release: &Release, now: Timestamp) -> Vec<Reading> {
        let dark = release.stages.get(self.stage).is_some_and(|stage| stage.dark);
        release
            .guards
            .iter()
            .zip(&self.guards)
            .map(|(guard, known)| known.read(guard, dark, self.alpha, now))
            .collect()
    }
}

impl What {
    fn of(check: &Check) -> Self {
        let tolerance = |percent: &Option<usher_core::model::Percent>| {
            percent.map(|percent| percent.value() / 100.0).unwrap_or_default()
        };
        match check {
            Check::Failures { at_most: Some(most), .. } => Self::Level(Level::new(most.value() / 100.0)),
            Check::Failures { tolerance: tolerated, .. } => {
                Self::Failures(Failures::new(tolerance(tolerated)))
            }
            Check::Mean { .. } => Self::Means(BTreeMap::new()),
            Check::Budget { .. } => Self::Budget(Minutes::default()),
            Check::Prometheus { .. } | Check::Probe(_) | Check::Webhook { .. } => {
                Self::Outside { last: None, bad_in_a_row: 0, bad_since: None }
            }
        }
    }
}

impl Known {
    /// Nothing seen yet.
    fn new(guard: &Guard, now: Timestamp) -> Self {
        let takes_back = guard.then == Then::RollBack;
        Self { what: What::of(&guard.check), seen: [now; 2], resumed: None, takes_back }
    }

    fn read(&self, guard: &Guard, dark: bool, alpha: f64, now: Timestamp) -> Reading {
        let reading = self.judge(guard, alpha, now);
        if matches!(reading, Reading::Breached { .. }) {
            return reading;
        }
        if let Some(unknown) = self.silence(guard, dark, now) {
            return unknown;
        }
        match reading {
            // In the dark the variant serves nobody, so there is nothing of it to count.
            Reading::Early(_) if dark && guard.check.metric().is_some() => {
                Reading::Well("Counts arrive; in the dark there is nothing to compare.".to_owned())
            }
            other => other,
        }
    }

    /// That nothing came for longer than the guard puts up with. A variant that tells nothing any more may be so broken
    /// that it can't, so the control's word does not stand in for it.
    fn silence(&self, guard: &Guard, dark: bool, now: Timestamp) -> Option<Reading> {
        if let Some(resumed) = self.resumed {
            let reason = match &self.what {
                What::Outside { last: Some(Answer::None(why)), .. } => format!("{why}."),
                _ => "nothing was seen since it is watched again.".to_owned(),
            };
            return Some(Reading::Unknown { reason, millis: now.since(resumed) });
        }
        let [variant, control] = self.seen;
        let last = if dark { variant.max(control) } else { variant };
        let millis = now.since(last);
        if millis < guard.unknown_after.millis() {
            return None;
        }
        let what = match (guard.check.metric(), &self.what) {
            (Some(metric), _) if dark => format!("nothing was tracked as `{metric}`"),
            (Some(metric), _) => format!("nothing was tracked as `{metric}` with the variant"),
            (None, What::Outside { last: Some(Answer::None(why)), .. }) => why.clone(),
            (None, _) => "no answer came".to_owned(),
        };
        Some(Reading::Unknown { reason: format!("{what}, for {} s.", millis / 1_000), millis })
    }

    fn judge(&self, guard: &Guard, alpha: f64, now: Timestamp) -> Reading {
        match (&self.what, &guard.check) {
            (What::Failures(failures), Check::Failures { metric, .. }) => {
                failures.read(metric, guard.minimum_sample, alpha)
            }
            (What::Level(level), Check::Failures { metric, at_most: Some(most), .. }) => {
                let seen = level.seen();
                let said = format!(
                    "`{metric}` failed {} with the variant; {} % may.",
                    failures::share(seen),
                    most.value()
                );
                if level.ln_evidence() >= -alpha.ln() {
                    breached(said)
                } else {
                    enough(said, seen.total, guard)
                }
            }
            (What::Means(places), Check::Mean { metric, worse, tolerance }) => {
                mean(places, metric, *worse, tolerance.map_or(0.0, |own| own.value() / 100.0), guard, alpha)
            }
            (What::Budget(minutes), Check::Budget { metric, objective }) => {
                let allowed = 1.0 - objective.value() / 100.0;
                let seen = minutes.within(burn::PAIRS[2].long, now);
                match burn::exceeded(allowed, |window| minutes.within(window, now)) {
                    Some((pair, rate)) => breached(format!(
                        "`{metric}` burns its error budget {rate:.1} times as fast as it may, in {} and in {}.",
                        pair.long, pair.short
                    )),
                    None => {
                        let said = format!("`{metric}` failed {} with the variant.", failures::share(seen));
                        enough(said, seen.total, guard)
                    }
                }
            }
            (What::Outside { last, bad_in_a_row, bad_since }, check) => {
                let (needed, window) = match check {
                    Check::Probe(probe) => (probe.failures, 0),
                    Check::Prometheus { window, .. } => (1, window.millis()),
                    _ => (1, 0),
                };
                let long_enough = bad_since.is_some_and(|since| now.since(since) >= window);
                match last {
                    Some(Answer::Bad(why)) if *bad_in_a_row >= needed && long_enough => breached(why.clone()),
                    Some(Answer::Bad(why)) => Reading::Early(format!("{why} Not for long enough yet.")),
                    Some(Answer::Well(said)) => Reading::Well(said.clone()),
                    Some(Answer::None(why)) => Reading::Early(format!("{why}.")),
                    None => Reading::Early("Not asked yet.".to_owned()),
                }
            }
            _ => Reading::Unknown { reason: "the plan was changed under it.".to_owned(), millis: i64::MAX },
        }
    }
}

fn breached(reason: String) -> Reading {
    Reading::Breached { reason, venues: Vec::new() }
}

fn enough(said: String, has: u64, guard: &Guard) -> Reading {
    let needs = guard.minimum_sample.max(1);
    if has < needs {
        Reading::Early(format!("{said} That is {has} of {needs} needed."))
    } else {
        Reading::Well(said)
    }
}

fn mean(
    places: &BTreeMap<Option<VenueKey>, (Moments, Moments)>,
    metric: &str,
    worse: Worse,
    tolerance: f64,
    guard: &Guard,
    alpha: f64,
) -> Reading {
    /// Values of each side below which a mean proves nothing: the test holds in the limit of many.
    const LEAST: u64 = 100;
    let mut means = Means::default();
    let turned =
        |own: Moments| Moments { sum: if worse == Worse::Lower { -own.sum } else { own.sum }, ..own };
    for (variant, control) in places.values() {
        means.add(turned(*variant), turned(*control));
    }
    let (variant, control) = means.seen();
    let shown = |own: Moments| turned(own).mean().map_or_else(|| "–".to_owned(), |mean| format!("{mean:.3}"));
    let said = format!(
        "`{metric}` was {} on average with the variant, {} with the control.",
        shown(variant),
        shown(control)
    );
    let least = variant.count.min(control.count);
    if least >= LEAST && means.ln_evidence(tolerance) >= -alpha.ln() {
        return breached(said);
    }
    let needs = guard.minimum_sample.max(LEAST);
    if least < needs {
        Reading::Early(format!("{said} That is {least} of {needs} values needed."))
    } else {
        Reading::Well(said)
    }
}
