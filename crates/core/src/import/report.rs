//! What became of each flag and cohort of a source.

use std::collections::{HashMap, HashSet};

use serde::Serialize;

use super::{Imported, Options, needs, rename, wrong};
use crate::model::{Cohort, Flag, Kind};

/// One flag or cohort of the source.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// `flag` or `cohort`.
    pub kind: Kind,
    /// Its key in the source.
    pub source: String,
    /// Its key here; none when it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The worst of its notes.
    pub outcome: Outcome,
    /// What was done with its parts.
    pub notes: Vec<Note>,
}

/// What was done with one part.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Note {
    /// Where it stands in the source, `strategies[0].constraints[1]`; empty for the whole.
    pub at: String,
    /// What was done.
    pub outcome: Outcome,
    /// How, or why not, as a sentence.
    pub text: String,
}

/// How well a part of a source is kept. In order: each is worse than the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// It evaluates as before, for everybody.
    #[default]
    Mapped,
    /// It evaluates as before, but for what the note says.
    Approximated,
    /// It has no counterpart; the flag was left out.
    Refused,
}

/// Notes of one outcome on one flag or cohort. A hostile source could have millions of them.
const MAX_NOTES: usize = 100;
/// Longest path and longest sentence of a note, in characters: both may name what the source names.
const MAX_NOTE_CHARACTERS: usize = 400;

/// Notes on one flag or cohort, while it is being mapped.
#[derive(Debug, Default)]
pub(super) struct Notes {
    all: Vec<Note>,
    worst: Outcome,
    /// How many there were of each outcome.
    counts: HashMap<Outcome, usize>,
    /// What is told of the whole, once.
    told: HashSet<String>,
}

impl Notes {
    /// A part that is kept, where it is worth saying how.
    pub(super) fn mapped(&mut self, at: impl Into<String>, text: impl Into<String>) {
        self.add(at, Outcome::Mapped, text);
    }

    /// How something is kept throughout the whole; told once, however often it comes up.
    pub(super) fn mapped_throughout(&mut self, text: impl Into<String>) {
        let text = text.into();
        if self.told.insert(text.clone()) {
            self.mapped("", text);
        }
    }

    /// A part that differs in something.
    pub(super) fn approximated(&mut self, at: impl Into<String>, text: impl Into<String>) {
        self.add(at, Outcome::Approximated, text);
    }

    /// A part that has no counterpart.
    pub(super) fn refused(&mut self, at: impl Into<String>, text: impl Into<String>) {
        self.add(at, Outcome::Refused, text);
    }

    /// Whether nothing was refused so far.
    pub(super) fn is_accepted(&self) -> bool {
        self.outcome() < Outcome::Refused
    }

    /// The worst so far.
    pub(super) fn outcome(&self) -> Outcome {
        self.worst
    }

    fn add(&mut self, at: impl Into<String>, outcome: Outcome, text: impl Into<String>) {
        self.worst = self.worst.max(outcome);
        let count = self.counts.entry(outcome).or_default();
        *count += 1;
        if *count <= MAX_NOTES {
            let [at, text] = [at.into(), text.into()].map(shortened);
            self.all.push(Note { at, outcome, text });
        }
    }

    /// The notes, and of how many it was not told.
    fn finish(mut self) -> Vec<Note> {
        let mut more: Vec<(Outcome, usize)> =
            self.counts.into_iter().filter(|(_, count)| *count > MAX_NOTES).collect();
        more.sort_unstable();
        for (outcome, count) in more {
            let text = format!("and {} more like these", count - MAX_NOTES);
            self.all.push(Note { at: String::new(), outcome, text });
        }
        self.all
    }
}

fn shortened(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(MAX_NOTE_CHARACTERS) {
        text.truncate(end);
        text.push('…');
        text.shrink_to_fit();
    }
    text
}

/// Everything that was made of a source.
#[derive(Debug, Default)]
pub(super) struct Report {
    flags: Vec<(String, Option<Flag>, Notes)>,
    cohorts: Vec<(String, Option<Cohort>, Notes)>,
}

impl Report {
    /// A flag of the source; `None` when its notes say why there is none.
    pub(super) fn flag(&mut self, source: &str, flag: Option<Flag>, notes: Notes) {
        self.flags.push((source.to_owned(), flag, notes));
    }

    /// A cohort of the source.
    pub(super) fn cohort(&mut self, source: &str, cohort: Option<Cohort>, notes: Notes) {
        self.cohorts.push((source.to_owned(), cohort, notes));
    }

    /// Renames attributes, checks every document as if it had been written by hand, and leaves out what is refused
    /// and what needs something that is.
    pub(super) fn finish(self, options: &Options) -> Imported {
        let mut imported = Imported::default();
        for (source, mut cohort, mut notes) in self.cohorts {
            if let Some(cohort) = &mut cohort {
                rename::cohort(cohort, &options.rename);
            }
            let cohort = kept(cohort, &mut notes);
            imported.note(Kind::Cohort, source, cohort.as_ref().map(|cohort| cohort.key.as_str()), notes);
            imported.cohorts.extend(cohort);
        }
        for (source, mut flag, mut notes) in self.flags {
            if let Some(flag) = &mut flag {
                rename::flag(flag, &options.rename);
                flag.client_visible = options.client_visible;
            }
            let flag = kept(flag, &mut notes);
            imported.note(Kind::Flag, source, flag.as_ref().map(|flag| flag.key.as_str()), notes);
            imported.flags.extend(flag);
        }
        needs::refuse(&mut imported);
        imported
    }
}

/// The document, unless it was refused or would not be accepted.
fn kept<D: crate::model::Model>(document: Option<D>, notes: &mut Notes) -> Option<D> {
    let document = document.filter(|_| notes.is_accepted())?;
    match wrong(&document) {
        None => Some(document),
        Some(problems) => {
            notes.refused("", problems);
            None
        }
    }
}

impl Imported {
    fn note(&mut self, kind: Kind, source: String, key: Option<&str>, notes: Notes) {
        let outcome = if key.is_none() { Outcome::Refused } else { notes.outcome() };
        self.report.push(Entry { kind, source, key: key.map(str::to_owned), outcome, notes: notes.finish() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_very_many_notes_the_worst_are_told() {
        let mut notes = Notes::default();
        for n in 0..1_000 {
            notes.mapped(format!("rules[{n}]"), "x".repeat(1_000));
        }
        notes.refused("rules[1000]", "no");
        assert!(!notes.is_accepted());
        let all = notes.finish();
        assert_eq!(all.len(), MAX_NOTES + 2);
        assert_eq!(all[0].text.chars().count(), MAX_NOTE_CHARACTERS + 1);
        assert_eq!((all[MAX_NOTES].outcome, &*all[MAX_NOTES].text), (Outcome::Refused, "no"));
        assert_eq!(all[MAX_NOTES + 1].text, "and 900 more like these");
    }
}
