//! GrowthBook's comparisons, by the specification 0.12 of its SDKs: nothing is converted between types, a list is
//! neither text nor number, texts have an order too, and versions are texts whose numbers are padded.

use std::cmp::Ordering;

use regex::Regex;

use super::not_its_own;
use crate::{
    context::AttributeValue,
    evaluate::Clock,
    model::{Operator, Predicate, Scalar},
    problem::Problem,
    ruleset::{
        test::{Accept, Test, each, pattern, wrong},
        values::{Values, compare_numbers},
    },
};

/// Numbers within a version are padded to so many places.
const PLACES: usize = 5;

/// One comparison with the value as it is.
#[derive(Clone, Debug)]
pub(crate) enum Comparison {
    /// The same value; never a list.
    Equals(Values),
    /// The same text in lower case, or the same other value. A list may be asked element by element.
    Lower {
        texts: Box<[Box<str>]>,
        others: Values,
        elements: bool,
    },
    /// Text by text, number by number.
    Order {
        accept: Accept,
        texts: Box<[Box<str>]>,
        numbers: Box<[AttributeValue]>,
    },
    Matches(Box<[Regex]>),
    Version {
        accept: Accept,
        values: Box<[Box<[u16]>]>,
    },
    /// Where Usher's way is the same.
    Own(Box<Test>),
}

impl Comparison {
    pub(super) fn compile(predicate: &Predicate) -> Result<Option<Self>, Problem> {
        let Predicate { operator, values, ignore_case, .. } = predicate;
        let order = |accept| Self::order(accept, values).map(Some);
        let version = |accept| {
            let values = each(values, version)?;
            Ok(Some(Self::Version { accept, values }))
        };
        match operator {
            Operator::In | Operator::Equals if *ignore_case => {
                let texts = values.iter().filter_map(|value| match value {
                    Scalar::Text(text) => Some(text.to_lowercase().into_boxed_str()),
                    _ => None,
                });
                let others: Vec<Scalar> =
                    values.iter().filter(|value| !matches!(value, Scalar::Text(_))).cloned().collect();
                Ok(Some(Self::Lower {
                    texts: texts.collect(),
                    others: Values::new(&others, false),
                    elements: *operator == Operator::In,
                }))
            }
            Operator::Equals => Ok(Some(Self::Equals(Values::new(values, false)))),
            Operator::In => Ok(None),
            Operator::NotIn if !ignore_case => Ok(None),
            Operator::Matches => Ok(Some(Self::Matches(each(values, |value| pattern(value, *ignore_case))?))),
            Operator::Lt => order(Accept::LESS),
            Operator::Lte => order(Accept::LESS_OR_EQUAL),
            Operator::Gt => order(Accept::GREATER),
            Operator::Gte => order(Accept::GREATER_OR_EQUAL),
            Operator::SemverEq => version(Accept::EQUAL),
            Operator::SemverLt => version(Accept::LESS),
            Operator::SemverLte => version(Accept::LESS_OR_EQUAL),
            Operator::SemverGt => version(Accept::GREATER),
            Operator::SemverGte => version(Accept::GREATER_OR_EQUAL),
            _ => Err(not_its_own(predicate)),
        }
    }

    fn order(accept: Accept, values: &[Scalar]) -> Result<Self, Problem> {
        let (mut texts, mut numbers) = (Vec::new(), Vec::new());
        for value in values {
            match value {
                Scalar::Text(text) => texts.push(text.as_str().into()),
                Scalar::Number(number) => {
                    let whole = number.as_i64().map(AttributeValue::Integer);
                    numbers.extend(whole.or_else(|| number.as_f64().map(AttributeValue::Float)));
                }
                Scalar::Bool(_) => {
                    return Err(wrong(value, "this has no order", "Give a number or a text."));
                }
            }
        }
        Ok(Self::Order { accept, texts: texts.into(), numbers: numbers.into() })
    }

    pub(super) fn holds(&self, value: &AttributeValue, clock: &Clock) -> bool {
        use AttributeValue::{Float, Integer, List, Text};
        match (self, value) {
            (Self::Own(test), value) => test.holds(Some(value), clock),
            (Self::Lower { elements: true, .. }, List(values)) => {
                values.iter().any(|value| !matches!(value, List(_)) && self.holds(value, clock))
            }
            (_, List(_)) => false,
            (Self::Equals(values), value) => values.contains(value),
            (Self::Lower { texts, .. }, Text(text)) => {
                texts.iter().any(|own| is_in_lower_case(text.as_str(), own))
            }
            (Self::Lower { others, .. }, value) => others.contains(value),
            (Self::Order { accept, texts, .. }, Text(text)) => {
                texts.iter().any(|own| accept.holds(units(text.as_str().chars()).cmp(units(own.chars()))))
            }
            (Self::Order { accept, numbers, .. }, Integer(_) | Float(_)) => numbers
                .iter()
                .any(|own| compare_numbers(value, own).is_some_and(|ordering| accept.holds(ordering))),
            (Self::Matches(patterns), Text(text)) => {
                patterns.iter().any(|pattern| pattern.is_match(text.as_str()))
            }
            (Self::Version { accept, values }, Text(text)) => {
                values.iter().any(|own| accept.holds(compare_padded(text.as_str(), own)))
            }
            _ => false,
        }
    }
}

/// Whether `text` in lower case is `lower`.
fn is_in_lower_case(text: &str, lower: &str) -> bool {
    // What a capital sigma becomes depends on where it stands. For this one letter the heap is used.
    if text.contains('Σ') {
        return text.to_lowercase() == lower;
    }
    text.chars().flat_map(char::to_lowercase).eq(lower.chars())
}

fn version(value: &Scalar) -> Result<Box<[u16]>, Problem> {
    match value {
        Scalar::Text(text) => Ok(padded(text).collect()),
        other => Err(wrong(other, "a version is a text", "Give a version such as `3.2.0`.")),
    }
}

fn compare_padded(version: &str, other: &[u16]) -> Ordering {
    padded(version).cmp(other.iter().copied())
}

/// A version as a text that can be compared: `v1.2.3+build` is `1`, `2` and `3`, padded with spaces, with `-` between
/// them, and a `~` after a version of three parts, so that a release comes after its pre-releases.
fn padded(version: &str) -> impl Iterator<Item = u16> {
    let given = if version.is_empty() { "0" } else { version };
    let bare = given.strip_prefix('v').unwrap_or(given);
    let core = bare.split('+').next().unwrap_or_default();
    let parts = core.split(['-', '.']);
    let release = parts.clone().count() == 3;
    let all = parts.chain(release.then_some("~")).enumerate();
    units(all.flat_map(|(n, part)| {
        let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let missing = if is_number { PLACES.saturating_sub(part.len()) } else { 0 };
        let separator = (n > 0).then_some('-');
        separator.into_iter().chain(std::iter::repeat_n(' ', missing)).chain(part.chars())
    }))
}

/// A text's UTF-16 units, by which JavaScript orders texts.
fn units(characters: impl Iterator<Item = char>) -> impl Iterator<Item = u16> {
    characters.flat_map(|character| {
        let mut both = [0; 2];
        let length = character.encode_utf16(&mut both).len();
        both.into_iter().take(length)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_padded_as_published() {
        for (version, expected) in [
            ("v1.2.3-rc.1+build123", "    1-    2-    3-rc-    1"),
            ("1.0.0", "    1-    0-    0-~"),
            ("1.2", "    1-    2"),
            ("", "    0"),
            ("123456.x", "123456-x"),
            ("1..2", "    1--    2-~"),
        ] {
            assert_eq!(
                String::from_utf16(&padded(version).collect::<Vec<_>>()).unwrap(),
                expected,
                "{version}"
            );
        }
    }

    #[test]
    fn lower_case_is_unicode_s() {
        for (text, lower) in [("ÉCOLE", "école"), ("ΟΔΟΣ", "οδος"), ("İ", "i\u{307}"), ("ẞ", "ß")]
        {
            assert_eq!(is_in_lower_case(text, lower), text.to_lowercase() == lower, "{text}");
        }
        assert!(!is_in_lower_case("SS", "ß"));
    }
}
