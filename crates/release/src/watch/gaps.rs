//! Times in which nobody watched: what happened then is not known, and they count as no time that went well.

use serde::{Deserialize, Serialize};
use usher_core::model::Timestamp;

use super::Watch;

/// Gaps that are told apart. Of more the oldest are taken for one, with all that lies between: rather too much is not
/// known than too little.
const MAX_GAPS: usize = 64;

/// Gaps, the oldest first, none touching another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gaps(Vec<(Timestamp, Timestamp)>);

impl Gaps {
    /// Nobody watched from `from` until `until`. A clock that went back says nothing.
    pub fn add(&mut self, from: Timestamp, until: Timestamp) {
        if from >= until {
            return;
        }
        self.0.push((from, until));
        self.0.sort_unstable();
        let mut apart: Vec<(Timestamp, Timestamp)> = Vec::with_capacity(self.0.len());
        for (from, until) in self.0.drain(..) {
            match apart.last_mut() {
                Some((_, end)) if from <= *end => *end = until.max(*end),
                _ => apart.push((from, until)),
            }
        }
        if apart.len() > MAX_GAPS {
            let (_, end) = apart.remove(1);
            apart[0].1 = end;
        }
        self.0 = apart;
    }

    /// For how much of the time since `since` nobody watched, in milliseconds.
    #[must_use]
    pub fn millis_since(&self, since: Timestamp) -> i64 {
        let within = |(from, until): &(Timestamp, Timestamp)| until.since((*from).max(since)).max(0);
        self.0.iter().map(within).fold(0, i64::saturating_add)
    }
}

impl Watch {
    /// It ran from `from` until `until`, before this began. Nobody watched then, unless somebody is heard who did.
    pub fn doubt(&mut self, from: Timestamp, until: Timestamp) {
        self.doubted = Some((from, until));
    }

    /// Somebody else has watched since `since`, and is heard now.
    pub fn vouch(&mut self, since: Timestamp) {
        let left = self.doubted.filter(|(from, _)| *from < since);
        self.doubted = left.map(|(from, until)| (from, until.min(since)));
    }

    /// For how much of the time since `since` nobody watched, in milliseconds.
    #[must_use]
    pub fn unwatched(&self, since: Timestamp) -> i64 {
        let Some((from, until)) = self.doubted else { return self.gaps.millis_since(since) };
        let mut gaps = self.gaps.clone();
        gaps.add(from, until);
        gaps.millis_since(since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn gaps_add_up_once_each_and_only_those_of_the_time_that_is_asked_about() {
        let mut gaps = Gaps::default();
        for (from, until) in [(100, 200), (150, 250), (400, 500), (500, 400), (700, 700)] {
            gaps.add(at(from), at(until));
        }
        assert_eq!(gaps.millis_since(at(0)), 250);
        assert_eq!(gaps.millis_since(at(200)), 150);
        assert_eq!(gaps.millis_since(at(450)), 50);
        assert_eq!(gaps.millis_since(at(9_999)), 0);
        gaps.add(at(0), at(1_000));
        assert_eq!(gaps, Gaps(vec![(at(0), at(1_000))]));
    }

    #[test]
    fn of_very_many_the_oldest_are_taken_for_one_and_never_less() {
        let mut gaps = Gaps::default();
        for n in 0..1_000 {
            gaps.add(at(n * 10), at(n * 10 + 1));
        }
        assert_eq!(gaps.0.len(), MAX_GAPS);
        assert!(gaps.millis_since(at(0)) >= 1_000);
        assert_eq!(gaps.millis_since(at(9_990)), 1, "the newest are exact");
    }
}
