//! Three servers on one Redis and two edges behind them. Any of them is killed by SIGKILL while many write through
//! all servers, again and again, and Redis too. What was acknowledged is there afterwards, once, on every server, and
//! whoever reads flags from any of them has what was written last.
//!
//! `USHER_FLEET_ROUNDS` kills (6 without it); `USHER_FLEET_SEED` repeats the choices of an earlier run.

use std::time::Duration;

use crate::support::fleet::{
    nodes,
    under_fire::{Fleet, ended, number, seed},
};
use usher_testkit::redis::RedisServer;

/// For how long they write before somebody dies, while it is dead, and after it has come back.
const PHASE: Duration = Duration::from_millis(250);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fleet_loses_nothing_whoever_dies() {
    let rounds = number("USHER_FLEET_ROUNDS").unwrap_or(6);
    let seed = seed();
    let mut redis = RedisServer::start();
    let mut fleet = Fleet::start(redis.url(), nodes(&redis.url(), "0"), str::to_owned).await;
    let members = fleet.nodes.len() + fleet.edges.len();
    for round in 0..rounds {
        // Everybody's turn comes, in an order that differs from run to run; after them all, Redis.
        let victim = usize::try_from((round + seed) % (members as u64 + 1)).unwrap();
        let (stop, writers) = fleet.write(round);
        tokio::time::sleep(PHASE).await;
        if victim == members {
            redis.kill_nine();
            tokio::time::sleep(PHASE).await;
            redis.restart();
        } else {
            fleet.member(victim).kill_nine();
            tokio::time::sleep(PHASE).await;
            fleet.member(victim).start_again();
        }
        tokio::time::sleep(PHASE).await;
        ended(&stop, writers).await;
        fleet.settle(round).await;
    }
    fleet.ends(rounds);
}
