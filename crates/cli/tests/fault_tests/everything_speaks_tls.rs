//! A server and an edge that end TLS themselves, with devices (the SDK), an edge's streams and the command line as their
//! clients: with an authority that is trusted, and only then.

use std::{path::Path, process::Command, time::Instant};

use serde_json::Value;
use usher_testkit::authority::Authority;

use crate::support::{ADMIN, PATIENCE, Server, run, usher};

const DEVICES: u64 = 3;

/// Lets a process trust this authority alone, as machines are told.
fn trust<'a>(command: &'a mut Command, certificate: &Path) -> &'a mut Command {
    command.env("SSL_CERT_FILE", certificate).env_remove("SSL_CERT_DIR")
}

/// Waits until an answer has what is looked for.
async fn until(http: &reqwest::Client, url: &str, holds: impl Fn(&Value) -> bool) {
    let end = Instant::now() + PATIENCE;
    loop {
        let answer = http.get(url).bearer_auth(ADMIN).send().await.unwrap().json::<Value>().await.unwrap();
        if holds(&answer) {
            return;
        }
        assert!(Instant::now() < end, "it never came about: {answer}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_speaks_tls() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (authority, stranger) = (Authority::new(folder.path()), Authority::new(elsewhere.path()));
    let inside = |command: &mut Command| {
        let command = trust(command, &authority.certificate);
        command.arg("--tls-certificate").arg(&authority.server).arg("--tls-key").arg(&authority.key);
    };
    let mut command = Server::command(&folder.path().join("server"));
    inside(command.args(["--demo", "--devices", &DEVICES.to_string()]));
    let server = Server::spawn(&mut command);
    assert!(server.url().starts_with("https://"), "{}", server.url());

    drop(rustls::crypto::ring::default_provider().install_default());
    let trusted = reqwest::Certificate::from_pem(&std::fs::read(&authority.certificate).unwrap()).unwrap();
    let http = reqwest::Client::builder().tls_certs_only([trusted]).build().unwrap();
    let workspace = format!("{}/api/v1/workspace", server.url());
    until(&http, &workspace, |answer| answer["connections"] == DEVICES).await;

    let mut command = usher(["edge", "--listen", "127.0.0.1:0", "--output", "json"]);
    command.args(["--upstream", server.url(), "--key", server.ready["serverKey"].as_str().unwrap()]);
    inside(command.arg("--data").arg(folder.path().join("edge")));
    let edge = Server::spawn(&mut command);
    assert!(edge.url().starts_with("https://"), "{}", edge.url());
    until(&http, &format!("{}/readyz", edge.url()), |answer| answer["status"] == "ready").await;

    let list = |certificate: &Path| run(trust(&mut server.usher(&["flag", "ls"]), certificate));
    list(&authority.certificate).ok().says(&["resale-guard"]);
    list(&stranger.certificate).fails(4, &[]);
}
