//! The background task: keeps a stream open, polls while there is none, writes the cache, sends what was
//! counted. It ends when the client is closed, whatever it is waiting for.

use std::{pin::Pin, sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, sleep_until, timeout},
};
use usher_core::{
    model::{Seq, Timestamp},
    protocol::{Acks, Backoff, Machine, Standing, ValueMap},
};

use crate::{
    asked::Asked,
    away::Away,
    beginning::Beginning,
    bootstrap::Flags,
    jitter::draw,
    link::{End, Socket, open_after},
    listeners::RenewalNeeded,
    obstacle::Obstacle,
    polling::{self, Failed, Polled, Said},
    saving::{Saving, State},
    sender,
    shared::{Shared, now},
    status::{Refusal, Source},
    store::{Lost, Store},
};

/// Streams that fail in a row before it is tried by polling too.
const POLL_AFTER: u32 = 2;
/// How often it is polled at most; more often where the server's heartbeat is shorter, so that what is polled
/// counts as live.
const POLL_EVERY: Duration = Duration::from_secs(10);
/// What is added to that, at most, after a poll that failed.
const POLL_LATER: Duration = Duration::from_secs(20);
/// Longest time for which a server can send a client away.
const LONGEST_AWAY: Duration = Duration::from_secs(60);
/// How soon a client comes home that is not served elsewhere any more, at most: others come with it.
const COMES_HOME_WITHIN: Duration = Duration::from_secs(2);
/// How long a client that was closed may take to send what it has counted.
const FAREWELL: Duration = Duration::from_secs(3);

type Poll = Pin<Box<dyn Future<Output = Result<Said, Failed>> + Send>>;

/// What a server owes for a context that it was told: values don't say whose they are, so it is told another only when
/// those for the one before have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owed {
    /// Nothing: what there is, is for that context.
    Nothing,
    /// What follows `hello`: all values, or word that there are no others.
    First,
    /// All values for another context.
    Values,
}

/// The background task's own state.
pub(crate) struct Connection {
    pub(crate) shared: Arc<Shared>,
    pub(crate) machine: Machine,
    pub(crate) acks: Acks,
    pub(crate) store: Store,
    pub(crate) backoff: Backoff,
    pub(crate) away: Away,
    pub(crate) heartbeat: Duration,
    /// The context that the server was told last, or was polled for.
    pub(crate) told: Arc<Asked>,
    /// What has not come yet of what the server owes for it.
    pub(crate) owed: Owed,
    /// The context that the values in the store are for.
    applied: Arc<Asked>,
    http: Option<reqwest::Client>,
    /// The tag of what was polled, while that is still what there is.
    pub(crate) tag: Option<String>,
    saving: Saving,
    /// When the server last confirmed what is in the store.
    confirmed: Timestamp,
    /// Until when that counts as live.
    live_until: Option<Instant>,
    /// The server refuses this client; polling with the same key would be no better.
    refused: bool,
    /// Polling works while streaming does not.
    polls: bool,
}

impl Connection {
    pub(crate) fn new(shared: Arc<Shared>, beginning: Beginning) -> Self {
        let asked = Arc::clone(&*shared.asked.borrow());
        let saving = Saving::new(shared.config.cache.is_some());
        let mut connection = Self {
            shared,
            machine: Machine::default(),
            acks: Acks::default(),
            store: Store::default(),
            backoff: Backoff::default(),
            away: Away::default(),
            heartbeat: Duration::from_secs(usher_core::protocol::HEARTBEAT_SECONDS.into()),
            told: Arc::clone(&asked),
            owed: Owed::Nothing,
            applied: asked,
            http: None,
            tag: None,
            saving,
            confirmed: beginning.heard,
            live_until: None,
            refused: false,
            polls: false,
        };
        connection.begin(beginning);
        connection
    }

    /// Begins with what there is before the network.
    fn begin(&mut self, beginning: Beginning) {
        let Beginning { source, flags, place, heard, reports } = beginning;
        reports.into_iter().for_each(|report| self.shared.report(report));
        self.shared.set_heard(heard);
        let seq = place.map_or(Seq::ZERO, |place| place.seq);
        if let Some(place) = place {
            self.machine = Machine::resuming(place);
        }
        let Some((environment, flags)) = flags else { return };
        self.store.environment = Some(environment);
        match flags {
            Flags::Documents(documents) => {
                // It has an environment, so it can't fail.
                let _ = self.store.replace(&self.shared, documents, seq, source);
            }
            Flags::Values(values) => self.store.replace_values(&self.shared, values, 0, source),
        }
    }

    /// Runs until the client is closed.
    pub(crate) async fn run(mut self) {
        let mut closed = self.shared.closed.subscribe();
        let http = polling::client(&self.shared.config.url).await.map_err(|error| {
            self.shared.report(format!("there is no polling, and nothing is counted: {error}"));
        });
        self.http = http.ok();
        let sender = self.http.clone().map(|http| tokio::spawn(sender::run(Arc::clone(&self.shared), http)));
        tokio::select! {
            () = self.keep_connected() => {}
            _ = closed.wait_for(|closed| *closed) => {}
        }
        self.save(true);
        if let Some(mut sender) = sender
            && timeout(FAREWELL, &mut sender).await.is_err()
        {
            sender.abort();
        }
    }

    async fn keep_connected(&mut self) {
        let mut pause = Duration::ZERO;
        loop {
            if *self.shared.rests.borrow() {
                self.rest().await;
                pause = Duration::ZERO;
            }
            let Some(socket) = self.connect(pause).await else { continue };
            let begun = Instant::now();
            let Some(end) = self.stream(socket).await else {
                self.save(true);
                continue;
            };
            // One that breaks again and again is no stream, however well it begins.
            if begun.elapsed() >= self.heartbeat {
                self.backoff.reset();
            }
            self.polls = false;
            // Who was asked to leave has what is newest, for as long as that holds.
            if !matches!(end, End::Moved(_) | End::Later(_)) || self.live_until.is_none() {
                self.live_until = None;
                self.shared.lose();
            }
            self.save(true);
            pause = self.after(end);
        }
    }

    /// In the background: no stream, and a poll now and then.
    async fn rest(&mut self) {
        let mut rests = self.shared.rests.subscribe();
        let mut asked = self.shared.asked.subscribe();
        let every = self.shared.config.rest_for;
        let next = move || Instant::now() + every.mul_f64(0.75 + draw() / 2.0);
        // Who has nothing current, or something for another context, asks first.
        let current = self.live_until.is_some() && asked.borrow().generation == self.applied.generation;
        let mut poll_at = if current { next() } else { Instant::now() };
        let mut poll: Option<Poll> = None;
        loop {
            tokio::select! {
                () = until(&mut rests, false) => {
                    // A refusal may be over by now.
                    self.refused = false;
                    return;
                }
                polled = maybe(&mut poll) => {
                    (poll, poll_at) = (None, next());
                    self.take(polled);
                    // The radio is awake anyway.
                    self.shared.flushes.notify_one();
                }
                () = sleep_until(poll_at), if poll.is_none() && self.http.is_some() => poll = self.poll(),
                _ = asked.changed() => (poll, poll_at) = (None, Instant::now()),
                () = at(self.saving.due()) => self.save(false),
                () = at(self.live_until) => {
                    self.live_until = None;
                    self.shared.lose();
                }
            }
        }
    }

    /// Opens a stream, however long it takes, and polls meanwhile. None once the program is in the background.
    async fn connect(&mut self, pause: Duration) -> Option<Socket> {
        let mut asked = self.shared.asked.subscribe();
        let mut rests = self.shared.rests.subscribe();
        // It may be another context that was refused: whoever was told of it has been quick.
        let again = self.refused && self.asks_otherwise();
        self.refused &= !again;
        let mut opening = Box::pin(self.open_after(if again { Duration::ZERO } else { pause }));
        let mut poll: Option<Poll> = None;
        let mut poll_at = Instant::now();
        loop {
            let worth = self.polls || self.backoff.failures() >= POLL_AFTER;
            let polls = worth && !self.refused && self.http.is_some();
            tokio::select! {
                opened = &mut opening => {
                    let end = match opened {
                        Ok(socket) => return Some(socket),
                        // At home it is known who does.
                        Err(end) if !self.away.is_away() => self.who_bars(end).await,
                        Err(end) => end,
                    };
                    let pause = self.after(end);
                    opening = Box::pin(self.open_after(pause));
                }
                () = until(&mut rests, true) => return None,
                polled = maybe(&mut poll) => {
                    poll = None;
                    poll_at = Instant::now() + self.take(polled);
                }
                () = sleep_until(poll_at), if polls && poll.is_none() => poll = self.poll(),
                _ = asked.changed() => {
                    (poll, poll_at) = (None, Instant::now());
                    if std::mem::take(&mut self.refused) {
                        // It may have been this context that was refused.
                        opening = Box::pin(self.open_after(Duration::ZERO));
                    }
                }
                () = at(self.saving.due()) => self.save(false),
                () = at(self.live_until) => {
                    self.live_until = None;
                    self.shared.lose();
                }
            }
        }
    }

    /// Whether the program has asked for something else since the server was told what it asks for.
    fn asks_otherwise(&self) -> bool {
        !Arc::ptr_eq(&self.told, &self.shared.asked.borrow())
    }

    /// Opens a stream where the client is served now.
    fn open_after(&self, pause: Duration) -> impl Future<Output = Result<Socket, End>> + use<> {
        open_after(pause, self.away.url(&self.shared.config.url), Arc::clone(&self.shared))
    }

    /// How long to wait after a stream that ended, or could not be opened.
    fn after(&mut self, end: End) -> Duration {
        if self.away.is_away() && !matches!(end, End::Moved(_)) {
            self.away.come_home(Instant::now());
            self.shared.report(format!("not served where the server sent this client: {end:?}"));
            return COMES_HOME_WITHIN.mul_f64(draw());
        }
        match end {
            End::Moved(millis) => Duration::from_millis(millis).min(LONGEST_AWAY),
            End::Later(millis) => Duration::from_millis(millis).min(LONGEST_AWAY),
            End::Refused(why) => {
                self.refuse(Refusal::Key(why));
                self.backoff.refused(draw())
            }
            End::Unsigned(why) => {
                self.refuse(Refusal::SignedContext(why));
                self.backoff.refused(draw())
            }
            End::Hindered(obstacle, why) if obstacle.is_foreign() => {
                self.refused = false;
                self.live_until = None;
                self.shared.report(why);
                self.shared.meet(obstacle);
                self.backoff.next(draw())
            }
            End::Hindered(obstacle, why) => self.broken(obstacle, &why),
            End::Broken(why) | End::Barred(why) => self.broken(Obstacle::Unreachable, &why),
        }
    }

    /// How long to wait after a stream that broke, or could not be opened.
    fn broken(&mut self, obstacle: Obstacle, why: &str) -> Duration {
        self.refused = false;
        // What is polled is live without a stream.
        if self.live_until.is_none() {
            self.shared.meet(obstacle);
            self.shared.lose();
        }
        let pause = self.backoff.next(draw());
        if self.backoff.failures() == POLL_AFTER {
            self.shared.report(format!("no stream comes through: {why}"));
        } else {
            tracing::debug!(%why, "no stream");
        }
        pause
    }

    fn refuse(&mut self, why: Refusal) {
        self.refused = true;
        self.live_until = None;
        let message = why.message().to_owned();
        self.shared.report(message.clone());
        // Who has another already need not be asked for one.
        let renews = matches!(why, Refusal::SignedContext(_)) && !self.asks_otherwise();
        self.shared.set_refusal(Some(why));
        self.shared.meet(Obstacle::Refused);
        if renews {
            self.shared.renewals.tell(&RenewalNeeded { expires_in: None, message });
        }
    }

    /// The server refuses a key, a proxy refuses streams, or somebody else answers everything: plain HTTP tells which.
    async fn who_bars(&mut self, end: End) -> End {
        let (barred, why) = match end {
            End::Barred(ref why) => (true, why.clone()),
            End::Hindered(obstacle, ref why) if obstacle.is_foreign() => (false, why.clone()),
            end => return end,
        };
        let Some(poll) = self.poll() else { return if barred { End::Refused(why) } else { end } };
        match poll.await {
            Ok((Polled::Refused(why), _)) => End::Refused(why),
            Ok((Polled::Unsigned(why), _)) => End::Unsigned(why),
            Err(Failed { obstacle, why }) if obstacle.is_foreign() => End::Hindered(obstacle, why),
            Err(_) if barred => End::Refused(why),
            Err(_) => end,
            polled => {
                self.take(polled);
                End::Broken(why)
            }
        }
    }

    /// Asks by plain HTTP.
    fn poll(&mut self) -> Option<Poll> {
        self.told = Arc::clone(&*self.shared.asked.borrow());
        if self.told.generation != self.applied.generation {
            self.tag = None;
        }
        let (http, shared) = (self.http.clone()?, Arc::clone(&self.shared));
        let (told, tag, place) = (Arc::clone(&self.told), self.tag.clone(), self.machine.place());
        Some(Box::pin(polling::poll(http, shared, told, tag, place)))
    }

    /// Takes what a poll has brought; says when to poll again.
    fn take(&mut self, polled: Result<Said, Failed>) -> Duration {
        let often = POLL_EVERY.min(self.heartbeat.mul_f64(2.0 / 3.0)).mul_f64(0.75 + draw() / 2.0);
        let mut standing = None;
        let polled = polled.map(|(polled, said)| {
            standing = said;
            polled
        });
        match polled {
            Ok(Polled::NotModified) => {}
            Ok(Polled::Ruleset(body, tag)) => {
                self.machine.polled(body.place());
                self.store.environment = Some(body.environment);
                // It has an environment, so it can't fail.
                let _ = self.store.replace(&self.shared, body.documents, body.seq, Source::Server);
                self.saving.changed();
                self.tag = tag;
            }
            Ok(Polled::Values(body, tag)) => {
                self.machine.polled(body.place());
                self.store.environment = Some(body.environment);
                self.replace_values(body.values);
                self.tag = tag;
            }
            Ok(Polled::Refused(why)) => {
                self.refuse(Refusal::Key(why));
                return often;
            }
            Ok(Polled::Unsigned(why)) => {
                self.refuse(Refusal::SignedContext(why));
                return often;
            }
            Err(Failed { obstacle, why }) => {
                tracing::debug!(%why, ?obstacle, "polling failed");
                self.live_until = None;
                if obstacle.is_foreign() {
                    self.shared.report(why);
                }
                self.shared.meet(obstacle);
                self.shared.lose();
                return often + POLL_LATER.mul_f64(draw());
            }
        }
        (self.refused, self.polls) = (false, true);
        self.confirm(standing);
        often
    }

    /// The values for the context that the server was told.
    pub(crate) fn replace_values(&mut self, values: ValueMap) {
        if self.applied.person != self.told.person {
            // What waits to be written is the other person's.
            self.save(true);
        }
        self.owed = Owed::Nothing;
        self.applied = Arc::clone(&self.told);
        self.store.replace_values(&self.shared, values, self.applied.generation, Source::Server);
        self.saving.changed();
    }

    /// What there is was amended, or not.
    pub(crate) fn amended(&mut self, amended: Result<(), Lost>) -> Result<(), End> {
        self.tag = None;
        self.saving.changed();
        amended.map_err(|Lost| {
            self.machine.forget();
            End::Broken("there is nothing that could be amended".to_owned())
        })
    }

    /// The server has confirmed that what there is is its newest. An edge says how old that is, and whether it has
    /// itself lost its server: then this is its newest, and nobody knows whether there is newer.
    pub(crate) fn confirm(&mut self, standing: Option<Standing>) {
        let age = standing.map_or(0, |standing| i64::try_from(standing.age_ms).unwrap_or(i64::MAX));
        self.confirmed = Timestamp::from_millis(now().millis().saturating_sub(age));
        let stale = standing.is_some_and(|standing| standing.stale);
        self.live_until = (!stale).then(|| Instant::now() + self.heartbeat * 2);
        self.saving.confirmed();
        self.shared.hear(self.applied.generation, self.confirmed, stale);
    }

    /// When there is something to be written.
    pub(crate) fn save_at(&self) -> Option<Instant> {
        self.saving.due()
    }

    pub(crate) fn save(&mut self, now: bool) {
        let place = self.machine.place();
        let Self { shared, store, applied, confirmed, saving, .. } = self;
        let state = State { shared, store, asked: applied, place, confirmed: *confirmed };
        saving.save(&state, now);
    }
}

/// A task that ends, even by a panic or with its runtime, leaves nobody believing that it is live.
impl Drop for Connection {
    fn drop(&mut self) {
        self.shared.go_offline();
    }
}

/// Waits until something is so; for ever where it is not any more known.
pub(crate) async fn until(known: &mut watch::Receiver<bool>, so: bool) {
    if known.wait_for(|known| *known == so).await.is_err() {
        std::future::pending::<()>().await;
    }
}

async fn maybe<F: Future + Unpin>(future: &mut Option<F>) -> F::Output {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

pub(crate) async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}
