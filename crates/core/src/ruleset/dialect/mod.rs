//! Comparisons in another system's way, for conditions that were imported: see [`Dialect`].
//!
//! Only what differs from Usher's own comparisons is here. Nothing of it allocates when it is asked.

pub(crate) mod flagd;

use crate::{
    context::AttributeValue,
    model::{Dialect, Predicate},
    problem::Problem,
};

/// A comparison in another system's way.
#[derive(Clone, Debug)]
pub(crate) enum Foreign {
    Flagd(flagd::Comparison),
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
        })
    }

    pub(crate) fn holds(&self, found: Option<&AttributeValue>) -> bool {
        match self {
            Self::Flagd(comparison) => comparison.holds(found),
        }
    }
}
