//! Conditions, ready to be asked.

use super::{CompiledPrerequisite, draw::CompiledRollout, logic::Logic, table::KeyRef, test::Test};
use crate::{
    context::Name,
    limits::MAX_CONDITION_DEPTH,
    model::Condition,
    problem::{Problem, Problems},
};

/// Where an attribute's value is found.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    TargetingKey,
    Venue,
    /// A field of the venue that the context names, under its full name.
    VenueField(Name),
    Attribute(Name),
}

impl Source {
    pub(crate) fn new(name: &str) -> Self {
        match name {
            "targetingKey" => Self::TargetingKey,
            "venue" => Self::Venue,
            _ if name.starts_with("venue.") => Self::VenueField(name.into()),
            _ => Self::Attribute(name.into()),
        }
    }

    pub(crate) fn name(&self) -> &str {
        match self {
            Self::TargetingKey => "targetingKey",
            Self::Venue => "venue",
            Self::VenueField(name) | Self::Attribute(name) => &name.text,
        }
    }

    /// Whether its value is settled once the venue is known, whoever asks.
    pub(crate) fn is_of_venue(&self) -> bool {
        matches!(self, Self::Venue | Self::VenueField(_))
    }
}

/// A condition in the same shape as it was written, so that an explanation can follow both in step.
#[derive(Clone, Debug)]
pub(crate) enum CompiledCondition {
    All(Box<[CompiledCondition]>),
    Any(Box<[CompiledCondition]>),
    Not(Box<CompiledCondition>),
    Cohort(KeyRef),
    Attribute(Source, Test),
    /// Whether an attribute, or one within it, is there.
    Exists(Source, bool),
    Rollout(Box<CompiledRollout>),
    Prerequisite(Box<CompiledPrerequisite>),
    Logic(Box<Logic>),
}

impl CompiledCondition {
    /// Prepares a condition.
    ///
    /// # Errors
    /// Every part that makes no sense, with its path.
    pub(crate) fn compile(condition: &Condition) -> Result<Self, Problems> {
        let depth = condition.depth();
        if depth > MAX_CONDITION_DEPTH {
            let mend = format!("Nest at most {MAX_CONDITION_DEPTH} deep; a cohort can hold a part of it.");
            return Err(
                Problem::new("", format!("depth {depth}"), "this condition nests too deeply", mend).into()
            );
        }
        Self::build(condition)
    }

    fn build(condition: &Condition) -> Result<Self, Problems> {
        Ok(match condition {
            Condition::All(parts) => Self::All(Self::build_all("all", parts)?),
            Condition::Any(parts) => Self::Any(Self::build_all("any", parts)?),
            Condition::Not(inner) => {
                let inner = Self::build(inner).map_err(|found| {
                    let mut problems = Problems::default();
                    problems.extend_within("not", found);
                    problems
                })?;
                Self::Not(Box::new(inner))
            }
            Condition::Cohort(cohort) => Self::Cohort(KeyRef::new(cohort)),
            Condition::Attribute(predicate) => {
                let source = Source::new(&predicate.attribute);
                match Test::compile(predicate)? {
                    Test::Exists(wanted) => Self::Exists(source, wanted),
                    test => Self::Attribute(source, test),
                }
            }
            Condition::Rollout(rollout) => {
                let (compiled, found) = CompiledRollout::compile(rollout);
                match found {
                    Some(found) => return Err(found.within("rollout").into()),
                    None => Self::Rollout(Box::new(compiled)),
                }
            }
            Condition::Prerequisite(prerequisite) => {
                let (compiled, found) = CompiledPrerequisite::compile(prerequisite);
                match found {
                    Some(found) => return Err(found.within("prerequisite").into()),
                    None => Self::Prerequisite(Box::new(compiled)),
                }
            }
            Condition::Logic(logic) => {
                Self::Logic(Box::new(Logic::compile(logic).map_err(|found| found.within("logic"))?))
            }
        })
    }

    fn build_all(name: &str, parts: &[Condition]) -> Result<Box<[Self]>, Problems> {
        let mut problems = Problems::default();
        let mut built = Vec::with_capacity(parts.len());
        for (n, part) in parts.iter().enumerate() {
            match Self::build(part) {
                Ok(part) => built.push(part),
                Err(found) => problems.extend_within(&format!("{name}[{n}]"), found),
            }
        }
        problems.or(built.into())
    }
}
