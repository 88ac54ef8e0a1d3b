//! `usher-bench storm`: all clients lose their server at once, and come back.
//!
//! The server is killed as by a power cut and started again at the same address with the same data. Clients come back
//! with full jitter, as an SDK does. Then the same with some of the clients slow or flapping: what the others notice.

use std::time::Duration;

use anyhow::{Result, ensure};
use hdrhistogram::Histogram;
use tokio::{task::LocalSet, time::Instant};
use usher_bench::load::{Away, Fleet, Node, Plan, Workspace};

use crate::table::{Form, Table, figure, ratio};

/// How long everything may take that has to come about.
const PATIENCE: Duration = Duration::from_secs(180);
/// For how long the server is gone.
const GONE: Duration = Duration::from_secs(2);
/// Between two kills.
const BETWEEN: Duration = Duration::from_millis(500);
/// Venues of the workspace.
const VENUES: usize = 200;

/// What one storm did.
struct Storm {
    name: String,
    /// Milliseconds until all steady clients were connected before: p99 of kills then.
    before: f64,
    /// The same after the storm.
    after: f64,
    away: Away,
    /// The server's peak of resident memory after the restart, in bytes.
    peak: u64,
    evictions: f64,
    steady: usize,
}

/// Measures, and prints a table.
pub fn run(plan: &Plan, rounds: usize, form: Form) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let calm = Plan { slow_percent: 0, flapping_percent: 0, ..*plan };
    let mut storms = vec![LocalSet::new().block_on(&runtime, storm("all steady", &calm, rounds))?];
    if plan.slow_percent + plan.flapping_percent > 0 {
        let name = format!("{} % slow, {} % flapping", plan.slow_percent, plan.flapping_percent);
        storms.push(LocalSet::new().block_on(&runtime, storm(&name, plan, rounds))?);
    }
    eprintln!("{} clients, {} % of them in values mode", plan.clients, plan.values_percent);
    print(&storms, form);
    for storm in &storms {
        ensure!(storm.away.gaps == 0, "{}: {} gaps", storm.name, storm.away.gaps);
    }
    Ok(())
}

async fn storm(name: &str, plan: &Plan, rounds: usize) -> Result<Storm> {
    let workspace = Workspace::demo(VENUES)?;
    let mut node = Node::start(&Node::program()?, &workspace).await?;
    let fleet = Fleet::connect(&node, &workspace, plan);
    fleet.all_have(1, PATIENCE).await?;
    let before = kills(&node, &fleet, rounds).await?;
    node.kill_nine()?;
    fleet.lose();
    tokio::time::sleep(GONE).await;
    node.start_again()?;
    fleet.all_have(1, PATIENCE).await?;
    let away = fleet.away();
    let after = kills(&node, &fleet, rounds).await?;
    let (peak, evictions) = (node.usage()?.peak, node.metric("usher_stream_evictions_total").await?);
    let away = Away { gaps: fleet.away().gaps, ..away };
    Ok(Storm { name: name.to_owned(), before, after, away, peak, evictions, steady: fleet.steady() })
}

/// Kills and revives; milliseconds until a kill had arrived at 99 of 100 steady clients.
#[allow(clippy::cast_precision_loss)] // Microseconds of a run.
async fn kills(node: &Node, fleet: &Fleet, rounds: usize) -> Result<f64> {
    let mut times = Histogram::<u64>::new(3)?;
    for round in 0..rounds {
        tokio::time::sleep(BETWEEN).await;
        let asked = Instant::now();
        let seq = node.turn(round.is_multiple_of(2)).await?;
        for time in fleet.all_got(seq, asked, PATIENCE).await? {
            times.record(u64::try_from(time.as_micros())?)?;
        }
    }
    Ok(times.value_at_quantile(0.99) as f64 / 1e3)
}

#[allow(clippy::cast_precision_loss)] // Bytes and counts, far below 2⁵³.
fn print(storms: &[Storm], form: Form) {
    let mut table = Table::new([
        "storm",
        "steady",
        "back: p50",
        "p99",
        "all",
        "told to come later",
        "most tries",
        "dropped as too slow",
        "server's peak",
        "a kill's p99 before",
        "after",
    ]);
    for storm in storms {
        let back = |percent: usize| {
            let rank = (storm.away.times.len() * percent).div_ceil(100).max(1) - 1;
            format!("{} s", figure(storm.away.times.get(rank).map_or(0.0, Duration::as_secs_f64)))
        };
        table.row([
            storm.name.clone(),
            storm.steady.to_string(),
            back(50),
            back(99),
            back(100),
            storm.away.busy.to_string(),
            storm.away.most_attempts.to_string(),
            figure(storm.evictions),
            format!("{} MB", figure(storm.peak as f64 / 1e6)),
            format!("{} ms", figure(storm.before)),
            format!("{} ms", figure(storm.after)),
        ]);
    }
    if let [calm, rough] = storms {
        let mut cells = vec![String::new(); 11];
        "beside all steady".clone_into(&mut cells[0]);
        cells[9] = format!("× {}", ratio(rough.before / calm.before));
        cells[10] = format!("× {}", ratio(rough.after / calm.after));
        table.row(cells);
    }
    table.print(form);
}
