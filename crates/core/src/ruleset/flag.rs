//! Flags, ready to be evaluated.

use std::{collections::HashSet, sync::Arc};

use serde::{Serialize, Serializer};
use serde_json::Value;
use smol_str::SmolStr;

use super::{
    Uses,
    asked::Mark,
    condition::{CompiledCondition, Source},
    draw::{CompiledRollout, SplitKey},
    guard::Guard,
    table::{KeyRef, Keyed},
    values::Texts,
};
use crate::{
    bucket::{LAUNCH_DARKLY_BITS, launch_darkly_ends},
    limits::{MAX_CONDITION_VALUES, MAX_MEASURES, MAX_METRIC_BYTES, MAX_RULES, MAX_TOTAL_WEIGHT},
    model::{
        Document, EnvironmentKey, Flag, FlagConfig, FlagType, HashAlgorithm, Lifecycle, Prerequisite, Rule,
        Scalar, Serve, Split, VariantKey, WhenStale,
    },
    problem::{Problem, Problems},
};

/// The value of a variant, typed once and for all. To hand one out copies a few words, and counts references only of
/// long texts and of trees: threads that count at the same place slow each other down.
#[derive(Clone, Debug, PartialEq)]
pub enum VariantValue {
    /// No value: the caller's default.
    Null,
    /// Of a boolean flag.
    Boolean(bool),
    /// Of a string flag.
    String(SmolStr),
    /// Of an integer flag.
    Integer(i64),
    /// Of a float flag.
    Float(f64),
    /// Of an object flag.
    Object(Arc<Value>),
}

impl VariantValue {
    /// `value` as a flag of this type holds it; one that does not fit is `Null`.
    #[must_use]
    pub fn new(flag_type: FlagType, value: &Value) -> Self {
        match (flag_type, value) {
            (FlagType::Boolean, Value::Bool(value)) => Self::Boolean(*value),
            (FlagType::String, Value::String(text)) => Self::String(text.as_str().into()),
            (FlagType::Integer, Value::Number(number)) => number.as_i64().map_or(Self::Null, Self::Integer),
            (FlagType::Float, Value::Number(number)) => number.as_f64().map_or(Self::Null, Self::Float),
            (FlagType::Object, Value::Object(_) | Value::Array(_)) => Self::Object(Arc::new(value.clone())),
            _ => Self::Null,
        }
    }
}

impl Serialize for VariantValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Boolean(value) => serializer.serialize_bool(*value),
            Self::String(value) => serializer.serialize_str(value),
            Self::Integer(value) => serializer.serialize_i64(*value),
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::Object(value) => value.serialize(serializer),
        }
    }
}

/// A variant: its name and its value.
#[derive(Clone, Debug)]
pub(crate) struct CompiledVariant {
    pub(crate) key: VariantKey,
    pub(crate) value: VariantValue,
}

/// A flag in one environment.
#[derive(Debug)]
pub(crate) struct CompiledFlag {
    pub(crate) key: KeyRef,
    pub(crate) state: FlagState,
}

#[derive(Debug)]
// Nearly all flags are ready, and a box would be one more step on every evaluation's way.
#[allow(clippy::large_enum_variant)]
pub(crate) enum FlagState {
    /// It can be evaluated.
    Ready(CompiledConfig),
    /// It exists, but not in this environment.
    Absent,
    /// It could not be understood.
    Broken(Problems),
}

/// A flag's configuration. Variants are referred to by their index.
#[derive(Debug)]
pub(crate) struct CompiledConfig {
    pub(crate) flag_type: FlagType,
    pub(crate) variants: Box<[CompiledVariant]>,
    pub(crate) client_visible: bool,
    pub(crate) enabled: bool,
    pub(crate) off: usize,
    pub(crate) killed: Option<Box<CompiledKilled>>,
    pub(crate) prerequisites: Box<[CompiledPrerequisite]>,
    pub(crate) venues: Box<[(Texts, usize)]>,
    pub(crate) targets: Box<[CompiledTarget]>,
    pub(crate) rules: Box<[CompiledRule]>,
    /// Rules that are never served, in their order: kept apart, so that they cost those that are nothing.
    pub(crate) dark: Box<[CompiledRule]>,
    /// One for each rule that can serve.
    pub(crate) guards: Box<[Guard]>,
    /// Without one: the off variant, and not enabled.
    pub(crate) default: Option<CompiledServe>,
    /// What its answers carry besides.
    pub(crate) metadata: Box<[(Box<str>, Scalar)]>,
    /// Whether anything but the default can decide.
    pub(crate) targeted: bool,
    pub(crate) when_stale: Option<WhenStale>,
    /// Metrics that are counted by its variant.
    pub(crate) measure: Box<[Box<str>]>,
    /// The oldest payload schema whose apps get it as it is; 0 for any.
    pub(crate) minimum_schema: u32,
    /// Whether a program has read it.
    pub(crate) asked: Mark,
    pub(crate) uses: Uses,
    /// As it was written, for explanations.
    pub(crate) written: Arc<FlagConfig>,
}

#[derive(Debug)]
pub(crate) struct CompiledKilled {
    pub(crate) all: bool,
    pub(crate) venues: Texts,
    pub(crate) cohorts: Box<[KeyRef]>,
}

#[derive(Clone, Debug)]
pub(crate) struct CompiledPrerequisite {
    pub(crate) flag: KeyRef,
    /// Empty: any.
    pub(crate) variants: Box<[VariantKey]>,
    pub(crate) enabled: Option<bool>,
}

impl CompiledPrerequisite {
    /// Prepares a prerequisite, and says what is wrong with it.
    pub(crate) fn compile(prerequisite: &Prerequisite) -> (Self, Option<Problem>) {
        let Prerequisite { flag, variants, enabled } = prerequisite;
        let problem = (variants.is_empty() && enabled.is_none()).then(|| {
            Problem::new("", flag, "this prerequisite asks for nothing", "Give `variants`, or `enabled`.")
        });
        (Self { flag: KeyRef::new(flag), variants: variants.clone().into(), enabled: *enabled }, problem)
    }

    /// Whether one of the variants it asks for is `variant`.
    pub(crate) fn accepts(&self, variant: &str) -> bool {
        self.variants.is_empty() || self.variants.iter().any(|wanted| wanted.as_str() == variant)
    }
}

#[derive(Debug)]
pub(crate) struct CompiledTarget {
    pub(crate) by: Source,
    pub(crate) values: Texts,
    pub(crate) variant: usize,
}

#[derive(Debug)]
pub(crate) struct CompiledRule {
    pub(crate) id: Box<str>,
    pub(crate) condition: Option<CompiledCondition>,
    pub(crate) rollout: Option<CompiledRollout>,
    pub(crate) serve: CompiledServe,
}

#[derive(Debug)]
pub(crate) enum CompiledServe {
    Variant(usize),
    Split(CompiledSplit),
}

impl CompiledServe {
    /// What those get who are in a gap of the split.
    pub(crate) fn otherwise(&self, off: usize) -> usize {
        match self {
            Self::Variant(_) => off,
            Self::Split(split) => split.otherwise,
        }
    }
}

#[derive(Debug)]
pub(crate) struct CompiledSplit {
    pub(crate) split: SplitKey,
    /// Each variant with the sum of all weights up to and with its own; a gap has none.
    pub(crate) ends: Box<[(u64, Option<usize>)]>,
    pub(crate) total: u64,
    /// For those who can't be drawn.
    pub(crate) otherwise: usize,
}

impl CompiledSplit {
    /// Who is at `place`; `None` for a gap.
    #[inline]
    pub(crate) fn at(&self, place: u64) -> Option<usize> {
        self.ends.iter().find(|(end, _)| place < *end).and_then(|(_, variant)| *variant)
    }
}

impl Keyed for CompiledFlag {
    fn key(&self) -> &KeyRef {
        &self.key
    }
}

impl CompiledFlag {
    pub(crate) fn compile(document: &Document, environment: &EnvironmentKey) -> Self {
        let state = match document.parse::<Flag>() {
            Err(problems) => FlagState::Broken(problems),
            Ok(flag) => match flag.environments.get(environment) {
                None => FlagState::Absent,
                Some(config) => match CompiledConfig::compile(&flag, config) {
                    Ok(config) => FlagState::Ready(config),
                    Err(problems) => FlagState::Broken(problems),
                },
            },
        };
        Self { key: KeyRef::new(document.key()), state }
    }

    /// The same for an app that speaks an older schema than the flag asks for: it is off. `None` for a flag that asks for
    /// nothing newer.
    pub(crate) fn for_schema(&self, schema: u32) -> Option<Self> {
        let config = self.config().filter(|config| config.minimum_schema > schema)?;
        Some(Self { key: self.key.clone(), state: FlagState::Ready(config.turned_off()) })
    }

    pub(crate) fn config(&self) -> Option<&CompiledConfig> {
        match &self.state {
            FlagState::Ready(config) => Some(config),
            _ => None,
        }
    }

    /// Whether client keys get it.
    pub(crate) fn is_client_visible(&self) -> bool {
        self.config().is_some_and(|config| config.client_visible)
    }

    pub(crate) fn problems(&self) -> Option<&Problems> {
        match &self.state {
            FlagState::Broken(problems) => Some(problems),
            _ => None,
        }
    }
}

/// Names in an answer's metadata that are Usher's; a flag's own metadata can't say otherwise.
const OWN_METADATA: [&str; 4] = ["enabled", "rule", "splitKeyMissing", "prerequisiteFailed"];

impl CompiledConfig {
    /// What gives the off variant, as a flag that is turned off does. The same is written for apps that evaluate by
    /// themselves: see [`crate::schema::documents`].
    fn turned_off(&self) -> Self {
        Self {
            flag_type: self.flag_type,
            variants: self.variants.clone(),
            client_visible: self.client_visible,
            enabled: false,
            off: self.off,
            killed: None,
            prerequisites: Box::default(),
            venues: Box::default(),
            targets: Box::default(),
            rules: Box::default(),
            dark: Box::default(),
            guards: Box::default(),
            default: Some(CompiledServe::Variant(self.off)),
            metadata: self.metadata.clone(),
            targeted: false,
            when_stale: None,
            measure: self.measure.clone(),
            minimum_schema: self.minimum_schema,
            asked: Mark::default(),
            uses: Uses::default(),
            written: Arc::clone(&self.written),
        }
    }

    /// What the flag's author lets its answers carry.
    pub(crate) fn metadata(&self) -> impl Iterator<Item = (&str, &Scalar)> {
        self.metadata.iter().map(|(name, value)| (&**name, value))
    }

    /// Prepares a flag's configuration for evaluation.
    ///
    /// # Errors
    /// Everything that makes no sense, with paths from the configuration.
    pub(crate) fn compile(flag: &Flag, config: &FlagConfig) -> Result<Self, Problems> {
        let mut compiler = Compiler { flag, problems: Problems::default(), uses: Uses::default(), off: 0 };
        let off = compiler.variant("offVariant", &config.off_variant);
        compiler.off = off;
        let prerequisites = config.prerequisites.iter().enumerate().map(|(n, prerequisite)| {
            let (compiled, found) = CompiledPrerequisite::compile(prerequisite);
            compiler.problems.0.extend(found.map(|found| found.within(&format!("prerequisites[{n}]"))));
            compiled
        });
        let prerequisites = prerequisites.collect();
        compiler.uses.cohorts.extend(config.killed.cohorts.iter().map(|cohort| cohort.as_str().into()));
        let killed = (!config.killed.is_empty()).then(|| {
            Box::new(CompiledKilled {
                all: config.killed.all,
                venues: Texts::new(config.killed.venues.iter().map(|venue| venue.as_str())),
                cohorts: config.killed.cohorts.iter().map(|cohort| KeyRef::new(cohort)).collect(),
            })
        });
        let venues = compiler.venues(config);
        let targets = config.targets.iter().enumerate().map(|(n, target)| {
            if target.values.len() > MAX_CONDITION_VALUES {
                let mend = format!("Keep at most {MAX_CONDITION_VALUES}, or use a cohort.");
                compiler.problems.push(Problem::new(
                    format!("targets[{n}].values"),
                    target.values.len(),
                    "too many values",
                    mend,
                ));
            }
            compiler.uses.add_attribute(&target.by);
            CompiledTarget {
                by: Source::new(&target.by),
                values: Texts::new(target.values.iter().map(String::as_str)),
                variant: compiler.variant(&format!("targets[{n}].variant"), &target.variant),
            }
        });
        let targets: Box<[_]> = targets.collect();
        let (rules, dark) = compiler.rules(&config.rules);
        compiler.measure(&config.measure);
        let default = config.default.as_ref().map(|default| compiler.serve("default", default));
        let Compiler { problems, uses, .. } = compiler;
        let targeted = killed.is_some()
            || !config.prerequisites.is_empty()
            || !config.venues.is_empty()
            || !targets.is_empty()
            || !rules.is_empty();
        problems.or(Self {
            flag_type: flag.flag_type,
            variants: flag
                .variants
                .iter()
                .map(|(key, value)| CompiledVariant {
                    key: key.clone(),
                    value: VariantValue::new(flag.flag_type, value),
                })
                .collect(),
            client_visible: flag.client_visible,
            minimum_schema: flag.minimum_schema.unwrap_or_default(),
            enabled: config.enabled && flag.lifecycle != Lifecycle::Archived,
            off,
            killed,
            prerequisites,
            venues,
            targets,
            guards: rules.iter().map(|rule| Guard::new(rule.condition.as_ref())).collect(),
            rules,
            dark,
            default,
            metadata: flag
                .metadata
                .iter()
                .filter(|(name, _)| !OWN_METADATA.contains(&name.as_str()))
                .map(|(name, value)| (name.as_str().into(), value.clone()))
                .collect(),
            targeted,
            when_stale: config.when_stale.clone(),
            measure: config.measure.iter().map(|metric| metric.as_str().into()).collect(),
            asked: Mark::default(),
            uses,
            written: Arc::new(config.clone()),
        })
    }
}

struct Compiler<'f> {
    flag: &'f Flag,
    problems: Problems,
    uses: Uses,
    off: usize,
}

impl Compiler<'_> {
    /// The index of a variant; notes one that does not exist.
    fn variant(&mut self, field: &str, key: &VariantKey) -> usize {
        self.flag.variants.get_index_of(key).unwrap_or_else(|| {
            let known: Vec<&str> = self.flag.variants.keys().map(VariantKey::as_str).collect();
            let mend = format!("Use one of: {}.", known.join(", "));
            self.problems.push(Problem::new(field, key, "the flag has no such variant", mend));
            0
        })
    }

    /// Overrides grouped by variant: a thousand venues with the same one make one set.
    fn venues(&mut self, config: &FlagConfig) -> Box<[(Texts, usize)]> {
        let mut groups: Vec<(usize, Vec<&str>)> = Vec::new();
        for (venue, variant) in &config.venues {
            let variant = self.variant(&format!("venues.{venue}"), variant);
            match groups.iter_mut().find(|(own, _)| *own == variant) {
                Some((_, venues)) => venues.push(venue),
                None => groups.push((variant, vec![venue])),
            }
        }
        groups.into_iter().map(|(variant, venues)| (Texts::new(venues), variant)).collect()
    }

    /// Notes what is wrong with the names of metrics.
    fn measure(&mut self, metrics: &[String]) {
        if metrics.len() > MAX_MEASURES {
            let mend = format!("Keep at most {MAX_MEASURES}.");
            self.problems.push(Problem::new("measure", metrics.len(), "too many metrics", mend));
            return;
        }
        for (n, metric) in metrics.iter().enumerate() {
            let (detail, mend) = if metric.is_empty() || metric.len() > MAX_METRIC_BYTES {
                let mend = format!("Give it 1 to {MAX_METRIC_BYTES} bytes.");
                ("the name of a metric is too short or too long", mend)
            } else if metrics[..n].contains(metric) {
                // It would be counted twice.
                ("this metric is named twice", "Name each metric once.".to_owned())
            } else {
                continue;
            };
            self.problems.push(Problem::new(format!("measure[{n}]"), metric, detail, mend));
        }
    }

    /// Rules that can serve, and dark ones.
    fn rules(&mut self, rules: &[Rule]) -> (Box<[CompiledRule]>, Box<[CompiledRule]>) {
        if rules.len() > MAX_RULES {
            let mend = format!("Keep at most {MAX_RULES}.");
            self.problems.push(Problem::new("rules", rules.len(), "too many rules", mend));
            return Default::default();
        }
        let mut ids = HashSet::new();
        let (mut compiled, mut dark) = (Vec::with_capacity(rules.len()), Vec::new());
        for (n, rule) in rules.iter().enumerate() {
            let at = format!("rules[{n}]");
            if !ids.insert(&*rule.id) {
                let mend = "Give every rule of a flag its own id.";
                self.problems.push(Problem::new(
                    format!("{at}.id"),
                    &rule.id,
                    "another rule has this id",
                    mend,
                ));
            }
            let condition = rule.condition.as_ref().and_then(|condition| {
                self.uses.add(condition);
                CompiledCondition::compile(condition)
                    .map_err(|found| self.problems.extend_within(&format!("{at}.if"), found))
                    .ok()
            });
            let rollout = rule.rollout.as_ref().map(|rollout| {
                self.uses.add_draw(&rollout.by, &rollout.fallback);
                let (compiled, found) = CompiledRollout::compile(rollout);
                if let Some(found) = found {
                    self.problems.push(found.within(&format!("{at}.rollout")));
                }
                compiled
            });
            let serve = self.serve(&format!("{at}.serve"), &rule.serve);
            let list = if rule.dark { &mut dark } else { &mut compiled };
            list.push(CompiledRule { id: rule.id.as_str().into(), condition, rollout, serve });
        }
        (compiled.into(), dark.into())
    }

    fn serve(&mut self, at: &str, serve: &Serve) -> CompiledServe {
        match serve {
            Serve::Variant(variant) => {
                CompiledServe::Variant(self.variant(&format!("{at}.variant"), variant))
            }
            Serve::Split(split) => CompiledServe::Split(self.split(&format!("{at}.split"), split)),
        }
    }

    fn split(&mut self, at: &str, split: &Split) -> CompiledSplit {
        let mut total = 0_u64;
        let mut ends = Vec::with_capacity(split.weights.len());
        for (n, weighted) in split.weights.iter().enumerate() {
            let field = format!("{at}.weights[{n}].variant");
            let variant = weighted.variant.as_ref().map(|variant| self.variant(&field, variant));
            total += u64::from(weighted.weight);
            ends.push((total, variant));
        }
        if total > MAX_TOTAL_WEIGHT {
            let mend = format!("Keep the sum of weights within {MAX_TOTAL_WEIGHT}.");
            let field = format!("{at}.weights");
            self.problems.push(Problem::new(field, total, "the weights add up to too much", mend));
        }
        if split.weights.is_empty() {
            let mend = "Give at least one variant and its weight.";
            self.problems.push(Problem::new(format!("{at}.weights"), "[]", "a split needs weights", mend));
        }
        if split.hash == HashAlgorithm::Sha1LaunchDarkly && total > 0 {
            let exact = launch_darkly_ends(split.weights.iter().map(|weighted| weighted.weight));
            ends.iter_mut().zip(exact).for_each(|((end, _), exact)| *end = exact);
            total = 1 << LAUNCH_DARKLY_BITS;
        }
        // Those of no width would only be passed by.
        let mut start = 0;
        ends.retain(|(end, _)| std::mem::replace(&mut start, *end) < *end);
        let otherwise = match &split.otherwise {
            Some(variant) => self.variant(&format!("{at}.otherwise"), variant),
            None => self.off,
        };
        self.uses.add_draw(&split.by, &split.fallback);
        let (key, found) =
            SplitKey::compile(&split.seed, &split.by, split.hash, &split.fallback, split.when_missing);
        if let Some(found) = found {
            self.problems.push(found.within(at));
        }
        CompiledSplit { split: key, ends: ends.into(), total, otherwise }
    }
}
