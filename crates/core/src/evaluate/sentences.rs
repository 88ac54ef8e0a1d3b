//! Explanations in words: what a rule asked, what the context had.

use super::{Evaluation, known::Known, logic_words, matching::Scope};
use crate::{
    model::{Condition, Operator, Percent, Predicate, Rollout, Rule, Scalar},
    ruleset::{CompiledCondition, CompiledConfig, CompiledPrerequisite, CompiledRollout, is_clock},
};

/// Values shown of a long list.
const SHOWN_VALUES: usize = 5;

/// A variant's name.
pub(super) fn variant(config: &CompiledConfig, index: usize) -> &str {
    config.variants.get(index).map_or("", |variant| variant.key.as_str())
}

/// A rule as people know it.
pub(super) fn rule(written: &Rule) -> &str {
    if written.name.is_empty() { written.id.as_str() } else { &written.name }
}

/// What a prerequisite asks for: "to give `a` or `b`", "to be enabled".
pub(super) fn wanted(prerequisite: &CompiledPrerequisite) -> String {
    let variants: Vec<String> =
        prerequisite.variants.iter().map(|variant| format!("`{}`", variant.as_str())).collect();
    let gives = (!variants.is_empty()).then(|| format!("to give {}", variants.join(" or ")));
    let enabled =
        prerequisite.enabled.map(|enabled| if enabled { "to be enabled" } else { "not to be enabled" });
    let parts: Vec<String> = gives.into_iter().chain(enabled.map(str::to_owned)).collect();
    parts.join(" and ")
}

/// What a prerequisite did: "gives `off` and is not enabled".
pub(super) fn given(given: Option<&Evaluation<'_>>) -> String {
    let variant = given.and_then(Evaluation::variant).unwrap_or("nothing");
    let not = if given.is_some_and(|given| given.enabled) { "" } else { "not " };
    format!("gives `{variant}` and is {not}enabled")
}

/// One line for each comparison within a condition, with what the context had and whether it held.
pub(super) fn condition(
    scope: &Scope<'_, '_>,
    written: Option<&Condition>,
    compiled: Option<&CompiledCondition>,
) -> Vec<String> {
    let mut lines = Vec::new();
    if let (Some(written), Some(compiled)) = (written, compiled) {
        add(scope, written, compiled, 0, &mut lines);
    }
    lines
}

fn add(
    scope: &Scope<'_, '_>,
    written: &Condition,
    compiled: &CompiledCondition,
    indent: usize,
    lines: &mut Vec<String>,
) {
    let known = scope.known(compiled, 0);
    let mark = match known {
        Known::Yes => "✓",
        Known::No => "✗",
        Known::Unclear(_) => "?",
    };
    let line = match (written, compiled) {
        (Condition::All(_), _) => "all of:".to_owned(),
        (Condition::Any(_), _) => "any of:".to_owned(),
        (Condition::Not(_), _) => "not:".to_owned(),
        (Condition::Cohort(key), _) => {
            let name = match (scope.ruleset.cohorts.get(key).map(|cohort| cohort.parts.as_ref()), known) {
                (None, _) => format!("{key}, which does not exist"),
                (Some(None), _) => format!("{key}, which can't be understood"),
                (Some(Some(parts)), Known::Unclear(other)) => {
                    format!("{}, which depends on cohort {other}, which can't be understood", parts.name)
                }
                (Some(Some(parts)), _) => parts.name.to_string(),
            };
            format!("belongs to cohort {name}")
        }
        (Condition::Attribute(predicate), CompiledCondition::Attribute(source, _)) => {
            let found = match scope.find(source) {
                Some(value) => format!("“{value}”"),
                None if is_clock(predicate) => format!("now, {}", scope.clock.now()),
                None => "missing".to_owned(),
            };
            format!("{} — it is {found}", comparison(predicate))
        }
        (Condition::Attribute(predicate), CompiledCondition::Exists(source, _)) => {
            let found = match scope.find(source) {
                Some(value) => format!("“{value}”"),
                None if scope.is_there(source) => "an object".to_owned(),
                None => "missing".to_owned(),
            };
            format!("{} — it is {found}", comparison(predicate))
        }
        (Condition::Attribute(predicate), _) => comparison(predicate),
        (Condition::Rollout(written), CompiledCondition::Rollout(compiled)) => {
            share(written, scope.share(compiled))
        }
        (Condition::Rollout(written), _) => share(written, Err("")),
        (Condition::Prerequisite(written), CompiledCondition::Prerequisite(compiled)) => {
            let given = given(scope.gives(compiled).0.as_ref());
            format!("flag `{}` is {}; it {given}", written.flag, wanted(compiled))
        }
        (Condition::Prerequisite(written), _) => format!("flag `{}`", written.flag),
        (Condition::Logic(logic), _) => logic_words::sentence(scope, written, logic),
    };
    lines.push(format!("{:indent$}{mark} {line}", "", indent = indent * 2));
    match (written, compiled) {
        (Condition::All(written), CompiledCondition::All(compiled))
        | (Condition::Any(written), CompiledCondition::Any(compiled)) => {
            for (written, compiled) in written.iter().zip(compiled) {
                add(scope, written, compiled, indent + 1, lines);
            }
        }
        (Condition::Not(written), CompiledCondition::Not(compiled)) => {
            add(scope, written, compiled, indent + 1, lines);
        }
        _ => {}
    }
}

/// A comparison as a sentence without its end: "venue.country is one of England, Wales".
fn comparison(predicate: &Predicate) -> String {
    let words = match predicate.operator {
        Operator::In | Operator::Equals if predicate.values.len() == 1 => "is",
        Operator::In | Operator::Equals => "is one of",
        Operator::NotIn if predicate.values.len() == 1 => "is not",
        Operator::NotIn => "is none of",
        Operator::Contains => "contains",
        Operator::StartsWith => "starts with",
        Operator::EndsWith => "ends with",
        Operator::Matches => "matches",
        Operator::Lt => "is below",
        Operator::Lte => "is at most",
        Operator::Gt => "is above",
        Operator::Gte => "is at least",
        Operator::Before => "is before",
        Operator::After => "is after",
        Operator::SemverEq => "is version",
        Operator::SemverLt => "is older than version",
        Operator::SemverLte => "is at most version",
        Operator::SemverGt => "is newer than version",
        Operator::SemverGte => "is at least version",
        Operator::SemverTilde => "is a patch of version",
        Operator::SemverCaret => "is compatible with version",
        Operator::Cidr => "is in network",
        Operator::Exists if predicate.values == [Scalar::Bool(false)] => {
            return format!("{} is missing", predicate.attribute);
        }
        Operator::Exists => return format!("{} is there", predicate.attribute),
        Operator::Modulo => "leaves, divided, a remainder of (divisor first)",
    };
    let shown: Vec<String> = predicate.values.iter().take(SHOWN_VALUES).map(scalar).collect();
    let more = match predicate.values.len().saturating_sub(SHOWN_VALUES) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{} {words} {}{more}", predicate.attribute, shown.join(", "))
}

fn scalar(value: &Scalar) -> String {
    match value {
        Scalar::Bool(value) => value.to_string(),
        Scalar::Number(value) => value.to_string(),
        Scalar::Text(value) => value.clone(),
    }
}

/// A rollout's draw as a sentence.
pub(super) fn rollout(written: &Rollout, compiled: &CompiledRollout, draw: Result<u64, &str>) -> String {
    let mark = if draw.is_ok_and(|place| compiled.holds(place)) { "✓" } else { "✗" };
    format!("{mark} {}", share(written, draw))
}

fn share(rollout: &Rollout, draw: Result<u64, &str>) -> String {
    let by = rollout.by.join(" and ");
    let percent = rollout.percent.value();
    let from = match rollout.from.value() {
        0.0 => String::new(),
        from => format!(" from {from} % on"),
    };
    match draw {
        Ok(place) => {
            // A place is below 100,000, so the conversion is exact.
            #[allow(clippy::cast_precision_loss)]
            let place = place as f64 * 100.0 / f64::from(Percent::STEPS);
            format!("{percent} %{from} by {by} — it is at {place:.3} %")
        }
        Err(name) => format!("{percent} %{from} by {by} — the context lacks `{name}`"),
    }
}
