//! What is to come: when each document of a kind is due, read anew only when something has changed.

use std::collections::HashMap;

use usher_core::{
    Problem,
    model::{Document, Due, Kind, Seq, Timestamp},
};
use usher_journal::State;

/// When a document is due, or why nobody knows; `None` for one that is over.
type Read = fn(&Document, &State) -> Option<Result<Due, Problem>>;

/// When documents of a kind are due that are not over.
pub(crate) struct Agenda {
    kind: Kind,
    read: Read,
    /// The commit that the rest is about.
    seq: Seq,
    due: Vec<(Timestamp, Box<str>)>,
    /// Those that are over, of which there are many: they are not read again before they change.
    over: HashMap<Box<str>, Seq>,
}

impl Agenda {
    /// Of documents of `kind`, read so.
    pub(crate) fn new(kind: Kind, read: Read) -> Self {
        Self { kind, read, seq: Seq::ZERO, due: Vec::new(), over: HashMap::new() }
    }

    /// The keys of those whose time has come, the earliest first.
    pub(crate) fn due(&mut self, state: &State, now: Timestamp) -> Vec<Box<str>> {
        if self.seq != state.seq() {
            self.look(state);
        }
        self.due.iter().take_while(|(at, _)| *at <= now).map(|(_, key)| key.clone()).collect()
    }

    fn look(&mut self, state: &State) {
        self.seq = state.seq();
        self.due.clear();
        let mut over = HashMap::new();
        for entry in state.of_kind(&self.kind) {
            let key = entry.document.key();
            if self.over.get(key) == Some(&entry.version) {
                over.insert(key.into(), entry.version);
                continue;
            }
            match (self.read)(&entry.document, state) {
                None => drop(over.insert(key.into(), entry.version)),
                Some(Ok(due)) => self.due.push((due.at, key.into())),
                Some(Err(problem)) => {
                    tracing::error!(document = %entry.document.id(), %problem, "nobody knows when this is due");
                }
            }
        }
        self.over = over;
        self.due.sort();
    }
}
