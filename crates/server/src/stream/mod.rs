//! `/sdk/v1/stream`: the WebSocket that carries changes to clients (protocol `usher.v1`).
//!
//! One task a connection. It waits for whatever comes first: a frame from the client, a newer state of its
//! stream, the next ping, the end of its credential or of the server. There is no queue: while a client does
//! not take what it was sent, its task waits, and what is new meanwhile collapses into the newest state.
//!
//! A task is held for hours, tens of thousands at a time: what happens once, at the beginning and at the end, is
//! boxed, so that it takes memory only then.

pub mod admission;
pub mod session;

use std::{sync::Arc, time::Duration};

use actix_web::{HttpRequest, HttpResponse, web};
use tokio::{
    pin,
    sync::watch,
    time::{Instant, sleep_until, timeout_at},
};
use usher_core::{
    Context,
    model::{Credential, CredentialType, EnvironmentKey, Seq, VenueKey},
    protocol::{
        ClientFrame, Drain, ErrorCode, FrameError, Hello, MAX_CLIENT_FRAME_BYTES, Mode, Ping, SCHEMA,
        SUBPROTOCOL, ServerError, ServerFrame, View,
    },
};

use crate::{
    app::App,
    auth, clock,
    connections::{Connection, ConnectionId},
    problem::Problem,
    sdk::context_for,
    socket::{Frame, Message, Socket, Unsent, accept},
    world::{StreamState, streams_frame as frame},
};
use session::{Opening, Session};

/// A client says hello within this time, or is not one.
const HELLO_WITHIN: Duration = Duration::from_secs(10);
/// How long it may take to say farewell.
const FAREWELL: Duration = Duration::from_secs(1);
/// Over how long clients are spread that must reconnect because the server stops, in milliseconds.
const DRAIN_SPREAD_MS: u64 = 5_000;
/// The same for those that leave at a time of their own: they are few at a time.
const LEAVE_SPREAD_MS: u64 = 1_000;
/// By how much of a connection's greatest age its own is longer or shorter, at most, in percent.
const AGE_SPREAD_PERCENT: u64 = 25;

/// Longest message of an error, in characters: it may repeat what the client sent.
const MAX_ERROR_CHARACTERS: usize = 500;

/// `GET /sdk/v1/stream`, a WebSocket.
pub async fn stream(request: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, actix_web::Error> {
    let credential = auth::sdk_key(&request, &app)?;
    let environment = environment_of(&credential)?;
    accept(&request, Some(SUBPROTOCOL), MAX_CLIENT_FRAME_BYTES, move |socket| {
        let heartbeat = Duration::from_secs(app.settings.heartbeat_seconds.max(1).into());
        let link = Link { app: app.into_inner(), credential, environment, socket, heartbeat };
        actix_web::rt::spawn(link.serve());
    })
}

fn environment_of(credential: &Credential) -> Result<EnvironmentKey, Problem> {
    // Every SDK key has one; the model sees to it.
    credential.environment.clone().ok_or_else(|| Problem::forbidden("This key has no environment."))
}

/// Why a link ends.
enum End {
    /// The other side is gone, or has been told why.
    Closed,
    /// Tell it why.
    Tell(ErrorCode, String, Option<u64>),
}

impl From<Unsent> for End {
    fn from(unsent: Unsent) -> Self {
        match unsent {
            Unsent::Gone => Self::Closed,
            Unsent::Late => {
                Self::Tell(ErrorCode::TooSlow, "Nothing was taken for two heartbeats.".to_owned(), None)
            }
        }
    }
}

/// What a connection waits for.
enum Event {
    Said(ClientFrame),
    Closing,
    Changed,
    Wake,
}

struct Link {
    app: Arc<App>,
    credential: Arc<Credential>,
    environment: EnvironmentKey,
    socket: Socket,
    heartbeat: Duration,
}

/// A client that has been let in, and has what there was then.
struct Begun {
    session: Session,
    stream: watch::Receiver<Arc<StreamState>>,
    present: Present,
    /// Who has not said where it is, is where its context is.
    moves: bool,
}

impl Link {
    async fn serve(mut self) {
        let end = match Box::pin(self.begin()).await {
            Ok(begun) => self.follow(begun).await,
            Err(end) => Err(end),
        };
        Box::pin(self.end(end)).await;
    }

    async fn end(self, end: Result<(), End>) {
        if let Err(End::Tell(code, message, retry_after_ms)) = end {
            if code == ErrorCode::TooSlow {
                self.app.metrics.evictions.inc();
            }
            let retry = !matches!(
                code,
                ErrorCode::Forbidden | ErrorCode::Unauthorized | ErrorCode::UnsupportedSchema
            );
            let message = message.chars().take(MAX_ERROR_CHARACTERS).collect();
            let error = ServerFrame::Error(ServerError { code, message, retry, retry_after_ms });
            // It may not be listening any more.
            let _ = self.socket.send(frame(&error), FAREWELL).await;
        }
        let _ = self.socket.close(FAREWELL).await;
    }

    async fn hello(&mut self) -> Result<Box<Hello>, End> {
        let deadline = Instant::now() + HELLO_WITHIN;
        let first = || End::Tell(ErrorCode::BadFrame, "Say hello first.".to_owned(), None);
        loop {
            match self.next().await? {
                Some(ClientFrame::Hello(hello)) => return Ok(hello),
                Some(_) => return Err(first()),
                None => timeout_at(deadline, self.more()).await.map_err(|_| first())??,
            }
        }
    }

    /// Waits for more from the client, and reads it.
    async fn more(&mut self) -> Result<(), End> {
        self.socket.readable().await.map_err(|_| End::Closed)?;
        self.read()
    }

    fn read(&mut self) -> Result<(), End> {
        match self.socket.read() {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(End::Closed),
        }
    }

    /// The next frame of those that were read.
    async fn next(&mut self) -> Result<Option<ClientFrame>, End> {
        let bad = |message: String| End::Tell(ErrorCode::BadFrame, message, None);
        loop {
            let message = self.socket.message();
            let message = message.map_err(|error| bad(format!("This frame can't be taken: {error}.")))?;
            return match message {
                Some(Message::Text(text)) => match ClientFrame::parse(&text) {
                    Ok(frame) => Ok(Some(frame)),
                    Err(FrameError::UnknownType(name)) => {
                        Err(bad(format!("The frame type `{name}` is not known.")))
                    }
                    Err(error @ FrameError::Malformed(_)) => Err(bad(error.to_string())),
                },
                Some(Message::Ping(bytes)) => {
                    self.socket.pong(bytes, self.heartbeat * 2).await?;
                    continue;
                }
                Some(Message::Pong) => continue,
                Some(Message::Binary) => Err(bad("Send text frames.".to_owned())),
                Some(Message::Close) => Err(End::Closed),
                None => Ok(None),
            };
        }
    }

    /// From hello to the point from where changes are followed.
    async fn begin(&mut self) -> Result<Begun, End> {
        let hello = *self.hello().await?;
        let (mut session, view, venue) = self.admit(&hello)?;
        let moves = hello.scope.as_ref().is_none_or(|scope| scope.venues.is_empty());
        let mut stream = self.app.world.streams().subscribe(view.clone());
        let instance = hello.instance.as_deref().unwrap_or_default();
        let connection = Connection::new(
            view,
            session.mode(),
            venue,
            &hello.sdk,
            hello.version.clone(),
            instance,
            &self.credential.key,
        );
        // From here on it is counted, so it must be taken off whatever happens.
        let present = Present::new(&self.app, connection);
        // It can have been revoked while hello was awaited, when there was nobody yet to be told of it; the same
        // goes for a server that stops.
        self.check_key()?;
        if self.app.is_leaving() {
            self.send(drain(present.id, DRAIN_SPREAD_MS)).await?;
            return Err(End::Closed);
        }
        self.open(&mut session, &mut stream, &hello).await?;
        Ok(Begun { session, stream, present, moves })
    }

    /// Whether the key still opens anything.
    fn check_key(&self) -> Result<(), End> {
        let snapshot = self.app.world.snapshot();
        let now = snapshot.credentials.get(&self.credential.hash);
        if now.is_some_and(|credential| credential.is_live(clock::now())) {
            return Ok(());
        }
        Err(End::Tell(ErrorCode::Unauthorized, "This key has expired or was revoked.".to_owned(), None))
    }

    /// What the client may be sent, and where it is.
    fn admit(&self, hello: &Hello) -> Result<(Session, View, Option<Arc<str>>), End> {
        let forbidden = |message: String| End::Tell(ErrorCode::Forbidden, message, None);
        if !hello.schemas.contains(&SCHEMA) {
            let message = format!("This server speaks schema {SCHEMA}; update the SDK, or the server.");
            return Err(End::Tell(ErrorCode::UnsupportedSchema, message, None));
        }
        let is_client = self.credential.credential_type == CredentialType::Client;
        let asked: &[VenueKey] = hello.scope.as_ref().map_or(&[], |scope| &scope.venues);
        let allowed = &self.credential.venues;
        if let Some(venue) = asked.iter().find(|venue| !allowed.is_empty() && !allowed.contains(venue)) {
            return Err(forbidden(format!("This key is not for {venue}.")));
        }
        let (session, context_venue) = match hello.mode {
            Mode::Ruleset if is_client => {
                return Err(forbidden(
                    "Client keys get values, never rules: say hello in values mode.".to_owned(),
                ));
            }
            Mode::Ruleset => (Session::ruleset(), None),
            Mode::Values => {
                let context = self.context(hello.context.as_ref())?;
                let venue = context.venue().map(Arc::from);
                (Session::values(context, is_client), venue)
            }
        };
        let venue =
            asked.first().map(|venue| Arc::from(venue.as_str())).or(context_venue).or(self.only_venue());
        // Values are made here from everything; documents are narrowed to what the key may see.
        let narrowed = if hello.mode == Mode::Ruleset { allowed.clone() } else { Vec::new() };
        Ok((session, View::new(self.environment.clone(), narrowed), venue))
    }

    /// The venue of a key that is for one only.
    fn only_venue(&self) -> Option<Arc<str>> {
        match self.credential.venues.as_slice() {
            [only] => Some(Arc::from(only.as_str())),
            _ => None,
        }
    }

    fn context(&self, value: Option<&serde_json::Value>) -> Result<Context, End> {
        context_for(&self.credential, value, MAX_CLIENT_FRAME_BYTES).map_err(|problem| {
            let code =
                if problem.code() == "forbidden" { ErrorCode::Forbidden } else { ErrorCode::InvalidContext };
            End::Tell(code, problem.detail().to_owned(), None)
        })
    }

    async fn open(
        &mut self,
        session: &mut Session,
        stream: &mut watch::Receiver<Arc<StreamState>>,
        hello: &Hello,
    ) -> Result<(), End> {
        let state = Arc::clone(&stream.borrow_and_update());
        let heartbeat = self.app.settings.heartbeat_seconds.max(1);
        let may_be_large = hello.mode == Mode::Values || hello.resume.is_none();
        let place = if may_be_large { Some(self.enter(hello)?) } else { None };
        match session.open(&state, hello.resume, heartbeat, clock::now()) {
            Opening::Frames(frames) => within(place, self.send_all(frames)).await,
            Opening::Snapshot(ready) => {
                // It may have come with what is too old to go on from.
                let place = place.map_or_else(|| self.enter(hello), Ok)?;
                within(Some(place), self.snapshot(ready, &state)).await
            }
        }
    }

    async fn follow(&mut self, begun: Begun) -> Result<(), End> {
        let Begun { mut session, mut stream, present, moves } = begun;
        let leaves = self.oldest(present.id);
        let mut heard = Instant::now();
        let mut pings = heard + self.heartbeat;
        let wake = sleep_until(pings);
        pin!(wake);
        loop {
            // Waiting for a change is dear to begin, so that it goes on while the client acknowledges.
            let event = {
                let (changed, closing) = (stream.changed(), present.connection.closing.notified());
                pin!(changed, closing);
                loop {
                    // At most what fits one buffer is read already: nobody else waits for long.
                    match self.next().await? {
                        Some(ClientFrame::Pong) => continue,
                        // Nobody has applied what was not sent yet.
                        Some(ClientFrame::Ack(ack)) => {
                            present.acked(ack.seq.min(session.sent()));
                            continue;
                        }
                        Some(said) => break Event::Said(said),
                        None => {}
                    }
                    tokio::select! {
                        biased;
                        () = &mut closing => break Event::Closing,
                        changed = &mut changed => break if changed.is_ok() { Event::Changed } else { return Err(End::Closed) },
                        () = &mut wake => break Event::Wake,
                        readable = self.socket.readable() => {
                            readable.map_err(|_| End::Closed)?;
                            heard = Instant::now();
                            self.read()?;
                        }
                    }
                }
            };
            match event {
                Event::Said(said) => {
                    if let Some(frame) = self.take(said, &mut session, &stream, &present, moves)? {
                        self.send(frame).await?;
                    }
                }
                Event::Closing => {
                    self.check_key()?;
                    if !self.app.is_leaving() {
                        return Err(End::Tell(
                            ErrorCode::Unauthorized,
                            "This key was revoked.".to_owned(),
                            None,
                        ));
                    }
                    let spread = if *self.app.draining.borrow() { DRAIN_SPREAD_MS } else { LEAVE_SPREAD_MS };
                    return self.send(drain(present.id, spread)).await;
                }
                Event::Changed => {
                    let state = Arc::clone(&stream.borrow_and_update());
                    let frames = session.advance(&state, clock::now());
                    // A slow client must not keep an old state alive.
                    drop(state);
                    self.send_all(frames).await?;
                }
                Event::Wake => {
                    if heard.elapsed() > self.heartbeat * 2 {
                        let silent = "Nothing was heard for two heartbeats.";
                        return Err(End::Tell(ErrorCode::TooSlow, silent.to_owned(), None));
                    }
                    self.check_key()?;
                    if leaves.is_some_and(|at| at <= pings) {
                        return self.send(drain(present.id, LEAVE_SPREAD_MS)).await;
                    }
                    // What it was sent, not what is newest: that may be about to be sent, and is no gap.
                    let seq = session.sent();
                    self.send(frame(&ServerFrame::Ping(Ping { seq }))).await?;
                    // One that waited for a slow client is not made up for.
                    pings = Instant::now().max(pings) + self.heartbeat;
                    wake.as_mut().reset(pings);
                }
            }
        }
    }

    /// Takes what the client says; what is to be answered, if anything.
    fn take(
        &self,
        said: ClientFrame,
        session: &mut Session,
        stream: &watch::Receiver<Arc<StreamState>>,
        present: &Present,
        moves: bool,
    ) -> Result<Option<Frame>, End> {
        match said {
            ClientFrame::Pong | ClientFrame::Ack(_) => Ok(None),
            ClientFrame::Context { context } => {
                let context = self.context(Some(&context))?;
                if moves && session.mode() == Mode::Values {
                    let venue = context.venue().map(Arc::from).or(self.only_venue());
                    self.app.connections.moved(&present.connection, venue);
                }
                let state = Arc::clone(&stream.borrow());
                Ok(session.change_context(context, &state, clock::now()))
            }
            ClientFrame::Hello(_) => {
                Err(End::Tell(ErrorCode::BadFrame, "Hello was said already.".to_owned(), None))
            }
        }
    }

    /// A place for what a client gets to begin with.
    fn enter(&self, hello: &Hello) -> Result<admission::Place, End> {
        let spread = xxhash_rust::xxh3::xxh3_64(hello.instance.as_deref().unwrap_or_default().as_bytes());
        self.app.admissions.enter(spread).map_err(|wait| {
            self.app.metrics.refused.inc();
            let after = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            End::Tell(ErrorCode::Busy, "Many clients are coming at once.".to_owned(), Some(after))
        })
    }

    async fn snapshot(&self, ready: Frame, state: &Arc<StreamState>) -> Result<(), End> {
        self.send(ready).await?;
        // Of a large workspace this takes long; other streams are not to wait for it.
        let made = Arc::clone(state);
        drop(web::block(move || made.snapshot_frames().len()).await);
        for part in state.snapshot_frames() {
            self.send(part.clone()).await?;
        }
        Ok(())
    }

    /// When this connection has to be made anew, so that connections spread over nodes that were added since.
    fn oldest(&self, id: ConnectionId) -> Option<Instant> {
        let minutes = u64::from(self.app.settings.max_connection_minutes);
        let percent = 100 - AGE_SPREAD_PERCENT + id.wrapping_mul(7_919) % (2 * AGE_SPREAD_PERCENT + 1);
        (minutes > 0).then(|| Instant::now() + Duration::from_secs(minutes * 60 * percent / 100))
    }

    async fn send_all(&self, frames: Vec<Frame>) -> Result<(), End> {
        for frame in frames {
            self.send(frame).await?;
        }
        Ok(())
    }

    /// Sends one frame. A client that does not take it within two heartbeats is given up.
    async fn send(&self, frame: Frame) -> Result<(), End> {
        self.app.metrics.frames.inc();
        Ok(self.socket.send(frame, self.heartbeat * 2).await?)
    }
}

/// Does this with a place, for as long as that can be held.
async fn within(
    place: Option<admission::Place>,
    doing: impl Future<Output = Result<(), End>>,
) -> Result<(), End> {
    let Some(place) = place else { return doing.await };
    pin!(doing);
    if let Ok(done) = timeout_at(place.until(), &mut doing).await {
        return done;
    }
    drop(place);
    doing.await
}

/// Sends a client away.
fn drain(id: ConnectionId, spread_ms: u64) -> Frame {
    frame(&ServerFrame::Drain(Drain { reconnect_after_ms: id.wrapping_mul(7_919) % spread_ms }))
}

/// A connection, counted as long as this lives.
struct Present {
    app: Arc<App>,
    id: ConnectionId,
    connection: Arc<Connection>,
}

impl Present {
    fn new(app: &Arc<App>, connection: Connection) -> Self {
        let (id, connection) = app.connections.add(connection);
        Self { app: Arc::clone(app), id, connection }
    }

    fn acked(&self, seq: Seq) {
        let before = self.connection.ack(seq);
        let metric = &self.app.metrics.convergence;
        self.app.convergence.acked(self.id, before, seq, |took| metric.observe(took.as_secs_f64()));
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        self.app.connections.remove(self.id);
        self.app.convergence.left(self.id, self.connection.acked());
    }
}
