//! One day of evaluations, by the hour. Names are kept once a day, so that what nobody asks for any more goes with its
//! last day.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use usher_core::model::Timestamp;

use crate::sdk::evaluated::{Evaluation, OTHER};

/// Different evaluations of one hour; what is over is counted without its venue, and past twice as many without its
/// flag.
const MAX_OF_HOUR: usize = 10_000;
/// What is remembered of what other nodes have told of a day; of more, growth is not noticed.
const MAX_HEARD: usize = 200_000;
/// Names of one day; what is over has none of its own.
const MAX_NAMES: usize = 100_000;
/// The number of [`OTHER`], which every day has first.
const OTHER_NUMBER: i64 = 0;
/// Stands for a variant or a venue that there is none of.
const NONE: i64 = -1;

/// What an evaluation is of, by the numbers of its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Row {
    pub(super) environment: i64,
    pub(super) flag: i64,
    pub(super) variant: i64,
    pub(super) venue: i64,
    pub(super) reason: i64,
}

/// Rows of one hour.
pub(super) type Hour = HashMap<Row, u64>;

/// A row as it is written: its hour, its names and its count.
pub(super) type Written = (u8, i64, i64, i64, i64, i64, u64);

/// One day.
#[derive(Debug)]
pub(super) struct Day {
    /// From when on it was counted.
    pub(super) began: Timestamp,
    names: Names,
    pub(super) hours: BTreeMap<u8, Hour>,
    /// When flags were last evaluated, by environment and flag.
    last: HashMap<(i64, i64), Timestamp>,
    /// What came to this node since it started, to be told to others.
    own: BTreeMap<u8, Hour>,
    /// What others have told, by node and hour: of what they tell anew, only what has grown is added.
    heard: HashMap<(String, u8), Hour>,
    /// Whether venues were given up for room.
    pub(super) is_folded: bool,
    /// Whether nothing that is new is told apart any more.
    pub(super) is_full: bool,
    /// Whether there is something that is not on disk.
    pub(super) is_changed: bool,
}

#[derive(Debug, Default)]
struct Names {
    all: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, i64>,
}

impl Names {
    fn number(&mut self, name: &str) -> i64 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        if self.all.len() >= MAX_NAMES {
            return OTHER_NUMBER;
        }
        let number = i64::try_from(self.all.len()).unwrap_or(i64::MAX);
        let name: Arc<str> = name.into();
        self.all.push(Arc::clone(&name));
        self.numbers.insert(name, number);
        number
    }

    fn optional(&mut self, name: Option<&str>) -> i64 {
        name.map_or(NONE, |name| self.number(name))
    }

    fn name(&self, number: i64) -> Option<&Arc<str>> {
        self.all.get(usize::try_from(number).ok()?)
    }
}

impl Day {
    pub(super) fn new(began: Timestamp) -> Self {
        let mut names = Names::default();
        names.number(OTHER);
        Self {
            began,
            names,
            hours: BTreeMap::new(),
            last: HashMap::new(),
            own: BTreeMap::new(),
            heard: HashMap::new(),
            is_folded: false,
            is_full: false,
            is_changed: true,
        }
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.hours.values().map(HashMap::len).sum()
    }

    /// How many names there are.
    #[cfg(test)]
    pub(super) fn names(&self) -> usize {
        self.names.all.len()
    }

    fn row(&mut self, environment: &str, own: &Evaluation) -> Row {
        Row {
            environment: self.names.number(environment),
            flag: self.names.number(&own.flag),
            variant: self.names.optional(own.variant.as_deref()),
            venue: self.names.optional(own.venue.as_deref()),
            reason: self.names.number(&own.reason),
        }
    }

    /// Adds to an hour, in as much detail as there is room for. Gives back the row that it was added to.
    fn add(&mut self, hour: u8, row: Row, count: u64) -> Row {
        self.is_changed = true;
        let most = if self.is_full { 0 } else { MAX_OF_HOUR };
        let own = self.hours.entry(hour).or_default();
        let without_venue = Row { venue: OTHER_NUMBER, ..row };
        let without_flag = Row { flag: OTHER_NUMBER, variant: NONE, reason: OTHER_NUMBER, ..without_venue };
        let exact = if self.is_folded { without_venue } else { row };
        let placed = if own.contains_key(&exact) || own.len() < most {
            exact
        } else if own.contains_key(&without_venue) || own.len() < 2 * most {
            without_venue
        } else {
            without_flag
        };
        let sum = own.entry(placed).or_default();
        *sum = sum.saturating_add(count);
        placed
    }

    /// Notes when a flag was last evaluated, or read.
    fn note(&mut self, row: Row, at: Timestamp) {
        self.is_changed = true;
        let of = (row.environment, row.flag);
        if self.last.len() < MAX_OF_HOUR || self.last.contains_key(&of) {
            let last = self.last.entry(of).or_default();
            *last = (*last).max(at);
        }
    }

    /// Adds what came here; `is_told` when others are to hear of it.
    pub(super) fn count(
        &mut self,
        hour: u8,
        environment: &str,
        own: &Evaluation,
        at: Timestamp,
        is_told: bool,
    ) {
        let row = self.row(environment, own);
        self.note(row, at);
        let placed = if own.count > 0 { self.add(hour, row, own.count) } else { row };
        if is_told {
            let sum = self.own.entry(hour).or_default().entry(placed).or_default();
            *sum = sum.saturating_add(own.count);
        }
    }

    /// Adds what another node has counted of an hour since it was heard last. What it tells is cumulative.
    pub(super) fn hear(&mut self, node: &str, hour: u8, environment: &str, told: &Evaluation, at: Timestamp) {
        let row = self.row(environment, told);
        let remembered: usize = self.heard.values().map(HashMap::len).sum();
        let heard = self.heard.entry((node.to_owned(), hour)).or_default();
        if remembered >= MAX_HEARD && !heard.contains_key(&row) {
            return;
        }
        let before = heard.insert(row, told.count);
        let growth = told.count.saturating_sub(before.unwrap_or(0));
        if growth > 0 || before.is_none() {
            self.note(row, at);
        }
        if growth > 0 {
            self.add(hour, row, growth);
        }
    }

    /// Forgets what was told, and what is to be told, of hours before this one.
    pub(super) fn close_before(&mut self, hour: u8) {
        self.own.retain(|own, _| *own >= hour);
        self.heard.retain(|(_, own), _| *own >= hour);
    }

    /// What came to this node, of hours that are not closed.
    pub(super) fn own(&self) -> impl Iterator<Item = (u8, &str, Evaluation)> {
        let rows =
            self.own.iter().flat_map(|(hour, own)| own.iter().map(|(row, count)| (*hour, row, *count)));
        rows.filter_map(|(hour, row, count)| {
            let (environment, own) = self.named(row, count)?;
            Some((hour, environment, own))
        })
    }

    fn named(&self, row: &Row, count: u64) -> Option<(&str, Evaluation)> {
        let text = |number| self.names.name(number).map(ToString::to_string);
        let own = Evaluation {
            flag: text(row.flag)?,
            variant: text(row.variant),
            venue: text(row.venue),
            reason: text(row.reason)?,
            count,
        };
        Some((self.names.name(row.environment)?, own))
    }

    /// Gives venues up.
    pub(super) fn fold(&mut self) {
        self.is_folded = true;
        for (hour, rows) in std::mem::take(&mut self.hours) {
            for (row, count) in rows {
                self.add(hour, row, count);
            }
        }
    }

    /// The number of a name, if it is one of this day's.
    pub(super) fn number(&self, name: &str) -> Option<i64> {
        self.names.numbers.get(name).copied()
    }

    /// The name of a number; none for what there is none of.
    pub(super) fn name(&self, number: i64) -> Option<&str> {
        self.names.name(number).map(|name| &**name)
    }

    /// When flags were last evaluated, by environment and flag.
    pub(super) fn last(&self) -> impl Iterator<Item = (&str, &str, Timestamp)> {
        self.last
            .iter()
            .filter_map(|((environment, flag), at)| Some((self.name(*environment)?, self.name(*flag)?, *at)))
    }
}

/// A day as it is kept on disk.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    began: Timestamp,
    is_folded: bool,
    names: Vec<Arc<str>>,
    rows: Vec<Written>,
    last: Vec<(i64, i64, i64)>,
    heard: Vec<(String, Vec<Written>)>,
}

fn written(hour: u8, row: Row, count: u64) -> Written {
    (hour, row.environment, row.flag, row.variant, row.venue, row.reason, count)
}

fn read((hour, environment, flag, variant, venue, reason, count): Written) -> (u8, Row, u64) {
    (hour, Row { environment, flag, variant, venue, reason }, count)
}

impl From<&Day> for Kept {
    fn from(day: &Day) -> Self {
        let rows = day
            .hours
            .iter()
            .flat_map(|(hour, own)| own.iter().map(|(row, count)| written(*hour, *row, *count)));
        let last = day.last.iter().map(|((environment, flag), at)| (*environment, *flag, at.millis()));
        let heard = day.heard.iter().map(|((node, hour), own)| {
            (node.clone(), own.iter().map(|(row, count)| written(*hour, *row, *count)).collect())
        });
        Self {
            began: day.began,
            is_folded: day.is_folded,
            names: day.names.all.clone(),
            rows: rows.collect(),
            last: last.collect(),
            heard: heard.collect(),
        }
    }
}

impl From<Kept> for Day {
    fn from(kept: Kept) -> Self {
        let mut day = Self::new(kept.began);
        day.is_changed = false;
        day.is_folded = kept.is_folded;
        for name in kept.names {
            day.names.number(&name);
        }
        for (hour, row, count) in kept.rows.into_iter().map(read) {
            day.hours.entry(hour).or_default().insert(row, count);
        }
        for (environment, flag, at) in kept.last {
            day.last.insert((environment, flag), Timestamp::from_millis(at));
        }
        for (node, rows) in kept.heard {
            for (hour, row, count) in rows.into_iter().map(read) {
                day.heard.entry((node.clone(), hour)).or_default().insert(row, count);
            }
        }
        day
    }
}
