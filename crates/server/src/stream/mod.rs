//! `/sdk/v1/stream`: the WebSocket that carries changes to clients (protocol `usher.v1`).
//!
//! One task a connection. It waits for whatever comes first: a frame from the client, a newer state of its
//! stream, the next ping, the end of its credential or of the server. There is no queue: while a client does
//! not take what it was sent, its task waits, and what is new meanwhile collapses into the newest state.

pub mod session;

use std::{sync::Arc, time::Duration};

use actix_web::{HttpRequest, HttpResponse, web};
use actix_ws::{AggregatedMessage, AggregatedMessageStream, CloseCode, CloseReason, Closed};
use bytestring::ByteString;
use futures_util::StreamExt;
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval, sleep, timeout},
};
use usher_core::{
    Context,
    model::{Credential, CredentialType, EnvironmentKey, Seq, VenueKey},
    protocol::{
        Census, ClientFrame, Drain, ErrorCode, FrameError, Hello, MAX_CLIENT_FRAME_BYTES, Mode, Ping, Resume,
        SCHEMA, SUBPROTOCOL, ServerError, ServerFrame, View,
    },
};

use crate::{
    auth, clock,
    connections::{Connection, ConnectionId},
    problem::Problem,
    sdk::{context_for, view_for},
    surface::Surface,
    world::{Hub, StreamState, streams_frame as frame},
};
use session::{Opening, Session, Terms};

/// A client says hello within this time, or is not one.
const HELLO_WITHIN: Duration = Duration::from_secs(10);
/// When a client that found no place for a snapshot may come again, in milliseconds; spread by its identity.
const COME_AGAIN_MS: u64 = 1_000;
/// Over how long clients are spread that must reconnect because the server stops, in milliseconds.
const DRAIN_SPREAD_MS: u64 = 5_000;

/// Longest message of an error, in characters: it may repeat what the client sent.
const MAX_ERROR_CHARACTERS: usize = 500;
/// Longest name of an edge, in characters.
const MAX_NAME_CHARACTERS: usize = 128;
/// Venues that a client can ask for at a time; who needs more asks for all.
const MAX_SCOPE_VENUES: usize = 256;
/// For how long it is waited for what a client has that is not known here yet.
const CATCH_UP_WITHIN: Duration = Duration::from_secs(2);
/// How often it is looked for meanwhile.
const CATCH_UP_EVERY: Duration = Duration::from_millis(50);

/// `GET /sdk/v1/stream`, a WebSocket.
pub async fn stream(
    request: HttpRequest,
    body: web::Payload,
    app: web::Data<Surface>,
) -> Result<HttpResponse, actix_web::Error> {
    let credential = auth::sdk_key(&request, &app).await?;
    let environment = environment_of(&credential)?;
    // Where there is nothing to be sent yet, that is said before there is a stream.
    app.source.hub(&environment)?;
    let (response, socket, messages) = actix_ws::handle_with_protocols(&request, body, &[SUBPROTOCOL])?;
    let messages = messages
        .max_frame_size(MAX_CLIENT_FRAME_BYTES)
        .aggregate_continuations()
        .max_continuation_size(MAX_CLIENT_FRAME_BYTES);
    let heartbeat = Duration::from_secs(app.settings.heartbeat_seconds.max(1).into());
    let link = Link { app: app.into_inner(), credential, environment, socket, messages, heartbeat };
    actix_web::rt::spawn(link.serve());
    Ok(response)
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

impl From<Closed> for End {
    fn from(_: Closed) -> Self {
        Self::Closed
    }
}

struct Link {
    app: Arc<Surface>,
    credential: Arc<Credential>,
    environment: EnvironmentKey,
    socket: actix_ws::Session,
    messages: AggregatedMessageStream,
    heartbeat: Duration,
}

impl Link {
    async fn serve(mut self) {
        let end = match self.hello().await {
            Ok(hello) => self.run(*hello).await,
            Err(end) => Err(end),
        };
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
            let _ = timeout(Duration::from_secs(1), self.socket.text(frame(&error))).await;
        }
        let reason = CloseReason { code: CloseCode::Normal, description: None };
        let _ = timeout(Duration::from_secs(1), self.socket.close(Some(reason))).await;
    }

    async fn hello(&mut self) -> Result<Box<Hello>, End> {
        let deadline = Instant::now() + HELLO_WITHIN;
        loop {
            let message = tokio::time::timeout_at(deadline, self.messages.next()).await;
            let Ok(message) = message else {
                return Err(End::Tell(ErrorCode::BadFrame, "Say hello first.".to_owned(), None));
            };
            match self.read(message).await? {
                Some(ClientFrame::Hello(hello)) => return Ok(hello),
                Some(_) => return Err(End::Tell(ErrorCode::BadFrame, "Say hello first.".to_owned(), None)),
                None => {}
            }
        }
    }

    /// The frame in a message, if it holds one.
    async fn read(
        &mut self,
        message: Option<Result<AggregatedMessage, actix_ws::ProtocolError>>,
    ) -> Result<Option<ClientFrame>, End> {
        match message {
            Some(Ok(AggregatedMessage::Text(text))) => match ClientFrame::parse(&text) {
                Ok(frame) => Ok(Some(frame)),
                Err(FrameError::UnknownType(name)) => Err(End::Tell(
                    ErrorCode::BadFrame,
                    format!("The frame type `{name}` is not known."),
                    None,
                )),
                Err(error @ FrameError::Malformed(_)) => {
                    Err(End::Tell(ErrorCode::BadFrame, error.to_string(), None))
                }
            },
            Some(Ok(AggregatedMessage::Ping(bytes))) => {
                self.socket.pong(&bytes).await?;
                Ok(None)
            }
            Some(Ok(AggregatedMessage::Pong(_))) => Ok(None),
            Some(Ok(AggregatedMessage::Binary(_))) => {
                Err(End::Tell(ErrorCode::BadFrame, "Send text frames.".to_owned(), None))
            }
            Some(Err(error)) => {
                Err(End::Tell(ErrorCode::BadFrame, format!("This frame can't be taken: {error}."), None))
            }
            Some(Ok(AggregatedMessage::Close(_))) | None => Err(End::Closed),
        }
    }

    async fn run(&mut self, hello: Hello) -> Result<(), End> {
        let (mut session, view, venue) = self.admit(&hello)?;
        let room = self.hub()?.streams().has_room_for(&view);
        if !room {
            let message = "Too many different sets of venues are looked at.".to_owned();
            return Err(End::Tell(
                ErrorCode::Busy,
                message,
                Some(COME_AGAIN_MS * 30 + spread(&hello, 30_000)),
            ));
        }
        // Who has not said where it is, is where its context is.
        let moves = hello.scope.as_ref().is_none_or(|scope| scope.venues.is_empty());
        let mut stream = self.hub()?.streams().subscribe(view.clone());
        let instance = hello.instance.as_deref().unwrap_or_default();
        let connection = Connection::new(
            view,
            session.mode(),
            venue,
            &hello.sdk,
            hello.version.clone(),
            instance,
            &self.credential.key,
            hello.edge.as_ref().map(|name| name.chars().take(MAX_NAME_CHARACTERS).collect()),
        );
        // From here on it is counted, so it must be taken off whatever happens.
        let present = Present::new(&self.app, connection);
        // It can have been revoked while hello was awaited, when there was nobody yet to be told of it.
        self.check_key()?;
        self.open(&mut session, &mut stream, &hello).await?;
        self.follow(&mut session, &mut stream, &present, moves).await
    }

    /// Whether the key still opens anything.
    fn check_key(&self) -> Result<(), End> {
        if self.app.source.known(&self.credential.hash).is_some() {
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
        if asked.len() > MAX_SCOPE_VENUES {
            return Err(forbidden(format!("Name at most {MAX_SCOPE_VENUES} venues, or none for all.")));
        }
        let narrowed = view_for(&self.credential, &self.environment, asked);
        let narrowed = narrowed.map_err(|problem| forbidden(problem.detail().to_owned()))?;
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
        // Values are made here from everything; documents are narrowed to what the key may see, and wants to.
        let view = match hello.mode {
            Mode::Ruleset => narrowed,
            Mode::Values => View::new(self.environment.clone(), []),
        };
        Ok((session, view, venue))
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
        let (resume, known) = self.catch_up(hello, stream).await?;
        let state = Arc::clone(&stream.borrow_and_update());
        let terms = Terms {
            heartbeat_sec: self.app.settings.heartbeat_seconds.max(1),
            known,
            upstream: self.app.source.standing(&self.environment),
        };
        match session.open(&state, resume, terms, clock::now()) {
            Opening::Frames(frames) => self.send_all(frames).await,
            Opening::Snapshot(ready) => {
                let admissions = Arc::clone(&self.app.admissions);
                let Ok(_place) = admissions.try_acquire() else {
                    self.app.metrics.refused.inc();
                    let after = COME_AGAIN_MS + spread(hello, COME_AGAIN_MS);
                    return Err(End::Tell(
                        ErrorCode::Busy,
                        "Many clients are coming at once.".to_owned(),
                        Some(after),
                    ));
                };
                self.send(ready).await?;
                // Of a large workspace this takes long; other streams are not to wait for it.
                let made = Arc::clone(&state);
                drop(web::block(move || made.snapshot_frames().len()).await);
                for part in state.snapshot_frames() {
                    self.send(part.clone()).await?;
                }
                Ok(())
            }
        }
    }

    /// What is known here, or reaches it.
    fn hub(&self) -> Result<&Hub, End> {
        let there = self.app.source.hub(&self.environment);
        there.map_err(|problem| End::Tell(ErrorCode::Busy, problem.detail().to_owned(), Some(COME_AGAIN_MS)))
    }

    /// Where the client can go on, and up to where everything is known here. A client that was served elsewhere may
    /// have more than is known here: that is waited for. An edge that has lost its upstream gives it nothing then,
    /// for what the client has is better.
    async fn catch_up(
        &self,
        hello: &Hello,
        stream: &watch::Receiver<Arc<StreamState>>,
    ) -> Result<(Option<Resume>, Seq), End> {
        let own = stream.borrow().view().clone();
        let unnarrowed =
            || hello.mode == Mode::Values || hello.scope.as_ref().is_none_or(|own| own.venues.is_empty());
        // Documents of one view are not those of another.
        let fits = |resume: &Resume| resume.view.map_or_else(unnarrowed, |view| view == own.tag());
        let resume = hello.resume.filter(fits);
        let deadline = Instant::now() + CATCH_UP_WITHIN;
        loop {
            let hub = self.hub()?;
            let (epoch, known) = (hub.snapshot().epoch, hub.known());
            let ahead = resume.is_some_and(|resume| resume.epoch == epoch && resume.seq > known);
            if !ahead {
                return Ok((resume, known));
            }
            if Instant::now() >= deadline {
                if self.app.source.is_authority(&self.environment) {
                    return Ok((resume, known));
                }
                let message = "This edge has lost its upstream, and has less than you.".to_owned();
                return Err(End::Tell(
                    ErrorCode::Busy,
                    message,
                    Some(COME_AGAIN_MS + spread(hello, COME_AGAIN_MS)),
                ));
            }
            sleep(CATCH_UP_EVERY).await;
        }
    }

    /// An edge tells of its clients.
    fn census(&self, census: Census, present: &Present) -> Result<(), End> {
        if present.connection.edge.is_none() {
            let message = "Only an edge, which says so in its hello, counts clients.".to_owned();
            return Err(End::Tell(ErrorCode::BadFrame, message, None));
        }
        let same_journal = census.epoch == self.hub()?.snapshot().epoch;
        if let Some(source) = self.app.connections.counted(present.id, census.clone())
            && same_journal
        {
            self.app.convergence.counted(&source, Some(&self.environment), &census);
        }
        Ok(())
    }

    async fn follow(
        &mut self,
        session: &mut Session,
        stream: &mut watch::Receiver<Arc<StreamState>>,
        present: &Present,
        moves: bool,
    ) -> Result<(), End> {
        let mut ping = interval(self.heartbeat);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ping.reset();
        let mut heard = Instant::now();
        let mut draining = self.app.draining.subscribe();
        loop {
            tokio::select! {
                message = self.messages.next() => {
                    heard = Instant::now();
                    match self.read(message).await? {
                        None | Some(ClientFrame::Pong) => {}
                        // Nobody has applied what was not sent yet.
                        Some(ClientFrame::Ack(ack)) => present.acked(ack.seq.min(session.sent())),
                        Some(ClientFrame::Context { context }) => {
                            let context = self.context(Some(&context))?;
                            if moves && session.mode() == Mode::Values {
                                let venue = context.venue().map(Arc::from).or(self.only_venue());
                                self.app.connections.moved(&present.connection, venue);
                            }
                            let state = Arc::clone(&stream.borrow());
                            if let Some(frame) = session.change_context(context, &state, clock::now()) {
                                self.send(frame).await?;
                            }
                        }
                        Some(ClientFrame::Downstream(census)) => self.census(*census, present)?,
                        Some(ClientFrame::Hello(_)) => {
                            return Err(End::Tell(ErrorCode::BadFrame, "Hello was said already.".to_owned(), None));
                        }
                    }
                }
                changed = stream.changed() => {
                    if changed.is_err() {
                        return Err(End::Closed);
                    }
                    let state = Arc::clone(&stream.borrow_and_update());
                    let frames = session.advance(&state, clock::now());
                    self.send_all(frames).await?;
                }
                _ = ping.tick() => {
                    if heard.elapsed() > self.heartbeat * 2 {
                        return Err(End::Tell(ErrorCode::TooSlow, "Nothing was heard for two heartbeats.".to_owned(), None));
                    }
                    self.check_key()?;
                    // What it was sent, not what is newest: that may be about to be sent, and is no gap.
                    let seq = session.sent();
                    let known = self.known_beyond(stream);
                    let upstream = self.app.source.standing(&self.environment);
                    self.send(frame(&ServerFrame::Ping(Ping { seq, known, upstream }))).await?;
                }
                () = present.connection.closing.notified() => {
                    return Err(End::Tell(ErrorCode::Unauthorized, "This key was revoked.".to_owned(), None));
                }
                _ = draining.wait_for(|draining| *draining) => {
                    let reconnect_after_ms = present.id.wrapping_mul(7_919) % DRAIN_SPREAD_MS;
                    self.send(frame(&ServerFrame::Drain(Drain { reconnect_after_ms }))).await?;
                    return Ok(());
                }
            }
        }
    }

    /// The newest commit of which nothing is missing on a stream that has been sent to its end.
    fn known_beyond(&self, stream: &watch::Receiver<Arc<StreamState>>) -> Option<Seq> {
        // Read first: a commit that comes in between is then still to be sent.
        let known = self.hub().ok()?.known();
        (!stream.has_changed().unwrap_or(true)).then_some(known)
    }

    async fn send_all(&mut self, frames: Vec<ByteString>) -> Result<(), End> {
        for frame in frames {
            self.send(frame).await?;
        }
        Ok(())
    }

    /// Sends one frame. A client that does not take it within two heartbeats is given up.
    async fn send(&mut self, frame: ByteString) -> Result<(), End> {
        self.app.metrics.frames.inc();
        match timeout(self.heartbeat * 2, self.socket.text(frame)).await {
            Ok(sent) => Ok(sent?),
            Err(_) => {
                Err(End::Tell(ErrorCode::TooSlow, "Nothing was taken for two heartbeats.".to_owned(), None))
            }
        }
    }
}

/// A number below `range` that differs from client to client.
fn spread(hello: &Hello, range: u64) -> u64 {
    xxhash_rust::xxh3::xxh3_64(hello.instance.as_deref().unwrap_or_default().as_bytes()) % range
}

/// A connection, counted as long as this lives.
struct Present {
    app: Arc<Surface>,
    id: ConnectionId,
    connection: Arc<Connection>,
}

impl Present {
    fn new(app: &Arc<Surface>, connection: Connection) -> Self {
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
        let source = self.app.connections.remove(self.id).and_then(|(_, source)| source);
        self.app.convergence.left(self.id, self.connection.acked());
        if let Some(source) = source {
            self.app.convergence.source_left(&source);
        }
    }
}
