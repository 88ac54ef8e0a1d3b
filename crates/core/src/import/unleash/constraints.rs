//! Constraints as conditions, compared in Unleash's way.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};
use regex::RegexBuilder;
use serde_json::{Number, Value};

use super::{
    literal::{Literal, Unread, is_readable},
    source::Constraint,
};
use crate::{
    import::{all_of, any_of, not, report::Notes},
    limits::{MAX_CONDITION_VALUES, MAX_REGEX_BYTES},
    model::{CURRENT_TIME, Condition, Dialect, Operator, Predicate, Scalar, Timestamp},
};

/// Operators whose value has to be a version.
const SEMVER: [&str; 5] = ["SEMVER_EQ", "SEMVER_GT", "SEMVER_GTE", "SEMVER_LT", "SEMVER_LTE"];

/// What a constraint asks. `None` for one that Unleash can't read, which is noted: it then turns off the whole
/// feature.
pub(super) fn condition(constraint: &Constraint, at: &str, notes: &mut Notes) -> Option<Condition> {
    let name = constraint.context_name.as_str();
    let values = constraint.values.iter().flatten();
    if SEMVER.contains(&constraint.operator.as_str())
        && value(constraint).is_some_and(|own| own.starts_with('v'))
    {
        notes.mapped(at, "its value begins with `v`: it never holds, not even inverted, as in Unleash");
        return Some(Condition::Any(Vec::new()));
    }
    // Quotes within values are written apart, so only a backslash at the end is in the way.
    let is_broken = |text: &String| text.ends_with('\\');
    if !is_readable(name) || values.clone().any(is_broken) {
        return unread(at, "its texts end in a backslash, or its field's name has quotes", notes);
    }
    let asked = match constraint.operator.as_str() {
        "IN" | "NOT_IN" => {
            // Both ways of saying so become one.
            let wanted = (constraint.operator == "IN") != constraint.inverted;
            clock(constraint, at, notes);
            let values = values.cloned();
            return Some(if wanted { is_in(name, values) } else { is_not_in(name, values) });
        }
        "STR_CONTAINS" => fragments(constraint, Operator::Contains, at, notes)?,
        "STR_STARTS_WITH" => fragments(constraint, Operator::StartsWith, at, notes)?,
        "STR_ENDS_WITH" => fragments(constraint, Operator::EndsWith, at, notes)?,
        "REGEX" => matches(constraint, at, notes)?,
        "IN_CIDR" if constraint.values.iter().flatten().next().is_none() => {
            return unread(at, "it compares with nothing", notes);
        }
        "IN_CIDR" => networks(name, values.map(String::as_str), at, notes),
        "NUM_EQ" | "SEMVER_EQ" => ordered(constraint, Order::Equal, at, notes)?,
        "NUM_LT" | "SEMVER_LT" | "DATE_BEFORE" => ordered(constraint, Order::Less, at, notes)?,
        "NUM_LTE" | "SEMVER_LTE" => ordered(constraint, Order::LessOrEqual, at, notes)?,
        "NUM_GT" | "SEMVER_GT" | "DATE_AFTER" => ordered(constraint, Order::Greater, at, notes)?,
        "NUM_GTE" | "SEMVER_GTE" => ordered(constraint, Order::GreaterOrEqual, at, notes)?,
        other => return unread(at, &format!("its operator `{other}` is not known"), notes),
    };
    Some(if constraint.inverted { not(asked) } else { asked })
}

fn unread(at: &str, what: &str, notes: &mut Notes) -> Option<Condition> {
    let text = format!("{what}, so Unleash keeps the feature off, and so does the flag");
    notes.mapped(at, text);
    None
}

/// An attribute's value among texts.
pub(super) fn is_in(name: &str, values: impl Iterator<Item = String>) -> Condition {
    any_of(parts(name, Operator::In, values))
}

fn is_not_in(name: &str, values: impl Iterator<Item = String>) -> Condition {
    all_of(parts(name, Operator::NotIn, values))
}

/// As many conditions as their values need.
fn parts(name: &str, operator: Operator, values: impl Iterator<Item = String>) -> Vec<Condition> {
    let values: Vec<Scalar> = values.map(Scalar::Text).collect();
    if values.is_empty() {
        return vec![compare(name, operator, values)];
    }
    values.chunks(MAX_CONDITION_VALUES).map(|part| compare(name, operator, part.to_vec())).collect()
}

fn compare(name: &str, operator: Operator, values: Vec<Scalar>) -> Condition {
    Condition::Attribute(predicate(name, operator, values, false))
}

/// A comparison in Unleash's way.
pub(super) fn predicate(name: &str, operator: Operator, values: Vec<Scalar>, ignore_case: bool) -> Predicate {
    let attribute = name.to_owned();
    Predicate { attribute, operator, values, ignore_case, dialect: Dialect::Unleash }
}

/// Where a context says no time, Unleash asks texts of the present one.
fn clock(constraint: &Constraint, at: &str, notes: &mut Notes) {
    if constraint.context_name == CURRENT_TIME {
        notes.approximated(
            at,
            "in Unleash a context without `currentTime` has the present time, written out; here it is the time of the evaluation for dates only, and nothing for texts",
        );
    }
}

fn fragments(constraint: &Constraint, operator: Operator, at: &str, notes: &mut Notes) -> Option<Condition> {
    let values: Vec<Scalar> = constraint.values.iter().flatten().cloned().map(Scalar::Text).collect();
    if values.is_empty() {
        return unread(at, "it compares with nothing", notes);
    }
    clock(constraint, at, notes);
    let parts = values.chunks(MAX_CONDITION_VALUES).map(|part| {
        let own = predicate(&constraint.context_name, operator, part.to_vec(), constraint.case_insensitive);
        Condition::Attribute(own)
    });
    Some(any_of(parts.collect()))
}

fn matches(constraint: &Constraint, at: &str, notes: &mut Notes) -> Option<Condition> {
    let pattern = value(constraint).unwrap_or_default();
    if pattern.ends_with('\\') {
        return unread(at, "its pattern ends in a backslash", notes);
    }
    clock(constraint, at, notes);
    let mut builder = RegexBuilder::new(&pattern);
    match builder.case_insensitive(constraint.case_insensitive).size_limit(MAX_REGEX_BYTES).build() {
        Ok(_) => {
            let values = vec![Scalar::Text(pattern.clone())];
            let ignore_case = constraint.case_insensitive;
            let own = predicate(&constraint.context_name, Operator::Matches, values, ignore_case);
            Some(Condition::Attribute(own))
        }
        Err(regex::Error::CompiledTooBig(_)) => {
            notes.refused(at, format!("its pattern takes more than {MAX_REGEX_BYTES} bytes"));
            None
        }
        Err(_) => {
            notes.mapped(at, "its pattern can't be read: it matches nothing, as in Unleash");
            Some(Condition::Any(Vec::new()))
        }
    }
}

/// Within one of the networks; those that can't be read are passed over, as Unleash does.
pub(super) fn networks<'t>(
    name: &str,
    texts: impl Iterator<Item = &'t str>,
    at: &str,
    notes: &mut Notes,
) -> Condition {
    let mut values = Vec::new();
    let mut unread = 0_usize;
    for text in texts {
        match network(text) {
            Some(network) => values.push(Scalar::Text(network)),
            None => unread += 1,
        }
    }
    if unread > 0 {
        notes.mapped(
            at,
            format!("{unread} of its values are no networks: they are passed over, as in Unleash"),
        );
    }
    let parts = values.chunks(MAX_CONDITION_VALUES);
    any_of(parts.map(|part| compare(name, Operator::Cidr, part.to_vec())).collect())
}

/// A network as Usher writes it. Unleash's engine reads masks too, `10.0.0.0/255.0.0.0`.
fn network(text: &str) -> Option<String> {
    let Some((address, length)) = text.split_once('/') else {
        return text.parse::<IpAddr>().ok().map(|_| text.to_owned());
    };
    let address: IpAddr = address.parse().ok()?;
    if let (IpAddr::V4(address), Ok(mask)) = (address, length.parse::<Ipv4Addr>()) {
        return Ipv4Net::with_netmask(address, mask).ok().map(|network| network.to_string());
    }
    Some(IpNet::new(address, length.parse().ok()?).ok()?.to_string())
}

/// How two values lie to each other.
#[derive(Clone, Copy)]
enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

fn ordered(constraint: &Constraint, order: Order, at: &str, notes: &mut Notes) -> Option<Condition> {
    let name = constraint.context_name.as_str();
    let Some(text) = value(constraint) else { return unread(at, "it has no value", notes) };
    match Literal::read(&text) {
        Ok(Literal::Number(number)) => Some(number_ordered(name, order, number)),
        Ok(Literal::Version(version)) => Some(version_ordered(name, order, version)),
        Ok(Literal::Date { text, time }) => Some(date_ordered(name, order, text, time)),
        Err(Unread::There) => unread(at, "its value can't be read", notes),
        Err(Unread::Here(why)) => {
            notes.refused(at, why);
            None
        }
    }
}

fn number_ordered(name: &str, order: Order, number: Number) -> Condition {
    let operator = match order {
        Order::Equal => Operator::Equals,
        Order::Less => Operator::Lt,
        Order::LessOrEqual => Operator::Lte,
        Order::Greater => Operator::Gt,
        Order::GreaterOrEqual => Operator::Gte,
    };
    compare(name, operator, vec![Scalar::Number(number)])
}

fn version_ordered(name: &str, order: Order, version: String) -> Condition {
    let operator = match order {
        Order::Equal => Operator::SemverEq,
        Order::Less => Operator::SemverLt,
        Order::LessOrEqual => Operator::SemverLte,
        Order::Greater => Operator::SemverGt,
        Order::GreaterOrEqual => Operator::SemverGte,
    };
    compare(name, operator, vec![Scalar::Text(version)])
}

/// Dates are only ever before or after one another here; for the rest it takes two, and that it is a date at all.
fn date_ordered(name: &str, order: Order, text: String, time: Timestamp) -> Condition {
    let before = |text: String| compare(name, Operator::Before, vec![Scalar::Text(text)]);
    let after = |text: String| compare(name, Operator::After, vec![Scalar::Text(text)]);
    let shifted = |millis| Timestamp::from_millis(time.millis().saturating_add(millis)).to_string();
    match order {
        Order::Less => before(text),
        Order::Greater => after(text),
        Order::LessOrEqual => all_of(vec![before(shifted(1)), not(after(text))]),
        Order::GreaterOrEqual => all_of(vec![after(shifted(-1)), not(before(text))]),
        Order::Equal => all_of(vec![after(shifted(-1)), not(before(text.clone())), not(after(text))]),
    }
}

/// The value of a constraint that has one. Numbers are sent as either.
fn value(constraint: &Constraint) -> Option<String> {
    match &constraint.value {
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    }
}
