//! What a change reaches, and whether a freeze forbids it.
//!
//! What can't be narrowed down counts as reaching all venues: a freeze that lets something through is worth nothing.
//! Kills pass: what stops harm is never frozen.

use std::collections::BTreeSet;

use usher_core::model::{
    Cohort, Condition, Document, EnvironmentKey, Flag, FlagConfig, Killed, Kind, Lifecycle, Operator, Rule,
    Scalar, Timestamp, Venue, VenueKey,
};

use crate::window::{Calendar, sentence};

/// Where a change is noticed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// In which environment; in all, without one.
    pub environment: Option<EnvironmentKey>,
    /// At which venues; at all, without any.
    pub venues: Vec<VenueKey>,
}

/// Why a document may not be changed from `before` to `after` now: the first freeze that forbids it, in a sentence.
#[must_use]
pub fn forbids(
    before: Option<&Document>,
    after: Option<&Document>,
    environments: &[EnvironmentKey],
    calendar: &Calendar<'_>,
    now: Timestamp,
) -> Option<String> {
    for reach in reached(before, after) {
        let all = reach.environment.as_ref().map_or(environments, std::slice::from_ref);
        for environment in all {
            let holding = calendar.freezes.iter().find_map(|freeze| {
                Some(sentence(freeze, &freeze.holds(environment, &reach.venues, calendar.events, now)?))
            });
            if holding.is_some() {
                return holding;
            }
        }
    }
    None
}

/// Where a change from `before` to `after` is noticed; nowhere, when it only is called something else.
#[must_use]
pub fn reached(before: Option<&Document>, after: Option<&Document>) -> Vec<Reach> {
    let everywhere = |venues| vec![Reach { environment: None, venues }];
    match before.or(after).map(Document::kind) {
        Some(Kind::Flag) => {
            let read = |document: Option<&Document>| document.map(|own| own.parse::<Flag>().ok());
            match (read(before), read(after)) {
                (Some(None), _) | (_, Some(None)) => everywhere(Vec::new()),
                (before, after) => flag(before.flatten().as_ref(), after.flatten().as_ref()),
            }
        }
        Some(Kind::Cohort) if before != after => {
            let venues = [before, after].into_iter().flatten().map(|own| own.parse::<Cohort>().ok());
            let mut all = BTreeSet::new();
            for cohort in venues {
                match cohort {
                    Some(cohort) if !cohort.venues.is_empty() => all.extend(cohort.venues),
                    _ => return everywhere(Vec::new()),
                }
            }
            everywhere(all.into_iter().collect())
        }
        Some(Kind::Venue) if before != after => {
            let own = [after, before].into_iter().flatten().find_map(|own| own.parse::<Venue>().ok());
            everywhere(own.map(|venue| venue.key).into_iter().collect())
        }
        _ => Vec::new(),
    }
}

fn flag(before: Option<&Flag>, after: Option<&Flag>) -> Vec<Reach> {
    let nothing = indexmap::IndexMap::new();
    let configs =
        |flag: Option<&'_ Flag>| flag.map(|flag| flag.environments.clone()).unwrap_or(nothing.clone());
    let (old, new) = (configs(before), configs(after));
    let whole = match (before, after) {
        (Some(a), Some(b)) => {
            let archived = |flag: &Flag| flag.lifecycle == Lifecycle::Archived;
            (a.flag_type, &a.variants, a.client_visible, a.minimum_schema, archived(a))
                != (b.flag_type, &b.variants, b.client_visible, b.minimum_schema, archived(b))
        }
        _ => false,
    };
    let names: BTreeSet<&EnvironmentKey> = old.keys().chain(new.keys()).collect();
    let reach = names.into_iter().filter_map(|name| {
        let venues = config(old.get(name), new.get(name), whole)?;
        Some(Reach { environment: Some(name.clone()), venues })
    });
    reach.collect()
}

/// The venues that notice; `None` when nobody does.
fn config(before: Option<&FlagConfig>, after: Option<&FlagConfig>, whole: bool) -> Option<Vec<VenueKey>> {
    let serves = |config: Option<&FlagConfig>| config.is_some_and(|own| own.enabled);
    let (Some(before), Some(after)) = (before, after) else {
        return (serves(before) || serves(after)).then(Vec::new);
    };
    if whole {
        return (before.enabled || after.enabled).then(Vec::new);
    }
    // What is only counted is noticed by nobody.
    let bare = |own: &FlagConfig| FlagConfig {
        killed: Killed::default(),
        venues: indexmap::IndexMap::new(),
        rules: Vec::new(),
        measure: Vec::new(),
        ..own.clone()
    };
    let revived = before.killed.all && !after.killed.all
        || before.killed.cohorts.iter().any(|cohort| !after.killed.cohorts.contains(cohort));
    if bare(before) != bare(after) || revived {
        return Some(Vec::new());
    }
    let mut venues: BTreeSet<VenueKey> =
        before.killed.venues.iter().filter(|venue| !after.killed.venues.contains(venue)).cloned().collect();
    for venue in before.venues.keys().chain(after.venues.keys()) {
        if before.venues.get(venue) != after.venues.get(venue) {
            venues.insert(venue.clone());
        }
    }
    for rule in changed(&before.rules, &after.rules) {
        match rule.condition.as_ref().and_then(narrowed) {
            Some(own) => venues.extend(own),
            None => return Some(Vec::new()),
        }
    }
    (!venues.is_empty()).then(|| venues.into_iter().collect())
}

/// What is changed of those rules that are not only counted.
fn changed<'r>(before: &'r [Rule], after: &'r [Rule]) -> Vec<&'r Rule> {
    let serving = |rules: &'r [Rule]| rules.iter().filter(|rule| !rule.dark).collect::<Vec<_>>();
    differing(serving(before), serving(after))
}

/// The rules that are in one only; all, where those in both stand in another order.
pub(crate) fn differing<'r>(before: Vec<&'r Rule>, after: Vec<&'r Rule>) -> Vec<&'r Rule> {
    let kept = |own: &[&'r Rule], other: &[&'r Rule]| {
        own.iter().copied().filter(|rule| other.contains(rule)).collect::<Vec<_>>()
    };
    if kept(&before, &after) != kept(&after, &before) {
        return before.into_iter().chain(after).collect();
    }
    let gone = before.iter().copied().filter(|rule| !after.contains(rule));
    let new = after.iter().copied().filter(|rule| !before.contains(rule));
    gone.chain(new).collect()
}

/// The venues that a condition is about at most; `None` for any.
pub(crate) fn narrowed(condition: &Condition) -> Option<Vec<VenueKey>> {
    match condition {
        Condition::All(all) => all.iter().find_map(narrowed),
        Condition::Attribute(own)
            if own.attribute == "venue" && own.operator == Operator::In && !own.ignore_case =>
        {
            let text = |value: &Scalar| match value {
                Scalar::Text(text) => text.parse().ok(),
                _ => None,
            };
            own.values.iter().map(text).collect()
        }
        _ => None,
    }
}
