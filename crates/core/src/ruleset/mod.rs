//! Rulesets: documents compiled for evaluation in one environment.
//!
//! A ruleset is an immutable snapshot. Flags, cohorts and venues refer to each other by key, looked up with
//! hashes that were computed when they were compiled, so a change of one document compiles that document
//! only; everything else is shared with the snapshot before. A document that can't be compiled stays in the
//! ruleset as broken: asking for it gives `PARSE_ERROR`, and so does a flag whose answer depends on a broken cohort;
//! nothing else is touched.

mod asked;
mod cohort;
mod condition;
pub(crate) mod dialect;
mod draw;
mod flag;
mod guard;
mod logic;
mod measures;
mod table;
mod test;
mod values;
mod venue;

use std::sync::Arc;

pub(crate) use self::{
    cohort::{CohortParts, CompiledCohort},
    condition::{CompiledCondition, Source},
    draw::{CompiledRollout, SplitKey},
    flag::{
        CompiledConfig, CompiledFlag, CompiledPrerequisite, CompiledRule, CompiledServe, CompiledSplit,
        FlagState,
    },
    guard::Glance,
    logic::spells_number,
    table::{KeyRef, Table},
    test::is_clock,
    values::Texts,
    venue::CompiledVenue,
};
use crate::{
    model::{
        CURRENT_TIME, Cohort, Condition, Document, DocumentId, EnvironmentKey, Flag, FlagConfig, Kind,
        Scalar, Seq, Venue,
    },
    problem::Problems,
};
pub use asked::Mark;
pub use flag::VariantValue;
use measures::Measures;

/// All that is needed to evaluate the flags of one environment, at one point of the journal.
#[derive(Clone, Debug)]
pub struct Ruleset {
    environment: EnvironmentKey,
    seq: Seq,
    pub(crate) flags: Table<CompiledFlag>,
    /// The keys of `flags` in the order of their bytes: answers about all flags are written in it, and sorting
    /// them for each would cost more than evaluating them.
    pub(crate) order: Arc<[KeyRef]>,
    /// Which flags a metric is counted for.
    measures: Measures,
    pub(crate) cohorts: Table<CompiledCohort>,
    /// Whether one of them could not be compiled: nearly never, and then each evaluation has more to look at.
    broken_cohorts: bool,
    pub(crate) venues: Table<CompiledVenue>,
}

impl Ruleset {
    /// A ruleset without any flag.
    #[must_use]
    pub fn empty(environment: EnvironmentKey) -> Self {
        Self {
            environment,
            seq: Seq::ZERO,
            flags: Table::default(),
            order: Arc::default(),
            measures: Measures::default(),
            cohorts: Table::default(),
            broken_cohorts: false,
            venues: Table::default(),
        }
    }

    /// Compiles the documents of a workspace for `environment`, as of commit `seq`. Documents of other kinds
    /// than flag, cohort and venue have no part in evaluation and are passed over.
    #[must_use]
    pub fn compile<'d>(
        environment: EnvironmentKey,
        seq: Seq,
        documents: impl IntoIterator<Item = &'d Document>,
    ) -> Self {
        Self::empty(environment).apply(seq, documents, [])
    }

    /// The ruleset after documents were put and deleted; what did not change is shared with this one.
    #[must_use]
    pub fn apply<'d>(
        &self,
        seq: Seq,
        put: impl IntoIterator<Item = &'d Document>,
        delete: impl IntoIterator<Item = &'d DocumentId>,
    ) -> Self {
        let mut next = self.clone();
        next.seq = seq;
        let mut other_keys = false;
        let mut other_measures = false;
        let mut other_cohorts = false;
        for id in delete {
            match id.kind {
                Kind::Flag => {
                    other_keys = true;
                    other_measures |= next.is_measured(&id.key);
                    next.flags.remove(&id.key);
                }
                Kind::Cohort => {
                    other_cohorts = true;
                    next.cohorts.remove(&id.key);
                }
                Kind::Venue => next.venues.remove(&id.key),
                _ => {}
            }
        }
        for document in put {
            match document.kind() {
                Kind::Flag => {
                    other_keys |= !next.contains(document.key());
                    let flag = CompiledFlag::compile(document, &next.environment);
                    let before = next.flags.get(document.key()).map_or(&[][..], CompiledFlag::measure);
                    other_measures |= before != flag.measure();
                    next.flags.put(flag);
                }
                Kind::Cohort => {
                    other_cohorts = true;
                    next.cohorts.put(CompiledCohort::compile(document));
                }
                Kind::Venue => {
                    // A venue that can't be read is an unknown venue: its attributes are missing.
                    match document.parse::<Venue>() {
                        Ok(venue) => next.venues.put(CompiledVenue::compile(&venue)),
                        Err(_) => next.venues.remove(document.key()),
                    }
                }
                _ => {}
            }
        }
        if other_keys {
            let mut order: Vec<KeyRef> = next.flags.iter().map(|flag| flag.key.clone()).collect();
            order.sort_unstable_by(|a, b| a.text().cmp(b.text()));
            next.order = order.into();
        }
        if other_measures {
            next.measures = Measures::of(&next.flags);
        }
        if other_cohorts {
            next.broken_cohorts = next.cohorts.iter().any(|cohort| cohort.parts.is_none());
        }
        next
    }

    /// The same for apps that speak an older payload schema: flags that ask for a newer one are off, for themselves and
    /// for those that lean on them. `None` where there are none.
    #[must_use]
    pub fn for_schema(&self, schema: u32) -> Option<Self> {
        let mut older = self.flags.iter().filter_map(|flag| flag.for_schema(schema)).peekable();
        older.peek()?;
        let mut next = self.clone();
        older.for_each(|flag| next.flags.put(flag));
        Some(next)
    }

    /// The environment it was compiled for.
    #[must_use]
    pub fn environment(&self) -> &EnvironmentKey {
        &self.environment
    }

    /// The last commit that it contains.
    #[must_use]
    pub fn seq(&self) -> Seq {
        self.seq
    }

    /// How many flags it holds, broken ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.flags.len()
    }

    /// Whether it holds no flag.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.flags.len() == 0
    }

    /// The keys of all flags, in the order of their bytes.
    pub fn flag_keys(&self) -> impl Iterator<Item = &str> {
        self.order.iter().map(KeyRef::text)
    }

    /// Whether a cohort can't be understood.
    #[inline]
    pub(crate) fn has_broken_cohorts(&self) -> bool {
        self.broken_cohorts
    }

    /// Whether there is such a flag, broken or not.
    #[must_use]
    pub fn contains(&self, flag: &str) -> bool {
        self.flags.get(flag).is_some()
    }

    /// Notes that a program has read a flag.
    pub fn mark_asked(&self, flag: &str) {
        if let Some(config) = self.flags.get(flag).and_then(CompiledFlag::config) {
            config.asked.set();
        }
    }

    /// The flags that programs have read since this was last asked.
    #[must_use]
    pub fn take_asked(&self) -> Vec<String> {
        let asked = self.flags.iter().filter(|flag| flag.config().is_some_and(|config| config.asked.take()));
        asked.map(|flag| flag.key.text().to_owned()).collect()
    }

    /// Whether client keys get this flag.
    #[must_use]
    pub fn is_client_visible(&self, flag: &str) -> bool {
        self.flags.get(flag).is_some_and(CompiledFlag::is_client_visible)
    }

    /// What a flag's author lets its answers carry.
    pub fn metadata(&self, flag: &str) -> impl Iterator<Item = (&str, &Scalar)> {
        let config = self.flags.get(flag).and_then(CompiledFlag::config);
        config.into_iter().flat_map(CompiledConfig::metadata)
    }

    /// What could not be compiled, flag by flag.
    pub fn broken(&self) -> impl Iterator<Item = (&str, &Problems)> {
        self.flags.iter().filter_map(|flag| flag.problems().map(|problems| (flag.key.text(), problems)))
    }

    /// The flags whose answers may differ once the documents in `changed` have: those flags themselves, those
    /// that have them as prerequisites, and those that ask for a changed cohort or venue, directly or through
    /// others. Sorted, each once.
    #[must_use]
    pub fn affected_by<'s>(&'s self, changed: impl IntoIterator<Item = &'s DocumentId>) -> Vec<&'s str> {
        let mut flags: Vec<&str> = Vec::new();
        let mut cohorts: Vec<&str> = Vec::new();
        let mut venues = false;
        for id in changed {
            match id.kind {
                Kind::Flag => flags.push(&id.key),
                Kind::Cohort => cohorts.push(&id.key),
                Kind::Venue => venues = true,
                _ => {}
            }
        }
        self.leaning_on(flags, cohorts, venues)
    }

    /// The flags whose answers may differ only because it is later. Sorted, each once.
    #[must_use]
    pub fn timed(&self) -> Vec<&str> {
        let cohorts = self.cohorts.iter().filter(|cohort| cohort.uses.clock);
        let flags = self.flags.iter().filter(|flag| flag.config().is_some_and(|config| config.uses.clock));
        let cohorts = cohorts.map(|cohort| cohort.key.text()).collect();
        self.leaning_on(flags.map(|flag| flag.key.text()).collect(), cohorts, false)
    }

    /// Those of `flags` that are there, and those that lean on one of them, on one of `cohorts`, or on venues if these
    /// are meant too.
    fn leaning_on<'s>(
        &'s self,
        mut flags: Vec<&'s str>,
        mut cohorts: Vec<&'s str>,
        venues: bool,
    ) -> Vec<&'s str> {
        // Cohorts first, as long as there are more that lean on those found; then flags likewise.
        let mut before = usize::MAX;
        while before != cohorts.len() {
            before = cohorts.len();
            for cohort in self.cohorts.iter() {
                let leans = cohort.uses.leans_on(&cohorts, venues);
                if leans && !cohorts.contains(&cohort.key.text()) {
                    cohorts.push(cohort.key.text());
                }
            }
        }
        before = usize::MAX;
        while before != flags.len() {
            before = flags.len();
            for flag in self.flags.iter() {
                let Some(config) = flag.config() else { continue };
                let leans = config.uses.leans_on(&cohorts, venues)
                    || config.uses.flags.iter().any(|used| flags.contains(&&**used))
                    || config.prerequisites.iter().any(|p| flags.contains(&p.flag.text()));
                if leans && !flags.contains(&flag.key.text()) {
                    flags.push(flag.key.text());
                }
            }
        }
        // Those that are gone led to others, but have no answer themselves.
        flags.retain(|key| self.flags.get(key).is_some());
        flags.sort_unstable();
        flags.dedup();
        flags
    }
}

/// What a flag or a cohort asks for besides the context.
#[derive(Clone, Debug, Default)]
pub(crate) struct Uses {
    pub(crate) cohorts: Vec<Box<str>>,
    /// Flags that a condition asks for; those of a flag's own prerequisites are not among them.
    pub(crate) flags: Vec<Box<str>>,
    pub(crate) venue_attributes: bool,
    /// The time of the evaluation, unless the context says another.
    pub(crate) clock: bool,
}

impl Uses {
    fn add(&mut self, condition: &Condition) {
        condition.each_cohort(&mut |cohort| self.cohorts.push(cohort.as_str().into()));
        condition.each_attribute(&mut |name| self.add_attribute(name));
        condition.each_prerequisite(&mut |one| self.flags.push(one.flag.as_str().into()));
    }

    fn add_draw(&mut self, by: &[String], fallback: &[String]) {
        by.iter().chain(fallback).for_each(|name| self.add_attribute(name));
    }

    fn add_attribute(&mut self, name: &str) {
        self.venue_attributes |= name.starts_with("venue.");
        self.clock |= name == CURRENT_TIME;
    }

    fn leans_on(&self, cohorts: &[&str], venues: bool) -> bool {
        (venues && self.venue_attributes) || self.cohorts.iter().any(|used| cohorts.contains(&&**used))
    }
}

/// What is wrong with a condition, if anything.
pub(crate) fn check_condition(condition: &Condition) -> Problems {
    CompiledCondition::compile(condition).err().unwrap_or_default()
}

/// Whether `config` makes sense for `flag`.
///
/// # Errors
/// What does not, with paths from the configuration.
pub(crate) fn check_config(flag: &Flag, config: &FlagConfig) -> Result<(), Problems> {
    CompiledConfig::compile(flag, config).map(drop)
}

/// A cohort's condition and keys make sense when the model says so.
pub(crate) fn parse_cohort(document: &Document) -> Result<Arc<Cohort>, Problems> {
    document.parse::<Cohort>().map(Arc::new)
}
