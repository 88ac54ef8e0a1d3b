//! The short forms of `usher-bench fanout` and `usher-bench storm`: a few hundred real clients of a real server, some
//! of them slow or flapping. Everybody who reads gets everything, nobody starves, and memory stays bounded.

use std::{path::Path, time::Duration};

use tokio::{task::LocalSet, time::Instant};
use usher_bench::load::{Fleet, Node, Plan, Workspace};

/// Longer than any of this takes, on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(120);
const PLAN: Plan = Plan { clients: 400, values_percent: 50, slow_percent: 17, flapping_percent: 16, seed: 7 };
/// A bound on what a connection may cost, in bytes of resident memory, with all that a debug build adds.
const MAX_BYTES_EACH: u64 = 128 * 1024;

async fn start() -> (Node, Workspace) {
    let workspace = Workspace::demo(50).unwrap();
    let node = Node::start(Path::new(env!("CARGO_BIN_EXE_usher")), &workspace).await.unwrap();
    (node, workspace)
}

#[tokio::test]
async fn a_kill_reaches_everybody_past_those_who_are_slow() {
    LocalSet::new()
        .run_until(async {
            let (node, workspace) = start().await;
            let before = node.usage().unwrap();
            let fleet = Fleet::connect(&node, &workspace, &PLAN);
            fleet.all_have(1, PATIENCE).await.unwrap();
            for round in 0..6 {
                let asked = Instant::now();
                let seq = node.turn(round % 2 == 0).await.unwrap();
                let times = fleet.all_got(seq, asked, PATIENCE).await.unwrap();
                assert_eq!(times.len(), fleet.steady());
            }
            let report = node.turn(true).await.unwrap();
            let report = node.converged(report).await.unwrap();
            assert!(report["converged"].as_u64().unwrap() >= fleet.steady() as u64, "{report:.500}");
            let away = fleet.away();
            assert_eq!(away.gaps, 0, "{away:?}");
            let each = (node.usage().unwrap().resident - before.resident) / PLAN.clients as u64;
            assert!(each < MAX_BYTES_EACH, "{each} bytes a connection");
        })
        .await;
}

#[tokio::test]
async fn everybody_comes_back_after_a_crash() {
    LocalSet::new()
        .run_until(async {
            let (mut node, workspace) = start().await;
            let fleet = Fleet::connect(&node, &workspace, &PLAN);
            fleet.all_have(1, PATIENCE).await.unwrap();
            let before = node.usage().unwrap();
            node.kill_nine().unwrap();
            fleet.lose();
            tokio::time::sleep(Duration::from_secs(1)).await;
            node.start_again().unwrap();
            fleet.all_have(1, PATIENCE).await.unwrap();
            let away = fleet.away();
            assert_eq!((away.times.len(), away.gaps), (fleet.steady(), 0), "{away:?}");
            assert!(away.most_attempts < 16, "somebody starves: {away:?}");
            let seq = node.turn(true).await.unwrap();
            fleet.all_got(seq, Instant::now(), PATIENCE).await.unwrap();
            let peak = node.usage().unwrap().peak;
            assert!(peak < 2 * before.peak + 64 * 1024 * 1024, "{peak} bytes at the peak");
        })
        .await;
}
