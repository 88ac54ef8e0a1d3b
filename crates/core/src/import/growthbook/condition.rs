//! Targeting conditions: MongoDB's way to ask, with GrowthBook's way to compare.
//!
//! A missing attribute is null. A condition that GrowthBook could not make sense of fails as a whole, whatever stands
//! around it, so it is refused here.

use serde_json::{Map, Value};

use super::groups::Groups;
use crate::{
    import::{Options, all_of, any_of, check_name, compare, never, not, report::Notes},
    limits::{MAX_CONDITION_VALUES, MAX_CONTEXT_DEPTH},
    model::{Condition, Dialect, Operator, Predicate, Scalar},
    problem::join,
    ruleset::check_condition,
};

/// Whole numbers from here on are rounded when they are read as doubles.
const FIRST_ROUNDED: f64 = 9_007_199_254_740_992.0;

/// Conditions on their way.
pub(super) struct Asking<'a, 'v> {
    pub(super) options: &'a Options,
    /// Saved groups; none where they can't be asked for.
    pub(super) groups: Option<&'a mut Groups<'v>>,
    pub(super) notes: &'a mut Notes,
}

impl Asking<'_, '_> {
    /// A whole condition: all of its entries.
    pub(super) fn condition(&mut self, condition: &Value, at: &str) -> Option<Condition> {
        let Value::Object(entries) = condition else {
            self.notes.refused(at, "this is not a condition");
            return None;
        };
        // Each is looked at, so that every reason to refuse the whole is told.
        let mapped: Vec<Option<Condition>> =
            entries.iter().map(|(name, value)| self.entry(name, value, &join(at, name))).collect();
        mapped.into_iter().collect::<Option<Vec<_>>>().map(all_of)
    }

    fn entry(&mut self, name: &str, value: &Value, at: &str) -> Option<Condition> {
        match name {
            // Of none: true, as GrowthBook has it.
            "$or" => {
                self.several(value, at).map(|all| if all.is_empty() { all_of(all) } else { any_of(all) })
            }
            "$nor" => {
                self.several(value, at).map(|all| if all.is_empty() { never() } else { not(any_of(all)) })
            }
            "$and" => self.several(value, at).map(all_of),
            "$not" => self.condition(value, at).map(not),
            "$savedGroup" => self.saved_group(value, at),
            _ if name.starts_with('$') => self.unknown(name, at),
            path => {
                if !check_path(path, self.options, at, self.notes) {
                    return None;
                }
                self.value(path, value, at)
            }
        }
    }

    fn several(&mut self, conditions: &Value, at: &str) -> Option<Vec<Condition>> {
        let Value::Array(conditions) = conditions else {
            self.notes.refused(at, "this is not a list of conditions");
            return None;
        };
        let mapped: Vec<Option<Condition>> = conditions
            .iter()
            .enumerate()
            .map(|(n, one)| self.condition(one, &format!("{at}[{n}]")))
            .collect();
        mapped.into_iter().collect()
    }

    fn unknown(&mut self, operator: &str, at: &str) -> Option<Condition> {
        self.notes.refused(at, format!("the operator `{operator}` is not known in this place"));
        None
    }

    /// What is asked of one attribute: operators, or a value that it has to be.
    fn value(&mut self, path: &str, value: &Value, at: &str) -> Option<Condition> {
        match value {
            Value::Object(operators) if operators.keys().all(|name| name.starts_with('$')) => {
                self.operators(path, operators, at)
            }
            Value::Object(_) => {
                self.notes.refused(at, "an attribute can't be compared with a whole object here");
                None
            }
            Value::Array(_) => {
                self.notes.refused(at, "an attribute can't be compared with a whole list here");
                None
            }
            single => self.equals(path, single, at),
        }
    }

    fn operators(&mut self, path: &str, operators: &Map<String, Value>, at: &str) -> Option<Condition> {
        let mapped: Vec<Option<Condition>> =
            operators.iter().map(|(name, value)| self.operator(path, name, value, &join(at, name))).collect();
        mapped.into_iter().collect::<Option<Vec<_>>>().map(all_of)
    }

    fn operator(&mut self, path: &str, operator: &str, value: &Value, at: &str) -> Option<Condition> {
        match operator {
            "$not" => self.value(path, value, at).map(not),
            "$ne" => self.equals(path, value, at).map(not),
            "$nin" | "$nini" if !value.is_array() => Some(never()),
            "$nin" => self.positive(path, "$in", value, Dialect::GrowthBook, at).map(opposite),
            "$nini" => self.positive(path, "$ini", value, Dialect::GrowthBook, at).map(not),
            "$notRegex" => self.positive(path, "$regex", value, Dialect::GrowthBook, at).map(not),
            "$notRegexi" => self.positive(path, "$regexi", value, Dialect::GrowthBook, at).map(not),
            "$vne" => self.positive(path, "$veq", value, Dialect::GrowthBook, at).map(not),
            "$exists" => match value {
                Value::Bool(wanted) => Some(exists(path, *wanted)),
                _ => {
                    self.notes.refused(at, "this is neither true nor false");
                    None
                }
            },
            "$type" => self.has_type(path, value, at),
            "$all" => self.all(path, value, false, at),
            "$alli" => self.all(path, value, true, at),
            "$elemMatch" => match value {
                Value::Object(operators) => self.element(path, operators, at),
                _ => Some(never()),
            },
            "$size" => {
                self.notes.refused(at, "how long a list is can't be asked here");
                None
            }
            "$inGroup" => self.in_group(path, value, at).map(|found| found.unwrap_or_else(never)),
            "$notInGroup" => self.in_group(path, value, at).map(|found| found.map_or_else(never, not)),
            _ => self.positive(path, operator, value, Dialect::GrowthBook, at),
        }
    }

    /// An operator that asks for something to be there: of an attribute, or of one element of a list.
    fn positive(
        &mut self,
        path: &str,
        operator: &str,
        value: &Value,
        dialect: Dialect,
        at: &str,
    ) -> Option<Condition> {
        let single = scalar(value);
        let ask = |operator, values, ignore_case| Ask { operator, values, ignore_case, dialect };
        let ordered = |operator| match &single {
            Some(own @ (Scalar::Number(_) | Scalar::Text(_))) => ask(operator, vec![own.clone()], false),
            _ => ask(operator, Vec::new(), false),
        };
        let asked = match operator {
            "$eq" if dialect == Dialect::GrowthBook && value.is_null() => return Some(exists(path, false)),
            "$eq" => ask(Operator::Equals, single.into_iter().collect(), false),
            "$in" | "$ini" => return self.is_in(path, value, operator == "$ini", dialect, at),
            "$gt" => ordered(Operator::Gt),
            "$gte" => ordered(Operator::Gte),
            "$lt" => ordered(Operator::Lt),
            "$lte" => ordered(Operator::Lte),
            "$regex" | "$regexi" => {
                let pattern = single.filter(|own| matches!(own, Scalar::Text(_)));
                ask(Operator::Matches, pattern.into_iter().collect(), operator == "$regexi")
            }
            "$veq" | "$vgt" | "$vgte" | "$vlt" | "$vlte" => {
                if value.is_number() {
                    self.notes.refused(at, "a version that is a number can't be compared with here");
                    return None;
                }
                let operator = match operator {
                    "$veq" => Operator::SemverEq,
                    "$vgt" => Operator::SemverGt,
                    "$vgte" => Operator::SemverGte,
                    "$vlt" => Operator::SemverLt,
                    _ => Operator::SemverLte,
                };
                let version = single.filter(|own| matches!(own, Scalar::Text(_)));
                ask(operator, version.into_iter().collect(), false)
            }
            _ => return self.unknown(operator, at),
        };
        self.ask(path, asked, at)
    }

    fn equals(&mut self, path: &str, value: &Value, at: &str) -> Option<Condition> {
        self.positive(path, "$eq", value, Dialect::GrowthBook, at)
    }

    /// One of several values. Lists and objects are never the same as any other.
    fn is_in(
        &mut self,
        path: &str,
        value: &Value,
        ignore_case: bool,
        dialect: Dialect,
        at: &str,
    ) -> Option<Condition> {
        let Value::Array(members) = value else { return Some(never()) };
        let values: Vec<Scalar> = members.iter().filter_map(scalar).collect();
        // Where case matters, Usher's own way is the same, and what people know.
        let own = dialect == Dialect::GrowthBook && !ignore_case;
        let dialect = if own { Dialect::Usher } else { dialect };
        let fits = self.ask(path, Ask { operator: Operator::In, values, ignore_case, dialect }, at)?;
        if dialect == Dialect::GrowthBookElement || !members.contains(&Value::Null) {
            return Some(fits);
        }
        self.notes.approximated(at, "null is what is missing; a null within a list is not found here");
        Some(any_of(
            [exists(path, false)].into_iter().chain(Some(fits).filter(|own| *own != never())).collect(),
        ))
    }

    /// A list that has each of the values.
    fn all(&mut self, path: &str, value: &Value, ignore_case: bool, at: &str) -> Option<Condition> {
        let Value::Array(values) = value else { return Some(never()) };
        if values.is_empty() {
            self.notes.refused(at, "whether something is a list at all can't be asked here");
            return None;
        }
        let mut all = Some(Vec::new());
        for (n, value) in values.iter().enumerate() {
            let at = format!("{at}[{n}]");
            let mapped = match (value, scalar(value)) {
                (_, Some(single)) => {
                    let ignore_case = ignore_case && matches!(single, Scalar::Text(_));
                    let dialect = Dialect::GrowthBookElement;
                    self.ask(
                        path,
                        Ask { operator: Operator::Equals, values: vec![single], ignore_case, dialect },
                        &at,
                    )
                }
                (Value::Object(operators), _) => self.element(path, operators, &at),
                _ => {
                    self.notes.refused(&at, "this can't be looked for in a list here");
                    None
                }
            };
            all = all.zip(mapped).map(|(mut all, mapped)| {
                all.push(mapped);
                all
            });
        }
        all.map(all_of)
    }

    /// One element of a list for which a single operator holds. Several would have to hold for the same one.
    fn element(&mut self, path: &str, operators: &Map<String, Value>, at: &str) -> Option<Condition> {
        match (operators.iter().next(), operators.len()) {
            (Some((operator, value)), 1) if operator.starts_with('$') => {
                self.positive(path, operator, value, Dialect::GrowthBookElement, &join(at, operator))
            }
            _ => {
                self.notes.refused(at, "of the elements of a list, only one thing can be asked here");
                None
            }
        }
    }

    fn has_type(&mut self, path: &str, value: &Value, at: &str) -> Option<Condition> {
        let ask = |operator, values: Vec<Scalar>| Ask {
            operator,
            values,
            ignore_case: false,
            dialect: Dialect::GrowthBook,
        };
        let asked = match value.as_str() {
            Some("string") => ask(Operator::Matches, vec![Scalar::Text(String::new())]),
            Some("boolean") => ask(Operator::Equals, vec![Scalar::Bool(true), Scalar::Bool(false)]),
            Some("number") => ask(
                Operator::Gte,
                serde_json::Number::from_f64(f64::MIN).map(Scalar::Number).into_iter().collect(),
            ),
            Some("null") => return Some(exists(path, false)),
            Some("array" | "object") => {
                self.notes.refused(at, "whether something is a list or an object can't be asked here");
                return None;
            }
            // There is no such type. What is missing is null, not undefined.
            _ => return Some(never()),
        };
        self.ask(path, asked, at)
    }

    /// Whether an attribute is one of those in a group; `None` when nobody is, asked either way.
    fn in_group(&mut self, path: &str, group: &Value, at: &str) -> Option<Option<Condition>> {
        let Some(id) = group.as_str() else { return Some(None) };
        match &mut self.groups {
            Some(groups) => groups.listed(id, path, self.options, at, self.notes),
            None => self.unknown("$inGroup", at).map(Some),
        }
    }

    fn saved_group(&mut self, reference: &Value, at: &str) -> Option<Condition> {
        match &mut self.groups {
            Some(groups) => {
                let found = groups.referred(reference, self.options, at, self.notes)?;
                Some(found.unwrap_or_else(never))
            }
            None => self.unknown("$savedGroup", at),
        }
    }

    /// A comparison; of no value, what never holds.
    fn ask(&mut self, path: &str, asked: Ask, at: &str) -> Option<Condition> {
        let Ask { operator, values, ignore_case, dialect } = asked;
        if values.is_empty() {
            return Some(never());
        }
        let rounded = |value: &Scalar| matches!(value, Scalar::Number(number) if number.as_f64().is_some_and(|own| own.abs() >= FIRST_ROUNDED && own != f64::MIN));
        if values.iter().any(rounded) {
            let text = "numbers beyond 2⁵³ are compared exactly here, and were rounded before";
            self.notes.approximated(at, text);
        }
        let one = |values: &[Scalar]| {
            Condition::Attribute(Predicate {
                attribute: path.to_owned(),
                operator,
                values: values.to_vec(),
                ignore_case,
                dialect,
            })
        };
        let condition = any_of(values.chunks(MAX_CONDITION_VALUES).map(one).collect());
        match check_condition(&condition).0.first() {
            None => Some(condition),
            Some(problem) => {
                self.notes.refused(at, problem.to_string());
                None
            }
        }
    }
}

/// Whether an attribute's path can be followed; noted, when it can't. One that may lead into a list can't be.
pub(super) fn check_path(path: &str, options: &Options, at: &str, notes: &mut Notes) -> bool {
    let parts: Vec<&str> = path.split('.').collect();
    let is_index = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let into_list = parts.iter().skip(1).any(|part| is_index(part))
        || (parts.len() > 1 && parts.last() == Some(&"length"));
    let why = if into_list {
        "a path that may lead into a list can't be followed here"
    } else if parts.len() > MAX_CONTEXT_DEPTH {
        "this path goes deeper than a context can be here"
    } else if parts.iter().any(|part| part.is_empty()) {
        "an attribute without a name can't be asked for here"
    } else {
        return check_name(path, options, at, notes);
    };
    notes.refused(at, why);
    false
}

/// What is asked of an attribute.
struct Ask {
    operator: Operator,
    values: Vec<Scalar>,
    ignore_case: bool,
    dialect: Dialect,
}

pub(super) fn scalar(value: &Value) -> Option<Scalar> {
    match value {
        Value::Bool(value) => Some(Scalar::Bool(*value)),
        Value::Number(number) => Some(Scalar::Number(number.clone())),
        Value::String(text) => Some(Scalar::Text(text.clone())),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn exists(path: &str, wanted: bool) -> Condition {
    compare(path, Operator::Exists, (!wanted).then_some(Scalar::Bool(false)))
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
