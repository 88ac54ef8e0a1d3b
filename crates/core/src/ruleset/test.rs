//! Single comparisons: an operator and its values, prepared so that testing an attribute allocates nothing.

use std::{cmp::Ordering, net::IpAddr};

use ipnet::IpNet;
use regex::{Regex, RegexBuilder};
use semver::{Prerelease, Version};

use super::{
    dialect::Foreign,
    values::{Values, compare_numbers, fold},
};
use crate::{
    context::{AttributeValue, attribute_value, parse_version},
    evaluate::Clock,
    limits::{MAX_CONDITION_VALUES, MAX_REGEX_BYTES},
    model::{CURRENT_TIME, Operator, Predicate, Scalar, Timestamp},
    problem::Problem,
};

/// A comparison ready to be made.
#[derive(Clone, Debug)]
pub(crate) enum Test {
    In(Values),
    NotIn(Values),
    Text {
        how: TextTest,
        values: Box<[Box<str>]>,
        ignore_case: bool,
    },
    Matches(Box<[Regex]>),
    Number {
        accept: Accept,
        values: Box<[AttributeValue]>,
    },
    Time {
        accept: Accept,
        values: Box<[Timestamp]>,
        /// Whether the time of the evaluation stands for a missing one.
        clock: bool,
    },
    Version(Box<[VersionRange]>),
    Network(Box<[IpNet]>),
    Exists(bool),
    Modulo {
        divisor: i64,
        remainders: Box<[i64]>,
    },
    /// In another system's way.
    Foreign(Box<Foreign>),
}

/// How two texts are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextTest {
    Contains,
    StartsWith,
    EndsWith,
}

/// Which outcomes of a comparison hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Accept {
    less: bool,
    equal: bool,
    greater: bool,
}

impl Accept {
    pub(super) const LESS: Self = Self { less: true, equal: false, greater: false };
    pub(super) const EQUAL: Self = Self { less: false, equal: true, greater: false };
    pub(super) const LESS_OR_EQUAL: Self = Self { less: true, equal: true, greater: false };
    pub(super) const GREATER: Self = Self { less: false, equal: false, greater: true };
    pub(super) const GREATER_OR_EQUAL: Self = Self { less: false, equal: true, greater: true };

    pub(super) fn holds(self, ordering: Ordering) -> bool {
        match ordering {
            Ordering::Less => self.less,
            Ordering::Equal => self.equal,
            Ordering::Greater => self.greater,
        }
    }
}

/// Versions between two bounds, by semantic-version precedence (build metadata does not count).
#[derive(Clone, Debug)]
pub(crate) struct VersionRange {
    pub(super) lower: Option<(Version, bool)>,
    pub(super) upper: Option<(Version, bool)>,
}

impl VersionRange {
    pub(super) fn contains(&self, version: &Version) -> bool {
        let above = |(bound, inclusive): &(Version, bool)| match version.cmp_precedence(bound) {
            Ordering::Greater => true,
            Ordering::Equal => *inclusive,
            Ordering::Less => false,
        };
        let below = |(bound, inclusive): &(Version, bool)| match version.cmp_precedence(bound) {
            Ordering::Less => true,
            Ordering::Equal => *inclusive,
            Ordering::Greater => false,
        };
        self.lower.as_ref().is_none_or(above) && self.upper.as_ref().is_none_or(below)
    }
}

impl Test {
    pub(crate) fn compile(predicate: &Predicate) -> Result<Self, Problem> {
        check(predicate)?;
        match Foreign::compile(predicate)? {
            Some(foreign) => Ok(Self::Foreign(Box::new(foreign))),
            None => Self::own(predicate),
        }
    }

    /// A comparison in Usher's own way, whatever the dialect.
    pub(super) fn own(predicate: &Predicate) -> Result<Self, Problem> {
        let Predicate { operator, values, ignore_case, .. } = predicate;
        Ok(match operator {
            Operator::In | Operator::Equals => Self::In(Values::new(values, *ignore_case)),
            Operator::NotIn => Self::NotIn(Values::new(values, *ignore_case)),
            Operator::Contains => Self::text(TextTest::Contains, predicate)?,
            Operator::StartsWith => Self::text(TextTest::StartsWith, predicate)?,
            Operator::EndsWith => Self::text(TextTest::EndsWith, predicate)?,
            Operator::Matches => Self::Matches(each(values, |value| pattern(value, *ignore_case))?),
            Operator::Lt => Self::number(Accept::LESS, values)?,
            Operator::Lte => Self::number(Accept::LESS_OR_EQUAL, values)?,
            Operator::Gt => Self::number(Accept::GREATER, values)?,
            Operator::Gte => Self::number(Accept::GREATER_OR_EQUAL, values)?,
            Operator::Before | Operator::After => {
                let accept = if *operator == Operator::Before { Accept::LESS } else { Accept::GREATER };
                Self::Time { accept, values: each(values, time)?, clock: is_clock(predicate) }
            }
            Operator::SemverEq
            | Operator::SemverLt
            | Operator::SemverLte
            | Operator::SemverGt
            | Operator::SemverGte
            | Operator::SemverTilde
            | Operator::SemverCaret => Self::Version(each(values, |value| versions(*operator, value))?),
            Operator::Cidr => Self::Network(each(values, network)?),
            Operator::Exists => match values.as_slice() {
                [] | [Scalar::Bool(true)] => Self::Exists(true),
                [Scalar::Bool(false)] => Self::Exists(false),
                other => {
                    let mend = "Give `[true]`, `[false]` or no value.";
                    return Err(Problem::new("values", show(other), "`exists` takes a boolean", mend));
                }
            },
            Operator::Modulo => {
                let numbers = each(values, whole)?;
                match &*numbers {
                    [divisor, remainders @ ..] if *divisor > 0 && !remainders.is_empty() => {
                        Self::Modulo { divisor: *divisor, remainders: remainders.into() }
                    }
                    _ => {
                        let mend = "Give a divisor above 0 and at least one remainder, `[10, 3]`.";
                        return Err(Problem::new(
                            "values",
                            show(values),
                            "this is not a divisor with remainders",
                            mend,
                        ));
                    }
                }
            }
        })
    }

    fn text(how: TextTest, predicate: &Predicate) -> Result<Self, Problem> {
        let ignore_case = predicate.ignore_case;
        let values = each(&predicate.values, |value| match value {
            Scalar::Text(text) if ignore_case => Ok(fold(text).collect::<String>().into_boxed_str()),
            Scalar::Text(text) => Ok(text.as_str().into()),
            // In a list of numbers, `contains` asks for the number as it is written.
            Scalar::Number(number) if how == TextTest::Contains => Ok(number.to_string().into()),
            other => Err(wrong(other, "this is compared with texts", "Give a text.")),
        })?;
        Ok(Self::Text { how, values, ignore_case })
    }

    fn number(accept: Accept, values: &[Scalar]) -> Result<Self, Problem> {
        let values = each(values, |value| match value {
            Scalar::Number(number) => {
                attribute_value(&number.clone().into()).ok_or_else(|| not_a_number(value))
            }
            other => Err(not_a_number(other)),
        })?;
        Ok(Self::Number { accept, values })
    }

    /// Whether it holds for what was found in the context.
    #[inline]
    pub(crate) fn holds(&self, found: Option<&AttributeValue>, clock: &Clock) -> bool {
        match self {
            Self::In(values) => found.is_some_and(|value| values.contains(value)),
            other => other.holds_otherwise(found, clock),
        }
    }

    /// Not inlined: what is rarer would keep the most usual comparison from being so.
    #[inline(never)]
    fn holds_otherwise(&self, found: Option<&AttributeValue>, clock: &Clock) -> bool {
        match self {
            Self::In(values) => found.is_some_and(|value| values.contains(value)),
            Self::NotIn(values) => !found.is_some_and(|value| values.contains(value)),
            Self::Exists(wanted) => found.is_some() == *wanted,
            Self::Foreign(test) => test.holds(found, clock),
            Self::Time { accept, values, clock: true } if found.is_none() => {
                values.iter().any(|own| accept.holds(clock.now().cmp(own)))
            }
            other => found.is_some_and(|value| other.holds_for(value)),
        }
    }

    fn holds_for(&self, value: &AttributeValue) -> bool {
        if let AttributeValue::List(values) = value {
            return values.iter().any(|value| self.holds_for_element(value));
        }
        self.holds_for_single(value)
    }

    fn holds_for_element(&self, value: &AttributeValue) -> bool {
        match (self, value) {
            // A list contains its elements, not parts of them.
            (Self::Text { how: TextTest::Contains, values, ignore_case }, AttributeValue::Text(text)) => {
                values.iter().any(|own| {
                    if *ignore_case { fold(text.as_str()).eq(own.chars()) } else { **own == *text.as_str() }
                })
            }
            (Self::Text { how: TextTest::Contains, values, .. }, AttributeValue::Integer(number)) => {
                values.iter().any(|own| own.parse() == Ok(*number))
            }
            (_, AttributeValue::List(_)) => false,
            _ => self.holds_for_single(value),
        }
    }

    fn holds_for_single(&self, value: &AttributeValue) -> bool {
        use AttributeValue::{Float, Integer, Text};
        match (self, value) {
            (Self::Text { how, values, ignore_case }, Text(text)) => {
                values.iter().any(|own| text_holds(*how, text.as_str(), own, *ignore_case))
            }
            (Self::Matches(patterns), Text(text)) => {
                patterns.iter().any(|pattern| pattern.is_match(text.as_str()))
            }
            (Self::Number { accept, values }, Integer(_) | Float(_)) => values
                .iter()
                .any(|own| compare_numbers(value, own).is_some_and(|ordering| accept.holds(ordering))),
            (Self::Time { accept, values, .. }, Text(text)) => {
                text.time().is_some_and(|time| values.iter().any(|own| accept.holds(time.cmp(own))))
            }
            (Self::Time { accept, values, .. }, Integer(millis)) => {
                values.iter().any(|own| accept.holds(Timestamp::from_millis(*millis).cmp(own)))
            }
            (Self::Version(ranges), Text(text)) => {
                text.version().is_some_and(|version| ranges.iter().any(|range| range.contains(version)))
            }
            (Self::Network(networks), Text(text)) => text
                .as_str()
                .parse::<IpAddr>()
                .is_ok_and(|address| networks.iter().any(|own| own.contains(&address))),
            (Self::Modulo { divisor, remainders }, Integer(number)) => {
                remainders.contains(&number.rem_euclid(*divisor))
            }
            _ => false,
        }
    }
}

/// What holds for every dialect: how many values there may be, and what has upper and lower case.
fn check(predicate: &Predicate) -> Result<(), Problem> {
    let Predicate { operator, values, ignore_case, .. } = predicate;
    if values.len() > MAX_CONDITION_VALUES {
        let mend = format!("Keep at most {MAX_CONDITION_VALUES}, or use a cohort.");
        return Err(Problem::new("values", values.len(), "too many values", mend));
    }
    if values.is_empty() && !matches!(operator, Operator::In | Operator::NotIn | Operator::Exists) {
        let detail = format!("`{}` needs at least one value", operator.as_str());
        return Err(Problem::new("values", "[]", detail, "Give a value to compare with."));
    }
    let folds = matches!(
        operator,
        Operator::In
            | Operator::NotIn
            | Operator::Equals
            | Operator::Contains
            | Operator::StartsWith
            | Operator::EndsWith
            | Operator::Matches
    );
    if *ignore_case && !folds {
        let detail = format!("`{}` has no upper and lower case to ignore", operator.as_str());
        return Err(Problem::new("ignoreCase", true, detail, "Leave `ignoreCase` out."));
    }
    Ok(())
}

/// Whether it compares with the time of the evaluation, unless the context brings its own.
pub(crate) fn is_clock(predicate: &Predicate) -> bool {
    predicate.attribute == CURRENT_TIME && matches!(predicate.operator, Operator::Before | Operator::After)
}

pub(super) fn text_holds(how: TextTest, text: &str, own: &str, ignore_case: bool) -> bool {
    if !ignore_case {
        return match how {
            TextTest::Contains => text.contains(own),
            TextTest::StartsWith => text.starts_with(own),
            TextTest::EndsWith => text.ends_with(own),
        };
    }
    folded_holds(how, fold(text), own)
}

/// As [`text_holds`], of the characters of a text whose case was taken away, and a text whose case was too.
pub(super) fn folded_holds(how: TextTest, folded: impl Iterator<Item = char> + Clone, own: &str) -> bool {
    let starts =
        |mut rest: &mut dyn Iterator<Item = char>| own.chars().all(|c| (&mut rest).next() == Some(c));
    match how {
        TextTest::StartsWith => starts(&mut folded.clone()),
        TextTest::Contains => {
            let mut rest = folded;
            loop {
                if starts(&mut rest.clone()) {
                    return true;
                }
                if rest.next().is_none() {
                    return false;
                }
            }
        }
        TextTest::EndsWith => {
            let length = own.chars().count();
            let count = folded.clone().count();
            count >= length && folded.skip(count - length).eq(own.chars())
        }
    }
}

pub(super) fn each<T>(
    values: &[Scalar],
    mut read: impl FnMut(&Scalar) -> Result<T, Problem>,
) -> Result<Box<[T]>, Problem> {
    values
        .iter()
        .enumerate()
        .map(|(n, value)| read(value).map_err(|found| found.within(&format!("values[{n}]"))))
        .collect()
}

pub(super) fn pattern(value: &Scalar, ignore_case: bool) -> Result<Regex, Problem> {
    let Scalar::Text(text) = value else {
        return Err(wrong(value, "a pattern is a text", "Give a regular expression."));
    };
    RegexBuilder::new(text).case_insensitive(ignore_case).size_limit(MAX_REGEX_BYTES).build().map_err(
        |error| {
            let reason = error.to_string().lines().last().unwrap_or_default().trim().to_owned();
            let mend = "Correct the pattern; look-around and back-references are not supported.";
            wrong(value, &format!("this is not a usable regular expression ({reason})"), mend)
        },
    )
}

pub(super) fn time(value: &Scalar) -> Result<Timestamp, Problem> {
    let read = match value {
        Scalar::Text(text) => text.parse().ok(),
        Scalar::Number(number) => number.as_i64().map(Timestamp::from_millis),
        Scalar::Bool(_) => None,
    };
    read.ok_or_else(|| {
        wrong(
            value,
            "this is not a time",
            "Give RFC 3339 (`2026-12-31T19:30:00Z`) or milliseconds since 1970.",
        )
    })
}

pub(super) fn network(value: &Scalar) -> Result<IpNet, Problem> {
    let read = match value {
        Scalar::Text(text) => text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from)),
        _ => None,
    };
    read.ok_or_else(|| {
        wrong(value, "this is not a network", "Give CIDR notation, `10.1.0.0/16`, or one address.")
    })
}

fn whole(value: &Scalar) -> Result<i64, Problem> {
    match value {
        Scalar::Number(number) => number.as_i64(),
        _ => None,
    }
    .ok_or_else(|| wrong(value, "this is not a whole number", "Give a whole number."))
}

pub(super) fn versions(operator: Operator, value: &Scalar) -> Result<VersionRange, Problem> {
    let Some(version) = (match value {
        Scalar::Text(text) => parse_version(text),
        _ => None,
    }) else {
        return Err(wrong(value, "this is not a semantic version", "Give a version such as `3.2.0`."));
    };
    let at = |inclusive| Some((version.clone(), inclusive));
    Ok(match operator {
        Operator::SemverLt => VersionRange { lower: None, upper: at(false) },
        Operator::SemverLte => VersionRange { lower: None, upper: at(true) },
        Operator::SemverGt => VersionRange { lower: at(false), upper: None },
        Operator::SemverGte => VersionRange { lower: at(true), upper: None },
        Operator::SemverTilde => {
            VersionRange { lower: at(true), upper: ceiling(version.major, version.minor.checked_add(1)) }
        }
        Operator::SemverCaret => {
            let upper = match (version.major, version.minor) {
                (0, 0) => version.patch.checked_add(1).map(|patch| (bare(0, 0, patch), false)),
                (0, minor) => ceiling(0, minor.checked_add(1)),
                (major, _) => major.checked_add(1).map(|major| (bare(major, 0, 0), false)),
            };
            VersionRange { lower: at(true), upper }
        }
        _ => VersionRange { lower: at(true), upper: at(true) },
    })
}

pub(super) fn ceiling(major: u64, minor: Option<u64>) -> Option<(Version, bool)> {
    minor.map(|minor| (bare(major, minor, 0), false))
}

/// The lowest of a version's pre-releases, so that those of the version above a range stay outside it.
fn bare(major: u64, minor: u64, patch: u64) -> Version {
    let pre = Prerelease::new("0").unwrap_or(Prerelease::EMPTY);
    Version { pre, ..Version::new(major, minor, patch) }
}

fn not_a_number(value: &Scalar) -> Problem {
    wrong(value, "this is not a number", "Give a number.")
}

pub(super) fn wrong(value: &Scalar, detail: &str, mend: &str) -> Problem {
    Problem::new("", show(std::slice::from_ref(value)), detail, mend)
}

fn show(values: &[Scalar]) -> String {
    let texts: Vec<String> = values.iter().map(|v| serde_json::to_string(v).unwrap_or_default()).collect();
    texts.join(", ")
}
