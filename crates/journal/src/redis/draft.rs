//! Planning a group of appends from one state.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::{
    record::Record,
    script::{Head, remembered_since},
};
use crate::{
    Append, AppendError, Appended, Check, State,
    plan::{self, Hash},
};

/// Bytes that are sent in one step, about; one commit is always sent.
const STEP_BYTES: usize = 8 * 1024 * 1024;

/// An append that has not been answered.
pub(super) struct Open {
    pub(super) append: Append,
    /// What the state has to be like.
    pub(super) check: Option<Check>,
    pub(super) answer: oneshot::Sender<Result<Appended, AppendError>>,
    /// How the commit was named when it was last planned.
    by: String,
}

impl Open {
    pub(super) fn new(
        append: Append,
        check: Option<Check>,
        answer: oneshot::Sender<Result<Appended, AppendError>>,
    ) -> Self {
        Self { append, check, answer, by: String::new() }
    }
}

impl Open {
    /// Whether this is the append that was last planned as the commit of this name.
    pub(super) fn planned_as(&self, by: &str) -> bool {
        self.by == by
    }
}

/// What is to become of a group.
pub(super) struct Draft {
    state: State,
    hash: Hash,
    name: String,
    records: Vec<Arc<Record>>,
    /// In the order of the group; it ends early where the rest has to wait for the next step.
    results: Vec<Result<Appended, AppendError>>,
    asked: Vec<i64>,
}

impl Draft {
    pub(super) fn new(head: &Head, state: &State, name: String) -> Self {
        let (state, hash) = (state.clone(), head.hash);
        Self { state, hash, name, records: Vec::new(), results: Vec::new(), asked: Vec::new() }
    }

    /// Plans as many as fit into one step.
    pub(super) fn plan(&mut self, open: &mut [Open]) {
        let mut bytes = 0;
        for (place, open) in open.iter_mut().enumerate() {
            if bytes > STEP_BYTES {
                break;
            }
            self.asked.push(remembered_since(plan::time(&open.append, &self.state)));
            let fits = open.check.as_ref().is_none_or(|check| check(&self.state));
            let planned = match plan::plan(&open.append, &self.state, &self.hash) {
                Ok(_) if !fits => Err(AppendError::Outdated),
                planned => planned,
            };
            self.results.push(planned.map(|plan::Planned { commit, body, hash }| {
                bytes += body.len();
                self.state.fold(&commit);
                self.hash = hash;
                open.by = format!("{}-{place}", self.name);
                let appended = Appended { seq: commit.seq, at: commit.at, replayed: false };
                let fingerprint = open.append.idempotency.as_ref().map(|own| own.fingerprint);
                self.records.push(Arc::new(Record { commit, body, hash, by: open.by.clone(), fingerprint }));
                appended
            }));
        }
    }

    /// Which idempotency keys must not have been answered before, and since when.
    pub(super) fn asked<'o>(&self, open: &'o [Open]) -> Vec<(&'o str, i64)> {
        let keys = open.iter().zip(&self.asked);
        keys.filter_map(|(open, since)| Some((open.append.idempotency.as_ref()?.key.as_str(), *since)))
            .collect()
    }

    pub(super) fn records(&self) -> &[Arc<Record>] {
        &self.records
    }

    /// Moves those of the group that were planned to those that are done.
    pub(super) fn settle(self, open: &mut Vec<Open>, done: &mut Vec<(Open, Result<Appended, AppendError>)>) {
        done.extend(open.drain(..self.results.len()).zip(self.results));
    }
}
