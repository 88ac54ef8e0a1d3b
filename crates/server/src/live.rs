//! `/live`: what browsers are told as it happens — commits, convergence, connections, releases.

use std::{sync::Arc, time::Duration};

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use serde_json::json;
use tokio::sync::broadcast::{self, error::RecvError};

use crate::{
    api::commits::CommitSummary,
    app::App,
    auth,
    problem::Problem,
    socket::{Frame, Message, Socket, accept},
};

/// Longest message of a browser, in bytes. It has nothing to say.
const MAX_MESSAGE_BYTES: usize = 4 * 1024;
/// How long it may take to say farewell.
const FAREWELL: Duration = Duration::from_secs(1);

/// Convergence is told at most this often while it moves.
const CONVERGENCE_EVERY: Duration = Duration::from_millis(100);
/// Connections are told at most once in so many of those.
const CONNECTIONS_EVERY: u32 = 10;
/// Messages that a slow browser may lag behind before it loses some.
const WAITING_MESSAGES: usize = 256;

/// Tells all browsers the same.
pub struct Live(broadcast::Sender<Frame>);

impl Default for Live {
    fn default() -> Self {
        Self(broadcast::channel(WAITING_MESSAGES).0)
    }
}

impl Live {
    /// Whether anybody listens.
    fn is_heard(&self) -> bool {
        self.0.receiver_count() > 0
    }

    pub(crate) fn tell(&self, message: &impl Serialize) {
        if self.is_heard()
            && let Ok(text) = serde_json::to_string(message)
        {
            drop(self.0.send(Frame::text(text)));
        }
    }
}

/// Watches the world and tells of it, until the server stops.
pub async fn narrate(app: Arc<App>) {
    let mut commits = app.world.commits();
    let mut tick = tokio::time::interval(CONVERGENCE_EVERY);
    let mut ticks = 0_u32;
    loop {
        tokio::select! {
            commit = commits.recv() => match commit {
                Ok(commit) => {
                    let summary = CommitSummary::new(&commit, &app.world.snapshot());
                    app.live.tell(&json!({"type": "commit", "commit": summary}));
                }
                // Browsers that hear of a later commit fetch what they lack.
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
            _ = tick.tick() => {
                ticks = ticks.wrapping_add(1);
                // To sum up is dear, while clients acknowledge.
                if !app.live.is_heard() {
                    continue;
                }
                if app.convergence.take_changed() && let Some(mut report) = app.convergence.report(None) {
                    report.laggards.clear();
                    app.live.tell(&json!({"type": "convergence", "convergence": report}));
                }
                if ticks.is_multiple_of(CONNECTIONS_EVERY) && app.connections.take_changed() {
                    let summary = app.connections.summary(None);
                    app.live.tell(&json!({"type": "connections", "total": summary.total, "byVenue": summary.by_venue, "apps": summary.by_sdk}));
                }
            }
        }
    }
}

/// `GET /live`, a WebSocket.
pub async fn live(request: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, actix_web::Error> {
    app.rates.api(&request)?;
    let known = admit(&request, &app).await;
    let known = known.inspect_err(|problem| auth::refusals::note(&request, &app.rates, problem))?;
    let asked = request.clone();
    accept(&request, None, MAX_MESSAGE_BYTES, move |socket| {
        actix_web::rt::spawn(serve(asked, known, app, socket));
    })
}

async fn admit(request: &HttpRequest, app: &App) -> Result<auth::Known, Problem> {
    let known = auth::identify(request, app).await?;
    known.check_factor()?;
    // A WebSocket carries the cookie wherever it is opened from, also as a GET.
    if request.headers().contains_key("Origin") {
        auth::origin::check_same_origin(request)?;
    }
    Ok(known)
}

async fn serve(request: HttpRequest, known: auth::Known, app: web::Data<App>, mut socket: Socket) {
    // Silence for longer than two of these is a dead link, and so is a browser that takes nothing for as long.
    let ping_every = Duration::from_secs(app.settings.heartbeat_seconds.max(1).into());
    let patience = ping_every * 2;
    let mut news = app.live.0.subscribe();
    let mut draining = app.draining.subscribe();
    let hello = || {
        let (seq, connections) = (app.world.snapshot().seq(), app.connections.len());
        Frame::text(json!({"type": "hello", "seq": seq, "connections": connections}).to_string())
    };
    if socket.send(hello(), patience).await.is_err() {
        return;
    }
    let mut ping = tokio::time::interval(ping_every);
    let mut heard = tokio::time::Instant::now();
    loop {
        let sent = tokio::select! {
            message = news.recv() => match told(message, hello) {
                Some(message) => socket.send(message, patience).await,
                None => break,
            },
            _ = ping.tick() => {
                // An account that was removed, a session that has ended, a token that was revoked: no more news.
                if heard.elapsed() > patience || !known.is_still(&request, &app).await {
                    break;
                }
                // Two pings: the protocol's own, which a browser answers by itself, and one its page can see.
                match socket.send(Frame::ping(), patience).await {
                    Ok(()) => socket.send(Frame::text(r#"{"type":"ping"}"#), patience).await,
                    unsent => unsent,
                }
            }
            read = socket.read() => {
                heard = tokio::time::Instant::now();
                if !read.unwrap_or(false) || !listen(&mut socket, patience).await {
                    break;
                }
                continue;
            }
            _ = draining.wait_for(|draining| *draining) => break,
        };
        if sent.is_err() {
            return;
        }
    }
    drop(socket.close(FAREWELL).await);
}

/// What a browser is told next; nothing any more, when nobody tells. One that was too slow has lost messages, maybe the
/// last commit, which no later one would tell it of: it is greeted anew, and fetches what it lacks.
fn told(news: Result<Frame, RecvError>, hello: impl FnOnce() -> Frame) -> Option<Frame> {
    match news {
        Ok(message) => Some(message),
        Err(RecvError::Lagged(_)) => Some(hello()),
        Err(RecvError::Closed) => None,
    }
}

/// Takes what was read. False when the browser is gone, or makes no sense.
async fn listen(socket: &mut Socket, patience: Duration) -> bool {
    loop {
        match socket.message() {
            Ok(None) => return true,
            Ok(Some(Message::Close)) | Err(_) => return false,
            Ok(Some(Message::Ping(bytes))) => {
                if socket.pong(bytes, patience).await.is_err() {
                    return false;
                }
            }
            Ok(Some(_)) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_browser_that_has_lost_the_last_commit_is_greeted_anew() {
        let live = Live::default();
        let mut news = live.0.subscribe();
        live.tell(&json!({"type": "commit"}));
        for _ in 0..WAITING_MESSAGES {
            live.tell(&json!({"type": "connections"}));
        }
        let hello = || Frame::text("hello");
        let mut heard = Vec::new();
        while !news.is_empty() {
            heard.push(told(news.recv().await, hello).expect("somebody tells"));
        }
        let later = Frame::text(json!({"type": "connections"}).to_string());
        assert_eq!((&heard[0], &heard[1]), (&hello(), &later));
        assert_eq!(heard.len(), WAITING_MESSAGES + 1);
        drop(live);
        assert!(told(news.recv().await, hello).is_none());
    }
}
