//! A whole fleet while many write: what was acknowledged is there afterwards, once, on every server, and whoever reads
//! flags from any of them has what was written last.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{Member, Reader, beacon, documents, level};
use crate::support::{
    self,
    ledger::{Ledger, Request, commits_after},
    run, usher,
};

/// Requests that are under way at once.
const WRITERS: usize = 6;
/// Every so many rounds the journal is verified by itself.
const VERIFY_EVERY: u64 = 3;

/// The servers, the edges, and all that is known of them.
pub struct Fleet {
    pub nodes: Vec<Member>,
    pub edges: Vec<Member>,
    readers: Vec<Reader>,
    ledger: Arc<Mutex<Ledger>>,
    redis: String,
}

impl Fleet {
    /// These servers on this Redis, an edge behind the first, by whatever line, and one behind that.
    pub async fn start(redis: String, nodes: Vec<Member>, line: impl Fn(&str) -> String) -> Self {
        let changes: Vec<Value> = documents().into_iter().map(|document| json!({"put": document})).collect();
        let commit = json!({"message": "Seed", "changes": changes});
        nodes[0].ask("POST", "/api/v1/commits", Some(&commit), None).await.unwrap();
        let (server_key, client_key) = (nodes[0].key("server").await, nodes[0].key("client").await);
        let first = Member::edge("edge-0", &line(nodes[0].url()), &server_key);
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
        level(&nodes).await;
        let workspace = nodes[0].ask("GET", "/api/v1/workspace", None, None).await.unwrap();
        let ledger = Arc::new(Mutex::new(Ledger::beginning(&workspace, &documents())));
        Self { nodes, edges, readers, ledger, redis }
    }

    pub fn member(&mut self, n: usize) -> &mut Member {
        let nodes = self.nodes.len();
        if n < nodes { &mut self.nodes[n] } else { &mut self.edges[n - nodes] }
    }

    /// Lets many write through all servers, until told to stop.
    pub fn write(&self, round: u64) -> (Arc<AtomicBool>, JoinSet<()>) {
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
    pub async fn settle(&mut self, round: u64) {
        level(&self.nodes).await;
        let through = usize::try_from(round).unwrap() % self.nodes.len();
        // Whoever writes has all that was written before: what was not answered is there by then, or never.
        let marker = self.ledger.lock().unwrap().put_flag(format!("marker-{round}"), beacon("marker"));
        let (answer, _) = send_until_taken(self.nodes[through].url(), &marker).await;
        self.ledger.lock().unwrap().take_answer(&marker, &answer);
        self.look(through).await;
        let unanswered = self.ledger.lock().unwrap().unanswered();
        for request in unanswered {
            let (answer, at_once) = send_until_taken(self.nodes[through].url(), &request).await;
            self.ledger.lock().unwrap().acknowledge_again(&request, &answer, at_once);
        }
        let text = format!("round {round}");
        let request = self.ledger.lock().unwrap().put_flag(format!("beacon-{round}"), beacon(&text));
        let (answer, _) = send_until_taken(self.nodes[through].url(), &request).await;
        self.ledger.lock().unwrap().take_answer(&request, &answer);
        for reader in &self.readers {
            reader.sees(&text).await;
        }
        level(&self.nodes).await;
        self.look(through).await;
        for node in &self.nodes {
            let export = node.get("/api/v1/export").await;
            self.ledger.lock().unwrap().compare_documents(export["documents"].as_array().unwrap(), round);
        }
        if round.is_multiple_of(VERIFY_EVERY) {
            run(&mut usher(["journal", "verify", "--redis", &self.redis])).ok().says(&["clean: "]);
        }
    }

    /// That everything was answered in the end, and that there was something to lose.
    pub fn ends(&self, rounds: u64) {
        let ledger = self.ledger.lock().unwrap();
        println!("{rounds} rounds: {ledger}");
        assert!(ledger.unanswered().is_empty());
        assert!(ledger.acknowledged() > rounds * 4, "hardly anything was written: {ledger}");
    }

    /// Takes in what a server has beyond the last look.
    async fn look(&self, node: usize) {
        let get = async |path: &str| self.nodes[node].get(path).await;
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

/// The same, again and again, as whoever is told to may: a replica on a busy machine may take long to have it. Gives back
/// whether it was taken at once, too.
async fn send_until_taken(url: &str, request: &Request) -> (Value, bool) {
    let end = tokio::time::Instant::now() + support::PATIENCE;
    let mut at_once = true;
    loop {
        match send(url, request).await {
            Ok(answer) => return (answer, at_once),
            Err(why) => assert!(tokio::time::Instant::now() < end, "{} is never taken: {why}", request.path),
        }
        at_once = false;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Tells those who write to stop, and waits for their last answers.
pub async fn ended(stop: &AtomicBool, mut writers: JoinSet<()>) {
    stop.store(true, Ordering::Relaxed);
    while let Some(ended) = writers.join_next().await {
        ended.unwrap();
    }
}

/// A number that the run was given.
pub fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

/// By which the choices of a run can be made again. Shown when the test fails.
pub fn seed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let seed = number("USHER_FLEET_SEED").unwrap_or(now.as_secs());
    println!("USHER_FLEET_SEED={seed}");
    seed
}
