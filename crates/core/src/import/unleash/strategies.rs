//! Strategies as rules.

use std::collections::HashSet;

use super::{
    Known, constraints, segment_key,
    source::{Feature, Strategy, Variant},
    variants::Variants,
};
use crate::{
    import::{all_of, compare, report::Notes},
    model::{
        Condition, HashAlgorithm, Key, Operator, Percent, Predicate, Rollout, Rule, Scalar, Serve, Split,
        WeightedVariant, WhenMissing,
    },
};

/// Never there, so that a draw by it is one by lot: Unleash's stickiness `random`.
const BY_LOT: &str = "$random";

/// A strategy as conditions and a share. `None` for one that enables nobody.
type Matched = Option<(Vec<Condition>, Option<Rollout>)>;

/// The rules of a feature. `None` where Unleash could not read one of its strategies, and keeps it off.
pub(super) fn rules(
    feature: &Feature,
    variants: &Variants,
    known: &Known<'_>,
    notes: &mut Notes,
) -> Option<Vec<Rule>> {
    let strategies = feature.strategies.as_deref().unwrap_or_default();
    let mut rules = Vec::new();
    if strategies.is_empty() {
        add(
            &mut rules,
            "always",
            "No strategies: everybody",
            (Vec::new(), None),
            feature,
            None,
            variants,
            notes,
        );
        return Some(rules);
    }
    for (n, strategy) in strategies.iter().enumerate() {
        let at = format!("strategies[{n}]");
        if strategy.disabled == Some(true) {
            notes.mapped(at, "it is switched off, and left out");
            continue;
        }
        let matched = matched(feature, strategy, &at, notes);
        let asked = asked(strategy, known, &at, notes)?;
        let Some((mut conditions, rollout)) = matched else { continue };
        conditions.extend(asked);
        let title = strategy.title.as_deref().filter(|title| !title.is_empty());
        let name = title.unwrap_or(&strategy.name);
        let id = format!("strategy-{}", n + 1);
        add(&mut rules, &id, name, (conditions, rollout), feature, Some(strategy), variants, notes);
    }
    Some(rules)
}

/// The rules of one strategy: those who are given a variant whatever the draw, then all others.
#[allow(clippy::too_many_arguments)] // All that a rule is made of; a struct would only name them again.
fn add(
    rules: &mut Vec<Rule>,
    id: &str,
    name: &str,
    (conditions, rollout): (Vec<Condition>, Option<Rollout>),
    feature: &Feature,
    strategy: Option<&Strategy>,
    variants: &Variants,
    notes: &mut Notes,
) {
    let mut push = |id: String, conditions: Vec<Condition>, serve: Serve| {
        let Ok(id) = id.parse::<Key>() else { return };
        let condition = (!conditions.is_empty()).then(|| all_of(conditions));
        rules.push(Rule { id, name: name.to_owned(), condition, rollout: rollout.clone(), serve });
    };
    let own = strategy.and_then(|strategy| strategy.variants.as_deref()).unwrap_or_default();
    let (served, group, stickiness) = match strategy {
        // A strategy's variants are drawn as the strategy is.
        Some(strategy) if !own.is_empty() => (
            own,
            strategy.parameter("groupId").unwrap_or_else(|| feature.name.clone()),
            strategy.parameter("stickiness"),
        ),
        _ => {
            let of_feature = feature.variants.as_deref().unwrap_or_default();
            let stickiness = of_feature.first().and_then(|first| first.stickiness.clone());
            (of_feature, feature.name.clone(), stickiness)
        }
    };
    if own.is_empty() {
        for (m, variant) in served.iter().enumerate() {
            for (k, over) in variant.overrides.iter().flatten().enumerate() {
                let Some(key) = variants.key(variant) else { continue };
                let mut all = conditions.clone();
                all.push(listed(&over.context_name, over.values.iter().cloned()));
                push(format!("{id}-override-{}-{}", m + 1, k + 1), all, Serve::Variant(key));
            }
        }
    }
    let Some(serve) = serve(served, &group, stickiness.as_deref(), variants, notes) else { return };
    push(id.to_owned(), conditions, serve);
}

fn serve(
    served: &[Variant],
    group: &str,
    stickiness: Option<&str>,
    variants: &Variants,
    notes: &mut Notes,
) -> Option<Serve> {
    let weights: Vec<WeightedVariant> = served
        .iter()
        .map(|variant| WeightedVariant { variant: variants.key(variant), weight: variant.weight })
        .collect();
    if weights.iter().all(|weighted| weighted.weight == 0) {
        if !weights.is_empty() {
            notes.mapped("variants", "all weights are zero: nobody is given a variant");
        }
        return variants.none().map(Serve::Variant);
    }
    let (by, fallback, when_missing) = match stickiness {
        None | Some("default") => ("userId", vec!["sessionId".to_owned()], WhenMissing::Random),
        Some("random") => (BY_LOT, Vec::new(), WhenMissing::Random),
        Some(name) => (name, Vec::new(), WhenMissing::Random),
    };
    if stickiness == Some("random") {
        by_lot("variants", notes);
    }
    Some(Serve::Split(Split {
        by: vec![by.to_owned()],
        seed: group.to_owned(),
        weights,
        hash: HashAlgorithm::Murmur3Unleash,
        fallback,
        when_missing,
        otherwise: None,
    }))
}

fn by_lot(at: &str, notes: &mut Notes) {
    notes.approximated(
        at,
        "drawn by lot: Unleash draws for every single evaluation, here two within one millisecond draw alike",
    );
}

/// Whom a strategy itself is for, before its constraints.
fn matched(feature: &Feature, strategy: &Strategy, at: &str, notes: &mut Notes) -> Matched {
    let nobody = |notes: &mut Notes, why: &str| {
        notes.mapped(at, format!("{why}, so it enables nobody, in Unleash too: it is left out"));
        None
    };
    let listing = |name: &str| strategy.parameter(name).unwrap_or_default();
    let percent = |name: &str| {
        let percent = strategy.parameter(name)?.parse::<u32>().ok().filter(|percent| *percent <= 100)?;
        Some(Percent::from_steps(percent * (Percent::STEPS / 100)))
    };
    let by = |percent, by: &str, seed: String, fallback: Vec<String>, when_missing| Rollout {
        by: vec![by.to_owned()],
        percent,
        from: Percent::default(),
        seed,
        hash: HashAlgorithm::Murmur3Unleash,
        fallback,
        when_missing,
    };
    match strategy.name.as_str() {
        "default" => Some((Vec::new(), None)),
        "userWithId" => {
            if strategy.parameter("userIds").is_none() {
                return nobody(notes, "it lists nobody");
            }
            let listed = listed("userId", listing("userIds").split(',').map(|id| id.trim().to_owned()));
            Some((vec![listed], None))
        }
        "flexibleRollout" => {
            let Some(percent) = percent("rollout") else {
                return nobody(notes, "its share is no whole number up to 100");
            };
            let group = strategy.parameter("groupId").unwrap_or_else(|| feature.name.clone());
            let stickiness = strategy.parameter("stickiness");
            let all = percent == Percent::from_steps(Percent::STEPS);
            let rollout = match stickiness.as_deref() {
                // Who has no identity is drawn by lot: everybody is in a share of all.
                None | Some("default" | "random") if all => return Some((Vec::new(), None)),
                None | Some("default") => {
                    by(percent, "userId", group, vec!["sessionId".to_owned()], WhenMissing::Random)
                }
                Some("random") => {
                    by_lot(at, notes);
                    by(percent, BY_LOT, group, Vec::new(), WhenMissing::Random)
                }
                Some(name) => by(percent, name, group, Vec::new(), WhenMissing::Outside),
            };
            Some((Vec::new(), Some(rollout)))
        }
        name @ ("gradualRolloutUserId" | "gradualRolloutSessionId") => {
            let (Some(percent), Some(group)) = (percent("percentage"), strategy.parameter("groupId")) else {
                return nobody(notes, "it lacks its percentage or its group");
            };
            let key = if name == "gradualRolloutUserId" { "userId" } else { "sessionId" };
            Some((Vec::new(), Some(by(percent, key, group, Vec::new(), WhenMissing::Outside))))
        }
        "gradualRolloutRandom" => {
            let Some(percent) = percent("percentage") else {
                return nobody(notes, "its percentage is no whole number up to 100");
            };
            if percent == Percent::from_steps(Percent::STEPS) {
                return Some((Vec::new(), None));
            }
            by_lot(at, notes);
            let rollout = by(percent, BY_LOT, feature.name.clone(), Vec::new(), WhenMissing::Random);
            Some((Vec::new(), Some(rollout)))
        }
        "remoteAddress" => {
            if strategy.parameter("IPs").is_none() {
                return nobody(notes, "it lists no address");
            }
            let listing = listing("IPs");
            let networks = listing.split(',').map(str::trim);
            Some((vec![constraints::networks("remoteAddress", networks, at, notes)], None))
        }
        "applicationHostname" => {
            notes.approximated(
                at,
                "Unleash asks for the name of the machine that evaluates; here the context's `hostname` is asked for",
            );
            let names = listing("hostNames");
            let names = names.split(',').map(|name| name.trim().to_owned());
            let Condition::Attribute(listed) = listed("hostname", names) else { return None };
            Some((vec![Condition::Attribute(Predicate { ignore_case: true, ..listed })], None))
        }
        custom => {
            notes.approximated(
                at,
                format!(
                    "`{custom}` is a strategy of your own: it enables nobody here, as in an SDK that lacks it"
                ),
            );
            None
        }
    }
}

/// What its constraints and segments ask. `None` where Unleash can't read them.
fn asked(strategy: &Strategy, known: &Known<'_>, at: &str, notes: &mut Notes) -> Option<Vec<Condition>> {
    let mut all = Vec::new();
    for (n, constraint) in strategy.constraints.iter().flatten().enumerate() {
        all.push(constraints::condition(constraint, &format!("{at}.constraints[{n}]"), notes)?);
    }
    let mut seen = HashSet::new();
    for id in strategy.segments.iter().flatten().filter(|id| seen.insert(**id)) {
        if !known.segments.contains(id) {
            let text =
                format!("there is no segment {id}, so Unleash keeps the feature off, and so does the flag");
            notes.mapped(format!("{at}.segments"), text);
            return None;
        }
        all.push(Condition::Cohort(segment_key(*id)?));
    }
    Some(all)
}

/// Among the values, as texts.
fn listed(name: &str, values: impl Iterator<Item = String>) -> Condition {
    let listed = compare(name, Operator::In, values.map(Scalar::Text));
    match listed {
        Condition::Attribute(predicate) => Condition::Attribute(Predicate { lenient: true, ..predicate }),
        other => other,
    }
}
