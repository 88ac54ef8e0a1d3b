//! Clauses, as conditions.
//!
//! A clause holds when one of its values fits the attribute, or one of the attribute's elements when it is a list. It
//! never holds for a missing attribute, negated or not.

use serde_json::{Map, Value};

use super::{
    Source,
    attribute::{Attribute, Kind, checked_names},
    boolean, list, text,
};
use crate::{
    context::parse_version,
    import::{all_of, any_of, compare, never, not, report::Notes},
    limits::MAX_CONDITION_VALUES,
    model::{Condition, Dialect, Operator, Predicate, Scalar},
    problem::join,
    ruleset::{check_condition, dialect::launch_darkly::Instant},
};

/// Whole numbers from here on are rounded when they are read as doubles.
const FIRST_ROUNDED: f64 = 9_007_199_254_740_992.0;
/// Each pattern is compiled, here and wherever the flag goes.
const MAX_PATTERNS: usize = 100;

/// What a clause asks of an attribute.
struct Asked {
    operator: Operator,
    values: Vec<Scalar>,
    dialect: Dialect,
}

/// All clauses of a rule, as one condition; none at all when it holds for everybody.
pub(super) fn all(
    source: &Source<'_>,
    rule: &Map<String, Value>,
    at: &str,
    notes: &mut Notes,
) -> Option<Vec<Condition>> {
    let at = join(at, "clauses");
    let clauses = list(rule, "clauses", &at, notes);
    let mapped =
        clauses.iter().enumerate().map(|(n, clause)| one(source, clause, &format!("{at}[{n}]"), notes));
    // Each is looked at, so that every reason to refuse the whole is told.
    let mapped: Vec<Option<Condition>> = mapped.collect();
    mapped.into_iter().collect()
}

fn one(source: &Source<'_>, clause: &Value, at: &str, notes: &mut Notes) -> Option<Condition> {
    let Value::Object(fields) = clause else {
        notes.refused(at, "this is not a clause");
        return None;
    };
    super::note_unknown(
        fields,
        &["attribute", "op", "values", "negate", "contextKind", "id", "_id"],
        at,
        notes,
    );
    let Some(values) = fields.get("values").and_then(Value::as_array) else {
        notes.refused(join(at, "values"), "a clause needs a list of values");
        return None;
    };
    let negate = boolean(fields, "negate", &join(at, "negate"), notes);
    let operator = text(fields, "op", &join(at, "op"), notes);
    if operator == "segmentMatch" {
        let any = any_segment(source, values, at, notes);
        return Some(if negate { not(any) } else { any });
    }
    let kind = Kind::read(super::field(fields, "contextKind"), &join(at, "contextKind"), notes)?;
    let reference = text(fields, "attribute", &join(at, "attribute"), notes);
    let is_literal = super::field(fields, "contextKind").is_none();
    let attribute = match Attribute::read(reference, is_literal, &kind) {
        Ok(attribute) => attribute,
        Err(why) => {
            notes.refused(join(at, "attribute"), format!("{why}, so the flag gives an error"));
            return None;
        }
    };
    if attribute == Attribute::Kinds {
        let any = any_kind(source, operator, values, at, notes)?;
        return Some(if negate { not(any) } else { any });
    }
    let asked = asked(operator, values, at, notes)?;
    let names = checked_names(source, &attribute, &kind, &join(at, "attribute"), notes)?;
    on_attribute(source, &attribute, &names, &asked, negate, at, notes)
}

/// Whether a context is in one of the segments named.
fn any_segment(source: &Source<'_>, values: &[Value], at: &str, notes: &mut Notes) -> Condition {
    let mut cohorts = Vec::new();
    for key in values.iter().filter_map(Value::as_str) {
        match source.cohorts.get(key) {
            Some(cohort) => cohorts.push(Condition::Cohort(cohort.clone())),
            None => {
                notes.mapped(join(at, "values"), format!("there is no segment `{key}`, so nobody is in it"));
            }
        }
    }
    any_of(cohorts)
}

/// Whether a context is of one of the kinds named.
fn any_kind(
    source: &Source<'_>,
    operator: &str,
    values: &[Value],
    at: &str,
    notes: &mut Notes,
) -> Option<Condition> {
    if operator != "in" {
        let text =
            format!("the kind of a context can be asked for with `in` only here, not with `{operator}`");
        notes.refused(join(at, "op"), text);
        return None;
    }
    let kinds = values.iter().filter_map(Value::as_str).filter_map(Kind::parse);
    Some(any_of(kinds.map(|kind| kind.is_there(source)).collect()))
}

/// Operator and values in Usher's words. Values that can't fit anything are left out.
fn asked(operator: &str, values: &[Value], at: &str, notes: &mut Notes) -> Option<Asked> {
    let texts = || values.iter().filter_map(Value::as_str).map(|text| Scalar::Text(text.to_owned()));
    let numbers = || {
        values.iter().filter_map(|value| match value {
            Value::Number(number) => Some(Scalar::Number(number.clone())),
            _ => None,
        })
    };
    let own = |operator, values: Vec<Scalar>| Asked { operator, values, dialect: Dialect::Usher };
    let theirs = |operator, values: Vec<Scalar>| Asked { operator, values, dialect: Dialect::LaunchDarkly };
    let times = || texts().chain(numbers()).filter(|value| Instant::from_scalar(value).is_some()).collect();
    let versions = || {
        let is_version =
            |text: &str| text.starts_with(|c: char| c.is_ascii_digit()) && parse_version(text).is_some();
        texts().filter(|value| matches!(value, Scalar::Text(text) if is_version(text))).collect()
    };
    let asked = match operator {
        "in" => own(Operator::In, scalars(values, at, notes)?),
        "startsWith" => own(Operator::StartsWith, texts().collect()),
        "endsWith" => own(Operator::EndsWith, texts().collect()),
        "contains" => theirs(Operator::Contains, texts().collect()),
        "matches" => own(Operator::Matches, texts().collect()),
        "lessThan" => own(Operator::Lt, numbers().collect()),
        "lessThanOrEqual" => own(Operator::Lte, numbers().collect()),
        "greaterThan" => own(Operator::Gt, numbers().collect()),
        "greaterThanOrEqual" => own(Operator::Gte, numbers().collect()),
        "before" => theirs(Operator::Before, times()),
        "after" => theirs(Operator::After, times()),
        "semVerEqual" => theirs(Operator::SemverEq, versions()),
        "semVerLessThan" => theirs(Operator::SemverLt, versions()),
        "semVerGreaterThan" => theirs(Operator::SemverGt, versions()),
        other => {
            notes.refused(join(at, "op"), format!("the operator `{other}` is not known"));
            return None;
        }
    };
    if asked.operator == Operator::Matches && asked.values.len() > MAX_PATTERNS {
        notes.refused(join(at, "values"), format!("there are more than {MAX_PATTERNS} patterns"));
        return None;
    }
    let rounded = |value: &Scalar| matches!(value, Scalar::Number(number) if number.as_f64().is_some_and(|own| own.abs() >= FIRST_ROUNDED));
    if asked.dialect == Dialect::Usher && asked.values.iter().any(rounded) {
        let text = "numbers beyond 2⁵³ are compared exactly here, and were rounded before";
        notes.approximated(join(at, "values"), text);
    }
    Some(asked)
}

fn scalars(values: &[Value], at: &str, notes: &mut Notes) -> Option<Vec<Scalar>> {
    let scalar = |value: &Value| match value {
        Value::String(text) => Some(Scalar::Text(text.clone())),
        Value::Number(number) => Some(Scalar::Number(number.clone())),
        Value::Bool(value) => Some(Scalar::Bool(*value)),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    let scalars: Option<Vec<Scalar>> = values.iter().map(scalar).collect();
    if scalars.is_none() {
        notes.refused(join(at, "values"), "lists, objects and null can't be compared with here");
    }
    scalars
}

fn on_attribute(
    source: &Source<'_>,
    attribute: &Attribute,
    names: &[String],
    asked: &Asked,
    negate: bool,
    at: &str,
    notes: &mut Notes,
) -> Option<Condition> {
    let mut fits: Vec<Condition> = names.iter().map(|name| asked.of(name)).collect();
    if let Some(problem) = fits.iter().find_map(|condition| check_condition(condition).0.into_iter().next()) {
        notes.refused(join(at, "values"), problem.to_string());
        return None;
    }
    if asked.operator == Operator::In && asked.values.contains(&Scalar::Bool(false)) {
        fits.extend(attribute.is_false_for_lack(source));
    }
    if !negate {
        return Some(any_of(fits));
    }
    // What never fits need not be denied.
    fits.retain(|condition| *condition != never());
    let is_there = attribute.is_there(source);
    Some(all_of([is_there].into_iter().chain(fits.into_iter().map(opposite)).collect()))
}

impl Asked {
    /// Asked of the attribute of this name.
    fn of(&self, name: &str) -> Condition {
        if self.values.is_empty() {
            return never();
        }
        let Self { operator, values, dialect } = self;
        let ask = |values: &[Scalar]| {
            Condition::Attribute(Predicate {
                attribute: name.to_owned(),
                operator: *operator,
                values: values.to_vec(),
                ignore_case: false,
                dialect: *dialect,
            })
        };
        any_of(values.chunks(MAX_CONDITION_VALUES).map(ask).collect())
    }
}

/// The opposite, as people would write it.
fn opposite(condition: Condition) -> Condition {
    match condition {
        Condition::Attribute(predicate) if predicate.operator == Operator::In => {
            compare(&predicate.attribute, Operator::NotIn, predicate.values)
        }
        other => not(other),
    }
}
