//! Dark rules: what they would serve, asked apart from what is served.
//!
//! A dark rule says what a flag is going to do, before it does it to anybody. Programs count whom it would have served
//! what; a flag that is off, killed or held back by a prerequisite would serve nothing, and so counts nothing.

use super::{
    Evaluation,
    clock::Now,
    evaluator::{Applies, Evaluator},
    matching::Scope,
    observer::{Observer, Silent},
    reason::Reason,
    sentences,
};
use crate::{
    context::Context,
    ruleset::{CompiledConfig, CompiledRule, FlagState, Ruleset},
};

impl<'r> Evaluator<'r, '_, Silent> {
    /// The first dark rule that matches, and the variant that it would serve, of a flag that is not held back.
    fn dark_rule(&mut self, config: &'r CompiledConfig) -> Option<(&'r CompiledRule, usize)> {
        // Nothing is counted that may be wrong.
        if self.scope.ruleset.has_broken_cohorts() && self.unclear(config, &config.dark).is_some() {
            return None;
        }
        config.dark.iter().find_map(|rule| match self.applies(config, rule) {
            // Those in a gap of its split go on, as with any rule.
            Applies::Yes { .. } => {
                self.serve(config, &rule.serve, Reason::TargetingMatch).map(|served| (rule, served.variant))
            }
            Applies::No | Applies::Outside(_) => None,
        })
    }

    /// The variant that a dark rule would serve.
    fn dark(&mut self, config: &'r CompiledConfig) -> Option<&'r str> {
        if config.dark.is_empty()
            || !config.enabled
            || self.is_killed(config)
            || self.failed_prerequisite(config).is_some()
        {
            return None;
        }
        let (_, variant) = self.dark_rule(config)?;
        Some(config.variants.get(variant)?.key.as_str())
    }
}

impl<'r, O: Observer> Evaluator<'r, '_, O> {
    /// Tells the observer which dark rule matches, if one does.
    pub(super) fn note_dark(&mut self, config: &'r CompiledConfig) {
        let mut evaluator = Evaluator::new(self.scope.again(), Silent);
        let found = evaluator.dark_rule(config);
        self.scope.clock.learn(&evaluator.scope.clock);
        let Some((rule, variant)) = found else { return };
        self.passed("dark", || {
            let written = config.written.rules.iter().find(|written| *written.id == *rule.id);
            let name = written.map_or(&*rule.id, sentences::rule);
            let variant = sentences::variant(config, variant);
            format!("Dark rule “{name}” matches and would serve `{variant}`: it is counted, not served.")
        });
    }
}

impl Ruleset {
    /// The variant that the first matching dark rule of `flag` would serve to `context` at `now`. Nothing where the
    /// flag is off, killed or held back by a prerequisite for this context. What single venues and targets get does
    /// not matter: a dark rule is about what comes later.
    #[must_use]
    pub fn dark_variant(&self, flag: &str, context: &Context, now: impl Into<Now>) -> Option<&str> {
        let FlagState::Ready(config) = &self.flags.get(flag)?.state else { return None };
        Evaluator::new(Scope::new(self, context, now), Silent).dark(config)
    }
}

impl Evaluation<'_> {
    /// Whether the flag has dark rules, so that it makes sense to ask [`Ruleset::dark_variant`].
    #[must_use]
    pub fn has_dark_rules(&self) -> bool {
        self.config.is_some_and(|config| !config.dark.is_empty())
    }

    /// Metrics that programs count by the variant of the flag.
    pub fn measure(&self) -> impl ExactSizeIterator<Item = &str> {
        self.config.map_or(&[][..], |config| &config.measure).iter().map(|metric| &**metric)
    }
}
