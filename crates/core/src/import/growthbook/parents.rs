//! Prerequisites: what a rule asks of what other features give.

use serde_json::Value;

use super::{Source, condition::Asking, shape::Shape};
use crate::{
    evaluate::Scope,
    import::{never, report::Notes},
    model::{Condition, Prerequisite, Timestamp, VariantKey},
    problem::join,
    ruleset::{CompiledCondition, Ruleset},
};

/// One prerequisite of a rule.
pub(super) struct Parent {
    /// Whether the whole feature gives nothing when it is not met, instead of going on to the next rule.
    pub(super) is_gate: bool,
    /// What is asked; none, if nothing that the other feature gives would do.
    pub(super) wanted: Option<Prerequisite>,
}

impl Parent {
    pub(super) fn condition(&self) -> Condition {
        self.wanted.clone().map_or_else(never, |wanted| Condition::Prerequisite(Box::new(wanted)))
    }
}

pub(super) fn read(source: &Source<'_>, parent: &Value, at: &str, notes: &mut Notes) -> Option<Parent> {
    let Some(id) = parent.get("id").and_then(Value::as_str) else {
        notes.refused(at, "a prerequisite names a feature by its `id`");
        return None;
    };
    let is_gate = match parent.get("gate") {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(Value::Bool(true)) => true,
        Some(_) => {
            notes.refused(join(at, "gate"), "this is neither true nor false");
            return None;
        }
    };
    let Some(Some(other)) = source.shapes.get(id) else {
        notes.refused(at, format!("it needs the feature `{id}`, which is not in this file or is refused"));
        return None;
    };
    let flag = id.parse().map_err(|why: String| notes.refused(at, why)).ok()?;
    let condition = match parent.get("condition") {
        None | Some(Value::Null) => Condition::All(Vec::new()),
        Some(condition) => {
            let mut asking = Asking { options: source.options, groups: None, notes };
            asking.condition(condition, &join(at, "condition"))?
        }
    };
    let variants = satisfying(source, other, &condition, at, notes)?;
    let wanted = (!variants.is_empty()).then_some(Prerequisite { flag, variants, enabled: None });
    if wanted.is_none() {
        notes.mapped(at, format!("nothing that `{id}` can give would meet this"));
    }
    Some(Parent { is_gate, wanted })
}

/// The variants whose value a condition accepts. What a feature can give is known, so each is tried.
fn satisfying(
    source: &Source<'_>,
    other: &Shape,
    condition: &Condition,
    at: &str,
    notes: &mut Notes,
) -> Option<Vec<VariantKey>> {
    let compiled = match CompiledCondition::compile(condition) {
        Ok(compiled) => compiled,
        Err(problems) => {
            notes.refused(join(at, "condition"), problems.to_string());
            return None;
        }
    };
    let nothing = Ruleset::empty(source.options.environment.clone());
    let mut accepted = Vec::new();
    for (variant, context) in other.variants.keys().zip(&other.contexts) {
        let Some(context) = context else {
            notes.refused(at, format!("the value of the variant `{variant}` is too large to be asked about"));
            return None;
        };
        if Scope::new(&nothing, context, Timestamp::EPOCH).holds(&compiled, 0) {
            accepted.push(variant.clone());
        }
    }
    Some(accepted)
}
