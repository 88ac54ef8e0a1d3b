//! What was evaluated since it was last taken away: by whom a server answered, and by programs that say so.
//!
//! This is on the way of requests, so it does as little as it can: one look at a small map under a lock. A server takes
//! it away every second and keeps it by the hour (`evaluations`), an edge passes it on.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};
use usher_core::limits::MAX_KEY_BYTES;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Different evaluations that wait to be taken away; what is over is counted without its venue, and past twice as many
/// not at all.
const MAX_WAITING: usize = 50_000;
/// The venue of what is counted without one because there are too many.
pub(crate) const OTHER: &str = "(other)";
/// The flag of an answer with all flags at once: which of them the program then uses, nobody is told.
pub(crate) const ALL_FLAGS: &str = "";
/// The reasons of such answers: which kind of key asked.
pub(crate) const CLIENT_KEY: &str = "CLIENT_KEY";
pub(crate) const SERVER_KEY: &str = "SERVER_KEY";
/// The reason of a flag that a program has read: how often, it does not say, so it counts nought times.
pub(crate) const ASKED: &str = "ASKED";
/// The reason of an exposure whose program did not tell one.
pub(crate) const UNKNOWN: &str = "UNKNOWN";

/// What was evaluated, and how often.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Evaluation {
    pub(crate) flag: String,
    /// None where the caller was left to its default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) variant: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) venue: Option<String>,
    /// In OpenFeature's words.
    pub(crate) reason: String,
    pub(crate) count: u64,
}

/// What one evaluation is of.
#[derive(Clone, Copy)]
pub(crate) struct Of<'a> {
    pub(crate) flag: &'a str,
    pub(crate) variant: Option<&'a str>,
    pub(crate) venue: Option<&'a str>,
    pub(crate) reason: &'a str,
}

impl Of<'_> {
    /// Enough of it to know it again: among so few no two are alike.
    fn fingerprint(&self, environment: &str) -> u64 {
        // None is no text that a name could be.
        let parts = [
            environment,
            self.flag,
            self.variant.unwrap_or("\u{0}"),
            self.venue.unwrap_or("\u{0}"),
            self.reason,
        ];
        parts.into_iter().fold(0, |seed, part| xxh3_64_with_seed(part.as_bytes(), seed))
    }
}

#[derive(Default)]
struct Waiting {
    rows: HashMap<u64, (String, Evaluation)>,
    dropped: u64,
}

impl Waiting {
    /// `false` when there is no room for it.
    fn add(&mut self, environment: &str, of: Of<'_>, count: u64, room: usize) -> bool {
        let has_room = self.rows.len() < room;
        match self.rows.entry(of.fingerprint(environment)) {
            Entry::Occupied(mut own) => {
                let sum = &mut own.get_mut().1.count;
                *sum = sum.saturating_add(count);
            }
            Entry::Vacant(free) if has_room => {
                let Of { flag, variant, venue, reason } = of;
                let (variant, venue) = (variant.map(Into::into), venue.map(Into::into));
                let new = Evaluation { flag: flag.into(), variant, venue, reason: reason.into(), count };
                free.insert((environment.to_owned(), new));
            }
            Entry::Vacant(_) => return false,
        }
        true
    }
}

/// Evaluations that wait to be taken away.
#[derive(Default)]
pub(crate) struct Evaluated(Mutex<Waiting>);

impl Evaluated {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// So many more.
    pub(crate) fn count(&self, environment: &str, of: Of<'_>, count: u64) {
        // Whoever asks says where they are; what is too long is no venue of ours.
        let venue = of.venue.map(|own| if own.len() > MAX_KEY_BYTES { OTHER } else { own });
        let of = Of { venue, ..of };
        let mut waiting = self.lock();
        let added = waiting.add(environment, of, count, MAX_WAITING)
            || waiting.add(environment, Of { venue: Some(OTHER), ..of }, count, 2 * MAX_WAITING);
        if !added {
            waiting.dropped = waiting.dropped.saturating_add(count);
        }
    }

    /// Takes at most so many away, of one environment or of all.
    pub(crate) fn take(&self, environment: Option<&str>, most: usize) -> Vec<(String, Evaluation)> {
        let mut waiting = self.lock();
        let wanted = |own: &str| environment.is_none_or(|environment| environment == own);
        waiting.rows.extract_if(|_, (own, _)| wanted(own)).take(most).map(|(_, row)| row).collect()
    }

    /// How many were not counted since this was last asked.
    pub(crate) fn take_dropped(&self) -> u64 {
        std::mem::take(&mut self.lock().dropped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of<'a>(flag: &'a str, variant: Option<&'a str>, venue: Option<&'a str>) -> Of<'a> {
        Of { flag, variant, venue, reason: "STATIC" }
    }

    #[test]
    fn what_is_alike_is_added_up_until_it_is_taken() {
        let evaluated = Evaluated::default();
        for (variant, venue) in [(Some("on"), None), (Some("on"), None), (None, Some("on")), (None, None)] {
            evaluated.count("production", of("f", variant, venue), 2);
        }
        evaluated.count("staging", of("f", Some("on"), None), 1);
        let mut taken = evaluated.take(Some("production"), 10);
        taken.sort_by_key(|(_, own)| (own.variant.clone(), own.venue.clone()));
        let told: Vec<_> =
            taken.iter().map(|(_, own)| (own.variant.as_deref(), own.venue.as_deref(), own.count)).collect();
        assert_eq!(told, [(None, None, 2), (None, Some("on"), 2), (Some("on"), None, 4)]);
        assert!(evaluated.take(Some("production"), 10).is_empty());
        assert_eq!(evaluated.take(None, 10).len(), 1, "what is another environment's stays");
    }

    #[test]
    fn a_crowd_of_venues_is_counted_without_them_and_what_is_over_is_said() {
        let evaluated = Evaluated::default();
        for n in 0..MAX_WAITING + 7 {
            evaluated.count("production", of("f", Some("on"), Some(&format!("v{n}"))), 1);
        }
        let all = evaluated.take(None, usize::MAX);
        let other: Vec<u64> = all
            .iter()
            .filter(|(_, own)| own.venue.as_deref() == Some(OTHER))
            .map(|(_, own)| own.count)
            .collect();
        assert_eq!((all.len(), other), (MAX_WAITING + 1, vec![7]));
        for n in 0..2 * MAX_WAITING + 3 {
            evaluated.count("production", of(&format!("f{n}"), Some("on"), None), 1);
        }
        assert_eq!((evaluated.take_dropped(), evaluated.take_dropped()), (3, 0));
    }
}
