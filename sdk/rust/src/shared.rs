//! What the client's callers and its background task share.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use arc_swap::ArcSwap;
use indexmap::IndexMap;
use serde_json::value::RawValue;
use tokio::sync::watch;
use usher_core::{
    Context, Ruleset,
    model::{Document, DocumentId, EnvironmentKey, Kind, Seq, Timestamp},
    protocol::Mode,
};

use crate::{
    cache::Cache,
    events::Events,
    listeners::{Change, Listeners},
    snapshot::{Data, Entry, Freshness, Snapshot},
    status::{Source, Status},
};

/// Reports that are kept for [`crate::Client::diagnostics`].
const MAX_REPORTS: usize = 20;

/// How a client was built.
pub(crate) struct Config {
    pub(crate) url: String,
    pub(crate) key: String,
    pub(crate) mode: Mode,
    pub(crate) venue: Option<String>,
    pub(crate) app_version: Option<String>,
    pub(crate) instance: String,
    pub(crate) cache: Option<Cache>,
}

/// What the client's callers and its background task share.
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) snapshot: ArcSwap<Snapshot>,
    live: AtomicBool,
    heard: AtomicI64,
    pub(crate) status: watch::Sender<Status>,
    pub(crate) changes: Listeners<Change>,
    pub(crate) statuses: Listeners<Status>,
    pub(crate) events: Events,
    /// Values mode: who is asked for.
    pub(crate) context: watch::Sender<serde_json::Value>,
    pub(crate) closed: watch::Sender<bool>,
    reports: Mutex<Vec<String>>,
}

impl Shared {
    pub(crate) fn new(config: Config, context: serde_json::Value) -> Self {
        Self {
            config,
            snapshot: ArcSwap::from_pointee(Snapshot::nothing()),
            live: AtomicBool::new(false),
            heard: AtomicI64::new(0),
            status: watch::channel(Status::Connecting).0,
            changes: Listeners::default(),
            statuses: Listeners::default(),
            events: Events::default(),
            context: watch::channel(context).0,
            closed: watch::channel(false).0,
            reports: Mutex::default(),
        }
    }

    #[inline]
    pub(crate) fn freshness(&self) -> Freshness {
        Freshness { live: self.live.load(Ordering::Relaxed), heard: self.heard() }
    }

    pub(crate) fn heard(&self) -> Timestamp {
        Timestamp::from_millis(self.heard.load(Ordering::Relaxed))
    }

    /// The server was heard of just now.
    pub(crate) fn hear(&self) {
        self.set_heard(now());
    }

    pub(crate) fn set_heard(&self, at: Timestamp) {
        self.heard.store(at.millis(), Ordering::Relaxed);
    }

    /// The data is the server's newest, and so is what it says about itself from now on.
    pub(crate) fn go_live(&self) {
        let snapshot = self.snapshot.load();
        if snapshot.source != Source::Server {
            // The same data, confirmed.
            let data = match &snapshot.data {
                Data::Ruleset(ruleset) => Data::Ruleset(ruleset.clone()),
                Data::Values(values) => Data::Values(values.clone()),
                Data::Nothing => return,
            };
            self.snapshot.store(Arc::new(Snapshot { data, source: Source::Server }));
        }
        self.live.store(true, Ordering::Relaxed);
        self.set_status(Status::Live);
    }

    /// The server is out of reach.
    pub(crate) fn lose(&self, refused: bool) {
        self.live.store(false, Ordering::Relaxed);
        let had_data = self.snapshot.load().source == Source::Server;
        self.set_status(match (refused, had_data) {
            (true, _) => Status::Offline,
            (false, true) => Status::Stale { since: self.heard() },
            (false, false) => Status::Connecting,
        });
    }

    fn set_status(&self, status: Status) {
        let changed = self.status.send_if_modified(|own| {
            let changed = *own != status;
            *own = status;
            changed
        });
        if changed {
            self.statuses.tell(&status);
        }
    }

    /// Notes something that an operator should know.
    pub(crate) fn report(&self, text: String) {
        tracing::warn!("{text}");
        let mut reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        if reports.last() != Some(&text) {
            if reports.len() == MAX_REPORTS {
                reports.remove(0);
            }
            reports.push(text);
        }
    }

    pub(crate) fn reports(&self) -> Vec<String> {
        self.reports.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The task's own copy of what the server has sent: raw, so that it can be amended and kept on disk.
#[derive(Default)]
pub(crate) struct Store {
    /// What environment the documents are of; the server says it before it sends any.
    pub(crate) environment: Option<EnvironmentKey>,
    pub(crate) documents: BTreeMap<DocumentId, Document>,
    pub(crate) values: IndexMap<String, Box<RawValue>>,
}

impl Store {
    pub(crate) fn replace(&mut self, shared: &Shared, documents: Vec<Document>, seq: Seq, source: Source) {
        let before = shared.snapshot.load_full();
        self.documents = documents.into_iter().map(|document| (document.id().clone(), document)).collect();
        let Some(environment) = self.environment.clone() else { return };
        let data = Data::Ruleset(Ruleset::compile(environment, seq, self.documents.values()));
        publish(shared, &before, data, source, None);
    }

    pub(crate) fn amend(&mut self, shared: &Shared, put: Vec<Document>, delete: &[DocumentId], seq: Seq) {
        let before = shared.snapshot.load_full();
        let Data::Ruleset(ruleset) = &before.data else { return };
        let after = ruleset.apply(seq, &put, delete);
        let ids: Vec<DocumentId> =
            put.iter().map(|one| one.id().clone()).chain(delete.iter().cloned()).collect();
        let mut flags: Vec<String> = after.affected_by(&ids).into_iter().map(ToOwned::to_owned).collect();
        flags.extend(delete.iter().filter(|id| id.kind == Kind::Flag).map(|id| id.key.to_string()));
        for id in delete {
            self.documents.remove(id);
        }
        self.documents.extend(put.into_iter().map(|document| (document.id().clone(), document)));
        publish(shared, &before, Data::Ruleset(after), Source::Server, Some(flags));
    }

    pub(crate) fn replace_values(
        &mut self,
        shared: &Shared,
        values: IndexMap<String, Box<RawValue>>,
        source: Source,
    ) {
        let before = shared.snapshot.load_full();
        let changed = values
            .iter()
            .filter(|(flag, raw)| self.values.get(*flag).map(|own| own.get()) != Some(raw.get()));
        let gone = self.values.keys().filter(|flag| !values.contains_key(*flag)).cloned();
        let flags = changed.map(|(flag, _)| flag.clone()).chain(gone).collect();
        let data = Data::Values(Entry::read_all(&values));
        self.values = values;
        publish(shared, &before, data, source, Some(flags));
    }

    pub(crate) fn amend_values(
        &mut self,
        shared: &Shared,
        put: IndexMap<String, Box<RawValue>>,
        delete: &[String],
    ) {
        let before = shared.snapshot.load_full();
        let Data::Values(values) = &before.data else { return };
        let mut after = values.clone();
        let flags = put.keys().chain(delete).cloned().collect();
        for flag in delete {
            after.remove(flag);
            self.values.shift_remove(flag);
        }
        for (flag, raw) in put {
            after.insert(flag.clone(), Entry::read(&raw));
            self.values.insert(flag, raw);
        }
        publish(shared, &before, Data::Values(after), Source::Server, Some(flags));
    }
}

fn publish(shared: &Shared, before: &Snapshot, data: Data, source: Source, flags: Option<Vec<String>>) {
    let after = Snapshot { data, source };
    let mut flags = flags.unwrap_or_else(|| before.flags().into_iter().chain(after.flags()).collect());
    flags.sort_unstable();
    flags.dedup();
    shared.snapshot.store(Arc::new(after));
    if !flags.is_empty() {
        shared.changes.tell(&Change { flags });
    }
}

/// The context of values mode, with its venue.
pub(crate) fn context_json(context: &Context, venue: Option<&str>) -> serde_json::Value {
    let mut json = context.to_json();
    if let (Some(venue), Some(fields)) = (venue, json.as_object_mut()) {
        fields.entry("venue").or_insert_with(|| venue.into());
    }
    json
}

/// The clock, read in one place.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
