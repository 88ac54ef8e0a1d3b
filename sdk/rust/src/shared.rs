//! What the client's callers and its background task share.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use tokio::sync::{Notify, watch};
use usher_core::{
    Context,
    model::Timestamp,
    protocol::{HEARTBEAT_SECONDS, Mode},
};

use crate::{
    asked::{Asked, Next},
    beginning::Beginning,
    bootstrap::Bootstrap,
    cache::CacheFolder,
    current::Current,
    events::Events,
    listeners::{Change, Listeners, RenewalNeeded},
    obstacle::Obstacle,
    snapshot::{Data, Freshness, Snapshot},
    status::{Refusal, Source, Status},
    store::different,
    token::Token,
    values::Values,
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
    pub(crate) cache: Option<CacheFolder>,
    pub(crate) bootstrap: Option<Bootstrap>,
    pub(crate) send_every: Duration,
    /// How often is polled at rest.
    pub(crate) rest_for: Duration,
}

/// What the client's callers and its background task share.
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) snapshot: Current,
    live: AtomicBool,
    /// As of when the data is the newest.
    heard: AtomicI64,
    /// When the server last spoke, by the clock on the wall, which may be put forward or back.
    spoke: AtomicI64,
    /// The same in milliseconds since `begun`, by a clock that may stand still while the device sleeps.
    spoke_after: AtomicI64,
    begun: Instant,
    /// Milliseconds between the server's pings.
    heartbeat: AtomicI64,
    pub(crate) status: watch::Sender<Status>,
    pub(crate) changes: Listeners<Change>,
    pub(crate) statuses: Listeners<Status>,
    pub(crate) renewals: Listeners<RenewalNeeded>,
    /// Why the server refuses this client, as long as it does.
    refusal: Mutex<Option<Refusal>>,
    pub(crate) events: Events,
    /// Values mode: who is asked for.
    pub(crate) asked: watch::Sender<Arc<Asked>>,
    /// Held while a snapshot is exchanged, or while it is said for whom; no listener is called meanwhile.
    exchange: Mutex<()>,
    pub(crate) closed: watch::Sender<bool>,
    /// Whether the program is in the background.
    pub(crate) rests: watch::Sender<bool>,
    /// Somebody wants what was counted to be sent now.
    pub(crate) flushes: Notify,
    obstacle: Mutex<Option<Obstacle>>,
    reports: Mutex<Vec<String>>,
}

impl Shared {
    pub(crate) fn new(config: Config, context: &Context, signed: Option<&str>, rests: bool) -> Self {
        let asked = Asked::new(0, context, config.venue.as_deref(), signed.map(Token::new));
        Self {
            config,
            snapshot: Current::new(Snapshot::nothing()),
            live: AtomicBool::new(false),
            heard: AtomicI64::new(0),
            spoke: AtomicI64::new(0),
            spoke_after: AtomicI64::new(0),
            begun: Instant::now(),
            heartbeat: AtomicI64::new(i64::from(HEARTBEAT_SECONDS) * 1_000),
            status: watch::channel(Status::Connecting).0,
            changes: Listeners::default(),
            statuses: Listeners::default(),
            renewals: Listeners::default(),
            refusal: Mutex::default(),
            events: Events::default(),
            asked: watch::channel(Arc::new(asked)).0,
            exchange: Mutex::default(),
            closed: watch::channel(false).0,
            rests: watch::channel(rests).0,
            flushes: Notify::new(),
            obstacle: Mutex::default(),
            reports: Mutex::default(),
        }
    }

    fn exchange(&self) -> MutexGuard<'_, ()> {
        self.exchange.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What evaluation needs to know of the connection. Reads no clock.
    #[inline]
    pub(crate) fn freshness(&self) -> Freshness {
        Freshness { live: self.live.load(Ordering::Relaxed), heard: self.heard() }
    }

    pub(crate) fn heard(&self) -> Timestamp {
        Timestamp::from_millis(self.heard.load(Ordering::Relaxed))
    }

    pub(crate) fn set_heard(&self, at: Timestamp) {
        self.heard.store(at.millis(), Ordering::Relaxed);
    }

    /// How often the server speaks.
    pub(crate) fn set_heartbeat(&self, seconds: u32) {
        self.heartbeat.store(i64::from(seconds) * 1_000, Ordering::Relaxed);
    }

    /// The status. Whatever the background task is doing, and even when it is kept from running, nothing is
    /// called live that was not confirmed for two heartbeats.
    pub(crate) fn status(&self) -> Status {
        let (status, heard) = (*self.status.borrow(), self.heard());
        let spoke = Timestamp::from_millis(self.spoke.load(Ordering::Relaxed));
        let after = self.millis() - self.spoke_after.load(Ordering::Relaxed);
        let overdue = now().since(spoke).max(after) > 2 * self.heartbeat.load(Ordering::Relaxed);
        if status == Status::Live && overdue { Status::Stale { since: heard } } else { status }
    }

    fn millis(&self) -> i64 {
        i64::try_from(self.begun.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    /// What keeps the client from its server, as far as it knows; nothing does while it is live.
    pub(crate) fn obstacle(&self) -> Option<Obstacle> {
        if self.status() == Status::Live { None } else { *self.lock_obstacle() }
    }

    fn lock_obstacle(&self) -> MutexGuard<'_, Option<Obstacle>> {
        self.obstacle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what is in the way. Behind somebody else's network there is no server to be expected.
    pub(crate) fn meet(&self, obstacle: Obstacle) {
        *self.lock_obstacle() = Some(obstacle);
        if obstacle.is_foreign() || obstacle == Obstacle::Refused {
            self.go_offline();
        }
    }

    /// Exchanges what is answered from, unless it is for a context that is not asked for any more.
    pub(crate) fn publish(&self, generation: u64, snapshot: Snapshot, mut flags: Vec<String>) {
        {
            let _exchange = self.exchange();
            if self.asked.borrow().generation != generation {
                return;
            }
            self.snapshot.store(snapshot);
        }
        flags.sort_unstable();
        flags.dedup();
        if !flags.is_empty() {
            self.changes.tell(&Change { flags });
        }
    }

    /// The server has just confirmed that this data is its newest; as of when, an edge knows. One that is `stale`
    /// has lost its own server.
    pub(crate) fn hear(&self, generation: u64, as_of: Timestamp, stale: bool) {
        let news = {
            let _exchange = self.exchange();
            if self.asked.borrow().generation != generation {
                return;
            }
            let snapshot = self.snapshot.load();
            if snapshot.source != Source::Server {
                let Some(confirmed) = snapshot.confirmed() else { return };
                self.snapshot.store(confirmed);
            }
            self.spoke.store(now().millis(), Ordering::Relaxed);
            self.spoke_after.store(self.millis(), Ordering::Relaxed);
            *self.lock_obstacle() = None;
            self.set_refusal(None);
            self.set_heard(as_of);
            self.set_status(if stale { Status::Stale { since: as_of } } else { Status::Live })
        };
        self.tell(news);
    }

    /// The server is out of reach. A refusal stays what it is until the server takes the key again, and a portal until
    /// something else is in the way.
    pub(crate) fn lose(&self) {
        let news = self.lost();
        self.tell(news);
    }

    /// The same, to be told by the caller.
    fn lost(&self) -> Option<Status> {
        let had_data = self.snapshot.load().source == Source::Server;
        let stays = self.lock_obstacle().is_some_and(|own| own.is_foreign() || own == Obstacle::Refused);
        let status = match *self.status.borrow() {
            Status::Offline if stays => Status::Offline,
            _ if had_data => Status::Stale { since: self.heard() },
            _ => Status::Connecting,
        };
        self.set_status(status)
    }

    /// The server refuses this client, or the client has been closed.
    pub(crate) fn go_offline(&self) {
        let news = self.set_status(Status::Offline);
        self.tell(news);
    }

    /// Closed for good: whatever the background task is about to say, the status stays.
    pub(crate) fn close(&self) {
        self.closed.send_replace(true);
        self.go_offline();
    }

    /// The new status, if it is another.
    fn set_status(&self, status: Status) -> Option<Status> {
        let mut news = None;
        self.status.send_if_modified(|own| {
            let status = if *self.closed.borrow() { Status::Offline } else { status };
            let live = status == Status::Live;
            if self.live.swap(live, Ordering::Relaxed) != live {
                self.snapshot.set_live(live);
            }
            news = (*own != status).then_some(status);
            *own = status;
            news.is_some()
        });
        news
    }

    fn tell(&self, news: Option<Status>) {
        if let Some(status) = news {
            self.statuses.tell(&status);
        }
    }

    /// Values mode: somebody else, or somewhere else, is asked for from now on. Values for another person are
    /// no answer, so they make room for what the disk has for this one; values for the same person elsewhere
    /// stay until there are newer ones.
    pub(crate) fn ask_for(&self, change: Next<'_>) {
        if self.config.mode == Mode::Ruleset {
            return;
        }
        let mut flags = Vec::new();
        let news = {
            let _exchange = self.exchange();
            let before = Arc::clone(&*self.asked.borrow());
            let next = before.next(change, self.config.venue.as_deref());
            if next.context == before.context {
                return;
            }
            if next.only_renews(&before) {
                self.asked.send_replace(Arc::new(next.in_generation(before.generation)));
                return;
            }
            if next.person != before.person {
                let beginning = Beginning::find(&self.config, next.person.as_deref());
                beginning.reports.iter().for_each(|report| self.report(report.clone()));
                let after = beginning.snapshot();
                let none = Values::default();
                let values = if let Data::Values(values) = &after.data { values } else { &none };
                flags = different(&self.snapshot.load().data, values);
                self.set_heard(beginning.heard);
                self.snapshot.store(after);
            }
            self.asked.send_replace(Arc::new(next));
            // Before anybody can hear of it: the server may have answered by the time that this thread goes on.
            self.lost()
        };
        self.tell(news);
        if !flags.is_empty() {
            flags.sort_unstable();
            flags.dedup();
            self.changes.tell(&Change { flags });
        }
    }

    pub(crate) fn set_refusal(&self, refusal: Option<Refusal>) {
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = refusal;
    }

    pub(crate) fn refusal(&self) -> Option<Refusal> {
        self.refusal.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes something that an operator should know.
    pub(crate) fn report(&self, text: String) {
        tracing::warn!("{text}");
        let mut reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        if !reports.contains(&text) {
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

/// The clock, read in one place.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
