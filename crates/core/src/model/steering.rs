//! Steering: a share of clients is served elsewhere, by edges of another version, say.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

use super::{Percent, VenueKey};
use crate::problem::{Problem, Problems};

/// Pools that an environment may steer to.
const MAX_POOLS: usize = 16;
/// Longest name of a pool, and longest address, in bytes.
const MAX_POOL_BYTES: usize = 64;
const MAX_URL_BYTES: usize = 256;

/// A share of an environment's clients that is served elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Steering {
    /// What those are called together who serve there, `canary`. Clients are drawn by it: another name draws others.
    pub pool: String,
    /// Where, `https://edge-canary.example.org`.
    pub url: String,
    /// How many clients.
    pub percent: Percent,
    /// Only those at one of these venues; wherever they are, without any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub venues: Vec<VenueKey>,
}

/// Where a client should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice<'a> {
    /// Where it is.
    Stay,
    /// At this pool.
    Go(&'a Steering),
    /// Where it came from.
    Home,
}

impl Steering {
    /// Where a client should be that was sent to the pool `sent`, if to any. The first pool that draws it has it, and a
    /// share that grows only gains clients.
    #[must_use]
    pub fn advise<'a>(
        all: &'a [Self],
        sent: Option<&str>,
        instance: &str,
        venue: Option<&str>,
    ) -> Advice<'a> {
        match all.iter().find(|own| own.draws(instance, venue)) {
            Some(own) if sent == Some(&*own.pool) => Advice::Stay,
            Some(own) => Advice::Go(own),
            None if sent.is_some() => Advice::Home,
            None => Advice::Stay,
        }
    }

    fn draws(&self, instance: &str, venue: Option<&str>) -> bool {
        if !self.venues.is_empty() && !self.venues.iter().any(|own| venue == Some(own.as_str())) {
            return false;
        }
        let mut hash = Xxh3::new();
        hash.update(self.pool.as_bytes());
        hash.update(b"\x1F");
        hash.update(instance.as_bytes());
        let place = (u128::from(hash.digest()) * u128::from(Percent::STEPS)) >> 64;
        place < u128::from(self.percent.steps())
    }

    pub(super) fn validate(all: &[Self], problems: &mut Problems) {
        if all.len() > MAX_POOLS {
            let mend = format!("Keep at most {MAX_POOLS}.");
            problems.push(Problem::new("steering", all.len(), "too many pools", mend));
        }
        for (n, own) in all.iter().enumerate() {
            if own.pool.is_empty() || own.pool.len() > MAX_POOL_BYTES {
                let mend = format!("Name it with 1 to {MAX_POOL_BYTES} bytes.");
                problems.push(Problem::new(
                    format!("steering[{n}].pool"),
                    &own.pool,
                    "a pool needs a name",
                    mend,
                ));
            }
            let known = ["https://", "http://"];
            if own.url.len() > MAX_URL_BYTES || !known.iter().any(|scheme| own.url.starts_with(scheme)) {
                let mend = "Give one such as https://edge.example.org.";
                problems.push(Problem::new(
                    format!("steering[{n}].url"),
                    &own.url,
                    "this is no address of an edge",
                    mend,
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(percent: f64, venues: &[&str]) -> Steering {
        Steering {
            pool: "canary".to_owned(),
            url: "https://canary".to_owned(),
            percent: percent.try_into().unwrap(),
            venues: venues.iter().map(|venue| venue.parse().unwrap()).collect(),
        }
    }

    fn goes(all: &[Steering], instance: u32, venue: Option<&str>) -> bool {
        matches!(Steering::advise(all, None, &instance.to_string(), venue), Advice::Go(_))
    }

    #[test]
    fn a_share_is_about_as_large_as_it_says_and_only_gains() {
        let (few, more) = ([pool(10.0, &[])], [pool(30.0, &[])]);
        let of = |all: &[Steering]| (0..10_000).filter(|n| goes(all, *n, None)).count();
        assert!((900..1_100).contains(&of(&few)) && (2_800..3_200).contains(&of(&more)));
        assert!((0..10_000).all(|n| !goes(&few, n, None) || goes(&more, n, None)));
        assert_eq!((of(&[pool(0.0, &[])]), of(&[pool(100.0, &[])])), (0, 10_000));
    }

    #[test]
    fn only_clients_at_its_venues_are_sent() {
        let all = [pool(100.0, &["anfield"])];
        assert!(goes(&all, 1, Some("anfield")) && !goes(&all, 1, Some("wembley")) && !goes(&all, 1, None));
    }

    #[test]
    fn who_was_sent_stays_while_it_is_drawn_and_goes_home_after() {
        let all = [pool(100.0, &[])];
        assert_eq!(Steering::advise(&all, Some("canary"), "i", None), Advice::Stay);
        assert_eq!(Steering::advise(&all, Some("older"), "i", None), Advice::Go(&all[0]));
        assert_eq!(Steering::advise(&[pool(0.0, &[])], Some("canary"), "i", None), Advice::Home);
        assert_eq!(Steering::advise(&[], Some("canary"), "i", None), Advice::Home);
        assert_eq!(Steering::advise(&[], None, "i", None), Advice::Stay);
    }

    #[test]
    fn what_leads_nowhere_is_refused() {
        let wrong = Steering { pool: String::new(), url: "ftp://x".to_owned(), ..pool(1.0, &[]) };
        let said = |all: &[Steering]| {
            let mut problems = Problems::default();
            Steering::validate(all, &mut problems);
            problems.to_string()
        };
        let many = said(&vec![pool(1.0, &[]); 17]);
        let said = said(&[wrong]);
        assert!(said.contains("steering[0].pool") && said.contains("steering[0].url"), "{said}");
        assert!(many.contains("too many pools"), "{many}");
    }
}
