//! Sums by what they are of, and how many there may be.

use std::collections::{HashMap, hash_map::Entry};

use super::events::{Exposure, Metric};

/// Sums of exposures that are kept, and as many of metrics; what would need more is counted as dropped.
pub(super) const MAX_SUMS: usize = 100_000;

/// What happened, summed up.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Sum {
    pub(crate) count: u64,
    /// How many of them failed.
    pub(crate) failed: u64,
    /// The sum of their values.
    pub(crate) sum: f64,
    /// The sum of their values' squares.
    pub(crate) squares: f64,
}

/// What an exposure of a flag is of.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Shown {
    pub(super) variant: Option<String>,
    pub(super) venue: Option<String>,
    pub(super) dark: bool,
}

/// What a metric's part is of that belongs to a flag.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Done {
    pub(super) metric: String,
    pub(super) variant: String,
    pub(super) venue: Option<String>,
}

/// What came here, and what other nodes have counted.
#[derive(Default)]
pub(super) struct Both<T> {
    pub(super) own: T,
    pub(super) heard: T,
}

#[derive(Default)]
pub(super) struct OfFlag {
    pub(super) exposures: HashMap<Shown, Both<u64>>,
    pub(super) metrics: HashMap<Done, Both<Sum>>,
    /// The number of the change that was the last to add to an own part.
    pub(super) changed: u64,
}

#[derive(Default)]
pub(super) struct OfEnvironment {
    pub(super) flags: HashMap<String, OfFlag>,
    /// By metric and venue, whatever any flag gave.
    pub(super) metrics: HashMap<(String, Option<String>), Sum>,
}

/// How many sums there are.
#[derive(Default)]
pub(super) struct Held {
    pub(super) exposures: usize,
    pub(super) metrics: usize,
}

/// Whether a sum is this node's, or another's.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    Own,
    Heard,
}

impl Metric {
    pub(crate) fn sum(&self) -> Sum {
        let Self { count, failed, sum, squares, .. } = *self;
        Sum { count, failed, sum, squares }
    }

    pub(crate) fn set_sum(&mut self, to: Sum) {
        let Sum { count, failed, sum, squares } = to;
        (self.count, self.failed, self.sum, self.squares) = (count, failed, sum, squares);
    }
}

impl<T> Both<T> {
    pub(super) fn part(&mut self, whose: Whose) -> &mut T {
        match whose {
            Whose::Own => &mut self.own,
            Whose::Heard => &mut self.heard,
        }
    }
}

impl Both<u64> {
    pub(super) fn total(&self) -> u64 {
        self.own.saturating_add(self.heard)
    }
}

impl Both<Sum> {
    pub(super) fn total(&self) -> Sum {
        self.own.plus(&self.heard).unwrap_or(self.own)
    }
}

impl Sum {
    /// Both together. `None` when that is no number.
    pub(crate) fn plus(&self, other: &Self) -> Option<Self> {
        let (sum, squares) = (self.sum + other.sum, self.squares + other.squares);
        (sum.is_finite() && squares.is_finite()).then(|| Self {
            count: self.count.saturating_add(other.count),
            failed: self.failed.saturating_add(other.failed),
            sum,
            squares,
        })
    }

    /// What has been added since `before`, of which this has grown. `None` when it has not.
    pub(crate) fn since(&self, before: &Self) -> Option<Self> {
        Some(Self {
            count: self.count.checked_sub(before.count)?,
            failed: self.failed.checked_sub(before.failed)?,
            sum: self.sum - before.sum,
            squares: (self.squares - before.squares).max(0.0),
        })
    }

    /// Adds to it; `false` when it can't be added.
    pub(super) fn add(&mut self, other: &Self) -> bool {
        self.plus(other).map(|both| *self = both).is_some()
    }
}

/// The sum of this key, made if there is room.
pub(super) fn place<'m, K: Eq + std::hash::Hash, V: Default>(
    map: &'m mut HashMap<K, V>,
    key: K,
    held: &mut usize,
) -> Option<&'m mut V> {
    match map.entry(key) {
        Entry::Occupied(own) => Some(own.into_mut()),
        Entry::Vacant(_) if *held >= MAX_SUMS => None,
        Entry::Vacant(free) => {
            *held += 1;
            Some(free.insert(V::default()))
        }
    }
}

impl OfEnvironment {
    /// The sums of a flag; without room for a sum none is begun for a flag that has none yet.
    pub(super) fn flag(&mut self, flag: String, held: usize) -> Option<&mut OfFlag> {
        let begun = held < MAX_SUMS || self.flags.contains_key(&flag);
        begun.then(|| self.flags.entry(flag).or_default())
    }
}

pub(super) fn exposure(flag: &str, Shown { variant, venue, dark }: Shown, count: u64) -> Exposure {
    Exposure { flag: flag.to_owned(), variant, venue, dark, reason: None, count }
}

pub(super) fn metric(flag: &str, Done { metric, variant, venue }: Done, sum: Sum) -> Metric {
    let Sum { count, failed, sum, squares } = sum;
    Metric { metric, venue, flag: Some(flag.to_owned()), variant: Some(variant), count, failed, sum, squares }
}
