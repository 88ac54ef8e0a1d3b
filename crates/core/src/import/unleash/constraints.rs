//! Constraints as conditions.

use std::net::IpAddr;

use ipnet::IpNet;
use regex::RegexBuilder;
use semver::Version;
use serde_json::{Number, Value, json};

use super::source::Constraint;
use crate::{
    import::{compare, not, report::Notes},
    limits::MAX_REGEX_BYTES,
    model::{Condition, Dialect, Operator, Predicate, Scalar, Timestamp},
};

/// A version to the letter: Unleash reads neither `v1.2.3` nor `1.2`, which Usher's own comparisons do.
const STRICT_VERSION: &str = r"^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)([-+].*)?$";

/// What a constraint asks. `None` for one that Unleash can't read, which is noted: it then turns off the whole
/// feature.
pub(super) fn condition(constraint: &Constraint, at: &str, notes: &mut Notes) -> Option<Condition> {
    let name = constraint.context_name.as_str();
    let unread = |notes: &mut Notes, what: &str| {
        let text = format!("{what}, so Unleash keeps the feature off, and so does the flag");
        notes.mapped(at, text);
        None
    };
    let value = match &constraint.value {
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    let texts = || constraint.values.iter().flatten().cloned().map(Scalar::Text);
    let text = |operator| Predicate {
        values: texts().collect(),
        ignore_case: constraint.case_insensitive,
        lenient: true,
        ..predicate(name, operator)
    };
    let asked = match constraint.operator.as_str() {
        "IN" => Condition::Attribute(Predicate { ignore_case: false, ..text(Operator::In) }),
        "NOT_IN" => Condition::Attribute(Predicate { ignore_case: false, ..text(Operator::NotIn) }),
        operator @ ("STR_CONTAINS" | "STR_STARTS_WITH" | "STR_ENDS_WITH") => {
            let operator = match operator {
                "STR_CONTAINS" => Operator::Contains,
                "STR_STARTS_WITH" => Operator::StartsWith,
                _ => Operator::EndsWith,
            };
            if texts().next().is_none() {
                let text = "it compares with nothing: it never holds, as in Unleash's older SDKs; those on Yggdrasil keep the whole feature off";
                notes.approximated(at, text);
                Condition::Any(Vec::new())
            } else {
                Condition::Attribute(text(operator))
            }
        }
        operator @ ("NUM_EQ" | "NUM_GT" | "NUM_GTE" | "NUM_LT" | "NUM_LTE") => {
            let number = value.as_deref().and_then(|value| value.trim().parse::<f64>().ok());
            let Some(number) = number.and_then(Number::from_f64) else {
                return unread(notes, "its value is not a number");
            };
            let operator = match operator {
                "NUM_EQ" => Operator::Equals,
                "NUM_GT" => Operator::Gt,
                "NUM_GTE" => Operator::Gte,
                "NUM_LT" => Operator::Lt,
                _ => Operator::Lte,
            };
            let values = vec![Scalar::Number(number)];
            Condition::Attribute(Predicate { values, lenient: true, ..predicate(name, operator) })
        }
        operator @ ("DATE_AFTER" | "DATE_BEFORE") => {
            let Some((date, time)) =
                value.and_then(|date| Some((date.clone(), date.parse::<Timestamp>().ok()?)))
            else {
                return unread(notes, "its value is not a date");
            };
            date_condition(name, operator == "DATE_AFTER", date, time)
        }
        operator @ ("SEMVER_EQ" | "SEMVER_GT" | "SEMVER_GTE" | "SEMVER_LT" | "SEMVER_LTE") => {
            let Some(version) = value else { return unread(notes, "it has no value") };
            if version.starts_with('v') {
                // Not even inverted does this ever hold.
                return Some(Condition::Any(Vec::new()));
            }
            if Version::parse(&version).is_err() {
                let text = "its value is not a version: the flag is off, as in Unleash, but for SDKs that take it for a number";
                notes.approximated(at, text);
                return None;
            }
            let operator = match operator {
                "SEMVER_EQ" => Operator::SemverEq,
                "SEMVER_GT" => Operator::SemverGt,
                "SEMVER_GTE" => Operator::SemverGte,
                "SEMVER_LT" => Operator::SemverLt,
                _ => Operator::SemverLte,
            };
            Condition::All(vec![
                compare(name, operator, [Scalar::Text(version)]),
                compare(name, Operator::Matches, [Scalar::Text(STRICT_VERSION.to_owned())]),
            ])
        }
        "REGEX" | "REGEX_MATCH" => {
            let pattern = value.unwrap_or_default();
            let usable = RegexBuilder::new(&pattern).size_limit(MAX_REGEX_BYTES).build().is_ok();
            if !usable && RegexBuilder::new(&pattern).build().is_ok() {
                notes.refused(at, "its pattern is too large");
                return None;
            }
            if usable {
                Condition::Attribute(Predicate {
                    values: vec![Scalar::Text(pattern)],
                    ignore_case: constraint.case_insensitive,
                    lenient: true,
                    ..predicate(name, Operator::Matches)
                })
            } else {
                Condition::Any(Vec::new())
            }
        }
        "IN_CIDR" => networks(name, constraint.values.iter().flatten().map(String::as_str), at, notes),
        other => return unread(notes, &format!("its operator `{other}` is not known")),
    };
    Some(if constraint.inverted { not(asked) } else { asked })
}

/// Within one of the networks; those that can't be read are passed over, as Unleash does.
pub(super) fn networks<'t>(
    name: &str,
    texts: impl Iterator<Item = &'t str>,
    at: &str,
    notes: &mut Notes,
) -> Condition {
    let mut values = Vec::new();
    for text in texts {
        if text.parse::<IpNet>().is_ok() || text.parse::<IpAddr>().is_ok() {
            values.push(Scalar::Text(text.to_owned()));
        } else {
            notes.mapped(at, format!("`{text}` is no network: it is passed over, as Unleash does"));
        }
    }
    if values.is_empty() { Condition::Any(Vec::new()) } else { compare(name, Operator::Cidr, values) }
}

/// `currentTime` is the time of the evaluation, unless the context says otherwise.
fn date_condition(name: &str, after: bool, date: String, time: Timestamp) -> Condition {
    let operator = if after { Operator::After } else { Operator::Before };
    let given = compare(name, operator, [Scalar::Text(date)]);
    if name != "currentTime" {
        return given;
    }
    // Seconds, as in JSONLogic's clock; a date between two of them keeps its fraction.
    #[allow(clippy::cast_precision_loss)] // Milliseconds of any year that has four digits fit.
    let seconds = time.millis() as f64 / 1_000.0;
    let order = if after { ">" } else { "<" };
    let clock = Condition::Logic(Box::new(json!({order: [{"var": "$flagd.timestamp"}, seconds]})));
    let missing = compare(name, Operator::Exists, [Scalar::Bool(false)]);
    Condition::Any(vec![given, Condition::All(vec![missing, clock])])
}

fn predicate(name: &str, operator: Operator) -> Predicate {
    Predicate {
        attribute: name.to_owned(),
        operator,
        values: Vec::new(),
        ignore_case: false,
        lenient: false,
        dialect: Dialect::Usher,
    }
}
