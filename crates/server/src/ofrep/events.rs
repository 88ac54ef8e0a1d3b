//! `GET /ofrep/v1/events`: the stream (SSE) that tells who listens when to ask again.
//!
//! An event carries no values, only the position (epoch and commit) of what changed, as its `id` and as the tag of
//! the configuration. A stream has no queue: it remembers the position that it told last, and while its reader does
//! not take what it was sent, it is not asked for more, so what changes meanwhile becomes one event. Whoever comes
//! back with a `Last-Event-ID` is told once of what it missed, if anything; whoever comes for the first time is told
//! once if something has changed since its address may have been made.

use std::{convert::Infallible, fmt, str::FromStr, sync::Arc, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
    web,
};
use bytes::Bytes;
use futures_util::stream;
use serde::Serialize;
use tokio::{
    sync::watch,
    time::{Instant, Interval, MissedTickBehavior, interval, sleep_until},
};
use usher_core::{
    ErrorCode,
    model::{Credential, Epoch, Seq, Timestamp},
};

use super::{
    asker::{Asker, limited, seen_on, view},
    evaluate::parameter,
    listeners::Present,
    refusal::Refusal,
    token,
};
use crate::{
    clock,
    surface::Surface,
    world::{Place, StreamState},
};

/// Changes that follow each other faster than this are told in one event: who is told asks for everything anyway.
const BETWEEN_EVENTS: Duration = Duration::from_millis(200);
/// Seconds after which a hidden page or a phone in a pocket may close its stream: the protocol's own default.
const INACTIVITY_SECONDS: u32 = 120;
/// How far the clocks of servers may be apart: a change that is this much older than an address counts as newer.
const SKEW_MILLIS: i64 = 10_000;
/// When a client comes again after its stream broke, in milliseconds; spread, so that they don't all come at once.
const COME_AGAIN_MILLIS: u64 = 1_000;
const SPREAD_MILLIS: u64 = 4_000;
/// When a client that found no place may come again, in seconds.
const NO_PLACE_SECONDS: u32 = 30;

/// Which configuration a credential sees: the journal, and the last commit that touched what it may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) epoch: Epoch,
    pub(crate) seq: Seq,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, self.seq)
    }
}

impl FromStr for Position {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (epoch, seq) = text.split_once('-').ok_or(())?;
        Ok(Self { epoch: epoch.parse().map_err(drop)?, seq: Seq(seq.parse().map_err(drop)?) })
    }
}

/// A stream as a bulk answer offers it. Without an origin: clients resolve it against the address that they know.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EventStream {
    #[serde(rename = "type")]
    kind: &'static str,
    endpoint: Endpoint,
    inactivity_delay_sec: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Endpoint {
    request_uri: String,
}

impl EventStream {
    /// The stream of this caller; none where there are none.
    pub(super) fn of(asker: &Asker, app: &Surface, now: Timestamp) -> Result<Option<Self>, Refusal> {
        if !app.ofrep.listeners.any_allowed() {
            return Ok(None);
        }
        let token = app.ofrep.tokens.issue(&asker.credential, now)?;
        let endpoint = Endpoint { request_uri: format!("/ofrep/v1/events?token={token}") };
        Ok(Some(Self { kind: "sse", endpoint, inactivity_delay_sec: INACTIVITY_SECONDS }))
    }
}

/// `GET /ofrep/v1/events?token=…`.
pub(super) async fn events(request: HttpRequest, app: web::Data<Surface>) -> Result<HttpResponse, Refusal> {
    let token = parameter(request.query_string(), "token").unwrap_or_default();
    let app = app.into_inner();
    app.rates.client(&request)?;
    let opened = app.ofrep.tokens.read(&token, |key| app.source.named(key), clock::now())?;
    limited(&app, &opened.credential)?;
    let no_place = |details: &str| {
        app.metrics.event_streams_refused.inc();
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::General, details)
            .retry_after(NO_PLACE_SECONDS)
    };
    if app.is_leaving() {
        return Err(no_place("This server is about to stop."));
    }
    let view = view(&opened.credential)?;
    let state = app.source.hub(view.environment())?.streams().subscribe(view);
    let present = Present::new(&app, &opened.credential)
        .ok_or_else(|| no_place("No more streams can be opened here: poll, and try again later."))?;
    let last = request.headers().get("Last-Event-ID").and_then(|value| value.to_str().ok());
    let reader = match last {
        Some(last) => Reader::Returned(last.parse().ok()),
        None => Reader::New { asked: opened.asked },
    };
    let stream = Stream::new(present, opened.credential, state, &reader);
    // The key can have been revoked before there was a stream to be closed.
    if !stream.is_allowed() {
        return Err(token::refused());
    }
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")))
        .insert_header((header::CACHE_CONTROL, HeaderValue::from_static("no-store")))
        // Proxies pass on what they get when they get it.
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(stream::unfold(stream, Stream::next)))
}

/// Who opens a stream.
enum Reader {
    /// For the first time, with an address that was made no earlier than this.
    New { asked: Timestamp },
    /// Again; with what it was told last, if that can be read.
    Returned(Option<Position>),
}

impl Reader {
    /// Whether it may lack what happened at `place`.
    fn may_lack(&self, place: Place, epoch: Epoch) -> bool {
        match self {
            Self::New { asked } => place.at.since(*asked) >= -SKEW_MILLIS,
            Self::Returned(last) => *last != Some(Position { epoch, seq: place.seq }),
        }
    }
}

/// What a stream waits for.
enum Wake {
    /// Something has changed in its view.
    Change,
    /// It is time for a sign of life.
    Ping,
    /// The server is about to stop.
    Drain,
    /// Its credential is gone.
    End,
}

/// One open stream.
struct Stream {
    present: Present,
    credential: Arc<Credential>,
    state: watch::Receiver<Arc<StreamState>>,
    draining: watch::Receiver<bool>,
    ping: Interval,
    /// What it says first.
    opening: Option<Bytes>,
    /// The last commit that it told of, or knew of when it began.
    told: Seq,
    /// It keeps quiet until then.
    quiet_until: Instant,
    ended: bool,
}

impl Stream {
    fn new(
        present: Present,
        credential: Arc<Credential>,
        mut state: watch::Receiver<Arc<StreamState>>,
        reader: &Reader,
    ) -> Self {
        let heartbeat = Duration::from_secs(present.app.settings.heartbeat_seconds.max(1).into());
        let mut ping = interval(heartbeat);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ping.reset();
        let draining = present.app.draining.subscribe();
        let now = Arc::clone(&state.borrow_and_update());
        let place = seen_on(&credential, &now);
        let epoch = now.snapshot.epoch;
        // An id without data tells nobody anything, and is where a client begins that loses this stream.
        let first = if reader.may_lack(place, epoch) {
            present.app.metrics.events.inc();
            event(epoch, place)
        } else {
            format!("id: {}\n\n", Position { epoch, seq: place.seq })
        };
        let opening = format!("retry: {}\n{first}", come_again(present.id)).into();
        let quiet_until = Instant::now();
        Self {
            present,
            credential,
            state,
            draining,
            ping,
            opening: Some(opening),
            told: place.seq,
            quiet_until,
            ended: false,
        }
    }

    /// What comes next; it is asked for only once all before has been taken.
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        if let Some(opening) = self.opening.take() {
            return Some((Ok(opening), self));
        }
        if self.ended {
            return None;
        }
        loop {
            let said = match self.wake().await {
                Wake::Change => match self.change().await {
                    Some(event) => event,
                    None => continue,
                },
                Wake::Ping if self.is_allowed() => Bytes::from_static(b":\n\n"),
                Wake::Drain => {
                    self.ended = true;
                    format!("retry: {}\n\n", come_again(self.present.id)).into()
                }
                Wake::Ping | Wake::End => return None,
            };
            return Some((Ok(said), self));
        }
    }

    async fn wake(&mut self) -> Wake {
        tokio::select! {
            changed = self.state.changed() => if changed.is_ok() { Wake::Change } else { Wake::End },
            _ = self.ping.tick() => Wake::Ping,
            () = self.present.closing.notified() => Wake::End,
            _ = self.draining.wait_for(|draining| *draining) => Wake::Drain,
        }
    }

    /// The event of what is new, if this credential may notice it.
    async fn change(&mut self) -> Option<Bytes> {
        if seen_on(&self.credential, &self.state.borrow()).seq <= self.told {
            return None;
        }
        sleep_until(self.quiet_until).await;
        let state = Arc::clone(&self.state.borrow_and_update());
        let place = seen_on(&self.credential, &state);
        self.told = place.seq;
        self.quiet_until = Instant::now() + BETWEEN_EVENTS;
        self.present.app.metrics.events.inc();
        Some(event(state.snapshot.epoch, place).into())
    }

    /// Whether the credential still opens anything.
    fn is_allowed(&self) -> bool {
        let source = &self.present.app.source;
        let environment = self.credential.environment.as_deref().unwrap_or_default();
        let there = || source.hub(environment).is_ok_and(|hub| hub.snapshot().ruleset(environment).is_some());
        source.known(&self.credential.hash).is_some() && there()
    }
}

/// In OFREP's form; the last line ends it.
fn event(epoch: Epoch, place: Place) -> String {
    let position = Position { epoch, seq: place.seq };
    let seconds = place.at.millis().max(0) / 1000;
    format!(
        "id: {position}\nevent: message\ndata: {{\"type\":\"refetchEvaluation\",\"etag\":\"\\\"{position}\\\"\",\"lastModified\":{seconds}}}\n\n"
    )
}

/// In milliseconds; different from stream to stream.
fn come_again(id: u64) -> u64 {
    COME_AGAIN_MILLIS + id.wrapping_mul(7_919) % SPREAD_MILLIS
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPOCH: &str = "00000000000000000000000000000001";

    fn place(seq: u64, at: i64) -> Place {
        Place { seq: Seq(seq), at: Timestamp::from_millis(at) }
    }

    #[test]
    fn an_event_has_the_published_form() {
        let text = event(EPOCH.parse().unwrap(), place(7, 1_771_622_898_123));
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some(&*format!("id: {EPOCH}-7")));
        assert_eq!(lines.next(), Some("event: message"));
        let data: serde_json::Value =
            serde_json::from_str(lines.next().unwrap().strip_prefix("data: ").unwrap()).unwrap();
        let expected = serde_json::json!({"type": "refetchEvaluation", "etag": format!("\"{EPOCH}-7\""), "lastModified": 1_771_622_898});
        assert_eq!(data, expected);
        assert_eq!((lines.next(), lines.next()), (Some(""), None));
    }

    #[test]
    fn who_returns_lacks_whatever_is_not_what_it_was_told_last() {
        let epoch: Epoch = EPOCH.parse().unwrap();
        let returned = |text: &str| Reader::Returned(text.parse().ok()).may_lack(place(7, 0), epoch);
        assert!(!returned(&format!("{EPOCH}-7")));
        for last in [
            &format!("{EPOCH}-6"),
            // Of a journal that was restored from a backup since.
            &format!("{EPOCH}-8"),
            "00000000000000000000000000000002-7",
            "7",
            "",
            "x-7",
            &format!("{EPOCH}-"),
            &format!("{EPOCH}-7-7"),
        ] {
            assert!(returned(last), "{last}");
        }
    }

    #[test]
    fn who_is_new_lacks_what_its_address_may_be_older_than() {
        let epoch: Epoch = EPOCH.parse().unwrap();
        let new = Reader::New { asked: Timestamp::from_millis(100_000) };
        assert!(new.may_lack(place(7, 100_000), epoch));
        assert!(new.may_lack(place(7, 150_000), epoch));
        assert!(new.may_lack(place(7, 90_000), epoch), "clocks may differ");
        assert!(!new.may_lack(place(7, 89_999), epoch));
    }

    #[test]
    fn clients_are_spread_when_they_come_again() {
        let times: std::collections::BTreeSet<u64> = (0..1_000).map(come_again).collect();
        assert!(times.len() > 900 && times.iter().all(|time| (1_000..5_000).contains(time)));
    }
}
