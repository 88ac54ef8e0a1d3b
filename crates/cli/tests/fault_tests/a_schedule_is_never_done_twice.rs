//! Servers are killed without warning around the time of a schedule: it is done once, whole, by whoever is there, or by
//! the next start.

use std::{net::TcpListener, time::Duration};

use crate::support::{self, ADMIN, Server, eventually, fleet::Member, http, usher};
use serde_json::{Value, json};
use usher_core::model::Timestamp;
use usher_testkit::redis::RedisServer;

const FLAG: &str = "new-checkout";

fn soon(millis: i64) -> Timestamp {
    Timestamp::from_millis(usher_server::now().millis() + millis)
}

/// Turns the flag off, and gives Anfield its on variant: half of it would be seen.
fn schedule(at: Timestamp) -> Value {
    let own = |more: Value| {
        let mut own = json!({"flag": FLAG, "environment": "production"});
        own.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        own
    };
    let venues = json!({"venues": ["anfield"]});
    json!({"key": "s", "at": at, "plays": [{"off": own(json!({}))}, {"on": own(venues)},
        {"kill": {"flag": "resale-guard", "environment": "production"}}]})
}

async fn ask(url: &str, method: &str, path: &str, body: Option<&Value>) -> Option<Value> {
    let request = http().request(method.parse().unwrap(), format!("{url}{path}"));
    let mut request = request.bearer_auth(ADMIN).timeout(Duration::from_secs(5));
    if let Some(body) = body {
        request = request.json(body);
    }
    let answer = request.send().await.ok()?;
    let status = answer.status();
    assert!(!status.is_client_error(), "{method} {path}: {status} {:?}", answer.text().await);
    status.is_success().then_some(())?;
    answer.json().await.ok()
}

/// Waits until it is done, and reads in the journal that it was done once, in one commit.
async fn done_once(urls: &[&str]) {
    let end = std::time::Instant::now() + support::PATIENCE;
    let (url, outcome) = 'done: loop {
        for url in urls {
            if let Some(own) = ask(url, "GET", "/api/v1/schedules/s", None).await
                && own.get("outcome").is_some()
            {
                break 'done (url, own["outcome"].clone());
            }
        }
        assert!(std::time::Instant::now() < end, "it was never done");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(outcome["result"], "done", "{outcome}");
    // Long enough for whoever would do it once more.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let history = ask(url, "GET", "/api/v1/commits?kind=schedule&key=s", None).await.unwrap();
    let commits = history["items"].as_array().unwrap();
    assert_eq!(commits.len(), 2, "made, and done: {history}");
    assert_eq!(commits[0]["seq"], outcome["commit"]);
    let keys: Vec<&str> = commits[0]["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| change["key"].as_str().unwrap())
        .collect();
    assert_eq!(keys, [FLAG, "resale-guard", "s"], "{history}");
    let flag = ask(url, "GET", &format!("/api/v1/flags/{FLAG}"), None).await.unwrap();
    let config = &flag["environments"]["production"];
    assert_eq!((&config["enabled"], &config["venues"]["anfield"]), (&json!(false), &json!("on")), "{config}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_was_due_while_the_server_was_dead_is_done_once_when_it_comes_back() {
    for wait in [0, 300, 600] {
        let folder = tempfile::tempdir().unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let start = || {
            let mut command =
                usher(["serve", "--output", "json", "--listen", &address.to_string(), "--data"]);
            Server::spawn(command.arg(folder.path()).env("USHER_ADMIN_TOKEN", ADMIN))
        };
        let mut server = start();
        support::fixtures::seed(&server);
        let url = server.url().to_owned();
        let due = soon(500);
        ask(&url, "PUT", "/api/v1/schedules/s", Some(&schedule(due))).await.unwrap();
        // Before, about and after its time.
        tokio::time::sleep(Duration::from_millis(wait)).await;
        server.kill_nine();
        eventually("its time", || (usher_server::now() > due).then_some(()));
        server = start();
        done_once(&[&url]).await;
        server.kill_nine();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_servers_one_does_it_whoever_dies() {
    let redis = RedisServer::start();
    let mut nodes: Vec<Member> =
        ["node-0", "node-1", "node-2"].map(|name| Member::node(name, &redis.url(), "0")).into();
    let documents: Vec<Value> =
        support::fixtures::documents().into_iter().map(|document| json!({"put": document})).collect();
    let seed = json!({"message": "Seed", "changes": documents});
    ask(nodes[0].url(), "POST", "/api/v1/commits", Some(&seed)).await.unwrap();
    let due = soon(1_500);
    ask(nodes[0].url(), "PUT", "/api/v1/schedules/s", Some(&schedule(due))).await.unwrap();
    nodes[0].kill_nine();
    nodes[1].kill_nine();
    nodes[1].start_again();
    let urls: Vec<&str> = nodes[1..].iter().map(Member::url).collect();
    done_once(&urls).await;
}
