//! Tallies by the minute, for as long as the longest window reaches back.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use usher_core::model::{Duration, Timestamp};

use crate::stats::{Tally, burn};

const MINUTE: i64 = 60_000;

/// Tallies by the minute, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Minutes(VecDeque<(i64, Tally)>);

impl Minutes {
    /// Adds what came in just now. A clock that went back counts as the last minute there is.
    pub fn add(&mut self, tally: Tally, now: Timestamp) {
        let minute = now.millis().div_euclid(MINUTE);
        match self.0.back_mut() {
            Some((last, own)) if *last >= minute => *own = own.and(tally),
            _ => self.0.push_back((minute, tally)),
        }
        let longest = burn::PAIRS.iter().map(|pair| pair.long.millis()).max().unwrap_or_default() / MINUTE;
        while self.0.front().is_some_and(|(first, _)| *first < minute - longest) {
            self.0.pop_front();
        }
    }

    /// All of the last `window`, to the minute.
    pub fn within(&self, window: Duration, now: Timestamp) -> Tally {
        let first = (now.millis() - window.millis()).div_euclid(MINUTE);
        self.0
            .iter()
            .rev()
            .take_while(|(minute, _)| *minute > first)
            .fold(Tally::default(), |sum, (_, own)| sum.and(*own))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_holds_its_minutes_and_what_is_older_than_the_longest_goes() {
        let mut minutes = Minutes::default();
        let at = |minute: i64| Timestamp::from_millis(minute * MINUTE);
        for minute in 0..5_000 {
            minutes.add(Tally::new(1, 10), at(minute));
        }
        let hour = Duration::from_seconds(3_600);
        assert_eq!(minutes.within(hour, at(4_999)), Tally::new(60, 600));
        assert_eq!(minutes.within(hour, at(5_029)), Tally::new(30, 300), "nothing came for half an hour");
        assert_eq!(minutes.within(Duration::from_seconds(99 * 3_600), at(4_999)).failed, 72 * 60 + 1);
        minutes.add(Tally::new(1, 1), at(0));
        assert_eq!(minutes.within(hour, at(4_999)), Tally::new(61, 601), "the clock went back");
    }
}
