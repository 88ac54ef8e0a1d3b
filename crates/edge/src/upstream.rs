//! The stream to the upstream, kept open: what comes on it moves a mirror, and is kept on disk.
//!
//! The protocol itself is [`Machine`]'s, the same as an SDK's. A stream that breaks is opened again with full jitter,
//! and goes on where it broke off; one that is silent for two heartbeats is broken.

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt;
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval, sleep_until, timeout_at},
};
use tokio_tungstenite::tungstenite::Message;
use usher_core::{
    model::{EnvironmentKey, Seq, VenueKey},
    protocol::{
        Ack, Action, Backoff, ClientFrame, ErrorCode, FrameError, Hello, Machine, Mode, Resume, Scope,
        ServerError, ServerFrame, Terms,
    },
    schema::SPOKEN,
};
use usher_sdk::parts::{Cache, End, Socket, draw, open, send};
use usher_server::{Secret, surface::Surface};

use crate::{
    census::{Counting, EVERY},
    disk::{self, Saving},
    http::Http,
    mirror::{Begun, Lost, Mirror, mirrored},
    relay::Relay,
};

/// Longest time for which an upstream can send an edge away.
const LONGEST_AWAY: Duration = Duration::from_secs(60);

/// Longest time between two tries to reach an upstream. Edges are few, and a whole venue waits for each.
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

/// The task that keeps one stream open.
pub(crate) struct Upstream {
    relay: Arc<Relay>,
    surface: Arc<Surface>,
    mirror: Arc<Mirror>,
    http: Http,
    key: Secret,
    hello: Named,
    machine: Machine,
    backoff: Backoff,
    heartbeat: Duration,
    terms: Option<Terms>,
    counting: Counting,
    saving: Saving,
}

/// What an edge says of itself.
#[derive(Clone)]
pub(crate) struct Named {
    pub(crate) name: String,
    /// The random identity of this process.
    pub(crate) instance: String,
    /// The venues that it asks for; all that its key is for, without any.
    pub(crate) venues: Vec<VenueKey>,
}

impl Upstream {
    /// Begins with what is on disk.
    pub(crate) fn new(
        relay: &Arc<Relay>,
        surface: &Arc<Surface>,
        mirror: &Arc<Mirror>,
        http: &Http,
        key: Secret,
        hello: Named,
        cache: Cache,
    ) -> Self {
        let mut machine = Machine::default();
        if let Some(copy) = disk::read(&cache) {
            let place = copy.ruleset.place();
            let (environment, at) = (copy.ruleset.environment, copy.ruleset.at);
            let snapshot = mirrored(&environment, place, at, copy.ruleset.documents);
            if relay.claim(mirror, &environment) {
                tracing::info!(%environment, seq = %place.seq, as_of = %copy.as_of, "begins with the copy on disk");
                let hub = usher_server::world::Hub::new(Arc::new(snapshot));
                mirror.begin(Begun { environment, venues: copy.venues, hub }, copy.as_of);
                machine = Machine::resuming(place);
            }
        }
        Self {
            relay: Arc::clone(relay),
            surface: Arc::clone(surface),
            mirror: Arc::clone(mirror),
            http: http.clone(),
            key,
            hello,
            machine,
            backoff: Backoff::up_to(LONGEST_PAUSE),
            heartbeat: Duration::from_secs(usher_core::protocol::HEARTBEAT_SECONDS.into()),
            terms: None,
            counting: Counting::default(),
            saving: Saving::new(cache),
        }
    }

    /// Keeps the stream open until the edge stops, and writes what there is then.
    pub(crate) async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        tokio::select! {
            () = self.keep_open() => {}
            _ = stopping.wait_for(|stopping| *stopping) => {}
        }
        let as_of = self.mirror.standing().as_of;
        self.saving.finish(self.mirror.begun(), self.machine.place(), as_of).await;
    }

    async fn keep_open(&mut self) {
        loop {
            let begun = Instant::now();
            let end = match open(self.http.upstream(), self.key.expose(), Mode::Ruleset).await {
                Ok(socket) => self.stream(socket).await,
                Err(end) => end,
            };
            // One that breaks again and again is no stream, however well it begins.
            if begun.elapsed() >= self.heartbeat {
                self.backoff.reset();
            }
            let pause = self.after(end).await;
            self.pause(pause).await;
        }
    }

    /// Waits, and writes meanwhile what is to be written.
    async fn pause(&mut self, pause: Duration) {
        let end = Instant::now() + pause;
        loop {
            let save_at = self.saving.next();
            tokio::select! {
                () = sleep_until(end) => return,
                () = self.saving.written() => {}
                () = sleep_until(save_at) => self.save(),
            }
        }
    }

    /// How long to wait after a stream that ended, or could not be opened.
    async fn after(&mut self, end: End) -> Duration {
        match end {
            End::Later(millis) | End::Moved(millis) => {
                tracing::info!(millis, "upstream asks to come again later");
                Duration::from_millis(millis).min(LONGEST_AWAY)
            }
            End::Refused(why) | End::Unsigned(why) => self.refused(why),
            End::Barred(why) => match self.http.get("/sdk/v1/key", self.key.expose()).send().await {
                // The upstream, because of the key; anything else is a proxy's doing, and may pass.
                Ok(answer) if matches!(answer.status().as_u16(), 401 | 403 | 421) => self.refused(why),
                _ => self.broken(&why),
            },
            End::Broken(why) | End::Hindered(_, why) => self.broken(&why),
        }
    }

    fn broken(&mut self, why: &str) -> Duration {
        let pause = self.backoff.next(draw());
        tracing::warn!(%why, again_in = ?pause, "no stream to upstream");
        pause
    }

    fn refused(&mut self, why: String) -> Duration {
        let pause = self.backoff.refused(draw());
        tracing::error!(%why, again_in = ?pause, "upstream refuses this edge");
        self.mirror.refuse(why);
        pause
    }

    /// Follows one stream to its end.
    async fn stream(&mut self, mut socket: Socket) -> End {
        self.machine.connected();
        self.counting.connected();
        self.terms = None;
        if let Err(end) = send(&mut socket, &ClientFrame::Hello(Box::new(self.greeting()))).await {
            return end;
        }
        let mut heard = Instant::now();
        let mut tick = interval(EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let save_at = self.saving.next();
            let message = tokio::select! {
                // A time, not a span: what happens here must not keep a dead link alive.
                message = timeout_at(heard + self.heartbeat * 2, socket.next()) => message,
                () = self.saving.written() => continue,
                () = sleep_until(save_at) => {
                    self.save();
                    continue;
                }
                _ = tick.tick() => {
                    if let Err(end) = self.tell(&mut socket).await {
                        return end;
                    }
                    continue;
                }
            };
            heard = Instant::now();
            let text = match message {
                Err(_) => return End::Broken("nothing was heard for two heartbeats".to_owned()),
                Ok(None | Some(Ok(Message::Close(_)))) => {
                    return End::Broken("upstream has closed the stream".to_owned());
                }
                Ok(Some(Err(error))) => return End::Broken(error.to_string()),
                Ok(Some(Ok(Message::Text(text)))) => text,
                Ok(Some(Ok(_))) => continue,
            };
            let frame = match ServerFrame::parse(&text) {
                Ok(frame) => frame,
                // A newer upstream says more than this edge understands.
                Err(FrameError::UnknownType(_)) => continue,
                Err(FrameError::Malformed(error)) => {
                    self.machine.forget();
                    return End::Broken(format!("a frame can't be read: {error}"));
                }
            };
            for action in self.machine.take(frame) {
                if let Err(end) = self.perform(action, &mut socket).await {
                    return end;
                }
            }
        }
    }

    async fn perform(&mut self, action: Action, socket: &mut Socket) -> Result<(), End> {
        match action {
            Action::Ready(terms) => self.ready(terms)?,
            Action::Replace(documents) => {
                let (terms, place) = self.place()?;
                let at = self.machine.at();
                let (environment, venues) = (&terms.environment, &terms.venues);
                self.mirror.replace(environment, venues, place, at, documents, &self.surface.convergence);
                self.saving.changed();
            }
            Action::Amend(put, delete) => {
                let (_, place) = self.place()?;
                let amended =
                    self.mirror.amend(place, self.machine.at(), put, delete, &self.surface.convergence);
                if let Err(Lost) = amended {
                    self.machine.forget();
                    return Err(End::Broken("there is nothing that could be amended".to_owned()));
                }
                self.saving.changed();
            }
            Action::ReplaceValues(_) | Action::AmendValues(..) => {
                self.machine.forget();
                return Err(End::Broken("upstream speaks of what was not asked for".to_owned()));
            }
            Action::Current => {
                self.mirror.confirm(self.machine.standing(), self.heartbeat);
                if let Some(begun) = self.mirror.begun() {
                    begun.hub.know(self.machine.known());
                }
                self.saving.confirmed();
            }
            Action::Ack(seq) => send(socket, &ClientFrame::Ack(Ack { seq, held_ms: 0 })).await?,
            Action::Pong => send(socket, &ClientFrame::Pong).await?,
            Action::Resync(why) => return Err(End::Broken(why.to_owned())),
            // Edges stay where they were put, and ask for no values, so nothing is signed for them.
            Action::Move(_) | Action::Renew(_) => {}
            Action::ReconnectAfter(millis) => return Err(End::Later(millis)),
            Action::Refused(error) => return Err(told_off(error)),
        }
        Ok(())
    }

    fn ready(&mut self, terms: Terms) -> Result<(), End> {
        self.heartbeat = Duration::from_secs(terms.heartbeat_sec.max(1).into());
        let environment = &terms.environment;
        if !self.relay.claim(&self.mirror, environment) {
            return Err(End::Refused(format!("another key is for {environment} already: keep one of them")));
        }
        if let Some(begun) = self.mirror.begun()
            && begun.environment != *environment
        {
            return Err(End::Refused(format!(
                "this key is for {environment} now, and was for {}: start this edge anew",
                begun.environment
            )));
        }
        self.terms = Some(terms);
        Ok(())
    }

    /// What this stream is, and where it stands.
    fn place(&self) -> Result<(Terms, Resume), End> {
        let place = self.machine.place();
        let both = self.terms.clone().zip(place);
        both.ok_or_else(|| End::Broken("upstream sends what belongs nowhere".to_owned()))
    }

    /// Tells of the clients here, where that is welcome.
    async fn tell(&mut self, socket: &mut Socket) -> Result<(), End> {
        let Some(begun) =
            self.mirror.begun().filter(|_| self.terms.as_ref().is_some_and(|own| own.downstream))
        else {
            return Ok(());
        };
        let snapshot = begun.hub.snapshot();
        let (epoch, seq) = (snapshot.epoch, snapshot.seq());
        let environment: &EnvironmentKey = &begun.environment;
        match self.counting.census(&self.surface, environment, epoch, seq) {
            Some(census) => send(socket, &ClientFrame::Downstream(Box::new(census))).await,
            None => Ok(()),
        }
    }

    fn save(&mut self) {
        let as_of = self.mirror.standing().as_of;
        self.saving.work(self.mirror.begun(), self.machine.place(), as_of);
    }

    fn greeting(&self) -> Hello {
        let Named { name, instance, venues } = self.hello.clone();
        Hello {
            sdk: concat!("usher-edge/", env!("CARGO_PKG_VERSION")).to_owned(),
            version: None,
            instance: Some(instance),
            mode: Mode::Ruleset,
            context: None,
            scope: Some(Scope { venues }),
            resume: self.machine.place().filter(|place| place.seq > Seq::ZERO),
            schemas: SPOKEN.to_vec(),
            pool: None,
            edge: Some(name),
        }
    }
}

/// What an error from the upstream means.
fn told_off(error: ServerError) -> End {
    let ServerError { code, message, retry, retry_after_ms } = error;
    let refused =
        matches!(code, ErrorCode::Unauthorized | ErrorCode::Forbidden | ErrorCode::UnsupportedSchema);
    if refused || !retry {
        return End::Refused(format!("upstream refuses this edge: {message}"));
    }
    retry_after_ms.map_or(End::Broken(message), End::Later)
}
