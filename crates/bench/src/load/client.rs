//! One client: connects, says hello, applies, acknowledges, and comes back.

use std::{net::SocketAddr, rc::Rc, sync::Arc, time::Duration};

use anyhow::Result;
use serde::Deserialize;
use serde_json::json;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::yield_now,
    time::{Instant, sleep, timeout_at},
};

use usher_core::{
    model::Seq,
    protocol::{Ack, Acks},
};

use super::{
    fleet::Board,
    random::Random,
    wire::{Links, Wire},
};

/// What a client that crawls reads in each [`CRAWL_EVERY`], in bytes.
const CRAWL_BYTES: usize = 64;
const CRAWL_EVERY: Duration = Duration::from_secs(1);
/// The first pause of an SDK's backoff, and its longest.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Longest time for which a server can send a client away.
const LONGEST_AWAY: Duration = Duration::from_secs(60);
/// What is read at a time by whoever reads as it comes.
const ALL: usize = usize::MAX;

/// How a client behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Habit {
    /// Reads what comes.
    Steady,
    /// Reads a few bytes a second.
    Crawls,
    /// Stops reading for 3 to 8 seconds, again and again.
    Stalls,
    /// Leaves after 2 to 5 seconds, and comes back at once.
    Flaps,
}

/// Who a client is.
pub(super) struct Client {
    pub(super) number: usize,
    pub(super) server: SocketAddr,
    pub(super) key: String,
    /// Its place and its person in values mode; none for one that holds documents.
    pub(super) person: Option<&'static str>,
    pub(super) venue: String,
    pub(super) habit: Habit,
    pub(super) random: Random,
    pub(super) board: Rc<Board>,
    /// Places for those who connect for the first time.
    pub(super) doors: Arc<Semaphore>,
}

/// Why a stream ended.
enum End {
    Broken,
    Left,
    Later(Duration),
}

/// What of a frame matters here. Everything else is read too, as JSON, and dropped.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Frame<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    epoch: Option<&'a str>,
    seq: Option<u64>,
    from: Option<u64>,
    part: Option<u32>,
    parts: Option<u32>,
    intent: Option<&'a str>,
    code: Option<&'a str>,
    ack_within_ms: Option<u32>,
    retry_after_ms: Option<u64>,
    reconnect_after_ms: Option<u64>,
}

/// What a client has.
#[derive(Default)]
struct Held {
    epoch: String,
    seq: u64,
    failures: u32,
    acks: Acks,
}

impl Client {
    /// Runs until it is aborted.
    pub(super) async fn run(mut self) {
        let mut held = Held::default();
        let mut pause = Duration::ZERO;
        loop {
            sleep(pause).await;
            let mut end = End::Broken;
            let door = if held.seq == 0 { Arc::clone(&self.doors).acquire_owned().await.ok() } else { None };
            self.board.attempt(self.number);
            let links = if self.habit == Habit::Crawls { Links::Narrow } else { Links::Usual };
            match Wire::open(self.server, "/sdk/v1/stream", &self.key, links).await {
                Ok(wire) => {
                    // Who crawls would stand in a door for minutes.
                    let door = door.filter(|_| self.habit != Habit::Crawls);
                    end = self.stream(wire, &mut held, door).await;
                }
                Err(error) => self.board.note(&error),
            }
            self.board.left(self.number);
            pause = match end {
                End::Left => Duration::ZERO,
                End::Later(after) => after.min(LONGEST_AWAY),
                End::Broken => {
                    let longest = FIRST_PAUSE.saturating_mul(1 << held.failures.min(16)).min(LONGEST_PAUSE);
                    held.failures += 1;
                    longest.mul_f64(self.random.draw())
                }
            };
        }
    }

    async fn stream(
        &mut self,
        mut wire: Wire,
        held: &mut Held,
        mut door: Option<OwnedSemaphorePermit>,
    ) -> End {
        if wire.say(&self.hello(held)).is_err() {
            return End::Broken;
        }
        held.acks.connected();
        let mut next = Instant::now() + self.span();
        loop {
            let limit = match self.habit {
                Habit::Steady => ALL,
                Habit::Crawls => {
                    sleep(CRAWL_EVERY).await;
                    CRAWL_BYTES
                }
                Habit::Stalls if Instant::now() > next => {
                    sleep(self.span().mul_f64(1.5)).await;
                    next = Instant::now() + self.span();
                    ALL
                }
                Habit::Stalls => ALL,
                Habit::Flaps => match timeout_at(next, wire.readable()).await {
                    Ok(_) => ALL,
                    Err(_) => return End::Left,
                },
            };
            let readable = match held.acks.due() {
                Some(due) => timeout_at(due.into(), wire.readable()).await,
                None => Ok(wire.readable().await),
            };
            let Ok(readable) = readable else {
                if held.acks.take(Instant::now().into()).is_some_and(|ack| wire.say(&said(ack)).is_err()) {
                    return End::Broken;
                }
                continue;
            };
            if readable.is_err() {
                return End::Broken;
            }
            let (mut end, mut replies) = (None, Vec::new());
            let open = wire.read(limit, |text| match self.take(text, held, &mut replies) {
                Ok(()) => {}
                Err(why) => end = end.take().or(Some(why)),
            });
            if !replies.is_empty() {
                // Devices have processors of their own: that one answers does not keep the next from reading.
                yield_now().await;
            }
            if replies.iter().any(|reply| wire.say(reply).is_err()) {
                return End::Broken;
            }
            if self.board.is_live(self.number) {
                drop(door.take());
                held.failures = 0;
            }
            match (end, open) {
                (Some(end), _) => return end,
                (None, Ok(true)) => {}
                (None, _) => return End::Broken,
            }
        }
    }

    /// Between 2 and 5 seconds.
    fn span(&mut self) -> Duration {
        Duration::from_secs_f64(3.0_f64.mul_add(self.random.draw(), 2.0))
    }

    fn hello(&self, held: &Held) -> String {
        let mut hello = json!({
            "type": "hello", "sdk": "usher-load/1.0", "version": "3.2.0", "instance": format!("load-{}", self.number),
            "mode": "ruleset", "scope": {"venues": [self.venue]}, "schemas": [2, 1],
        });
        if let Some(tier) = self.person {
            hello["mode"] = "values".into();
            hello["context"] = json!({"targetingKey": format!("attendee-{}", self.number), "venue": self.venue,
                                      "tier": tier, "appVersion": "3.2.0"});
        }
        if held.seq > 0 {
            hello["resume"] = json!({"epoch": held.epoch, "seq": held.seq});
        }
        hello.to_string()
    }

    /// Takes a frame as an SDK does, and notes what has come.
    fn take(&mut self, text: &[u8], held: &mut Held, replies: &mut Vec<String>) -> Result<(), End> {
        let now = Instant::now();
        let Ok(frame) = serde_json::from_slice::<Frame<'_>>(text) else {
            self.board.gap();
            return Err(End::Broken);
        };
        let seq = frame.seq.unwrap_or_default();
        match frame.kind {
            "ready" => {
                frame.epoch.unwrap_or_default().clone_into(&mut held.epoch);
                held.acks.set_within(frame.ack_within_ms.unwrap_or_default());
                if frame.intent == Some("current") {
                    self.board.live(self.number, seq);
                }
                return Ok(());
            }
            "ping" => {
                replies.push(r#"{"type":"pong"}"#.to_owned());
                held.acks.set_within(frame.ack_within_ms.unwrap_or_default());
                if self.board.is_live(self.number) && held.seq < seq {
                    // The server believes that it has sent more.
                    self.board.gap();
                    return Err(End::Broken);
                }
                return Ok(());
            }
            "snapshot" if frame.part != frame.parts => return Ok(()),
            "snapshot" | "values" => {}
            "delta" => {
                if frame.from != Some(held.seq) {
                    self.board.gap();
                    return Err(End::Broken);
                }
            }
            "drain" => return Err(End::Later(Duration::from_millis(frame.reconnect_after_ms.unwrap_or(0)))),
            "error" if frame.code == Some("busy") => {
                self.board.busy();
                return Err(End::Later(Duration::from_millis(frame.retry_after_ms.unwrap_or(1_000))));
            }
            _ => {
                self.board.turned_away(frame.code.unwrap_or(frame.kind));
                return Err(frame
                    .retry_after_ms
                    .map_or(End::Broken, |ms| End::Later(Duration::from_millis(ms))));
            }
        }
        held.seq = seq;
        self.board.live(self.number, seq);
        if self.habit == Habit::Steady {
            self.board.arrived(seq, now);
            self.board.keep(self.person.is_some(), text);
        }
        let draw = self.random.draw();
        replies.extend(held.acks.applied(Seq(seq), now.into(), draw).map(said));
        Ok(())
    }
}

fn said(ack: Ack) -> String {
    format!(r#"{{"type":"ack","seq":{},"heldMs":{}}}"#, ack.seq, ack.held_ms)
}

/// A client of a bare broadcast: it reads whole texts, and notes when the nth of them came.
pub(super) async fn listen(
    server: SocketAddr,
    path: &str,
    number: usize,
    board: Rc<Board>,
    doors: Arc<Semaphore>,
) {
    let door = doors.acquire_owned().await;
    let mut wire = match Wire::open(server, path, "none", Links::Usual).await {
        Ok(wire) => wire,
        Err(error) => return board.note(&error),
    };
    drop(door);
    board.live(number, 1);
    let mut nth = 0;
    let mut open = true;
    while open && wire.readable().await.is_ok() {
        let take = |text: &[u8]| {
            let now = Instant::now();
            // What a client of Usher does with the same bytes.
            drop(serde_json::from_slice::<Frame<'_>>(text));
            nth += 1;
            board.arrived(nth, now);
        };
        open = wire.read(ALL, take).unwrap_or(false);
    }
    board.left(number);
}
