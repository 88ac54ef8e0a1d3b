//! Who is connected to this server's streams.

mod having;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

use dashmap::DashMap;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use usher_core::{
    model::Seq,
    protocol::{Census, Censuses, Group, Mode, Source, View},
};
use utoipa::ToSchema;

/// Identity of a connection within this process.
pub type ConnectionId = u64;

/// One connected client.
pub struct Connection {
    /// What it is sent.
    pub view: View,
    /// How.
    pub mode: Mode,
    /// In which payload schema.
    pub schema: u32,
    /// Where it is: a phone goes from venue to venue.
    venue: Mutex<Option<Arc<str>>>,
    /// Its SDK.
    pub sdk: String,
    /// Version of the program that uses it.
    pub version: Option<String>,
    /// What it calls itself.
    pub instance: String,
    /// The credential that it came with.
    pub credential: String,
    /// The key that signed its context, if one did.
    signer: Mutex<Option<Box<str>>>,
    /// Its name, where it is an edge: no device, but somebody who counts devices.
    pub edge: Option<String>,
    acked: AtomicU64,
    /// What it had when it came, and was not sent again.
    came_with: AtomicU64,
    /// Told to close: the credential is gone, or the server is about to be.
    pub closing: Notify,
}

impl Connection {
    /// A client that has applied nothing yet.
    #[must_use]
    #[allow(clippy::too_many_arguments)] // What a client says of itself, in one place.
    pub fn new(
        view: View,
        mode: Mode,
        schema: u32,
        venue: Option<Arc<str>>,
        sdk: &str,
        version: Option<String>,
        instance: &str,
        credential: &str,
        edge: Option<String>,
    ) -> Self {
        Self {
            view,
            mode,
            schema,
            venue: Mutex::new(venue),
            sdk: sdk.to_owned(),
            version,
            instance: instance.to_owned(),
            credential: credential.to_owned(),
            signer: Mutex::default(),
            edge,
            acked: AtomicU64::new(0),
            came_with: AtomicU64::new(0),
            closing: Notify::new(),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn venue(&self) -> Option<Arc<str>> {
        self.venue.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes who signed its context.
    pub fn signed_by(&self, key: Option<&str>) {
        *self.signer.lock().unwrap_or_else(PoisonError::into_inner) = key.map(Into::into);
    }

    /// Whether it is open by this credential: its own, or that of who signed its context.
    fn leans_on(&self, credential: &str) -> bool {
        let signer = || self.signer.lock().unwrap_or_else(PoisonError::into_inner);
        self.credential == credential || signer().as_deref() == Some(credential)
    }

    /// What it has applied.
    #[must_use]
    pub fn acked(&self) -> Seq {
        Seq(self.acked.load(Ordering::Relaxed))
    }

    /// Notes what it had when it came: that it has this it has said already.
    pub fn came_with(&self, seq: Seq) {
        self.came_with.store(seq.0, Ordering::Relaxed);
    }

    /// What it has, by all that it has said.
    fn has(&self) -> Seq {
        self.acked().max(Seq(self.came_with.load(Ordering::Relaxed)))
    }

    /// Notes what it has applied, and gives back what it had before. Never goes back.
    pub fn ack(&self, seq: Seq) -> Seq {
        Seq(self.acked.fetch_max(seq.0, Ordering::Relaxed))
    }
}

/// All of them.
#[derive(Default)]
pub struct Connections {
    all: DashMap<ConnectionId, Arc<Connection>>,
    next: AtomicU64,
    /// How many of all are edges.
    edges: AtomicUsize,
    below: Mutex<Below>,
    /// Clients of the other nodes of the fleet, and of the edges there.
    nodes: Mutex<Below>,
    changed: AtomicBool,
    changes: AtomicU64,
}

/// Clients that are counted elsewhere.
#[derive(Default)]
struct Below {
    censuses: Censuses<Source>,
    /// Over which connection a source told last. It may have come again before its old connection has ended.
    over: HashMap<Source, ConnectionId>,
    total: usize,
}

impl Below {
    fn sum(&mut self) {
        let total = self.censuses.clients().values().fold(0, |sum: u64, count| sum.saturating_add(*count));
        self.total = usize::try_from(total).unwrap_or(usize::MAX);
    }
}

/// Connected clients, summed up.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// How many.
    pub total: usize,
    /// By venue; those of no venue are not listed.
    pub by_venue: Vec<VenueCount>,
    /// By SDK, version and payload schema.
    pub by_sdk: Vec<SdkCount>,
    /// By mode.
    pub by_mode: Vec<ModeCount>,
}

/// Clients at a venue.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct VenueCount {
    /// The venue.
    pub venue: String,
    /// How many.
    pub count: usize,
}

/// Clients of one SDK.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SdkCount {
    /// Name and version of the SDK.
    pub sdk: String,
    /// Version of the program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Payload schema.
    pub schema: u32,
    /// How many.
    pub count: usize,
}

/// Clients of one mode.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ModeCount {
    /// The mode.
    #[schema(value_type = String)]
    pub mode: Mode,
    /// How many.
    pub count: usize,
}

/// An edge's stream: one for each of its keys.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EdgeStatus {
    /// What it calls itself.
    pub name: String,
    /// Its process.
    pub instance: String,
    /// Name and version of its program.
    pub sdk: String,
    /// The environment that it serves.
    pub environment: String,
    /// Devices that it counts, behind edges of its own too.
    pub devices: u64,
    /// The last commit that it has acknowledged.
    pub seq: u64,
    /// The last one that concerns it.
    pub head: u64,
}

impl Connections {
    /// A client has come.
    pub fn add(&self, connection: Connection) -> (ConnectionId, Arc<Connection>) {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let connection = Arc::new(connection);
        if connection.edge.is_some() {
            self.edges.fetch_add(1, Ordering::Relaxed);
        }
        self.all.insert(id, Arc::clone(&connection));
        self.touch();
        (id, connection)
    }

    /// A client has gone; and with it a source of counts, if it was the one over which that told last.
    pub fn remove(&self, id: ConnectionId) -> Option<(Arc<Connection>, Option<Source>)> {
        let (_, connection) = self.all.remove(&id)?;
        let mut gone = None;
        if connection.edge.is_some() {
            self.edges.fetch_sub(1, Ordering::Relaxed);
            let (mut below, source) = (self.below(), source(&connection));
            if below.over.get(&source) == Some(&id) {
                below.over.remove(&source);
                below.censuses.remove(&source);
                below.sum();
                gone = Some(source);
            }
        }
        self.touch();
        Some((connection, gone))
    }

    /// An edge has counted its clients. `None` where that is no news, or it is none.
    pub fn counted(&self, id: ConnectionId, mut census: Census) -> Option<Source> {
        let connection = self.get(id)?;
        connection.edge.as_ref()?;
        // It speaks for its own environment only.
        census.clients.retain(|clients| clients.group.environment == *connection.view.environment());
        let source = source(&connection);
        let mut below = self.below();
        if !below.censuses.put(source.clone(), census.bounded()) {
            return None;
        }
        below.over.insert(source.clone(), id);
        below.sum();
        drop(below);
        self.touch();
        Some(source)
    }

    /// Another node has counted its clients. `false` where that is no news.
    pub fn node_counted(&self, source: Source, census: Census) -> bool {
        let mut nodes = self.nodes();
        let news = nodes.censuses.put(source, census.bounded());
        if news {
            nodes.sum();
            drop(nodes);
            // Not a change that this node has to tell others of.
            self.changed.store(true, Ordering::Release);
        }
        news
    }

    /// Another node is gone, or is not heard any more.
    pub fn node_left(&self, source: &Source) {
        let mut nodes = self.nodes();
        if nodes.censuses.remove(source).is_some() {
            nodes.sum();
            drop(nodes);
            self.changed.store(true, Ordering::Release);
        }
    }

    /// The edge that a source is.
    #[must_use]
    pub fn edge(&self, source: &Source) -> Option<Arc<Connection>> {
        let id = self.below().over.get(source).copied()?;
        self.get(id)
    }

    /// The edges whose streams end here, by name. `head` is the last commit that concerns a view.
    #[must_use]
    pub fn edges(&self, head: impl Fn(&View) -> Seq) -> Vec<EdgeStatus> {
        let edges = self.all.iter().filter_map(|own| Some((own.edge.clone()?, Arc::clone(&own))));
        // Not under the lock of those below: whoever counts takes them in the other order.
        let edges: Vec<(String, Arc<Connection>)> = edges.collect();
        let below = self.below();
        let mut all: Vec<EdgeStatus> = edges
            .into_iter()
            .map(|(name, own)| EdgeStatus {
                name,
                instance: own.instance.clone(),
                sdk: own.sdk.clone(),
                environment: own.view.environment().to_string(),
                devices: below.censuses.get(&source(&own)).map_or(0, Census::devices),
                seq: own.acked().0,
                head: head(&own.view).0,
            })
            .collect();
        drop(below);
        all.sort();
        all
    }

    fn below(&self) -> MutexGuard<'_, Below> {
        self.below.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn nodes(&self) -> MutexGuard<'_, Below> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn touch(&self) {
        self.changes.fetch_add(1, Ordering::AcqRel);
        self.changed.store(true, Ordering::Release);
    }

    /// How often anybody has come, gone or moved.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// A client is somewhere else now.
    pub fn moved(&self, connection: &Connection, venue: Option<Arc<str>>) {
        *connection.venue.lock().unwrap_or_else(PoisonError::into_inner) = venue;
        self.touch();
    }

    /// One client.
    #[must_use]
    pub fn get(&self, id: ConnectionId) -> Option<Arc<Connection>> {
        self.all.get(&id).map(|connection| Arc::clone(&connection))
    }

    /// How many devices there are in the whole fleet, those behind edges included.
    #[must_use]
    pub fn len(&self) -> usize {
        let edges = self.edges.load(Ordering::Relaxed);
        let below = self.below().total.saturating_add(self.nodes().total);
        self.all.len().saturating_sub(edges).saturating_add(below)
    }

    /// How many streams end here.
    #[must_use]
    pub fn here(&self) -> usize {
        self.all.len()
    }

    /// Whether nobody is connected, not even an edge.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Whether anybody came or went since this was last asked.
    pub fn take_changed(&self) -> bool {
        self.changed.swap(false, Ordering::AcqRel)
    }

    /// The devices of these views that are connected here, and where they are.
    #[must_use]
    pub fn on(&self, views: &[&View]) -> Vec<(ConnectionId, Option<Arc<str>>)> {
        let views: HashSet<&View> = views.iter().copied().collect();
        let on = self.all.iter().filter(|own| own.edge.is_none() && views.contains(&own.view));
        on.map(|connection| (*connection.key(), connection.venue())).collect()
    }

    /// The edges of these views and the other nodes, and what is made of what they counted last.
    pub(crate) fn sources_on<T>(
        &self,
        views: &[&View],
        made: impl Fn(&Census, &View) -> T,
    ) -> Vec<(Source, T)> {
        let nodes = self.nodes();
        let mut on = Vec::new();
        for (n, view) in views.iter().enumerate() {
            // Which of its clients have which view of an environment, a node does not tell; what it expects of a
            // commit, it says as soon as it has it.
            if views.iter().take(n).all(|other| other.environment() != view.environment()) {
                on.extend(nodes.censuses.iter().map(|(source, census)| (source.clone(), made(census, view))));
            }
        }
        drop(nodes);
        if self.edges.load(Ordering::Relaxed) == 0 {
            return on;
        }
        let below = self.below();
        let edges = below.over.iter().filter_map(|(source, id)| {
            let (connection, census) = (self.get(*id)?, below.censuses.get(source)?);
            let concerned = views.contains(&&connection.view);
            concerned.then(|| (source.clone(), made(census, &connection.view)))
        });
        on.extend(edges);
        on
    }

    /// Devices of the whole fleet that are alike, counted, those behind edges included; of an environment, or of all.
    #[must_use]
    pub fn groups(&self, environment: Option<&str>) -> BTreeMap<Group, u64> {
        let mut groups = self.groups_here(environment);
        add_groups(&mut groups, &self.nodes(), environment);
        groups
    }

    /// The same, of this node and of the edges below it.
    #[must_use]
    pub fn groups_here(&self, environment: Option<&str>) -> BTreeMap<Group, u64> {
        let wanted = |own: &str| environment.is_none_or(|environment| environment == own);
        let mut groups: BTreeMap<Group, u64> = BTreeMap::new();
        for own in self.all.iter().filter(|own| own.edge.is_none() && wanted(own.view.environment())) {
            let group = Group {
                environment: own.view.environment().clone(),
                venue: own.venue().map(|venue| venue.to_string()),
                sdk: own.sdk.clone(),
                version: own.version.clone(),
                mode: own.mode,
                schema: own.schema,
            };
            *groups.entry(group).or_default() += 1;
        }
        add_groups(&mut groups, &self.below(), environment);
        groups
    }

    /// All that are connected here now.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Connection>> {
        self.all.iter().map(|connection| Arc::clone(&connection)).collect()
    }

    /// Tells every client of a credential to close.
    pub fn close_credential(&self, credential: &str) {
        for connection in self.all.iter().filter(|connection| connection.leans_on(credential)) {
            connection.closing.notify_one();
        }
    }

    /// How many clients there are at each venue of an environment; of all, without one.
    #[must_use]
    pub fn by_venue(&self, environment: Option<&str>) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for (group, count) in self.groups(environment) {
            if let Some(venue) = group.venue {
                add(counts.entry(venue).or_default(), count);
            }
        }
        counts
    }

    /// All of an environment, summed up; of all, without one.
    #[must_use]
    pub fn summary(&self, environment: Option<&str>) -> Summary {
        let mut by_venue: BTreeMap<String, usize> = BTreeMap::new();
        let mut by_sdk: BTreeMap<(String, Option<String>, u32), usize> = BTreeMap::new();
        let (mut total, mut ruleset) = (0, 0);
        for (group, count) in self.groups(environment) {
            add(&mut total, count);
            if group.mode == Mode::Ruleset {
                add(&mut ruleset, count);
            }
            add(by_sdk.entry((group.sdk, group.version, group.schema)).or_default(), count);
            if let Some(venue) = group.venue {
                add(by_venue.entry(venue).or_default(), count);
            }
        }
        let by_sdk = by_sdk.into_iter().map(|((sdk, version, schema), count)| SdkCount {
            sdk,
            version,
            schema,
            count,
        });
        let by_venue = by_venue.into_iter().map(|(venue, count)| VenueCount { venue, count });
        Summary {
            total,
            by_venue: by_venue.collect(),
            by_sdk: by_sdk.collect(),
            by_mode: vec![
                ModeCount { mode: Mode::Ruleset, count: ruleset },
                ModeCount { mode: Mode::Values, count: total - ruleset },
            ],
        }
    }
}

fn add_groups(groups: &mut BTreeMap<Group, u64>, counted: &Below, environment: Option<&str>) {
    for (group, count) in counted.censuses.clients() {
        if environment.is_none_or(|environment| environment == &*group.environment) {
            let sum = groups.entry(group.clone()).or_default();
            *sum = sum.saturating_add(count);
        }
    }
}

/// Bounded, because whoever counts elsewhere can say anything.
fn add(sum: &mut usize, count: u64) {
    *sum = sum.saturating_add(usize::try_from(count).unwrap_or(usize::MAX));
}

/// Who counts over a connection: an edge by its own random identity, which nobody can claim with another key.
fn source(connection: &Connection) -> Source {
    Source::Edge(format!("{}/{}", connection.credential, connection.instance))
}
