//! Which flags a metric is counted for: looked up by metric, so that one that nobody measures costs one look.

use std::{collections::HashMap, sync::Arc};

use super::{CompiledConfig, CompiledFlag, KeyRef, Ruleset, Table};

/// Flags by the metrics that they measure, each in the order of the keys' bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct Measures(Arc<HashMap<Box<str>, Box<[KeyRef]>>>);

impl Measures {
    /// Those of all these flags.
    pub(super) fn of(flags: &Table<CompiledFlag>) -> Self {
        let mut by: HashMap<Box<str>, Vec<KeyRef>> = HashMap::new();
        for flag in flags.iter() {
            for metric in flag.measure() {
                by.entry(metric.clone()).or_default().push(flag.key.clone());
            }
        }
        let sorted = by.into_iter().map(|(metric, mut flags)| {
            flags.sort_unstable_by(|a, b| a.text().cmp(b.text()));
            (metric, flags.into())
        });
        Self(Arc::new(sorted.collect()))
    }
}

impl CompiledFlag {
    /// The metrics that are counted by its variant.
    pub(super) fn measure(&self) -> &[Box<str>] {
        self.config().map_or(&[], |config: &CompiledConfig| &config.measure)
    }
}

impl Ruleset {
    /// The flags by whose variants a metric is counted, in the order of the keys' bytes.
    pub fn measuring(&self, metric: &str) -> impl ExactSizeIterator<Item = &str> {
        self.measures.0.get(metric).map_or(&[][..], |flags| flags).iter().map(KeyRef::text)
    }

    /// Whether any metric is counted by the variant of this flag.
    #[must_use]
    pub fn is_measured(&self, flag: &str) -> bool {
        self.flags.get(flag).is_some_and(|flag| !flag.measure().is_empty())
    }
}
