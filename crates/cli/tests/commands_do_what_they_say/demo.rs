//! `usher serve --demo`.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Server, eventually, http, run, usher};

const DEVICES: u64 = 20;

fn start(folder: &Path) -> Server {
    let mut command = Server::command(folder);
    Server::spawn(command.args(["--demo", "--devices", &DEVICES.to_string()]))
}

/// The API as the one who signed in by what the demo printed.
struct Visitor {
    http: reqwest::Client,
    url: String,
    cookie: String,
}

impl Visitor {
    async fn sign_in(server: &Server) -> Self {
        let (http, url) = (http(), server.url().to_owned());
        let body = json!({"email": server.ready["email"], "password": server.ready["password"]});
        let answer = http.post(format!("{url}/api/v1/session")).header("Origin", &url).json(&body).send();
        let answer = answer.await.unwrap().error_for_status().unwrap();
        let cookie = answer.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
        Self { http, url, cookie }
    }

    async fn get(&self, path: &str) -> Value {
        let request = self.http.get(format!("{}{path}", self.url)).header("Cookie", &self.cookie);
        request.send().await.unwrap().error_for_status().unwrap().json().await.unwrap()
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let request = self.http.post(format!("{}{path}", self.url)).header("Cookie", &self.cookie);
        let request = request.header("Origin", &self.url).json(body);
        request.send().await.unwrap().error_for_status().unwrap().json().await.unwrap()
    }

    /// Waits until an answer has what is looked for.
    async fn until(&self, path: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let end = std::time::Instant::now() + crate::support::PATIENCE;
        loop {
            let answer = self.get(path).await;
            if holds(&answer) {
                return answer;
            }
            assert!(std::time::Instant::now() < end, "it never came about: {answer}");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
}

/// The process of the devices that a server started.
fn devices_of(server: &Server) -> Option<u32> {
    // Any thread may have started it.
    let tasks = std::fs::read_dir(format!("/proc/{}/task", server.id())).ok()?;
    let lists = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("children")).ok());
    let all: Vec<u32> = lists
        .flat_map(|list| list.split_whitespace().map(|id| id.parse().unwrap()).collect::<Vec<_>>())
        .collect();
    assert!(all.len() <= 1, "{all:?}");
    all.first().copied()
}

fn is_running(process: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"));
    // One that has ended and waits for somebody to ask how is not running.
    stat.is_ok_and(|stat| !stat.rsplit(')').next().is_some_and(|rest| rest.starts_with(" Z")))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demo_is_alive_and_a_kill_reaches_every_device() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path());
    for (field, start) in [
        ("url", "http://"),
        ("email", "demo@"),
        ("password", ""),
        ("serverKey", "usk_"),
        ("clientKey", "uck_"),
    ] {
        let text = server.ready[field].as_str().unwrap_or_else(|| panic!("no {field}"));
        assert!(text.starts_with(start) && text.len() > start.len(), "{field}");
    }
    let visitor = Visitor::sign_in(&server).await;
    let workspace = visitor.until("/api/v1/workspace", |answer| answer["connections"] == DEVICES).await;
    assert!(workspace["counts"]["flags"].as_u64() > Some(5), "{workspace}");
    assert_eq!(workspace["counts"]["venues"], 2_188, "{workspace}");

    let kill = "/api/v1/flags/resale-guard/environments/production/kill";
    let killed = visitor.post(kill, &json!({"venues": ["wembley-stadium"]})).await;
    let path = format!("/api/v1/convergence?seq={}", killed["seq"]);
    let all = |progress: &Value| {
        progress["expected"].as_u64() > Some(0) && progress["converged"] == progress["expected"]
    };
    let report = visitor.until(&path, |report| all(report)).await;
    let venues = report["venues"].as_array().unwrap();
    let wembley = venues.iter().find(|venue| venue["venue"] == "wembley-stadium").unwrap();
    assert!(all(wembley), "{report}");
    for key in ["serverKey", "clientKey"] {
        let ruleset = visitor.http.get(format!("{}/sdk/v1/ruleset", visitor.url));
        let status = ruleset.bearer_auth(server.ready[key].as_str().unwrap()).send().await.unwrap().status();
        assert_eq!(status.is_success(), key == "serverKey", "a client key never reads rules");
    }
}

#[test]
fn the_devices_end_with_their_server_however_it_ends() {
    for kill in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let server = start(folder.path());
        let devices = eventually("the devices start", || devices_of(&server));
        assert!(is_running(devices));
        if kill {
            server.kill_nine();
        } else {
            assert_eq!(server.stop().0.code(), Some(0));
        }
        eventually("the devices end", || (!is_running(devices)).then_some(()));
    }
}

#[test]
fn a_demo_keeps_its_workspace_and_gives_new_keys() {
    let folder = tempfile::tempdir().unwrap();
    let first = start(folder.path());
    let keys = first.ready.clone();
    first.stop();
    let second = start(folder.path());
    for field in ["password", "serverKey", "clientKey"] {
        assert_ne!(second.ready[field], keys[field], "{field}");
    }
}

#[test]
fn a_demo_that_is_not_told_where_to_stay_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let mut command =
        usher(["serve", "--demo", "--devices", "1", "--listen", "127.0.0.1:0", "--output", "json"]);
    let server = Server::spawn(command.env("TMPDIR", folder.path()));
    assert_eq!(folder.path().read_dir().unwrap().count(), 1);
    assert_eq!(server.stop().0.code(), Some(0));
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}

#[test]
fn devices_are_for_the_demo_only() {
    run(&mut usher(["serve", "--devices", "5"])).fails(2, &["--demo"]);
}
