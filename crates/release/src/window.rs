//! When a stage may begin: not before its time, not while an event is on, not into a freeze.

use usher_core::model::{Event, Freeze, Release, Stage, Timestamp};

/// Reasons that are told in full: of more, with many events on at a time, the number is.
const TOLD: usize = 10;

/// What is planned around a release. Events and freezes may be of any venue.
#[derive(Clone, Copy, Debug, Default)]
pub struct Calendar<'a> {
    /// All events.
    pub events: &'a [Event],
    /// All freezes.
    pub freezes: &'a [Freeze],
}

impl Calendar<'_> {
    /// Why `stage` may not begin `now`, in sentences; nothing when it may.
    #[must_use]
    pub fn hinders(&self, release: &Release, stage: &Stage, now: Timestamp) -> Vec<String> {
        let mut reasons = Vec::new();
        for event in self.events.iter().filter(|event| keeps_clear_of(release, stage, event)) {
            let name = if event.name.is_empty() { &*event.key } else { &event.name };
            if let Some(moment) = release.not_before
                && now < moment.of(event)
                && waits_for(release, stage, event)
            {
                reasons.push(format!(
                    "It is before {moment} of {name} at {}, which is at {}.",
                    event.venue,
                    moment.of(event)
                ));
            }
            for span in release.never.iter().filter(|span| span.holds(event, now)) {
                reasons.push(format!(
                    "It is between {} and {} of {name} at {}, until {}.",
                    span.from,
                    span.until,
                    event.venue,
                    span.until.of(event)
                ));
            }
        }
        if reasons.len() > TOLD {
            let more = reasons.len() - TOLD;
            reasons.truncate(TOLD);
            reasons.push(format!("There are {more} more reasons like these."));
        }
        for freeze in self.freezes {
            if let Some(held) = freeze.holds(&release.environment, &stage.venues, self.events, now) {
                reasons.push(sentence(freeze, &held));
            }
        }
        reasons
    }
}

/// Whether a stage waits for a moment of an event: one that the release names, else one at a venue that the stage names.
///
/// A stage for all venues waits for those only that are named. Others are planned all the time, so it would wait for the
/// last of them, or for one after the other; which one is meant, nobody has said.
fn waits_for(release: &Release, stage: &Stage, event: &Event) -> bool {
    if release.events.is_empty() {
        stage.venues.contains(&event.venue)
    } else {
        release.events.contains(&event.key)
    }
}

/// Whether a stage keeps clear of an event while that is on. One for all venues reaches people at each of them.
fn keeps_clear_of(release: &Release, stage: &Stage, event: &Event) -> bool {
    waits_for(release, stage, event) || release.events.is_empty() && stage.venues.is_empty()
}

/// That a freeze holds, for people.
#[must_use]
pub fn sentence(freeze: &Freeze, held: &usher_core::model::Held) -> String {
    let place = held.venue.as_ref().map(|venue| format!(" at {venue}")).unwrap_or_default();
    format!("Nothing is changed{place} until {}: {} (freeze `{}`).", held.until, freeze.reason, freeze.key)
}
