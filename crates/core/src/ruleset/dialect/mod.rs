//! Comparisons in another system's way, for conditions that were imported: see [`Dialect`].
//!
//! Only what differs from Usher's own comparisons is here. Nothing of it allocates when it is asked, but for one
//! case that is told where it is.

pub(crate) mod flagd;
pub(crate) mod growth_book;
pub(crate) mod launch_darkly;
mod unleash;

use super::test::Test;
use crate::{
    context::{AttributeValue, Text},
    evaluate::Clock,
    model::{Dialect, Operator, Predicate},
    problem::Problem,
};

/// A comparison in another system's way.
#[derive(Clone, Debug)]
pub(crate) enum Foreign {
    Flagd(flagd::Comparison),
    LaunchDarkly(launch_darkly::Comparison),
    GrowthBook(growth_book::Comparison),
    /// Of one element of a list.
    GrowthBookElement(growth_book::Comparison),
    Unleash(unleash::Comparison),
}

impl Foreign {
    /// Prepares a comparison, unless the dialect agrees with Usher about it.
    ///
    /// # Errors
    /// Values that make no sense, or an operator that the dialect does not have.
    pub(crate) fn compile(predicate: &Predicate) -> Result<Option<Self>, Problem> {
        Ok(match predicate.dialect {
            Dialect::Usher => None,
            Dialect::Flagd => flagd::Comparison::compile(predicate)?.map(Self::Flagd),
            Dialect::LaunchDarkly => launch_darkly::Comparison::compile(predicate)?.map(Self::LaunchDarkly),
            Dialect::GrowthBook => growth_book::Comparison::compile(predicate)?.map(Self::GrowthBook),
            Dialect::GrowthBookElement if predicate.operator == Operator::NotIn => {
                return Err(not_its_own(predicate));
            }
            Dialect::GrowthBookElement => {
                let comparison = growth_book::Comparison::compile(predicate)?;
                // Where the two agree about one value, they still don't about what a list is.
                Some(Self::GrowthBookElement(match comparison {
                    Some(comparison) => comparison,
                    None => growth_book::Comparison::Own(Box::new(Test::own(predicate)?)),
                }))
            }
            Dialect::Unleash => unleash::Comparison::compile(predicate)?.map(Self::Unleash),
        })
    }

    /// The text that a single value must be, letter by letter, for the comparison to hold.
    pub(crate) fn only_text(&self) -> Option<&Text> {
        match self {
            Self::Flagd(comparison) => comparison.only_text(),
            Self::Unleash(comparison) => comparison.only_text(),
            Self::LaunchDarkly(_) | Self::GrowthBook(_) | Self::GrowthBookElement(_) => None,
        }
    }

    pub(crate) fn holds(&self, found: Option<&AttributeValue>, clock: &Clock) -> bool {
        match (self, found) {
            (Self::Flagd(comparison), found) => comparison.holds(found, clock),
            (Self::Unleash(comparison), found) => comparison.holds(found, clock),
            (_, None) => false,
            (Self::LaunchDarkly(comparison), Some(AttributeValue::List(values))) => {
                values.iter().any(|value| comparison.holds(value))
            }
            (Self::LaunchDarkly(comparison), Some(single)) => comparison.holds(single),
            (Self::GrowthBook(comparison), Some(value)) => comparison.holds(value, clock),
            (Self::GrowthBookElement(comparison), Some(AttributeValue::List(values))) => {
                values.iter().any(|value| comparison.holds(value, clock))
            }
            (Self::GrowthBookElement(_), Some(_)) => false,
        }
    }
}

fn not_its_own(predicate: &Predicate) -> Problem {
    let detail = format!("the dialect has no `{}` of its own", predicate.operator.as_str());
    Problem::new("dialect", "", detail, "Leave `dialect` out, or take another operator.")
}
