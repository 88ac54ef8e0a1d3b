//! What a step answers. What was seen before something was taken back, or before somebody let a release go on that had
//! stopped, has had its consequence and must not have it again: guards and shares begin anew then.
//!
//! Counts come late ([`super::SETTLES`]). Those of a venue that was taken back are never counted, however late they come. When
//! the stage was taken back, nobody can tell whether late ones are of people who still have the variant or of those who
//! had it in the stage that is gone; nor can that be told, after venues were taken back, of those that name no venue;
//! nor does what is asked outside get well at once. So until they have settled, none of these moves a guard that takes
//! back: it would walk a release back stage by stage, for harm that is answered already, until nothing is left. What
//! the other venues tell after some were taken back is of people who have the variant there now, and counts at once;
//! and guards that kill, pause or run a playbook never wait.

use serde::{Deserialize, Serialize};
use usher_core::model::{Progress, Release, StepKind, Timestamp, VenueKey};

use super::{Known, Watch, settles::settles};

/// What was answered of a release that runs, and when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Answered {
    /// The last step that answers what was seen before it.
    at: Option<Timestamp>,
    /// When venues were last taken back.
    withdrawn: Option<Timestamp>,
    /// When the stage was last taken back.
    fell: Option<Timestamp>,
}

impl Answered {
    fn by(progress: &Progress) -> Self {
        let (mut own, mut paused) = (Self::default(), false);
        for step in &progress.steps {
            let at = Some(step.at);
            match step.kind {
                // What was before is of another run.
                StepKind::Started => (own, paused) = (Self::default(), false),
                StepKind::Paused => paused = true,
                StepKind::Withdrawn => (own.at, own.withdrawn, paused) = (at, at, true),
                // Of one that is still watched, the stage only.
                StepKind::RolledBack => (own.at, own.fell, paused) = (at, at, true),
                StepKind::Resumed => (own.at, paused) = (at, false),
                StepKind::Promoted => {
                    // By hand, though it had stopped.
                    if paused {
                        own.at = at;
                    }
                    paused = false;
                }
                StepKind::Approved | StepKind::Killed | StepKind::Completed | StepKind::Arrived => {}
            }
        }
        own
    }
}

impl Known {
    /// Whether what comes now, from a venue or from nobody knows where, may be of what was taken back.
    pub(super) fn is_late(&self, answered: Answered, venue: Option<&VenueKey>, now: Timestamp) -> bool {
        self.takes_back
            && (settles(answered.fell, now) || venue.is_none() && settles(answered.withdrawn, now))
    }
}

impl Watch {
    /// Goes on with the release as its steps have left it, whoever took them and however many they were. Gives back
    /// whether guards begin anew: what came in until now came before that.
    pub fn follow(&mut self, release: &Release, progress: &Progress, now: Timestamp) -> bool {
        self.withdrawn = progress.withdrawn.iter().cloned().collect();
        if self.stage != progress.stage {
            self.enter(release, progress.stage, now);
        }
        let answered = Answered::by(progress);
        if self.answered == answered {
            return false;
        }
        self.answered = answered;
        self.guards = release.guards.iter().map(|guard| Known::new(guard, now)).collect();
        self.shares.clear();
        self.entered = Some(now);
        true
    }
}
