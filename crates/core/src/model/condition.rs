//! Conditions: what a rule or a cohort asks of a context.

use serde::{Deserialize, Serialize};

use serde_json::Value;

use super::{CohortKey, Prerequisite, Rollout};

/// A condition as it is written. Conditions nest up to [`crate::limits::MAX_CONDITION_DEPTH`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawCondition", into = "RawCondition")]
pub enum Condition {
    /// Every one holds; of none: true.
    All(Vec<Condition>),
    /// At least one holds; of none: false.
    Any(Vec<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
    /// The context belongs to the cohort.
    Cohort(CohortKey),
    /// An attribute compared with values.
    Attribute(Predicate),
    /// The context is within a share of all.
    Rollout(Box<Rollout>),
    /// Another flag gives what is asked of it. For rules only: a cohort says who somebody is, not what they get.
    Prerequisite(Box<Prerequisite>),
    /// A JSONLogic expression, for what an imported flag asks that has no counterpart above: arithmetic, texts put
    /// together, comparisons across types. It holds when its value is truthy.
    Logic(Box<Value>),
}

/// One attribute compared with values.
#[derive(Clone, Debug, PartialEq)]
pub struct Predicate {
    /// The attribute's name: `targetingKey`, `venue`, `venue.country`, or any of the context's, nested ones dotted;
    /// [`CURRENT_TIME`] for the time of the evaluation.
    pub attribute: String,
    /// How it is compared.
    pub operator: Operator,
    /// What it is compared with; it holds when one of them fits.
    pub values: Vec<Scalar>,
    /// Whether upper and lower case are the same, by Unicode's full case folding.
    pub ignore_case: bool,
    /// Whose way of comparing is followed.
    pub dialect: Dialect,
}

/// The attribute that nobody lacks where times are compared (`before`, `after`): a context that does not bring its
/// own is asked at the time of the evaluation.
pub const CURRENT_TIME: &str = "currentTime";

/// Another system's way of comparing, where it differs from Usher's own: as with the ways to draw, an imported
/// condition goes on to hold for exactly those for whom it held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Dialect {
    /// Usher's own, see [`Operator`].
    #[default]
    Usher,
    /// flagd's. A list fits nothing, but `contains` finds a text among its elements. A version may leave out minor and
    /// patch, unless it has a suffix; `semverCaret` asks for the same major version, and `semverTilde` for the same
    /// minor version too.
    Flagd,
    /// LaunchDarkly's. `contains` also finds a text within the elements of a list; `before` and `after` want
    /// RFC 3339 to the letter, to the nanosecond, or milliseconds; a version may leave out minor and patch, but has
    /// no `v` in front.
    LaunchDarkly,
    /// GrowthBook's, by its specification 0.12. A list is no text and no number: only `in` and `notIn` ask its
    /// elements. `lt` to `gte` compare numbers with numbers, and texts with texts by their UTF-16 units; versions
    /// are compared as texts whose numbers are padded to five places; `ignoreCase` compares in lower case.
    GrowthBook,
    /// The same of one element of a list (GrowthBook's `$elemMatch` and `$all`): nothing but a list holds.
    GrowthBookElement,
    /// Unleash's. All values are texts: a number or boolean counts as it is written, and a list is missing. Texts that
    /// read as numbers are compared in double precision, and are equal when they differ by less than 2⁻⁵². A version
    /// has all of its parts and no `v`, a time is written as RFC 3339 has it, and with `ignoreCase` texts are the
    /// same when they are in small letters.
    Unleash,
}

impl Dialect {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// A single value to compare with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Scalar {
    /// A boolean.
    Bool(bool),
    /// A number.
    Number(serde_json::Number),
    /// A text.
    Text(String),
}

impl Scalar {
    /// The same in JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self {
            Self::Bool(value) => (*value).into(),
            Self::Number(number) => number.clone().into(),
            Self::Text(text) => text.as_str().into(),
        }
    }
}

/// How an attribute is compared with values.
///
/// A missing attribute makes every operator false but [`Operator::NotIn`]; so does a value whose type does
/// not fit. A list holds when one of its elements does (for `notIn`: when none does); lists within it don't count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)] // The names are the documentation; DESIGN's list, one for one.
pub enum Operator {
    In,
    NotIn,
    Equals,
    Contains,
    StartsWith,
    EndsWith,
    /// A regular expression found anywhere in the text; matched in linear time.
    Matches,
    Lt,
    Lte,
    Gt,
    Gte,
    Before,
    After,
    SemverEq,
    SemverLt,
    SemverLte,
    SemverGt,
    SemverGte,
    /// `~1.2.3`: at least that, below 1.3.0.
    SemverTilde,
    /// `^1.2.3`: at least that, below 2.0.0 (`^0.2.3`: below 0.3.0).
    SemverCaret,
    /// An IP address within one of the networks.
    Cidr,
    /// The attribute is there, or others within it are (`values: [false]`: neither is).
    Exists,
    /// `values: [divisor, remainder, …]`: the number divided leaves one of the remainders.
    Modulo,
}

impl Operator {
    /// Its name in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::NotIn => "notIn",
            Self::Equals => "equals",
            Self::Contains => "contains",
            Self::StartsWith => "startsWith",
            Self::EndsWith => "endsWith",
            Self::Matches => "matches",
            Self::Lt => "lt",
            Self::Lte => "lte",
            Self::Gt => "gt",
            Self::Gte => "gte",
            Self::Before => "before",
            Self::After => "after",
            Self::SemverEq => "semverEq",
            Self::SemverLt => "semverLt",
            Self::SemverLte => "semverLte",
            Self::SemverGt => "semverGt",
            Self::SemverGte => "semverGte",
            Self::SemverTilde => "semverTilde",
            Self::SemverCaret => "semverCaret",
            Self::Cidr => "cidr",
            Self::Exists => "exists",
            Self::Modulo => "modulo",
        }
    }
}

/// The JSON form: exactly one of its alternatives. Read field by field, so that an error deep inside is
/// reported with its path, which an untagged enum can't do.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawCondition {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    all: Option<Vec<Condition>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    any: Option<Vec<Condition>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    not: Option<Box<Condition>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cohort: Option<CohortKey>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attribute: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    op: Option<Operator>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    values: Option<Vec<Scalar>>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    ignore_case: bool,
    #[serde(default, skip_serializing_if = "Dialect::is_default")]
    dialect: Dialect,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rollout: Option<Box<Rollout>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    prerequisite: Option<Box<Prerequisite>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    logic: Option<Box<Value>>,
}

impl TryFrom<RawCondition> for Condition {
    type Error = String;

    fn try_from(raw: RawCondition) -> Result<Self, String> {
        let options = raw.ignore_case || !raw.dialect.is_default();
        let predicate_fields = raw.op.is_some() || raw.values.is_some() || options;
        let alternatives = [
            raw.all.is_some(),
            raw.any.is_some(),
            raw.not.is_some(),
            raw.cohort.is_some(),
            raw.attribute.is_some(),
            raw.rollout.is_some(),
            raw.prerequisite.is_some(),
            raw.logic.is_some(),
        ];
        if alternatives.into_iter().filter(|given| *given).count() != 1
            || (predicate_fields && raw.attribute.is_none())
        {
            return Err("a condition is exactly one of `all`, `any`, `not`, `cohort`, `rollout`, `prerequisite`, `logic`, or `attribute` with `op` and `values`".to_owned());
        }
        if let Some(attribute) = raw.attribute {
            let operator = raw.op.ok_or("a condition on an attribute needs `op`")?;
            if attribute.is_empty() {
                return Err("the attribute's name is empty".to_owned());
            }
            let values = raw.values.unwrap_or_default();
            return Ok(Self::Attribute(Predicate {
                attribute,
                operator,
                values,
                ignore_case: raw.ignore_case,
                dialect: raw.dialect,
            }));
        }
        raw.all
            .map(Self::All)
            .or(raw.any.map(Self::Any))
            .or(raw.not.map(Self::Not))
            .or(raw.cohort.map(Self::Cohort))
            .or(raw.rollout.map(Self::Rollout))
            .or(raw.prerequisite.map(Self::Prerequisite))
            .or(raw.logic.map(Self::Logic))
            .ok_or_else(|| "an empty condition".to_owned())
    }
}

impl From<Condition> for RawCondition {
    fn from(condition: Condition) -> Self {
        let empty = Self::default();
        match condition {
            Condition::All(all) => Self { all: Some(all), ..empty },
            Condition::Any(any) => Self { any: Some(any), ..empty },
            Condition::Not(not) => Self { not: Some(not), ..empty },
            Condition::Cohort(cohort) => Self { cohort: Some(cohort), ..empty },
            Condition::Rollout(rollout) => Self { rollout: Some(rollout), ..empty },
            Condition::Prerequisite(prerequisite) => Self { prerequisite: Some(prerequisite), ..empty },
            Condition::Logic(logic) => Self { logic: Some(logic), ..empty },
            Condition::Attribute(predicate) => Self {
                attribute: Some(predicate.attribute),
                op: Some(predicate.operator),
                values: (!predicate.values.is_empty()).then_some(predicate.values),
                ignore_case: predicate.ignore_case,
                dialect: predicate.dialect,
                ..empty
            },
        }
    }
}

impl Condition {
    /// How deep it nests; a condition without others inside counts 1.
    #[must_use]
    pub fn depth(&self) -> usize {
        match self {
            Self::All(parts) | Self::Any(parts) => 1 + parts.iter().map(Self::depth).max().unwrap_or(0),
            Self::Not(inner) => 1 + inner.depth(),
            Self::Cohort(_)
            | Self::Attribute(_)
            | Self::Rollout(_)
            | Self::Prerequisite(_)
            | Self::Logic(_) => 1,
        }
    }

    /// Calls `visit` with every cohort that it refers to.
    pub fn each_cohort<'a>(&'a self, visit: &mut impl FnMut(&'a CohortKey)) {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.each_cohort(visit)),
            Self::Not(inner) => inner.each_cohort(visit),
            Self::Cohort(cohort) => visit(cohort),
            Self::Attribute(_) | Self::Rollout(_) | Self::Prerequisite(_) | Self::Logic(_) => {}
        }
    }

    /// Calls `visit` with all that it asks of other flags.
    pub fn each_prerequisite<'a>(&'a self, visit: &mut impl FnMut(&'a Prerequisite)) {
        match self {
            Self::All(parts) | Self::Any(parts) => {
                parts.iter().for_each(|part| part.each_prerequisite(visit));
            }
            Self::Not(inner) => inner.each_prerequisite(visit),
            Self::Prerequisite(prerequisite) => visit(prerequisite),
            Self::Cohort(_) | Self::Attribute(_) | Self::Rollout(_) | Self::Logic(_) => {}
        }
    }

    /// Calls `visit` with every attribute name that it asks for.
    pub fn each_attribute<'a>(&'a self, visit: &mut impl FnMut(&'a str)) {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.each_attribute(visit)),
            Self::Not(inner) => inner.each_attribute(visit),
            Self::Cohort(_) | Self::Prerequisite(_) => {}
            Self::Attribute(predicate) => visit(&predicate.attribute),
            Self::Rollout(rollout) => {
                rollout.by.iter().chain(&rollout.fallback).for_each(|name| visit(name));
            }
            Self::Logic(logic) => each_variable(logic, visit),
        }
    }
}

/// Calls `visit` with every attribute that a JSONLogic expression names.
fn each_variable<'a>(logic: &'a Value, visit: &mut impl FnMut(&'a str)) {
    match logic {
        Value::Array(parts) => parts.iter().for_each(|part| each_variable(part, visit)),
        Value::Object(fields) => {
            for (operator, arguments) in fields {
                let name = arguments.as_str().or_else(|| arguments.get(0)?.as_str());
                match (operator.as_str(), name) {
                    ("var", Some(name)) => {
                        visit(name);
                        // Its default may be an expression.
                        if let Some(default) = arguments.get(1) {
                            each_variable(default, visit);
                        }
                    }
                    ("missing" | "missing_some", _) => each_text(arguments, visit),
                    _ => each_variable(arguments, visit),
                }
            }
        }
        _ => {}
    }
}

/// Calls `visit` with every text of a list of names, or of lists of them.
fn each_text<'a>(names: &'a Value, visit: &mut impl FnMut(&'a str)) {
    match names {
        Value::String(name) => visit(name),
        Value::Array(parts) => parts.iter().for_each(|part| each_text(part, visit)),
        _ => {}
    }
}
