//! What became of each flag and cohort of a source.

use serde::Serialize;

use super::{Imported, Options, rename, wrong};
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

/// Notes on one flag or cohort, while it is being mapped.
#[derive(Debug, Default)]
pub(super) struct Notes(Vec<Note>);

impl Notes {
    /// A part that is kept, where it is worth saying how.
    pub(super) fn mapped(&mut self, at: impl Into<String>, text: impl Into<String>) {
        self.add(at, Outcome::Mapped, text);
    }

    /// A part that differs in something.
    pub(super) fn approximated(&mut self, at: impl Into<String>, text: impl Into<String>) {
        self.add(at, Outcome::Approximated, text);
    }

    /// A part that has no counterpart.
    pub(super) fn refused(&mut self, at: impl Into<String>, text: impl Into<String>) {
        self.add(at, Outcome::Refused, text);
    }

    /// The worst so far.
    pub(super) fn outcome(&self) -> Outcome {
        self.0.iter().map(|note| note.outcome).max().unwrap_or_default()
    }

    fn add(&mut self, at: impl Into<String>, outcome: Outcome, text: impl Into<String>) {
        self.0.push(Note { at: at.into(), outcome, text: text.into() });
    }
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
        imported.drop_those_that_lack_something();
        imported
    }
}

/// The document, unless it was refused or would not be accepted.
fn kept<D: crate::model::Model>(document: Option<D>, notes: &mut Notes) -> Option<D> {
    let document = document.filter(|_| notes.outcome() < Outcome::Refused)?;
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
        self.report.push(Entry { kind, source, key: key.map(str::to_owned), outcome, notes: notes.0 });
    }

    /// A flag whose cohort or prerequisite was refused is refused too, and so is a cohort whose cohort was; until
    /// none is left. What the source names but does not have at all counts as refused.
    fn drop_those_that_lack_something(&mut self) {
        loop {
            let lacks_cohort = |condition: &crate::model::Condition| {
                let mut lacks = None;
                condition.each_cohort(&mut |key| {
                    if !self.cohorts.iter().any(|cohort| cohort.key == *key) {
                        lacks = Some(key.to_string());
                    }
                });
                lacks
            };
            let cohort = self.cohorts.iter().find_map(|cohort| {
                Some((cohort.key.to_string(), cohort.condition.as_ref().and_then(lacks_cohort)?))
            });
            if let Some((key, lacks)) = cohort {
                self.cohorts.retain(|cohort| *cohort.key != *key);
                self.refuse(
                    &Kind::Cohort,
                    &key,
                    &format!("it needs the cohort `{lacks}`, which is not imported"),
                );
                continue;
            }
            let flag = self.flags.iter().find_map(|flag| {
                let config = flag.environments.values().next()?;
                let cohort =
                    config.rules.iter().find_map(|rule| rule.condition.as_ref().and_then(lacks_cohort));
                let prerequisite = config
                    .prerequisites
                    .iter()
                    .find(|prerequisite| !self.flags.iter().any(|flag| flag.key == prerequisite.flag));
                let lacks = match (cohort, prerequisite) {
                    (Some(cohort), _) => format!("it needs the cohort `{cohort}`, which is not imported"),
                    (None, Some(prerequisite)) => {
                        format!("it needs the flag `{}`, which is not imported", prerequisite.flag)
                    }
                    (None, None) => return None,
                };
                Some((flag.key.to_string(), lacks))
            });
            let Some((key, lacks)) = flag else { return };
            self.flags.retain(|flag| *flag.key != *key);
            self.refuse(&Kind::Flag, &key, &lacks);
        }
    }

    fn refuse(&mut self, kind: &Kind, key: &str, why: &str) {
        let found =
            self.report.iter_mut().find(|entry| entry.kind == *kind && entry.key.as_deref() == Some(key));
        if let Some(entry) = found {
            entry.key = None;
            entry.outcome = Outcome::Refused;
            entry.notes.push(Note { at: String::new(), outcome: Outcome::Refused, text: why.to_owned() });
        }
    }
}
