//! The background task: keeps a stream open, polls while there is none, writes the cache, sends what was
//! counted. It ends when the client is closed, whatever it is waiting for.

use std::{sync::Arc, time::Duration};

use futures_util::{SinkExt, StreamExt};
use tokio::{
    net::TcpStream,
    time::{Instant, sleep, timeout},
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config,
    tungstenite::{
        Error as WsError, Message,
        client::IntoClientRequest,
        http::{HeaderValue, StatusCode},
        protocol::WebSocketConfig,
    },
};
use usher_core::{
    model::Seq,
    protocol::{
        Ack, ClientFrame, ErrorCode, FrameError, HEARTBEAT_SECONDS, Hello, Mode, Resume, RulesetBody, SCHEMA,
        SUBPROTOCOL, Scope, ServerFrame, ValuesBody,
    },
};

use crate::{
    backoff::{Backoff, draw},
    machine::{Action, Machine},
    polling::{Polled, poll},
    shared::{Shared, Store},
    status::Source,
};

/// A connection that is not there by then will not come.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// Streams that fail in a row before it is tried by polling too.
const POLL_AFTER: u32 = 2;
/// Largest frame that is taken from a server, in bytes.
const MAX_FRAME_BYTES: usize = 64 * 1024 * 1024;
/// How often what was counted is sent.
const FLUSH_EVERY: Duration = Duration::from_secs(10);
/// Changes are written to disk at most this often.
const SAVE_EVERY: Duration = Duration::from_millis(250);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Why a stream ended.
enum End {
    /// It broke, or could not be opened.
    Broken(String),
    /// The server refuses the key.
    Refused(String),
    /// The server asks to come again after so many milliseconds.
    Later(u64),
}

/// The background task's own state.
pub(crate) struct Connection {
    shared: Arc<Shared>,
    machine: Machine,
    store: Store,
    http: reqwest::Client,
    tag: Option<String>,
    /// When there was something to be saved for the first time since it was saved.
    unsaved: Option<Instant>,
}

impl Connection {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let http = reqwest::Client::builder().timeout(CONNECT_WITHIN).build().unwrap_or_default();
        let (machine, store) = (Machine::default(), Store::default());
        Self { shared, machine, store, http, tag: None, unsaved: None }
    }

    /// Begins with what an earlier process has left.
    pub(crate) fn begin_with_ruleset(&mut self, body: RulesetBody) {
        self.machine = Machine::resuming(Resume { epoch: body.epoch, seq: body.seq }, body.at);
        self.store.environment = Some(body.environment);
        self.store.replace(&self.shared, body.documents, body.seq, Source::Cache);
    }

    /// Begins with what an earlier process has left.
    pub(crate) fn begin_with_values(&mut self, body: ValuesBody) {
        self.machine = Machine::resuming(Resume { epoch: body.epoch, seq: body.seq }, body.at);
        self.store.environment = Some(body.environment);
        self.store.replace_values(&self.shared, body.values, Source::Cache);
    }

    /// Runs until the client is closed.
    pub(crate) async fn run(mut self) {
        let mut closed = self.shared.closed.subscribe();
        let sender = tokio::spawn(flush(Arc::clone(&self.shared), self.http.clone()));
        tokio::select! {
            () = self.keep_connected() => {}
            _ = closed.wait_for(|closed| *closed) => {}
        }
        sender.abort();
        self.save();
        self.shared.lose(true);
    }

    async fn keep_connected(&mut self) {
        let mut backoff = Backoff::default();
        loop {
            let end = self.stream(&mut backoff).await;
            let refused = matches!(end, End::Refused(_));
            self.shared.lose(refused);
            self.save();
            let wait = match end {
                End::Later(millis) => Duration::from_millis(millis),
                End::Refused(why) => {
                    self.shared.report(why);
                    backoff.refused(draw())
                }
                End::Broken(why) => {
                    tracing::debug!(%why, "the stream ended");
                    let wait = backoff.next(draw());
                    if backoff.failures() > POLL_AFTER {
                        self.poll().await;
                    }
                    wait
                }
            };
            sleep(wait).await;
        }
    }

    /// Asks once by plain HTTP.
    async fn poll(&mut self) {
        match poll(&self.http, &self.shared, self.tag.as_deref()).await {
            Ok(Polled::NotModified) => self.live(),
            Ok(Polled::Ruleset(body, tag)) => {
                self.tag = tag;
                self.machine.polled(Resume { epoch: body.epoch, seq: body.seq }, body.at);
                self.store.environment = Some(body.environment);
                self.store.replace(&self.shared, body.documents, body.seq, Source::Server);
                self.changed();
                self.live();
            }
            Ok(Polled::Values(body, tag)) => {
                self.tag = tag;
                self.machine.polled(Resume { epoch: body.epoch, seq: body.seq }, body.at);
                self.store.environment = Some(body.environment);
                self.store.replace_values(&self.shared, body.values, Source::Server);
                self.changed();
                self.live();
            }
            Ok(Polled::Refused(why)) => {
                self.shared.report(why);
                self.shared.lose(true);
            }
            Err(why) => tracing::debug!(%why, "polling failed"),
        }
    }

    fn live(&self) {
        self.shared.hear();
        self.shared.go_live();
    }

    /// One stream, from its opening to its end.
    async fn stream(&mut self, backoff: &mut Backoff) -> End {
        let mut socket = match timeout(CONNECT_WITHIN, self.open()).await {
            Ok(Ok(socket)) => socket,
            Ok(Err(end)) => return end,
            Err(_) => return End::Broken("no connection in time".to_owned()),
        };
        let mut context = self.shared.context.subscribe();
        context.mark_unchanged();
        self.machine.connected();
        if let Err(end) = self.send(&mut socket, &ClientFrame::Hello(Box::new(self.hello()))).await {
            return end;
        }
        let mut silence = Duration::from_secs(u64::from(HEARTBEAT_SECONDS) * 2);
        loop {
            let save_at = self.unsaved.map(|since| since + SAVE_EVERY);
            let message = tokio::select! {
                message = timeout(silence, socket.next()) => message,
                () = at(save_at) => {
                    self.save();
                    continue;
                }
                changed = context.changed() => {
                    if changed.is_err() {
                        return End::Broken("the client is gone".to_owned());
                    }
                    let context = context.borrow_and_update().clone();
                    if let Err(end) = self.send(&mut socket, &ClientFrame::Context { context }).await {
                        return end;
                    }
                    continue;
                }
            };
            let message = match message {
                Err(_) => return End::Broken("nothing was heard for two heartbeats".to_owned()),
                Ok(None) => return End::Broken("the server has closed the stream".to_owned()),
                Ok(Some(Err(error))) => return End::Broken(error.to_string()),
                Ok(Some(Ok(message))) => message,
            };
            self.shared.hear();
            let text = match message {
                Message::Text(text) => text,
                Message::Close(_) => return End::Broken("the server has closed the stream".to_owned()),
                _ => continue,
            };
            let frame = match ServerFrame::parse(&text) {
                Ok(frame) => frame,
                // A newer server says more than this client understands.
                Err(FrameError::UnknownType(_)) => continue,
                Err(FrameError::Malformed(error)) => {
                    self.machine.forget();
                    return End::Broken(format!("a frame can't be read: {error}"));
                }
            };
            for action in self.machine.take(frame) {
                match action {
                    Action::Ready(seconds, environment) => {
                        silence = Duration::from_secs(u64::from(seconds.max(1)) * 2);
                        self.store.environment = Some(environment);
                    }
                    Action::Current => {
                        backoff.reset();
                        self.live();
                    }
                    Action::Ack(seq) => {
                        if let Err(end) = self.send(&mut socket, &ClientFrame::Ack(Ack { seq })).await {
                            return end;
                        }
                    }
                    Action::Pong => {
                        if let Err(end) = self.send(&mut socket, &ClientFrame::Pong).await {
                            return end;
                        }
                    }
                    Action::Resync(why) => return End::Broken(why.to_owned()),
                    Action::ReconnectAfter(millis) => return End::Later(millis),
                    Action::Refused(error) => {
                        if matches!(
                            error.code,
                            ErrorCode::Unauthorized | ErrorCode::Forbidden | ErrorCode::UnsupportedSchema
                        ) {
                            return End::Refused(format!(
                                "the server refuses this client: {}",
                                error.message
                            ));
                        }
                        return match error.retry_after_ms {
                            Some(millis) => End::Later(millis),
                            None => End::Broken(error.message),
                        };
                    }
                    change => self.apply(change),
                }
            }
        }
    }

    fn apply(&mut self, change: Action) {
        let seq = self.machine.place().map_or(Seq::ZERO, |place| place.seq);
        match change {
            Action::Replace(documents) => self.store.replace(&self.shared, documents, seq, Source::Server),
            Action::Amend(put, delete) => self.store.amend(&self.shared, put, &delete, seq),
            Action::ReplaceValues(values) => self.store.replace_values(&self.shared, values, Source::Server),
            Action::AmendValues(put, delete) => self.store.amend_values(&self.shared, put, &delete),
            _ => return,
        }
        self.changed();
    }

    fn changed(&mut self) {
        self.unsaved.get_or_insert_with(Instant::now);
    }

    async fn open(&self) -> Result<Socket, End> {
        let config = &self.shared.config;
        // http becomes ws, https becomes wss.
        let url = format!("ws{}/sdk/v1/stream", config.url.strip_prefix("http").unwrap_or_default());
        let broken = |error: &dyn std::fmt::Display| End::Broken(error.to_string());
        let mut request = url.into_client_request().map_err(|error| broken(&error))?;
        let key = HeaderValue::from_str(&format!("Bearer {}", config.key));
        let mut key = key.map_err(|_| End::Refused("this key has characters that no key has".to_owned()))?;
        key.set_sensitive(true);
        request.headers_mut().insert("Authorization", key);
        request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static(SUBPROTOCOL));
        let limits = WebSocketConfig::default()
            .max_message_size(Some(MAX_FRAME_BYTES))
            .max_frame_size(Some(MAX_FRAME_BYTES));
        // Acks are small, and convergence is measured by them: they don't wait for more to send.
        match connect_async_with_config(request, Some(limits), true).await {
            Ok((socket, _)) => Ok(socket),
            Err(WsError::Http(response))
                if matches!(response.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) =>
            {
                Err(End::Refused(format!("the server refuses this key ({})", response.status())))
            }
            Err(error) => Err(broken(&error)),
        }
    }

    fn hello(&self) -> Hello {
        let config = &self.shared.config;
        let venues = config.venue.iter().filter_map(|venue| venue.parse().ok()).collect();
        Hello {
            sdk: concat!("usher-rust/", env!("CARGO_PKG_VERSION")).to_owned(),
            version: config.app_version.clone(),
            instance: Some(config.instance.clone()),
            mode: config.mode,
            context: (config.mode == Mode::Values).then(|| self.shared.context.borrow().clone()),
            scope: Some(Scope { venues }),
            resume: self.machine.place(),
            schemas: vec![SCHEMA],
        }
    }

    async fn send(&self, socket: &mut Socket, frame: &ClientFrame) -> Result<(), End> {
        let text = serde_json::to_string(frame).map_err(|error| End::Broken(error.to_string()))?;
        match timeout(CONNECT_WITHIN, socket.send(Message::text(text))).await {
            Ok(sent) => sent.map_err(|error| End::Broken(error.to_string())),
            Err(_) => Err(End::Broken("the server takes nothing".to_owned())),
        }
    }

    /// Writes what there is to disk, if it has changed. Small and rare enough to be done in place: this task
    /// serves nobody who waits.
    fn save(&mut self) {
        let (Some(_), Some(cache)) = (self.unsaved.take(), &self.shared.config.cache) else { return };
        let (Some(place), Some(environment)) = (self.machine.place(), self.store.environment.clone()) else {
            return;
        };
        let (Resume { epoch, seq }, at) = (place, self.machine.at());
        let heard = self.shared.heard();
        let written = match self.shared.config.mode {
            Mode::Ruleset => {
                let documents = self.store.documents.values().cloned().collect();
                cache.write(&RulesetBody { epoch, seq, schema: SCHEMA, at, environment, documents }, heard)
            }
            Mode::Values => {
                let values = self.store.values.clone();
                cache.write(&ValuesBody { epoch, seq, schema: SCHEMA, at, environment, values }, heard)
            }
        };
        if let Err(error) = written {
            self.shared.report(format!("the flags can't be written to disk: {error}"));
        }
    }
}

async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

/// Sends what was counted, now and then.
async fn flush(shared: Arc<Shared>, http: reqwest::Client) {
    let mut number = 0_u64;
    loop {
        sleep(FLUSH_EVERY).await;
        number += 1;
        let name = format!("{}-{number}", shared.config.instance);
        let Some(batch) = shared.events.take(&name) else { continue };
        let url = format!("{}/sdk/v1/events", shared.config.url);
        // The name makes a second sending harmless.
        for _ in 0..2 {
            let sent = http.post(&url).bearer_auth(&shared.config.key).json(&batch).send().await;
            if sent.is_ok_and(|response| response.status().is_success()) {
                break;
            }
            sleep(Duration::from_secs(1)).await;
        }
    }
}
