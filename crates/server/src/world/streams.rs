//! Streams: the changes of one view, serialised once for each schema that somebody reads, and shared by all who receive
//! them.
//!
//! A stream has no queue per receiver. It keeps its newest state and a short ring of recent deltas; a receiver
//! that is ready takes what comes after what it has, or, having fallen behind the ring, one delta that covers
//! it all. A slow receiver thereby collapses to the newest state and holds no memory.

use std::{
    array,
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
};

use tokio::sync::watch;
use usher_core::{
    Ruleset,
    model::{Document, DocumentId, EnvironmentKey, Kind, Seq, Timestamp},
    protocol::{Delta, MAX_SNAPSHOT_PART_BYTES, ServerFrame, Snapshot as SnapshotPart, View},
    schema::{Form, NEWEST, OLDEST, documents::written},
};
use usher_journal::{Change, Commit};

use super::{
    Snapshot,
    answers::{Affected, Answers},
};
use crate::socket::Frame;

/// Deltas that a stream keeps for receivers that are a little behind.
const RING: usize = 64;
/// Commits whose times are known, to tell them from others of the same numbers.
const TIMES: usize = 4_096;
/// Views that are narrowed to venues, and that somebody looks at, at a time. Each costs a look at every commit.
const MAX_NARROWED: usize = 4_096;
/// From so many streams on, those are dropped that are narrowed and that nobody looks at.
const MANY: usize = 512;

/// One change as its receivers get it.
#[derive(Debug)]
pub struct SharedDelta {
    /// What a receiver must have.
    pub from: Seq,
    /// What it has afterwards.
    pub seq: Seq,
    /// What changed.
    pub changed: Vec<DocumentId>,
    /// The frame in each form that somebody reads here.
    frames: Frames,
}

/// One for each form; none in those that nobody reads.
type Frames = [Option<Frame>; FORMS];
/// How many forms there are.
const FORMS: usize = Form::ALL.len();

impl SharedDelta {
    /// The frame in a form.
    #[must_use]
    pub fn frame(&self, form: Form) -> Option<&Frame> {
        self.frames[form.index()].as_ref()
    }
}

/// Forms that were ever asked for, as bits.
#[derive(Debug, Default)]
struct Asked(AtomicU8);

impl Asked {
    fn add(&self, form: Form) {
        self.0.fetch_or(1 << form.index(), Ordering::Relaxed);
    }

    fn has(&self, form: Form) -> bool {
        self.0.load(Ordering::Relaxed) & (1 << form.index()) != 0
    }
}

/// A commit and its time.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// The commit.
    pub seq: Seq,
    /// Its time.
    pub at: Timestamp,
}

/// The last commits that touched what keys of a view may see. Never earlier than they were; after a start perhaps
/// later, because what a commit changed is known only while it is applied.
#[derive(Clone, Copy, Debug)]
pub struct Touched {
    /// For server keys: anything in the view.
    pub view: Place,
    /// For client keys: flags that clients may see, or what those lean on.
    pub clients: Place,
}

impl Touched {
    /// What the documents of `snapshot` tell by themselves.
    fn by(view: &View, snapshot: &Snapshot) -> Self {
        let seq = snapshot.state.last_change(|id| view.may_name(id));
        let place = Place { seq, at: snapshot.at() };
        Self { view: place, clients: place }
    }

    /// After a commit that changed these documents of the view.
    fn after(self, commit: &Commit, clients: bool) -> Self {
        let place = Place { seq: commit.seq, at: commit.at };
        Self { view: place, clients: if clients { place } else { self.clients } }
    }
}

/// A stream at one moment.
#[derive(Debug)]
pub struct StreamState {
    /// The last commit that concerned this view.
    pub head: Seq,
    /// The last commits that concerned who may see this view.
    pub touched: Touched,
    /// The world as of then, or a little later.
    pub snapshot: Arc<Snapshot>,
    view: View,
    ring: VecDeque<Arc<SharedDelta>>,
    parts: [OnceLock<Vec<Frame>>; FORMS],
    /// The ruleset for apps of the schema before, where it is another.
    older: OnceLock<Option<Arc<Ruleset>>>,
    pub(super) answers: Answers,
    /// Flags whose values may change with time alone.
    pub(super) timed: OnceLock<Affected>,
}

impl StreamState {
    /// The environment of the view.
    #[must_use]
    pub fn environment(&self) -> &EnvironmentKey {
        self.view.environment()
    }

    /// What it shows.
    #[must_use]
    pub fn view(&self) -> &View {
        &self.view
    }

    /// The ruleset of the view's environment; none once that is gone.
    #[must_use]
    pub fn ruleset(&self) -> Option<&Arc<Ruleset>> {
        self.snapshot.ruleset(self.view.environment())
    }

    /// The same for apps that speak a schema.
    #[must_use]
    pub fn ruleset_for(&self, schema: u32) -> Option<&Arc<Ruleset>> {
        let newest = self.ruleset()?;
        if schema == NEWEST {
            return Some(newest);
        }
        self.older.get_or_init(|| newest.for_schema(OLDEST).map(Arc::new)).as_ref().or(Some(newest))
    }

    /// The deltas after `seq`, in order; `None` when `seq` is no longer, or never was, a place on this stream.
    pub fn since(&self, seq: Seq) -> Option<impl Iterator<Item = &Arc<SharedDelta>>> {
        let start = self.ring.iter().position(|delta| delta.from == seq);
        let start = if seq == self.head { Some(self.ring.len()) } else { start };
        start.map(|start| self.ring.iter().skip(start))
    }

    /// One delta that leads from `seq` to the head, whatever lies between.
    #[must_use]
    pub fn merged_since(&self, seq: Seq, form: Form) -> Frame {
        let (changed, gone) = self.snapshot.state.changed_since(seq);
        let mut put = Vec::new();
        // Credentials and people that are gone are no business of a stream.
        let gone = gone.into_iter().filter(|id| self.view.may_name(id));
        let mut delete: Vec<DocumentId> = gone.cloned().collect();
        for document in changed {
            match self.view.written(document, form) {
                Some(document) => put.push(document),
                // It may have been in the view before it changed: a cohort that moved to another venue.
                None if *document.kind() == Kind::Cohort => delete.push(document.id().clone()),
                None => {}
            }
        }
        let at = self.snapshot.at();
        frame(&ServerFrame::Delta(Delta { from: seq, seq: self.head, at, put, delete }))
    }

    /// All documents of the view.
    #[must_use]
    pub fn documents(&self, form: Form) -> Vec<Document> {
        self.snapshot.state.entries().filter_map(|entry| self.view.written(&entry.document, form)).collect()
    }

    /// All documents of the view as frames; made when first asked for, and shared.
    pub fn snapshot_frames(&self, form: Form) -> &[Frame] {
        self.parts[form.index()].get_or_init(|| {
            let mut parts: Vec<Vec<Document>> = vec![Vec::new()];
            let mut size = 0;
            for document in self.documents(form) {
                size += document.json().len();
                if size > MAX_SNAPSHOT_PART_BYTES && parts.last().is_some_and(|part| !part.is_empty()) {
                    parts.push(Vec::new());
                    size = document.json().len();
                }
                if let Some(part) = parts.last_mut() {
                    part.push(document);
                }
            }
            // Bounded by the documents of a workspace.
            let count = u32::try_from(parts.len()).unwrap_or(u32::MAX);
            let at = self.snapshot.at();
            (1..)
                .zip(parts)
                .map(|(part, documents)| {
                    frame(&ServerFrame::Snapshot(SnapshotPart {
                        seq: self.head,
                        at,
                        part,
                        parts: count,
                        documents,
                    }))
                })
                .collect()
        })
    }
}

/// What a commit does to the streams, ready to be published.
pub struct Preparation {
    deltas: Vec<Prepared>,
    /// The number of the first stream that began after it was made.
    next: u64,
}

impl Preparation {
    /// The views that the commit concerns.
    pub fn views(&self) -> impl Iterator<Item = &View> {
        self.deltas.iter().map(|prepared| &prepared.stream.view)
    }
}

struct Prepared {
    stream: Arc<Stream>,
    delta: Arc<SharedDelta>,
    touched: Touched,
}

struct Stream {
    number: u64,
    view: View,
    asked: Asked,
    state: watch::Sender<Arc<StreamState>>,
}

/// All streams, by view.
pub struct Streams {
    all: Mutex<All>,
}

struct All {
    snapshot: Arc<Snapshot>,
    // A list: there is one view an environment, and some that are narrowed to venues.
    streams: Vec<Arc<Stream>>,
    /// The number of the next stream.
    next: u64,
    /// The last commits, in order.
    places: VecDeque<Place>,
}

impl All {
    fn new(snapshot: &Arc<Snapshot>, next: u64) -> Self {
        let (streams, places) = (Vec::new(), VecDeque::new());
        let mut all = Self { snapshot: Arc::clone(snapshot), streams, next, places };
        all.pass();
        all.subscribe_environments(snapshot);
        all
    }

    /// Notes where it is.
    fn pass(&mut self) {
        if self.places.len() == TIMES {
            self.places.pop_front();
        }
        self.places.push_back(Place { seq: self.snapshot.seq(), at: self.snapshot.at() });
    }

    fn find(&self, view: &View) -> Option<&Arc<Stream>> {
        self.streams.iter().find(|stream| stream.view == *view)
    }

    fn subscribe(&mut self, view: View) -> watch::Receiver<Arc<StreamState>> {
        if let Some(stream) = self.find(&view) {
            return stream.state.subscribe();
        }
        if self.streams.len() >= MANY {
            self.streams.retain(|stream| !stream.is_narrowed() || stream.is_watched());
        }
        let state = StreamState {
            head: self.snapshot.seq(),
            touched: Touched::by(&view, &self.snapshot),
            snapshot: Arc::clone(&self.snapshot),
            view: view.clone(),
            ring: VecDeque::new(),
            parts: array::from_fn(|_| OnceLock::new()),
            older: OnceLock::new(),
            answers: Answers::default(),
            timed: OnceLock::new(),
        };
        let (state, receiver) = watch::channel(Arc::new(state));
        self.streams.push(Arc::new(Stream { number: self.next, view, asked: Asked::default(), state }));
        self.next += 1;
        receiver
    }

    fn subscribe_environments(&mut self, snapshot: &Snapshot) {
        for environment in snapshot.environments.keys() {
            drop(self.subscribe(View::new(environment.clone(), [])));
        }
    }
}

impl Streams {
    /// One stream for each environment of `snapshot`.
    #[must_use]
    pub fn new(snapshot: &Arc<Snapshot>) -> Self {
        Self { all: Mutex::new(All::new(snapshot, 0)) }
    }

    fn lock(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The stream of a view, from now on.
    #[must_use]
    pub fn subscribe(&self, view: View) -> watch::Receiver<Arc<StreamState>> {
        self.lock().subscribe(view)
    }

    /// The same for somebody who reads its documents in a form: from now on changes are written in it once, for all.
    #[must_use]
    pub fn subscribe_in(&self, view: View, form: Form) -> watch::Receiver<Arc<StreamState>> {
        let mut all = self.lock();
        let receiver = all.subscribe(view.clone());
        if let Some(stream) = all.find(&view) {
            stream.asked.add(form);
        }
        receiver
    }

    /// Whether the commit of this number that is known here has another time: whoever has one of that time was shown what
    /// is not in the journal.
    #[must_use]
    pub fn know_another(&self, seq: Seq, at: Timestamp) -> bool {
        let all = self.lock();
        let found = all.places.binary_search_by_key(&seq, |place| place.seq);
        found.is_ok_and(|found| all.places[found].at != at)
    }

    /// Whether one more view may be looked at.
    #[must_use]
    pub fn has_room_for(&self, view: &View) -> bool {
        let all = self.lock();
        let watched = || all.streams.iter().filter(|own| own.is_narrowed() && own.is_watched()).count();
        view.venues().is_empty()
            || all.streams.len() < MAX_NARROWED
            || all.find(view).is_some()
            || watched() < MAX_NARROWED
    }

    /// The delta that a commit makes on each stream that it concerns.
    #[must_use]
    pub fn prepare(&self, before: &Snapshot, after: &Snapshot, commit: &Commit) -> Preparation {
        let (streams, next) = {
            let mut all = self.lock();
            all.subscribe_environments(after);
            (all.streams.clone(), all.next)
        };
        let deltas = streams.into_iter().filter_map(|stream| {
            let (head, touched) = {
                let state = stream.state.borrow();
                (state.head, state.touched)
            };
            let delta = delta(&stream, head, before, commit)?;
            let clients = reaches_clients(stream.view.environment(), [before, after], &delta.changed);
            Some(Prepared { stream, delta: Arc::new(delta), touched: touched.after(commit, clients) })
        });
        Preparation { deltas: deltas.collect(), next }
    }

    /// Moves the streams on; their receivers wake up.
    pub fn publish(&self, after: &Arc<Snapshot>, preparation: Preparation) {
        let mut all = self.lock();
        all.snapshot = Arc::clone(after);
        all.pass();
        for Prepared { stream, delta, touched } in preparation.deltas {
            let mut ring = stream.state.borrow().ring.clone();
            if ring.len() == RING {
                ring.pop_front();
            }
            let head = delta.seq;
            ring.push_back(delta);
            stream.move_to(head, touched, after, ring);
        }
        // Streams that began in between know nothing of the commit: they start again after it.
        for stream in all.streams.iter().filter(|stream| stream.number >= preparation.next) {
            stream.move_to(after.seq(), Touched::by(&stream.view, after), after, VecDeque::new());
        }
    }

    /// Ends all streams, and begins anew with a snapshot to which nothing leads.
    pub fn restart(&self, snapshot: &Arc<Snapshot>) {
        let mut all = self.lock();
        *all = All::new(snapshot, all.next);
    }
}

impl Stream {
    fn is_narrowed(&self) -> bool {
        !self.view.venues().is_empty()
    }

    fn is_watched(&self) -> bool {
        self.state.receiver_count() > 0
    }

    fn move_to(
        &self,
        head: Seq,
        touched: Touched,
        snapshot: &Arc<Snapshot>,
        ring: VecDeque<Arc<SharedDelta>>,
    ) {
        let (snapshot, view) = (Arc::clone(snapshot), self.view.clone());
        let (parts, older, answers) =
            (array::from_fn(|_| OnceLock::new()), OnceLock::new(), Answers::default());
        let timed = OnceLock::new();
        let state = StreamState { head, touched, snapshot, view, ring, parts, older, answers, timed };
        self.state.send_replace(Arc::new(state));
    }
}

/// What a commit changes in a view; `None` for nothing.
fn delta(stream: &Stream, head: Seq, before: &Snapshot, commit: &Commit) -> Option<SharedDelta> {
    let view = &stream.view;
    let seen_before = |id: &DocumentId| before.state.get(id).and_then(|entry| view.of(&entry.document));
    let mut put = Vec::new();
    let mut delete = Vec::new();
    for change in &commit.changes {
        let old = seen_before(change.id());
        let new = match change {
            Change::Put(document) => view.of(document),
            Change::Delete(_) => None,
        };
        match (old, new) {
            (Some(old), Some(new)) if old == new => {}
            (_, Some(new)) => put.push(new),
            (Some(_), None) => delete.push(change.id().clone()),
            (None, None) => {}
        }
    }
    if put.is_empty() && delete.is_empty() {
        return None;
    }
    let changed = put.iter().map(|document| document.id().clone()).chain(delete.iter().cloned()).collect();
    let frames = Form::ALL.map(|form| {
        stream.asked.has(form).then(|| {
            let put = put.iter().map(|document| written(document, form)).collect();
            let delete = delete.clone();
            frame(&ServerFrame::Delta(Delta { from: head, seq: commit.seq, at: commit.at, put, delete }))
        })
    });
    Some(SharedDelta { from: head, seq: commit.seq, changed, frames })
}

/// Whether a change of these documents may be noticed with a client key, which sees some flags only: before or
/// after it, a flag that clients may see is among them or leans on them.
fn reaches_clients(environment: &EnvironmentKey, worlds: [&Snapshot; 2], changed: &[DocumentId]) -> bool {
    worlds.iter().filter_map(|world| world.ruleset(environment)).any(|ruleset| {
        let affected = ruleset.affected_by(changed);
        affected.into_iter().any(|flag| ruleset.is_client_visible(flag))
    })
}

/// A frame, ready to be sent.
#[must_use]
pub(crate) fn frame(frame: &ServerFrame) -> Frame {
    // These types can always be written; an empty text would be refused by the client, not misread.
    Frame::text(serde_json::to_string(frame).unwrap_or_default())
}
