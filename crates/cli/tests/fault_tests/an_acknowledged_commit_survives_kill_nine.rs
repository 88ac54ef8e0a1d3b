//! A server is killed by SIGKILL while many write, again and again, on the same folder. What it acknowledged is
//! there afterwards, at its number and as it was sent; what it did not is there whole or not at all, and sending
//! it again makes it once.
//!
//! `USHER_KILL_ROUNDS` kills (50 without it); `USHER_KILL_SEED` repeats the choices of an earlier run.

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::support::{
    self, PATIENCE, Server,
    ledger::{Ledger, Request, commits_after},
    run, usher,
};
use serde_json::Value;
use tokio::task::JoinSet;
use usher_core::model::Seq;
use usher_journal::{Journal, SqliteJournal};

/// Requests that are under way at once.
const WRITERS: usize = 8;
/// A server is killed so long after the first request at the latest, in milliseconds.
const LONGEST_BURST: u64 = 300;
/// So often in a run everything is read and checked, by the server and without one.
const CHECKS: u64 = 10;
/// Every so many rounds the server that comes up is killed while it starts.
const STARTING_EVERY: u64 = 7;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acknowledged_commit_survives_kill_nine() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let rounds = number("USHER_KILL_ROUNDS").unwrap_or(50);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let seed = number("USHER_KILL_SEED").unwrap_or(now.as_secs());
    // Shown when the test fails.
    println!("USHER_KILL_SEED={seed}");
    let mut random = Random(seed);
    let check_every = (rounds / CHECKS).max(2);
    let folder = tempfile::tempdir().unwrap();
    let ledger = Arc::new(Mutex::new(Ledger::default()));

    for round in 0..rounds {
        let server = Server::start_in(folder.path());
        look(&server, &ledger, round).await;
        send_again(&server, &ledger, round).await;
        if round % check_every == 0 {
            server.run(&["journal", "verify"]).ok().says(&["clean: "]);
        }
        burst(server, &ledger, &mut random, round).await;
        // Here no server has mended yet what the kill left.
        if round % check_every == 1 {
            verify_offline(folder.path());
            read_back(folder.path(), &ledger).await;
        }
        if round % STARTING_EVERY == 2 {
            kill_while_it_starts(folder.path(), &mut random);
        }
    }

    verify_offline(folder.path());
    let server = Server::start_in(folder.path());
    look(&server, &ledger, rounds).await;
    send_again(&server, &ledger, rounds).await;
    server.kill_nine();
    verify_offline(folder.path());
    read_back(folder.path(), &ledger).await;
    let ledger = ledger.lock().unwrap();
    println!("{rounds} kills: {ledger}");
    assert!(ledger.is_settled());
    assert!(ledger.acknowledged() > rounds, "hardly anything was written: {ledger}");
}

/// Many write until the server is killed under their hands.
async fn burst(server: Server, ledger: &Arc<Mutex<Ledger>>, random: &mut Random, round: u64) {
    let mut writers = JoinSet::new();
    let http = support::http();
    for writer in 0..WRITERS {
        let (url, http, ledger) = (server.url().to_owned(), http.clone(), Arc::clone(ledger));
        writers.spawn(async move {
            for n in 0.. {
                let request = ledger.lock().unwrap().next(round, writer, n);
                // Without an answer nobody knows whether it was done.
                let Ok(answer) = send(&http, &url, &request).await else { return };
                ledger.lock().unwrap().acknowledge(&request, &answer);
            }
        });
    }
    tokio::time::sleep(Duration::from_millis(random.below(LONGEST_BURST))).await;
    server.kill_nine();
    while let Some(ended) = writers.join_next().await {
        ended.unwrap();
    }
}

/// Checks all that the server says of what was written since the last look.
async fn look(server: &Server, ledger: &Arc<Mutex<Ledger>>, round: u64) {
    let http = support::http();
    let workspace = get(&http, server, "/api/v1/workspace").await;
    let looked_at = ledger.lock().unwrap().looked_at;
    let commits = commits_after(looked_at, async |path: &str| get(&http, server, path).await).await;
    let export = get(&http, server, "/api/v1/export").await;
    let mut ledger = ledger.lock().unwrap();
    ledger.look(&workspace, &commits);
    ledger.compare_documents(export["documents"].as_array().unwrap(), round);
}

/// Sends all that was not answered once more: it is done once, whether it was done before or not.
async fn send_again(server: &Server, ledger: &Arc<Mutex<Ledger>>, round: u64) {
    let http = support::http();
    let requests = ledger.lock().unwrap().unanswered();
    for request in requests {
        let answer = send(&http, server.url(), &request).await.unwrap();
        ledger.lock().unwrap().acknowledge_again(&request, &answer, true);
    }
    look(server, ledger, round).await;
    assert!(ledger.lock().unwrap().unanswered().is_empty());
}

async fn send(http: &reqwest::Client, url: &str, request: &Request) -> reqwest::Result<Value> {
    let answer = http
        .request(request.method.parse().unwrap(), format!("{url}{}", request.path))
        .bearer_auth(support::ADMIN)
        .header("Idempotency-Key", &request.id)
        .header("Content-Type", "application/json")
        .body(request.body.to_string())
        .timeout(PATIENCE)
        .send()
        .await?;
    let status = answer.status();
    let text = answer.text().await?;
    assert!(status.is_success(), "{} {}: {status} {text}", request.method, request.path);
    Ok(serde_json::from_str(&text).unwrap())
}

async fn get(http: &reqwest::Client, server: &Server, path: &str) -> Value {
    let request = http.get(format!("{}{path}", server.url())).bearer_auth(support::ADMIN);
    request.send().await.unwrap().error_for_status().unwrap().json().await.unwrap()
}

fn verify_offline(folder: &Path) {
    let mut command = usher(["journal", "verify", "--data"]);
    run(command.arg(folder)).ok().says(&["clean: "]);
}

/// A server that has not come up yet may be mending what the last kill left.
fn kill_while_it_starts(folder: &Path, random: &mut Random) {
    let mut child = Server::command(folder)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(random.below(60)));
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Reads the journal itself, as far as the server was asked about it, without a server.
async fn read_back(folder: &Path, ledger: &Mutex<Ledger>) {
    const AT_ONCE: u64 = 1_000;
    let journal = SqliteJournal::open(folder).unwrap();
    loop {
        let (from, to) = {
            let ledger = ledger.lock().unwrap();
            (ledger.read_back, ledger.looked_at)
        };
        let count = (to - from).min(AT_ONCE);
        if count == 0 {
            return;
        }
        let commits = journal.read(Seq(from), usize::try_from(count).unwrap()).await.unwrap();
        assert_eq!(commits.len() as u64, count, "commits after {from} are missing");
        for commit in commits {
            ledger.lock().unwrap().compare_commit(&commit);
        }
    }
}

/// SplitMix64: the same choices again for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % limit
    }
}
