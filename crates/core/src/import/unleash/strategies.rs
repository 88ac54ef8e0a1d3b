//! Whom a strategy enables: what it asks, and its share.

use std::collections::HashSet;

use super::{
    Known,
    constraints::{self, is_in},
    literal::is_readable,
    segment_key,
    source::{Feature, Strategy},
};
use crate::{
    import::report::Notes,
    model::{
        CURRENT_TIME, Condition, HashAlgorithm, Operator, Percent, Predicate, Rollout, Scalar, WhenMissing,
    },
};

/// Never there, so that a draw by it is one by lot: Unleash's stickiness `random`.
pub(super) const BY_LOT: &str = "$random";

/// What a strategy enables.
pub(super) enum Enables {
    /// Those for whom all of the conditions hold, and the share of them.
    Some(Vec<Condition>, Option<Rollout>),
    Nobody,
    /// Unleash can't read the strategy, and keeps the whole feature off.
    Unread,
}

/// Reads one strategy of a feature.
pub(super) struct Reader<'r> {
    pub(super) feature: &'r Feature,
    pub(super) strategy: &'r Strategy,
    pub(super) known: &'r Known<'r>,
    pub(super) at: &'r str,
    pub(super) notes: &'r mut Notes,
}

impl Reader<'_> {
    pub(super) fn read(&mut self) -> Enables {
        let own = self.own();
        // Also of a strategy that enables nobody: what can't be read keeps the whole feature off.
        match (own, self.asked()) {
            (Enables::Unread, _) | (_, None) => Enables::Unread,
            (Enables::Nobody, _) => Enables::Nobody,
            (Enables::Some(mut conditions, rollout), Some(asked)) => {
                conditions.extend(asked);
                Enables::Some(conditions, rollout)
            }
        }
    }

    /// What its constraints and segments ask. `None` where Unleash can't read them.
    fn asked(&mut self) -> Option<Vec<Condition>> {
        let mut all = Vec::new();
        for (n, constraint) in self.strategy.constraints.iter().flatten().enumerate() {
            let at = format!("{}.constraints[{n}]", self.at);
            all.push(constraints::condition(constraint, &at, self.notes)?);
        }
        let mut seen = HashSet::new();
        for id in self.strategy.segments.iter().flatten().filter(|id| seen.insert(**id)) {
            let why = match self.known.segments.get(id) {
                Some(true) => None,
                Some(false) => Some("can't be read"),
                None => Some("is not there"),
            };
            if let Some(why) = why {
                let text =
                    format!("segment {id} {why}, so Unleash keeps the feature off, and so does the flag");
                self.notes.mapped(format!("{}.segments", self.at), text);
                return None;
            }
            all.push(Condition::Cohort(segment_key(*id)?));
        }
        Some(all)
    }

    /// Whom the strategy itself is for, before its constraints.
    fn own(&mut self) -> Enables {
        match self.strategy.name.as_str() {
            "default" => Enables::Some(Vec::new(), None),
            "userWithId" => self.users(),
            "flexibleRollout" => self.flexible(),
            "gradualRolloutUserId" => self.gradual("userId"),
            "gradualRolloutSessionId" => self.gradual("sessionId"),
            "gradualRolloutRandom" => self.gradual_by_lot(),
            "remoteAddress" => self.addresses(),
            "applicationHostname" => self.hosts(),
            custom => {
                let text = format!(
                    "`{custom}` is a strategy of your own: it enables nobody here, as in an SDK that lacks it"
                );
                self.notes.approximated(self.at, text);
                Enables::Nobody
            }
        }
    }

    fn nobody(&mut self, why: &str) -> Enables {
        self.notes.mapped(self.at, format!("{why}, so it enables nobody, in Unleash too: it is left out"));
        Enables::Nobody
    }

    fn unread(&mut self, what: &str) -> Enables {
        let text = format!("{what}, so Unleash keeps the feature off, and so does the flag");
        self.notes.mapped(self.at, text);
        Enables::Unread
    }

    /// A parameter's texts. `None` without it.
    fn listed(&self, name: &str) -> Option<Vec<String>> {
        let listed = self.strategy.parameter(name)?;
        Some(listed.split(',').map(|text| text.trim().to_owned()).collect())
    }

    fn users(&mut self) -> Enables {
        let Some(users) = self.listed("userIds") else { return self.nobody("it lists nobody") };
        if users.iter().any(|user| user.ends_with('\\')) {
            return self.unread("one of its users ends in a backslash");
        }
        Enables::Some(vec![is_in("userId", users.into_iter())], None)
    }

    fn addresses(&mut self) -> Enables {
        let Some(addresses) = self.listed("IPs") else { return self.nobody("it lists no address") };
        if !addresses.iter().all(|address| is_readable(address)) {
            return self.unread("its addresses have quotes, or end in a backslash");
        }
        let addresses = addresses.iter().map(String::as_str);
        Enables::Some(vec![constraints::networks("remoteAddress", addresses, self.at, self.notes)], None)
    }

    fn hosts(&mut self) -> Enables {
        let hosts = self.listed("hostNames").unwrap_or_else(|| vec![String::new()]);
        if !hosts.iter().all(|host| is_readable(host)) {
            return self.unread("its hosts have quotes, or end in a backslash");
        }
        self.notes.approximated(
            self.at,
            "Unleash asks for the name of the machine that evaluates; here the context's `hostname` is asked for",
        );
        let values = hosts.into_iter().map(Scalar::Text).collect();
        let listed: Predicate = constraints::predicate("hostname", Operator::In, values, true);
        Enables::Some(vec![Condition::Attribute(listed)], None)
    }

    /// A whole number of a parameter.
    fn whole(&self, name: &str) -> Option<u64> {
        self.strategy.parameter(name)?.parse().ok()
    }

    fn flexible(&mut self) -> Enables {
        let Some(percent) = self.whole("rollout") else { return self.nobody("its share is no whole number") };
        let group = self.strategy.parameter("groupId");
        let stickiness = self.strategy.parameter("stickiness");
        if ![&group, &stickiness].into_iter().flatten().all(|text| is_readable(text)) {
            return self.unread("its group or its stickiness has quotes, or ends in a backslash");
        }
        let Some(percent) = share(percent) else { return self.unread("its share is above 100") };
        // Unleash's engine reads the group back from between quotes.
        let seed = group.map_or_else(|| self.feature.name.clone(), |group| group.replace("\\\"", "\""));
        let is_settled = percent.steps() == 0 || percent.steps() == Percent::STEPS;
        let rollout = match stickiness.as_deref() {
            // Who has no identity is drawn by lot: everybody is in a share of all.
            None | Some("default" | "random") if percent.steps() == Percent::STEPS => {
                return Enables::Some(Vec::new(), None);
            }
            None | Some("default") => drawn(percent, "userId", seed, &["sessionId"], WhenMissing::Random),
            Some("random") => {
                if !is_settled {
                    by_lot(self.at, self.notes);
                }
                drawn(percent, BY_LOT, lot(&seed, self.at), &[], WhenMissing::Random)
            }
            Some("") => return self.nobody("it is sticky on nothing"),
            Some(CURRENT_TIME) => {
                by_lot(self.at, self.notes);
                drawn(percent, CURRENT_TIME, seed, &[], WhenMissing::Random)
            }
            Some(name) => drawn(percent, name, seed, &[], WhenMissing::Outside),
        };
        Enables::Some(Vec::new(), Some(rollout))
    }

    fn gradual(&mut self, by: &str) -> Enables {
        let (Some(percent), Some(group)) = (self.whole("percentage"), self.strategy.parameter("groupId"))
        else {
            return self.nobody("it lacks its percentage or its group");
        };
        if !is_readable(&group) {
            return self.unread("its group has quotes, or ends in a backslash");
        }
        let Some(percent) = share(percent) else { return self.unread("its percentage is above 100") };
        let seed = group.replace("\\\"", "\"");
        Enables::Some(Vec::new(), Some(drawn(percent, by, seed, &[], WhenMissing::Outside)))
    }

    fn gradual_by_lot(&mut self) -> Enables {
        match self.whole("percentage").map(share) {
            None => self.nobody("its percentage is no whole number"),
            // All of it, or what Unleash takes for more.
            Some(None) => Enables::Some(Vec::new(), None),
            Some(Some(percent)) if percent.steps() == Percent::STEPS => Enables::Some(Vec::new(), None),
            Some(Some(percent)) => {
                if percent.steps() > 0 {
                    by_lot(self.at, self.notes);
                }
                let seed = lot(&self.feature.name, self.at);
                let rollout = drawn(percent, BY_LOT, seed, &[], WhenMissing::Random);
                Enables::Some(Vec::new(), Some(rollout))
            }
        }
    }
}

/// Percents as a share. `None` beyond 100.
fn share(percent: u64) -> Option<Percent> {
    let steps = u32::try_from(percent).ok()?.checked_mul(Percent::STEPS / 100)?;
    (steps <= Percent::STEPS).then(|| Percent::from_steps(steps))
}

/// The seed of a lot: each strategy's own, for Unleash draws one after the other.
pub(super) fn lot(group: &str, at: &str) -> String {
    format!("{group} {at}")
}

fn drawn(percent: Percent, by: &str, seed: String, fallback: &[&str], when_missing: WhenMissing) -> Rollout {
    Rollout {
        by: vec![by.to_owned()],
        percent,
        from: Percent::default(),
        seed,
        hash: HashAlgorithm::Murmur3Unleash,
        fallback: fallback.iter().map(|name| (*name).to_owned()).collect(),
        when_missing,
    }
}

pub(super) fn by_lot(at: &str, notes: &mut Notes) {
    notes.approximated(
        at,
        "drawn by lot: Unleash draws for every single evaluation, here two within one millisecond draw alike",
    );
}
