//! A server alone is killed without warning in the middle of a release: when it starts again, its guards go on with what
//! they had seen, count nothing twice, and do not say that all is well before something new was seen.

use std::{
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    time::{Duration, Instant},
};

use crate::support::{self, ADMIN, PATIENCE, Server, http, usher};
use serde_json::{Value, json};

const FLAG: &str = "new-checkout";

/// A server that can be killed, with a release that runs, and a program that counts for it.
struct Story {
    folder: tempfile::TempDir,
    address: SocketAddr,
    server: Server,
    key: String,
}

fn start(folder: &tempfile::TempDir, address: SocketAddr) -> Server {
    let mut command = usher(["serve", "--output", "json", "--listen", &address.to_string(), "--data"]);
    Server::spawn(command.arg(folder.path()).env("USHER_ADMIN_TOKEN", ADMIN))
}

impl Story {
    async fn begin() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let server = start(&folder, address);
        support::fixtures::seed(&server);
        let mut own = Self { folder, address, server, key: String::new() };
        let key = json!({"name": "counter", "type": "server", "environment": "production"});
        own.key = own.ask("POST", "/api/v1/keys", Some(&key)).await["secret"].as_str().unwrap().to_owned();
        let plan = json!({"key": "r", "flag": FLAG, "environment": "production", "variant": "on", "control": "off",
            "lookEvery": "1s", "stages": [{"name": "half", "percent": 50, "bake": "1h"}],
            "guards": [{"name": "checkout", "check": {"failures": {"metric": "checkout"}}, "minimumSample": 100}]});
        own.ask("PUT", "/api/v1/releases/r", Some(&plan)).await;
        own.ask("POST", "/api/v1/releases/r/start", Some(&json!({}))).await;
        own.becomes("early").await;
        own
    }

    fn evidence(&self) -> PathBuf {
        self.folder.path().join("evidence.json")
    }

    async fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        self.ask_as(ADMIN, method, path, body).await
    }

    async fn ask_as(&self, token: &str, method: &str, path: &str, body: Option<&Value>) -> Value {
        let request = http().request(method.parse().unwrap(), format!("http://{}{path}", self.address));
        let request = request.bearer_auth(token);
        let request = if let Some(body) = body { request.json(body) } else { request };
        let answer = request.send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{method} {path}: {status} {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Counts what makes one suspect the variant, and twice that what convicts it. Whether it counted.
    async fn count(&self, batch: &str) -> bool {
        let metric = |variant: &str, failed: u64, count: u64| {
            json!({"metric": "checkout", "venue": "anfield", "flag": FLAG,
            "variant": variant, "count": count, "failed": failed, "sum": 0.0})
        };
        let batch = json!({"batch": batch, "metrics": [metric("on", 16, 200), metric("off", 10, 400)]});
        self.ask_as(&self.key, "POST", "/sdk/v1/events", Some(&batch)).await["replayed"] == false
    }

    async fn status(&self) -> Value {
        self.ask("GET", "/api/v1/releases/r/status", None).await
    }

    /// Waits until the guard is so, and gives back what it says.
    async fn becomes(&self, state: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let status = self.status().await;
            let guard = &status["guards"][0];
            if guard["state"] == state {
                assert_eq!(status["status"], "running", "{status}");
                return guard["detail"].as_str().unwrap().to_owned();
            }
            assert!(Instant::now() < end, "the guard never became {state}: {status}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until what was counted is on the disk.
    async fn is_kept(&self) {
        let end = Instant::now() + PATIENCE;
        while !std::fs::read_to_string(self.evidence()).is_ok_and(|text| text.contains(r#""total":200"#)) {
            assert!(Instant::now() < end, "it was never kept");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_decision_comes_with_the_evidence_from_before() {
    let mut story = Story::begin().await;
    assert!(story.count("a").await);
    story.becomes("well").await;
    story.is_kept().await;
    story.server.kill_nine();
    story.server = start(&story.folder, story.address);
    let said = story.becomes("unknown").await;
    assert!(said.contains("nothing was seen since it is watched again"), "{said}");
    assert!(
        !story.count("a").await,
        "a batch that is sent again, for its answer was lost, is not counted again"
    );
    let waits = story.status().await["reasons"].to_string();
    assert!(waits.contains("nobody watched for"), "{waits}");
    assert!(story.count("b").await);
    let end = Instant::now() + PATIENCE;
    let release = loop {
        let release = story.ask("GET", "/api/v1/releases/r", None).await;
        if release["progress"]["status"] == "rolledBack" {
            break release;
        }
        assert!(Instant::now() < end, "it was never taken back: {release}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let steps = release["progress"]["steps"].to_string();
    assert!(steps.contains("failed 8.00 % of 400 times"), "before and after together, each once: {steps}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_damaged_is_discarded_and_guards_begin_anew() {
    let mut story = Story::begin().await;
    assert!(story.count("a").await);
    story.becomes("well").await;
    story.is_kept().await;
    let path = story.evidence();
    story.server.kill_nine();
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, &text[..text.len() / 2]).unwrap();
    story.server = start(&story.folder, story.address);
    story.becomes("early").await;
    assert!(story.server.said().contains("is discarded"), "{}", story.server.said());
    let waits = story.status().await["reasons"].to_string();
    assert!(waits.contains("nobody watched for"), "how long it went well is not known: {waits}");
    assert!(story.count("b").await);
    let said = story.becomes("well").await;
    assert!(said.contains("of 200 times with the variant"), "the same alone convicts nobody: {said}");
}
