//! What a venue gets from a flag, before anybody in particular asks: the cells of the board, and the reach of
//! a change before it is saved.
//!
//! Only the venue is known, so conditions have three answers: yes, no, and "it depends on who asks". What
//! depends is reported as a mix of variants, with percentages where draws alone decide.

use serde::Serialize;

use crate::{
    context::{AttributeValue, Context},
    evaluate::Scope,
    limits::MAX_REFERENCE_DEPTH,
    model::{Percent, Timestamp},
    ruleset::{
        CompiledCondition, CompiledConfig, CompiledPrerequisite, CompiledServe, FlagState, KeyRef, Ruleset,
        Source, Texts,
    },
};

/// What a venue gets from a flag.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Exposure {
    /// The one variant that everybody at the venue gets; `None` when it varies, or is the caller's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// What decides.
    pub source: ExposureSource,
    /// The rule that decides, where one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// All variants that somebody at the venue may get, when it varies.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mix: Vec<Share>,
    /// Whether single people or cohorts may get something else.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub exceptions: bool,
}

/// What decides about a venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ExposureSource {
    /// The flag is off.
    Off,
    /// It is killed, for everyone or at this venue.
    Killed,
    /// A prerequisite is not met.
    Prerequisite,
    /// The venue has a setting of its own.
    Override,
    /// A rule matches the whole venue.
    Rule,
    /// The default applies.
    Default,
    /// A draw decides, person by person.
    Split,
    /// It depends on who asks.
    Varies,
    /// The flag can't be understood, or is not configured here: the caller's default.
    Unknown,
}

/// A variant and its share of those who ask at a venue.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Share {
    /// The variant.
    pub variant: String,
    /// Its share in percent, where draws alone decide.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent: Option<f64>,
}

impl Exposure {
    fn plain(source: ExposureSource) -> Self {
        Self { variant: None, source, rule: None, mix: Vec::new(), exceptions: false }
    }
}

/// An answer when only the venue is known.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Truth {
    Yes,
    No,
    Depends,
}

impl From<bool> for Truth {
    fn from(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

impl Truth {
    fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Depends => Self::Depends,
        }
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes, Self::Yes) => Self::Yes,
            _ => Self::Depends,
        }
    }
}

/// Whether a prerequisite lets those go on who get what the other flag gives.
fn accepts(prerequisite: &CompiledPrerequisite, given: &Exposure) -> Truth {
    match &given.variant {
        Some(variant) => prerequisite.accepts(variant).into(),
        None if given.mix.iter().any(|share| prerequisite.accepts(&share.variant)) => Truth::Depends,
        None => Truth::No,
    }
}

/// A part of those who ask, and what they get.
struct Part<'r> {
    variant: usize,
    /// Of all who ask, 0 to 1; `None` when it depends on who they are.
    share: Option<f64>,
    rule: Option<&'r str>,
    drawn: bool,
}

/// Those that come to one serve.
struct Whole<'r> {
    share: Option<f64>,
    rule: Option<&'r str>,
    drawn: bool,
}

impl<'r> Whole<'r> {
    fn part(&self, variant: usize, share: Option<f64>, drawn: bool) -> Part<'r> {
        Part { variant, share, rule: self.rule, drawn }
    }
}

impl Ruleset {
    /// What `flag` gives at `venue`.
    #[must_use]
    pub fn exposure(&self, flag: &str, venue: &str, now: Timestamp) -> Exposure {
        let context = Context::anonymous().with("venue", venue);
        let board = Board { scope: Scope::new(self, &context, now), flags: 0 };
        match self.flags.get(flag).map(|flag| &flag.state) {
            Some(FlagState::Ready(config)) => board.exposure(config),
            _ => Exposure::plain(ExposureSource::Unknown),
        }
    }
}

struct Board<'r, 'c> {
    scope: Scope<'r, 'c>,
    /// How many flags led here.
    flags: usize,
}

impl<'r> Board<'r, '_> {
    fn exposure(&self, config: &'r CompiledConfig) -> Exposure {
        let name = |index: usize| config.variants.get(index).map(|variant| variant.key.as_str().to_owned());
        let settled = |index: usize, source| Exposure { variant: name(index), ..Exposure::plain(source) };
        if !config.enabled {
            return settled(config.off, ExposureSource::Off);
        }
        let mut exceptions = false;
        if let Some(killed) = &config.killed {
            let here = self.scope.context.venue_text().is_some_and(|venue| killed.venues.contains(venue));
            if killed.all || here {
                return settled(config.off, ExposureSource::Killed);
            }
            for cohort in &killed.cohorts {
                if self.is_broken(cohort) {
                    return settled(config.off, ExposureSource::Killed);
                }
                match self.belongs(cohort, 0) {
                    Truth::Yes => return settled(config.off, ExposureSource::Killed),
                    Truth::Depends => exceptions = true,
                    Truth::No => {}
                }
            }
        }
        for prerequisite in &config.prerequisites {
            let (met, varies) = self.met(prerequisite);
            // Whoever gets something else there, may get something else here.
            exceptions |= varies;
            match met {
                Truth::Yes => {}
                Truth::Depends => exceptions = true,
                Truth::No => {
                    return Exposure { exceptions, ..settled(config.off, ExposureSource::Prerequisite) };
                }
            }
        }
        let venue = self.scope.context.venue_text();
        if let Some((_, variant)) =
            venue.and_then(|venue| config.venues.iter().find(|(venues, _)| venues.contains(venue)))
        {
            return Exposure { exceptions, ..settled(*variant, ExposureSource::Override) };
        }
        for target in &config.targets {
            if !target.by.is_of_venue() {
                exceptions = true;
            } else if self.lists(&target.by, &target.values) {
                // As good as a setting of its own, but for people who are targeted before.
                return Exposure { exceptions, ..settled(target.variant, ExposureSource::Override) };
            }
        }
        if self.scope.ruleset.has_broken_cohorts() && self.is_unclear(config) {
            // Some may be given what a rule serves whoever is in the cohort; the others the caller's default.
            return Exposure { exceptions: true, ..Exposure::plain(ExposureSource::Unknown) };
        }
        Exposure { exceptions, ..summary(config, &self.parts(config)) }
    }

    /// Whether what the rules give depends on a cohort that can't be understood.
    fn is_unclear(&self, config: &CompiledConfig) -> bool {
        for rule in &config.rules {
            let condition = rule.condition.as_ref();
            match condition.map_or(Truth::Yes, |condition| self.holds(condition, 0)) {
                Truth::Yes if rule.rollout.is_none() && matches!(rule.serve, CompiledServe::Variant(_)) => {
                    return false;
                }
                Truth::Depends if condition.is_some_and(|condition| self.asks_broken(condition, 0)) => {
                    return true;
                }
                Truth::Yes | Truth::No | Truth::Depends => {}
            }
        }
        false
    }

    fn is_broken(&self, cohort: &KeyRef) -> bool {
        self.scope.ruleset.cohorts.get_ref(cohort).is_some_and(|cohort| cohort.parts.is_none())
    }

    /// Whether a condition asks for a cohort that can't be understood, also through others.
    fn asks_broken(&self, condition: &CompiledCondition, depth: usize) -> bool {
        match condition {
            CompiledCondition::All(parts) | CompiledCondition::Any(parts) => {
                parts.iter().any(|part| self.asks_broken(part, depth))
            }
            CompiledCondition::Not(inner) => self.asks_broken(inner, depth),
            CompiledCondition::Cohort(cohort) => {
                let found = self.scope.ruleset.cohorts.get_ref(cohort);
                let condition = found.and_then(|cohort| cohort.parts.as_ref()?.condition.as_ref());
                self.is_broken(cohort)
                    || (depth <= MAX_REFERENCE_DEPTH
                        && condition.is_some_and(|condition| self.asks_broken(condition, depth + 1)))
            }
            _ => false,
        }
    }

    /// Whether the venue's value is one of those listed.
    fn lists(&self, by: &'r Source, values: &Texts) -> bool {
        matches!(self.scope.find(by), Some(AttributeValue::Text(text)) if values.contains(text))
    }

    /// What another flag gives, and whether it is enabled.
    fn prerequisite(&self, flag: &KeyRef) -> Option<(Exposure, Truth)> {
        use ExposureSource::{Default, Killed, Off, Override, Prerequisite, Rule, Split, Unknown, Varies};
        let FlagState::Ready(config) = &self.scope.ruleset.flags.get_ref(flag)?.state else { return None };
        if self.flags >= MAX_REFERENCE_DEPTH {
            return None;
        }
        let scope = self.scope.of_another_flag();
        let given = Board { scope, flags: self.flags + 1 }.exposure(config);
        let enabled = match given.source {
            Off | Killed | Prerequisite | Unknown => Truth::No,
            Override | Rule => Truth::Yes,
            Default | Split | Varies if config.default.is_some() => Truth::Yes,
            Default => Truth::No,
            Split | Varies => Truth::Depends,
        };
        Some((given, enabled))
    }

    /// Rules and default, as parts of those who ask.
    fn parts(&self, config: &'r CompiledConfig) -> Vec<Part<'r>> {
        let mut parts = Vec::new();
        // What is left for later rules: a known share, or one that depends.
        let mut left = Some(1.0);
        for rule in &config.rules {
            let matches = rule.condition.as_ref().map_or(Truth::Yes, |condition| self.holds(condition, 0));
            let share = rule.rollout.as_ref().map_or(1.0, |rollout| {
                if rollout.split.is_of_venue() {
                    let inside = self.scope.share(rollout).is_ok_and(|place| rollout.holds(place));
                    return f64::from(u8::from(inside));
                }
                f64::from(rollout.to - rollout.from) / f64::from(Percent::STEPS)
            });
            if matches == Truth::No || share == 0.0 {
                continue;
            }
            let share = if matches == Truth::Depends { None } else { Some(share) };
            let all = Whole {
                share: multiply(left, share),
                rule: Some(&rule.id),
                drawn: share.is_some_and(|share| share < 1.0),
            };
            // Those in the gaps of its split go on.
            let gaps = self.serve(&rule.serve, &all, &mut parts);
            let share = multiply(share, Some(1.0 - gaps));
            if share == Some(1.0) {
                return parts;
            }
            left = multiply(left, share.map(|share| 1.0 - share));
        }
        let all = Whole { share: left, rule: None, drawn: false };
        match &config.default {
            None => parts.push(all.part(config.off, left, false)),
            Some(default) => {
                let gaps = self.serve(default, &all, &mut parts);
                if gaps > 0.0 {
                    parts.push(all.part(
                        default.otherwise(config.off),
                        multiply(left, Some(gaps)),
                        gaps < 1.0,
                    ));
                }
            }
        }
        parts
    }

    /// Adds what `serve` gives to `all` that come to it. Returns the part of them that it leaves out, 0 to 1.
    fn serve(&self, serve: &'r CompiledServe, all: &Whole<'r>, parts: &mut Vec<Part<'r>>) -> f64 {
        let mut add = |variant: usize, share, drawn| parts.push(all.part(variant, share, drawn));
        let split = match serve {
            CompiledServe::Variant(variant) => {
                add(*variant, all.share, all.drawn);
                return 0.0;
            }
            CompiledServe::Split(split) if split.total == 0 => {
                add(split.otherwise, all.share, all.drawn);
                return 0.0;
            }
            CompiledServe::Split(split) => split,
        };
        if split.split.is_of_venue() {
            let found = match self.scope.draw(&split.split, split.total) {
                Ok(place) => split.at(place),
                Err(_) => Some(split.otherwise),
            };
            let Some(variant) = found else { return 1.0 };
            add(variant, all.share, all.drawn);
            return 0.0;
        }
        let mut start = 0;
        let mut gaps = 0.0;
        for (end, variant) in &split.ends {
            // Weights are below 2³¹, or the ends are those of a fraction: precise enough for a percentage.
            #[allow(clippy::cast_precision_loss)]
            let own = (end - start) as f64 / split.total as f64;
            match variant {
                Some(variant) => add(*variant, multiply(all.share, Some(own)), true),
                None => gaps += own,
            }
            start = *end;
        }
        gaps
    }

    fn holds(&self, condition: &CompiledCondition, depth: usize) -> Truth {
        match condition {
            CompiledCondition::Attribute(source, test) if source.is_of_venue() => {
                test.holds(self.scope.find(source), &self.scope.clock).into()
            }
            CompiledCondition::Exists(source, wanted) if source.is_of_venue() => {
                (self.scope.is_there(source) == *wanted).into()
            }
            CompiledCondition::Attribute(..) | CompiledCondition::Exists(..) => Truth::Depends,
            CompiledCondition::Prerequisite(wanted) => self.gives(wanted),
            CompiledCondition::Rollout(rollout) if rollout.from == rollout.to => Truth::No,
            CompiledCondition::Rollout(rollout) if rollout.split.is_of_venue() => {
                self.scope.share(rollout).is_ok_and(|place| rollout.holds(place)).into()
            }
            CompiledCondition::Logic(logic) if logic.is_of_venue() => logic.holds(&self.scope).into(),
            CompiledCondition::Rollout(_) | CompiledCondition::Logic(_) => Truth::Depends,
            CompiledCondition::All(parts) => self.combine(parts, Truth::No, depth),
            CompiledCondition::Any(parts) => self.combine(parts, Truth::Yes, depth),
            CompiledCondition::Not(inner) => self.holds(inner, depth).not(),
            CompiledCondition::Cohort(cohort) => self.belongs(cohort, depth),
        }
    }

    /// Whether another flag gives what is wanted of it, and whether some may be given something else.
    fn met(&self, wanted: &CompiledPrerequisite) -> (Truth, bool) {
        let Some((given, enabled)) = self.prerequisite(&wanted.flag) else { return (Truth::No, false) };
        let met = match wanted.enabled {
            None => accepts(wanted, &given),
            Some(true) => accepts(wanted, &given).and(enabled),
            Some(false) => accepts(wanted, &given).and(enabled.not()),
        };
        (met, given.exceptions)
    }

    /// Whether another flag gives everybody here what is wanted of it.
    fn gives(&self, wanted: &CompiledPrerequisite) -> Truth {
        match self.met(wanted) {
            (met, false) => met,
            (_, true) => Truth::Depends,
        }
    }

    /// `settles`: the answer of one part that settles the whole.
    fn combine(&self, parts: &[CompiledCondition], settles: Truth, depth: usize) -> Truth {
        let mut answer = if settles == Truth::No { Truth::Yes } else { Truth::No };
        for part in parts {
            let one = self.holds(part, depth);
            if one == settles {
                return settles;
            }
            if one == Truth::Depends {
                answer = Truth::Depends;
            }
        }
        answer
    }

    fn belongs(&self, cohort: &KeyRef, depth: usize) -> Truth {
        let Some(found) = self.scope.ruleset.cohorts.get_ref(cohort) else { return Truth::No };
        let Some(parts) = &found.parts else { return Truth::Depends };
        let here = self.scope.context.venue_text().is_some_and(|venue| parts.venues.contains(venue));
        if depth > MAX_REFERENCE_DEPTH || (!parts.venues.is_empty() && !here) {
            return Truth::No;
        }
        if parts.keys.is_empty() && parts.condition.is_none() {
            return Truth::No;
        }
        if parts.by.is_of_venue() && self.lists(&parts.by, &parts.keys) {
            return Truth::Yes;
        }
        let by_condition =
            parts.condition.as_ref().map_or(Truth::No, |condition| self.holds(condition, depth + 1));
        let listed = if parts.keys.is_empty() || parts.by.is_of_venue() { Truth::No } else { Truth::Depends };
        match (by_condition, listed) {
            (Truth::Yes, _) => Truth::Yes,
            (Truth::No, Truth::No) => Truth::No,
            _ => Truth::Depends,
        }
    }
}

fn multiply(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    Some(a? * b?)
}

fn summary(config: &CompiledConfig, parts: &[Part<'_>]) -> Exposure {
    let name = |index: usize| {
        config.variants.get(index).map_or_else(String::new, |variant| variant.key.as_str().to_owned())
    };
    let Some(first) = parts.first() else { return Exposure::plain(ExposureSource::Unknown) };
    let rule = |part: &Part<'_>| part.rule.map(ToOwned::to_owned);
    if parts.iter().all(|part| part.variant == first.variant) {
        let same_rule = parts.iter().all(|part| part.rule == first.rule);
        let source = match (same_rule, first.rule) {
            (true, Some(_)) => ExposureSource::Rule,
            (true, None) => ExposureSource::Default,
            (false, _) => ExposureSource::Varies,
        };
        let rule = if same_rule { rule(first) } else { None };
        return Exposure { variant: Some(name(first.variant)), rule, ..Exposure::plain(source) };
    }
    let mut mix: Vec<(usize, Option<f64>)> = Vec::new();
    for part in parts {
        match mix.iter_mut().find(|(variant, _)| *variant == part.variant) {
            Some((_, share)) => *share = share.and_then(|own| Some(own + part.share?)),
            None => mix.push((part.variant, part.share)),
        }
    }
    let known = parts.iter().all(|part| part.share.is_some());
    let percent = |share: f64| (share * 100_000.0).round() / 1000.0;
    Exposure {
        source: if known && parts.iter().any(|part| part.drawn) {
            ExposureSource::Split
        } else {
            ExposureSource::Varies
        },
        rule: rule(first),
        mix: mix
            .into_iter()
            .map(|(variant, share)| Share {
                variant: name(variant),
                percent: share.filter(|_| known).map(percent),
            })
            .collect(),
        ..Exposure::plain(ExposureSource::Varies)
    }
}
