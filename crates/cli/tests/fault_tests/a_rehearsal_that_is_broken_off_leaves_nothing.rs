//! A server is killed without warning while it rehearses a release: when it starts again, the environment for rehearsals
//! is as it was, and the release can be rehearsed anew.

use std::{net::TcpListener, time::Instant};

use crate::support::{self, ADMIN, PATIENCE, Server, http, usher};
use serde_json::{Value, json};

const FLAG: &str = "/api/v1/flags/new-checkout";
const RELEASE: &str = "/api/v1/releases/r";

async fn ask(url: &str, method: &str, path: &str, body: Option<&Value>) -> Value {
    let request = http().request(method.parse().unwrap(), format!("{url}{path}")).bearer_auth(ADMIN);
    let request = if let Some(body) = body { request.json(body) } else { request };
    let answer = request.send().await.unwrap();
    let status = answer.status();
    let text = answer.text().await.unwrap();
    assert!(status.is_success(), "{method} {path}: {status} {text}");
    serde_json::from_str(&text).unwrap()
}

async fn becomes(url: &str, what: &str, holds: impl Fn(&Value, &Value) -> bool) {
    let end = Instant::now() + PATIENCE;
    loop {
        let (release, flag) = (ask(url, "GET", RELEASE, None).await, ask(url, "GET", FLAG, None).await);
        if holds(&release, &flag) {
            return;
        }
        assert!(Instant::now() < end, "it never came to {what}: {release} {flag}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_there_is_there_again() {
    let folder = tempfile::tempdir().unwrap();
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let start = || {
        let mut command = usher(["serve", "--output", "json", "--listen", &address.to_string(), "--data"]);
        Server::spawn(command.arg(folder.path()).env("USHER_ADMIN_TOKEN", ADMIN))
    };
    let mut server = start();
    support::fixtures::seed(&server);
    let url = server.url().to_owned();
    let environment = json!({"key": "stage", "name": "Rehearsals", "rehearsal": true});
    ask(&url, "PUT", "/api/v1/environments/stage", Some(&environment)).await;
    let mut flag = ask(&url, "GET", FLAG, None).await;
    flag["environments"]["stage"] =
        json!({"enabled": false, "offVariant": "off", "default": {"variant": "off"}});
    let before = ask(&url, "PUT", FLAG, Some(&flag)).await["document"]["environments"].clone();
    let stages: Vec<Value> = (1..=8).map(|n| json!({"name": format!("s{n}"), "percent": 10 * n})).collect();
    let plan = json!({"key": "r", "flag": "new-checkout", "environment": "production", "variant": "on",
        "control": "off", "stages": stages});
    ask(&url, "PUT", RELEASE, Some(&plan)).await;
    let body = json!({"environment": "stage"});
    for _ in 0..2 {
        let (asked, body) = (url.clone(), body.clone());
        // Nobody answers it: whoever could is killed.
        tokio::spawn(async move {
            let request = http().post(format!("{asked}{RELEASE}/rehearse")).bearer_auth(ADMIN).json(&body);
            drop(request.send().await);
        });
        becomes(&url, "a rehearsal", |release, flag| {
            release.get("rehearsing").is_some() && flag["environments"] != before
        })
        .await;
        server.kill_nine();
        server = start();
        becomes(&url, "what it was", |release, flag| {
            release.get("rehearsing").is_none() && flag["environments"] == before
        })
        .await;
        let release = ask(&url, "GET", RELEASE, None).await;
        assert_eq!(release.get("rehearsals"), None, "what was broken off proves nothing: {release}");
    }
    let ran = ask(&url, "POST", &format!("{RELEASE}/rehearse"), Some(&body)).await;
    assert_eq!(ran["rehearsal"]["steps"].as_array().unwrap().len(), 9, "{ran}");
    assert_eq!(ask(&url, "GET", FLAG, None).await["environments"], before);
}
