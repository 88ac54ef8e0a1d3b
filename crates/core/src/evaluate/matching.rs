//! Asking a context: attributes, conditions, cohorts, draws.

use std::cell::OnceCell;

use crate::{
    bucket::{draw, is_identity},
    context::{AttributeValue, Context},
    limits::MAX_REFERENCE_DEPTH,
    model::Timestamp,
    ruleset::{CompiledCohort, CompiledCondition, CompiledVenue, KeyRef, Ruleset, Source, SplitKey},
};

/// Everything that one evaluation can look at.
pub(crate) struct Scope<'r, 'c> {
    pub(crate) ruleset: &'r Ruleset,
    pub(crate) context: &'c Context,
    pub(crate) now: Timestamp,
    /// The venue that the context names, looked up when first asked for.
    venue: OnceCell<Option<&'r CompiledVenue>>,
}

impl<'r, 'c> Scope<'r, 'c> {
    #[inline]
    pub(crate) fn new(ruleset: &'r Ruleset, context: &'c Context, now: Timestamp) -> Self {
        Self { ruleset, context, now, venue: OnceCell::new() }
    }

    pub(crate) fn venue(&self) -> Option<&'r CompiledVenue> {
        *self.venue.get_or_init(|| {
            let key = self.context.venue_text()?;
            self.ruleset.venues.get_hashed(key.hash(), key.as_str())
        })
    }

    /// What the context, or its venue, has for an attribute.
    #[inline]
    pub(crate) fn find(&self, source: &Source) -> Option<&AttributeValue> {
        match source {
            Source::Attribute(name) => self.context.attribute(name),
            Source::TargetingKey => self.context.targeting_key_value(),
            Source::Venue => self.context.venue_value(),
            Source::VenueField(name) => self.venue()?.attributes.get(name),
        }
    }

    /// Whether a condition holds. `depth` counts the cohorts that led here.
    #[inline]
    pub(crate) fn holds(&self, condition: &CompiledCondition, depth: usize) -> bool {
        match condition {
            CompiledCondition::Attribute(source, test) => test.holds(self.find(source)),
            // Most rules are a few comparisons side by side: those need no further call.
            CompiledCondition::All(parts) => parts.iter().all(|part| match part {
                CompiledCondition::Attribute(source, test) => test.holds(self.find(source)),
                other => self.holds(other, depth),
            }),
            CompiledCondition::Any(parts) => parts.iter().any(|part| self.holds(part, depth)),
            CompiledCondition::Not(inner) => !self.holds(inner, depth),
            CompiledCondition::Cohort(cohort) => self.belongs(cohort, depth),
        }
    }

    /// Whether the context belongs to a cohort. Nobody belongs to one that is unknown or broken, nor to one
    /// at the end of too long a chain (which the server refuses to write).
    pub(crate) fn belongs(&self, cohort: &KeyRef, depth: usize) -> bool {
        let Some(CompiledCohort { parts: Some(parts), .. }) = self.ruleset.cohorts.get_ref(cohort) else {
            return false;
        };
        if depth > MAX_REFERENCE_DEPTH {
            return false;
        }
        if !parts.venues.is_empty()
            && !self.context.venue_text().is_some_and(|venue| parts.venues.contains(venue))
        {
            return false;
        }
        let listed = || match self.find(&parts.by) {
            Some(AttributeValue::Text(text)) => parts.keys.contains(text),
            _ => false,
        };
        (!parts.keys.is_empty() && listed())
            || parts.condition.as_ref().is_some_and(|condition| self.holds(condition, depth + 1))
    }

    /// Draws: where the context lands in `0..total`.
    ///
    /// # Errors
    /// The part of the split key that the context lacks.
    #[inline]
    pub(crate) fn draw(&self, key: &'r SplitKey, total: u64) -> Result<u64, &'r str> {
        let part = |source: &'r Source| self.find(source).filter(|own| is_identity(own)).ok_or(source.name());
        draw(&key.seed, || key.by.iter().map(part), total)
    }
}
