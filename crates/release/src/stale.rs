//! Flags that have had their day: never evaluated, always the same answer, past the day by which they should be gone.
//!
//! Each finding says why in words and what to do. Nothing here is proof that no program asks: programs that get all flags
//! at once never say which they use, so what to do begins with a look at the code.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use usher_core::model::{Flag, FlagConfig, Lifecycle, Serve, Split, Timestamp, VariantKey};

/// How long nobody may have asked for a flag, in days, when not said.
pub const UNUSED_DAYS: u32 = 7;
/// How long programs have to be given the same for that to mean something, in days.
pub const SAME_DAYS: u32 = 30;
const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// Why a flag has had its day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Reason {
    /// The day by which it should be gone is over.
    Expired,
    /// Nobody has asked for it.
    NeverEvaluated,
    /// Everybody is given the same.
    SameAnswer,
}

/// One reason, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Which reason.
    pub reason: Reason,
    /// Since when it is so, as far as that is known.
    pub since: Timestamp,
    /// What was found, in a sentence.
    pub detail: String,
    /// What to do.
    pub mend: String,
}

/// What is known of a flag's evaluations in one environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evaluated {
    /// The environment.
    pub environment: String,
    /// When it was last evaluated there.
    pub last: Timestamp,
    /// What it gave in the last [`SAME_DAYS`] days; the empty text where the caller was left to its default.
    pub variants: BTreeSet<String>,
}

/// What is known of a flag.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// The flag.
    pub flag: &'a Flag,
    /// When it was last changed.
    pub changed: Timestamp,
    /// From when on evaluations are counted.
    pub counted_since: Timestamp,
    /// Its evaluations, by environment.
    pub evaluated: Vec<Evaluated>,
    /// Places in code that name it; none when no repository was ever looked through.
    pub references: Option<usize>,
    /// Only what is so in this environment.
    pub environment: Option<&'a str>,
    /// Whether another flag has it as a prerequisite: then it is needed without being asked for.
    pub is_needed: bool,
    /// How many days without an evaluation are too many.
    pub unused_days: u32,
}

/// Everything that says that a flag has had its day.
#[must_use]
pub fn findings(facts: &Facts<'_>, now: Timestamp) -> Vec<Finding> {
    if facts.flag.lifecycle == Lifecycle::Archived || facts.configs().next().is_none() {
        return Vec::new();
    }
    let found = [expired(facts, now), never_evaluated(facts, now), same_answer(facts, now)];
    found.into_iter().flatten().collect()
}

impl Facts<'_> {
    fn is_asked_about(&self, environment: &str) -> bool {
        self.environment.is_none_or(|own| own == environment)
    }

    fn configs(&self) -> impl Iterator<Item = (&str, &FlagConfig)> {
        let all = self.flag.environments.iter().map(|(key, config)| (key.as_str(), config));
        all.filter(|(environment, _)| self.is_asked_about(environment))
    }

    fn evaluated(&self) -> impl Iterator<Item = &Evaluated> {
        self.evaluated.iter().filter(|own| self.is_asked_about(&own.environment))
    }

    /// Where it is, in words.
    fn place(&self) -> String {
        self.environment.map_or_else(|| "anywhere".to_owned(), |own| format!("in {own}"))
    }

    /// What is known of the code, in words.
    fn in_code(&self) -> String {
        match self.references {
            None => {
                "Look for it in the code: no repository has been looked through (`usher refs`).".to_owned()
            }
            Some(0) => "No code names it: it is safe to archive.".to_owned(),
            Some(1) => "Take it out of the code first: it is still in one place.".to_owned(),
            Some(count) => format!("Take it out of the code first: it is still in {count} places."),
        }
    }
}

fn expired(facts: &Facts<'_>, now: Timestamp) -> Option<Finding> {
    let expires = facts.flag.expires?;
    // The day itself is still its own, in UTC.
    let since: Timestamp = format!("{}T00:00:00Z", expires.tomorrow().ok()?).parse().ok()?;
    (since <= now).then(|| Finding {
        reason: Reason::Expired,
        since,
        detail: format!("It should have been gone by {expires}."),
        mend: format!("{} Or give it another day, if it is still needed.", facts.in_code()),
    })
}

fn never_evaluated(facts: &Facts<'_>, now: Timestamp) -> Option<Finding> {
    if facts.is_needed {
        return None;
    }
    let days = facts.unused_days;
    let limit = i64::from(days) * DAY_MILLIS;
    let last = facts.evaluated().map(|own| own.last).max();
    // What was not counted, or was changed meanwhile, is not known to be unused.
    let since = last.unwrap_or(facts.counted_since).max(facts.changed);
    (now.since(since) >= limit).then(|| {
        let place = facts.place();
        let detail = match last {
            Some(last) => {
                let ago = now.since(last) / DAY_MILLIS;
                format!("No program has asked for it {place} for {ago} days.")
            }
            None => {
                let known = now.since(since) / DAY_MILLIS;
                format!("No program has ever asked for it {place}, as far as is known: that is {known} days.")
            }
        };
        Finding { reason: Reason::NeverEvaluated, since, detail, mend: facts.in_code() }
    })
}

fn same_answer(facts: &Facts<'_>, now: Timestamp) -> Option<Finding> {
    if facts.flag.lifecycle == Lifecycle::Permanent {
        return None;
    }
    by_rules(facts, now).or_else(|| by_counts(facts, now))
}

/// No rule can give anybody anything else, wherever it is.
fn by_rules(facts: &Facts<'_>, now: Timestamp) -> Option<Finding> {
    let mut given = facts.configs().map(|(_, config)| only_answer(config));
    let first = given.next()??;
    if given.any(|own| own != Some(first)) {
        return None;
    }
    // Who has just switched it may switch it again.
    (now.since(facts.changed) >= i64::from(facts.unused_days) * DAY_MILLIS).then(|| Finding {
        reason: Reason::SameAnswer,
        since: facts.changed,
        detail: format!(
            "Its rules give everybody “{first}”, and have for {} days.",
            now.since(facts.changed) / DAY_MILLIS
        ),
        mend: format!(
            "Write “{first}” into the code instead of asking. {} Or call it permanent, if it is to stay.",
            facts.in_code()
        ),
    })
}

/// Nobody was given anything else.
fn by_counts(facts: &Facts<'_>, now: Timestamp) -> Option<Finding> {
    let since = Timestamp::from_millis(now.millis() - i64::from(SAME_DAYS) * DAY_MILLIS);
    let is_known = facts.counted_since.max(facts.changed) <= since;
    let given: BTreeSet<&String> = facts.evaluated().flat_map(|own| &own.variants).collect();
    let mut given = given.into_iter();
    match (given.next(), given.next()) {
        (Some(only), None) if is_known && !only.is_empty() => Some(Finding {
            reason: Reason::SameAnswer,
            since,
            detail: format!("Everybody has been given “{only}” for {SAME_DAYS} days."),
            mend: format!(
                "If nobody else is to come, bring it to everybody, and write “{only}” into the code. {} Or call it permanent, if it is to stay.",
                facts.in_code()
            ),
        }),
        _ => None,
    }
}

/// The variant that everybody gets, whoever they are and wherever; none, where somebody may get another one.
#[must_use]
pub fn only_answer(config: &FlagConfig) -> Option<&VariantKey> {
    let off = &config.off_variant;
    if !config.enabled || config.killed.all {
        return Some(off);
    }
    let mut all: BTreeSet<&VariantKey> = config.venues.values().collect();
    all.extend(config.targets.iter().map(|target| &target.variant));
    if !config.killed.is_empty() || !config.prerequisites.is_empty() {
        all.insert(off);
    }
    // A rule for everybody is the last that is tried.
    let mut is_over = false;
    for rule in config.rules.iter().filter(|rule| !rule.dark) {
        all.extend(served(&rule.serve, off));
        if rule.condition.is_none() && rule.rollout.is_none() && matches!(rule.serve, Serve::Variant(_)) {
            is_over = true;
            break;
        }
    }
    if !is_over {
        all.extend(config.default.as_ref().map_or_else(|| vec![off], |serve| served(serve, off)));
    }
    let mut all = all.into_iter();
    all.next().filter(|_| all.next().is_none())
}

/// All that somebody may be served. Of a split that is also what those get who can't be drawn.
fn served<'a>(serve: &'a Serve, off: &'a VariantKey) -> Vec<&'a VariantKey> {
    match serve {
        Serve::Variant(variant) => vec![variant],
        Serve::Split(Split { weights, otherwise, .. }) => {
            let drawn = weights.iter().filter(|own| own.weight > 0).filter_map(|own| own.variant.as_ref());
            drawn.chain([otherwise.as_ref().unwrap_or(off)]).collect()
        }
    }
}
