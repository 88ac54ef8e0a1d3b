//! Asking a context: attributes, conditions, cohorts, draws.

use std::cell::OnceCell;

use super::{
    Evaluation,
    clock::{Clock, Now},
    evaluator::Evaluator,
    observer::Silent,
};
use crate::{
    bucket::{Span, draw, foreign_place, is_foreign_identity, is_identity},
    context::{AttributeValue, Context, Word},
    limits::MAX_REFERENCE_DEPTH,
    model::{Claims, HashAlgorithm, WhenMissing},
    ruleset::{
        CohortParts, CompiledCohort, CompiledCondition, CompiledPrerequisite, CompiledRollout, CompiledVenue,
        KeyRef, Ruleset, Source, SplitKey,
    },
};

/// Everything that one evaluation can look at.
pub(crate) struct Scope<'r, 'c> {
    pub(crate) ruleset: &'r Ruleset,
    pub(crate) context: &'c Context,
    pub(crate) clock: Clock,
    /// How many flags led here, each for what it gives to another.
    flags: usize,
    /// The venue that the context names, looked up when first asked for.
    venue: OnceCell<Option<&'r CompiledVenue>>,
}

impl<'r, 'c> Scope<'r, 'c> {
    #[inline]
    pub(crate) fn new(ruleset: &'r Ruleset, context: &'c Context, now: impl Into<Now>) -> Self {
        Self { ruleset, context, clock: Clock::new(now), flags: 0, venue: OnceCell::new() }
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
            CompiledCondition::Attribute(source, test) => test.holds(self.find(source), &self.clock),
            // Most rules are a few comparisons side by side: those need no further call.
            CompiledCondition::All(parts) => parts.iter().all(|part| match part {
                CompiledCondition::Attribute(source, test) => test.holds(self.find(source), &self.clock),
                other => self.holds(other, depth),
            }),
            CompiledCondition::Any(parts) => parts.iter().any(|part| self.holds(part, depth)),
            CompiledCondition::Not(inner) => !self.holds(inner, depth),
            CompiledCondition::Cohort(cohort) => self.belongs(cohort, depth),
            CompiledCondition::Exists(source, wanted) => self.is_there(source) == *wanted,
            CompiledCondition::Prerequisite(wanted) => self.gives(wanted).1,
            CompiledCondition::Rollout(rollout) => {
                self.share(rollout).is_ok_and(|place| rollout.holds(place))
            }
            CompiledCondition::Logic(logic) => logic.holds(self),
        }
    }

    /// Whether the context, or its venue, has an attribute, or others within it.
    pub(crate) fn is_there(&self, source: &Source) -> bool {
        match source {
            Source::Attribute(name) => self.context.has(name),
            Source::VenueField(name) => self.venue().is_some_and(|venue| venue.attributes.has(name)),
            Source::TargetingKey | Source::Venue => self.find(source).is_some(),
        }
    }

    /// The same to be looked at, by an evaluation of its own.
    pub(super) fn again(&self) -> Self {
        let Self { ruleset, context, flags, .. } = *self;
        Self { ruleset, context, clock: self.clock.lend(), flags, venue: OnceCell::new() }
    }

    /// What another flag looks at that this one leans on.
    pub(crate) fn of_another_flag(&self) -> Self {
        Self { flags: self.flags + 1, ..self.again() }
    }

    /// What another flag gives to the context, and whether that is what is wanted of it. Nothing, and no, at the end
    /// of too long a chain (which the server refuses to write). Not inlined: it leads to a whole evaluation.
    #[inline(never)]
    pub(crate) fn gives(&self, wanted: &CompiledPrerequisite) -> (Option<Evaluation<'r>>, bool) {
        if self.flags >= MAX_REFERENCE_DEPTH {
            return (None, false);
        }
        // Without an observer: the trace tells one flag's story, the other's on request.
        let mut evaluator = Evaluator::new(self.of_another_flag(), Silent);
        let given = evaluator.evaluate_ref(&wanted.flag);
        self.clock.learn(&evaluator.scope.clock);
        let met = given.variant().is_some_and(|variant| wanted.accepts(variant))
            && wanted.enabled.is_none_or(|enabled| enabled == given.enabled);
        (Some(given), met)
    }

    /// Whether the context belongs to a cohort. Nobody belongs to one that is unknown, nor to one at the end of too
    /// long a chain (which the server refuses to write). Of one that is broken it is not known: where there are such,
    /// [`Scope::membership`] is asked before this counts.
    pub(crate) fn belongs(&self, cohort: &KeyRef, depth: usize) -> bool {
        let Some(CompiledCohort { parts: Some(parts), .. }) = self.ruleset.cohorts.get_ref(cohort) else {
            return false;
        };
        self.is_there_for(parts, depth)
            && self.by_whose_word(cohort, parts, |scope| scope.is_member(parts, depth))
    }

    /// Whether the cohort exists where the context is.
    #[inline]
    pub(super) fn is_there_for(&self, parts: &CohortParts, depth: usize) -> bool {
        depth <= MAX_REFERENCE_DEPTH
            && (parts.venues.is_empty()
                || self.context.venue_text().is_some_and(|venue| parts.venues.contains(venue)))
    }

    /// Whether the context is a member, by the word that counts: who comes with a client key is one by what a backend
    /// has signed, unless the cohort takes a phone's own word.
    #[inline]
    pub(super) fn by_whose_word<T: From<bool>>(
        &self,
        cohort: &KeyRef,
        parts: &CohortParts,
        is_member: impl Fn(&Scope<'r, '_>) -> T,
    ) -> T {
        match (self.context.word(), parts.claims) {
            (Word::Anyones, _) | (Word::Nobodys, None | Some(Claims::Open)) => is_member(self),
            (Word::Nobodys, Some(Claims::Signed)) => false.into(),
            (Word::Backends(signed), _) if signed.lists(cohort) => true.into(),
            (Word::Backends(_), Some(Claims::Open)) => is_member(self),
            (Word::Backends(signed), None | Some(Claims::Signed)) => {
                let said = self.said_by(signed.context());
                let answer = is_member(&said);
                self.clock.learn(&said.clock);
                answer
            }
        }
    }

    /// The same of another context, at the same time.
    fn said_by<'s>(&self, context: &'s Context) -> Scope<'r, 's> {
        let Self { ruleset, flags, .. } = *self;
        Scope { ruleset, context, clock: self.clock.lend(), flags, venue: OnceCell::new() }
    }

    /// Whether what the context says makes it a member.
    fn is_member(&self, parts: &CohortParts, depth: usize) -> bool {
        self.is_listed(parts)
            || parts.condition.as_ref().is_some_and(|condition| self.holds(condition, depth + 1))
    }

    /// Whether it is a member one by one.
    #[inline]
    pub(super) fn is_listed(&self, parts: &CohortParts) -> bool {
        let listed = || match self.find(&parts.by) {
            Some(AttributeValue::Text(text)) => parts.keys.contains(text),
            _ => false,
        };
        !parts.keys.is_empty() && listed()
    }

    /// Draws a split: where the context lands in `0..total`.
    ///
    /// # Errors
    /// The part of the split key that the context lacks.
    #[inline]
    pub(crate) fn draw<'k>(&self, key: &'k SplitKey, total: u64) -> Result<u64, &'k str> {
        self.place(key, Span::Weights(total))
    }

    /// Draws a share: where the context lands in the steps of [`crate::model::Percent`].
    ///
    /// # Errors
    /// As [`Scope::draw`].
    #[inline]
    pub(crate) fn share<'k>(&self, rollout: &'k CompiledRollout) -> Result<u64, &'k str> {
        self.place(&rollout.split, Span::Steps)
    }

    #[inline]
    fn place<'k>(&self, key: &'k SplitKey, span: Span) -> Result<u64, &'k str> {
        if key.special.is_some() {
            return self.special_place(key, span);
        }
        let part = |source: &'k Source| self.find(source).filter(|own| is_identity(own)).ok_or(source.name());
        draw(&key.seed, || key.by.iter().map(part), span.total())
    }

    /// A draw in another system's way, by a stand-in, or without any key. Not inlined: what is rare would slow down
    /// what is not.
    #[inline(never)]
    fn special_place<'k>(&self, key: &'k SplitKey, span: Span) -> Result<u64, &'k str> {
        let Some(special) = &key.special else { return Ok(0) };
        let found = |source: &'k Source| {
            let own = self.find(source);
            own.filter(|own| is_foreign_identity(special.hash, &key.seed, own)).ok_or(source.name())
        };
        if special.when_missing == WhenMissing::Empty && special.fallback.is_empty() {
            let empty = AttributeValue::List(Vec::new());
            let written = |source: &'k Source| {
                self.find(source).filter(|own| !matches!(own, AttributeValue::List(_))).unwrap_or(&empty)
            };
            return Ok(foreign_place(special.hash, &key.seed, key.by.iter().map(written), span));
        }
        let Some(missing) = key.by.iter().find_map(|source| found(source).err()) else {
            let parts = key.by.iter().filter_map(|source| found(source).ok());
            return Ok(foreign_place(special.hash, &key.seed, parts, span));
        };
        if let Some(value) = special.fallback.iter().find_map(|source| found(source).ok()) {
            return Ok(foreign_place(special.hash, &key.seed, std::iter::once(value), span));
        }
        match special.when_missing {
            WhenMissing::Outside => Err(missing),
            WhenMissing::First => Ok(0),
            // With stand-ins, one of them draws or nobody does.
            WhenMissing::Empty => Err(missing),
            WhenMissing::Random => {
                let now = AttributeValue::Integer(self.clock.now().millis());
                // A share and a split of one seed must not go together: who is early in one would be so in both.
                let what = AttributeValue::Bool(matches!(span, Span::Steps));
                Ok(foreign_place(HashAlgorithm::Xxh3, &key.seed, [&now, &what].into_iter(), span))
            }
        }
    }
}
