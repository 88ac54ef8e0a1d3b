//! Three servers on a Redis that a Sentinel watches, and two edges behind them. The master is killed while many write,
//! again and again, and its replica takes its place: what was acknowledged is there afterwards, once, on every server.
//!
//! `USHER_FLEET_ROUNDS / 10` failovers (2 without it). A binary of its own: a Sentinel on a busy machine stops looking, or
//! gives a failover up in the middle and turns the new master back into a replica.

#![allow(clippy::unwrap_used, clippy::panic)] // A broken fixture should fail loudly.

mod support;

use std::time::Duration;

use support::fleet::{
    nodes,
    under_fire::{Fleet, ended, number},
};
use usher_testkit::redis::{RedisServer, wait};

/// For how long they write before the master dies, and after its place is taken.
const PHASE: Duration = Duration::from_millis(250);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fleet_loses_nothing_when_redis_fails_over() {
    let mut master = RedisServer::start();
    let mut replica = master.replica();
    let sentinel = RedisServer::sentinel("main", &master);
    wait("the sentinel knows the replica", || {
        sentinel.says(&["SENTINEL", "replicas", "main"], &replica.port().to_string())
    });
    let url = format!("redis+sentinel://127.0.0.1:{}/main", sentinel.port());
    let mut fleet = Fleet::start(url.clone(), nodes(&url, "1"), str::to_owned).await;
    let rounds = number("USHER_FLEET_ROUNDS").unwrap_or(2).div_ceil(10).max(2);
    for round in 0..rounds {
        let (stop, writers) = fleet.write(round);
        tokio::time::sleep(PHASE).await;
        master.kill_nine();
        wait("the replica is promoted", || replica.says(&["INFO", "replication"], "role:master"));
        // The old one is back before the Sentinel has named the new one, and calls itself the master for a while.
        master.restart();
        // One follows the other: the old one the new one, unless the Sentinel has thought better of it. Until then nobody
        // has two copies, and nothing is acknowledged.
        let follows = |server: &RedisServer| server.says(&["INFO", "replication"], "master_link_status:up");
        wait("one follows the other", || follows(&master) || follows(&replica));
        let is_taken_over = follows(&master);
        tokio::time::sleep(PHASE).await;
        ended(&stop, writers).await;
        fleet.settle(round).await;
        if is_taken_over {
            std::mem::swap(&mut master, &mut replica);
        }
    }
    fleet.ends(rounds);
}
