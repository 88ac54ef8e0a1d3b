//! Whoever acts for a release is killed without warning, at any step of a promotion or of a rollback: the release and
//! its flag always say the same, and no step is done twice, though another server or the next start goes on. Nor is the
//! playbook of its guard ever run without the rollback, or the other way round.
//!
//! `USHER_RELEASE_ROUNDS` rounds of each kind (2 without it).

use std::{
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use crate::support::{
    self, ADMIN, PATIENCE, Server,
    fleet::{self, Member},
    http, usher,
};
use serde_json::{Value, json};
use usher_testkit::redis::RedisServer;

/// Stages of one release, a second each.
const STAGES: u64 = 8;
const FLAG: &str = "new-checkout";
/// What the guard's playbook turns off.
const OTHER: &str = "resale-guard";

/// Somebody who is asked whether all is well.
struct Opinion {
    url: String,
    bad: Arc<AtomicBool>,
}

impl Opinion {
    async fn start() -> Self {
        let bad = Arc::new(AtomicBool::new(false));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let now = Arc::clone(&bad);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                use tokio::io::{AsyncReadExt, AsyncWriteExt};
                let verdict = if now.load(Ordering::SeqCst) { "breach" } else { "ok" };
                tokio::spawn(async move {
                    let mut request = [0; 4_096];
                    drop(stream.read(&mut request).await);
                    let body = json!({"verdict": verdict, "reason": "as seen"}).to_string();
                    let head = format!(
                        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                        body.len()
                    );
                    drop(stream.write_all(format!("{head}{body}").as_bytes()).await);
                });
            }
        });
        Self { url, bad }
    }

    fn plan(&self) -> Value {
        let stage = |n: u64| json!({"name": format!("s{n}"), "percent": 10 * n, "bake": "1s"});
        json!({
            "key": "r", "flag": FLAG, "environment": "production", "variant": "on", "control": "off",
            "lookEvery": "1s", "stages": (1..=STAGES).map(stage).collect::<Vec<_>>(),
            "guards": [{"name": "opinion", "check": {"webhook": {"url": self.url}}, "unknownAfter": "30s",
                "then": {"playbook": "emergency"}}],
        })
    }

    /// Writes the playbook and the plan.
    async fn prepare(&self, all: &Anybody) {
        let plays = json!([{"off": {"flag": OTHER, "environment": "production"}}]);
        let book = json!({"key": "emergency", "plays": plays});
        all.ask("PUT", "/api/v1/playbooks/emergency", Some(&book)).await;
        all.ask("PUT", "/api/v1/releases/r", Some(&self.plan())).await;
    }
}

/// Where a question can be put: to any of several servers, of which some may be gone.
struct Anybody(Vec<String>);

impl Anybody {
    async fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            for url in &self.0 {
                let request = http().request(method.parse().unwrap(), format!("{url}{path}"));
                let mut request = request.bearer_auth(ADMIN).timeout(Duration::from_secs(5));
                if let Some(body) = body {
                    request = request.json(body);
                }
                let Ok(answer) = request.send().await else { continue };
                let status = answer.status();
                assert!(!status.is_client_error(), "{method} {path}: {status} {:?}", answer.text().await);
                if status.is_success() {
                    return answer.json().await.unwrap();
                }
            }
            assert!(Instant::now() < end, "nobody answers {method} {path}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Begins it, with nothing left of an earlier emergency.
    async fn start(&self) {
        let path = format!("/api/v1/flags/{OTHER}/environments/production/on");
        self.ask("POST", &path, Some(&json!({}))).await;
        self.ask("POST", "/api/v1/releases/r/start", Some(&json!({}))).await;
    }

    async fn progress(&self) -> Value {
        self.ask("GET", "/api/v1/releases/r", None).await["progress"].clone()
    }

    /// Waits until the release is so.
    async fn becomes(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            let progress = self.progress().await;
            if holds(&progress) {
                return progress;
            }
            assert!(Instant::now() < end, "it never came to {what}: {progress}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Reads the whole journal: at every commit of the release its flag served what the release said, and every step
    /// was taken once, in order.
    async fn tells_one_story(&self) {
        let mut seqs = Vec::new();
        const ALL: &str = "/api/v1/commits?limit=100&kind=release&key=r";
        let mut page = self.ask("GET", ALL, None).await;
        loop {
            seqs.extend(
                page["items"].as_array().unwrap().iter().map(|commit| commit["seq"].as_u64().unwrap()),
            );
            let Some(before) = page["nextBefore"].as_u64() else { break };
            page = self.ask("GET", &format!("{ALL}&before={before}"), None).await;
        }
        let (mut before, mut story) = (Vec::new(), Vec::new());
        for seq in seqs.iter().rev() {
            let release = self.ask("GET", &format!("/api/v1/releases/r?at={seq}"), None).await;
            let flag = self.ask("GET", &format!("/api/v1/flags/{FLAG}?at={seq}"), None).await;
            let rules = flag["environments"]["production"]["rules"].as_array().cloned().unwrap_or_default();
            let served: Vec<&str> = rules.iter().map(|rule| rule["id"].as_str().unwrap()).collect();
            let progress = &release["progress"];
            let said = match (progress["status"].as_str(), progress["stage"].as_u64()) {
                (Some("rolledBack"), _) | (None, _) => Vec::new(),
                (_, Some(stage)) => vec![format!("release-r-{}", stage + 1)],
                other => panic!("{other:?}"),
            };
            assert_eq!(served, said, "commit {seq}: {progress}");
            let last = progress["steps"].as_array().and_then(|steps| steps.last());
            let (taken_back, noted) = (
                last.is_some_and(|step| step["kind"] == "rolledBack"),
                last.is_some_and(|step| step["kind"] == "arrived"),
            );
            let other = self.ask("GET", &format!("/api/v1/flags/{OTHER}?at={seq}"), None).await;
            let off = other["environments"]["production"]["enabled"] != true;
            // When it is noted how long that took, somebody may have turned it on again.
            assert!(noted || off == taken_back, "commit {seq}: {other} {progress}");
            let steps = progress["steps"].as_array().cloned().unwrap_or_default();
            if let Some((last, earlier)) = steps.split_last() {
                // One more than before; the oldest of a long record go.
                let gone = before.len() - earlier.len();
                assert!(gone <= 1 && before.ends_with(earlier), "commit {seq}: {before:?} {progress}");
                story.push(last.clone());
            }
            before = steps;
        }
        let progress = self.progress().await;
        assert_eq!(progress["steps"].as_array().unwrap().last(), story.last());
        // Of one run after the other: each begins, goes on stage by stage, and ends once.
        let mut at = 0;
        for step in &story {
            let stage: u64 = step["stage"].as_str().unwrap()[1..].parse().unwrap();
            match step["kind"].as_str().unwrap() {
                "started" => assert_eq!(stage, 1),
                "promoted" => assert_eq!(stage, at + 1, "{progress}"),
                "completed" | "rolledBack" | "arrived" => assert_eq!(stage, at, "{progress}"),
                other => panic!("{other}: {progress}"),
            }
            at = stage;
        }
        let count = |kind: &str| story.iter().filter(|step| step["kind"] == kind).count();
        assert_eq!(count("started"), count("completed") + count("rolledBack"), "{progress}");
    }
}

fn rounds() -> u64 {
    std::env::var("USHER_RELEASE_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(2)
}

/// Anything from nothing to one stage, other in each round.
fn a_while(round: u64) -> Duration {
    Duration::from_millis(round * 397 % 1_300)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_alone_that_dies_goes_on_where_it_was() {
    let opinion = Opinion::start().await;
    let folder = tempfile::tempdir().unwrap();
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let start = || {
        let mut command = usher(["serve", "--output", "json", "--listen", &address.to_string(), "--data"]);
        Server::spawn(command.arg(folder.path()).env("USHER_ADMIN_TOKEN", ADMIN))
    };
    let mut server = start();
    support::fixtures::seed(&server);
    let all = Anybody(vec![server.url().to_owned()]);
    opinion.prepare(&all).await;
    for round in 0..rounds() {
        opinion.bad.store(false, Ordering::SeqCst);
        all.start().await;
        for stage in [1, 3] {
            all.becomes("a stage", |progress| progress["stage"].as_u64() >= Some(stage)).await;
            tokio::time::sleep(a_while(round + stage)).await;
            server.kill_nine();
            server = start();
        }
        if round % 2 == 0 {
            opinion.bad.store(true, Ordering::SeqCst);
            tokio::time::sleep(a_while(round)).await;
            server.kill_nine();
            server = start();
        }
        all.becomes("its end", |progress| {
            progress["status"] == "rolledBack" || progress["status"] == "completed"
        })
        .await;
    }
    all.tells_one_story().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_one_that_acts_dies_another_goes_on() {
    let opinion = Opinion::start().await;
    let redis = RedisServer::start();
    let mut nodes: Vec<Member> =
        ["node-0", "node-1", "node-2"].map(|name| Member::node(name, &redis.url(), "0")).into();
    let documents: Vec<Value> =
        support::fixtures::documents().into_iter().map(|document| json!({"put": document})).collect();
    nodes[0]
        .ask("POST", "/api/v1/commits", Some(&json!({"message": "Seed", "changes": documents})), None)
        .await
        .unwrap();
    fleet::level(&nodes).await;
    let all = Anybody(nodes.iter().map(|node| node.url().to_owned()).collect());
    opinion.prepare(&all).await;
    for round in 0..rounds() {
        opinion.bad.store(false, Ordering::SeqCst);
        all.start().await;
        all.becomes("its second stage", |progress| progress["stage"].as_u64() >= Some(1)).await;
        let harm = round % 2 == 0;
        opinion.bad.store(harm, Ordering::SeqCst);
        tokio::time::sleep(a_while(round)).await;
        let mut acting = None;
        for (n, node) in nodes.iter().enumerate() {
            let status = node.ask("GET", "/api/v1/releases/r/status", None, None).await.unwrap();
            if status["actsHere"] == true {
                acting = Some(n);
            }
        }
        // When it has been taken back in the meantime, nobody acts any more.
        if let Some(n) = acting {
            nodes[n].kill_nine();
            all.becomes("its end", |progress| {
                progress["status"] == "rolledBack" || progress["status"] == "completed"
            })
            .await;
            nodes[n].start_again();
        } else {
            assert!(harm, "somebody has to act");
        }
        fleet::level(&nodes).await;
    }
    all.tells_one_story().await;
}
