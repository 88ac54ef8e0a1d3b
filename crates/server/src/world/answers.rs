//! Values of one state of a stream, written once for all clients who are given the same.
//!
//! Each client has a context of its own, but most contexts give one of few answers. An answer is written as JSON when
//! the first client gets it, and so is a whole frame; who gets the same after that shares the bytes, and also the
//! list of what it was given, which it is compared with when the next change comes. All of it is forgotten with the
//! state.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use indexmap::IndexMap;
use serde_json::value::RawValue;
use usher_core::{
    Context, ErrorCode, Reason,
    model::{Document, DocumentId, Kind, Seq, Timestamp},
    protocol::{EvaluatedValue, ServerFrame, Values},
    schema::{self, OLDEST},
};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::streams::{StreamState, frame};
use crate::socket::Frame;

/// Answers that are kept; more are written anew for each client.
const MAX_WRITTEN: usize = 64 * 1024;
/// Bytes of frames that are kept; more are written anew for each client.
const MAX_FRAME_BYTES: usize = 8 * 1024 * 1024;

/// What a client was given last: hashes of flags and of their answers, sorted. Shared by all who were given the same.
pub type Sheet = Arc<[(u64, u64)]>;

/// Who gets values.
#[derive(Clone, Copy)]
pub struct Asker<'a> {
    /// For whom they are.
    pub context: &'a Context,
    /// Whether only what clients may see.
    pub clients: bool,
    /// When.
    pub now: Timestamp,
    /// In which payload schema.
    pub schema: u32,
}

/// An answer, told from others of the same state without looking at what it says: texts by where they stand.
#[derive(PartialEq, Eq, Hash)]
struct Given {
    schema: u32,
    flag: u64,
    variant: usize,
    rule: usize,
    missing: usize,
    failed: usize,
    reason: Reason,
    error: Option<ErrorCode>,
    enabled: bool,
    dark: usize,
}

impl Given {
    fn new(schema: u32, flag: u64, value: &EvaluatedValue<'_>) -> Self {
        let evaluation = value.evaluation();
        let place = |text: Option<&str>| text.map_or(0, |text| text.as_ptr().addr());
        Self {
            schema,
            flag,
            variant: place(evaluation.variant()),
            rule: place(evaluation.rule),
            missing: place(evaluation.missing_split_key),
            failed: place(evaluation.failed_prerequisite),
            reason: evaluation.reason,
            error: evaluation.error,
            enabled: evaluation.enabled,
            dark: place(value.dark()),
        }
    }
}

/// An answer as JSON.
#[derive(Debug)]
struct Written {
    hash: u64,
    json: Box<RawValue>,
}

/// A frame, and what whoever got it was given then.
#[derive(Clone, Debug)]
struct Group {
    frame: Frame,
    sheet: Sheet,
    /// What they were given before: kept, so that its place is nobody else's.
    _before: Option<Sheet>,
}

#[derive(Debug, Default)]
struct Groups {
    by: HashMap<u128, Group>,
    bytes: usize,
}

/// Flags that may differ since some commit.
pub(super) type Affected = Arc<[Box<str>]>;

/// A value, which is written in the oldest schema, in another.
pub(crate) fn in_schema(schema: u32, value: Box<RawValue>) -> Box<RawValue> {
    if schema == OLDEST { value } else { schema::values::to_two(&value).unwrap_or(value) }
}

/// Answers of one state. See above.
#[derive(Default)]
pub(super) struct Answers {
    written: RwLock<HashMap<Given, Arc<Written>>>,
    groups: RwLock<Groups>,
    /// Since which commit, and what changed: most clients come from the same.
    affected: Mutex<Option<(Seq, Affected)>>,
}

impl std::fmt::Debug for Answers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answers").finish_non_exhaustive()
    }
}

/// What is to be put: flags with their hashes and answers.
type Put<'r> = Vec<(&'r str, u64, Arc<Written>)>;

impl StreamState {
    /// The frame with the values of all flags that may be seen.
    pub fn all_values(&self, asker: Asker<'_>) -> (Frame, Sheet) {
        let Some(ruleset) = self.ruleset_for(asker.schema) else {
            return (self.values_frame(&[], Vec::new(), true), Sheet::default());
        };
        let put: Put<'_> = ruleset
            .evaluate_all(asker.context, asker.now, asker.clients)
            .filter_map(|(flag, evaluation)| {
                let hash = xxh3_64(flag.as_bytes());
                let value = EvaluatedValue::new(ruleset, flag, evaluation, asker.context, asker.now);
                Some((flag, hash, self.answers.written(asker.schema, hash, &value)?))
            })
            .collect();
        self.answers.group(asker.schema, None, &put, &[], || {
            let mut sheet: Vec<(u64, u64)> =
                put.iter().map(|(_, flag, answer)| (*flag, answer.hash)).collect();
            sheet.sort_unstable();
            (self.values_frame(&put, Vec::new(), true), sheet.into())
        })
    }

    /// The frame with the values that differ from what was given at `from`. `None` when it is not known any more what
    /// was deleted since; then all are to be sent.
    pub fn changed_values(&self, from: Seq, given: &Sheet, asker: Asker<'_>) -> Option<(Frame, Sheet)> {
        let affected = self.affected_since(from)?;
        Some(self.amended(&affected, given, asker))
    }

    /// The frame with the values that are others than what was given only because it is later now; none when there are
    /// none.
    pub fn values_by_now(&self, given: &Sheet, asker: Asker<'_>) -> Option<(Frame, Sheet)> {
        let timed = self.timed.get_or_init(|| {
            let flags = self.ruleset().map(|ruleset| ruleset.timed()).unwrap_or_default();
            flags.into_iter().map(Into::into).collect()
        });
        if timed.is_empty() {
            return None;
        }
        let (frame, sheet) = self.amended(timed, given, asker);
        (sheet != *given).then_some((frame, sheet))
    }

    /// The frame with those of these flags whose values differ from what was given, or that are gone.
    fn amended(&self, flags: &[Box<str>], given: &Sheet, asker: Asker<'_>) -> (Frame, Sheet) {
        let Some(ruleset) = self.ruleset_for(asker.schema) else {
            return (self.values_frame(&[], Vec::new(), true), Sheet::default());
        };
        let had = |flag: u64| given.binary_search_by_key(&flag, |(own, _)| *own).ok().map(|at| given[at].1);
        let (mut put, mut delete) = (Put::new(), Vec::new());
        for flag in flags.iter().map(|flag| &**flag) {
            let hash = xxh3_64(flag.as_bytes());
            let there = ruleset.contains(flag);
            if !there || (asker.clients && !ruleset.is_client_visible(flag)) {
                if had(hash).is_some() {
                    delete.push(flag);
                }
                continue;
            }
            let evaluation = if asker.clients {
                ruleset.evaluate_for_client(flag, asker.context, asker.now)
            } else {
                ruleset.evaluate(flag, asker.context, asker.now)
            };
            let value = EvaluatedValue::new(ruleset, flag, evaluation, asker.context, asker.now);
            let Some(answer) = self.answers.written(asker.schema, hash, &value) else { continue };
            if had(hash) != Some(answer.hash) {
                put.push((flag, hash, answer));
            }
        }
        let amended = || {
            if put.is_empty() && delete.is_empty() {
                return Sheet::clone(given);
            }
            let gone: Vec<u64> = delete.iter().map(|flag| xxh3_64(flag.as_bytes())).collect();
            let stays = |flag: &u64| !gone.contains(flag) && put.iter().all(|(_, own, _)| own != flag);
            let kept = given.iter().filter(|(flag, _)| stays(flag)).copied();
            let mut sheet: Vec<_> =
                kept.chain(put.iter().map(|(_, flag, answer)| (*flag, answer.hash))).collect();
            sheet.sort_unstable();
            sheet.into()
        };
        self.answers.group(asker.schema, Some(given), &put, &delete, || {
            let deleted = delete.iter().map(|&flag| flag.to_owned()).collect();
            (self.values_frame(&put, deleted, false), amended())
        })
    }

    /// Flags that may differ, or are gone, since `from`.
    fn affected_since(&self, from: Seq) -> Option<Affected> {
        let lock = || self.answers.affected.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((seq, affected)) = &*lock()
            && *seq == from
        {
            return Some(Arc::clone(affected));
        }
        let changed: Vec<DocumentId> = match self.since(from) {
            Some(deltas) => deltas.flat_map(|delta| delta.changed.clone()).collect(),
            // Longer ago than the ring goes. All values at once would say that they are for whatever context the
            // client has asked for meanwhile.
            None if from >= self.snapshot.floor => {
                let (changed, gone) = self.snapshot.state.changed_since(from);
                changed.into_iter().map(Document::id).chain(gone).cloned().collect()
            }
            None => return None,
        };
        let ruleset = self.ruleset();
        let there = ruleset.map(|ruleset| ruleset.affected_by(&changed)).unwrap_or_default();
        let flags = changed.iter().filter(|id| id.kind == Kind::Flag);
        let gone = flags.filter(|id| !ruleset.is_some_and(|ruleset| ruleset.contains(&id.key)));
        let mut affected: Vec<Box<str>> =
            there.into_iter().chain(gone.map(|id| &*id.key)).map(Into::into).collect();
        affected.sort_unstable();
        affected.dedup();
        let affected = Affected::from(affected);
        *lock() = Some((from, Arc::clone(&affected)));
        Some(affected)
    }

    fn values_frame(&self, put: &[(&str, u64, Arc<Written>)], delete: Vec<String>, full: bool) -> Frame {
        let put: IndexMap<String, Box<RawValue>> =
            put.iter().map(|(flag, _, answer)| ((*flag).to_owned(), answer.json.clone())).collect();
        let at = self.snapshot.at();
        frame(&ServerFrame::Values(Values { seq: self.head, at, put, delete, full }))
    }
}

impl Answers {
    /// An answer as JSON. None of a value that can't be written, which there is not.
    fn written(&self, schema: u32, flag: u64, value: &EvaluatedValue<'_>) -> Option<Arc<Written>> {
        let given = Given::new(schema, flag, value);
        if let Some(written) = self.written.read().unwrap_or_else(PoisonError::into_inner).get(&given) {
            return Some(Arc::clone(written));
        }
        let json = in_schema(schema, serde_json::value::to_raw_value(value).ok()?);
        let written = Arc::new(Written { hash: xxh3_64(json.get().as_bytes()), json });
        let mut all = self.written.write().unwrap_or_else(PoisonError::into_inner);
        if all.len() < MAX_WRITTEN {
            all.insert(given, Arc::clone(&written));
        }
        Some(written)
    }

    /// The frame and the sheet of all who come from `before` and get this; made by the first of them.
    fn group(
        &self,
        schema: u32,
        before: Option<&Sheet>,
        put: &[(&str, u64, Arc<Written>)],
        delete: &[&str],
        make: impl FnOnce() -> (Frame, Sheet),
    ) -> (Frame, Sheet) {
        let mut by = Xxh3::new();
        by.update(&schema.to_ne_bytes());
        by.update(&before.map_or(0, |sheet| sheet.as_ptr().addr()).to_ne_bytes());
        by.update(&put.len().to_ne_bytes());
        for (_, flag, answer) in put {
            by.update(&flag.to_ne_bytes());
            by.update(&answer.hash.to_ne_bytes());
        }
        for flag in delete {
            by.update(&[0xFF]);
            by.update(flag.as_bytes());
        }
        let by = by.digest128();
        if let Some(group) = self.groups.read().unwrap_or_else(PoisonError::into_inner).by.get(&by) {
            return (group.frame.clone(), Sheet::clone(&group.sheet));
        }
        let (frame, sheet) = make();
        let mut groups = self.groups.write().unwrap_or_else(PoisonError::into_inner);
        if groups.bytes + frame.len() <= MAX_FRAME_BYTES {
            groups.bytes += frame.len() + std::mem::size_of_val(&*sheet);
            let group = Group { frame: frame.clone(), sheet: Sheet::clone(&sheet), _before: before.cloned() };
            // Somebody else may have been faster: then that is what is shared.
            let group = groups.by.entry(by).or_insert(group);
            return (group.frame.clone(), Sheet::clone(&group.sheet));
        }
        (frame, sheet)
    }
}
