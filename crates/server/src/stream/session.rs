//! The protocol of one stream, without its socket: what to send, given what the client said and what is new.

use std::{collections::HashMap, sync::Arc};

use bytestring::ByteString;
use indexmap::IndexMap;
use serde_json::value::RawValue;
use usher_core::{
    Context,
    model::{DocumentId, Seq, Timestamp},
    protocol::{
        EvaluatedValue, Intent, MAX_SNAPSHOT_PART_BYTES, Mode, Ready, Resume, SCHEMA, ServerFrame, Standing,
        Values,
    },
};
use xxhash_rust::xxh3::xxh3_64;

use crate::world::{StreamState, streams_frame};

/// What one client has been sent.
pub struct Session {
    /// Where the client is on the stream.
    sent: Seq,
    kind: Kind,
}

enum Kind {
    Ruleset,
    Values {
        context: Box<Context>,
        client_visible_only: bool,
        /// The hash of what was last sent for each flag.
        last: HashMap<String, u64>,
    },
}

/// What is said of a stream before anything comes on it.
#[derive(Clone, Copy)]
pub struct Terms {
    /// Seconds between pings.
    pub heartbeat_sec: u32,
    /// Nothing up to this commit is missing here.
    pub known: Seq,
    /// At an edge: how old what it says may be.
    pub upstream: Option<Standing>,
}

/// How a stream begins.
pub enum Opening {
    /// These frames.
    Frames(Vec<ByteString>),
    /// `ready`, and then a snapshot, which needs a place among the admitted.
    Snapshot(ByteString),
}

impl Session {
    /// A session of documents.
    #[must_use]
    pub fn ruleset() -> Self {
        Self { sent: Seq::ZERO, kind: Kind::Ruleset }
    }

    /// A session of values for one context.
    #[must_use]
    pub fn values(context: Context, client_visible_only: bool) -> Self {
        let kind = Kind::Values { context: Box::new(context), client_visible_only, last: HashMap::new() };
        Self { sent: Seq::ZERO, kind }
    }

    /// Its mode.
    #[must_use]
    pub fn mode(&self) -> Mode {
        match self.kind {
            Kind::Ruleset => Mode::Ruleset,
            Kind::Values { .. } => Mode::Values,
        }
    }

    /// The last commit that the client was sent.
    #[must_use]
    pub fn sent(&self) -> Seq {
        self.sent
    }

    /// Answers `hello`.
    pub fn open(
        &mut self,
        state: &StreamState,
        resume: Option<Resume>,
        terms: Terms,
        now: Timestamp,
    ) -> Opening {
        let Terms { heartbeat_sec, known, upstream } = terms;
        let ready = |intent| {
            streams_frame(&ServerFrame::Ready(Ready {
                epoch: state.snapshot.epoch,
                seq: state.head,
                schema: SCHEMA,
                heartbeat_sec,
                intent,
                environment: state.environment().clone(),
                view: Some(state.view().tag()),
                venues: state.view().venues().iter().cloned().collect(),
                known: Some(known),
                downstream: true,
                upstream,
            }))
        };
        self.sent = state.head;
        if let Kind::Values { .. } = self.kind {
            // What the client had was for another context, perhaps: values are few, and sent whole.
            return Opening::Frames(vec![ready(Intent::Delta), self.all_values(state, now)]);
        }
        // Between the head and what is known here, nothing has concerned this view; what was deleted before the floor
        // is not known here.
        let leads_on = |resume: &Resume| {
            resume.epoch == state.snapshot.epoch
                && resume.seq <= known.max(state.head)
                && (resume.seq >= state.snapshot.floor || state.since(resume.seq).is_some())
        };
        match resume.filter(leads_on) {
            Some(resume) if resume.seq >= state.head => {
                self.sent = resume.seq;
                Opening::Frames(vec![ready(Intent::Current)])
            }
            Some(resume) => {
                let frames = catch_up(state, resume.seq);
                // It lacks so much that a snapshot, in parts and shared with others, costs less than a frame of
                // its own.
                if state.since(resume.seq).is_none()
                    && frames.iter().any(|frame| frame.len() > MAX_SNAPSHOT_PART_BYTES)
                {
                    return Opening::Snapshot(ready(Intent::Snapshot));
                }
                Opening::Frames([ready(Intent::Delta)].into_iter().chain(frames).collect())
            }
            None => Opening::Snapshot(ready(Intent::Snapshot)),
        }
    }

    /// What leads from what the client has to what is new.
    pub fn advance(&mut self, state: &StreamState, now: Timestamp) -> Vec<ByteString> {
        if state.head <= self.sent {
            return Vec::new();
        }
        let from = std::mem::replace(&mut self.sent, state.head);
        match self.kind {
            Kind::Ruleset => catch_up(state, from),
            Kind::Values { .. } => match state.since(from) {
                Some(deltas) => {
                    let changed: Vec<DocumentId> = deltas.flat_map(|delta| delta.changed.clone()).collect();
                    vec![self.changed_values(state, &changed, now)]
                }
                None => vec![self.all_values(state, now)],
            },
        }
    }

    /// Values mode: the client is somebody else, or somewhere else, from now on. `None` in ruleset mode.
    pub fn change_context(
        &mut self,
        new: Context,
        state: &StreamState,
        now: Timestamp,
    ) -> Option<ByteString> {
        match &mut self.kind {
            Kind::Ruleset => None,
            Kind::Values { context, .. } => {
                **context = new;
                self.sent = self.sent.max(state.head);
                Some(self.all_values(state, now))
            }
        }
    }

    fn all_values(&mut self, state: &StreamState, now: Timestamp) -> ByteString {
        let Kind::Values { context, client_visible_only, last } = &mut self.kind else {
            return ByteString::new();
        };
        let put = values(state, context, *client_visible_only, now);
        *last = put.iter().map(|(flag, value)| (flag.clone(), xxh3_64(value.get().as_bytes()))).collect();
        values_frame(state, put, Vec::new(), true)
    }

    fn changed_values(&mut self, state: &StreamState, changed: &[DocumentId], now: Timestamp) -> ByteString {
        let Kind::Values { context, client_visible_only, last } = &mut self.kind else {
            return ByteString::new();
        };
        let Some(ruleset) = state.ruleset() else { return ByteString::new() };
        let mut put = IndexMap::new();
        let mut delete = Vec::new();
        for flag in ruleset.affected_by(changed) {
            if *client_visible_only && !ruleset.is_client_visible(flag) {
                if last.remove(flag).is_some() {
                    delete.push(flag.to_owned());
                }
                continue;
            }
            let Some(value) = value(ruleset, flag, context, *client_visible_only, now) else { continue };
            let hash = xxh3_64(value.get().as_bytes());
            if last.insert(flag.to_owned(), hash) != Some(hash) {
                put.insert(flag.to_owned(), value);
            }
        }
        for id in changed.iter().filter(|id| id.kind == usher_core::model::Kind::Flag) {
            if !ruleset.contains(&id.key) && last.remove(&*id.key).is_some() {
                delete.push(id.key.to_string());
            }
        }
        values_frame(state, put, delete, false)
    }
}

/// Frames that lead from `from` to the head: shared ones where there are, one for all otherwise.
fn catch_up(state: &StreamState, from: Seq) -> Vec<ByteString> {
    match state.since(from) {
        Some(deltas) => deltas.map(|delta| delta.frame.clone()).collect(),
        None => vec![state.merged_since(from)],
    }
}

fn values_frame(
    state: &StreamState,
    put: IndexMap<String, Box<RawValue>>,
    delete: Vec<String>,
    full: bool,
) -> ByteString {
    streams_frame(&ServerFrame::Values(Values {
        seq: state.head,
        at: state.snapshot.at(),
        put,
        delete,
        full,
    }))
}

/// The values of all flags that may be seen.
pub fn values(
    state: &StreamState,
    context: &Context,
    client_visible_only: bool,
    now: Timestamp,
) -> IndexMap<String, Box<RawValue>> {
    let Some(ruleset) = state.ruleset() else { return IndexMap::new() };
    let all = ruleset.evaluate_all(context, now, client_visible_only);
    all.filter_map(|(flag, evaluation)| Some((flag.to_owned(), raw(evaluation)?))).collect()
}

fn value(
    ruleset: &Arc<usher_core::Ruleset>,
    flag: &str,
    context: &Context,
    client_visible_only: bool,
    now: Timestamp,
) -> Option<Box<RawValue>> {
    let evaluation = if client_visible_only {
        ruleset.evaluate_for_client(flag, context, now)
    } else {
        ruleset.evaluate(flag, context, now)
    };
    raw(evaluation)
}

fn raw(evaluation: usher_core::Evaluation<'_>) -> Option<Box<RawValue>> {
    serde_json::value::to_raw_value(&EvaluatedValue(evaluation)).ok()
}
