//! Three servers behind a balancer are stopped and started again one after the other, while programs ask over OFREP,
//! SDKs hold streams and somebody writes all the time. No question is left without an answer, and no answer is older
//! than a heartbeat.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use crate::support::{
    self, PATIENCE,
    fleet::{self, Member, Reader},
    http,
};
use serde_json::{Value, json};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use usher_testkit::redis::RedisServer;

/// Programs that ask at once, each on a connection that it keeps.
const ASKERS: usize = 4;
/// How often a balancer asks who is ready.
const PROBE: Duration = Duration::from_millis(100);
/// How long an answer may be that of before: one heartbeat of these servers, and what a busy machine takes.
const HEARTBEAT: Duration = Duration::from_secs(1);
const SLACK: Duration = Duration::from_secs(4);

/// What stands before servers: gives each new connection to one that says it is ready.
struct Balancer {
    url: String,
    _tasks: JoinSet<()>,
}

impl Balancer {
    async fn before(nodes: &[Member]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let nodes: Vec<SocketAddr> =
            nodes.iter().map(|node| node.url().trim_start_matches("http://").parse().unwrap()).collect();
        let ready: Arc<Vec<AtomicBool>> = Arc::new(nodes.iter().map(|_| AtomicBool::new(true)).collect());
        let mut tasks = JoinSet::new();
        for (n, node) in nodes.clone().into_iter().enumerate() {
            let ready = Arc::clone(&ready);
            tasks.spawn(async move {
                loop {
                    let asked = http().get(format!("http://{node}/readyz")).timeout(PROBE * 5).send().await;
                    let is_ready = asked.is_ok_and(|answer| answer.status().is_success());
                    ready[n].store(is_ready, Ordering::Relaxed);
                    tokio::time::sleep(PROBE).await;
                }
            });
        }
        tasks.spawn(async move {
            for n in 0.. {
                let (mut client, _) = listener.accept().await.unwrap();
                let (nodes, ready) = (nodes.clone(), Arc::clone(&ready));
                tokio::spawn(async move {
                    for m in (n..n + nodes.len()).map(|m| m % nodes.len()) {
                        if ready[m].load(Ordering::Relaxed)
                            && let Ok(mut server) = TcpStream::connect(nodes[m]).await
                        {
                            // Either side may end it.
                            drop(copy_bidirectional(&mut client, &mut server).await);
                            return;
                        }
                    }
                });
            }
        });
        Self { url, _tasks: tasks }
    }
}

/// What has been written, and when that was acknowledged.
#[derive(Default)]
struct Written(Mutex<Vec<Instant>>);

impl Written {
    fn acknowledged(&self) {
        self.0.lock().unwrap().push(Instant::now());
    }

    /// The least that somebody who asked then has to be told.
    fn due(&self, asked: Instant) -> usize {
        let all = self.0.lock().unwrap();
        let by = asked.checked_sub(HEARTBEAT + SLACK);
        all.iter().filter(|at| by.is_some_and(|by| **at <= by)).count()
    }
}

fn number(text: &str) -> usize {
    text.parse().unwrap_or_else(|_| panic!("{text} was never written"))
}

/// Asks over OFREP until told to stop; how often.
async fn ask(url: String, key: String, written: Arc<Written>, stop: Arc<AtomicBool>) -> u64 {
    let client = http();
    let mut asked = 0;
    while !stop.load(Ordering::Relaxed) {
        let now = Instant::now();
        let request =
            client.post(format!("{url}/ofrep/v1/evaluate/flags/{}", fleet::BEACON)).bearer_auth(&key);
        let request = request.header("Content-Type", "application/json");
        let answer = request.body(r#"{"context":{"targetingKey":"u-1"}}"#).timeout(PATIENCE).send().await;
        let answer = answer.unwrap_or_else(|error| panic!("question {asked} has no answer: {error:?}"));
        assert!(answer.status().is_success(), "{}", answer.status());
        let answer: Value = answer.json().await.unwrap();
        let (told, due) = (number(answer["value"].as_str().unwrap()), written.due(now));
        assert!(told >= due, "told {told}, though {due} was written long before");
        asked += 1;
    }
    asked
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_is_not_noticed() {
    let redis = RedisServer::start();
    let start = |name: &str| {
        Member::node_with(name, &redis.url(), "0", |command| {
            command.env("USHER_DRAIN_SECONDS", "2");
        })
    };
    let mut nodes: Vec<Member> = ["node-0", "node-1", "node-2"].map(start).into();
    let beacon = json!({"message": "m", "changes": [{"put": fleet::beacon("0")}]});
    nodes[0].ask("POST", "/api/v1/commits", Some(&beacon), None).await.unwrap();
    let (server_key, client_key) = (nodes[0].key("server").await, nodes[0].key("client").await);
    fleet::level(&nodes).await;
    let balancer = Balancer::before(&nodes).await;
    let readers: Vec<Reader> = (0..3)
        .flat_map(|n| Reader::both_of(&format!("program {n}"), &balancer.url, &server_key, &client_key))
        .collect();
    for reader in &readers {
        reader.sees("0").await;
    }

    let (written, stop) = (Arc::new(Written::default()), Arc::new(AtomicBool::new(false)));
    let mut askers = JoinSet::new();
    for _ in 0..ASKERS {
        askers.spawn(ask(balancer.url.clone(), server_key.clone(), Arc::clone(&written), Arc::clone(&stop)));
    }
    let looked = Arc::new(AtomicU64::new(0));
    let looking = tokio::spawn({
        let (written, stop, looked) = (Arc::clone(&written), Arc::clone(&stop), Arc::clone(&looked));
        async move {
            while !stop.load(Ordering::Relaxed) {
                for reader in &readers {
                    let (due, told) = (written.due(Instant::now()), number(&reader.beacon()));
                    assert!(told >= due, "{reader:?} has {told}, though {due} was written long before");
                    looked.fetch_add(1, Ordering::Relaxed);
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            readers
        }
    });
    let writing = tokio::spawn({
        let (written, stop, url) = (Arc::clone(&written), Arc::clone(&stop), balancer.url.clone());
        async move {
            let client = http();
            let mut n = 0;
            while !stop.load(Ordering::Relaxed) {
                n += 1;
                let body = json!({"message": "m", "changes": [{"put": fleet::beacon(&n.to_string())}]});
                let request = client.post(format!("{url}/api/v1/commits")).bearer_auth(support::ADMIN);
                let request = request.header("Content-Type", "application/json").body(body.to_string());
                let answer = request.timeout(PATIENCE).send().await.unwrap();
                assert!(answer.status().is_success(), "{}", answer.status());
                written.acknowledged();
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            n
        }
    });

    for node in &mut nodes {
        node.stop();
        node.start_again();
        fleet::level(std::slice::from_ref(node)).await;
        // Until the balancer has seen it.
        tokio::time::sleep(PROBE * 5).await;
    }
    stop.store(true, Ordering::Relaxed);
    let last = writing.await.unwrap();
    for reader in &looking.await.unwrap() {
        reader.sees(&last.to_string()).await;
    }
    let asked: u64 = askers.join_all().await.into_iter().sum();
    println!("{asked} questions over OFREP, {} of SDKs, {last} changes", looked.load(Ordering::Relaxed));
    assert!(asked > 100 && last > 10);
}
