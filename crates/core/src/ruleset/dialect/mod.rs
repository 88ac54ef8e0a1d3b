//! Comparisons in another system's way, for conditions that were imported: see [`Dialect`].
//!
//! Only what differs from Usher's own comparisons is here. Nothing of it allocates when it is asked, but for one
//! case that is told where it is.

pub(crate) mod flagd;
pub(crate) mod growth_book;
pub(crate) mod launch_darkly;

use super::test::Test;
use crate::{
    context::AttributeValue,
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
        })
    }

    pub(crate) fn holds(&self, found: Option<&AttributeValue>) -> bool {
        let (this, Some(found)) = (self, found) else {
            return matches!(self, Self::Flagd(comparison) if comparison.holds(found));
        };
        match (this, found) {
            (Self::Flagd(comparison), value) => comparison.holds(Some(value)),
            (Self::LaunchDarkly(comparison), AttributeValue::List(values)) => {
                values.iter().any(|value| comparison.holds(value))
            }
            (Self::LaunchDarkly(comparison), single) => comparison.holds(single),
            (Self::GrowthBook(comparison), value) => comparison.holds(value),
            (Self::GrowthBookElement(comparison), AttributeValue::List(values)) => {
                values.iter().any(|value| comparison.holds(value))
            }
            (Self::GrowthBookElement(_), _) => false,
        }
    }
}

fn not_its_own(predicate: &Predicate) -> Problem {
    let detail = format!("the dialect has no `{}` of its own", predicate.operator.as_str());
    Problem::new("dialect", "", detail, "Leave `dialect` out, or take another operator.")
}
