//! A Redis that is spoken to over TLS: with an authority that is trusted, and only then.

use std::{path::Path, process::Command};

use crate::support::{self, fleet::Member, run, usher};
use serde_json::json;
use usher_testkit::{authority::Authority, redis::RedisServer};

/// Lets a process trust this authority alone, as machines are told.
fn trust(command: &mut Command, certificate: &Path) {
    command.env("SSL_CERT_FILE", certificate).env_remove("SSL_CERT_DIR");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_is_kept_over_tls() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (authority, stranger) = (Authority::new(folder.path()), Authority::new(elsewhere.path()));
    let redis = RedisServer::start_over_tls(&authority);
    let url = redis.url();
    assert!(url.starts_with("rediss://"), "{url}");

    let trusted = authority.certificate.clone();
    let node = Member::node_with("node-0", &url, "0", move |command| trust(command, &trusted));
    let flag = support::fleet::beacon("over TLS");
    node.ask("PUT", "/api/v1/flags/beacon?message=m", Some(&flag), None).await.unwrap();
    let found = node.ask("GET", "/api/v1/flags/beacon", None, None).await.unwrap();
    assert_eq!(found["variants"], json!({"now": "over TLS"}));

    let verify = |certificate: &Path| {
        let mut command = usher(["journal", "verify", "--redis", &url]);
        trust(&mut command, certificate);
        run(&mut command)
    };
    verify(&authority.certificate).ok().says(&["clean: "]);
    verify(&stranger.certificate).fails(1, &["invalid peer certificate"]);
}
