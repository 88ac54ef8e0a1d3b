//! The protocol of one stream, without its socket: what to send, given what the client said and what is new.

use indexmap::IndexMap;
use serde_json::value::RawValue;
use usher_core::{
    Context,
    model::{Seq, Timestamp},
    protocol::{EvaluatedValue, Intent, MAX_SNAPSHOT_PART_BYTES, Mode, Ready, Resume, ServerFrame, Standing},
    schema::Form,
};

use crate::{
    sdk::signed::{Asked, SignedBy},
    socket::Frame,
    world::{Asker, Sheet, StreamState, in_schema, streams_frame},
};

/// What one client has been sent.
pub struct Session {
    /// Where the client is on the stream.
    sent: Seq,
    /// What it had when it came, where nothing had to be sent.
    came_with: Seq,
    /// How it is written to.
    form: Form,
    kind: Kind,
}

enum Kind {
    Ruleset,
    Values(Box<Person>),
}

/// How long before a signed context expires the client is asked for another, in milliseconds: a phone has to reach its
/// backend for it. One that is good for less is asked with the first ping.
const RENEW_BEFORE_MS: i64 = 120_000;

struct Person {
    context: Context,
    /// Who signed for it.
    signed: Option<Box<SignedBy>>,
    /// Another signature was asked for.
    asked_again: bool,
    client_visible_only: bool,
    /// What it was given last.
    given: Sheet,
}

impl Person {
    fn asks(&self, now: Timestamp, form: Form) -> Asker<'_> {
        Asker { context: &self.context, clients: self.client_visible_only, now, schema: form.schema() }
    }

    fn all_values(&mut self, state: &StreamState, now: Timestamp, form: Form) -> Frame {
        let (frame, given) = state.all_values(self.asks(now, form));
        self.given = given;
        frame
    }
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
    /// How long the client is to wait with acknowledgements, in milliseconds.
    pub ack_within_ms: u32,
}

/// How a stream begins.
pub enum Opening {
    /// `ready`, and nothing else: the client has it all.
    Current(Frame),
    /// These frames.
    Frames(Vec<Frame>),
    /// `ready`, and then a snapshot, which needs a place among the admitted.
    Snapshot(Frame),
}

impl Session {
    /// A session of documents.
    #[must_use]
    pub fn ruleset(form: Form) -> Self {
        Self { sent: Seq::ZERO, came_with: Seq::ZERO, form, kind: Kind::Ruleset }
    }

    /// A session of values for one context.
    #[must_use]
    pub fn values(form: Form, asked: Asked, client_visible_only: bool) -> Self {
        let Asked { context, signed } = asked;
        let (signed, given) = (signed.map(Box::new), Sheet::default());
        let person = Person { context, signed, asked_again: false, client_visible_only, given };
        Self { sent: Seq::ZERO, came_with: Seq::ZERO, form, kind: Kind::Values(Box::new(person)) }
    }

    /// Its mode.
    #[must_use]
    pub fn mode(&self) -> Mode {
        match self.kind {
            Kind::Ruleset => Mode::Ruleset,
            Kind::Values(_) => Mode::Values,
        }
    }

    /// How it is written to.
    #[must_use]
    pub fn form(&self) -> Form {
        self.form
    }

    /// Who signed for the client's context.
    #[must_use]
    pub fn signed(&self) -> Option<&SignedBy> {
        match &self.kind {
            Kind::Ruleset => None,
            Kind::Values(person) => person.signed.as_deref(),
        }
    }

    /// For how many milliseconds the signature is still taken, once, where it is time to ask for another.
    pub fn renewal(&mut self, now: Timestamp) -> Option<u64> {
        let Kind::Values(person) = &mut self.kind else { return None };
        let left = person.signed.as_ref()?.ends.since(now);
        if person.asked_again || left > RENEW_BEFORE_MS {
            return None;
        }
        person.asked_again = true;
        u64::try_from(left).ok()
    }

    /// What the client had when it came, if that is all there is: it acknowledges what it is sent, and not that.
    #[must_use]
    pub fn came_with(&self) -> Seq {
        self.came_with
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
        let (form, Terms { heartbeat_sec, known, upstream, ack_within_ms }) = (self.form, terms);
        let ready = |intent| {
            streams_frame(&ServerFrame::Ready(Ready {
                epoch: state.snapshot.epoch,
                seq: state.head,
                schema: form.schema(),
                heartbeat_sec,
                intent,
                environment: state.environment().clone(),
                view: Some(state.view().tag()),
                venues: state.view().venues().iter().cloned().collect(),
                known: Some(known),
                downstream: true,
                ack_within_ms,
                upstream,
            }))
        };
        self.sent = state.head;
        if let Kind::Values(person) = &mut self.kind {
            // What the client had was for another context, perhaps: values are few, and sent whole.
            return Opening::Frames(vec![ready(Intent::Delta), person.all_values(state, now, form)]);
        }
        // Between the head and what is known here, nothing has concerned this view; what was deleted before the floor
        // is not known here.
        let leads_on = |resume: &Resume| {
            resume.epoch == state.snapshot.epoch
                // What a flag says that the schema before can't is not in what came in that.
                && resume.schema.is_none_or(|own| own == form.schema())
                && resume.seq <= known.max(state.head)
                && (resume.seq >= state.snapshot.floor || state.since(resume.seq).is_some())
        };
        match resume.filter(leads_on) {
            Some(resume) if resume.seq >= state.head => {
                (self.sent, self.came_with) = (resume.seq, resume.seq);
                Opening::Current(ready(Intent::Current))
            }
            Some(resume) => {
                let frames = catch_up(state, resume.seq, form);
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
    pub fn advance(&mut self, state: &StreamState, now: Timestamp) -> Vec<Frame> {
        if state.head <= self.sent {
            return Vec::new();
        }
        let (from, form) = (std::mem::replace(&mut self.sent, state.head), self.form);
        match &mut self.kind {
            Kind::Ruleset => catch_up(state, from, form),
            Kind::Values(person) => match state.changed_values(from, &person.given, person.asks(now, form)) {
                Some((frame, given)) => {
                    person.given = given;
                    vec![frame]
                }
                None => vec![person.all_values(state, now, form)],
            },
        }
    }

    /// Values mode: what time has changed, while nobody changed anything.
    pub fn tick(&mut self, state: &StreamState, now: Timestamp) -> Option<Frame> {
        let form = self.form;
        // What is newer is about to be sent, and says it too.
        let Kind::Values(person) = &mut self.kind else { return None };
        if state.head > self.sent {
            return None;
        }
        let (frame, given) = state.values_by_now(&person.given, person.asks(now, form))?;
        person.given = given;
        Some(frame)
    }

    /// Values mode: the client is somebody else, or somewhere else, from now on. `None` in ruleset mode.
    pub fn change_context(&mut self, new: Asked, state: &StreamState, now: Timestamp) -> Option<Frame> {
        let form = self.form;
        let Kind::Values(person) = &mut self.kind else { return None };
        (person.context, person.signed, person.asked_again) = (new.context, new.signed.map(Box::new), false);
        self.sent = self.sent.max(state.head);
        Some(person.all_values(state, now, form))
    }
}

/// Frames that lead from `from` to the head: shared ones where there are, one for all otherwise.
fn catch_up(state: &StreamState, from: Seq, form: Form) -> Vec<Frame> {
    // Of a time when nobody read this form, there is none in it.
    let shared =
        state.since(from).and_then(|deltas| deltas.map(|delta| delta.frame(form).cloned()).collect());
    shared.unwrap_or_else(|| vec![state.merged_since(from, form)])
}

/// The values of all flags that may be seen.
pub fn values(
    state: &StreamState,
    context: &Context,
    client_visible_only: bool,
    now: Timestamp,
    schema: u32,
) -> IndexMap<String, Box<RawValue>> {
    let Some(ruleset) = state.ruleset_for(schema) else { return IndexMap::new() };
    let all = ruleset.evaluate_all(context, now, client_visible_only);
    let raw = |(flag, evaluation)| {
        let value = EvaluatedValue::new(ruleset, flag, evaluation, context, now);
        Some((flag.to_owned(), in_schema(schema, serde_json::value::to_raw_value(&value).ok()?)))
    };
    all.filter_map(raw).collect()
}
