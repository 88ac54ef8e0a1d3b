//! Three servers on one Redis and two edges behind them, and all that fails without anybody dying: lines that are cut,
//! slow, or silent without a word, a Redis whose disk is full, a clock that jumps. What was acknowledged is there
//! afterwards, once, on every server, and whoever reads flags has what was written last.
//!
//! `USHER_FLEET_ROUNDS` troubles (3 without it); `USHER_FLEET_SEED` repeats the choices of an earlier run.

use std::{path::Path, time::Duration};

use crate::support::fleet::{
    Member,
    under_fire::{Fleet, ended, number, seed},
};
use usher_testkit::{
    line::{Line, State},
    redis::{RedisServer, wait},
};

/// For how long they write before and after.
const PHASE: Duration = Duration::from_millis(250);
/// For how long it lasts: longer than two heartbeats, after which a silent line counts as dead.
const TROUBLE: Duration = Duration::from_millis(2_500);

/// What fails.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    /// The line of one server to Redis.
    Redis(State),
    /// The line of the first edge to its server; behind it is the other edge.
    Upstream(State),
    /// The clock of one server goes to another time, and back.
    Clock(&'static str),
    /// Redis can't write any more, and ends.
    Disk,
}

const TROUBLES: [Trouble; 9] = [
    Trouble::Redis(State::Silent),
    Trouble::Upstream(State::Silent),
    Trouble::Clock("+3600"),
    Trouble::Redis(State::Cut),
    Trouble::Upstream(State::Slow),
    Trouble::Disk,
    Trouble::Upstream(State::Cut),
    Trouble::Clock("-3600"),
    Trouble::Redis(State::Slow),
];

fn set_clock(file: &Path, offset: &str) {
    std::fs::write(file, offset).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fleet_loses_nothing_whatever_fails() {
    let rounds = number("USHER_FLEET_ROUNDS").unwrap_or(3);
    let seed = seed();
    let mut redis = RedisServer::start();
    let (to_redis, upstream) = (
        Line::to(&format!("127.0.0.1:{}", redis.port())).await,
        // Leads to the first server as soon as that is there.
        Line::to("127.0.0.1:9").await,
    );
    let folder = tempfile::tempdir().unwrap();
    let clock = folder.path().join("clock");
    set_clock(&clock, "+0");
    let nodes = vec![
        Member::node("node-0", &redis.url(), "0"),
        Member::off_time("node-1", &redis.url(), &clock),
        Member::node("node-2", &format!("redis://127.0.0.1:{}", to_redis.port()), "0"),
    ];
    let line = |url: &str| {
        upstream.lead_to(url.trim_start_matches("http://"));
        upstream.url()
    };
    let mut fleet = Fleet::start(redis.url(), nodes, line).await;
    for round in 0..rounds {
        let trouble = TROUBLES[usize::try_from((round + seed) % TROUBLES.len() as u64).unwrap()];
        println!("round {round}: {trouble:?}");
        let (stop, writers) = fleet.write(round);
        tokio::time::sleep(PHASE).await;
        match trouble {
            Trouble::Redis(state) => to_redis.set(state),
            Trouble::Upstream(state) => upstream.set(state),
            Trouble::Clock(offset) => set_clock(&clock, offset),
            Trouble::Disk => {
                redis.fill_disk();
                wait("Redis gives up", || !redis.answers());
            }
        }
        tokio::time::sleep(TROUBLE).await;
        match trouble {
            Trouble::Redis(_) => to_redis.set(State::Open),
            Trouble::Upstream(_) => upstream.set(State::Open),
            Trouble::Clock(_) => set_clock(&clock, "+0"),
            Trouble::Disk => redis.restart(),
        }
        tokio::time::sleep(PHASE).await;
        ended(&stop, writers).await;
        fleet.settle(round).await;
    }
    fleet.ends(rounds);
}
