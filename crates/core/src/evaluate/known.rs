//! Conditions that hang on a cohort that this version can't understand.
//!
//! Who is in such a cohort is not known: `not` around it must not become true for everybody, and a kill for it must not
//! end. So conditions have three answers here, and a flag falls back only where what it gives would depend on such a
//! cohort. Rulesets say whether they have one at all ([`Ruleset::has_broken_cohorts`]); where there is none, nothing of
//! this is asked.
//!
//! [`Ruleset::has_broken_cohorts`]: crate::ruleset::Ruleset::has_broken_cohorts

use super::{
    evaluator::Evaluator,
    matching::Scope,
    observer::{Observer, Silent},
    reason::Reason,
};
use crate::ruleset::{CompiledCondition, CompiledConfig, CompiledRule, KeyRef};

/// Whether a condition holds, as far as that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known<'r> {
    Yes,
    No,
    /// It depends on who is in this cohort, which can't be understood.
    Unclear(&'r str),
}

impl From<bool> for Known<'_> {
    fn from(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

impl<'r> Scope<'r, '_> {
    /// As [`Scope::holds`], and the same wherever that does not hang on a cohort that can't be understood.
    pub(super) fn known(&self, condition: &CompiledCondition, depth: usize) -> Known<'r> {
        match condition {
            CompiledCondition::All(parts) => self.combined(parts, Known::No, Known::Yes, depth),
            CompiledCondition::Any(parts) => self.combined(parts, Known::Yes, Known::No, depth),
            CompiledCondition::Not(inner) => match self.known(inner, depth) {
                Known::Yes => Known::No,
                Known::No => Known::Yes,
                unclear @ Known::Unclear(_) => unclear,
            },
            CompiledCondition::Cohort(cohort) => self.membership(cohort, depth),
            // Nothing else asks for a cohort; another flag that falls back gives nothing, as any that fails.
            CompiledCondition::Attribute(..)
            | CompiledCondition::Exists(..)
            | CompiledCondition::Rollout(_)
            | CompiledCondition::Prerequisite(_)
            | CompiledCondition::Logic(_) => self.holds(condition, depth).into(),
        }
    }

    /// `settles`: the answer of one part that settles the whole.
    fn combined(
        &self,
        parts: &[CompiledCondition],
        settles: Known<'r>,
        otherwise: Known<'r>,
        depth: usize,
    ) -> Known<'r> {
        let mut answer = otherwise;
        for part in parts {
            let one = self.known(part, depth);
            if one == settles {
                return settles;
            }
            if answer == otherwise {
                answer = one;
            }
        }
        answer
    }

    /// As [`Scope::belongs`].
    pub(super) fn membership(&self, cohort: &KeyRef, depth: usize) -> Known<'r> {
        let Some(found) = self.ruleset.cohorts.get_ref(cohort) else { return Known::No };
        let Some(parts) = &found.parts else { return Known::Unclear(found.key.text()) };
        if !self.is_there_for(parts, depth) {
            return Known::No;
        }
        self.by_whose_word(cohort, parts, |scope| match &parts.condition {
            _ if scope.is_listed(parts) => Known::Yes,
            None => Known::No,
            Some(condition) => scope.known(condition, depth + 1),
        })
    }
}

impl<'r, O: Observer> Evaluator<'r, '_, O> {
    /// The first of `rules` of which it is not known whether it serves, by its place, and the cohort that can't be
    /// understood. None where one before it serves for certain. Not inlined: it is rare.
    #[cold]
    #[inline(never)]
    pub(super) fn unclear(
        &self,
        config: &'r CompiledConfig,
        rules: &'r [CompiledRule],
    ) -> Option<(usize, &'r str)> {
        let mut silent = Evaluator::new(self.scope.again(), Silent);
        let mut found = None;
        for (n, rule) in rules.iter().enumerate() {
            let known = rule.condition.as_ref().map_or(Known::Yes, |own| silent.scope.known(own, 0));
            // Those outside its share, or in a gap of its split, go on in any case.
            if known == Known::No || !silent.would_serve(config, rule) {
                continue;
            }
            if let Known::Unclear(cohort) = known {
                found = Some((n, cohort));
            }
            break;
        }
        self.scope.clock.learn(&silent.scope.clock);
        found
    }

    /// Whether a rule serves those who match.
    fn would_serve(&mut self, config: &'r CompiledConfig, rule: &'r CompiledRule) -> bool {
        let share = rule.rollout.as_ref();
        share.is_none_or(|share| self.scope.share(share).is_ok_and(|place| share.holds(place)))
            && self.serve(config, &rule.serve, Reason::Default).is_some()
    }

    /// The first of `cohorts` of which it is not known whether the context belongs to it.
    #[cold]
    #[inline(never)]
    pub(super) fn unclear_among(&self, cohorts: &'r [KeyRef]) -> Option<&'r str> {
        let unclear = |own: &&KeyRef| matches!(self.scope.membership(own, 0), Known::Unclear(_));
        cohorts.iter().find(unclear).map(KeyRef::text)
    }
}
