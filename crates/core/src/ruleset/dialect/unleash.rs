//! Unleash's comparisons. All that a context says is a text there.
//!
//! Source: Unleash's client specification, and Yggdrasil, the engine under its SDKs, where the specification is silent.

use std::{char::ToLowercase, cmp::Ordering, iter::FlatMap, net::IpAddr, str::Chars};

use ipnet::IpNet;
use regex::Regex;

use crate::{
    context::{AttributeValue, Text},
    evaluate::Clock,
    model::{Operator, Predicate, Scalar, Timestamp},
    problem::Problem,
    ruleset::{
        test::{
            Accept, TextTest, VersionRange, each, folded_holds, is_clock, network, pattern, text_holds, time,
            versions, wrong,
        },
        values::{Texts, with_text_of},
    },
};

/// A comparison in Unleash's way.
#[derive(Clone, Debug)]
pub(crate) enum Comparison {
    In { values: Texts, ignore_case: bool, wanted: bool },
    Text { how: TextTest, values: Box<[Box<str>]>, ignore_case: bool },
    Matches(Box<[Regex]>),
    Equal(Box<[f64]>),
    Number { accept: Accept, values: Box<[f64]> },
    Time { accept: Accept, values: Box<[Timestamp]>, clock: bool },
    Version(Box<[VersionRange]>),
    Network(Box<[IpNet]>),
}

impl Comparison {
    pub(super) fn compile(predicate: &Predicate) -> Result<Option<Self>, Problem> {
        let Predicate { operator, values, ignore_case, .. } = predicate;
        let ignore_case = *ignore_case;
        let is_in = |wanted| {
            let values = each(values, |value| text(value, ignore_case))?;
            Ok(Self::In { values: Texts::new(values.iter().map(|text| &**text)), ignore_case, wanted })
        };
        let in_text = |how| {
            let values = each(values, |value| text(value, ignore_case))?;
            Ok(Self::Text { how, values, ignore_case })
        };
        let order = |accept| Ok(Self::Number { accept, values: each(values, number)? });
        let made = match operator {
            Operator::Equals if values.iter().any(|value| matches!(value, Scalar::Number(_))) => {
                Ok(Self::Equal(each(values, number)?))
            }
            Operator::In | Operator::Equals => is_in(true),
            Operator::NotIn => is_in(false),
            Operator::Contains => in_text(TextTest::Contains),
            Operator::StartsWith => in_text(TextTest::StartsWith),
            Operator::EndsWith => in_text(TextTest::EndsWith),
            Operator::Matches => Ok(Self::Matches(each(values, |value| pattern(value, ignore_case))?)),
            Operator::Lt => order(Accept::LESS),
            Operator::Lte => order(Accept::LESS_OR_EQUAL),
            Operator::Gt => order(Accept::GREATER),
            Operator::Gte => order(Accept::GREATER_OR_EQUAL),
            Operator::Before | Operator::After => {
                let accept = if *operator == Operator::Before { Accept::LESS } else { Accept::GREATER };
                Ok(Self::Time { accept, values: each(values, time)?, clock: is_clock(predicate) })
            }
            Operator::SemverEq
            | Operator::SemverLt
            | Operator::SemverLte
            | Operator::SemverGt
            | Operator::SemverGte => Ok(Self::Version(each(values, |value| range(*operator, value))?)),
            Operator::Cidr => Ok(Self::Network(each(values, network)?)),
            Operator::Exists => return Ok(None),
            Operator::SemverTilde | Operator::SemverCaret | Operator::Modulo => {
                let detail = format!("Unleash has no `{}`", operator.as_str());
                Err(Problem::new("op", operator.as_str(), detail, "Leave `dialect` out."))
            }
        };
        made.map(Some)
    }

    pub(super) fn only_text(&self) -> Option<&Text> {
        match self {
            Self::In { values, ignore_case: false, wanted: true } => values.only(),
            _ => None,
        }
    }

    pub(super) fn holds(&self, found: Option<&AttributeValue>, clock: &Clock) -> bool {
        let found = found.filter(|value| !matches!(value, AttributeValue::List(_)));
        match (self, found) {
            (Self::In { values, ignore_case, wanted }, found) => {
                let contains = found.is_some_and(|value| is_in(values, value, *ignore_case));
                contains == *wanted
            }
            (Self::Time { accept, values, clock: true }, None) => {
                values.iter().any(|own| accept.holds(clock.now().cmp(own)))
            }
            (_, None) => false,
            (Self::Text { how, values, ignore_case }, Some(value)) => {
                written(value, |text| values.iter().any(|own| fragment_holds(*how, text, own, *ignore_case)))
            }
            (Self::Matches(patterns), Some(value)) => {
                written(value, |text| patterns.iter().any(|pattern| pattern.is_match(text)))
            }
            (Self::Equal(values), Some(value)) => number_of(value)
                .is_some_and(|number| values.iter().any(|own| (number - own).abs() < f64::EPSILON)),
            (Self::Number { accept, values }, Some(value)) => number_of(value).is_some_and(|number| {
                values.iter().filter_map(|own| number.partial_cmp(own)).any(|ordering| accept.holds(ordering))
            }),
            (Self::Time { accept, values, .. }, Some(AttributeValue::Text(text))) => {
                is_rfc3339(text.as_str())
                    && text.time().is_some_and(|time| {
                        values.iter().any(|own| accept.holds(compare_times(text, time, *own)))
                    })
            }
            (Self::Version(ranges), Some(AttributeValue::Text(text))) => {
                is_whole_version(text.as_str())
                    && text
                        .version()
                        .is_some_and(|version| ranges.iter().any(|range| range.contains(version)))
            }
            (Self::Network(networks), Some(AttributeValue::Text(text))) => {
                let address = text.as_str().parse::<IpAddr>();
                address.is_ok_and(|address| networks.iter().any(|own| own.contains(&address)))
            }
            (Self::Time { .. } | Self::Version(_) | Self::Network(_), Some(_)) => false,
        }
    }
}

fn text(value: &Scalar, ignore_case: bool) -> Result<Box<str>, Problem> {
    match value {
        Scalar::Text(text) if ignore_case => Ok(text.to_lowercase().into()),
        Scalar::Text(text) => Ok(text.as_str().into()),
        other => Err(wrong(other, "Unleash compares this with texts", "Give a text.")),
    }
}

fn number(value: &Scalar) -> Result<f64, Problem> {
    let read = match value {
        Scalar::Number(number) => number.as_f64(),
        _ => None,
    };
    read.ok_or_else(|| wrong(value, "this is not a number", "Give a number."))
}

fn range(operator: Operator, value: &Scalar) -> Result<VersionRange, Problem> {
    match value {
        Scalar::Text(text) if is_whole_version(text) => versions(operator, value),
        _ => Err(wrong(value, "this is not a whole semantic version", "Give all of its parts, `3.2.0`.")),
    }
}

/// Calls `read` with a value as it is written.
fn written(value: &AttributeValue, read: impl FnOnce(&str) -> bool) -> bool {
    match value {
        AttributeValue::Text(text) => read(text.as_str()),
        // Unleash's engine has numbers from JSON, and writes them as they stood there: `5.0`, `1e21`.
        AttributeValue::Float(number) => {
            let mut bytes = [0_u8; 32];
            let mut rest = &mut bytes[..];
            let left = serde_json::to_writer(&mut rest, number).map(|()| rest.len());
            let length = left.map_or(0, |left| bytes.len() - left);
            std::str::from_utf8(&bytes[..length]).is_ok_and(read)
        }
        other => with_text_of(other, read),
    }
}

fn is_in(values: &Texts, value: &AttributeValue, ignore_case: bool) -> bool {
    match value {
        AttributeValue::Text(text) if !ignore_case => values.contains(text),
        value if !ignore_case => written(value, |text| values.contains_plain(text)),
        value => written(value, |text| match small(text) {
            Ok(small) => values.any(|own| small.clone().eq(own.chars())),
            Err(whole) => values.contains_plain(&whole),
        }),
    }
}

fn fragment_holds(how: TextTest, text: &str, own: &str, ignore_case: bool) -> bool {
    if !ignore_case {
        return text_holds(how, text, own, false);
    }
    match small(text) {
        Ok(small) => folded_holds(how, small, own),
        Err(whole) => text_holds(how, &whole, own, false),
    }
}

type Small<'t> = FlatMap<Chars<'t>, ToLowercase, fn(char) -> ToLowercase>;

/// A text in small letters, one by one; or whole, where one of them depends on its neighbours: a capital sigma becomes
/// another letter at the end of a word. Only that takes memory.
fn small(text: &str) -> Result<Small<'_>, String> {
    if text.contains('Σ') { Err(text.to_lowercase()) } else { Ok(text.chars().flat_map(char::to_lowercase)) }
}

/// The number that a value spells, in double precision.
fn number_of(value: &AttributeValue) -> Option<f64> {
    match value {
        #[allow(clippy::cast_precision_loss)] // As in Unleash, which reads it from a text.
        AttributeValue::Integer(number) => Some(*number as f64),
        AttributeValue::Float(number) => Some(*number),
        AttributeValue::Text(text) => text.as_str().parse().ok(),
        AttributeValue::Bool(_) | AttributeValue::List(_) => None,
    }
}

/// Orders times to the last digit: a [`Timestamp`] counts milliseconds, and an app may be more exact than that.
fn compare_times(text: &Text, time: Timestamp, own: Timestamp) -> Ordering {
    let finer = || {
        let fraction = text.as_str().split('.').nth(1).unwrap_or_default();
        let digits = fraction.bytes().take_while(u8::is_ascii_digit);
        digits.skip(3).any(|digit| digit != b'0')
    };
    match time.cmp(&own) {
        Ordering::Equal if finer() => Ordering::Greater,
        ordering => ordering,
    }
}

/// Whether a text has the shape of a time in RFC 3339: `2026-12-31T19:30:00.5+01:00`.
fn is_rfc3339(text: &str) -> bool {
    const SHAPE: &[u8; 19] = b"dddd-dd-ddTdd:dd:dd";
    let bytes = text.as_bytes();
    let Some((start, rest)) = bytes.split_at_checked(SHAPE.len()) else { return false };
    let fits = |shape: u8, byte: u8| match shape {
        b'd' => byte.is_ascii_digit(),
        b'T' => matches!(byte, b'T' | b't' | b' '),
        literal => byte == literal,
    };
    if !SHAPE.iter().zip(start).all(|(shape, byte)| fits(*shape, *byte)) {
        return false;
    }
    let zone = match rest.strip_prefix(b".") {
        Some(fraction) => {
            let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if digits == 0 {
                return false;
            }
            &fraction[digits..]
        }
        None => rest,
    };
    match zone {
        [b'Z' | b'z'] => true,
        [b'+' | b'-', rest @ ..] => {
            rest.len() == 5 && rest.iter().zip(b"dd:dd").all(|(byte, shape)| fits(*shape, *byte))
        }
        _ => false,
    }
}

/// Whether a version has all of its numbers, and no `v`.
fn is_whole_version(text: &str) -> bool {
    let core = text.find(['-', '+']).map_or(text, |end| &text[..end]);
    core.starts_with(|c: char| c.is_ascii_digit()) && core.bytes().filter(|byte| *byte == b'.').count() == 2
}
