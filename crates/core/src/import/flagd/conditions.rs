//! Conditions: what of an expression's truth Usher's own conditions say exactly alike, for every context.
//!
//! JSONLogic compares across types (`"1" == 1`, `null < 5`), which Usher's comparisons do not, so only those
//! comparisons are native in which no other type can make a difference, in flagd's dialect. All else stays an
//! expression.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Fractional, Options, Refusal, attribute, draws, operation, within};
use crate::{
    import::{all_of, any_of, not},
    limits::MAX_CONDITION_VALUES,
    model::{Condition, Dialect, Operator, Predicate, Scalar},
    ruleset::{check_condition, spells_number},
};

/// How deep native conditions are let nest: less than they may, for they stand beside others.
const MAX_NATIVE_DEPTH: usize = 10;
/// Whole numbers below this are the same in double precision as they are written.
const EXACT: u64 = 1 << 53;

/// Reads conditions of one flag.
pub(super) struct Conditions<'f> {
    pub(super) flag: &'f str,
    pub(super) fractional: Fractional,
    /// Where expressions were kept as they are.
    pub(super) kept: Vec<String>,
    /// Whether an attribute has the name of a field of the venue, which means something else here.
    pub(super) venue: bool,
    rename: &'f BTreeMap<String, String>,
}

impl<'f> Conditions<'f> {
    pub(super) fn new(flag: &'f str, options: &'f Options) -> Self {
        let Options { fractional, rename, .. } = options;
        Self { flag, fractional: *fractional, kept: Vec::new(), venue: false, rename }
    }

    /// Notes that an attribute is asked for.
    pub(super) fn asks(&mut self, name: &str) {
        self.venue |= self.rename.get(name).map_or(name, String::as_str).starts_with("venue.");
    }

    /// When `value` is truthy.
    pub(super) fn read(&mut self, value: &Value, at: &str) -> Result<Condition, Refusal> {
        let condition = self.condition(value, at, 0)?;
        condition.each_attribute(&mut |name| self.asks(name));
        Ok(condition)
    }

    fn condition(&mut self, value: &Value, at: &str, depth: usize) -> Result<Condition, Refusal> {
        if let Some(constant) = truth(value) {
            return Ok(if constant { Condition::All(Vec::new()) } else { Condition::Any(Vec::new()) });
        }
        if depth < MAX_NATIVE_DEPTH
            && let Some((operator, parts)) = operation(value)
        {
            match (operator, parts) {
                ("and", [_, ..]) => return Ok(all_of(self.each(operator, parts, at, depth)?)),
                ("or", [_, ..]) => return Ok(any_of(self.each(operator, parts, at, depth)?)),
                ("!", [only]) => return Ok(not(self.condition(only, &within(at, "!", 0), depth + 1)?)),
                ("!!", [only]) if operation(only).is_some_and(|(inner, _)| inner != "var") => {
                    return self.condition(only, &within(at, "!!", 0), depth);
                }
                ("if" | "?:", [condition, then, otherwise]) if is_small(condition) => {
                    let holds = self.condition(condition, &within(at, operator, 0), depth + 2)?;
                    let then = self.condition(then, &within(at, operator, 1), depth + 2)?;
                    let otherwise = self.condition(otherwise, &within(at, operator, 2), depth + 2)?;
                    let parts = [vec![holds.clone(), then], vec![not(holds), otherwise]];
                    return Ok(any_of(parts.map(all_of).into()));
                }
                _ => {}
            }
            let native = comparison(operator, parts);
            if let Some(native) = native.or_else(|| draws::share(self.flag, operator, parts, self.fractional))
            {
                return Ok(native);
            }
        }
        self.logic(value, at)
    }

    fn each(
        &mut self,
        operator: &str,
        parts: &[Value],
        at: &str,
        depth: usize,
    ) -> Result<Vec<Condition>, Refusal> {
        let read = |(n, part)| self.condition(part, &within(at, operator, n), depth + 1);
        parts.iter().enumerate().map(read).collect()
    }

    /// The expression as it is, but for draws, whose keys are written out.
    pub(super) fn logic(&mut self, value: &Value, at: &str) -> Result<Condition, Refusal> {
        let condition = Condition::Logic(Box::new(draws::explicit(self.flag, value, self.fractional)));
        if let Some(problem) = check_condition(&condition).0.into_iter().next() {
            let inner = problem.field.strip_prefix("logic").unwrap_or(&problem.field);
            let at = format!(
                "{at}{}{inner}",
                if inner.is_empty() || inner.starts_with(['.', '[']) { "" } else { "." }
            );
            return Err(Refusal::new(at, problem.detail));
        }
        self.kept.push(at.to_owned());
        Ok(condition)
    }
}

/// Whether a literal is truthy; `None` for what is none.
fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Null => Some(false),
        Value::Bool(value) => Some(*value),
        Value::Number(number) => Some(number.as_f64().is_some_and(|number| number != 0.0)),
        Value::String(text) => Some(!text.is_empty()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

/// Whether a condition may be written twice.
fn is_small(value: &Value) -> bool {
    let parts = operation(value).map_or(&[][..], |(_, parts)| parts);
    parts.len() <= 3 && parts.iter().all(|part| attribute(part).is_some() || !part.is_object())
}

fn comparison(operator: &str, parts: &[Value]) -> Option<Condition> {
    let [a, b] = parts else { return sem_ver(operator, parts) };
    match operator {
        "==" => equal(a, b, false),
        "===" => equal(a, b, true),
        "!=" => equal(a, b, false).map(not),
        "!==" => equal(a, b, true).map(not),
        "in" => is_in(a, b),
        "starts_with" => {
            Some(single(attribute(a)?, Operator::StartsWith, Scalar::Text(b.as_str()?.to_owned())))
        }
        "ends_with" => Some(single(attribute(a)?, Operator::EndsWith, Scalar::Text(b.as_str()?.to_owned()))),
        _ => None,
    }
}

fn compare(attribute: &str, operator: Operator, values: Vec<Scalar>) -> Condition {
    Condition::Attribute(Predicate {
        attribute: attribute.to_owned(),
        operator,
        values,
        ignore_case: false,
        dialect: Dialect::Flagd,
    })
}

fn single(attribute: &str, operator: Operator, value: Scalar) -> Condition {
    compare(attribute, operator, vec![value])
}

/// A literal that compares strictly as Usher compares.
fn scalar(value: &Value) -> Option<Scalar> {
    match value {
        Value::Bool(value) => Some(Scalar::Bool(*value)),
        Value::String(text) => Some(Scalar::Text(text.clone())),
        Value::Number(number) => {
            let exact = match (number.as_i64(), number.as_u64()) {
                (Some(whole), _) => whole.unsigned_abs() < EXACT,
                (None, Some(_)) => false,
                (None, None) => number.as_f64().is_some_and(|number| number.abs() < 9e15),
            };
            exact.then(|| Scalar::Number(number.clone()))
        }
        _ => None,
    }
}

fn equal(a: &Value, b: &Value, strict: bool) -> Option<Condition> {
    let (attribute, literal) = match (attribute(a), attribute(b)) {
        (Some(name), None) => (name, b),
        (None, Some(name)) => (name, a),
        _ => return None,
    };
    let literal = match literal {
        // Loosely, a text that is no number equals itself only; a number or a boolean equals texts, too.
        Value::String(text) if !strict && spells_number(text) => return None,
        Value::String(_) => scalar(literal)?,
        literal if strict => scalar(literal)?,
        _ => return None,
    };
    Some(single(attribute, Operator::Equals, literal))
}

fn is_in(needle: &Value, haystack: &Value) -> Option<Condition> {
    match (attribute(needle), haystack, needle, attribute(haystack)) {
        (Some(name), Value::Array(values), ..) if values.len() <= MAX_CONDITION_VALUES => {
            let values = values.iter().map(scalar).collect::<Option<Vec<_>>>()?;
            Some(compare(name, Operator::In, values))
        }
        // In a text, or among the elements of a list.
        (None, _, Value::String(part), Some(name)) => {
            Some(single(name, Operator::Contains, Scalar::Text(part.clone())))
        }
        _ => None,
    }
}

fn sem_ver(operator: &str, parts: &[Value]) -> Option<Condition> {
    let ("sem_ver", [version, Value::String(how), Value::String(other)]) = (operator, parts) else {
        return None;
    };
    let name = attribute(version)?;
    let is = |operator| single(name, operator, Scalar::Text(other.clone()));
    let condition = match how.as_str() {
        "=" => is(Operator::SemverEq),
        // What is no version is not another one.
        "!=" => any_of(vec![is(Operator::SemverLt), is(Operator::SemverGt)]),
        "<" => is(Operator::SemverLt),
        "<=" => is(Operator::SemverLte),
        ">" => is(Operator::SemverGt),
        ">=" => is(Operator::SemverGte),
        "^" => is(Operator::SemverCaret),
        "~" => is(Operator::SemverTilde),
        _ => return None,
    };
    // A literal that is no version compares with nothing: that only an expression can say.
    check_condition(&condition).is_empty().then_some(condition)
}
