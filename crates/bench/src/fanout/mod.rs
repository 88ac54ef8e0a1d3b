//! `usher-bench fanout`: a kill that goes to all clients of one server, beside bare broadcasts of the same bytes to as
//! many sockets.
//!
//! Times are from when the kill was asked for, writing it to the journal included, until its frame has arrived; the
//! bare ones are from when the broadcast was asked for. The clients are the same, in this process: both sides pay for
//! the same reading. Usher's clients acknowledge besides, and the others don't.

pub mod floor;

use std::time::Duration;

use anyhow::Result;
use hdrhistogram::Histogram;
use tokio::{task::LocalSet, time::Instant};
use usher_bench::load::{Fleet, Node, Plan, Usage, Workspace};

use self::floor::{Floor, Kind};
use crate::table::{Form, Table, figure, median, ratio};

/// How long everything may take that has to come about: connecting, arriving, converging.
const PATIENCE: Duration = Duration::from_secs(120);
/// Between two kills, so that acknowledgements of one don't meet the other.
const BETWEEN: Duration = Duration::from_millis(300);
/// Venues of the workspace.
const VENUES: usize = 200;

/// What one server did.
struct Side {
    name: &'static str,
    /// Microseconds until a client had it, of all rounds.
    times: Histogram<u64>,
    /// Milliseconds until the last one had it, of each round.
    lasts: Vec<f64>,
    /// Milliseconds until the server knew that all have it, of each round.
    converged: Vec<f64>,
    /// Bytes of resident memory for each connection: once all are there, and after all rounds.
    memory: [f64; 2],
    /// Milliseconds of processor time for each round.
    processor: f64,
}

/// Measures, and prints a table.
pub fn run(plan: &Plan, rounds: usize, form: Form) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // A runtime of its own for each side, so that what one leaves behind does not weigh on the next.
    let (usher, texts) = LocalSet::new().block_on(&runtime, usher(plan, rounds))?;
    let mut sides = vec![usher];
    for (kind, name) in [(Kind::Sockets, "bare sockets"), (Kind::ActixWs, "bare actix-ws echo")] {
        sides.push(LocalSet::new().block_on(&runtime, bare(kind, name, &texts, plan, rounds))?);
    }
    eprintln!(
        "{} clients, {} % of them in values mode; {rounds} kills and revivals; frames of {} and {} bytes",
        plan.clients,
        plan.values_percent,
        texts[0].len(),
        texts[1].len()
    );
    print(&sides, form);
    Ok(())
}

async fn usher(plan: &Plan, rounds: usize) -> Result<(Side, [String; 2])> {
    let workspace = Workspace::demo(VENUES)?;
    let node = Node::start(&Node::program()?, &workspace).await?;
    let mut side = Side::new("Usher")?;
    let before = node.usage()?;
    let fleet = Fleet::connect(&node, &workspace, plan);
    fleet.all_have(1, PATIENCE).await?;
    let connected = node.usage()?;
    for round in 0..rounds {
        tokio::time::sleep(BETWEEN).await;
        let asked = Instant::now();
        let seq = node.turn(round.is_multiple_of(2)).await?;
        side.note(&fleet.all_got(seq, asked, PATIENCE).await?)?;
        let report = node.converged(seq).await?;
        side.converged.push(report["maxMs"].as_f64().unwrap_or_default());
    }
    side.measure(plan, rounds, [before, connected, node.usage()?]);
    Ok((side, fleet.texts()))
}

async fn bare(
    kind: Kind,
    name: &'static str,
    texts: &[String; 2],
    plan: &Plan,
    rounds: usize,
) -> Result<Side> {
    let mut floor = Floor::start(kind, texts)?;
    let mut side = Side::new(name)?;
    let before = floor.usage()?;
    let fleet = Fleet::listen(floor.address, plan);
    fleet.all_have(1, PATIENCE).await?;
    let connected = floor.usage()?;
    for round in 1..=rounds {
        tokio::time::sleep(BETWEEN).await;
        let asked = Instant::now();
        floor.send()?;
        side.note(&fleet.all_got(round as u64, asked, PATIENCE).await?)?;
    }
    side.measure(plan, rounds, [before, connected, floor.usage()?]);
    Ok(side)
}

#[allow(clippy::cast_precision_loss)] // Bytes and counts, far below 2⁵³.
impl Side {
    fn new(name: &'static str) -> Result<Self> {
        let times = Histogram::new(3)?;
        Ok(Self { name, times, lasts: Vec::new(), converged: Vec::new(), memory: [0.0; 2], processor: 0.0 })
    }

    fn note(&mut self, times: &[Duration]) -> Result<()> {
        for time in times {
            self.times.record(u64::try_from(time.as_micros())?)?;
        }
        self.lasts.push(times.last().map_or(0.0, Duration::as_secs_f64) * 1e3);
        Ok(())
    }

    fn measure(&mut self, plan: &Plan, rounds: usize, [before, connected, after]: [Usage; 3]) {
        let each =
            |usage: Usage| usage.resident.saturating_sub(before.resident) as f64 / plan.clients.max(1) as f64;
        self.memory = [each(connected), each(after)];
        self.processor = (after.processor - connected.processor) * 1e3 / rounds.max(1) as f64;
    }

    /// Milliseconds: p50, p99 of all, and the median of the last ones.
    fn times(&self) -> [f64; 3] {
        let quantile = |q| self.times.value_at_quantile(q) as f64 / 1e3;
        [quantile(0.5), quantile(0.99), median(self.lasts.iter().copied())]
    }
}

fn print(sides: &[Side], form: Form) {
    let mut table = Table::new([
        "fan-out",
        "p50",
        "p99",
        "last",
        "all acknowledged",
        "server's CPU",
        "memory a connection",
        "after all rounds",
    ]);
    for side in sides {
        let [p50, p99, last] = side.times();
        let converged = median(side.converged.iter().copied());
        table.row([
            side.name.to_owned(),
            format!("{} ms", figure(p50)),
            format!("{} ms", figure(p99)),
            format!("{} ms", figure(last)),
            if side.converged.is_empty() { "—".to_owned() } else { format!("{} ms", figure(converged)) },
            format!("{} ms", figure(side.processor)),
            format!("{} bytes", figure(side.memory[0])),
            format!("{} bytes", figure(side.memory[1])),
        ]);
    }
    if let Some((usher, floors)) = sides.split_first() {
        for floor in floors {
            let [own, bare] = [usher.times(), floor.times()];
            let beside = |n: usize| format!("× {}", ratio(own[n] / bare[n]));
            let memory = |n: usize| format!("× {}", ratio(usher.memory[n] / floor.memory[n]));
            table.row([
                format!("Usher beside {}", floor.name),
                beside(0),
                beside(1),
                beside(2),
                String::new(),
                format!("× {}", ratio(usher.processor / floor.processor)),
                memory(0),
                memory(1),
            ]);
        }
    }
    table.print(form);
}
