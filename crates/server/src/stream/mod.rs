//! `/sdk/v1/stream`: the WebSocket that carries changes to clients (protocol `usher.v1`).
//!
//! One task a connection. It waits for whatever comes first: a frame from the client, a newer state of its
//! stream, the next ping, the end of its credential or of the server. There is no queue: while a client does
//! not take what it was sent, its task waits, and what is new meanwhile collapses into the newest state.
//!
//! A task is held for hours, tens of thousands at a time: what happens once, at the beginning (`begin`) and at the
//! end, is boxed, so that it takes memory only then.

pub mod admission;
mod begin;
mod crier;
mod follow;
pub mod session;

use std::{net::IpAddr, sync::Arc, time::Duration};

use actix_web::{HttpRequest, HttpResponse, web};
use usher_core::{
    model::{Credential, EnvironmentKey, Seq},
    protocol::{
        ClientFrame, Drain, ErrorCode, FrameError, MAX_CLIENT_FRAME_BYTES, SUBPROTOCOL, ServerError,
        ServerFrame,
    },
};

use crate::{
    auth::{self, refusals::Whence},
    connections::{Connection, ConnectionId},
    problem::Problem,
    sdk::{
        context_for,
        signed::{Asked, is_about_signed_context},
    },
    socket::{Frame, Message, Socket, Unsent, accept},
    surface::Surface,
    world::{Hub, streams_frame as frame},
};

/// How long it may take to say farewell.
const FAREWELL: Duration = Duration::from_secs(1);
/// When a client may come again for which there is nothing here now, in milliseconds; spread by its identity.
const COME_AGAIN_MS: u64 = 1_000;
/// Over how long clients are spread that must reconnect because the server stops, in milliseconds.
const DRAIN_SPREAD_MS: u64 = 5_000;
/// The same for those that leave at a time of their own: they are few at a time.
const LEAVE_SPREAD_MS: u64 = 1_000;
/// Longest message of an error, in characters: it may repeat what the client sent.
const MAX_ERROR_CHARACTERS: usize = 500;

/// `GET /sdk/v1/stream`, a WebSocket.
pub async fn stream(request: HttpRequest, app: web::Data<Surface>) -> Result<HttpResponse, actix_web::Error> {
    let credential = auth::sdk_key(&request, &app).await?;
    let environment = environment_of(&credential)?;
    // Where there is nothing to be sent yet, that is said before there is a stream.
    app.source.hub(&environment)?;
    let address = app.rates.address(&request);
    accept(&request, Some(SUBPROTOCOL), MAX_CLIENT_FRAME_BYTES, move |socket| {
        let heartbeat = Duration::from_secs(app.settings.heartbeat_seconds.max(1).into());
        let link = Link { app: app.into_inner(), credential, environment, socket, heartbeat, address };
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

/// One connection.
struct Link {
    app: Arc<Surface>,
    credential: Arc<Credential>,
    environment: EnvironmentKey,
    socket: Socket,
    heartbeat: Duration,
    /// Where it comes from.
    address: IpAddr,
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
                ErrorCode::Forbidden
                    | ErrorCode::Unauthorized
                    | ErrorCode::SignedContext
                    | ErrorCode::UnsupportedSchema
            );
            let message = message.chars().take(MAX_ERROR_CHARACTERS).collect();
            let error = ServerFrame::Error(ServerError { code, message, retry, retry_after_ms });
            // It may not be listening any more.
            let _ = self.socket.send(frame(&error), FAREWELL).await;
        }
        let _ = self.socket.close(FAREWELL).await;
    }

    /// Waits for more from the client, and reads it.
    async fn read(&mut self) -> Result<(), End> {
        match self.socket.read().await {
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

    /// What is known here, or reaches it.
    fn hub(&self) -> Result<&Hub, End> {
        let there = self.app.source.hub(&self.environment);
        there.map_err(|problem| End::Tell(ErrorCode::Busy, problem.detail().to_owned(), Some(COME_AGAIN_MS)))
    }

    /// Whether the key still opens anything. What is asked of it may have changed since.
    fn check_key(&mut self) -> Result<(), End> {
        if let Some(credential) = self.app.source.known(&self.credential.hash) {
            self.credential = credential;
            return Ok(());
        }
        Err(End::Tell(ErrorCode::Unauthorized, "This key has expired or was revoked.".to_owned(), None))
    }

    /// The venue of a key that is for one only.
    fn only_venue(&self) -> Option<Arc<str>> {
        match self.credential.venues.as_slice() {
            [only] => Some(Arc::from(only.as_str())),
            _ => None,
        }
    }

    /// Where what it says comes from, for the log.
    fn whence(&self) -> Whence {
        Whence { address: self.address, path: "/sdk/v1/stream".to_owned() }
    }

    fn context(&self, value: Option<&serde_json::Value>) -> Result<Asked, End> {
        let whence = || self.whence();
        let asked = context_for(&self.app, &self.credential, whence, value, MAX_CLIENT_FRAME_BYTES);
        asked.map_err(|problem| refused(&problem))
    }
}

/// Why a context is not taken.
fn refused(problem: &Problem) -> End {
    let seconds = problem.comes_again_after();
    let code = match problem.code() {
        _ if seconds.is_some() => ErrorCode::Busy,
        _ if is_about_signed_context(problem) => ErrorCode::SignedContext,
        "forbidden" => ErrorCode::Forbidden,
        _ => ErrorCode::InvalidContext,
    };
    End::Tell(code, problem.detail().to_owned(), seconds.map(|seconds| u64::from(seconds) * 1_000))
}

/// Sends a client away.
fn drain(id: ConnectionId, spread_ms: u64) -> Frame {
    frame(&ServerFrame::Drain(Drain { reconnect_after_ms: id.wrapping_mul(7_919) % spread_ms }))
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

    /// Everything up to `seq` was applied `held_ms` milliseconds ago.
    fn acked(&self, seq: Seq, held_ms: u32) {
        let before = self.connection.ack(seq);
        let metric = &self.app.metrics.convergence;
        // No client is believed to have waited for longer than it may be asked to.
        let held = Duration::from_millis(held_ms.min(follow::MAX_ACK_SPREAD_MS).into());
        self.app.convergence.acked(self.id, before, seq, held, |took| metric.observe(took.as_secs_f64()));
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
