//! flagd's comparisons, as JSONLogic's strict ones and flagd's own operators make them: of single values, and of
//! versions that may be short.
//!
//! Sources: jsonlogic.com (`===`, `in`), flagd's documentation of `starts_with`, `ends_with` and `sem_ver`, and what its
//! testbed shows of versions (a leading `v`, parts left out, build metadata that does not count).

use semver::{Prerelease, Version};

use crate::{
    context::{AttributeValue, Text, parse_version},
    evaluate::Clock,
    model::{Operator, Predicate, Scalar},
    problem::Problem,
    ruleset::test::{Test, VersionRange, each, versions, wrong},
};

/// A comparison in flagd's way.
#[derive(Clone, Debug)]
pub(crate) enum Comparison {
    /// As Usher's own, but a list fits nothing.
    Single(Test),
    /// Within a text, or the whole of a list's element.
    Contains(Box<[Box<str>]>),
    Versions(Box<[VersionRange]>),
}

impl Comparison {
    pub(super) fn compile(predicate: &Predicate) -> Result<Option<Self>, Problem> {
        let Predicate { operator, values, ignore_case, .. } = predicate;
        if *ignore_case {
            let detail = "this dialect always tells upper from lower case";
            return Err(Problem::new("ignoreCase", true, detail, "Leave `ignoreCase` or `dialect` out."));
        }
        Ok(match operator {
            Operator::Exists => None,
            Operator::Contains => Some(Self::Contains(each(values, |value| match value {
                Scalar::Text(text) => Ok(text.as_str().into()),
                other => Err(wrong(other, "this is compared with texts", "Give a text.")),
            })?)),
            Operator::SemverEq
            | Operator::SemverLt
            | Operator::SemverLte
            | Operator::SemverGt
            | Operator::SemverGte
            | Operator::SemverTilde
            | Operator::SemverCaret => Some(Self::Versions(each(values, |value| range(*operator, value))?)),
            _ => Some(Self::Single(Test::own(predicate)?)),
        })
    }

    pub(super) fn only_text(&self) -> Option<&Text> {
        match self {
            Self::Single(Test::In(values)) => values.only_text(),
            _ => None,
        }
    }

    pub(super) fn holds(&self, found: Option<&AttributeValue>, clock: &Clock) -> bool {
        match (self, found) {
            (Self::Single(test), Some(AttributeValue::List(_))) => test.holds(None, clock),
            (Self::Single(test), found) => test.holds(found, clock),
            (Self::Contains(parts), Some(AttributeValue::Text(text))) => {
                parts.iter().any(|part| text.as_str().contains(&**part))
            }
            (Self::Contains(parts), Some(AttributeValue::List(elements))) => elements.iter().any(|element| {
                matches!(element, AttributeValue::Text(text) if parts.iter().any(|part| **part == *text.as_str()))
            }),
            (Self::Versions(ranges), Some(AttributeValue::Text(text))) => {
                version(text).is_some_and(|version| ranges.iter().any(|range| range.contains(version)))
            }
            _ => false,
        }
    }
}

fn range(operator: Operator, value: &Scalar) -> Result<VersionRange, Problem> {
    if let Scalar::Text(text) = value
        && !is_whole_or_plain(text)
    {
        let mend = "Give minor and patch too, or leave the suffix out.";
        return Err(wrong(value, "a version with a suffix has all of its parts", mend));
    }
    let own = versions(operator, value)?;
    let (Scalar::Text(text), Operator::SemverTilde | Operator::SemverCaret) = (value, operator) else {
        return Ok(own);
    };
    let Some(Version { major, minor, .. }) = parse_version(text) else { return Ok(own) };
    // From the first pre-release of the first version up to, but without, the first of the next range.
    let first = |major, minor| {
        let pre = Prerelease::new("0").unwrap_or(Prerelease::EMPTY);
        Version { pre, ..Version::new(major, minor, 0) }
    };
    let (from, to) = match operator {
        Operator::SemverCaret => (first(major, 0), major.checked_add(1).map(|major| first(major, 0))),
        _ => (first(major, minor), minor.checked_add(1).map(|minor| first(major, minor))),
    };
    Ok(VersionRange { lower: Some((from, true)), upper: to.map(|to| (to, false)) })
}

/// The version that a text spells for flagd.
pub(crate) fn version(text: &Text) -> Option<&Version> {
    text.version().filter(|_| is_whole_or_plain(text.as_str()))
}

/// Whether a version has all of its parts, or no suffix: Usher reads `3.2-rc.1` as a version, and flagd does not.
pub(crate) fn is_whole_or_plain(text: &str) -> bool {
    text.find(['-', '+']).is_none_or(|end| text[..end].bytes().filter(|b| *b == b'.').count() >= 2)
}
