//! One stream, from its opening to its end: frames go to the machine, and what it says is done.

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::tungstenite::Message;
use usher_core::{
    model::Seq,
    protocol::{Action, ClientFrame, ErrorCode, FrameError, Hello, Mode, Scope, ServerError, ServerFrame},
    schema::SPOKEN,
};

use crate::{
    connection::{Connection, Owed, at, until},
    jitter::draw,
    link::{End, Socket, send},
    listeners::RenewalNeeded,
    obstacle::Obstacle,
    status::Source,
};

/// How long saying goodbye may take.
const FAREWELL: Duration = Duration::from_millis(500);

impl Connection {
    /// Follows one stream to its end, or until the program is in the background: then there is no end.
    pub(crate) async fn stream(&mut self, mut socket: Socket) -> Option<End> {
        let mut asked = self.shared.asked.subscribe();
        let mut rests = self.shared.rests.subscribe();
        self.told = Arc::clone(&*asked.borrow_and_update());
        self.owed = if self.shared.config.mode == Mode::Values { Owed::First } else { Owed::Nothing };
        self.machine.connected();
        self.acks.connected();
        if let Err(end) = send(&mut socket, &ClientFrame::Hello(Box::new(self.hello()))).await {
            return Some(end);
        }
        let mut heard = Instant::now();
        loop {
            let message = tokio::select! {
                // A time, not a span: what happens here must not keep a dead link alive.
                message = timeout_at(heard + self.heartbeat * 2, socket.next()) => message,
                () = until(&mut rests, true) => {
                    // The server should not have to find out, but nobody waits for it.
                    drop(timeout(FAREWELL, socket.close(None)).await);
                    return None;
                }
                () = at(self.save_at()) => {
                    self.save(false);
                    continue;
                }
                () = at(self.acks.due().map(Instant::from_std)) => {
                    if let Some(ack) = self.acks.take(Instant::now().into_std())
                        && let Err(end) = send(&mut socket, &ClientFrame::Ack(ack)).await
                    {
                        return Some(end);
                    }
                    continue;
                }
                _ = asked.changed(), if self.owed == Owed::Nothing => {
                    self.owed = Owed::Values;
                    self.told = Arc::clone(&*asked.borrow_and_update());
                    let context = self.told.context.clone();
                    if let Err(end) = send(&mut socket, &ClientFrame::Context { context }).await {
                        return Some(end);
                    }
                    continue;
                }
            };
            heard = Instant::now();
            let text = match message {
                Err(_) => return Some(End::Broken("nothing was heard for two heartbeats".to_owned())),
                Ok(None | Some(Ok(Message::Close(_)))) => {
                    return Some(End::Broken("the server has closed the stream".to_owned()));
                }
                Ok(Some(Err(error))) => return Some(End::Broken(error.to_string())),
                Ok(Some(Ok(Message::Text(text)))) => text,
                Ok(Some(Ok(_))) => continue,
            };
            let frame = match ServerFrame::parse(&text) {
                Ok(frame) => frame,
                // A newer server says more than this client understands.
                Err(FrameError::UnknownType(_)) => continue,
                Err(FrameError::Malformed(error)) => {
                    self.machine.forget();
                    return Some(End::Broken(format!("a frame can't be read: {error}")));
                }
            };
            // Before it is taken: parts of what nobody wants would be kept until the last has come.
            if !suits(&frame, self.shared.config.mode) {
                self.machine.forget();
                return Some(End::Broken("the server speaks of what was not asked for".to_owned()));
            }
            let actions = self.machine.take(frame);
            self.acks.set_within(self.machine.ack_within_ms());
            for action in actions {
                if let Err(end) = self.perform(action, &mut socket).await {
                    return Some(end);
                }
            }
        }
    }

    async fn perform(&mut self, action: Action, socket: &mut Socket) -> Result<(), End> {
        let seq = self.machine.place().map_or(Seq::ZERO, |place| place.seq);
        match action {
            Action::Ready(terms) => {
                let seconds = terms.heartbeat_sec.max(1);
                self.heartbeat = Duration::from_secs(seconds.into());
                self.shared.set_heartbeat(seconds);
                self.store.environment = Some(terms.environment);
            }
            Action::Replace(documents) => {
                let replaced = self.store.replace(&self.shared, documents, seq, Source::Server);
                self.amended(replaced)?;
            }
            Action::Amend(put, delete) => {
                let amended = self.store.amend(&self.shared, put, &delete, seq);
                self.amended(amended)?;
            }
            Action::ReplaceValues(values) => {
                self.replace_values(values);
                self.amended(Ok(()))?;
            }
            Action::AmendValues(put, delete) => {
                let amended = self.store.amend_values(&self.shared, put, &delete);
                self.amended(amended)?;
            }
            Action::Current => {
                if self.owed == Owed::First {
                    self.owed = Owed::Nothing;
                }
                self.confirm(self.machine.standing());
            }
            Action::Ack(seq) => {
                if let Some(ack) = self.acks.applied(seq, Instant::now().into_std(), draw()) {
                    send(socket, &ClientFrame::Ack(ack)).await?;
                }
            }
            Action::Pong => send(socket, &ClientFrame::Pong).await?,
            Action::Resync(why) => return Err(End::Broken(why.to_owned())),
            Action::Move(to) => {
                if let Some(millis) = self.away.follow(to, &self.shared.config.url, Instant::now()) {
                    return Err(End::Moved(millis));
                }
            }
            Action::Renew(renew) => self.shared.renewals.tell(&RenewalNeeded {
                expires_in: Some(Duration::from_millis(renew.expires_in_ms)),
                message: "the signed context is about to expire".to_owned(),
            }),
            Action::ReconnectAfter(millis) => return Err(End::Later(millis)),
            Action::Refused(error) => return Err(self.told_off(error)),
        }
        Ok(())
    }

    /// What an error from the server means.
    fn told_off(&self, error: ServerError) -> End {
        let ServerError { code, message, retry, retry_after_ms } = error;
        if code == ErrorCode::SignedContext {
            return End::Unsigned(message);
        }
        let refused =
            matches!(code, ErrorCode::Unauthorized | ErrorCode::Forbidden | ErrorCode::UnsupportedSchema);
        if refused || !retry {
            return End::Refused(format!("the server refuses this client: {message}"));
        }
        if matches!(code, ErrorCode::InvalidContext | ErrorCode::BadFrame | ErrorCode::Other) {
            self.shared.report(format!("the server does not take what this client says: {message}"));
        }
        retry_after_ms.map_or(End::Hindered(Obstacle::Unwell, message), End::Later)
    }

    fn hello(&self) -> Hello {
        let config = &self.shared.config;
        let venues = config.venue.iter().filter_map(|venue| venue.parse().ok()).collect();
        Hello {
            sdk: concat!("usher-rust/", env!("CARGO_PKG_VERSION")).to_owned(),
            version: config.app_version.clone(),
            instance: Some(config.instance.clone()),
            mode: config.mode,
            context: (config.mode == Mode::Values).then(|| self.told.context.clone()),
            scope: Some(Scope { venues }),
            resume: self.machine.place(),
            schemas: SPOKEN.to_vec(),
            edge: None,
            pool: self.away.pool(),
        }
    }
}

/// Whether a frame is of what a client of this mode asks for.
fn suits(frame: &ServerFrame, mode: Mode) -> bool {
    match frame {
        ServerFrame::Snapshot(_) | ServerFrame::Delta(_) => mode == Mode::Ruleset,
        ServerFrame::Values(_) => mode == Mode::Values,
        _ => true,
    }
}
