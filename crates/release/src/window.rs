//! When a stage may begin: not before its time, not while an event is on, not into a freeze.

use usher_core::model::{Event, Freeze, Release, Stage, Timestamp};

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
        for event in self.events.iter().filter(|event| concerns(release, stage, event)) {
            let name = if event.name.is_empty() { &*event.key } else { &event.name };
            if let Some(moment) = release.not_before
                && now < moment.of(event)
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
        for freeze in self.freezes {
            if let Some(held) = freeze.holds(&release.environment, &stage.venues, self.events, now) {
                reasons.push(sentence(freeze, &held));
            }
        }
        reasons
    }
}

/// An event whose time matters to a stage: one that the release names, else one at a venue of the stage.
fn concerns(release: &Release, stage: &Stage, event: &Event) -> bool {
    if release.events.is_empty() {
        stage.venues.contains(&event.venue)
    } else {
        release.events.contains(&event.key)
    }
}

/// That a freeze holds, for people.
#[must_use]
pub fn sentence(freeze: &Freeze, held: &usher_core::model::Held) -> String {
    let place = held.venue.as_ref().map(|venue| format!(" at {venue}")).unwrap_or_default();
    format!("Nothing is changed{place} until {}: {} (freeze `{}`).", held.until, freeze.reason, freeze.key)
}
