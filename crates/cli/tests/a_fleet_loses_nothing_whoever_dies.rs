//! Three servers on one Redis and two edges behind them. Any of them is killed by SIGKILL while many write through
//! all servers, again and again, and Redis too. What was acknowledged is there afterwards, once, on every server, and
//! whoever reads flags from any of them has what was written last.
//!
//! `USHER_FLEET_ROUNDS` kills (6 without it); `USHER_FLEET_SEED` repeats the choices of an earlier run.
#![allow(clippy::unwrap_used, clippy::panic)] // A broken fixture should fail loudly.

mod support;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};
use support::{
    fleet::{self, Member, Reader},
    ledger::{Ledger, Request, commits_after},
    run, usher,
};
use tokio::task::JoinSet;
use usher_testkit::redis::{RedisServer, wait};

/// Requests that are under way at once.
const WRITERS: usize = 6;
/// For how long they write before somebody dies, while it is dead, and after it has come back.
const PHASE: Duration = Duration::from_millis(250);
/// Every so many rounds the journal is verified by itself.
const VERIFY_EVERY: u64 = 3;

/// The servers, the edges, and all that is known of them.
struct Fleet {
    nodes: Vec<Member>,
    edges: Vec<Member>,
    readers: Vec<Reader>,
    ledger: Arc<Mutex<Ledger>>,
    redis: String,
}

impl Fleet {
    /// Three servers on this Redis, an edge behind the first, and one behind that.
    async fn start(redis: String, replicas: &str) -> Self {
        let nodes: Vec<Member> =
            (0..3).map(|n| Member::node(&format!("node-{n}"), &redis, replicas)).collect();
        let changes: Vec<Value> =
            fleet::documents().into_iter().map(|document| json!({"put": document})).collect();
        let commit = json!({"message": "Seed", "changes": changes});
        nodes[0].ask("POST", "/api/v1/commits", Some(&commit), None).await.unwrap();
        let (server_key, client_key) = (nodes[0].key("server").await, nodes[0].key("client").await);
        let first = Member::edge("edge-0", nodes[0].url(), &server_key);
        let behind = Member::edge("edge-1", first.url(), &server_key);
        let edges = vec![first, behind];
        let readers: Vec<Reader> = nodes
            .iter()
            .chain(&edges)
            .flat_map(|member| Reader::both(member, &server_key, &client_key))
            .collect();
        for reader in &readers {
            reader.sees("start").await;
        }
        fleet::level(&nodes).await;
        let workspace = nodes[0].ask("GET", "/api/v1/workspace", None, None).await.unwrap();
        let ledger = Arc::new(Mutex::new(Ledger::beginning(&workspace, &fleet::documents())));
        Self { nodes, edges, readers, ledger, redis }
    }

    fn member(&mut self, n: usize) -> &mut Member {
        let nodes = self.nodes.len();
        if n < nodes { &mut self.nodes[n] } else { &mut self.edges[n - nodes] }
    }

    /// Lets many write through all servers, until told to stop.
    fn write(&self, round: u64) -> (Arc<AtomicBool>, JoinSet<()>) {
        let (stop, mut writers) = (Arc::new(AtomicBool::new(false)), JoinSet::new());
        let urls: Vec<String> = self.nodes.iter().map(|node| node.url().to_owned()).collect();
        for writer in 0..WRITERS {
            let (stop, ledger, urls) = (Arc::clone(&stop), Arc::clone(&self.ledger), urls.clone());
            writers.spawn(async move {
                for n in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let request = ledger.lock().unwrap().next(round, writer, n);
                    let place = usize::try_from(n).unwrap() + writer;
                    match send(&urls[place % urls.len()], &request).await {
                        Ok(answer) => ledger.lock().unwrap().acknowledge(&request, &answer),
                        // Without an answer nobody knows whether it was done.
                        Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                    }
                }
            });
        }
        (stop, writers)
    }

    /// Everything that was acknowledged is there, everything that was not is there after it was sent again, no server
    /// has anything else, and everybody who reads has what is written now.
    async fn settle(&mut self, round: u64) {
        fleet::level(&self.nodes).await;
        let through = usize::try_from(round).unwrap() % self.nodes.len();
        self.look(through).await;
        let unanswered = self.ledger.lock().unwrap().unanswered();
        for request in unanswered {
            let answer = send(self.nodes[through].url(), &request).await.unwrap();
            self.ledger.lock().unwrap().acknowledge_again(&request, &answer);
        }
        let text = format!("round {round}");
        let request = self.ledger.lock().unwrap().put_flag(format!("beacon-{round}"), fleet::beacon(&text));
        let answer = send(self.nodes[through].url(), &request).await.unwrap();
        self.ledger.lock().unwrap().acknowledge(&request, &answer);
        for reader in &self.readers {
            reader.sees(&text).await;
        }
        fleet::level(&self.nodes).await;
        self.look(through).await;
        for node in &self.nodes {
            let export = node.ask("GET", "/api/v1/export", None, None).await.unwrap();
            self.ledger.lock().unwrap().compare_documents(export["documents"].as_array().unwrap(), round);
        }
        if round.is_multiple_of(VERIFY_EVERY) {
            run(&mut usher(["journal", "verify", "--redis", &self.redis])).ok().says(&["clean: "]);
        }
    }

    /// Takes in what a server has beyond the last look.
    async fn look(&self, node: usize) {
        let get = async |path: &str| self.nodes[node].ask("GET", path, None, None).await.unwrap();
        let workspace = get("/api/v1/workspace").await;
        let looked_at = self.ledger.lock().unwrap().looked_at;
        let commits = commits_after(looked_at, get).await;
        self.ledger.lock().unwrap().look(&workspace, &commits);
    }
}

/// Sends a request; the answer, if it was taken, or why not.
async fn send(url: &str, request: &Request) -> Result<Value, String> {
    let asked = support::http().request(request.method.parse().unwrap(), format!("{url}{}", request.path));
    let asked = asked
        .bearer_auth(support::ADMIN)
        .header("Idempotency-Key", &request.id)
        .header("Content-Type", "application/json")
        .body(request.body.to_string())
        .timeout(support::PATIENCE);
    let answer = asked.send().await.map_err(|error| format!("{error:?}"))?;
    let status = answer.status();
    let text = answer.text().await.map_err(|error| format!("{error:?}"))?;
    // A server that can't write now says so, and means it for now.
    assert!(status.is_success() || status == 503, "{} {}: {status} {text}", request.method, request.path);
    if status.is_success() { Ok(serde_json::from_str(&text).unwrap()) } else { Err(text) }
}

async fn ended(stop: &AtomicBool, mut writers: JoinSet<()>) {
    stop.store(true, Ordering::Relaxed);
    while let Some(ended) = writers.join_next().await {
        ended.unwrap();
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fleet_loses_nothing_whoever_dies() {
    let rounds = number("USHER_FLEET_ROUNDS").unwrap_or(6);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let seed = number("USHER_FLEET_SEED").unwrap_or(now.as_secs());
    // Shown when the test fails.
    println!("USHER_FLEET_SEED={seed}");
    let mut redis = RedisServer::start();
    let mut fleet = Fleet::start(redis.url(), "0").await;
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
    let ledger = fleet.ledger.lock().unwrap();
    println!("{rounds} kills: {ledger}");
    assert!(ledger.unanswered().is_empty());
    assert!(ledger.acknowledged() > rounds * 4, "hardly anything was written: {ledger}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fleet_loses_nothing_when_redis_fails_over() {
    let mut master = RedisServer::start();
    let mut replica = master.replica();
    let sentinel = RedisServer::sentinel("main", &master);
    wait("the sentinel knows the replica", || {
        sentinel.says(&["SENTINEL", "replicas", "main"], &replica.port().to_string())
    });
    let url = format!("redis+sentinel://127.0.0.1:{}/main", sentinel.port());
    let mut fleet = Fleet::start(url, "1").await;
    for round in 0..number("USHER_FLEET_ROUNDS").unwrap_or(2).div_ceil(10).max(2) {
        let (stop, writers) = fleet.write(round);
        tokio::time::sleep(PHASE).await;
        master.kill_nine();
        wait("the replica is promoted", || replica.says(&["INFO", "replication"], "role:master"));
        // The old one comes back, and follows: until then nobody has two copies, and nothing is acknowledged.
        master.restart();
        wait("the old master follows", || master.says(&["INFO", "replication"], "master_link_status:up"));
        tokio::time::sleep(PHASE).await;
        ended(&stop, writers).await;
        fleet.settle(round).await;
        std::mem::swap(&mut master, &mut replica);
    }
    println!("{}", fleet.ledger.lock().unwrap());
}
