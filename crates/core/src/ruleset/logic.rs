//! JSONLogic expressions, compiled: what imported flags ask that Usher's own conditions don't have.

use serde_json::Value;

use crate::{evaluate::Scope, problem::Problem};

/// A JSONLogic expression, ready to be asked.
#[derive(Clone, Debug)]
pub(crate) struct Logic {}

impl Logic {
    /// Prepares an expression.
    ///
    /// # Errors
    /// An operator that is not supported, by its name, or arguments that make no sense.
    pub(crate) fn compile(logic: &Value) -> Result<Self, Problem> {
        Err(Problem::new("", logic, "JSONLogic is not supported yet", "Use Usher's own conditions."))
    }

    /// Whether its value is truthy.
    pub(crate) fn holds(&self, _scope: &Scope<'_, '_>) -> bool {
        false
    }

    /// Whether it asks for nothing but what the venue settles.
    pub(crate) fn is_of_venue(&self) -> bool {
        false
    }
}
