//! The order of evaluation, step by step.

use super::{
    Evaluation,
    matching::Scope,
    observer::Observer,
    reason::{ErrorCode, Reason},
    sentences,
    trace::{Outcome, Step},
};
use crate::{
    context::AttributeValue,
    ruleset::{
        CompiledConfig, CompiledFlag, CompiledRule, CompiledServe, CompiledSplit, FlagState, Glance, KeyRef,
    },
};

/// One evaluation under way.
pub(super) struct Evaluator<'r, 'c, O> {
    pub(super) scope: Scope<'r, 'c>,
    observer: O,
}

/// Whether a rule applies to the context.
pub(super) enum Applies<'r> {
    Yes {
        drawn: bool,
    },
    No,
    /// The rollout's draw could not be made: this part of its split key is missing.
    Outside(&'r str),
}

/// What was decided to be served.
pub(super) struct Served<'r> {
    pub(super) variant: usize,
    reason: Reason,
    /// The part of the split key that the context lacks.
    missing: Option<&'r str>,
}

impl<'r> Served<'r> {
    /// `outside` is the part of a split key that kept the context out of an earlier rule's share. The evaluation is
    /// put together in one place, at the end: to copy one costs more than to decide it.
    #[inline]
    fn evaluation(
        self,
        config: &'r CompiledConfig,
        rule: Option<&'r str>,
        outside: Option<&'r str>,
    ) -> Evaluation<'r> {
        let missing_split_key = self.missing.or(outside);
        Evaluation {
            rule,
            missing_split_key,
            enabled: true,
            ..Evaluation::of(config, self.variant, self.reason)
        }
    }
}

impl<'r, 'c, O: Observer> Evaluator<'r, 'c, O> {
    #[inline]
    pub(super) fn new(scope: Scope<'r, 'c>, observer: O) -> Self {
        Self { scope, observer }
    }

    #[inline]
    pub(super) fn evaluate(&mut self, flag: &str) -> Evaluation<'r> {
        let found = self.scope.ruleset.flags.get(flag);
        self.found(found, flag)
    }

    /// The same, of a flag that was looked up already.
    #[inline]
    pub(super) fn found(&mut self, found: Option<&'r CompiledFlag>, key: &str) -> Evaluation<'r> {
        self.flag(found, key)
    }

    /// As [`Evaluator::evaluate`], by a key whose hash is there already.
    pub(super) fn evaluate_ref(&mut self, flag: &KeyRef) -> Evaluation<'r> {
        let found = self.scope.ruleset.flags.get_ref(flag);
        self.flag(found, flag.text())
    }

    #[inline]
    fn flag(&mut self, found: Option<&'r CompiledFlag>, key: &str) -> Evaluation<'r> {
        match found.map(|flag| &flag.state) {
            Some(FlagState::Ready(config)) => self.config(config),
            None => {
                self.decided("flag", || format!("There is no flag `{key}`: the caller's default applies."));
                Evaluation::failed(ErrorCode::FlagNotFound)
            }
            Some(FlagState::Absent) => {
                let environment = self.scope.ruleset.environment();
                self.decided("flag", || {
                    format!("The flag is not configured in {environment}: the caller's default applies.")
                });
                Evaluation::without_variant(Reason::Disabled)
            }
            Some(FlagState::Broken(problems)) => {
                self.decided("flag", || {
                    format!("The flag can't be understood, so the caller's default applies: {problems}")
                });
                Evaluation::failed(ErrorCode::ParseError)
            }
        }
    }

    #[inline]
    fn config(&mut self, config: &'r CompiledConfig) -> Evaluation<'r> {
        let off = |reason| Evaluation::of(config, config.off, reason);
        if !config.enabled {
            self.decided("enabled", || {
                format!("The flag is off: `{}`.", sentences::variant(config, config.off))
            });
            return off(Reason::Disabled);
        }
        self.passed("enabled", || "The flag is on.".to_owned());
        if self.is_killed(config) {
            return off(Reason::Disabled);
        }
        if let Some(failed) = self.failed_prerequisite(config) {
            return Evaluation { failed_prerequisite: Some(failed), ..off(Reason::Disabled) };
        }
        if O::LISTENS {
            self.note_dark(config);
        }
        if let Some(variant) = self.venue_override(config).or_else(|| self.target(config)) {
            return Evaluation { enabled: true, ..Evaluation::of(config, variant, Reason::TargetingMatch) };
        }
        if self.scope.ruleset.has_broken_cohorts()
            && let Some((at, cohort)) = self.unclear(config, &config.rules)
        {
            return self.fails(config, at, cohort);
        }
        let mut outside = None;
        let mut glance = Glance::new(self.scope.context);
        for (rule, guard) in config.rules.iter().zip(&config.guards) {
            // An explanation tells of every rule, so there each is asked in full.
            if !O::LISTENS && !glance.passes(guard) {
                continue;
            }
            match self.applies(config, rule) {
                Applies::Yes { drawn } => {
                    let reason = if drawn { Reason::Split } else { Reason::TargetingMatch };
                    if let Some(served) = self.serve(config, &rule.serve, reason) {
                        return served.evaluation(config, Some(&rule.id), None);
                    }
                }
                Applies::No => {}
                Applies::Outside(name) => outside = outside.or(Some(name)),
            }
        }
        let reason = if config.targeted { Reason::Default } else { Reason::Static };
        let Some(default) = &config.default else {
            self.decided("default", || {
                format!(
                    "Nothing matches, and there is no default: `{}`.",
                    sentences::variant(config, config.off)
                )
            });
            return Evaluation { missing_split_key: outside, ..off(Reason::Default) };
        };
        let served = self.serve(config, default, reason).unwrap_or_else(|| {
            let otherwise = default.otherwise(config.off);
            self.decided("serve", || {
                format!("Outside the split: `{}`.", sentences::variant(config, otherwise))
            });
            Served { variant: otherwise, reason: Reason::Default, missing: None }
        });
        served.evaluation(config, None, outside)
    }

    /// The caller's default, because what the rule at this place asks for can't be understood.
    #[cold]
    fn fails(&mut self, config: &'r CompiledConfig, at: usize, cohort: &str) -> Evaluation<'r> {
        if O::LISTENS {
            for rule in config.rules.iter().take(at) {
                self.applies(config, rule);
            }
            let written = |id: &str| config.written.rules.iter().find(|written| *written.id == *id);
            if let Some(rule) = config.rules.get(at)
                && let Some(written) = written(&rule.id)
            {
                let name = sentences::rule(written);
                let details =
                    sentences::condition(&self.scope, written.condition.as_ref(), rule.condition.as_ref());
                self.observer.note(Step {
                    step: "rule",
                    outcome: Outcome::Decided,
                    text: format!(
                        "Rule “{name}” depends on cohort {cohort}, which can't be understood, so the caller's default applies."
                    ),
                    rule: Some(rule.id.to_string()),
                    details,
                });
            }
        }
        Evaluation::failed(ErrorCode::ParseError)
    }

    #[inline]
    pub(super) fn is_killed(&mut self, config: &'r CompiledConfig) -> bool {
        let Some(killed) = &config.killed else { return false };
        let off = || sentences::variant(config, config.off);
        if killed.all {
            self.decided("killed", || format!("The flag is killed for everyone: `{}`.", off()));
            return true;
        }
        if let Some(venue) = self.scope.context.venue_text()
            && killed.venues.contains(venue)
        {
            let venue = venue.as_str();
            self.decided("killed", || format!("The flag is killed at {venue}: `{}`.", off()));
            return true;
        }
        for cohort in &killed.cohorts {
            if self.scope.belongs(cohort, 0) {
                self.decided("killed", || {
                    format!("The flag is killed for cohort {}: `{}`.", cohort.text(), off())
                });
                return true;
            }
        }
        // A kill that may be meant for this context holds: off is the safe side.
        if self.scope.ruleset.has_broken_cohorts()
            && let Some(cohort) = self.unclear_among(&killed.cohorts)
        {
            self.decided("killed", || {
                format!("The flag is killed for cohort {cohort}; who is in it can't be understood, so it is killed here too: `{}`.", off())
            });
            return true;
        }
        self.passed("killed", || "It is killed elsewhere, but not here.".to_owned());
        false
    }

    pub(super) fn failed_prerequisite(&mut self, config: &'r CompiledConfig) -> Option<&'r str> {
        for prerequisite in &config.prerequisites {
            let key = prerequisite.flag.text();
            let (given, met) = self.scope.gives(prerequisite);
            if !met {
                self.decided("prerequisite", || {
                    let off = sentences::variant(config, config.off);
                    let given = sentences::given(given.as_ref());
                    format!("Needs `{key}` {}; it {given}: `{off}`.", sentences::wanted(prerequisite))
                });
                return Some(key);
            }
            self.passed("prerequisite", || {
                format!("Needs `{key}` {}, and that holds.", sentences::wanted(prerequisite))
            });
        }
        None
    }

    #[inline]
    fn venue_override(&mut self, config: &'r CompiledConfig) -> Option<usize> {
        if config.venues.is_empty() {
            return None;
        }
        let venue = self.scope.context.venue_text();
        let found = venue.and_then(|venue| config.venues.iter().find(|(venues, _)| venues.contains(venue)));
        match (found, venue) {
            (Some((_, variant)), Some(venue)) => {
                let venue = venue.as_str();
                self.decided("venue", || {
                    format!("{venue} is set to `{}`.", sentences::variant(config, *variant))
                });
                Some(*variant)
            }
            _ => {
                self.passed("venue", || "This venue has no setting of its own.".to_owned());
                None
            }
        }
    }

    #[inline]
    fn target(&mut self, config: &'r CompiledConfig) -> Option<usize> {
        for target in &config.targets {
            let Some(AttributeValue::Text(text)) = self.scope.find(&target.by) else { continue };
            if target.values.contains(text) {
                let variant = target.variant;
                if O::LISTENS {
                    let text = format!(
                        "{} {} is targeted: `{}`.",
                        target.by.name(),
                        text.as_str(),
                        sentences::variant(config, variant)
                    );
                    self.observer.note(Step {
                        step: "target",
                        outcome: Outcome::Decided,
                        text,
                        rule: None,
                        details: vec![],
                    });
                }
                return Some(variant);
            }
        }
        if !config.targets.is_empty() {
            self.passed("target", || "Not among the individual targets.".to_owned());
        }
        None
    }

    #[inline]
    pub(super) fn applies(&mut self, config: &'r CompiledConfig, rule: &'r CompiledRule) -> Applies<'r> {
        let matched = rule.condition.as_ref().is_none_or(|condition| self.scope.holds(condition, 0));
        let mut draw = None;
        let applies = match &rule.rollout {
            _ if !matched => Applies::No,
            None => Applies::Yes { drawn: false },
            Some(rollout) => {
                let drawn = self.scope.share(rollout);
                draw = Some(drawn);
                match drawn {
                    Ok(place) if rollout.holds(place) => Applies::Yes { drawn: true },
                    Ok(_) => Applies::No,
                    Err(name) => Applies::Outside(name),
                }
            }
        };
        // There is always one: ids are unique within a flag.
        if O::LISTENS
            && let Some(written) = config.written.rules.iter().find(|written| *written.id == *rule.id)
        {
            let name = sentences::rule(written);
            let mut details =
                sentences::condition(&self.scope, written.condition.as_ref(), rule.condition.as_ref());
            if let (Some(draw), Some(rollout), Some(compiled)) = (draw, &written.rollout, &rule.rollout) {
                details.push(sentences::rollout(rollout, compiled, draw));
            }
            let (outcome, text) = match applies {
                Applies::Yes { .. } => (Outcome::Passed, format!("Rule “{name}” matches.")),
                Applies::No if matched => {
                    (Outcome::Passed, format!("Rule “{name}” matches, but this one is outside its share."))
                }
                Applies::No => (Outcome::Passed, format!("Rule “{name}” does not match.")),
                Applies::Outside(_) => {
                    (Outcome::Passed, format!("Rule “{name}” matches, but its share can't be drawn."))
                }
            };
            self.observer.note(Step {
                step: "rule",
                outcome,
                text,
                rule: Some(rule.id.to_string()),
                details,
            });
        }
        applies
    }

    /// What a rule, or the default, serves; `None` for a gap in its split.
    #[inline]
    pub(super) fn serve(
        &mut self,
        config: &'r CompiledConfig,
        serve: &'r CompiledServe,
        reason: Reason,
    ) -> Option<Served<'r>> {
        match serve {
            CompiledServe::Variant(variant) => {
                self.decided("serve", || format!("Serves `{}`.", sentences::variant(config, *variant)));
                Some(Served { variant: *variant, reason, missing: None })
            }
            CompiledServe::Split(split) => self.split(config, split),
        }
    }

    #[inline]
    fn split(&mut self, config: &'r CompiledConfig, split: &'r CompiledSplit) -> Option<Served<'r>> {
        let otherwise = || sentences::variant(config, split.otherwise);
        let undrawn = |missing| Some(Served { variant: split.otherwise, reason: Reason::Default, missing });
        if split.total == 0 {
            self.decided("serve", || format!("All weights of the split are zero: `{}`.", otherwise()));
            return undrawn(None);
        }
        let place = match self.scope.draw(&split.split, split.total) {
            Ok(place) => place,
            Err(name) => {
                self.decided("serve", || {
                    format!("The split needs `{name}`, which the context lacks: `{}`.", otherwise())
                });
                return undrawn(Some(name));
            }
        };
        let by = || split.split.by.iter().map(|source| source.name()).collect::<Vec<_>>().join(" and ");
        let total = split.total;
        let Some(variant) = split.at(place) else {
            self.passed("serve", || {
                format!("Splits by {}: place {place} of {total} is in none of its parts.", by())
            });
            return None;
        };
        self.decided("serve", || {
            let served = sentences::variant(config, variant);
            format!("Splits by {}: place {place} of {total} gives `{served}`.", by())
        });
        Some(Served { variant, reason: Reason::Split, missing: None })
    }

    #[inline]
    pub(super) fn passed(&mut self, step: &'static str, text: impl FnOnce() -> String) {
        self.note(step, Outcome::Passed, text);
    }

    #[inline]
    fn decided(&mut self, step: &'static str, text: impl FnOnce() -> String) {
        self.note(step, Outcome::Decided, text);
    }

    #[inline]
    fn note(&mut self, step: &'static str, outcome: Outcome, text: impl FnOnce() -> String) {
        if O::LISTENS {
            self.observer.note(Step { step, outcome, text: text(), rule: None, details: vec![] });
        }
    }
}
