//! LaunchDarkly's comparisons, as its SDKs for servers make them: texts within the elements of a list, times to the
//! nanosecond, versions without a `v`.

use crate::{
    context::AttributeValue,
    model::{Operator, Predicate, Scalar},
    problem::Problem,
    ruleset::test::{Accept, VersionRange, each, versions, wrong},
};

/// Numbers are doubles there; a whole one beyond this may have been rounded, and is not taken for a time.
const GREATEST_EXACT: i64 = (1 << 53) - 1;
/// The first and the last millisecond that its calendar knows, years -262143 and 262142.
const CALENDAR: std::ops::RangeInclusive<i64> = -8_334_601_315_200_000..=8_210_266_876_799_999;

/// One comparison with a single value.
#[derive(Clone, Debug)]
pub(crate) enum Comparison {
    Contains(Box<[Box<str>]>),
    Time { accept: Accept, values: Box<[Instant]> },
    Version(Box<[VersionRange]>),
}

/// A point in time: seconds since 1970 and nanoseconds, which go beyond a second within a leap second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Instant(i64, u32);

impl Comparison {
    pub(super) fn compile(predicate: &Predicate) -> Result<Option<Self>, Problem> {
        let Predicate { operator, values, ignore_case, .. } = predicate;
        Ok(Some(match operator {
            Operator::Contains if !ignore_case => Self::Contains(each(values, |value| match value {
                Scalar::Text(text) => Ok(text.as_str().into()),
                other => Err(wrong(other, "this is compared with texts", "Give a text.")),
            })?),
            Operator::Before => Self::Time { accept: Accept::LESS, values: each(values, time)? },
            Operator::After => Self::Time { accept: Accept::GREATER, values: each(values, time)? },
            Operator::SemverEq
            | Operator::SemverLt
            | Operator::SemverLte
            | Operator::SemverGt
            | Operator::SemverGte => Self::Version(each(values, |value| version(*operator, value))?),
            _ => return Ok(None),
        }))
    }

    pub(super) fn holds(&self, value: &AttributeValue) -> bool {
        use AttributeValue::{Float, Integer, Text};
        match (self, value) {
            (Self::Contains(values), Text(text)) => {
                values.iter().any(|own| text.as_str().contains(own.as_ref()))
            }
            (Self::Time { accept, values }, value) => {
                let time = match value {
                    Text(text) => Instant::from_text(text.as_str()),
                    Integer(millis) => Instant::from_millis(*millis),
                    Float(millis) => Instant::from_float(*millis),
                    _ => None,
                };
                time.is_some_and(|time| values.iter().any(|own| accept.holds(time.cmp(own))))
            }
            (Self::Version(ranges), Text(text)) if is_bare(text.as_str()) => {
                text.version().is_some_and(|version| ranges.iter().any(|range| range.contains(version)))
            }
            _ => false,
        }
    }
}

/// Whether a version has nothing in front of its number.
fn is_bare(version: &str) -> bool {
    version.as_bytes().first().is_some_and(u8::is_ascii_digit)
}

fn version(operator: Operator, value: &Scalar) -> Result<VersionRange, Problem> {
    match value {
        Scalar::Text(text) if is_bare(text) => versions(operator, value),
        _ => Err(wrong(value, "this is not a semantic version", "Give a version such as `3.2.0`.")),
    }
}

fn time(value: &Scalar) -> Result<Instant, Problem> {
    Instant::from_scalar(value).ok_or_else(|| {
        wrong(
            value,
            "this is not a time",
            "Give RFC 3339 (`2026-12-31T19:30:00Z`) or milliseconds since 1970.",
        )
    })
}

impl Instant {
    /// The time that a condition's value stands for, if it does.
    pub(crate) fn from_scalar(value: &Scalar) -> Option<Self> {
        match value {
            Scalar::Text(text) => Self::from_text(text),
            Scalar::Number(number) => {
                number.as_i64().map_or_else(|| Self::from_float(number.as_f64()?), Self::from_millis)
            }
            Scalar::Bool(_) => None,
        }
    }

    fn from_millis(millis: i64) -> Option<Self> {
        let nanos = u32::try_from(millis.rem_euclid(1_000)).ok()? * 1_000_000;
        CALENDAR.contains(&millis).then_some(Self(millis.div_euclid(1_000), nanos))
    }

    /// A fraction of a millisecond is cut off.
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)] // Within what is exact, by the check.
    fn from_float(millis: f64) -> Option<Self> {
        if millis.abs() <= GREATEST_EXACT as f64 { Self::from_millis(millis as i64) } else { None }
    }

    /// RFC 3339, section 5.6; a space may stand for the `T`.
    fn from_text(text: &str) -> Option<Self> {
        let (date_and_time, rest) = text.as_bytes().split_first_chunk::<19>()?;
        let number = |at: usize, digits: usize| {
            date_and_time.get(at..at + digits)?.iter().try_fold(0_i64, |number, byte| {
                byte.is_ascii_digit().then(|| number * 10 + i64::from(byte - b'0'))
            })
        };
        let separators =
            [4, 7, 10, 13, 16].map(|at: usize| date_and_time.get(at).copied().unwrap_or_default());
        if !matches!(separators, [b'-', b'-', b't' | b'T' | b' ', b':', b':']) {
            return None;
        }
        let days = days(number(0, 4)?, number(5, 2)?, number(8, 2)?)?;
        let (hour, minute, second) = (number(11, 2)?, number(14, 2)?, number(17, 2)?);
        if hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        let leap = second == 60;
        let (fraction, rest) = fraction(rest)?;
        let offset = offset(rest)?;
        let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second - i64::from(leap) - offset;
        Some(Self(seconds, fraction + if leap { 1_000_000_000 } else { 0 }))
    }
}

/// Nanoseconds, and what follows them; digits beyond the ninth don't count.
fn fraction(rest: &[u8]) -> Option<(u32, &[u8])> {
    let Some(digits) = rest.strip_prefix(b".") else { return Some((0, rest)) };
    let length = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if length == 0 {
        return None;
    }
    let (own, rest) = digits.split_at(length);
    let padded = own.iter().copied().chain(std::iter::repeat(b'0')).take(9);
    Some((padded.fold(0, |nanos, byte| nanos * 10 + u32::from(byte - b'0')), rest))
}

/// Seconds east of Greenwich.
fn offset(rest: &[u8]) -> Option<i64> {
    if matches!(rest, b"Z" | b"z") {
        return Some(0);
    }
    let (sign, own) = match rest {
        [b'+', own @ ..] => (1, own),
        // U+2212 is a minus too.
        [b'-', own @ ..] | [0xE2, 0x88, 0x92, own @ ..] => (-1, own),
        _ => return None,
    };
    let [h1, h2, b':', m1, m2] = own else { return None };
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| i64::from(byte - b'0'));
    let (hours, minutes) = (digit(h1)? * 10 + digit(h2)?, digit(m1)? * 10 + digit(m2)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3_600 + minutes * 60))
}

/// Days since 1970-01-01 in the Gregorian calendar, reckoned back and on for ever.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let last = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=last).contains(&day) {
        return None;
    }
    // Counted from March, so that the leap day comes last.
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let of_year = (153 * month + 2) / 5 + day - 1;
    let of_years = year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    Some(of_years + of_year - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_to_the_letter() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", Some(Instant(0, 0))),
            ("1970-01-01t00:00:00.5z", Some(Instant(0, 500_000_000))),
            ("1970-01-01 01:00:00+01:00", Some(Instant(0, 0))),
            ("1969-12-31T23:59:59.9999999991-00:00", Some(Instant(-1, 999_999_999))),
            ("2016-12-31T23:59:60Z", Some(Instant(1_483_228_799, 1_000_000_000))),
            ("2024-02-29T12:00:00−05:30", Some(Instant(1_709_227_800, 0))),
            ("0000-01-01T00:00:00Z", Some(Instant(-62_167_219_200, 0))),
            ("2023-02-29T12:00:00Z", None),
            ("2024-01-01T24:00:00Z", None),
            ("2024-01-01T00:00:00", None),
            ("2024-01-01T00:00Z", None),
            ("2024-01-01T00:00:00.Z", None),
            ("2024-01-01T00:00:00+24:00", None),
            ("2024-01-01T00:00:00+0100", None),
            ("2024-01-01", None),
            ("1704067200000", None),
        ] {
            assert_eq!(Instant::from_text(text), expected, "{text}");
        }
        assert_eq!(Instant::from_float(-0.9), Some(Instant(0, 0)));
        assert_eq!(Instant::from_millis(-1), Some(Instant(-1, 999_000_000)));
        assert_eq!(Instant::from_millis(9_000_000_000_000_000), None);
    }
}
