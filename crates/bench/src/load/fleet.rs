//! Many clients, and what they have seen.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use anyhow::{Result, ensure};
use tokio::{
    sync::Semaphore,
    task::{JoinHandle, spawn_local},
    time::{Instant, sleep},
};

use super::{
    Habit, Node, Workspace,
    client::{Client, listen},
    random::Random,
};

/// Clients that connect at once when a fleet starts. Those that come back wait for nobody.
const DOORS: usize = 64;
/// How often it is looked whether everybody has something.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// Tiers of people in the demo's flags.
const TIERS: [&str; 4] = ["basic", "season", "basic", "founder"];

/// Who is in a fleet.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// All of them.
    pub clients: usize,
    /// Of a hundred, how many get values; the others hold documents.
    pub values_percent: usize,
    /// Of a hundred, how many read slowly or stop reading.
    pub slow_percent: usize,
    /// Of a hundred, how many leave and come back.
    pub flapping_percent: usize,
    /// What chance begins with.
    pub seed: u64,
}

impl Plan {
    /// The habit of one of them: spread evenly, and independent of its mode and venue.
    fn habit(&self, number: usize) -> Habit {
        let place = number * 37 % 100;
        if place < self.slow_percent {
            if (number / 100).is_multiple_of(2) { Habit::Stalls } else { Habit::Crawls }
        } else if place < self.slow_percent + self.flapping_percent {
            Habit::Flaps
        } else {
            Habit::Steady
        }
    }

    fn has_values(&self, number: usize) -> bool {
        (number * 61 + number / 100 * 13) % 100 < self.values_percent
    }
}

#[derive(Default)]
struct Seat {
    live: Cell<bool>,
    applied: Cell<u64>,
    /// Since it was last live.
    attempts: Cell<u32>,
    most_attempts: Cell<u32>,
    /// When it came back after [`Fleet::lose`].
    back: Cell<Option<Instant>>,
    steady: Cell<bool>,
}

/// What the clients of a fleet have seen.
#[derive(Default)]
pub(super) struct Board {
    seats: Vec<Seat>,
    /// When steady clients got a commit.
    arrivals: RefCell<HashMap<u64, Vec<Instant>>>,
    busy: Cell<u64>,
    gaps: Cell<u64>,
    /// Errors that ended streams, by code.
    turned_away: RefCell<BTreeMap<String, u64>>,
    /// Connections that were not opened, by reason.
    unopened: RefCell<BTreeMap<String, u64>>,
    /// The last frame of those who hold documents, and of those who get values.
    texts: RefCell<[String; 2]>,
}

impl Board {
    fn new(plan: &Plan) -> Self {
        let seats: Vec<Seat> = (0..plan.clients).map(|_| Seat::default()).collect();
        for (number, seat) in seats.iter().enumerate() {
            seat.steady.set(plan.habit(number) == Habit::Steady);
        }
        Self { seats, ..Self::default() }
    }

    pub(super) fn attempt(&self, number: usize) {
        let seat = &self.seats[number];
        seat.attempts.set(seat.attempts.get() + 1);
        seat.most_attempts.set(seat.most_attempts.get().max(seat.attempts.get()));
    }

    pub(super) fn live(&self, number: usize, seq: u64) {
        let seat = &self.seats[number];
        seat.applied.set(seq);
        if !seat.live.replace(true) {
            seat.attempts.set(0);
            seat.back.set(seat.back.get().or(Some(Instant::now())));
        }
    }

    pub(super) fn left(&self, number: usize) {
        self.seats[number].live.set(false);
    }

    pub(super) fn is_live(&self, number: usize) -> bool {
        self.seats[number].live.get()
    }

    pub(super) fn arrived(&self, seq: u64, at: Instant) {
        self.arrivals.borrow_mut().entry(seq).or_default().push(at);
    }

    pub(super) fn keep(&self, values: bool, text: &[u8]) {
        let kept = &mut self.texts.borrow_mut()[usize::from(values)];
        if kept.as_bytes() != text {
            *kept = String::from_utf8_lossy(text).into_owned();
        }
    }

    pub(super) fn busy(&self) {
        self.busy.set(self.busy.get() + 1);
    }

    pub(super) fn gap(&self) {
        self.gaps.set(self.gaps.get() + 1);
    }

    pub(super) fn turned_away(&self, code: &str) {
        *self.turned_away.borrow_mut().entry(code.to_owned()).or_default() += 1;
    }

    pub(super) fn note(&self, error: &anyhow::Error) {
        let text: String = format!("{error:#}").chars().take(80).collect();
        *self.unopened.borrow_mut().entry(text).or_default() += 1;
    }
}

/// How a fleet came back after it had lost its server.
#[derive(Clone, Debug)]
pub struct Away {
    /// How long each steady client was away, sorted.
    pub times: Vec<Duration>,
    /// How often clients were told to come later.
    pub busy: u64,
    /// How often the most unlucky steady client tried before it was live again.
    pub most_attempts: u32,
    /// Frames that did not go on from where a client was.
    pub gaps: u64,
    /// Errors that ended streams, by code, and connections that were not opened, by reason.
    pub ended: BTreeMap<String, u64>,
}

/// Clients that run until this is dropped. Lives within a `LocalSet`.
pub struct Fleet {
    board: Rc<Board>,
    tasks: Vec<JoinHandle<()>>,
    lost: Cell<Instant>,
}

impl Fleet {
    /// Clients of a server.
    #[must_use]
    pub fn connect(node: &Node, workspace: &Workspace, plan: &Plan) -> Self {
        let [server_key, client_key] = node.keys();
        let doors = Arc::new(Semaphore::new(DOORS));
        Self::new(plan, |number, board| {
            let values = plan.has_values(number);
            let client = Client {
                number,
                server: node.address(),
                key: if values { client_key } else { server_key }.clone(),
                person: values.then(|| TIERS[number % TIERS.len()]),
                venue: workspace.venue(number, plan.clients).to_owned(),
                habit: plan.habit(number),
                random: Random::new(plan.seed, number),
                board,
                doors: Arc::clone(&doors),
            };
            spawn_local(client.run())
        })
    }

    /// Listeners of a bare broadcast: at `/0` those that would hold documents, at `/1` those that would get values.
    #[must_use]
    pub fn listen(server: SocketAddr, plan: &Plan) -> Self {
        let doors = Arc::new(Semaphore::new(DOORS));
        Self::new(plan, |number, board| {
            let path = if plan.has_values(number) { "/1" } else { "/0" };
            spawn_local(listen(server, path, number, board, Arc::clone(&doors)))
        })
    }

    fn new(plan: &Plan, spawn: impl Fn(usize, Rc<Board>) -> JoinHandle<()>) -> Self {
        let board = Rc::new(Board::new(plan));
        let tasks = (0..plan.clients).map(|number| spawn(number, Rc::clone(&board))).collect();
        Self { board, tasks, lost: Cell::new(Instant::now()) }
    }

    /// How many are steady.
    #[must_use]
    pub fn steady(&self) -> usize {
        self.board.seats.iter().filter(|seat| seat.steady.get()).count()
    }

    /// How many are live now.
    #[must_use]
    pub fn live(&self) -> usize {
        self.board.seats.iter().filter(|seat| seat.live.get()).count()
    }

    /// Waits until all steady clients are live and have `seq`.
    ///
    /// # Errors
    /// Some are not, after `patience`.
    pub async fn all_have(&self, seq: u64, patience: Duration) -> Result<()> {
        let has = |seat: &&Seat| !seat.steady.get() || (seat.live.get() && seat.applied.get() >= seq);
        self.until("have it", patience, || self.board.seats.iter().filter(has).count()).await
    }

    /// Waits until all steady clients got a commit; how long that took each of them since `from`, sorted.
    ///
    /// # Errors
    /// Some did not, after `patience`.
    pub async fn all_got(&self, seq: u64, from: Instant, patience: Duration) -> Result<Vec<Duration>> {
        let others = self.board.seats.len() - self.steady();
        let got = || others + self.board.arrivals.borrow().get(&seq).map_or(0, Vec::len);
        self.until("got it", patience, got).await?;
        let arrivals = self.board.arrivals.borrow_mut().remove(&seq).unwrap_or_default();
        let mut times: Vec<Duration> =
            arrivals.into_iter().map(|at| at.saturating_duration_since(from)).collect();
        times.sort_unstable();
        Ok(times)
    }

    async fn until(&self, what: &str, patience: Duration, count: impl Fn() -> usize) -> Result<()> {
        let all = self.board.seats.len();
        let end = Instant::now() + patience;
        while count() < all {
            ensure!(Instant::now() < end, "{} of {all} {what}: {:?}", count(), self.away());
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// From now on it is counted how clients come back.
    pub fn lose(&self) {
        self.lost.set(Instant::now());
        for seat in &self.board.seats {
            seat.back.set(None);
            seat.attempts.set(0);
            seat.most_attempts.set(0);
        }
        self.board.busy.set(0);
        self.board.arrivals.borrow_mut().clear();
        self.board.turned_away.borrow_mut().clear();
        self.board.unopened.borrow_mut().clear();
    }

    /// How they came back since then.
    #[must_use]
    pub fn away(&self) -> Away {
        let steady = || self.board.seats.iter().filter(|seat| seat.steady.get());
        let since = |at: Instant| at.saturating_duration_since(self.lost.get());
        let mut times: Vec<Duration> = steady().filter_map(|seat| seat.back.get()).map(since).collect();
        times.sort_unstable();
        let mut ended = self.board.turned_away.borrow().clone();
        ended.extend(self.board.unopened.borrow().clone());
        Away {
            times,
            busy: self.board.busy.get(),
            most_attempts: steady().map(|seat| seat.most_attempts.get()).max().unwrap_or_default(),
            gaps: self.board.gaps.get(),
            ended,
        }
    }

    /// The last frames that came: to those who hold documents, and to those who get values.
    #[must_use]
    pub fn texts(&self) -> [String; 2] {
        self.board.texts.borrow().clone()
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}
