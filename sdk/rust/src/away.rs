//! Being served elsewhere: where the server has sent this client, until it is sent back or is not served there.

use std::time::Duration;

use tokio::time::Instant;
use usher_core::protocol::{Destination, Move};

/// For how long a client stays at home that was not served where it was sent.
const STAYS_HOME: Duration = Duration::from_secs(600);

/// Where a client is served.
#[derive(Debug, Default)]
pub(crate) struct Away {
    to: Option<Destination>,
    home_until: Option<Instant>,
}

impl Away {
    /// The pool that it was sent to.
    pub(crate) fn pool(&self) -> Option<String> {
        self.to.as_ref().map(|to| to.pool.clone())
    }

    /// The address to ask, for a client whose own is `home`.
    pub(crate) fn url(&self, home: &str) -> String {
        self.to.as_ref().map_or(home, |to| to.url.trim_end_matches('/')).to_owned()
    }

    /// Whether it is served elsewhere.
    pub(crate) fn is_away(&self) -> bool {
        self.to.is_some()
    }

    /// Follows what the server says at `now`; when to go, in milliseconds. `None` for staying.
    pub(crate) fn follow(&mut self, said: Move, home: &str, now: Instant) -> Option<u64> {
        let Move { to, after_ms } = said;
        let stays = self.home_until.is_some_and(|until| now < until);
        // A key that is sent encrypted at home is not sent openly elsewhere.
        let is_safe = |to: &Destination| to.url.starts_with("https://") || home.starts_with("http://");
        if to.as_ref().is_some_and(|to| stays || !is_safe(to)) || to == self.to {
            return None;
        }
        self.to = to;
        Some(after_ms)
    }

    /// It is not served elsewhere any more, or never was.
    pub(crate) fn come_home(&mut self, now: Instant) {
        self.to = None;
        self.home_until = Some(now + STAYS_HOME);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: &str = "https://home";

    fn to(url: &str) -> Move {
        Move { to: Some(Destination { pool: "canary".to_owned(), url: url.to_owned() }), after_ms: 7 }
    }

    #[test]
    fn it_goes_where_it_is_sent_and_back() {
        let (mut away, now) = (Away::default(), Instant::now());
        assert_eq!(away.follow(to("https://canary/"), HOME, now), Some(7));
        assert_eq!((away.url(HOME).as_str(), away.pool().as_deref()), ("https://canary", Some("canary")));
        assert_eq!(away.follow(to("https://canary/"), HOME, now), None, "it is there already");
        assert_eq!(away.follow(Move { to: None, after_ms: 3 }, HOME, now), Some(3));
        assert_eq!((away.url(HOME).as_str(), away.is_away()), (HOME, false));
    }

    #[test]
    fn who_was_not_served_elsewhere_stays_at_home_for_a_while() {
        let (mut away, now) = (Away::default(), Instant::now());
        away.follow(to("https://canary"), HOME, now);
        away.come_home(now);
        assert_eq!(away.follow(to("https://canary"), HOME, now + STAYS_HOME / 2), None);
        assert_eq!(away.follow(to("https://canary"), HOME, now + STAYS_HOME), Some(7));
    }

    #[test]
    fn a_key_is_never_sent_openly_where_it_was_not_before() {
        let (mut away, now) = (Away::default(), Instant::now());
        assert_eq!(away.follow(to("http://canary"), HOME, now), None);
        assert_eq!(away.follow(to("http://canary"), "http://home", now), Some(7));
    }
}
