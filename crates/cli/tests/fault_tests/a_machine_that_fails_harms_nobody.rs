//! A disk that is full and a clock that jumps: nothing acknowledged is lost, flags are read as before, and what can't
//! be done is told.

use std::{process::Command, time::Duration};

use crate::support::{
    self, ADMIN, PATIENCE, Server,
    fleet::{self, Member, Reader},
    http, run, usher,
};
use serde_json::{Value, json};
use usher_testkit::redis::RedisServer;

/// Writes a flag, which is taken.
async fn written(url: &str, flag: &Value) {
    let (status, answer) = write(url, flag).await;
    assert!(matches!(status, 200 | 201), "{status} {answer}");
}

/// Writes a flag; the status of the answer and its body.
async fn write(url: &str, flag: &Value) -> (u16, Value) {
    let path = format!("{url}/api/v1/flags/{}?message=m", flag["key"].as_str().unwrap());
    let request = http().put(path).bearer_auth(ADMIN).header("Content-Type", "application/json");
    let answer = request.body(flag.to_string()).timeout(PATIENCE).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

/// A flag that takes so many bytes.
fn large(key: &str, bytes: usize) -> Value {
    let mut flag = fleet::beacon(&"x".repeat(bytes));
    flag["key"] = key.into();
    flag
}

/// A command that may write no file beyond so many KiB, which stands in for a full disk: it needs no rights and no
/// disk.
fn limited(command: &Command, kib: u32) -> Command {
    // Its unit is 512 bytes.
    let script = format!("ulimit -f $(({kib} * 2)); trap '' XFSZ; exec \"$0\" \"$@\"");
    let mut limited = Command::new("sh");
    limited.args(["-c", &script]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    limited
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_on_a_full_disk_refuses_changes_clearly_and_goes_on_reading() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::spawn(&mut limited(&Server::command(folder.path()), 2_048));
    let url = server.url().to_owned();
    written(&url, &fleet::beacon("before")).await;
    let readers = Reader::both_of("the server", &url, &server.key("server"), &server.key("client"));
    for reader in &readers {
        reader.sees("before").await;
    }
    let mut acknowledged = 0;
    let refusal = loop {
        match write(&url, &large(&format!("large-{acknowledged}"), 50_000)).await {
            (200 | 201, _) => acknowledged += 1,
            refused => break refused,
        }
        assert!(acknowledged < 200, "the disk never fills");
    };
    assert_eq!((refusal.0, &refusal.1["code"]), (503, &json!("journal_unavailable")), "{}", refusal.1);
    for reader in &readers {
        reader.sees("before").await;
    }
    let listed = run(&mut server.usher(&["flag", "ls", "--output", "json"])).expect(0);
    assert!(listed.stdout.contains(&format!("large-{}", acknowledged - 1)));
    server.kill_nine();

    // There is room again.
    let server = Server::start_in(folder.path());
    server.run(&["journal", "verify"]).ok().says(&["clean: "]);
    let listed = run(&mut server.usher(&["flag", "ls", "--output", "json"])).expect(0).json();
    assert_eq!(listed.as_array().unwrap().len(), acknowledged + 1, "what was acknowledged, and no more");
    written(server.url(), &fleet::beacon("after")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edge_on_a_full_disk_goes_on_without_a_copy_there_and_says_so() {
    let server = Server::start();
    let url = server.url().to_owned();
    written(&url, &fleet::beacon("before")).await;
    let (server_key, client_key) = (server.key("server"), server.key("client"));
    let folder = tempfile::tempdir().unwrap();
    let mut command = usher(["edge", "--output", "json", "--listen", "127.0.0.1:0", "--upstream", &url]);
    command.arg("--data").arg(folder.path()).env("USHER_EDGE_KEYS", &server_key);
    let edge = Server::spawn(&mut limited(&command, 64));
    let readers = Reader::both_of("the edge", edge.url(), &server_key, &client_key);
    for reader in &readers {
        reader.sees("before").await;
    }
    written(&url, &large("large", 100_000)).await;
    written(&url, &fleet::beacon("after")).await;
    for reader in &readers {
        reader.sees("after").await;
    }
    support::eventually("it says that it can't keep a copy", || {
        edge.said().contains("can't be written").then_some(())
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_stops_when_the_clock_jumps() {
    let redis = RedisServer::start();
    let folder = tempfile::tempdir().unwrap();
    let clock = folder.path().join("clock");
    std::fs::write(&clock, "+0").unwrap();
    let node = Member::off_time("node-0", &redis.url(), &clock);
    let documents: Vec<Value> =
        support::fixtures::documents().into_iter().map(|document| json!({"put": document})).collect();
    let ask = async |method: &str, path: &str, body: Value| {
        node.ask(method, path, Some(&body), None).await.unwrap_or_else(|| panic!("{method} {path}"))
    };
    ask("POST", "/api/v1/commits", json!({"message": "Seed", "changes": documents})).await;
    // With the clock an hour on, its minute would be over.
    let plan = json!({"key": "r", "flag": "new-checkout", "environment": "production", "variant": "on",
        "control": "off", "lookEvery": "1s", "stages": [{"name": "one", "percent": 5, "bake": "1m"}, {"name": "all"}]});
    ask("PUT", "/api/v1/releases/r", plan).await;
    ask("POST", "/api/v1/releases/r/start", json!({})).await;
    for offset in ["+3600", "+0"] {
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        std::fs::write(&clock, offset).unwrap();
        let end = tokio::time::Instant::now() + PATIENCE;
        let progress = loop {
            let progress = ask("GET", "/api/v1/releases/r", json!({})).await["progress"].clone();
            if progress["status"] == "paused" {
                break progress;
            }
            assert!(tokio::time::Instant::now() < end, "at {offset} it goes on: {progress}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        assert_eq!(progress["stage"], 0, "{progress}");
        let steps = progress["steps"].as_array().unwrap();
        let why = steps.last().unwrap()["reasons"].to_string();
        assert!(why.contains("clock jumped"), "{progress}");
        ask("POST", "/api/v1/releases/r/resume", json!({})).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_an_hour_takes_nothing_back_and_nobody_away() {
    let redis = RedisServer::start();
    let folder = tempfile::tempdir().unwrap();
    let clock = folder.path().join("clock");
    let jump = |offset: &str| std::fs::write(&clock, offset).unwrap();
    jump("+0");
    let wrong = Member::off_time("node-0", &redis.url(), &clock);
    let right = Member::node("node-1", &redis.url(), "0");
    written(wrong.url(), &fleet::beacon("start")).await;
    let (server_key, client_key) = (wrong.key("server").await, wrong.key("client").await);
    let edge = Member::edge("edge-0", wrong.url(), &server_key);
    let readers: Vec<Reader> = [&wrong, &right, &edge]
        .iter()
        .flat_map(|member| Reader::both(member, &server_key, &client_key))
        .collect();
    let nodes = [wrong, right];
    for (n, offset) in ["+0", "+3600", "-3600", "+3600", "+0"].into_iter().enumerate() {
        jump(offset);
        for (m, node) in nodes.iter().enumerate() {
            let text = format!("{n}-{m} at {offset}");
            written(node.url(), &fleet::beacon(&text)).await;
            for reader in &readers {
                reader.sees(&text).await;
            }
        }
        // Long enough for a heartbeat or two.
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        for reader in &readers {
            assert!(reader.is_live(), "{reader:?} at {offset}");
        }
    }
    fleet::level(&nodes).await;
    run(&mut usher(["journal", "verify", "--redis", &redis.url()])).ok().says(&["clean: "]);
    let page = nodes[1].ask("GET", "/api/v1/commits?limit=500", None, None).await.unwrap();
    let times: Vec<&str> =
        page["items"].as_array().unwrap().iter().map(|item| item["at"].as_str().unwrap()).collect();
    assert!(times.is_sorted_by(|newer, older| newer >= older), "time goes back in the log: {times:?}");
}
