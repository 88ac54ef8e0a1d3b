//! The load driver: a process of its own that sends one request again and again over keep-alive connections, each
//! waiting for its answer before it sends the next, and times every answer.
//!
//! It reads what to send from its standard input and writes what it saw to its standard output. Answers are only
//! checked for their status line and their length, so that the driver costs less than what it drives.

use std::{
    cell::RefCell,
    io::{Read as _, Write as _},
    net::SocketAddr,
    process::{Command, Stdio},
    rc::Rc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::LocalSet,
};

/// How long it drives before it measures.
const WARM_UP: Duration = Duration::from_millis(200);

/// What an answer must look like.
#[derive(Serialize, Deserialize)]
pub struct Shape {
    /// Its first line.
    pub status: Vec<u8>,
    /// Its length with its head.
    pub bytes: usize,
}

/// What is to be driven.
#[derive(Serialize)]
pub struct Drive<'a> {
    /// Connections at once.
    pub connections: usize,
    /// How long it is measured.
    pub milliseconds: u64,
    /// What is sent.
    pub request: &'a [u8],
    /// What must come.
    pub answer: &'a Shape,
}

#[derive(Deserialize)]
struct Task {
    connections: usize,
    milliseconds: u64,
    request: Vec<u8>,
    answer: Shape,
}

/// What the driver saw.
#[derive(Serialize, Deserialize)]
pub struct Done {
    /// Answers in all, those of the warm-up too.
    pub requests: f64,
    /// Answers a second, while it was measured.
    pub per_second: f64,
    /// The median time to an answer, in microseconds.
    pub p50_micros: f64,
    /// What 99 % of answers took at most, in microseconds.
    pub p99_micros: f64,
}

impl Drive<'_> {
    /// Drives a server, from another process.
    pub fn spawn(&self, address: SocketAddr) -> Result<Done> {
        let mut driver = Command::new(std::env::current_exe()?)
            .args(["drive", &address.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        driver.stdin.take().context("the driver listens to nobody")?.write_all(&serde_json::to_vec(self)?)?;
        let output = driver.wait_with_output()?;
        ensure!(output.status.success(), "the driver failed");
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}

struct Seen {
    times: Histogram<u64>,
    requests: u64,
}

/// The driver's side: `usher-bench drive ADDRESS`.
pub fn run(address: SocketAddr) -> Result<()> {
    let mut task = Vec::new();
    std::io::stdin().read_to_end(&mut task)?;
    let task: Rc<Task> = Rc::new(serde_json::from_slice(&task)?);
    let seen = Rc::new(RefCell::new(Seen { times: Histogram::new(3)?, requests: 0 }));
    let measured = Duration::from_millis(task.milliseconds);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    LocalSet::new().block_on(&runtime, async {
        let from = Instant::now() + WARM_UP;
        let connections = (0..task.connections)
            .map(|_| {
                tokio::task::spawn_local(drive(address, Rc::clone(&task), Rc::clone(&seen), from, measured))
            })
            .collect::<Vec<_>>();
        for connection in connections {
            connection.await??;
        }
        anyhow::Ok(())
    })?;
    let seen = seen.borrow();
    let done = Done {
        requests: count(seen.requests),
        per_second: count(seen.times.len()) / measured.as_secs_f64(),
        p50_micros: count(seen.times.value_at_quantile(0.5)) / 1e3,
        p99_micros: count(seen.times.value_at_quantile(0.99)) / 1e3,
    };
    serde_json::to_writer(std::io::stdout(), &done)?;
    Ok(())
}

#[allow(clippy::cast_precision_loss)] // Far fewer than 2⁵³.
fn count(number: u64) -> f64 {
    number as f64
}

/// One connection.
async fn drive(
    address: SocketAddr,
    task: Rc<Task>,
    seen: Rc<RefCell<Seen>>,
    from: Instant,
    measured: Duration,
) -> Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut answer = vec![0; task.answer.bytes];
    loop {
        let sent = Instant::now();
        stream.write_all(&task.request).await?;
        stream.read_exact(&mut answer).await?;
        let now = Instant::now();
        ensure!(answer.starts_with(&task.answer.status), "{}", String::from_utf8_lossy(&answer));
        let mut seen = seen.borrow_mut();
        seen.requests += 1;
        if now >= from + measured {
            return Ok(());
        }
        if now >= from {
            let nanoseconds = u64::try_from((now - sent).as_nanos()).unwrap_or(u64::MAX);
            seen.times.record(nanoseconds)?;
        }
    }
}
